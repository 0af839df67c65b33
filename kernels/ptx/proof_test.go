package ptx

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/tare-go/tare/broadcast"
	"github.com/tare-go/tare/dtype"
	"github.com/tare-go/tare/internal/canon"
	"github.com/tare-go/tare/internal/ir"
	"github.com/tare-go/tare/internal/ir/irtest"
	"github.com/tare-go/tare/internal/op"
)

// draw is bits of an element: floats of magnitudes in which the order of a sum shows, with some zeros, ties,
// infinities and NaNs if wild; integers of any bits.
func draw(r *rand.Rand, t dtype.DType, wild bool) uint64 {
	switch {
	case t == dtype.Bool:
		return r.Uint64() & 1
	case t.IsFloat() && wild && r.IntN(3) == 0:
		special := []float64{0, math.Copysign(0, -1), 1, -1, math.Inf(1), math.Inf(-1), math.NaN(), 5e-324, 1e-40, math.MaxFloat64, 0.5, -2.5, 1e6, 1e22, 0x1p31, -0x1p31, 0x1p32 + 5, 0x1p63, -0x1p63, 0x1p64, 300, -1.9}
		return op.BitsOf(t, special[r.IntN(len(special))])
	case t.IsFloat():
		return op.BitsOf(t, (r.Float64()-0.5)*math.Exp2(float64(r.IntN(20)-10)))
	case wild && r.IntN(2) == 0:
		return op.BitsOf(t, float64(r.IntN(7)))
	}
	return r.Uint64() & (math.MaxUint64 >> (64 - 8*t.Size()))
}

// trialOf draws memory for an operation: each operand a block of its own, lead elements from an aligned address.
func trialOf(r *rand.Rand, o ir.Op, lead int, wild bool) *trial {
	tr := &trial{op: o}
	operands := append(append([]ir.Operand(nil), o.Inputs()...), o.Outputs()...)
	for i, x := range operands {
		low, high := reach(x, spaceOf(o, i))
		size := x.Type.Size()
		block := make([]byte, high-low+(lead+2)*size)
		for at := 0; at+size <= len(block); at += size {
			ir.WriteBits(block[at:at+size], draw(r, x.Type, wild))
		}
		tr.args = append(tr.args, spot{i, lead*size - low})
		tr.blocks = append(tr.blocks, block)
	}
	for _, t := range o.Scalars() {
		tr.scalars = append(tr.scalars, op.BitsOf(t, float64(r.IntN(500)+2)))
	}
	return tr
}

// reach is the bytes from an operand's element at index 0 to its first, and to the end of its last.
func reach(o ir.Operand, space []int) (low, high int) {
	for d, e := range space {
		if s := o.Strides[d] * max(e-1, 0); s < 0 {
			low += s
		} else {
			high += s
		}
	}
	return low, high + o.Type.Size()
}

// spaceOf is the extents over which the i-th operand's strides run.
func spaceOf(o ir.Op, i int) []int {
	switch o := o.(type) {
	case *ir.Kernel:
		return o.Space
	case *ir.Scan:
		return o.Space
	}
	m := o.(*ir.MatMul)
	last := [][]int{{m.M, m.K}, {m.K, m.N}, {m.M, m.N}}[i]
	return append(append([]int(nil), m.Batch...), last...)
}

var floatTypes = []dtype.DType{dtype.Float32, dtype.Float64}

// Every loop of every operator, in vectors of a whole tile and in what is left after it.
func TestVectors(t *testing.T) {
	d := newSimulated(formAuto, Target{})
	const some = 251 // elements whose results are computed by the interpreter, again and again in the operands
	for i := range op.Table {
		code := op.Code(i)
		for _, loop := range code.Loops() {
			if testing.Short() && loop[0] != loop[len(loop)-1] {
				continue
			}
			r := rand.New(rand.NewPCG(1, uint64(i)))
			few := trialOf(r, mapOf(code, loop, some), 0, true)
			want := few.interpret(t)
			many := &trial{op: mapOf(code, loop, 2048+some), args: few.args}
			for _, b := range few.blocks {
				size := len(b) / (some + 2)
				block := make([]byte, (2048+some)*size)
				for at := range block {
					block[at] = b[at%(some*size)]
				}
				many.blocks = append(many.blocks, block)
			}
			got := many.run(t, d)
			out := len(loop)
			typ := many.op.Outputs()[0].Type
			for e := range 2048 + some {
				g, w := element(typ, got[out], e), element(typ, want[out], e%some)
				if g != w && !(isNaN(typ, g) && isNaN(typ, w)) {
					require.Failf(t, "different", "%v%v of element %d: got %#x, want %#x", code, loop, e, g, w)
				}
			}
		}
	}
}

