package tensor_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/tare-go/tare/broadcast"
	"github.com/tare-go/tare/cpu"
	"github.com/tare-go/tare/device"
	"github.com/tare-go/tare/device/devicetest"
	"github.com/tare-go/tare/internal/ir"
	"github.com/tare-go/tare/internal/ir/irtest"
	np "github.com/tare-go/tare/tensor"
)

// moved is bind, and an error where that would end the test. Arrays that were made are freed.
func moved(c *irtest.Case, dev device.Device) (*bound, error) {
	ctx := context.Background()
	b := &bound{c: c, dev: dev, mem: map[*irtest.Array]*np.Tensor{}, node: map[*ir.Node]*ir.Node{}}
	for _, a := range c.Arrays {
		buf, err := dev.Alloc(ctx, len(a.Data))
		if err == nil {
			at := broadcast.Contiguous([]int{len(a.Data) / a.Type.Size()}, a.Type.Size())
			b.mem[a], _ = np.FromMemory(dev, buf, a.Type, at)
			if len(a.Data) > 0 {
				err = dev.Copy(ctx, device.Span{Buffer: buf, Len: len(a.Data)}, device.HostSpan(a.Data))
			}
		}
		if err != nil {
			b.free()
			return nil, err
		}
	}
	return b, nil
}

// wrong is the first element of a result that the oracle has otherwise, or an error of reading it.
func wrong(n *ir.Node, want []uint64, x *np.Tensor, from int) error {
	data := make([]byte, x.NBytes())
	if len(data) == 0 {
		return nil
	}
	leaf, err := np.E(x).Node()
	if err != nil {
		return err
	}
	buf, err := leaf.Array.(interface {
		Buffer() (device.Buffer, error)
	}).Buffer()
	if err == nil {
		err = x.Device().Copy(context.Background(), device.HostSpan(data), device.Span{Buffer: buf, Len: len(data)})
	}
	size := n.Type.Size()
	for i := 0; i < len(data) && err == nil; i += size {
		g, w := ir.ReadBits(data[i:i+size]), want[from+i/size]
		if g != w && !(isNaN(n.Type, g) && isNaN(n.Type, w)) {
			err = fmt.Errorf("element %d of %s is %#x, not %#x", from+i/size, irtest.Text(n), g, w)
		}
	}
	return err
}

// evaluating is a body for eachFailure: the case by EvalAll, with options, in a budget of so many
// percent of the peak.
func evaluating(c *irtest.Case, percent int, opts ...np.EvalOption) func(dev device.Device) error {
	want := make([][]uint64, len(c.Outs))
	for i, n := range c.Outs {
		want[i] = ir.Evaluate(n, irtest.Read)
	}
	return func(dev device.Device) error {
		b, err := moved(c, dev)
		if err != nil {
			return err
		}
		defer b.free()
		var exprs []*np.Expr
		for _, n := range c.Outs {
			exprs = append(exprs, np.FromNode(b.over(n)))
		}
		budget, err := tight(exprs, percent, np.On(dev))
		if err != nil {
			return err
		}
		results, err := np.EvalAll(context.Background(), exprs, append(opts, budget, np.On(dev))...)
		for i, x := range results {
			defer x.Free()
			if err == nil {
				err = wrong(c.Outs[i], want[i], x, 0)
			}
		}
		return err
	}
}

// tight is a budget of so many percent of the peak of an evaluation, but room for its results.
func tight(exprs []*np.Expr, percent int, opts ...np.EvalOption) (np.EvalOption, error) {
	if percent == 0 {
		return nil, nil
	}
	p, err := np.PlanAll(exprs, opts...)
	if err != nil {
		return nil, err
	}
	return np.Budget(max(p.PeakBytes*percent/100, p.ResultBytes)), nil
}

// over is a drawn node over the arrays of the device.
func (b *bound) over(n *ir.Node) *ir.Node {
	return b.expr(background{}, n)
}

// background is a test that only stops when it must.
type background struct{}

func (background) Errorf(format string, args ...any) { panic(fmt.Sprintf(format, args...)) }
func (background) FailNow()                          { panic("failed") }

// inChunks is a body for eachFailure: the first output of the case by Chunks.
func inChunks(c *irtest.Case, percent int) func(dev device.Device) error {
	n := c.Outs[0]
	want := ir.Evaluate(n, irtest.Read)
	return func(dev device.Device) error {
		b, err := moved(c, dev)
		if err != nil {
			return err
		}
		defer b.free()
		e, from := np.FromNode(b.over(n)), 0
		budget, err := tight([]*np.Expr{e}, percent, np.On(dev))
		if err != nil {
			return err
		}
		for part, err := range e.Chunks(context.Background(), budget, np.On(dev)) {
			if err == nil {
				err = wrong(n, want, part, from)
				from += part.Size()
				part.Free()
			}
			if err != nil {
				return err
			}
		}
		if from != len(want) {
			return fmt.Errorf("%d elements of %d", from, len(want))
		}
		return nil
	}
}

