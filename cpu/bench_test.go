package cpu_test

import (
	"context"
	"fmt"
	"math"
	"slices"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/require"

	"github.com/tare-go/tare/cpu"
	"github.com/tare-go/tare/device"
	"github.com/tare-go/tare/dtype"
	"github.com/tare-go/tare/internal/canon"
	"github.com/tare-go/tare/internal/ir"
	"github.com/tare-go/tare/internal/op"
)

func load(t dtype.DType, i int) ir.Inst { return ir.Inst{Kind: ir.Load, Type: t, Args: none, Index: i} }

var none = [3]int{-1, -1, -1}

func apply(code op.Code, t dtype.DType, args ...int) ir.Inst {
	in := ir.Inst{Kind: ir.Apply, Code: code, Type: t, Args: none}
	copy(in.Args[:], args)
	return in
}

func row(in ir.Inst) ir.Inst { in.Row = true; return in }

func folded(code op.Code, t dtype.DType, v int) ir.Inst {
	return ir.Inst{Kind: ir.Fold, Code: code, Type: t, Args: [3]int{v, -1, -1}, Row: true}
}

func stored(t dtype.DType, v, out int) ir.Inst {
	return ir.Inst{Kind: ir.Store, Type: t, Args: [3]int{v, -1, -1}, Index: out}
}

func addKernel(t dtype.DType, n int) *ir.Kernel {
	s := []int{t.Size()}
	o := ir.Operand{Type: t, Strides: s}
	return &ir.Kernel{Space: []int{n}, Lo: 1, Hi: 1, In: []ir.Operand{o, o}, Out: []ir.Operand{o},
		Code: []ir.Inst{load(t, 0), load(t, 1), apply(op.Add, t, 0, 1), stored(t, 2, 0)}}
}

// chainKernel is sqrt(a*a + b*b) * exp(-a).
func chainKernel(t dtype.DType, n int) *ir.Kernel {
	k := addKernel(t, n)
	k.Code = []ir.Inst{load(t, 0), load(t, 1), apply(op.Multiply, t, 0, 0), apply(op.Multiply, t, 1, 1), apply(op.Add, t, 2, 3),
		apply(op.Sqrt, t, 4), apply(op.Negative, t, 0), apply(op.Exp, t, 6), apply(op.Multiply, t, 5, 7), stored(t, 8, 0)}
	return k
}

// sumKernel sums along the last dimension of an array in C order, or along the first.
func sumKernel(t dtype.DType, rows, cols int, rule canon.Rule) *ir.Kernel {
	size := t.Size()
	k := &ir.Kernel{Space: []int{rows, cols}, Lo: 1, Hi: 2, Rule: rule,
		In:   []ir.Operand{{Type: t, Strides: []int{cols * size, size}}},
		Out:  []ir.Operand{{Type: t, Strides: []int{size, 0}}},
		Code: []ir.Inst{load(t, 0), folded(op.Add, t, 0), row(stored(t, 1, 0))}}
	if rule == canon.Chunk {
		k.Lo, k.Hi = 0, 1
		k.Out[0].Strides = []int{0, size}
	}
	return k
}

func softmaxKernel(t dtype.DType, rows, cols int) *ir.Kernel {
	size := t.Size()
	o := ir.Operand{Type: t, Strides: []int{cols * size, size}}
	return &ir.Kernel{Space: []int{rows, cols}, Lo: 1, Hi: 2, In: []ir.Operand{o}, Out: []ir.Operand{o},
		Code: []ir.Inst{
			load(t, 0), folded(op.Maximum, t, 0), apply(op.Subtract, t, 0, 1), apply(op.Exp, t, 2),
			folded(op.Add, t, 3), apply(op.Divide, t, 3, 4), stored(t, 5, 0),
		}}
}

func transposeKernel(t dtype.DType, n int) *ir.Kernel {
	size := t.Size()
	return &ir.Kernel{Space: []int{n, n}, Lo: 2, Hi: 2,
		In:   []ir.Operand{{Type: t, Strides: []int{size, n * size}}},
		Out:  []ir.Operand{{Type: t, Strides: []int{n * size, size}}},
		Code: []ir.Inst{load(t, 0), stored(t, 0, 0)}}
}

