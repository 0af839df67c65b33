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

// creation is a call, and what its options say.
type creation struct {
	name string
	site uintptr
	typ  dtype.DType
	dev  device.Device
}

func (o TypeOption) creation(c *creation)   { c.typ = o.typ }
func (o DeviceOption) creation(c *creation) { c.dev = o.dev }

// created applies the options to a call of the user's; natural is the type without one.
func created(name string, site uintptr, natural dtype.DType, opts []CreateOption) (creation, error) {
	c := creation{name: name, site: site, typ: natural}
	for _, o := range opts {
		if o != nil {
			o.creation(&c)
		}
	}
	err := DType(c.typ).check()
	if err == nil && c.dev == nil {
		c.dev, err = device.Open("cpu")
	}
	return c, c.fail(err)
}

// fail is an error of the user's call.
func (c creation) fail(err error) error { return placed(c.name, c.site, err) }

// alloc is a new array in C order with undefined elements.
func (c creation) alloc(shape []int) (*Tensor, error) { return c.allocIn(context.Background(), shape) }

// allocIn is alloc in the scopes and the budget of a context.
func (c creation) allocIn(ctx context.Context, shape []int) (*Tensor, error) {
	bytes, err := broadcast.Bytes(shape, c.typ.Size())
	if err != nil {
		return nil, c.fail(err)
	}
	ctx = device.WithSite(ctx, c.site)
	if err := device.Check(ctx, c.dev, c.name, device.SizeClass(bytes), nil); err != nil {
		return nil, c.fail(err)
	}
	buf, err := c.dev.Alloc(ctx, bytes)
	if err != nil {
		return nil, c.fail(err)
	}
	return &Tensor{mem: newMemory(c.dev, buf, c.site), typ: c.typ, at: broadcast.Contiguous(shape, c.typ.Size())}, nil
}

// fill is a new array of one value.
func (c creation) fill(shape []int, value *ir.Node) (*Tensor, error) {
	if value.Weak && !ir.Fits(value.Type, value.Bits, c.typ) {
		return nil, c.fail(&ir.RangeError{Op: c.name, From: value.Type, Bits: value.Bits, Type: c.typ})
	}
	t, err := c.alloc(shape)
	if err != nil {
		return nil, err
	}
	n, err := ir.BroadcastTo(ir.CastTo(value, c.typ), shape)
	if err == nil {
		_, err = made(c.name, c.site, n, nil).evalAt(context.Background(), c.name, c.site, Out(t))
	}
	return c.finish(t, err)
}

// finish is a new array that has its elements, unless there was an error.
func (c creation) finish(t *Tensor, err error) (*Tensor, error) {
	if err != nil {
		t.Free()
		return nil, c.fail(err)
	}
	t.mem.version.Store(0)
	return t, nil
}

// write moves C-order bytes into a new array.
func (c creation) write(shape []int, data []byte) (*Tensor, error) {
	t, err := c.alloc(shape)
	if err != nil || len(data) == 0 {
		return t, err
	}
	return c.finish(t, c.put(t, 0, data))
}

// put moves bytes into an array, from byte off on.
func (c creation) put(t *Tensor, off int, data []byte) error {
	buf, err := t.mem.Hold()
	if err != nil {
		return err
	}
	defer t.mem.Release()
	ctx := device.WithSite(context.Background(), c.site)
	return c.dev.Copy(ctx, device.Span{Buffer: buf, Off: off, Len: len(data)}, device.HostSpan(data))
}

// piece is the most bytes that are made in host memory before they are moved to where they belong.
const piece = 16 << 20

// generate is a new array whose elements in C order are written by f, in turn.
func (c creation) generate(shape []int, f func(dst []byte, i int)) (*Tensor, error) {
	t, err := c.alloc(shape)
	if err != nil {
		return nil, err
	}
	size, n := c.typ.Size(), t.NBytes()
	data := make([]byte, min(n, piece))
	for off := 0; off < n && err == nil; off += len(data) {
		data = data[:min(n-off, piece)]
		for at := 0; at < len(data); at += size {
			f(data[at:at+size], (off+at)/size)
		}
		err = c.put(t, off, data)
	}
	return c.finish(t, err)
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
	return full("full", caller(1), shape, naturalType(v), ir.NewWeak(t, bits), opts)
}

// naturalType is the type of an array made from a Go number.
func naturalType[N Number | bool](v N) dtype.DType { return dtype.OfValue(v) }

