package ptx

import (
	"fmt"
	"slices"
	"strings"

	"github.com/tare-go/tare/broadcast"
	"github.com/tare-go/tare/dtype"
	"github.com/tare-go/tare/internal/ir"
	"github.com/tare-go/tare/internal/op"
)

// pass is a kernel that is one launch, and where its operands are: inputs, then outputs.
type pass struct {
	*ir.Kernel
	at     []array
	closed bool // +0 is added to the result of every fold, as to products
	first  int  // the index in its row of the first element, where the row is one of several parts
}

// operands are inputs and outputs.
func (p *pass) operands() []ir.Operand { return append(slices.Clone(p.In), p.Out...) }

// setOperands replaces inputs and outputs.
func (p *pass) setOperands(all []ir.Operand) {
	p.In, p.Out = all[:len(p.In):len(p.In)], all[len(p.In):]
}

// merged is the pass with neighbouring dimensions merged where all operands allow it.
func (p *pass) merged() *pass {
	k := *p.Kernel
	out := *p
	out.Kernel = &k
	all := p.operands()
	merged := make([]ir.Operand, len(all))
	for i := range all {
		merged[i].Type = all[i].Type
	}
	k.Space = nil
	section := func(lo, hi int) {
		strides := make([][]int, len(all))
		for i := range all {
			strides[i] = all[i].Strides[lo:hi]
		}
		space, strides := broadcast.Coalesce(p.Space[lo:hi], strides)
		k.Space = append(k.Space, space...)
		for i := range all {
			merged[i].Strides = append(merged[i].Strides, strides[i]...)
		}
	}
	section(0, p.Lo)
	k.Lo = len(k.Space)
	section(p.Lo, p.Hi)
	k.Hi = len(k.Space)
	section(p.Hi, len(p.Space))
	if p.Folds() && k.Lo == k.Hi { // rows of one element
		k.Space = slices.Insert(k.Space, k.Lo, 1)
		k.Hi++
		for i := range merged {
			merged[i].Strides = slices.Insert(merged[i].Strides, k.Lo, 0)
		}
	}
	out.setOperands(merged)
	return &out
}

// kernelWriter writes the kernel of a pass. Operands with the same strides share their offsets: they have one
// layout.
type kernelWriter struct {
	*writer
	p       *pass
	ops     []ir.Operand
	layout  []int // of each operand
	strides [][]int
	sizes   []int
	base    []string // the address of each operand's element at index 0
	at      []string // the same of the row that is at hand
	scalars map[int]string
	row     []string       // row values, by their number
	held    map[int]string // values of the row at hand that are in shared memory, and the address of their first element
}

func newKernelWriter(name string, p *pass) *kernelWriter {
	k := &kernelWriter{writer: newWriter(name), p: p, ops: p.operands(), scalars: map[int]string{}, row: make([]string, len(p.Code))}
	for i, o := range k.ops {
		key := func(s []int) bool { return slices.Equal(s, o.Strides) }
		l := slices.IndexFunc(k.strides, key)
		for l >= 0 && k.sizes[l] != o.Type.Size() { // units differ
			next := slices.IndexFunc(k.strides[l+1:], key)
			if next < 0 {
				l = -1
				break
			}
			l += 1 + next
		}
		if l < 0 {
			l = len(k.strides)
			k.strides, k.sizes = append(k.strides, o.Strides), append(k.sizes, o.Type.Size())
		}
		k.layout = append(k.layout, l)
		name := "in"
		if i >= len(p.In) {
			name = "out"
		}
		k.base = append(k.base, k.address(name, p.at[i]))
	}
	k.at = k.base
	return k
}

// walkOver is the walk over some dimensions of the space.
func (k *kernelWriter) walkOver(lo, hi int) *walk {
	return k.newWalk(k.p.Space, lo, hi, k.strides, k.sizes)
}

// none is a base of 0 for each layout.
func (k *kernelWriter) none() []string { return make([]string, len(k.strides)) }

// enter makes the row with these offsets the one at hand.
func (k *kernelWriter) enter(offsets []string) {
	k.at = slices.Clone(k.base)
	for i := range k.at {
		if o := offsets[k.layout[i]]; o != "" {
			k.at[i] = k.to(b64, "add.s64", k.base[i], o)
		}
	}
}

// point is a run of elements with consecutive indices.
type point struct {
	offset []string // of the first element, by layout
	index  string   // of the first element, where values are in shared memory
	values [][]string
}

