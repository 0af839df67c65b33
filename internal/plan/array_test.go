package plan_test

import (
	"context"
	"fmt"
	"math"
	"slices"
	"sync/atomic"
	"testing"

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

var background = context.Background()

// memory is an array on a device. One that is only planned with has no buffer.
type memory struct {
	name   string
	dev    device.Device
	bytes  int
	mapped bool
	buf    device.Buffer
	held   atomic.Int64 // Holds that were not ended
}

func (m *memory) SourceName() string    { return m.name }
func (m *memory) Device() device.Device { return m.dev }
func (m *memory) Bytes() int            { return m.bytes }
func (m *memory) Mapped() bool          { return m.mapped }

func (m *memory) Hold() (device.Buffer, error) {
	if m.buf == nil {
		return nil, &device.FreedError{Op: "use of " + m.name}
	}
	m.held.Add(1)
	return m.buf, nil
}

// Release ends a Hold: freeing is the test's business.
func (m *memory) Release() { m.held.Add(-1) }

// leaf is an array in C order to plan with.
func leaf(dev device.Device, name string, t dtype.DType, shape ...int) *ir.Node {
	at := broadcast.Contiguous(shape, t.Size())
	return ir.NewLeaf(&memory{name: name, dev: dev, bytes: at.Size() * t.Size()}, t, at)
}

func node(n *ir.Node, err error) *ir.Node {
	if err != nil {
		panic(err)
	}
	return n
}

func apply(c op.Code, args ...*ir.Node) *ir.Node { return node(ir.Elementwise(c, args...)) }

func index(n *ir.Node, ix ...broadcast.Index) *ir.Node {
	return node(ir.NewView(n, ir.View{Kind: ir.ViewIndex, Index: ix}))
}

func transposed(n *ir.Node) *ir.Node { return node(ir.NewView(n, ir.View{Kind: ir.ViewTranspose})) }

func number(v float64) *ir.Node { return ir.Number(dtype.Float64, v) }

// over is a reduction of some axes.
func over(axes ...int) ir.Reduction { return ir.Reduction{Axes: axes} }

func kept(axes ...int) ir.Reduction { return ir.Reduction{Axes: axes, KeepDims: true} }

// standard is (x - mean) / std.
func standard(x *ir.Node, r ir.Reduction) *ir.Node {
	return apply(op.Divide, apply(op.Subtract, x, node(ir.Mean(x, r))), node(ir.Std(x, r)))
}

func made(t testing.TB, ctx context.Context, opt plan.Options, targets ...plan.Target) *plan.Plan {
	t.Helper()
	p, err := plan.New(ctx, targets, opt)
	require.NoError(t, err)
	return p
}

// bench is a drawn case with its arrays on a device.
type bench struct {
	c    *irtest.Case
	dev  device.Device
	mem  map[*irtest.Array]*memory
	node map[*ir.Node]*ir.Node
}

// put copies the arrays of a case to a device. Those that were copied before an error are freed.
func put(c *irtest.Case, dev device.Device) (*bench, error) {
	b := &bench{c: c, dev: dev, mem: map[*irtest.Array]*memory{}, node: map[*ir.Node]*ir.Node{}}
	for _, a := range c.Arrays {
		buf, err := dev.Alloc(background, len(a.Data))
		if err == nil {
			b.mem[a] = &memory{name: a.Name, dev: dev, bytes: len(a.Data), buf: buf}
			err = dev.Copy(background, device.Span{Buffer: buf, Len: len(a.Data)}, device.HostSpan(slices.Clone(a.Data)))
		}
		if err != nil {
			b.free()
			return nil, err
		}
	}
	return b, nil
}

func (b *bench) free() {
	for _, m := range b.mem {
		if n := m.held.Load(); n != 0 {
			panic(fmt.Sprintf("%s is held %d times", m.name, n))
		}
		m.buf.Free()
	}
}

// on is a drawn node over the arrays of the device.
func (b *bench) on(n *ir.Node) *ir.Node {
	if n == nil {
		return nil
	}
	if m, ok := b.node[n]; ok {
		return m
	}
	m := *n
	if n.Array != nil {
		m.Array = b.mem[n.Array.(*irtest.Array)]
	}
	m.Args = nil
	for _, a := range n.Args {
		m.Args = append(m.Args, b.on(a))
	}
	b.node[n] = &m
	return &m
}

// targets are the drawn targets over the arrays of the device.
func (b *bench) targets(drawn []plan.Target) []plan.Target {
	out := make([]plan.Target, len(drawn))
	for i, t := range drawn {
		out[i] = plan.Target{Node: b.on(t.Node), Out: b.on(t.Out), Mask: b.on(t.Mask)}
	}
	return out
}

// fresh are targets in new arrays.
func fresh(nodes ...*ir.Node) []plan.Target {
	targets := make([]plan.Target, len(nodes))
	for i, n := range nodes {
		targets[i].Node = n
	}
	return targets
}

// bytes is what a buffer holds.
func bytes(dev device.Device, buf device.Buffer, n int) ([]byte, error) {
	data := make([]byte, n)
	return data, dev.Copy(background, device.HostSpan(data), device.Span{Buffer: buf, Len: n})
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

// differ is the first element in C order that is not what was wanted, -1 if there is none.
func differ(t dtype.DType, want []uint64, got []byte) int {
	size := t.Size()
	if len(got) != len(want)*size {
		return len(want)
	}
	for i, w := range want {
		if g := ir.ReadBits(got[i*size : (i+1)*size]); g != w && !(isNaN(t, g) && isNaN(t, w)) {
			return i
		}
	}
	return -1
}

// offsets are those of a view's elements, in C order.
func offsets(at broadcast.View) []int {
	out := []int{at.Offset}
	for d, e := range at.Shape {
		var next []int
		for _, o := range out {
			for i := range e {
				next = append(next, o+i*at.Strides[d])
			}
		}
		out = next
	}
	return out
}

// ledgered is a strict device under a ledger and a pool.
func ledgered() (*device.Ledgered, *devicetest.StrictDevice) {
	s := devicetest.Strict()
	return device.Ledger(device.Pool(s)), s
}

func float(bits uint64) float64 { return math.Float64frombits(bits) }
