package simd

import (
	"flag"
	"fmt"
	"math"
	"math/big"
	"math/rand/v2"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/tare-go/tare/dtype"
	"github.com/tare-go/tare/internal/op"
)

var writeULP = flag.Bool("ulp.write", false, "measure on many more operands, and write docs/ulp.md")

// worst is the largest error found, in units in the last place, and where.
type worst struct {
	ulp     float64
	at      []float64
	samples int
}

// ulpOf is the distance between floats of the type around ref.
func ulpOf(t dtype.DType, ref *big.Float) *big.Float {
	digits, least := 53, -1074
	if t == dtype.Float32 {
		digits, least = 24, -149
	}
	return new(big.Float).SetMantExp(big.NewFloat(1), max(ref.MantExp(nil)-digits, least))
}

// ulpError is how far got is from ref. Overflow is right where ref rounds to infinity.
func ulpError(t dtype.DType, got float64, ref *big.Float) float64 {
	rounded, _ := ref.Float64()
	if t == dtype.Float32 {
		single, _ := ref.Float32()
		rounded = float64(single)
	}
	switch {
	case got == rounded:
		if math.IsInf(got, 0) {
			return 0
		}
	case math.IsInf(got, 0) || math.IsNaN(got):
		return math.Inf(1)
	}
	d := new(big.Float).Sub(big.NewFloat(got), ref)
	e, _ := d.Quo(d, ulpOf(t, ref)).Float64()
	return math.Abs(e)
}

// operandsFor draws operands: by turns evenly from the domain, evenly by exponent, near 1, and around 0.
func operandsFor(c op.Code, t dtype.DType, r *rand.Rand) []float64 {
	x := make([]float64, c.Row().Arity)
	for k := range x {
		in := op.Interval{Low: math.Inf(-1), High: math.Inf(1)}
		if d := c.Row().Domain; d != nil {
			in = d[k]
		}
		x[k] = draw(in, t, r)
	}
	if c == op.Power && r.IntN(2) == 0 { // a result that neither overflows nor vanishes
		x[1] = (r.Float64()*2 - 1) * 745 / math.Log(x[0])
	}
	for k := range x {
		if t == dtype.Float32 {
			x[k] = float64(float32(x[k]))
		}
	}
	return x
}

func draw(in op.Interval, t dtype.DType, r *rand.Rand) float64 {
	low, high := max(in.Low, -1e4), min(in.High, 1e4)
	for {
		var v float64
		switch r.IntN(5) {
		case 0:
			v = low + r.Float64()*(high-low)
		case 1:
			v = 1 + r.NormFloat64()*math.Ldexp(1, -r.IntN(30))
		case 2, 3:
			v = r.NormFloat64()
		default:
			v = math.Float64frombits(r.Uint64())
			if t == dtype.Float32 {
				v = float64(math.Float32frombits(r.Uint32()))
			}
		}
		if v > in.Low && v < in.High && !(t == dtype.Float32 && math.IsInf(float64(float32(v)), 0)) {
			return v
		}
	}
}

// measure runs the kernel on n samples, 1,000 a call.
func measure(c op.Code, t dtype.DType, n int, r *rand.Rand) worst {
	w := worst{samples: n}
	row := c.Row()
	loop := []dtype.DType{t, t}[:row.Arity]
	f := Kernel(c, loop)
	const batch = 1000
	for range n / batch {
		in := make([][]float64, batch)
		args := [2]vector{newVector(t, batch), newVector(t, batch)}
		for i := range in {
			in[i] = operandsFor(c, t, r)
			for k, x := range in[i] {
				args[k].set(i, op.BitsOf(t, x))
			}
		}
		dst := newVector(t, batch)
		f(dst.pointer(), args[0].pointer(), args[1].pointer(), nil, batch)
		for i, x := range in {
			if e := ulpError(t, floatOf(t, dst.at(i)), reference(row, x)); e > w.ulp || math.IsNaN(e) {
				w.ulp, w.at = e, x
			}
		}
	}
	return w
}

func floatOf(t dtype.DType, bits uint64) float64 {
	if t == dtype.Float32 {
		return float64(math.Float32frombits(uint32(bits)))
	}
	return math.Float64frombits(bits)
}

// reference is the row's meaning with many digits.
func reference(row *op.Row, x []float64) *big.Float {
	args := make([]*big.Float, len(x))
	for k, v := range x {
		args[k] = new(big.Float).SetPrec(256).SetFloat64(v)
	}
	return row.Big(args...)
}

// TestErrorBounds measures the operators that round more than once, and holds them to their rows'
// bounds. With -ulp.write it writes the table of docs/ulp.md.
func TestErrorBounds(t *testing.T) {
	n := 2_000
	if *writeULP {
		n = 100_000
	}
	var table strings.Builder
	for c := range op.Code(op.Count) {
		row := c.Row()
		if row.Big == nil {
			assert.Zero(t, max(row.ULP32, row.ULP64), "%v has a bound but no reference", c)
			continue
		}
		r := rand.New(rand.NewPCG(uint64(c), 5))
		w32, w64 := measure(c, dtype.Float32, n, r), measure(c, dtype.Float64, n, r)
		assert.LessOrEqual(t, w32.ulp, row.ULP32, "%v of float32 %v", c, w32.at)
		assert.LessOrEqual(t, w64.ulp, row.ULP64, "%v of float64 %v", c, w64.at)
		t.Logf("%-10v float32 %.4f at %v, float64 %.4f at %v", c, w32.ulp, w32.at, w64.ulp, w64.at)
		fmt.Fprintf(&table, "| %v | %.3f | %g | %.3f | %g |\n", c, w32.ulp, row.ULP32, w64.ulp, row.ULP64)
	}
	if *writeULP {
		require.NoError(t, os.WriteFile("../../docs/ulp.md", fmt.Appendf(nil, ulpDoc, n, table.String()), 0o644))
	}
}

const ulpDoc = `# Accuracy

Errors in units in the last place (ULP), the largest found on %d random operands for each function
and type, against more than 150 correct bits. Operands are drawn by turns evenly from the function's
domain, evenly by exponent, near 1, and around 0; results below the normal numbers count in units of the
smallest. Every device and level of vector instructions gives the same bits, so one table serves all.
Operators that are not listed are correctly rounded, or exact. The table is written by
"go test ./kernels/simd -run TestErrorBounds -ulp.write", and every test run holds the functions to
their bounds on fewer operands. [ulp-float32.md](ulp-float32.md) has float32 alone, on many more.

| function | float32 measured | float32 bound | float64 measured | float64 bound |
|---|---|---|---|---|
%s
`
