package cuda

import (
	"context"
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/tare-go/tare/broadcast"
	"github.com/tare-go/tare/cpu"
	"github.com/tare-go/tare/cuda/internal/simulated"
	"github.com/tare-go/tare/device"
	"github.com/tare-go/tare/dtype"
	"github.com/tare-go/tare/internal/ir"
	"github.com/tare-go/tare/internal/ir/irtest"
	np "github.com/tare-go/tare/tensor"
)

// placed is a drawn case with its arrays on a device.
type placed struct {
	dev  device.Device
	mem  map[*irtest.Array]*np.Tensor
	node map[*ir.Node]*ir.Node
}

func place(c *irtest.Case, dev device.Device) (*placed, error) {
	p := &placed{dev: dev, mem: map[*irtest.Array]*np.Tensor{}, node: map[*ir.Node]*ir.Node{}}
	for _, a := range c.Arrays {
		if err := p.array(a); err != nil {
			p.free()
			return nil, err
		}
	}
	return p, nil
}

// array brings an array to the device.
func (p *placed) array(a *irtest.Array) error {
	buf, err := p.dev.Alloc(context.Background(), len(a.Data))
	if err != nil {
		return err
	}
	at := broadcast.Contiguous([]int{len(a.Data) / a.Type.Size()}, a.Type.Size())
	if p.mem[a], err = np.FromMemory(p.dev, buf, a.Type, at); err != nil || len(a.Data) == 0 {
		return err
	}
	return p.dev.Copy(context.Background(), device.Span{Buffer: buf, Len: len(a.Data)}, device.HostSpan(a.Data))
}

func (p *placed) free() {
	for _, m := range p.mem {
		m.Free()
	}
}

// over is a drawn node over the arrays of the device.
func (p *placed) over(n *ir.Node) *ir.Node {
	if m, ok := p.node[n]; ok {
		return m
	}
	m := *n
	if n.Array != nil {
		whole, err := np.E(p.mem[n.Array.(*irtest.Array)]).Node()
		if err != nil {
			panic(err)
		}
		m.Array = whole.Array
	}
	m.Args = nil
	for _, a := range n.Args {
		m.Args = append(m.Args, p.over(a))
	}
	p.node[n] = &m
	return &m
}

func (p *placed) exprs(c *irtest.Case) []*np.Expr {
	var out []*np.Expr
	for _, n := range c.Outs {
		out = append(out, np.FromNode(p.over(n)))
	}
	return out
}

// wrong is the first element of a result that is not the oracle's, or an error of reading it.
func wrong(n *ir.Node, want []uint64, x *np.Tensor) error {
	got, err := elements(x)
	if err != nil {
		return err
	}
	if len(got) != len(want) {
		return fmt.Errorf("%d elements, not %d, of %s", len(got), len(want), irtest.Text(n))
	}
	for i, g := range got {
		if g != want[i] && !(isNaN(n.Type, g) && isNaN(n.Type, want[i])) {
			return fmt.Errorf("element %d of %s is %#x, not %#x", i, irtest.Text(n), g, want[i])
		}
	}
	return nil
}

// elements are the bits of a result.
func elements(x *np.Tensor) ([]uint64, error) {
	host, err := x.To(context.Background(), mustOpen("cpu"))
	if err != nil {
		return nil, err
	}
	n, err := np.E(host).Node()
	if err != nil {
		return nil, err
	}
	buf, err := n.Array.(interface {
		Buffer() (device.Buffer, error)
	}).Buffer()
	if err != nil {
		return nil, err
	}
	data, _ := device.Span{Buffer: buf, Len: x.NBytes()}.Bytes()
	var bits []uint64
	for size := x.DType().Size(); len(data) > 0; data = data[size:] {
		bits = append(bits, ir.ReadBits(data[:size]))
	}
	if host != x {
		host.Free()
	}
	return bits, nil
}

func mustOpen(name string) device.Device {
	dev, err := device.Open(name)
	if err != nil {
		panic(err)
	}
	return dev
}

func isNaN(t dtype.DType, bits uint64) bool {
	switch t {
	case dtype.Float32:
		return bits&0x7fffffff > 0x7f800000
	case dtype.Float64:
		return bits&(1<<63-1) > 0x7ff<<52
	}
	return false
}