func full(name string, site uintptr, shape []int, natural dtype.DType, value *ir.Node, opts []CreateOption) (*Tensor, error) {
	c, err := created(name, site, natural, opts)
	if err != nil {
		return nil, err
	}
	return c.fill(shape, value)
}

// Empty is a new array whose elements are undefined until they are written.
func Empty(shape []int, opts ...CreateOption) (*Tensor, error) {
	c, err := created("empty", caller(1), dtype.Float64, opts)
	if err != nil {
		return nil, err
	}
	return c.alloc(shape)
}

// like is a creation with the type and the device of an array, and what the options say.
func like(name string, site uintptr, a *Tensor, opts []CreateOption) (creation, []int, error) {
	if a == nil {
		return creation{}, nil, placed(name, site, errNil)
	}
	c, err := created(name, site, a.typ, append([]CreateOption{On(a.mem.dev)}, opts...))
	return c, a.at.Shape, err
}

func fullLike(name string, site uintptr, a *Tensor, value *ir.Node, opts []CreateOption) (*Tensor, error) {
	c, shape, err := like(name, site, a, opts)
	if err != nil {
		return nil, err
	}
	return c.fill(shape, value)
}

// ZerosLike is Zeros with the shape, type and device of a.
func ZerosLike(a *Tensor, opts ...CreateOption) (*Tensor, error) {
	return fullLike("zeros_like", caller(1), a, ir.Number(dtype.Float64, 0), opts)
}

// OnesLike is Ones with the shape, type and device of a.
func OnesLike(a *Tensor, opts ...CreateOption) (*Tensor, error) {
	return fullLike("ones_like", caller(1), a, ir.Number(dtype.Float64, 1), opts)
}

// FullLike is Full with the shape, type and device of a.
func FullLike[N Number | bool](a *Tensor, v N, opts ...CreateOption) (*Tensor, error) {
	t, bits := weak(v)
	return fullLike("full_like", caller(1), a, ir.NewWeak(t, bits), opts)
}

// EmptyLike is Empty with the shape, type and device of a.
func EmptyLike(a *Tensor, opts ...CreateOption) (*Tensor, error) {
	c, shape, err := like("empty_like", caller(1), a, opts)
	if err != nil {
		return nil, err
	}
	return c.alloc(shape)
}

// Arange is the numbers from start, step by step, before stop: ceil((stop-start)/step) of them. The
// type is that of the arguments. As in NumPy the second element less the first is the step that is
// used, in the type of the array.
func Arange[N Number](start, stop, step N, opts ...CreateOption) (*Tensor, error) {
	c, err := created("arange", caller(1), naturalType(start), opts)
	if err != nil {
		return nil, err
	}
	n, ok := steps(start, stop, step)
	if !ok {
		return nil, c.fail(fmt.Errorf("from %v to %v in steps of %v is no number of elements", start, stop, step))
	}
	if c.typ == dtype.Bool && n > 2 {
		return nil, c.fail(fmt.Errorf("a bool array of a range has at most 2 elements, not %d", n))
	}
	return c.sequence(n, c.bits(start), c.bits(start+step))
}

// steps is the number of elements of a range, and false where there is none.
func steps[N Number](start, stop, step N) (int, bool) {
	if step == 0 {
		return 0, false
	}
	if isFloat[N]() {
		n := math.Ceil((float64(stop) - float64(start)) / float64(step))
		return int(max(n, 0)), n < math.MaxInt
	}
	var away, stride uint64 // exact, where a difference of int64 can overflow
	switch {
	case step > 0 && stop > start:
		away, stride = uint64(stop)-uint64(start), uint64(step)
	case step < 0 && stop < start:
		away, stride = uint64(start)-uint64(stop), -uint64(step)
	default:
		return 0, true
	}
	n := (away-1)/stride + 1
	return int(n), n <= math.MaxInt
}

func isFloat[N Number]() bool {
	half := 0.5
	return N(half) != 0
}

// bits is a Go number in the type of the array.
func (c creation) bits(v any) uint64 {
	t, bits := weak(v)
	return ir.CastTo(ir.NewScalar(t, bits), c.typ).Bits
}