// rowAddKernel adds a row of a few elements to each row of an array.
func rowAddKernel(t dtype.DType, rows, cols int) *ir.Kernel {
	size := t.Size()
	o := ir.Operand{Type: t, Strides: []int{cols * size, size}}
	return &ir.Kernel{Space: []int{rows, cols}, Lo: 2, Hi: 2,
		In: []ir.Operand{o, {Type: t, Strides: []int{0, size}}}, Out: []ir.Operand{o},
		Code: []ir.Inst{load(t, 0), load(t, 1), apply(op.Add, t, 0, 1), stored(t, 2, 0)}}
}

func matmul(t dtype.DType, m, n, k int) *ir.MatMul {
	s := t.Size()
	return &ir.MatMul{Type: t, M: m, N: n, K: k, A: ir.Operand{Type: t, Strides: []int{k * s, s}},
		B: ir.Operand{Type: t, Strides: []int{n * s, s}}, To: ir.Operand{Type: t, Strides: []int{n * s, s}}}
}

func argKernel(t dtype.DType, rows, cols int) *ir.Kernel {
	k := sumKernel(t, rows, cols, canon.Lane)
	k.Code[1] = ir.Inst{Kind: ir.ArgFold, Code: op.Minimum, Type: dtype.Int64, Args: [3]int{0, -1, -1}, Row: true}
	k.Code[2] = row(stored(dtype.Int64, 1, 0))
	k.Out[0] = ir.Operand{Type: dtype.Int64, Strides: []int{8, 0}}
	return k
}

// prepared is an operation with memory of its own.
type prepared struct {
	p       device.Program
	args    []device.Arg
	work    device.Span
	buffers []device.Buffer
}

func prepare(t testing.TB, dev device.Device, o ir.Op) *prepared {
	ctx := context.Background()
	p, err := dev.Compile(o)
	require.NoError(t, err)
	r := &prepared{p: p}
	alloc := func(bytes int) device.Buffer {
		b, err := dev.Alloc(ctx, bytes)
		require.NoError(t, err)
		r.buffers = append(r.buffers, b)
		return b
	}
	bytes := func(x ir.Operand, i int) int {
		var space []int
		switch o := o.(type) {
		case *ir.Kernel:
			space = o.Space
		case *ir.MatMul:
			space = append(slices.Clone(o.Batch), [][]int{{o.M, o.K}, {o.K, o.N}, {o.M, o.N}}[i]...)
		}
		n := x.Type.Size()
		for d, s := range x.Strides {
			n += (space[d] - 1) * s
		}
		return n
	}
	for i, x := range o.Inputs() {
		b := alloc(bytes(x, i))
		fill(b, x.Type)
		r.args = append(r.args, device.Arg{Buffer: b})
	}
	for _, x := range o.Outputs() {
		r.args = append(r.args, device.Arg{Buffer: alloc(bytes(x, len(o.Inputs())))})
	}
	if n := p.Workspace(); n > 0 {
		r.work = device.Span{Buffer: alloc(n), Len: n}
	}
	return r
}

func fill(b device.Buffer, t dtype.DType) {
	n := b.Size() / t.Size()
	switch t {
	case dtype.Float64:
		for i := range unsafe.Slice((*float64)(b.Host()), n) {
			unsafe.Slice((*float64)(b.Host()), n)[i] = math.Sin(float64(i))
		}
	case dtype.Float32:
		for i := range unsafe.Slice((*float32)(b.Host()), n) {
			unsafe.Slice((*float32)(b.Host()), n)[i] = float32(math.Sin(float64(i)))
		}
	}
}

func (r *prepared) run(ctx context.Context) error { return r.p.Run(ctx, r.args, r.work) }

func (r *prepared) free() {
	for _, b := range r.buffers {
		b.Free()
	}
}

