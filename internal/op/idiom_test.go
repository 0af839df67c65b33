package op

import (
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/tare-go/tare/dtype"
)

// Values are what their meanings say.
func TestMeanings(t *testing.T) {
	tried := [NumIdiom]int{}
	for c := range Code(Count) {
		for _, loop := range c.Loops() {
			p := c.Program(loop)
			for v, m := range p.Meanings {
				eachTuple(loop, func(x []uint64) {
					if want, ok := meant(p, v, m, x); ok {
						tried[m.Idiom]++
						got := at(p, v, x)
						assert.True(t, equalBits(p.Insts[v].Type, got, want), "%v%v, %%%d of %#x: got %#x, want %#x", c, loop, v, x, got, want)
					}
				})
			}
		}
	}
	for i := Idiom(1); i < NumIdiom; i++ {
		assert.NotZero(t, tried[i], i)
	}
}

// at is value v of a program.
func at(p *Program, v int32, x []uint64) uint64 {
	part := *p
	part.Out = v
	return part.Eval(x...)
}

// meant is what a value should be by its meaning, where that says it.
func meant(p *Program, v int32, m Meaning, operands []uint64) (bits uint64, ok bool) {
	d := p.Insts[m.Args[0]].Type
	x, y := floatValue(d, at(p, m.Args[0], operands)), floatValue(d, at(p, m.Args[1], operands))
	ordinary := x > 0 && !math.IsInf(x, 0)
	switch {
	case m.Idiom == IdiomScale:
		return BitsOf(d, math.Ldexp(x, int(y))), y == math.Trunc(y) && math.Abs(y) < 5000
	case m.Idiom == IdiomLogarithm && !ordinary:
		return BitsOf(d, math.Log(x)), true
	case m.Idiom == IdiomLogarithm:
		return BitsOf(d, y), true
	case !ordinary:
		return 0, false
	}
	significand, exponent := partsFrom(d, x, m.Imm)
	if m.Idiom == IdiomFraction {
		return BitsOf(d, significand) - m.Imm, true
	}
	return BitsOf(d, exponent), true
}

// partsFrom returns m and k, where x = m·2^k, and least are the bits of the least m.
func partsFrom(t dtype.DType, x float64, least uint64) (m, k float64) {
	root := floatValue(t, least)
	m, e := math.Frexp(x)
	for ; m >= root; m, e = m/2, e+1 {
	}
	for ; m < root; m, e = m*2, e-1 {
	}
	return m, float64(e)
}
