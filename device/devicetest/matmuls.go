package devicetest

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/tare-go/tare/dtype"
	"github.com/tare-go/tare/internal/ir"
	"github.com/tare-go/tare/internal/op"
)

// products are the extents of products to try: batch, then M, N, K.
var products = []struct {
	batch   []int
	m, n, k int
}{
	{nil, 1, 1, 1}, {nil, 1, 1, 130}, {nil, 1, 1, 4100},
	{nil, 2, 3, 0}, {nil, 0, 3, 4}, {nil, 2, 0, 4},
	{nil, 1, 7, 5}, {nil, 7, 1, 5}, {nil, 3, 4, 5}, {nil, 17, 19, 9}, {nil, 7, 33, 16},
	{nil, 2, 3, 1025}, {nil, 1, 5, 2100},
	{[]int{3}, 2, 3, 4}, {[]int{2, 3}, 3, 2, 5}, {[]int{0}, 2, 2, 2}, {[]int{4}, 1, 1, 3},
}

// matMuls tests products of every type in several layouts of each operand.
func (s *suite) matMuls(t *testing.T) {
	for _, to := range dtype.All() {
		t.Run(to.String(), func(t *testing.T) {
			r := rand.New(rand.NewPCG(17, 18))
			for i, p := range products {
				if testing.Short() && p.k > 1000 && !to.IsFloat() {
					continue
				}
				for l := range layouts {
					if p.m*p.n*p.k > 2000 && l != i%len(layouts) {
						continue
					}
					m := &ir.MatMul{Type: to, Batch: p.batch, M: p.m, N: p.n, K: p.k}
					tr := matMul(m, l, drawn(r, to, mixed))
					if !s.check(t, fmt.Sprintf("batch %v, %d by %d by %d, %s", p.batch, p.m, p.k, p.n, layouts[l].name), tr) {
						return
					}
				}
			}
			m := &ir.MatMul{Type: to, M: 5, N: 6, K: 7}
			s.check(t, "wild values", matMul(m, 0, drawn(r, to, wild)))
			for l := range layouts {
				m := &ir.MatMul{Type: to, Batch: []int{2}, M: 17, N: 35, K: 9}
				s.checkSplittable(t, "a sum with it, "+layouts[l].name, matMulSum(m, l, drawn(r, to, mixed), r))
			}
		})
	}
}

// matMul is the trial of a product with its left operand in layout l, the others in other ones.
func matMul(m *ir.MatMul, l int, draw func() uint64) *trial {
	tr := &trial{op: m}
	tr.factors(m, l, draw)
	m.To = tr.output(layouts[l%4], m.Type, ir.Extents(m, 2), 2)
	return tr
}

func (tr *trial) factors(m *ir.MatMul, l int, draw func() uint64) {
	m.A = tr.input(layouts[l], m.Type, ir.Extents(m, 0), 1, draw)
	m.B = tr.input(layouts[(l*2+1)%len(layouts)], m.Type, ir.Extents(m, 1), 0, draw)
}

// matMulSum is the trial of a product to which float32 numbers are added, in layout l.
func matMulSum(m *ir.MatMul, l int, draw func() uint64, r *rand.Rand) *trial {
	tr := &trial{op: m}
	tr.factors(m, l, draw)
	none := [3]int{-1, -1, -1}
	space := ir.Extents(m, 2)
	results := ir.Operand{Type: m.Type, Strides: contiguous(space)}.Dense(space)
	k := &ir.Kernel{Space: space, Lo: len(space), Hi: len(space)}
	k.In = []ir.Operand{results, tr.input(layouts[l], dtype.Float32, space, 0, drawn(r, dtype.Float32, mixed))}
	k.Out = []ir.Operand{tr.output(layouts[l%4], dtype.Float32, space, 2)}
	k.Code = []ir.Inst{
		{Kind: ir.Load, Type: m.Type, Args: none},
		{Kind: ir.Load, Type: dtype.Float32, Args: none, Index: 1},
		{Kind: ir.Cast, Type: dtype.Float32, Args: [3]int{0, -1, -1}},
		{Kind: ir.Apply, Code: op.Add, Type: dtype.Float32, Args: [3]int{2, 1, -1}},
		{Kind: ir.Store, Type: dtype.Float32, Args: [3]int{3, -1, -1}},
	}
	m.Then = k
	return tr
}