func element(t dtype.DType, b []byte, i int) uint64 {
	return ir.ReadBits(b[i*t.Size() : (i+1)*t.Size()])
}

func mapOf(code op.Code, loop []dtype.DType, n int) *ir.Kernel {
	c := flat(n)
	var args []int
	for _, t := range loop {
		args = append(args, c.load(t))
	}
	c.store(c.apply(code, args...))
	return &c.Kernel
}

// Every cast, of limits and of what is beyond them too.
func TestCasts(t *testing.T) {
	d := newSimulated(formAuto, Target{})
	for _, from := range dtype.All() {
		for _, to := range dtype.All() {
			c := flat(400)
			c.store(c.cast(to, c.load(from)))
			trialOf(rand.New(rand.NewPCG(12, uint64(from))), &c.Kernel, 0, true).check(t, d, fmt.Sprint(from, to))
		}
	}
}

// Maps of operands in every layout, each with another, to outputs in some; also in place and with masks.
func TestLayouts(t *testing.T) {
	d := newSimulated(formAuto, Target{})
	d.machine.BothOrders = true
	layouts := []func(space []int) []int{
		func(s []int) []int { return spread(s, 1) },
		func(s []int) []int { return backwards(spread(s, 1)) },
		func(s []int) []int { return []int{1, s[0], s[0] * s[1]} },
		func(s []int) []int { return []int{3 * s[1] * s[2] * 2, 3 * s[2], 3} },
		func(s []int) []int { return []int{0, s[2], 1} },
		func(s []int) []int { return []int{s[1], 1, 0} },
		func([]int) []int { return []int{0, 0, 0} },
		func(s []int) []int { return []int{5, 0, -5 * s[0]} },
	}
	for n, space := range [][]int{{1, 2, 3}, {9, 31, 8}, {5, 40, 12}, {2, 1, 1500}, {1, 1, 4100}, {4, 1, 3000}, {33, 2, 70}, {2, 64, 40}} {
		for i, a := range layouts {
			for j, b := range layouts[:4] {
				if count := extent(space); count > 1000 && (i+j)%3 > 0 {
					continue // the interpreter takes its time
				}
				t1 := dtype.All()[(i+j+n)%len(dtype.All())]
				t2 := dtype.All()[(i*j+n)%len(dtype.All())]
				c := flat(space...)
				x, y := c.load(t1, a(space)...), c.load(t2, layouts[(i*3+j)%len(layouts)](space)...)
				m := c.load(dtype.Bool, layouts[(i+2*j)%len(layouts)](space)...)
				c.store(c.apply(op.Maximum, c.cast(dtype.Float64, x), c.cast(dtype.Float64, y)), b(space)...)
				c.storeMasked(c.cast(t2, x), m, layouts[(j+1)%4](space)...)
				r := rand.New(rand.NewPCG(11, uint64(i)))
				tr := trialOf(r, &c.Kernel, (i+j)%3, true)
				tr.check(t, d, fmt.Sprint(space, i, j))
				if t1 == t2 && i == (j+1)%4 { // the second output is the first input
					tr.args[4] = tr.args[0]
					tr.check(t, d, fmt.Sprint("in place", space, i, j))
				}
			}
		}
	}
}

func backwards(strides []int) []int {
	for d := range strides {
		strides[d] *= -1
	}
	return strides
}