// elements evaluates element values, in order, at points of n elements each: what is loaded for all first.
func (k *kernelWriter) elements(points []*point, n int, inner *walk, code []int) {
	for _, pt := range points {
		pt.values = make([][]string, n)
		for j := range pt.values {
			pt.values[j] = make([]string, len(k.p.Code))
		}
	}
	for _, i := range code {
		for _, pt := range points {
			if k.held[i] != "" {
				k.loadHeld(pt, n, i)
			} else if in := k.p.Code[i]; in.Kind == ir.Load {
				k.loadAt(pt, n, inner, i, in)
			}
		}
	}
	for _, pt := range points {
		for j := range n {
			for _, i := range code {
				if in := k.p.Code[i]; in.Kind != ir.Load && k.held[i] == "" {
					pt.values[j][i] = k.value(in, func(a int) string { return k.operand(pt, j, a) })
				}
			}
		}
	}
}

// operand is a value of the code as an element sees it.
func (k *kernelWriter) operand(pt *point, j, a int) string {
	if k.p.Code[a].Row {
		return k.row[a]
	}
	return pt.values[j][a]
}

// value writes an instruction that computes.
func (k *kernelWriter) value(in ir.Inst, arg func(a int) string) string {
	var args []string
	for _, a := range in.Args {
		if a >= 0 {
			args = append(args, arg(a))
		}
	}
	types := k.types(in)
	switch in.Kind {
	case ir.Param:
		return k.scalar(in)
	case ir.Cast:
		k.comment("cast %v to %v", types[0], in.Type)
		return k.program(op.CastProgram(types[0], in.Type), args...)
	case ir.Apply:
		k.comment("%v %v", in.Code, types[len(types)-1])
		return k.program(in.Code.Program(types), args...)
	}
	panic(fmt.Sprintf("BUG: ptx: instruction %d computes nothing", in.Kind))
}

// types are those of an instruction's operands.
func (k *kernelWriter) types(in ir.Inst) []dtype.DType {
	var types []dtype.DType
	for _, a := range in.Args {
		if a >= 0 {
			types = append(types, k.p.Code[a].Type)
		}
	}
	return types
}

// scalar is a parameter of the run.
func (k *kernelWriter) scalar(in ir.Inst) string {
	if x, ok := k.scalars[in.Index]; ok {
		return x
	}
	typ, class := machine[in.Type].mem, machine[in.Type].class
	a := Arg{Kind: Scalar, Index: in.Index, Size: in.Type.Size()}
	var x string
	if in.Type == dtype.Bool {
		x = k.reg(pred)
		fmt.Fprintf(&k.loads, "\tsetp.ne.u32 %s, %s, 0;\n", x, k.param("scalar", typ, b32, a))
	} else {
		x = k.param("scalar", typ, class, a)
	}
	k.scalars[in.Index] = x
	return x
}

// loadAt loads the n elements of an input at a point.
func (k *kernelWriter) loadAt(pt *point, n int, inner *walk, i int, in ir.Inst) {
	l := k.layout[in.Index]
	address := k.addressOf(in.Index, pt.offset[l])
	switch {
	case n == 1 || inner.inner(l).bytes == 0:
		x := k.load(in.Type, address, 0)
		for j := range n {
			pt.values[j][i] = x
		}
	default:
		for j, x := range k.loadVector(in.Type, address, n) {
			pt.values[j][i] = x
		}
	}
}

func (k *kernelWriter) addressOf(operand int, offset string) string {
	if offset == "" {
		return k.at[operand]
	}
	return k.to(b64, "add.s64", k.at[operand], offset)
}

// load loads one element.
func (w *writer) load(t dtype.DType, address string, off int) string {
	return w.loadFrom("global", t, fmt.Sprintf("[%s+%d]", address, off))
}

func (w *writer) loadFrom(space string, t dtype.DType, place string) string {
	if t == dtype.Bool {
		return w.to(pred, "setp.ne.u32", w.to(b32, "ld."+space+".u8", place), "0")
	}
	return w.to(machine[t].class, "ld."+space+"."+machine[t].mem, place)
}

// piece is how many elements of a size one vector instruction moves, of n.
func piece(size, n int) int { return min(n, 4, 16/size) }

// loadVector loads n contiguous elements.
func (w *writer) loadVector(t dtype.DType, address string, n int) []string {
	return w.loadVectorFrom("global", t, address, n)
}

