package plan_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tare-go/tare/broadcast"
	"github.com/tare-go/tare/device"
	"github.com/tare-go/tare/device/devicetest"
	"github.com/tare-go/tare/dtype"
	"github.com/tare-go/tare/internal/ir"
	"github.com/tare-go/tare/internal/ir/irtest"
	"github.com/tare-go/tare/internal/op"
	"github.com/tare-go/tare/internal/plan"
)

// values are the float64 elements that a plan of one target returns.
func values(t *testing.T, p *plan.Plan, bind plan.Bindings) []float64 {
	t.Helper()
	bufs, err := p.Run(background, bind, nil)
	require.NoError(t, err)
	require.Len(t, bufs, 1)
	defer bufs[0].Free()
	data, err := bytes(p.Device, bufs[0], p.Results()[0].Bytes())
	require.NoError(t, err)
	return floats(data)
}

func floats(data []byte) []float64 {
	out := make([]float64, len(data)/8)
	for i := range out {
		out[i] = float(ir.ReadBits(data[8*i : 8*i+8]))
	}
	return out
}

// counting puts arrays of 0, 1, 2 … on a device.
func counting(t *testing.T, dev device.Device, extents ...int) []*ir.Node {
	t.Helper()
	var nodes []*ir.Node
	for i, n := range extents {
		data := make([]byte, 8*n)
		for j := range n {
			ir.WriteBits(data[8*j:8*j+8], number(float64(100*i+j)).Bits)
		}
		buf, err := dev.Alloc(background, len(data))
		require.NoError(t, err)
		require.NoError(t, dev.Copy(background, device.Span{Buffer: buf, Len: len(data)}, device.HostSpan(data)))
		m := &memory{name: string(rune('a' + i)), dev: dev, bytes: len(data), buf: buf}
		nodes = append(nodes, ir.NewLeaf(m, dtype.Float64, broadcast.Contiguous([]int{n}, 8)))
	}
	return nodes
}

func TestBindings(t *testing.T) {
	dev, strict := ledgered()
	ns := counting(t, dev, 4, 6)
	a, b := ns[0], ns[1]
	scalar := ir.NewScalar(dtype.Float64, number(10).Bits)
	scalar.Slot = &ir.Slot{Type: dtype.Float64}
	small := ir.CastTo(scalar, dtype.Float32)
	p := made(t, background, plan.Options{}, plan.Target{Node: apply(op.Add, apply(op.Multiply, a, scalar), ir.CastTo(small, dtype.Float64))})
	assert.Equal(t, []float64{10, 20, 30, 40}, values(t, p, plan.Bindings{}))
	assert.Equal(t, []float64{2, 4, 6, 8}, values(t, p, plan.Bindings{Scalars: map[*ir.Slot]uint64{scalar.Slot: number(2).Bits}}))
	arrays := map[ir.Source]plan.Bound{a.Array: {Array: b.Array.(plan.Array), Shift: 8}}
	assert.Equal(t, []float64{1020, 1030, 1040, 1050}, values(t, p, plan.Bindings{Arrays: arrays}))
	assert.Equal(t, []float64{10, 20, 30, 40}, values(t, p, plan.Bindings{}), "a binding is for one run")
	require.NoError(t, p.Close())
	require.Empty(t, strict.Errors())
}

// A scalar is converted from the type of its slot to that in which it is used.
func TestBoundScalarsAreConverted(t *testing.T) {
	dev, _ := ledgered()
	a := counting(t, dev, 3)[0]
	weak := ir.NewWeak(dtype.Int64, 5)
	weak.Slot = &ir.Slot{Type: dtype.Int64}
	p := made(t, background, plan.Options{}, plan.Target{Node: apply(op.Add, a, weak)})
	assert.Equal(t, []float64{5, 6, 7}, values(t, p, plan.Bindings{}))
	assert.Equal(t, []float64{-3, -2, -1}, values(t, p, plan.Bindings{Scalars: map[*ir.Slot]uint64{weak.Slot: ^uint64(2)}}))
}

// What is read can be bound, and an Out stays where it is, also where another target reads it.
func TestBindingsLeaveOutsWhereTheyAre(t *testing.T) {
	dev, _ := ledgered()
	ns := counting(t, dev, 3, 3)
	a, b := ns[0], ns[1]
	doubled := apply(op.Multiply, a, number(2))
	for _, eager := range []bool{false, true} {
		targets := []plan.Target{{Node: doubled, Out: a}, {Node: node(ir.Sum(doubled, over()))}}
		p := made(t, background, plan.Options{Eager: eager}, targets...)
		bufs, err := p.Run(background, plan.Bindings{Arrays: map[ir.Source]plan.Bound{a.Array: {Array: b.Array.(plan.Array)}}}, nil)
		require.NoError(t, err)
		held, err := bytes(dev, a.Array.(*memory).buf, 24)
		require.NoError(t, err)
		assert.Equal(t, []float64{200, 202, 204}, floats(held))
		held, err = bytes(dev, b.Array.(*memory).buf, 24)
		require.NoError(t, err)
		assert.Equal(t, []float64{100, 101, 102}, floats(held))
		sum, err := bytes(dev, bufs[1], 8)
		require.NoError(t, err)
		assert.Equal(t, []float64{606}, floats(sum))
	}
}