// foldCase is a kernel with several folds and stages, for rows of n elements.
var foldCases = map[string]func(t dtype.DType, rule canon.Rule, lo, hi int, space ...int) *ir.Kernel{
	"sum": sum, "softmax": softmax, "standard": standard, "argmax": argmax,
}

// Rows of every length at which something changes, in every form, contiguous and not aligned.
func TestLaneForms(t *testing.T) {
	lengths := []int{1, 2, 3, 4, 5, 7, 8, 9, 16, 17, 31, 32, 33, 127, 128, 129, 640, 4095, 4096, 4097, 8193}
	if testing.Short() {
		lengths = []int{1, 33, 129, 4097}
	}
	for f, name := range map[form]string{formAuto: "auto", formCTA: "cta", formCut: "cut"} {
		t.Run(name, func(t *testing.T) {
			d := newSimulated(f, Target{})
			d.machine.BothOrders = true
			for kernel, write := range foldCases {
				for _, typ := range floatTypes {
					for i, n := range lengths {
						if n > 4000 && kernel != "sum" && (i+len(kernel))%2 == 0 {
							continue
						}
						r := rand.New(rand.NewPCG(2, uint64(n)))
						k := write(typ, canon.Lane, 1, 2, 3, n)
						trialOf(r, k, i%2, i%3 == 0).check(t, d, fmt.Sprint(kernel, typ, n))
					}
				}
			}
		})
	}
}

// More blocks than one fold of their results can take, with short rows for blocks.
func TestLaneLevels(t *testing.T) {
	if testing.Short() {
		t.Skip("16 million elements")
	}
	const n = canon.Block*canon.Block + 5
	d := newSimulated(formAuto, Target{})
	k := newCoder(canon.Lane, 0, 1, n)
	k.rowStore(k.fold(op.Add, k.load(dtype.Float32, 0))) // one element, again and again
	k.Code[0].Row = false
	tr := &trial{op: &k.Kernel, blocks: [][]byte{make([]byte, 4), make([]byte, 4)}, args: []spot{{0, 0}, {1, 0}}}
	ir.WriteBits(tr.blocks[0], op.BitsOf(dtype.Float32, 1))
	got := tr.run(t, d)
	assert.Equal(t, float32(n), math.Float32frombits(uint32(ir.ReadBits(got[1]))))
	m, err := Lower(&k.Kernel, Target{})
	require.NoError(t, err)
	assert.Len(t, m.Launches, 3)
}

// Spaces and rows of more elements than a launch has indices.
func TestManyLaunches(t *testing.T) {
	d := newSimulated(formAuto, Target{limit: 2*canon.Block + 100})
	for i, o := range []ir.Op{
		unary(op.Square, dtype.Float32, 20_000), transposed(130, 200), sum(dtype.Float32, canon.Lane, 1, 2, 9000, 3),
		sum(dtype.Float64, canon.Lane, 1, 2, 2, 30_000), argmax(dtype.Float32, canon.Lane, 1, 2, 2, 20_000),
		centre(dtype.Float32, canon.Lane, 0, 1, 20_000), matmul(dtype.Float32, 1, 1, 20_000), cumsum(dtype.Int32, 1, 9000, 3),
	} {
		m, err := lower(o, d.target, formAuto)
		require.NoError(t, err)
		assert.Greater(t, len(m.Launches), 1, "%v", o)
		trialOf(rand.New(rand.NewPCG(13, uint64(i))), o, 1, false).check(t, d, "many launches")
	}
}

// Columns of every length at which something changes.
func TestChunkForms(t *testing.T) {
	lengths := []int{1, 2, 3, 5, 255, 256, 257, 600, 16*256 + 1}
	for f, name := range map[form]string{formAuto: "auto", formCut: "cut"} {
		t.Run(name, func(t *testing.T) {
			d := newSimulated(f, Target{})
			d.machine.BothOrders = true
			for kernel, write := range foldCases {
				for _, typ := range floatTypes {
					for i, n := range lengths {
						if n > 1000 && (testing.Short() || kernel != "sum") {
							continue
						}
						r := rand.New(rand.NewPCG(3, uint64(n)))
						k := write(typ, canon.Chunk, 1, 2, 2, n, 33)
						trialOf(r, k, i%2, i%3 == 0).check(t, d, fmt.Sprint(kernel, typ, n))
					}
				}
			}
		})
	}
}

