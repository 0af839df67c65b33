package ptx

import (
	"math"
	"math/rand/v2"

	"github.com/tare-go/tare/dtype"
	"github.com/tare-go/tare/internal/ir"
)

// MMACheck is a product of float64 matrices with which a device finds out whether its tensor cores compute the
// canonical chain of fused multiply-adds: run Op, lowered for the target, and ask Agrees. Where it says no, products
// are right with Target.NoMMA.
type MMACheck struct {
	Op   *ir.MatMul
	A, B []float64 // the operands, in C order: they tell one order, or one rounding more or less, from another
	want []float64
}

// The extents of a check: tiles that end inside, and k through several instructions.
const checkM, checkN, checkK = 61, 59, 77

// NewMMACheck is the check for a target, or nil where products use no tensor cores.
func NewMMACheck(t Target) *MMACheck {
	if t.mma(dtype.Float64) == "" {
		return nil
	}
	at := func(rows, cols int) ir.Operand {
		return ir.Operand{Type: dtype.Float64, Strides: spread([]int{rows, cols}, 8)}
	}
	c := &MMACheck{Op: &ir.MatMul{Type: dtype.Float64, M: checkM, N: checkN, K: checkK,
		A: at(checkM, checkK), B: at(checkK, checkN), To: at(checkM, checkN)}}
	r := rand.New(rand.NewPCG(61, 59))
	for range checkM * checkK {
		c.A = append(c.A, hostile(r))
	}
	for range checkK * checkN {
		c.B = append(c.B, hostile(r))
	}
	c.want = c.chains()
	return c
}

// hostile is a float whose products with others cancel, overflow, underflow or round in a way that shows.
func hostile(r *rand.Rand) float64 {
	switch n := r.IntN(4096); { // infinities and NaNs are few, as one spoils a row or column
	case n == 0:
		return math.Inf(1 - 2*r.IntN(2))
	case n == 1:
		return math.NaN()
	case n < 176:
		return math.Copysign(0, float64(1-2*r.IntN(2)))
	case n < 512:
		return math.Copysign(math.Ldexp(1+r.Float64(), -1060+r.IntN(60)), float64(1-2*r.IntN(2))) // a subnormal, often
	case n < 768:
		return float64(1 - 2*r.IntN(2))
	}
	return math.Ldexp(2*r.Float64()-1, r.IntN(60)-30)
}

// chains is the product, as canon.Chain has it.
func (c *MMACheck) chains() []float64 {
	want := make([]float64, checkM*checkN)
	for i := range want {
		sum := 0.0
		for k := range checkK {
			sum = math.FMA(c.A[i/checkN*checkK+k], c.B[k*checkN+i%checkN], sum)
		}
		want[i] = sum + 0
	}
	return want
}

// Agrees reports whether the results of Op, in C order, have the bits that they must have. NaNs are alike.
func (c *MMACheck) Agrees(got []float64) bool {
	if len(got) != len(c.want) {
		return false
	}
	for i, w := range c.want {
		if math.Float64bits(got[i]) != math.Float64bits(w) && !(math.IsNaN(got[i]) && math.IsNaN(w)) {
			return false
		}
	}
	return true
}