// A result that goes into an Out and is read again by the next call is read from there.
func TestBindingsAreNotForResults(t *testing.T) {
	dev, _ := ledgered()
	ns := counting(t, dev, 2, 2)
	column := func(n *ir.Node) *ir.Node {
		return node(ir.NewView(n, ir.View{Kind: ir.ViewReshape, Ints: []int{2, 1}}))
	}
	a, b := column(ns[0]), column(ns[1])
	ones := node(ir.BroadcastTo(number(1), []int{2, 2}))
	product := node(ir.MatrixProduct(ones, apply(op.Add, a, number(1))))
	p := made(t, background, plan.Options{}, []plan.Target{{Node: product, Out: a}, {Node: apply(op.Add, product, number(0.5))}}...)
	bufs, err := p.Run(background, plan.Bindings{Arrays: map[ir.Source]plan.Bound{a.Array: {Array: b.Array.(plan.Array)}}}, nil)
	require.NoError(t, err)
	got, err := bytes(dev, bufs[1], 16)
	require.NoError(t, err)
	assert.Equal(t, []float64{203.5, 203.5}, floats(got), "%v", p)
}

func TestResultsOfNoElements(t *testing.T) {
	dev, strict := ledgered()
	ns := counting(t, dev, 0, 5)
	empty, five := ns[0], ns[1]
	rows := node(ir.NewView(empty, ir.View{Kind: ir.ViewReshape, Ints: []int{0, 3}}))
	for name, n := range map[string]*ir.Node{
		"map": apply(op.Exp, empty), "view": transposed(apply(op.Exp, rows)), "product": node(ir.MatrixProduct(rows, index(five, broadcast.To(3)))),
		"rows": standard(rows, kept(1)), "cut": index(apply(op.Exp, five), broadcast.To(0)),
	} {
		p := made(t, background, plan.Options{}, plan.Target{Node: n})
		assert.Zero(t, p.PeakBytes, name)
		assert.Empty(t, values(t, p, plan.Bindings{}), name)
		require.NoError(t, p.Close())
	}
	columns := made(t, background, plan.Options{Device: dev}, plan.Target{Node: node(ir.Sum(rows, over(0)))})
	assert.Equal(t, []float64{0, 0, 0}, values(t, columns, plan.Bindings{}), "a sum of nothing has elements")
	inner := made(t, background, plan.Options{}, plan.Target{Node: node(ir.MatrixProduct(transposed(rows), rows))})
	assert.Equal(t, make([]float64, 9), values(t, inner, plan.Bindings{}), "and so has a product over nothing")
	out := made(t, background, plan.Options{}, plan.Target{Node: apply(op.Exp, empty), Out: empty})
	bufs, err := out.Run(background, plan.Bindings{}, nil)
	require.NoError(t, err)
	assert.Equal(t, []device.Buffer{nil}, bufs)
	require.Empty(t, strict.Errors())
}

func TestClosedPlans(t *testing.T) {
	dev, _ := ledgered()
	a := counting(t, dev, 4)[0]
	p := made(t, background, plan.Options{}, plan.Target{Node: apply(op.Subtract, a, node(ir.Mean(a, over(0))))})
	text := p.String()
	assert.Positive(t, dev.Stats().Programs)
	require.NoError(t, p.Close())
	require.NoError(t, p.Close(), "a second Close does nothing")
	assert.Zero(t, dev.Stats().Programs)
	assert.Equal(t, text, p.String(), "a closed plan can be read")
	live := dev.Stats().LiveBytes
	_, err := p.Run(background, plan.Bindings{}, nil)
	assert.ErrorIs(t, err, device.ErrClosed)
	assert.Equal(t, live, dev.Stats().LiveBytes)
}