// Pairs of the results of chunks, of more levels than one launch has; all columns are one in memory.
func TestChunkLevels(t *testing.T) {
	const n = 16*16*256 + 300
	d := newSimulated(formAuto, Target{})
	k := newCoder(canon.Chunk, 0, 1, n, 32)
	k.rowStore(k.fold(op.Add, k.load(dtype.Float32, 1, 0)))
	tr := trialOf(rand.New(rand.NewPCG(4, 5)), &k.Kernel, 0, false)
	got := tr.run(t, d)
	one := newCoder(canon.Chunk, 0, 1, n, 1)
	one.rowStore(one.fold(op.Add, one.load(dtype.Float32, 1, 0)))
	tr.op = &one.Kernel
	want := tr.interpret(t)
	for c := range 32 {
		assert.Equal(t, element(dtype.Float32, want[1], 0), element(dtype.Float32, got[1], c))
	}
}

// Folds of every type, also in parts.
func TestFoldTypes(t *testing.T) {
	for _, f := range []form{formAuto, formCut} {
		d := newSimulated(f, Target{})
		for _, typ := range dtype.All() {
			for rule, space := range map[canon.Rule][]int{canon.Lane: {2, 4200}, canon.Chunk: {2, 300}} {
				c := newCoder(rule, 1, 2, space...)
				x := c.load(typ)
				for _, code := range []op.Code{op.Add, op.Multiply, op.Minimum, op.Maximum} {
					c.rowStore(c.fold(code, x))
				}
				c.rowStore(c.argFold(op.Minimum, x))
				c.rowStore(c.argFold(op.Maximum, x))
				truth := c.cast(dtype.Bool, x)
				c.rowStore(c.fold(op.LogicalAnd, truth))
				c.rowStore(c.fold(op.LogicalXor, truth))
				r := rand.New(rand.NewPCG(6, uint64(typ)))
				trialOf(r, &c.Kernel, 1, true).check(t, d, fmt.Sprint(typ, rule))
				trialOf(r, &c.Kernel, 0, false).check(t, d, fmt.Sprint(typ, rule))
			}
		}
	}
}

// Products: tiles of both sizes, chunks of k, tails, transposed operands, chains that end in -0.
func TestProducts(t *testing.T) {
	type extents struct{ m, n, k int }
	for _, target := range []Target{{}, {SMs: 1}} {
		d := newSimulated(formAuto, target)
		for i, e := range []extents{{65, 63, 17}, {1, 130, 40}, {130, 1, 40}, {129, 131, 9}, {3, 5, 2100}, {64, 64, 16}, {2, 2, 0}} {
			for j, typ := range []dtype.DType{dtype.Float32, dtype.Float64, dtype.Int8, dtype.Bool, dtype.Uint64} {
				if (testing.Short() || j > 1 || target.SMs == 1) && i%2 == 1 {
					continue
				}
				m := matmul(typ, e.m, e.n, e.k, 2)
				if (i+j)%2 == 0 { // A in Fortran's order, B backwards
					m.A.Strides = []int{e.m * e.k * typ.Size(), typ.Size(), e.m * typ.Size()}
					m.B.Strides = []int{-e.n * e.k * typ.Size(), -typ.Size(), -e.k * typ.Size()}
				}
				r := rand.New(rand.NewPCG(7, uint64(i)))
				trialOf(r, m, i%2, i == 0).check(t, d, fmt.Sprint(typ, e))
			}
		}
	}
}

