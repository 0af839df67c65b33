package op

import (
	"bufio"
	"encoding/binary"
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/tare-go/tare/dtype"
	"github.com/tare-go/tare/internal/golden"
)

// NumPy's values: integers with overflow and division by zero, floats with NaN, infinities, signed
// zeros and subnormals on 17×17 grids.
func TestValuesAreNumPys(t *testing.T) {
	replayed := 0
	for _, file := range []string{"int.jsonl", "nan.jsonl"} {
		for _, c := range golden.Cases(t, file) {
			code, ok := Lookup(c.F)
			if !ok || len(c.K) > 0 || len(c.Lacks()) > 0 || len(c.A) != code.Row().Arity {
				continue
			}
			if replay(t, c, code) {
				replayed++
			}
		}
	}
	t.Logf("%d cases", replayed)
	assert.NotZero(t, replayed)
}

// replay computes a case element by element: operands are cast to the loop, then the body. It
// reports whether the case's operands are such that it can.
func replay(t *testing.T, c golden.Case, code Code) bool {
	arrays, args := arraysOf(c.A)
	if arrays == nil {
		return false
	}
	types, out, err := code.Resolve(args...)
	if c.E != "" {
		if code == Power && err == nil {
			return false // a negative exponent of integers, which tare defines
		}
		return assert.Error(t, err, c.ID)
	}
	require.NoError(t, err, c.ID)
	got := golden.Array{DType: out, Shape: arrays[0].Shape}
	loop := types[:len(args)]
	p := code.Program(loop)
	casts := make([]*Program, len(loop))
	for k := range loop {
		casts[k] = CastProgram(args[k].Type, loop[k])
	}
	x := make([]uint64, len(loop))
	for i := range arrays[0].Size() {
		for k, a := range arrays {
			x[k] = casts[k].Eval(a.Bits(i))
		}
		got.Data = appendElement(got.Data, out, p.Eval(x...))
	}
	if code.Row().Big != nil {
		c.T = max(c.T, 1) // the case has the correctly rounded value
	}
	return assert.NoError(t, golden.Compare(c, got), "%s of %v", c.F, args)
}

// arraysOf reads operands that are all arrays of one shape, else it gives nil.
func arraysOf(raw []json.RawMessage) ([]golden.Array, []dtype.Arg) {
	var arrays []golden.Array
	var args []dtype.Arg
	for _, r := range raw {
		a, ok := golden.DecodeArray(r)
		if !ok || len(arrays) > 0 && a.Size() != arrays[0].Size() {
			return nil, nil
		}
		arrays, args = append(arrays, a), append(args, dtype.Arg{Type: a.DType})
	}
	return arrays, args
}

func appendElement(data []byte, t dtype.DType, bits uint64) []byte {
	return append(data, binary.LittleEndian.AppendUint64(nil, bits)[:t.Size()]...)
}

func TestCastsAreNumPys(t *testing.T) {
	replayed := 0
	for _, c := range golden.Cases(t, "int.jsonl") {
		if c.F != "astype" {
			continue
		}
		a, ok := golden.DecodeArray(c.A[0])
		to, okTo := golden.DecodeDType(c.K["dtype"])
		require.True(t, ok && okTo, c.ID)
		got := golden.Array{DType: to, Shape: a.Shape}
		p := CastProgram(a.DType, to)
		for i := range a.Size() {
			got.Data = appendElement(got.Data, to, p.Eval(a.Bits(i)))
		}
		assert.NoError(t, golden.Compare(c, got), "%v to %v", a.DType, to)
		replayed++
	}
	assert.NotZero(t, replayed)
}