// sequence is first, second and so on, each first + i·(second − first).
func (c creation) sequence(n int, first, second uint64) (*Tensor, error) {
	t := c.typ
	types := []dtype.DType{t, t}
	if t == dtype.Bool { // two elements at most
		return c.generate([]int{n}, func(dst []byte, i int) { ir.WriteBits(dst, []uint64{first, second}[i]) })
	}
	add, multiply, index := op.Add.Program(types), op.Multiply.Program(types), op.CastProgram(dtype.Int64, t)
	delta := op.Subtract.Program(types).Eval(second, first)
	return c.generate([]int{n}, func(dst []byte, i int) {
		v := first
		switch {
		case i == 1:
			v = second
		case i > 1:
			v = add.Eval(first, multiply.Eval(delta, index.Eval(uint64(i))))
		}
		ir.WriteBits(dst, v)
	})
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
	c, err := created("linspace", site, dtype.Float64, opts)
	if err != nil {
		return nil, err
	}
	if num < 0 {
		return nil, c.fail(fmt.Errorf("%d numbers: the number is at least 0", num))
	}
	at, cast := spaced(start, stop, num, endpoint), op.CastProgram(dtype.Float64, c.typ)
	return c.generate([]int{num}, func(dst []byte, i int) {
		v := at(i)
		if c.typ.IsInteger() {
			v = math.Floor(v)
		}
		ir.WriteBits(dst, cast.Eval(math.Float64bits(v)))
	})
}

// spaced computes in NumPy's order: i·step + start, where the step is (stop-start)/intervals, or with
// a step that underflows i/intervals·(stop-start) + start.
func spaced(start, stop float64, num int, endpoint bool) func(i int) float64 {
	intervals := float64(num)
	if endpoint {
		intervals--
	}
	delta := stop - start
	step := delta / intervals
	return func(i int) float64 {
		switch {
		case endpoint && num > 1 && i == num-1:
			return stop
		case intervals <= 0:
			return float64(float64(i)*delta) + start
		case step == 0:
			return float64(float64(i)/intervals*delta) + start
		}
		return float64(float64(i)*step) + start
	}
}

// Eye is the n by m matrix of zeros with ones on the k-th diagonal, above the main one if k is
// positive; float64 unless DType says otherwise.
func Eye(n, m, k int, opts ...CreateOption) (*Tensor, error) {
	c, err := created("eye", caller(1), dtype.Float64, opts)
	if err != nil {
		return nil, err
	}
	t, err := c.fill([]int{n, m}, ir.Number(c.typ, 0))
	if err != nil || k <= -n || k >= m {
		return t, err
	}
	row, col := max(-k, 0), max(k, 0)
	diagonal, size := min(n-row, m-col), c.typ.Size()
	at := broadcast.View{Shape: []int{diagonal}, Strides: []int{(m + 1) * size}, Offset: (row*m + col) * size}
	one := must(ir.BroadcastTo(ir.Number(c.typ, 1), []int{diagonal}))
	_, err = made(c.name, c.site, one, nil).evalAt(context.Background(), c.name, c.site, Out(&Tensor{mem: t.mem, typ: t.typ, at: at, base: t}))
	return c.finish(t, err)
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
	c, err := created("fromfunc", caller(1), dtype.Of[T](), opts)
	if err != nil {
		return nil, err
	}
	if f == nil {
		return nil, c.fail(&NilError{"function"})
	}
	index := make([]int, len(shape))
	var v [1]T
	cast := op.CastProgram(dtype.Of[T](), c.typ)
	return c.generate(shape, func(dst []byte, _ int) {
		v[0] = f(index)
		ir.WriteBits(dst, cast.Eval(ir.ReadBits(elementBytes(v[:]))))
		for d := len(shape) - 1; d >= 0; d-- {
			if index[d]++; index[d] < shape[d] {
				break
			}
			index[d] = 0
		}
	})
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
	site := caller(1)
	if dev == nil || buf == nil {
		return nil, placed("from_memory", site, &NilError{"device or buffer"})
	}
	if err := DType(t).check(); err != nil {
		return nil, placed("from_memory", site, err)
	}
	lo, hi := at.Extent(t.Size())
	if at.Size() > 0 && (lo < 0 || hi > buf.Size()) {
		return nil, placed("from_memory", site, fmt.Errorf("a view of bytes %d to %d in a buffer of %d", lo, hi, buf.Size()))
	}
	m := newMemory(dev, buf, site)
	for _, o := range opts {
		if o != nil {
			o(m)
		}
	}
	return &Tensor{mem: m, typ: t, at: at}, nil
}

// MemoryOption says what kind of memory an array has.
type MemoryOption func(m *memory)

// Mapped says that the memory is a file's pages, read-only, and names the file.
func Mapped(name string) MemoryOption {
	return func(m *memory) { m.name, m.mapped, m.readOnly = name, true, true }
}

// MappedWritable says that the memory is a file's pages which may be written, and names the file.
func MappedWritable(name string) MemoryOption {
	return func(m *memory) { m.name, m.mapped = name, true }
}
