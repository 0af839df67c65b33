package tensor

import (
	"context"
	"fmt"
	"math"
	"unsafe"

	"github.com/tare-go/tare/broadcast"
	"github.com/tare-go/tare/device"
	"github.com/tare-go/tare/dtype"
	"github.com/tare-go/tare/internal/ir"
	"github.com/tare-go/tare/internal/op"
)

// CreateOption is an option of a creation routine: DType, On.
type CreateOption interface {
	creation(c *creation)
}

// creation is what the options say.
type creation struct {
	typ dtype.DType
	dev device.Device
}

func (o TypeOption) creation(c *creation)   { c.typ = o.typ }
func (o DeviceOption) creation(c *creation) { c.dev = o.dev }

// created applies the options; natural is the type without one.
func created(natural dtype.DType, opts []CreateOption) (creation, error) {
	c := creation{typ: natural}
	for _, o := range opts {
		o.creation(&c)
	}
	var err error
	if c.dev == nil {
		c.dev, err = device.Open("cpu")
	}
	if c.typ == dtype.Invalid || c.typ >= dtype.Count {
		return c, fmt.Errorf("%v is no type of elements", c.typ)
	}
	return c, err
}

// alloc is a new array in C order with undefined elements, on behalf of the user's call.
func (c creation) alloc(name string, site uintptr, shape []int) (*Tensor, error) {
	fail := func(err error) (*Tensor, error) {
		return nil, &Error{Op: name, Site: device.Site(site), Err: err}
	}
	n, err := broadcast.Size(shape)
	if err != nil {
		return fail(err)
	}
	if n > math.MaxInt/c.typ.Size() {
		return fail(fmt.Errorf("an array of shape %s and type %v has more bytes than can be addressed", broadcast.FormatShape(shape), c.typ))
	}
	if len(shape) > broadcast.MaxDims {
		return fail(fmt.Errorf("%d dimensions: arrays have at most %d", len(shape), broadcast.MaxDims))
	}
	ctx := device.WithSite(context.Background(), site)
	if err := device.Check(ctx, c.dev, name, device.SizeClass(n*c.typ.Size()), nil); err != nil {
		return fail(err)
	}
	buf, err := c.dev.Alloc(ctx, n*c.typ.Size())
	if err != nil {
		return fail(err)
	}
	return &Tensor{mem: newMemory(c.dev, buf), typ: c.typ, at: broadcast.Contiguous(shape, c.typ.Size())}, nil
}

// fill evaluates a value into a new array.
func (c creation) fill(name string, site uintptr, shape []int, value *ir.Node) (*Tensor, error) {
	t, err := c.alloc(name, site, shape)
	if err != nil {
		return nil, err
	}
	n, err := ir.BroadcastTo(ir.CastTo(value, c.typ), shape)
	if err == nil {
		_, err = made(name, site, n, nil).Eval(context.Background(), Out(t))
	}
	if err != nil {
		t.Free()
		return nil, &Error{Op: name, Site: device.Site(site), Err: err}
	}
	t.mem.version.Store(0)
	return t, nil
}

// write moves C-order bytes into a new array.
func (c creation) write(name string, site uintptr, shape []int, data []byte) (*Tensor, error) {
	t, err := c.alloc(name, site, shape)
	if err != nil || len(data) == 0 {
		return t, err
	}
	buf, err := t.mem.Buffer()
	if err == nil {
		err = c.dev.Copy(device.WithSite(context.Background(), site), device.Span{Buffer: buf, Len: len(data)}, device.HostSpan(data))
	}
	if err != nil {
		t.Free()
		return nil, err
	}
	return t, nil
}

// Zeros is a new array of zeros, float64 unless DType says otherwise.
func Zeros(shape []int, opts ...CreateOption) (*Tensor, error) {
	return full("zeros", caller(1), shape, dtype.Float64, ir.Number(dtype.Float64, 0), opts)
}

// Ones is a new array of ones, float64 unless DType says otherwise.
func Ones(shape []int, opts ...CreateOption) (*Tensor, error) {
	return full("ones", caller(1), shape, dtype.Float64, ir.Number(dtype.Float64, 1), opts)
}

// Full is a new array of one value, of the value's type (int64 and float64 for Go's int and float64)
// unless DType says otherwise.
func Full[N Number | bool](shape []int, v N, opts ...CreateOption) (*Tensor, error) {
	t, bits := weak(v)
	return full("full", caller(1), shape, naturalType(v), ir.NewScalar(t, bits), opts)
}

// naturalType is the type of an array made from a Go number.
func naturalType[N Number | bool](v N) dtype.DType { return dtype.OfValue(v) }

func full(name string, site uintptr, shape []int, natural dtype.DType, value *ir.Node, opts []CreateOption) (*Tensor, error) {
	c, err := created(natural, opts)
	if err != nil {
		return nil, err
	}
	return c.fill(name, site, shape, value)
}