// eachFailure lets each call of a body fail, on a strict device and on the CPU, once and from then on.
// The next run on the device is right, or fails as the first did.
func eachFailure(t *testing.T, msg fmt.Stringer, body func(dev device.Device) error) {
	t.Helper()
	for _, open := range []func() device.Device{
		func() device.Device { return devicetest.Strict() },
		func() device.Device { return cpu.New(1) },
	} {
		devicetest.EachFailure(t, open, func(dev device.Device) error {
			err := body(dev)
			if err == nil {
				return nil
			}
			var injected *devicetest.InjectedError
			if next := body(dev); next != nil && !errors.As(next, &injected) {
				t.Errorf("the run after a failure: %v", next)
			}
			return err
		})
		if t.Failed() {
			t.Fatal(msg)
		}
	}
}

// drawn are cases of few elements, the same in each run.
func drawn(t *testing.T, n int) []*irtest.Case {
	if testing.Short() {
		n /= 5
	}
	small := rapid.Custom(func(t *rapid.T) *irtest.Case {
		c := irtest.Draw(t, 4)
		for c.Outs[0].Len() > 400 || c.Outs[len(c.Outs)-1].Len() > 400 {
			c = irtest.Draw(t, 4)
		}
		return c
	})
	cases := make([]*irtest.Case, n)
	for i := range cases {
		cases[i] = small.Example(i)
	}
	return cases
}

func TestEveryCallOfEvaluationsMayFail(t *testing.T) {
	for i, c := range drawn(t, 100) {
		var opts []np.EvalOption
		if i%4 == 0 {
			opts = append(opts, np.Stepwise)
		}
		eachFailure(t, c, evaluating(c, 0, opts...))
	}
}

// sums is a case of a product whose operand is most of what it takes.
func sums(t *testing.T) *irtest.Case {
	a := &irtest.Array{Name: "a", Type: np.Float64, Data: make([]byte, 6*80*8)}
	for i := range 6 * 80 {
		ir.WriteBits(a.Data[8*i:8*i+8], ir.Number(np.Float64, float64(i%17)-8).Bits)
	}
	x := ir.NewLeaf(a, np.Float64, broadcast.Contiguous([]int{6, 80}, 8))
	mean := must[*ir.Node](t)(ir.Mean(x, ir.Reduction{Axes: []int{0}}))
	centred := must[*ir.Node](t)(np.Exp(np.Subtract(np.FromNode(x), np.FromNode(mean))).Node())
	last := must[*ir.Node](t)(ir.NewView(x, ir.View{Kind: ir.ViewIndex, Index: []np.Index{np.At(-1)}}))
	n := must[*ir.Node](t)(ir.MatrixProduct(centred, last))
	return &irtest.Case{Arrays: []*irtest.Array{a}, Leaves: []*ir.Node{x}, Outs: []*ir.Node{n}}
}

func TestEveryCallOfChunksMayFail(t *testing.T) {
	c := sums(t)
	b := must[*bound](t)(moved(c, device.Ledger(cpu.New(1))))
	e := np.FromNode(b.over(c.Outs[0]))
	budget := must[np.EvalOption](t)(tight([]*np.Expr{e}, 85))
	p := must[*np.Plan](t)(e.Plan(budget))
	require.NotNil(t, p.Chunks, "%v", p)
	parts := must[*np.Chunked](t)(e.Chunked(budget))
	require.Greater(t, parts.Parts(), 1)
	require.Contains(t, parts.String(), "first, once")
	eachFailure(t, c, evaluating(c, 85))
	eachFailure(t, c, inChunks(c, 85))
	for _, c := range drawn(t, 30) {
		if len(c.Outs[0].Shape) > 0 {
			eachFailure(t, c, inChunks(c, 0))
		}
	}
}

