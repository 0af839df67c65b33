package ptx

import (
	"fmt"
	"math"

	"github.com/tare-go/tare/dtype"
	"github.com/tare-go/tare/internal/canon"
	"github.com/tare-go/tare/internal/ir"
	"github.com/tare-go/tare/internal/op"
)

// fold is one fold of a kernel.
type fold struct {
	inst  int // its number
	code  op.Code
	t     dtype.DType // of what is folded
	arg   int         // the element value
	with  int         // a second one, or -1: the other factor of a dot product, or the index of an argfold's element
	index bool        // the result is an index
}

// accumulator is what is folded so far: a value and, for argfolds, its index.
type accumulator struct{ v, i string }

// foldsOf are the folds with the given numbers.
func (k *kernelWriter) foldsOf(insts []int) []*fold {
	var all []*fold
	for _, i := range insts {
		in := k.p.Code[i]
		all = append(all, &fold{inst: i, code: in.Code, t: k.p.Code[in.Args[0]].Type, arg: in.Args[0], with: in.Args[1], index: in.Kind == ir.ArgFold})
	}
	return all
}

// dot reports whether the fold is a dot product.
func (f *fold) dot() bool { return f.with >= 0 && !f.index }

// ordered reports whether the order of the fold shows in its bits.
func (f *fold) ordered() bool {
	return f.t.IsFloat() && !f.index && (f.code == op.Add || f.code == op.Multiply)
}

// lanes are the elements of a thread: its 16 bytes.
func (f *fold) lanes() int {
	if f.ordered() {
		return canon.Per16(f.t.Size())
	}
	return 4
}