// Empty is a new array whose elements are undefined until they are written.
func Empty(shape []int, opts ...CreateOption) (*Tensor, error) {
	c, err := created(dtype.Float64, opts)
	if err != nil {
		return nil, err
	}
	return c.alloc("empty", caller(1), shape)
}

// like puts the type and the device of an array before the options that were given.
func like(a *Tensor, opts []CreateOption) []CreateOption {
	return append([]CreateOption{DType(a.typ), On(a.mem.dev)}, opts...)
}

// ZerosLike is Zeros with the shape, type and device of a.
func ZerosLike(a *Tensor, opts ...CreateOption) (*Tensor, error) {
	return full("zeros_like", caller(1), a.at.Shape, a.typ, ir.Number(dtype.Float64, 0), like(a, opts))
}

// OnesLike is Ones with the shape, type and device of a.
func OnesLike(a *Tensor, opts ...CreateOption) (*Tensor, error) {
	return full("ones_like", caller(1), a.at.Shape, a.typ, ir.Number(dtype.Float64, 1), like(a, opts))
}

// FullLike is Full with the shape, type and device of a.
func FullLike[N Number | bool](a *Tensor, v N, opts ...CreateOption) (*Tensor, error) {
	t, bits := weak(v)
	return full("full_like", caller(1), a.at.Shape, a.typ, ir.NewScalar(t, bits), like(a, opts))
}

// EmptyLike is Empty with the shape, type and device of a.
func EmptyLike(a *Tensor, opts ...CreateOption) (*Tensor, error) {
	c, err := created(a.typ, like(a, opts))
	if err != nil {
		return nil, err
	}
	return c.alloc("empty_like", caller(1), a.at.Shape)
}

// Arange is the numbers from start, step by step, before stop: ceil((stop-start)/step) of them. The
// type is that of the arguments. As in NumPy the second element less the first is the step that is
// used, in the type of the array.
func Arange[N Number](start, stop, step N, opts ...CreateOption) (*Tensor, error) {
	site := caller(1)
	c, err := created(naturalType(start), opts)
	if err != nil {
		return nil, err
	}
	n := math.Ceil((float64(stop) - float64(start)) / float64(step))
	if step == 0 || n != n || n > 1<<48 {
		return nil, &Error{Op: "arange", Site: device.Site(site), Err: fmt.Errorf("from %v to %v in steps of %v is no number of elements", start, stop, step)}
	}
	first, second := ir.Number(c.typ, float64(start)).Bits, ir.Number(c.typ, float64(start)+float64(step)).Bits
	if !isFloat[N]() {
		_, b := weak(start)
		first = ir.CastTo(ir.NewScalar(dtype.Int64, b), c.typ).Bits
		_, b = weak(start + step)
		second = ir.CastTo(ir.NewScalar(dtype.Int64, b), c.typ).Bits
	}
	return c.sequence(site, max(int(n), 0), first, second)
}

func isFloat[N Number]() bool {
	half := 0.5
	return N(half) != 0
}

// sequence is first, second and so on, each first + i·(second − first).
func (c creation) sequence(site uintptr, n int, first, second uint64) (*Tensor, error) {
	t := c.typ
	if t == dtype.Bool {
		if n > 2 {
			return nil, &Error{Op: "arange", Site: device.Site(site), Err: fmt.Errorf("a bool array of a range has at most 2 elements, not %d", n)}
		}
	}
	types := []dtype.DType{t, t}
	bits := func(code op.Code, x, y uint64) uint64 { return code.Program(types).Eval(x, y) }
	delta := second
	if t != dtype.Bool {
		delta = bits(op.Subtract, second, first)
	}
	data := make([]byte, n*t.Size())
	for i := range n {
		v := first
		switch {
		case i == 1:
			v = second
		case i > 1:
			v = bits(op.Add, first, bits(op.Multiply, delta, ir.CastTo(ir.NewScalar(dtype.Int64, uint64(i)), t).Bits))
		}
		ir.WriteBits(data[i*t.Size():(i+1)*t.Size()], v)
	}
	return c.write("arange", site, []int{n}, data)
}

// Linspace is num numbers from start to stop, evenly spaced and both included; float64 unless DType
// says otherwise.
func Linspace(start, stop float64, num int, opts ...CreateOption) (*Tensor, error) {
	return linspace(caller(1), start, stop, num, true, opts)
}

// LinspaceOpen is Linspace without stop: num steps of (stop-start)/num.
func LinspaceOpen(start, stop float64, num int, opts ...CreateOption) (*Tensor, error) {
	return linspace(caller(1), start, stop, num, false, opts)
}

func linspace(site uintptr, start, stop float64, num int, endpoint bool, opts []CreateOption) (*Tensor, error) {
	c, err := created(dtype.Float64, opts)
	if err != nil {
		return nil, err
	}
	if num < 0 {
		return nil, &Error{Op: "linspace", Site: device.Site(site), Err: fmt.Errorf("%d numbers: the number is at least 0", num)}
	}
	data := make([]byte, num*c.typ.Size())
	for i, v := range spaced(start, stop, num, endpoint) {
		if c.typ.IsInteger() {
			v = math.Floor(v)
		}
		ir.WriteBits(data[i*c.typ.Size():(i+1)*c.typ.Size()], ir.Number(c.typ, v).Bits)
	}
	return c.write("linspace", site, []int{num}, data)
}