// evaluated is what a ledger says of an evaluation, which is checked against the oracle and the plan.
func evaluated(t require.TestingT, c *irtest.Case, dev device.Device, opts ...np.EvalOption) device.Stats {
	p, err := place(c, dev)
	require.NoError(t, err)
	defer p.free()
	ctx, rec := device.Record(context.Background())
	opts = append(opts, np.On(dev))
	exprs := p.exprs(c)
	plan, err := np.PlanAll(exprs, opts...)
	require.NoError(t, err, c.String())
	results, err := np.EvalAll(ctx, exprs, opts...)
	require.NoError(t, err, c.String())
	s := rec.Stats()
	require.Equal(t, plan.PeakBytes, s.PeakBytes, "peak of %v\n%v", c, plan)
	require.Equal(t, plan.IntermediateBytes, s.IntermediateBytes, "intermediates of %v\n%v", c, plan)
	require.Equal(t, plan.WorkspaceBytes, s.WorkspaceBytes, "workspace of %v\n%v", c, plan)
	require.Equal(t, plan.ResultBytes, s.LiveBytes, "what is left of %v\n%v", c, plan)
	require.Equal(t, plan.Launches(), s.Launches)
	require.Zero(t, s.Transfers().Count)
	for i, n := range c.Outs {
		require.NoError(t, wrong(n, ir.Evaluate(n, irtest.Read), results[i]), "%v", plan)
		results[i].Free()
	}
	require.Zero(t, rec.Stats().LiveBytes)
	return s
}

// TestRandomExpressions is the promise in one test: random expressions over arrays of all types and layouts have the
// oracle's bits on the simulation, and its plan's bytes; and it allocates what the CPU does, but for the workspace.
func TestRandomExpressions(t *testing.T) {
	g, table := simulate(t, simulated.Options{}, options{slabs: true})
	dev := device.Ledger(device.Pool(g))
	host := device.Ledger(device.Pool(cpu.New(2)))
	defer host.Close()
	rapid.Check(t, func(t *rapid.T) {
		c := irtest.Draw(t, 6)
		var opts []np.EvalOption
		if rapid.Bool().Draw(t, "stepwise") {
			opts = append(opts, np.Stepwise)
		}
		got, want := evaluated(t, c, dev, opts...), evaluated(t, c, host, opts...)
		require.Equal(t, want.ResultBytes, got.ResultBytes)
		require.Equal(t, want.IntermediateBytes, got.IntermediateBytes)
		require.Equal(t, want.Intermediates, got.Intermediates)
		require.Equal(t, want.Launches, got.Launches)
	})
	require.Zero(t, dev.Stats().Buffers)
	require.NoError(t, dev.Close())
	assert.Zero(t, table.Live())
}

// matrix is an array on the CPU with different elements.
func matrix(t testing.TB, shape ...int) *np.Tensor {
	t.Helper()
	i := 0
	x, err := np.FromFunc(shape, func([]int) float64 { i++; return float64(i*i%1009) / 7 })
	require.NoError(t, err)
	return x
}

// TestOneLineChanged evaluates on the device what is evaluated on the CPU.
func TestOneLineChanged(t *testing.T) {
	ctx := context.Background()
	x := matrix(t, 70, 130)
	sim := mustOpen("cuda:sim")
	gctx, rec := device.Record(ctx)
	g, err := x.To(gctx, sim)
	require.NoError(t, err)
	standardised := func(x *np.Tensor) *np.Expr {
		return np.Divide(np.Subtract(x, np.Mean(x, np.Axis(0), np.KeepDims)), np.Std(x, np.Axis(0), np.KeepDims))
	}
	want, err := standardised(x).Eval(ctx)
	require.NoError(t, err)
	y, err := standardised(g).Eval(gctx)
	require.NoError(t, err)
	assert.Same(t, sim, y.Device())
	back, err := y.To(gctx, x.Device())
	require.NoError(t, err)
	got, err := np.ToSlice[float64](back)
	require.NoError(t, err)
	wanted, err := np.ToSlice[float64](want)
	require.NoError(t, err)
	assert.Equal(t, wanted, got)
	s := rec.Stats()
	assert.Equal(t, device.Transfer{Count: 1, Bytes: 70 * 130 * 8}, s.H2D)
	assert.Equal(t, device.Transfer{Count: 1, Bytes: 70 * 130 * 8}, s.D2H)
	assert.Zero(t, s.D2D)
	g.Free()
	y.Free()
}

// TestNothingMovesUnasked adds arrays of two devices.
func TestNothingMovesUnasked(t *testing.T) {
	ctx := context.Background()
	x := matrix(t, 10, 10)
	g, err := x.To(ctx, mustOpen("cuda:sim"))
	require.NoError(t, err)
	defer g.Free()
	_, err = np.Add(x, g).Eval(ctx)
	var mismatch *device.MismatchError
	require.ErrorAs(t, err, &mismatch)
	assert.Contains(t, err.Error(), "x.To(ctx, dev)")
	assert.Contains(t, err.Error(), "cuda:sim")
}