// Casts of floats that no integer holds, as NumPy gives them on x86.
func TestCastsAreTotal(t *testing.T) {
	inf, nan := math.Inf(1), math.NaN()
	cases := []struct {
		x    float64
		to   dtype.DType
		want uint64
	}{
		{nan, dtype.Int32, 1 << 31}, {inf, dtype.Int32, 1 << 31}, {-0x1p31 - 0.5, dtype.Int32, 1 << 31}, {0x1p31, dtype.Int32, 1 << 31},
		{0x1p31 - 0.5, dtype.Int32, 1<<31 - 1}, {nan, dtype.Int64, 1 << 63}, {-inf, dtype.Int64, 1 << 63}, {0x1p63, dtype.Int64, 1 << 63},
		{300, dtype.Uint8, 44}, {-1.9, dtype.Uint8, 255}, {nan, dtype.Uint8, 0}, {200, dtype.Int8, 200},
		{0x1p32 + 5, dtype.Uint32, 5}, {-1, dtype.Uint32, 1<<32 - 1}, {nan, dtype.Uint32, 0},
		{0x1p63, dtype.Uint64, 1 << 63}, {0x1p64 - 2048, dtype.Uint64, math.MaxUint64 - 2047}, {-1, dtype.Uint64, math.MaxUint64},
		{inf, dtype.Uint64, 0}, {nan, dtype.Uint64, 1 << 63}, {nan, dtype.Bool, 1}, {0.25, dtype.Bool, 1}, {0, dtype.Bool, 0},
	}
	for _, c := range cases {
		got := CastProgram(dtype.Float64, c.to).Eval(math.Float64bits(c.x))
		assert.Equal(t, c.want, got, "%v to %v", c.x, c.to)
	}
}

// NumPy's accuracy sets. Their outputs are correctly rounded, and the bounds ours, not theirs.
func TestAccuracySets(t *testing.T) {
	dir := accuracySets()
	if dir == "" {
		t.Skip("the accuracy sets are not beside the module; set " + golden.Variable)
	}
	for c := range Code(Count) {
		path := filepath.Join(dir, "umath-validation-set-"+c.String()+".csv")
		if file, err := os.Open(path); err == nil {
			replaySet(t, c, file)
			require.NoError(t, file.Close())
		}
	}
}

func accuracySets() string {
	for _, dir := range []string{os.Getenv(golden.Variable), "../../../shared/conformance"} {
		if _, err := os.Stat(filepath.Join(dir, "umath")); dir != "" && err == nil {
			return filepath.Join(dir, "umath")
		}
	}
	return ""
}

func replaySet(t *testing.T, c Code, file *os.File) {
	lines, n := bufio.NewScanner(file), 0
	for lines.Scan() {
		fields := strings.Split(lines.Text(), ",")
		if len(fields) != 4 || !strings.HasPrefix(fields[0], "np.float") {
			continue
		}
		d, err := dtype.Parse(strings.TrimPrefix(fields[0], "np."))
		require.NoError(t, err)
		x, want := parseBits(t, fields[1]), parseBits(t, fields[2])
		got := c.Program([]dtype.DType{d}).Eval(x)
		assert.True(t, ulpsApart(d, got, want) <= 1, "%v of %s: got %s, want %s", c,
			FormatBits(d, x), FormatBits(d, got), FormatBits(d, want))
		n++
	}
	assert.Greater(t, n, 100, c)
}

func parseBits(t *testing.T, s string) uint64 {
	v, err := strconv.ParseUint(strings.TrimSpace(s), 0, 64)
	require.NoError(t, err)
	return v
}

// ulpsApart counts the floats from one to the other; NaNs are equal.
func ulpsApart(t dtype.DType, x, y uint64) uint64 {
	if equalBits(t, x, y) {
		return 0
	}
	if math.IsNaN(floatValue(t, x)) || math.IsNaN(floatValue(t, y)) {
		return math.MaxUint64
	}
	sign := uint64(1) << (8*t.Size() - 1)
	ordered := func(b uint64) uint64 { // monotonous in the value
		if b&sign != 0 {
			return sign - b&^sign
		}
		return sign + b
	}
	a, b := ordered(x), ordered(y)
	return max(a, b) - min(a, b)
}