// Every function that makes or moves an array.
func TestEveryCallOfCreationMayFail(t *testing.T) {
	ctx := context.Background()
	for name, body := range map[string]func(dev device.Device, keep func(*np.Tensor, error) *np.Tensor){
		"ones": func(dev device.Device, keep func(*np.Tensor, error) *np.Tensor) {
			keep(np.Ones([]int{5, 7}, np.On(dev)))
		},
		"arange": func(dev device.Device, keep func(*np.Tensor, error) *np.Tensor) { keep(np.Arange(0, 9, 2, np.On(dev))) },
		"eye":    func(dev device.Device, keep func(*np.Tensor, error) *np.Tensor) { keep(np.Eye(4, 5, 1, np.On(dev))) },
		"copy and assign": func(dev device.Device, keep func(*np.Tensor, error) *np.Tensor) {
			x := keep(np.Ones([]int{5, 7}, np.On(dev)))
			v := keep(x.Transpose())
			y := keep(v.Copy(ctx))
			keep(y, np.Assign(ctx, y, 3))
		},
		"to": func(dev device.Device, keep func(*np.Tensor, error) *np.Tensor) {
			other := device.Ledger(devicetest.Strict())
			x := keep(np.Ones([]int{5, 7}, np.On(dev)))
			there := keep(keep(x.Transpose()).To(ctx, other))
			keep(there.To(ctx, dev))
		},
		"printing": func(dev device.Device, keep func(*np.Tensor, error) *np.Tensor) {
			x := keep(np.Ones([]int{5, 7}, np.On(dev)))
			v := keep(x.Transpose())
			_, err := np.ToSlice[float64](v)
			keep(v, err)
		},
	} {
		t.Run(name, func(t *testing.T) {
			eachFailure(t, bytesOf(name), func(dev device.Device) error { return sequence(dev, body) })
		})
	}
}

type bytesOf string

func (s bytesOf) String() string { return string(s) }

// stop is the end of a sequence at its first error.
type stop struct{ err error }

// sequence runs steps until one fails, and frees what they made.
func sequence(dev device.Device, steps func(dev device.Device, keep func(*np.Tensor, error) *np.Tensor)) (err error) {
	var made []*np.Tensor
	defer func() {
		for _, x := range made {
			x.Free()
		}
		if e := recover(); e != nil {
			s, ok := e.(stop)
			if !ok {
				panic(e)
			}
			err = s.err
		}
	}()
	steps(dev, func(x *np.Tensor, err error) *np.Tensor {
		if err != nil {
			panic(stop{err})
		}
		made = append(made, x)
		return x
	})
	return nil
}

// TestCancelledEvaluations are over before they begin: nothing is allocated, and Out is as it was.
func TestCancelledEvaluations(t *testing.T) {
	dev := ledgered(t)
	x := must[*np.Tensor](t)(np.Ones([]int{1000}, np.On(dev)))
	defer x.Free()
	ctx, cancel := context.WithCancel(t.Context())
	ready := must[*np.Prepared](t)(np.Prepare(np.Exp(x), np.Out(x)))
	defer ready.Close()
	cancel()
	before := dev.Stats()
	for name, call := range map[string]func() error{
		"Eval":     func() error { _, err := np.Exp(x).Eval(ctx); return err },
		"Out":      func() error { _, err := np.Exp(x).Eval(ctx, np.Out(x)); return err },
		"EvalAll":  func() error { _, err := np.EvalAll(ctx, []*np.Expr{np.Exp(x), np.Sum(x)}); return err },
		"Prepared": func() error { _, err := ready.Eval(ctx); return err },
		"Copy":     func() error { _, err := x.Copy(ctx); return err },
		"Assign":   func() error { return np.Assign(ctx, x, 5) },
		"Chunks": func() error {
			for _, err := range np.Exp(x).Chunks(ctx) {
				return err
			}
			return nil
		},
	} {
		assert.ErrorIs(t, call(), context.Canceled, name)
	}
	after := dev.Stats()
	assert.Equal(t, []int{before.Allocs, before.Launches, before.Programs}, []int{after.Allocs, after.Launches, after.Programs})
	for _, v := range must[[]float64](t)(np.ToSlice[float64](x)) {
		require.Equal(t, 1.0, v)
	}
}

// TestCancelledChunks ends a sequence between two parts.
func TestCancelledChunks(t *testing.T) {
	dev := device.Ledger(devicetest.Strict())
	x := must[*np.Tensor](t)(np.Ones([]int{40, 50}, np.On(dev)))
	e := np.Subtract(x, np.Mean(x, np.Axis(0)))
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	parts := 0
	var last error
	for part, err := range e.Chunks(ctx, np.Budget(6000)) {
		if last = err; err == nil {
			parts++
			part.Free()
			cancel()
		}
	}
	assert.Equal(t, 1, parts)
	assert.ErrorIs(t, last, context.Canceled)
	assert.Equal(t, []int{1, 0}, []int{dev.Stats().Buffers, dev.Stats().Programs}, "what all parts need is freed")
	for range e.Chunks(t.Context(), np.Budget(6000)) {
		break // the part is the receiver's, who forgets it
	}
	settle(t, "the forgotten part", func() bool { runtime.GC(); return dev.Stats().Buffers == 1 })
	x.Free()
}