// Chains that underflow to -0 give +0, wherever tiles, chunks and lanes end.
func TestProductsHaveNoNegativeZero(t *testing.T) {
	d := newSimulated(formAuto, Target{})
	for _, typ := range floatTypes {
		tiny := op.BitsOf(typ, 5e-324)
		if typ == dtype.Float32 {
			tiny = 1
		}
		for _, e := range [][3]int{{1, 1, 1}, {1, 1, 5000}, {2, 3, 1}, {2, 3, 20}, {2, 3, 2060}} {
			tr := trialOf(rand.New(rand.NewPCG(8, 9)), matmul(typ, e[0], e[1], e[2]), 0, false)
			for i, bits := range []uint64{tiny, tiny | 1<<(8*typ.Size()-1)} {
				for at := 0; at < len(tr.blocks[i]); at += typ.Size() {
					ir.WriteBits(tr.blocks[i][at:at+typ.Size()], bits)
				}
			}
			got := tr.run(t, d)
			for c := range e[0] * e[1] {
				assert.Zero(t, element(typ, got[2], c), "%v %v", typ, e)
			}
		}
	}
}

// Scans of one segment, one chunk and several, along each dimension, in place too.
func TestScans(t *testing.T) {
	d := newSimulated(formAuto, Target{})
	d.machine.BothOrders = true
	for i, space := range [][]int{{100}, {128}, {129}, {4096}, {4097}, {9001}, {3, 8200}, {260, 5}, {8200, 3}} {
		for _, typ := range dtype.All() {
			codes := []op.Code{op.Add, op.Multiply, op.Minimum}
			if typ == dtype.Bool {
				codes = []op.Code{op.LogicalAnd}
			}
			o := &ir.Scan{Code: codes[i%len(codes)], Type: typ, Space: space, Axis: len(space) - 1}
			if len(space) > 1 && space[0] > space[1] {
				o.Axis = 0
			}
			o.From, o.To = operand(typ, space, nil), operand(typ, space, nil)
			tr := trialOf(rand.New(rand.NewPCG(10, uint64(i))), o, i%2, i%3 == 0)
			tr.check(t, d, fmt.Sprint(typ, space))
			tr.args[1] = tr.args[0]
			tr.check(t, d, fmt.Sprint("in place ", typ, space))
		}
	}
}

// Random expressions, lowered to calls, against the meaning of the graph.
func TestExpressions(t *testing.T) {
	devices := []*simulated{newSimulated(formAuto, Target{}), newSimulated(formCut, Target{SMs: 1})}
	rapid.Check(t, func(t *rapid.T) {
		c := irtest.Draw(t, 6)
		d := rapid.SampledFrom(devices).Draw(t, "device")
		var outs []ir.Output
		for _, n := range c.Outs {
			outs = append(outs, ir.Output{Node: n, At: broadcast.Contiguous(n.Shape, n.Type.Size())})
		}
		results := evaluate(t, d, ir.Lower(outs, ir.Options{}), outs)
		for i, n := range c.Outs {
			for e, w := range ir.Evaluate(n, irtest.Read) {
				if g := element(n.Type, results[i], e); g != w && !(isNaN(n.Type, g) && isNaN(n.Type, w)) {
					t.Fatalf("element %d of output %d: got %#x, want %#x of\n%v", e, i, g, w, c)
				}
			}
		}
	})
}

// evaluate runs the calls of a lowered graph.
func evaluate(t *rapid.T, d *simulated, low *ir.Lowered, outs []ir.Output) [][]byte {
	var blocks [][]byte
	at := map[ir.RefKind]int{}
	for _, n := range low.Leaves {
		blocks = append(blocks, n.Array.(*irtest.Array).Data)
	}
	at[ir.InTemp] = len(blocks)
	for _, n := range low.Temps {
		blocks = append(blocks, make([]byte, n.Bytes()))
	}
	at[ir.InOutput] = len(blocks)
	for _, o := range outs {
		blocks = append(blocks, make([]byte, o.Node.Bytes()))
	}
	for _, call := range low.Calls {
		tr := &trial{op: call.Op, blocks: blocks}
		for _, r := range append(append([]ir.Ref(nil), call.In...), call.Out...) {
			tr.args = append(tr.args, spot{at[r.Kind] + r.Index, r.Off})
		}
		for _, s := range call.Scalars {
			tr.scalars = append(tr.scalars, s.Bits)
		}
		blocks = tr.run(t, d)
	}
	return blocks[at[ir.InOutput]:]
}