func BenchmarkPrograms(b *testing.B) {
	dev := cpu.New(0)
	defer func() { require.NoError(b, dev.Close()) }()
	f64, f32 := dtype.Float64, dtype.Float32
	for _, c := range []struct {
		name string
		op   ir.Op
	}{
		{"add/f64/1e7", addKernel(f64, 1e7)},
		{"add/f64/1000", addKernel(f64, 1000)},
		{"chain/f64/1e7", chainKernel(f64, 1e7)},
		{"chain/f32/1e7", chainKernel(f32, 1e7)},
		{"chain/f64/1000", chainKernel(f64, 1000)},
		{"chain/f32/1000", chainKernel(f32, 1000)},
		{"rowadd/f64/1e6x3", rowAddKernel(f64, 1e6, 3)},
		{"rowadd/f64/2000x5000", rowAddKernel(f64, 2000, 5000)},
		{"sum/f64/1x1e8", sumKernel(f64, 1, 1e8, canon.Lane)},
		{"sum/f64/1000x1000", sumKernel(f64, 1000, 1000, canon.Lane)},
		{"sum/f64/1e6x3", sumKernel(f64, 1e6, 3, canon.Lane)},
		{"sum/f64/1e5x30", sumKernel(f64, 1e5, 30, canon.Lane)},
		{"sum/f64/3e4x100", sumKernel(f64, 3e4, 100, canon.Lane)},
		{"sum0/f64/1e5x100", sumKernel(f64, 1e5, 100, canon.Chunk)},
		{"sum0/f64/3000x3000", sumKernel(f64, 3000, 3000, canon.Chunk)},
		{"argmin/f64/1x1e7", argKernel(f64, 1, 1e7)},
		{"argmin/f32/1x1e7", argKernel(f32, 1, 1e7)},
		{"softmax/f64/2000x5000", softmaxKernel(f64, 2000, 5000)},
		{"softmax/f64/1e5x10", softmaxKernel(f64, 1e5, 10)},
		{"transpose/f64/4000", transposeKernel(f64, 4000)},
		{"transpose/f64/4096", transposeKernel(f64, 4096)},
		{"matmul/f64/512", matmul(f64, 512, 512, 512)},
		{"matmul/f32/512", matmul(f32, 512, 512, 512)},
		{"matvec/f64/2000", matmul(f64, 2000, 1, 2000)},
		{"dot/f64/1e7", matmul(f64, 1, 1, 1e7)},
	} {
		b.Run(c.name, func(b *testing.B) { benchmark(b, dev, c.op) })
	}
}

func benchmark(b *testing.B, dev device.Device, o ir.Op) {
	r := prepare(b, dev, o)
	defer r.free()
	require.NoError(b, r.run(context.Background()))
	cost := o.Cost()
	b.SetBytes(int64(cost.BytesIn + cost.BytesOut))
	b.ReportAllocs()
	for b.Loop() {
		if err := r.run(context.Background()); err != nil {
			b.Fatal(err)
		}
	}
	if cost.Flops > 0 {
		b.ReportMetric(float64(cost.Flops)*float64(b.N)/b.Elapsed().Seconds()/1e9, "GFLOP/s")
	}
}

// BenchmarkFloor is what memory allows: copies and sums by plain loops.
func BenchmarkFloor(b *testing.B) {
	for _, n := range []int{8e6, 1e8} {
		x := make([]byte, n*8)
		y := make([]byte, min(n, 1e7)*8)
		for i := range x {
			x[i] = byte(i)
		}
		b.Run(fmt.Sprint("read/", n), func(b *testing.B) {
			b.SetBytes(int64(len(x)))
			for b.Loop() {
				s := [4]uint64{}
				w := unsafe.Slice((*uint64)(unsafe.Pointer(&x[0])), n)
				for ; len(w) >= 4; w = w[4:] {
					s[0] += w[0]
					s[1] += w[1]
					s[2] += w[2]
					s[3] += w[3]
				}
				sink = s[0] + s[1] + s[2] + s[3]
			}
		})
		b.Run(fmt.Sprint("copy/", len(y)/8), func(b *testing.B) {
			b.SetBytes(2 * int64(len(y)))
			for b.Loop() {
				copy(y, x)
			}
		})
	}
}

var sink uint64