// spaced computes in NumPy's order: i·step + start, where the step is (stop-start)/intervals, or with
// a step that underflows i/intervals·(stop-start) + start.
func spaced(start, stop float64, num int, endpoint bool) []float64 {
	intervals := float64(num)
	if endpoint {
		intervals--
	}
	delta := stop - start
	step := delta / intervals
	values := make([]float64, num)
	for i := range values {
		switch {
		case intervals <= 0:
			values[i] = float64(float64(i)*delta) + start
		case step == 0:
			values[i] = float64(float64(i)/intervals*delta) + start
		default:
			values[i] = float64(float64(i)*step) + start
		}
	}
	if endpoint && num > 1 {
		values[num-1] = stop
	}
	return values
}

// Eye is the n by m matrix of zeros with ones on the k-th diagonal, above the main one if k is
// positive; float64 unless DType says otherwise.
func Eye(n, m, k int, opts ...CreateOption) (*Tensor, error) {
	site := caller(1)
	c, err := created(dtype.Float64, opts)
	if err != nil {
		return nil, err
	}
	t, err := c.fill("eye", site, []int{n, m}, ir.Number(c.typ, 0))
	if err != nil {
		return nil, err
	}
	row, col := max(-k, 0), max(k, 0)
	diagonal := min(n-row, m-col)
	if diagonal <= 0 {
		return t, nil
	}
	size := c.typ.Size()
	at := broadcast.View{Shape: []int{diagonal}, Strides: []int{(m + 1) * size}, Offset: (row*m + col) * size}
	one := must(ir.BroadcastTo(ir.Number(c.typ, 1), []int{diagonal}))
	if _, err := FromNode(one).Eval(context.Background(), Out(&Tensor{mem: t.mem, typ: t.typ, at: at, base: t})); err != nil {
		t.Free()
		return nil, err
	}
	t.mem.version.Store(0)
	return t, nil
}

// must is for what cannot fail.
func must(n *ir.Node, err error) *ir.Node {
	if err != nil {
		panic("BUG: tensor: " + err.Error())
	}
	return n
}

// FromFunc is a new array of f's values at each index, in C order. The index slice is reused.
func FromFunc[T dtype.Element](shape []int, f func(index []int) T, opts ...CreateOption) (*Tensor, error) {
	n, err := broadcast.Size(shape)
	if err != nil {
		return nil, &Error{Op: "fromfunc", Site: device.Site(caller(1)), Err: err}
	}
	values := make([]T, 0, n)
	index := make([]int, len(shape))
	for range n {
		values = append(values, f(index))
		for d := len(shape) - 1; d >= 0; d-- {
			if index[d]++; index[d] < shape[d] {
				break
			}
			index[d] = 0
		}
	}
	return fromElements("fromfunc", caller(1), values, shape, opts)
}

// fromElements copies a Go slice in C order.
func fromElements[T dtype.Element](name string, site uintptr, values []T, shape []int, opts []CreateOption) (*Tensor, error) {
	natural := dtype.Of[T]()
	c, err := created(natural, opts)
	if err != nil {
		return nil, err
	}
	want := c.typ
	c.typ = natural
	t, err := c.write(name, site, shape, elementBytes(values))
	if err != nil || want == natural {
		return t, err
	}
	defer t.Free()
	return AsType(t, want).Eval(context.Background())
}

// elementBytes is the memory of a slice.
func elementBytes[T dtype.Element](values []T) []byte {
	if len(values) == 0 {
		return nil
	}
	return unsafe.Slice((*byte)(unsafe.Pointer(&values[0])), len(values)*int(unsafe.Sizeof(values[0])))
}

// FromMemory is an array of a device's buffer, laid out as a view says. The array takes the buffer
// over and frees it. It is for packages that read files or share memory with others: the view has to
// lie within the buffer.
func FromMemory(dev device.Device, buf device.Buffer, t dtype.DType, at broadcast.View, opts ...MemoryOption) (*Tensor, error) {
	lo, hi := at.Extent(t.Size())
	if at.Size() > 0 && (lo < 0 || hi > buf.Size()) {
		return nil, fmt.Errorf("from memory: a view of bytes %d to %d in a buffer of %d", lo, hi, buf.Size())
	}
	m := newMemory(dev, buf)
	for _, o := range opts {
		o(m)
	}
	return &Tensor{mem: m, typ: t, at: at}, nil
}

// MemoryOption says what kind of memory an array has.
type MemoryOption func(m *memory)

// Mapped says that the memory is a file's pages, read-only, and names the file.
func Mapped(name string) MemoryOption {
	return func(m *memory) { m.name, m.mapped, m.readOnly = name, true, true }
}
