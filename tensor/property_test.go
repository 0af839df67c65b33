package tensor_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/tare-go/tare/broadcast"
	"github.com/tare-go/tare/cpu"
	"github.com/tare-go/tare/device"
	"github.com/tare-go/tare/device/devicetest"
	"github.com/tare-go/tare/dtype"
	"github.com/tare-go/tare/internal/ir"
	"github.com/tare-go/tare/internal/ir/irtest"
	np "github.com/tare-go/tare/tensor"
)

// bound is a drawn case with its arrays on a device.
type bound struct {
	c    *irtest.Case
	dev  device.Device
	mem  map[*irtest.Array]*np.Tensor
	node map[*ir.Node]*ir.Node
}

func bind(t require.TestingT, c *irtest.Case, dev device.Device) *bound {
	b := &bound{c: c, dev: dev, mem: map[*irtest.Array]*np.Tensor{}, node: map[*ir.Node]*ir.Node{}}
	for _, a := range c.Arrays {
		buf, err := dev.Alloc(context.Background(), len(a.Data))
		require.NoError(t, err)
		if len(a.Data) > 0 {
			require.NoError(t, dev.Copy(context.Background(), device.Span{Buffer: buf, Len: len(a.Data)}, device.HostSpan(a.Data)))
		}
		at := broadcast.Contiguous([]int{len(a.Data) / a.Type.Size()}, a.Type.Size())
		b.mem[a], err = np.FromMemory(dev, buf, a.Type, at)
		require.NoError(t, err)
	}
	return b
}

func (b *bound) free() {
	for _, m := range b.mem {
		m.Free()
	}
}

// expr is the drawn expression over the arrays of the device.
func (b *bound) expr(t require.TestingT, n *ir.Node) *ir.Node {
	if m, ok := b.node[n]; ok {
		return m
	}
	m := *n
	if n.Array != nil {
		whole, err := np.E(b.mem[n.Array.(*irtest.Array)]).Node()
		require.NoError(t, err)
		m.Array = whole.Array
	}
	m.Args = nil
	for _, a := range n.Args {
		m.Args = append(m.Args, b.expr(t, a))
	}
	b.node[n] = &m
	return &m
}

func (b *bound) exprs(t require.TestingT) []*np.Expr {
	var out []*np.Expr
	for _, n := range b.c.Outs {
		out = append(out, np.FromNode(b.expr(t, n)))
	}
	return out
}

// elements are the bits of a result.
func elements(t require.TestingT, x *np.Tensor) []uint64 {
	buf := make([]byte, x.NBytes())
	read(t, x, buf)
	var bits []uint64
	size := x.DType().Size()
	for i := 0; i < len(buf); i += size {
		bits = append(bits, ir.ReadBits(buf[i:i+size]))
	}
	return bits
}

func read(t require.TestingT, x *np.Tensor, dst []byte) {
	if len(dst) == 0 {
		return
	}
	n, err := np.E(x).Node()
	require.NoError(t, err)
	mem := n.Array.(interface {
		Hold() (device.Buffer, error)
		Release()
	})
	buf, err := mem.Hold()
	require.NoError(t, err)
	defer mem.Release()
	require.NoError(t, x.Device().Copy(context.Background(), device.HostSpan(dst), device.Span{Buffer: buf, Len: len(dst)}))
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

// agree evaluates a case and compares bits with the oracle and the ledger with the plan.
func agree(t require.TestingT, c *irtest.Case, dev device.Device, opts ...np.EvalOption) {
	b := bind(t, c, dev)
	defer b.free()
	exprs := b.exprs(t)
	ctx, rec := device.Record(context.Background())
	opts = append(opts, np.On(dev))
	plan, err := np.PlanAll(exprs, opts...)
	require.NoError(t, err, c.String())
	results, err := np.EvalAll(ctx, exprs, opts...)
	require.NoError(t, err, c.String())

	s := rec.Stats()
	require.Equal(t, plan.PeakBytes, s.PeakBytes, "peak of %v\n%v", c, plan)
	require.Equal(t, plan.IntermediateBytes, s.IntermediateBytes, "intermediates of %v\n%v", c, plan)
	require.Equal(t, plan.WorkspaceBytes, s.WorkspaceBytes, "workspace of %v\n%v", c, plan)
	require.Equal(t, plan.ResultBytes, s.ResultBytes, "results of %v\n%v", c, plan)
	require.Equal(t, plan.ResultBytes, s.LiveBytes, "what is left of %v\n%v", c, plan)
	require.Equal(t, plan.Launches(), s.Launches)
	require.Zero(t, s.Transfers().Count)

	for i, n := range c.Outs {
		want, got := ir.Evaluate(n, irtest.Read), elements(t, results[i])
		require.Equal(t, len(want), len(got))
		for j := range want {
			if want[j] != got[j] && !(isNaN(n.Type, want[j]) && isNaN(n.Type, got[j])) {
				require.Equalf(t, want[j], got[j], "element %d of %s\n%v", j, irtest.Text(n), plan)
			}
		}
		results[i].Free()
	}
	require.Zero(t, rec.Stats().LiveBytes)
}

// TestEverythingAgrees is the promise in one test: random expressions over arrays of all types and
// layouts have the oracle's bits and the plan's bytes, for one worker and for many, fused and eager.
func TestEverythingAgrees(t *testing.T) {
	devices := map[int]device.Device{}
	for _, workers := range []int{1, 2, 5} {
		devices[workers] = device.Ledger(device.Pool(cpu.New(workers)))
		defer devices[workers].Close()
	}
	rapid.Check(t, func(t *rapid.T) {
		c := irtest.Draw(t, 8)
		dev := devices[rapid.SampledFrom([]int{1, 2, 5}).Draw(t, "workers")]
		var opts []np.EvalOption
		if rapid.Bool().Draw(t, "stepwise") {
			opts = append(opts, np.Stepwise)
		}
		agree(t, c, dev, opts...)
	})
}

// TestNothingImplicit evaluates on a device whose memory nobody else can reach, which refuses
// whatever was not allocated on it or was freed.
func TestNothingImplicit(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		strict := devicetest.Strict()
		agree(t, irtest.Draw(t, 5), device.Ledger(strict))
	})
}