func (w *writer) loadVectorFrom(space string, t dtype.DType, address string, n int) []string {
	var all []string
	step := piece(t.Size(), n)
	for j := 0; j < n; j += step {
		var regs []string
		class := machine[t].class
		if t == dtype.Bool {
			class = b32
		}
		for range step {
			regs = append(regs, w.reg(class))
		}
		w.emit(fmt.Sprintf("ld.%s.v%d.%s", space, step, machine[t].mem), "{"+strings.Join(regs, ", ")+"}", fmt.Sprintf("[%s+%d]", address, j*t.Size()))
		all = append(all, regs...)
	}
	if t == dtype.Bool {
		for j := range all {
			all[j] = w.to(pred, "setp.ne.u32", all[j], "0")
		}
	}
	return all
}

// stores writes the n elements of each point to an output.
func (k *kernelWriter) stores(points []*point, n int, inner *walk, code []int) {
	for _, pt := range points {
		for _, i := range code {
			in := k.p.Code[i]
			operand := len(k.p.In) + in.Index
			l := k.layout[operand]
			address := k.addressOf(operand, pt.offset[l])
			k.comment("store %v", in.Type)
			if n > 1 && in.Args[1] < 0 && inner.inner(l).unit {
				k.storeVector(pt, n, in, address)
				continue
			}
			for j := range n {
				off := j * inner.inner(l).bytes // n is 1 where that is a parameter
				mask := ""
				if in.Args[1] >= 0 {
					mask = k.operand(pt, j, in.Args[1])
				}
				k.store("global", in.Type, fmt.Sprintf("[%s+%d]", address, off), k.operand(pt, j, in.Args[0]), mask)
			}
		}
	}
}

// store stores one element, where mask holds unless it is "".
func (w *writer) store(space string, t dtype.DType, place, x, mask string) {
	instruction := "st." + space + "." + storeType(t)
	if mask != "" {
		instruction = "@" + mask + " " + instruction
	}
	w.emit(instruction, place, w.stored(t, x))
}

// storeType is the type under which elements are stored, which has no sign.
func storeType(t dtype.DType) string { return strings.Replace(machine[t].mem, "s", "u", 1) }

// stored is a value in a register that can be stored.
func (w *writer) stored(t dtype.DType, x string) string {
	if t == dtype.Bool {
		return w.to(b32, "selp.b32", "1", "0", x)
	}
	return w.inRegister(t, x)
}

func (k *kernelWriter) storeVector(pt *point, n int, in ir.Inst, address string) {
	t := in.Type
	step := piece(t.Size(), n)
	for j := 0; j < n; j += step {
		var regs []string
		for e := range step {
			regs = append(regs, k.stored(t, k.operand(pt, j+e, in.Args[0])))
		}
		k.emit(fmt.Sprintf("st.global.v%d.%s", step, storeType(t)), fmt.Sprintf("[%s+%d]", address, j*t.Size()), "{"+strings.Join(regs, ", ")+"}")
	}
}

// aligned is a predicate: the operands that are contiguous along inner lie, in the row at hand and at every n-th
// element, at multiples of what vector instructions move. It is "" where they always do.
func (k *kernelWriter) aligned(inner *walk, n int, code []int) string {
	all := ""
	for _, i := range code {
		in := k.p.Code[i]
		operand := in.Index
		switch {
		case in.Kind == ir.Store && !in.Row:
			operand += len(k.p.In)
		case in.Kind != ir.Load || k.held[i] != "":
			continue
		}
		l := k.layout[operand]
		if !inner.inner(l).unit {
			continue
		}
		bytes := piece(k.sizes[l], n) * k.sizes[l]
		if bytes == 1 {
			continue
		}
		bits := k.to(b64, "and.b64", k.at[operand], fmt.Sprint(bytes-1))
		if all != "" {
			bits = k.to(b64, "or.b64", all, bits)
		}
		all = bits
		for d := range len(inner.extents) - 1 { // rows of a space of several dimensions begin at multiples too
			s := inner.strides[l][d]
			if s.bytes == 0 {
				continue
			}
			step := s.reg
			if !s.wide {
				step = k.to(b64, "cvt.s64.s32", s.reg)
			}
			all = k.to(b64, "or.b64", all, k.to(b64, "and.b64", step, fmt.Sprint(bytes-1)))
		}
	}
	if all == "" {
		return ""
	}
	return k.to(pred, "setp.eq.u64", all, "0")
}

// unlessAligned jumps to a label where operands are not aligned.
func (k *kernelWriter) unlessAligned(inner *walk, n int, code []int, label string) {
	if p := k.aligned(inner, n, code); p != "" {
		k.when("!"+p, "bra", label)
	}
}