// neutral is what changes nothing it is folded with.
func (f *fold) neutral() uint64 {
	if id, ok := f.code.IdentityBits(f.t); ok {
		return id
	}
	least := f.code == op.Maximum
	switch {
	case f.t == dtype.Bool:
		return op.BitsOf(f.t, float64(btoi(!least)))
	case f.t.IsFloat() && least:
		return op.BitsOf(f.t, math.Inf(-1))
	case f.t.IsFloat():
		return op.BitsOf(f.t, math.Inf(1))
	}
	width := uint(8 * f.t.Size())
	low, high := uint64(0), uint64(math.MaxUint64)>>(64-width)
	if f.t.Kind() == dtype.SignedKind {
		low, high = 1<<(width-1), high>>1
	}
	if least {
		return low
	}
	return high
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

// start is a new accumulator.
func (k *kernelWriter) start(f *fold) accumulator {
	a := accumulator{v: k.variable(f.t, k.constant(f.t, f.neutral()))}
	if f.index {
		a.i = k.variable(dtype.Int64, fmt.Sprint(math.MaxInt64))
	}
	return a
}

// join folds two accumulators.
func (k *kernelWriter) join(f *fold, a, b accumulator) accumulator {
	if !f.index {
		return accumulator{v: k.program(f.code.Program([]dtype.DType{f.t, f.t}), a.v, b.v)}
	}
	later := k.to(pred, "setp.lt.s64", b.i, a.i)
	worse := k.to(pred, "not.pred", k.better(f, a.v, b.v))
	tie := k.to(pred, "and.pred", worse, later)
	take := k.to(pred, "or.pred", k.better(f, b.v, a.v), tie)
	return k.pick(f, take, b, a)
}

// pick is a where the predicate holds, else b.
func (k *kernelWriter) pick(f *fold, p string, a, b accumulator) accumulator {
	c := accumulator{v: choose(k.writer, f.t, []string{p, a.v, b.v})}
	if f.index {
		c.i = k.to(b64, "selp.b64", a.i, b.i, p)
	}
	return c
}

// better is a predicate: the first value beats the second. NaN beats all.
func (k *kernelWriter) better(f *fold, a, b string) string {
	code := op.Less
	if f.code == op.Maximum {
		code = op.Greater
	}
	p := k.program(code.Program([]dtype.DType{f.t, f.t}), a, b)
	if !f.t.IsFloat() {
		return p
	}
	typ := machine[f.t].typ
	p = k.to(pred, "or.pred", p, k.to(pred, "setp.nan."+typ, a, a))
	return k.to(pred, "and.pred", p, k.to(pred, "setp.num."+typ, b, b))
}

// update folds an element into an accumulator, where valid holds unless it is "". index is that of the element
// in its row.
func (k *kernelWriter) update(f *fold, acc accumulator, pt *point, j int, index, valid string) {
	x := accumulator{v: k.operand(pt, j, f.arg)}
	var next accumulator
	switch {
	case f.dot():
		next.v = k.program(ir.ProductStep(f.t), x.v, k.operand(pt, j, f.with), acc.v)
	case f.index && f.with >= 0:
		x.i = k.operand(pt, j, f.with)
		next = k.join(f, acc, x)
	case f.index:
		x.i = k.to(b64, "cvt.u64.u32", index)
		if k.p.first > 0 {
			x.i = k.to(b64, "add.s64", x.i, k.rowOffset())
		}
		next = k.join(f, acc, x)
	default:
		next = k.join(f, acc, x)
	}
	k.assign(f, acc, next, valid)
}

// rowOffset is the index of the row's first element.
func (k *kernelWriter) rowOffset() string {
	if k.loaded["first"] == "" {
		k.loaded["first"] = k.param("first", "u64", b64, Arg{Kind: Word, Value: int64(k.p.first), Size: 8})
	}
	return k.loaded["first"]
}

// assign changes an accumulator, where valid holds unless it is "".
func (k *kernelWriter) assign(f *fold, acc, next accumulator, valid string) {
	guard := ""
	if valid != "" {
		guard = "@" + valid + " "
	}
	k.emit(guard+"mov."+machine[f.t].typ, acc.v, next.v)
	if f.index {
		k.emit(guard+"mov.b64", acc.i, next.i)
	}
}

// exchange is the value of the thread at the given distance in the warp.
func (k *kernelWriter) exchange(t dtype.DType, v string, distance int) string {
	return k.shuffle(t, v, "bfly", distance)
}

// shuffle is the value of another thread of the warp.
func (k *kernelWriter) shuffle(t dtype.DType, v, mode string, lane int) string {
	shuffle := func(x string) string {
		return k.to(b32, "shfl.sync."+mode+".b32", x, fmt.Sprint(lane), "31", "-1")
	}
	switch {
	case t == dtype.Bool:
		return k.to(pred, "setp.ne.u32", shuffle(k.to(b32, "selp.b32", "1", "0", v)), "0")
	case t.Size() == 8:
		lo, hi := k.reg(b32), k.reg(b32)
		k.emit("mov.b64", "{"+lo+", "+hi+"}", v)
		return k.to(machine[t].class, "mov.b64", "{"+shuffle(lo)+", "+shuffle(hi)+"}")
	case t == dtype.Float32:
		return k.to(f32, "mov.b32", shuffle(k.to(b32, "mov.b32", v)))
	}
	return shuffle(v)
}

// tree folds the lanes of a warp, canon.LaneTree: those of a thread by pairs, then threads at distance 16 to 1.
// Every thread has the result.
func (k *kernelWriter) tree(f *fold, lanes []accumulator) accumulator {
	k.comment("fold %v %v: lanes", f.code, f.t)
	join := func(a, b accumulator) accumulator { return k.join(f, a, b) }
	acc := canon.PairFold(append([]accumulator(nil), lanes...), join)
	for d := 16; d > 0; d /= 2 {
		other := accumulator{v: k.exchange(f.t, acc.v, d)}
		if f.index {
			other.i = k.exchange(dtype.Int64, acc.i, d)
		}
		acc = join(acc, other)
	}
	return acc
}

// spreadTree is tree where a thread has lanes 32 apart: those of 16 bytes are of neighbouring threads, and those far
// apart of one.
func (k *kernelWriter) spreadTree(f *fold, lanes []accumulator) accumulator {
	k.comment("fold %v %v: lanes 32 apart", f.code, f.t)
	at := func(acc accumulator, d int) accumulator {
		other := accumulator{v: k.exchange(f.t, acc.v, d)}
		if f.index {
			other.i = k.exchange(dtype.Int64, acc.i, d)
		}
		return k.join(f, acc, other)
	}
	width := len(lanes)
	lanes = append([]accumulator(nil), lanes...)
	for d := 1; d < width; d *= 2 {
		for j := range lanes {
			lanes[j] = at(lanes[j], d)
		}
	}
	for d := width / 2; d > 0; d /= 2 {
		for j := range d {
			lanes[j] = k.join(f, lanes[j], lanes[j+d])
		}
	}
	acc := lanes[0]
	for d := 16; d >= width; d /= 2 {
		acc = at(acc, d)
	}
	return acc
}

// result is what a fold gives: its index or value, with +0 added where the pass is closed.
func (k *kernelWriter) result(f *fold, acc accumulator) string {
	switch {
	case f.index:
		return acc.i
	case k.p.closed:
		return k.program(op.Add.Program([]dtype.DType{f.t, f.t}), acc.v, k.constant(f.t, 0))
	}
	return acc.v
}

// empty is the fold of a row without elements.
func (k *kernelWriter) empty(f *fold) string {
	if f.index {
		return k.variable(dtype.Int64, "0")
	}
	return k.variable(f.t, k.constant(f.t, ir.FoldEmpty(f.code, f.t)))
}
