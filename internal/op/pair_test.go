package op

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/tare-go/tare/dtype"
)

// A pair gives what its operators give one after the other, bit for bit.
func TestPairsEqualTheirOperators(t *testing.T) {
	values := []float64{0, 1, -1, 0.1, 3, -7.5, 1e-5, 700, -740}
	for _, d := range []dtype.DType{dtype.Float32, dtype.Float64} {
		types := []dtype.DType{d, d}
		for _, p := range Pairs {
			first, second := p.First.Program(types[:p.First.Row().Arity]), p.Second.Program(types[:p.Second.Row().Arity])
			program := p.Program(d)
			for i := range values {
				var x []uint64
				for k := range p.Arity() {
					x = append(x, BitsOf(d, values[(i+k*4)%len(values)]))
				}
				n := p.First.Row().Arity
				args := append(append(append([]uint64{}, x[:p.At]...), first.Eval(x[p.At:p.At+n]...)), x[p.At+n:]...)
				assert.Equal(t, second.Eval(args...), program.Eval(x...), "%v of %#x", p, x)
			}
		}
	}
}

func TestPairOf(t *testing.T) {
	for i, p := range Pairs {
		n, exchanged := PairOf(p.First, p.Second, p.At)
		assert.Equal(t, i, n)
		assert.False(t, exchanged)
	}
	n, exchanged := PairOf(Multiply, Add, 1)
	assert.Equal(t, Pair{Multiply, Add, 0}, Pairs[n])
	assert.True(t, exchanged)
	n, _ = PairOf(Exp, Add, 0)
	assert.Negative(t, n)
}
