//go:build linux

package simd

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/require"
	"github.com/tare-go/tare/dtype"
	"github.com/tare-go/tare/internal/op"
)

// play is a random sequence of steps over memory that ends at pages which cannot be touched. All that is computed by Run
// is computed by generic functions as well, one after the other.
type play struct {
	r      *rand.Rand
	n      int
	arenas []guarded
	used   int
	values []played
	steps  []Step
	names  []string
}

// played is a value: where Run has it, and where the generic functions have it.
type played struct {
	t         dtype.DType
	got, want []byte
}

// newPlay starts with an operand of each type.
func newPlay(r *rand.Rand, arenas []guarded, n int) *play {
	p := &play{r: r, n: n, arenas: arenas}
	for _, t := range dtype.All() {
		v := p.fresh(t)
		for i := range n {
			vector{t, v.got}.set(i, p.element(t))
		}
		copy(v.want, v.got)
		p.values = append(p.values, v)
	}
	return p
}

// element is an ordinary one, and sometimes any.
func (p *play) element(t dtype.DType) uint64 {
	if p.r.IntN(50) == 0 {
		return random(t, p.r)
	}
	return op.BitsOf(t, float64(p.r.IntN(100))/8)
}

// fresh is memory for a value, at an offset from a line if that is drawn.
func (p *play) fresh(t dtype.DType) played {
	bytes := p.n * t.Size()
	g := p.arenas[p.used]
	p.used++
	before := 0
	if p.r.IntN(2) == 0 { // at a multiple of a line
		before = -bytes & 63
	}
	return played{t, g.high(before, bytes), make([]byte, bytes)}
}

// step adds an operator or a conversion of values, whose result has memory of its own or takes the place of an operand.
func (p *play) step() {
	c := op.Code(p.r.IntN(int(op.Count)))
	for c == op.Copysign { // it sees the signs of NaNs, which levels do not share
		c = op.Code(p.r.IntN(int(op.Count)))
	}
	loops := c.Loops()
	types := loops[p.r.IntN(len(loops))]
	program, f := c.Program(types), Kernel(c, types)
	s := Step{Func: f, Loop: KernelLoop(c, types), Past: p.r.IntN(4) == 0}
	generic := genericKernels[c][types[len(types)-1]]
	if len(types) == 2 && types[0] != types[1] {
		generic = genericMixed[c][types[0]/dtype.Uint64]
	}
	name := fmt.Sprint(c, types)
	if p.r.IntN(5) == 0 {
		all := dtype.All()
		from, to := all[p.r.IntN(len(all))], all[p.r.IntN(len(all))]
		program, generic, name = op.CastProgram(from, to), genericCasts[from][to], fmt.Sprint("cast ", from, to)
		s.Func, s.Loop = Cast(from, to), CastLoop(from, to)
	}
	p.add(s, program, generic, name)
}

func (p *play) add(s Step, program *op.Program, generic Func, name string) {
	var operands []int
	for _, t := range program.Args {
		operands = append(operands, p.pick(t))
	}
	at := func(k int, of func(played) []byte) unsafe.Pointer {
		if k >= len(operands) {
			return nil
		}
		return pointerTo(of(p.values[operands[k]]))
	}
	got, want := func(v played) []byte { return v.got }, func(v played) []byte { return v.want }
	s.A, s.B, s.C = at(0, got), at(1, got), at(2, got)
	a, b, c := at(0, want), at(1, want), at(2, want)
	t := program.Type()
	if k := p.r.IntN(len(operands)); p.values[operands[k]].t.Size() == t.Size() && p.r.IntN(2) == 0 {
		p.values[operands[k]].t = t
		s.Dst = pointerTo(p.values[operands[k]].got)
		generic(pointerTo(p.values[operands[k]].want), a, b, c, p.n)
	} else {
		v := p.fresh(t)
		p.values = append(p.values, v)
		s.Dst = pointerTo(v.got)
		generic(pointerTo(v.want), a, b, c, p.n)
	}
	p.steps, p.names = append(p.steps, s), append(p.names, name)
}

// pick is the last value of a type, or another one.
func (p *play) pick(t dtype.DType) int {
	found := -1
	for i, v := range p.values {
		if v.t == t && (found < 0 || p.r.IntN(3) > 0) {
			found = i
		}
	}
	if found >= 0 {
		return found
	}
	v := p.fresh(t) // zeros, as all of that type were overwritten
	clear(v.got)
	p.values = append(p.values, v)
	return len(p.values) - 1
}

func (p *play) check(t *testing.T) {
	for _, v := range p.values {
		for i := 0; i < p.n && !bytes.Equal(v.got, v.want); i++ {
			got, want := vector{v.t, v.got}.at(i), vector{v.t, v.want}.at(i)
			if !same(v.t, got, want) {
				require.Failf(t, "differs from generic", "%v, element %d of %d: got %s, want %s", p.names, i, p.n,
					op.FormatBits(v.t, got), op.FormatBits(v.t, want))
			}
		}
	}
}

// Sequences of up to ten steps of all operators and conversions, of every number of elements up to a few strips.
func TestRunEqualsStepAfterStep(t *testing.T) {
	const most, steps = 520, 10
	arenas := make([]guarded, 5*steps+len(dtype.All()))
	for i := range arenas {
		arenas[i] = newGuarded(t, 8*most+64)
	}
	everyLevel(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(5, 6))
		for n := range 2 * most {
			p := newPlay(r, arenas, n/2)
			for range 1 + r.IntN(steps) {
				p.step()
			}
			Run(p.steps, p.n)
			Fence()
			p.check(t)
		}
	})
}