func TestOperandsThatWereFreed(t *testing.T) {
	dev, _ := ledgered()
	a := counting(t, dev, 4)[0]
	p := made(t, background, plan.Options{}, plan.Target{Node: apply(op.Exp, a)})
	a.Array.(*memory).buf = nil
	_, err := p.Run(background, plan.Bindings{}, nil)
	assert.ErrorIs(t, err, device.ErrFreed)
	assert.Equal(t, 1, dev.Stats().Buffers, "the operand's own, and no result")

	both := counting(t, dev, 4, 4)
	p = made(t, background, plan.Options{}, plan.Target{Node: apply(op.Add, both[0], both[1])})
	both[1].Array.(*memory).buf = nil
	_, err = p.Run(background, plan.Bindings{}, nil)
	assert.ErrorIs(t, err, device.ErrFreed)
	assert.Zero(t, both[0].Array.(*memory).held.Load(), "the other is let go")
}

// Allocations and launches are those of the user's calls.
func TestSitesOfBuffersAndCalls(t *testing.T) {
	dev := device.Ledger(devicetest.Strict())
	a := counting(t, dev, 8)[0]
	root := apply(op.Subtract, a, apply(op.Exp, node(ir.Mean(a, over(0))))).WithSite(0x1234)
	p := made(t, background, plan.Options{}, plan.Target{Node: root})
	ctx, rec := device.Record(background)
	_, err := p.Run(device.WithSite(ctx, 0x5678), plan.Bindings{}, nil)
	require.NoError(t, err)
	bySite := map[device.Site]device.Stats{}
	for _, s := range rec.Sites() {
		bySite[s.Site] = s.Stats
	}
	assert.Equal(t, 64, bySite[0x1234].ResultBytes)
	assert.Equal(t, 1, bySite[0x1234].Launches)
	assert.Equal(t, p.WorkspaceBytes, bySite[0x5678].WorkspaceBytes, "what has no site of its own is the evaluation's")
	assert.NotContains(t, bySite, device.Site(0))
}

func TestCancelledBefore(t *testing.T) {
	dev, _ := ledgered()
	a := counting(t, dev, 4)[0]
	ctx, cancel := context.WithCancel(background)
	p := made(t, ctx, plan.Options{}, plan.Target{Node: apply(op.Exp, a), Out: a})
	cancel()
	_, err := p.Run(ctx, plan.Bindings{}, nil)
	require.ErrorIs(t, err, context.Canceled)
	held, err := bytes(dev, a.Array.(*memory).buf, 32)
	require.NoError(t, err)
	assert.Equal(t, []float64{0, 1, 2, 3}, floats(held), "nothing was written")
	_, err = plan.New(ctx, fresh(apply(op.Exp, a)), plan.Options{})
	require.ErrorIs(t, err, context.Canceled)
}

// cancelling cancels at a launch.
type cancelling struct {
	device.Device
	at, launches int
	cancel       func()
	during       bool // once the launch has ended, or else before it
}

func (c *cancelling) Compile(o ir.Op) (device.Program, error) {
	p, err := c.Device.Compile(o)
	return cancellingProgram{p, c}, err
}

type cancellingProgram struct {
	device.Program
	c *cancelling
}

func (p cancellingProgram) Run(ctx context.Context, args []device.Arg, work device.Span) error {
	p.c.launches++
	if p.c.launches == p.c.at && !p.c.during {
		p.c.cancel()
	}
	err := p.Program.Run(ctx, args, work)
	if p.c.launches == p.c.at && p.c.during {
		p.c.cancel()
	}
	return err
}

// TestCancelledDuring cancels at each launch of a plan in chunks: the error is the context's, what was
// allocated is freed, no later launch happens, and the next run is right.
func TestCancelledDuring(t *testing.T) {
	c := &irtest.Case{}
	x, w := filled(c, "x", 24, 20), filled(c, "w", 20, 2)
	n := large["standard"](x, w)
	want := ir.Evaluate(n, irtest.Read)
	for at := 1; ; at++ {
		for _, during := range []bool{false, true} {
			dev := &cancelling{Device: devicetest.Strict(), at: at, during: during}
			l := device.Ledger(device.Pool(dev))
			b, err := put(c, l)
			require.NoError(t, err)
			p := within(t, 2000, fresh(b.on(n)), plan.Options{})
			require.NotNil(t, p.Chunks)
			if at > p.Launches() {
				return
			}
			ctx, cancel := context.WithCancel(background)
			dev.cancel = cancel
			before := l.Stats()
			_, err = p.Run(ctx, plan.Bindings{}, nil)
			require.ErrorIs(t, err, context.Canceled)
			require.LessOrEqual(t, dev.launches, at, "nothing is started after the end")
			after := l.Stats()
			require.Equal(t, []int{before.Buffers, before.LiveBytes, before.Programs}, []int{after.Buffers, after.LiveBytes, after.Programs})
			bufs, err := p.Run(background, plan.Bindings{}, nil)
			require.NoError(t, err)
			got, err := bytes(l, bufs[0], n.Bytes())
			require.NoError(t, err)
			require.Equal(t, -1, differ(n.Type, want, got))
			cancel()
		}
	}
}
