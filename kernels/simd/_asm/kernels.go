package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/tare-go/tare/dtype"
	"github.com/tare-go/tare/internal/op"
)

// loop is what a kernel computes: an operator, a conversion or a pair of operators, for operands of some types.
type loop struct {
	operator bool
	code     op.Code
	pair     *op.Pair      // nil if it is none
	types    []dtype.DType // the operands', and for a conversion the result's
	kernel   *kernel       // nil if it is left out
	reason   string        // why
}

// catalogue is all loops, and the kernels that serve them. Loops with the same code share one.
type catalogue struct {
	*target
	loops   []loop
	kernels []*kernel
	folds   []*fold
	byText  map[string]*kernel
	types   map[*kernel][]string // that a kernel serves: those of its operands, and of a conversion's results
	results map[*kernel][]string
	base    map[*kernel]string
}

func newCatalogue(t *target) *catalogue {
	c := &catalogue{
		target: t,
		byText: map[string]*kernel{}, base: map[*kernel]string{},
		types: map[*kernel][]string{}, results: map[*kernel][]string{},
	}
	for code := range op.Code(op.Count) {
		for _, types := range code.Loops() {
			c.add(loop{operator: true, code: code, types: types}, code.Row().GoName, code.Program(types))
		}
	}
	for _, from := range dtype.All() {
		for _, to := range dtype.All() {
			base := "Cast"
			if from == to {
				base = "Copy"
			}
			c.add(loop{types: []dtype.DType{from, to}}, base, op.CastProgram(from, to))
		}
	}
	for i, pair := range op.Pairs {
		for _, d := range []dtype.DType{dtype.Float32, dtype.Float64} {
			c.add(loop{pair: &op.Pairs[i], types: []dtype.DType{d}}, pairBase(pair), pair.Program(d))
		}
	}
	for _, k := range c.kernels {
		c.describe(k)
	}
	c.folds = t.newFolds()
	return c
}

// pairBase names a pair.
func pairBase(p op.Pair) string {
	base := p.First.Row().GoName + "Then" + p.Second.Row().GoName
	if p.At > 0 {
		base += "B"
	}
	return base
}

// add makes the kernel of a loop, or finds one that is the same.
func (c *catalogue) add(l loop, base string, p *op.Program) {
	k, err := c.newKernel(p)
	if err != nil {
		l.reason = err.Error()
		c.loops = append(c.loops, l)
		return
	}
	text := base + " " + k.text()
	if same, ok := c.byText[text]; ok {
		k = same
	} else {
		c.byText[text] = k
		c.kernels = append(c.kernels, k)
		c.base[k] = base
	}
	from, to := l.label()
	addOnce(c.types, k, from)
	addOnce(c.results, k, to)
	l.kernel = k
	c.loops = append(c.loops, l)
}

func addOnce(m map[*kernel][]string, k *kernel, name string) {
	if name != "" && !slices.Contains(m[k], name) {
		m[k] = append(m[k], name)
	}
}

// label names the types of a loop for the name of its kernel, and the result's of a conversion.
func (l loop) label() (from, to string) {
	last := title(l.types[len(l.types)-1].String())
	switch first := title(l.types[0].String()); {
	case l.mixed():
		return first + "With" + last, ""
	case !l.operator && first != last:
		return first, last
	}
	return last, ""
}

func title(s string) string { return strings.ToUpper(s[:1]) + s[1:] }

// describe names a kernel after its operator and the types that it serves, and documents it.
func (c *catalogue) describe(k *kernel) {
	base, types, results := c.base[k], c.types[k], c.results[k]
	k.name = strings.ToLower(base[:1]) + base[1:] + strings.Join(types, "")
	k.doc = fmt.Sprintf("%s of %s", base, strings.ToLower(strings.Join(types, ", ")))
	if results != nil {
		k.name += "To" + strings.Join(results, "")
		k.doc += " to " + strings.ToLower(strings.Join(results, ", "))
	}
	k.name += c.suffix
	k.doc += fmt.Sprintf(", %d elements a step.", k.lanes*k.steps)
}

// most is the instructions of a step up to which the loop's body has two of them.
const most = 12

// long is the instructions from which on two steps go side by side, though there are not registers for both.
const long = 40

// newKernel lowers a program to a loop.
func (t *target) newKernel(p *op.Program) (*kernel, error) {
	if out := p.Insts[p.Out]; out.Prim == op.PrimConst {
		return nil, errors.New("the result is a constant")
	}
	if !t.serves(p) {
		return nil, errors.New(noFloats)
	}
	k := &kernel{target: t, floats: hasFloats(p), lanes: t.lanesOf(p), steps: 1}
	k.sizes[0] = p.Type().Size()
	for i, d := range p.Args {
		k.sizes[i+1] = d.Size()
	}
	c := t.newCode()
	l, err := lower(c, p, 0, nil)
	if err != nil {
		return nil, err
	}
	if t.masks > 0 {
		k.interleave(p)
		return k, nil
	}
	out := p.Out
	switch width := l.width[out]; {
	case p.Type() == dtype.Bool && width > 1 && k.lanes*width == 32:
		k.steps, k.code = width, t.wholeMasks(p, width)
	default:
		if len(c.instructions) <= most && !c.leaves() {
			k.steps = 2
		}
		k.code = t.stepwise(p, k.steps)
		if len(c.instructions) >= long && p.Type() != dtype.Bool && !c.leaves() {
			k.steps = 2
			k.code = t.sideBySide(p, k.steps, 8)
		}
	}
	k.code.prune()
	k.lines, k.slots = allocate(k.code, t.registers, nil)
	return k, nil
}

// interleave makes the code of as many steps side by side as there are registers for, but for a few values, if need be
// further apart, and at least of two, so that an instruction seldom waits for the one before. Without, the long chains of a step
// fill the window in which the processor looks for work: the power of float64 takes 1.4 times as long.
func (k *kernel) interleave(p *op.Program) {
	const few = 4
	for k.steps = k.target.most; ; k.steps /= 2 {
		for _, part := range []int{8, 4} {
			k.code = k.target.sideBySide(p, k.steps, part)
			k.pinned = k.code.pinPicks(k.target.registers)
			k.lines, k.slots = allocate(k.code, k.target.registers, k.pinned)
			if k.slots <= few || k.steps == 2 {
				return
			}
		}
	}
}

// pinPicks gives lists of constants registers of their own, from the last one down: a permutation of two registers
// takes one cycle, and two or more where they are in memory.
func (c *code) pinPicks(registers int) map[value]int {
	pinned := map[value]int{}
	for v := range c.values {
		if c.values[v].origin == fromPick {
			pinned[value(v)] = registers - 1 - len(pinned)
		}
	}
	return pinned
}

// sideBySide is the code of some steps, an instruction of each in turn. Each starts a part of its instructions after the
// one before, so that they do not all ask for the same units of the processor at a time, nor for registers.
func (t *target) sideBySide(p *op.Program, steps, part int) *code {
	c := t.newCode()
	of := make([][]instruction, steps)
	for s := range steps {
		c.instructions = nil
		l := mustLower(c, p, s)
		v := l.of[p.Out]
		if p.Type() == dtype.Bool {
			v = l.wideBytes(v)
		}
		c.store(v, s, c.values[v].bytes)
		c.prune()
		of[s] = c.instructions
	}
	c.instructions = inTurn(of, len(of[0])/part)
	if c.leavesLate() {
		c.instructions = inTurn(of, 0)
	}
	return c
}

// inTurn takes an instruction of each step in turn, each step so many instructions later than the one before.
func inTurn(of [][]instruction, later int) []instruction {
	var all []instruction
	for i := range len(of[0]) + later*(len(of)-1) {
		for s, step := range of {
			if k := i - s*later; k >= 0 && k < len(step) {
				all = append(all, step[k])
			}
		}
	}
	return all
}

// leavesLate reports whether code can leave the loop when it has stored results, which may be in place of operands.
func (c *code) leavesLate() bool {
	stored := slices.IndexFunc(c.instructions, func(in instruction) bool { return in.form == store })
	return slices.ContainsFunc(c.instructions[stored:], func(in instruction) bool { return in.form == guard })
}

// leaves reports whether code can leave the loop.
func (c *code) leaves() bool {
	return slices.ContainsFunc(c.instructions, func(in instruction) bool { return in.form == guard })
}

// passes reports whether a kernel has a twin whose results go past the caches: those that floats take part in,
// and that store at least half a line at a time.
func (k *kernel) passes() bool { return k.floats && k.lanes*k.sizes[0] >= 32 }

// pastName is the name of that twin.
func (k *kernel) pastName() string {
	return strings.TrimSuffix(k.name, k.target.suffix) + "Past" + k.target.suffix
}

// stepwise is the code of some steps, each of which stores its result.
func (t *target) stepwise(p *op.Program, steps int) *code {
	c := t.newCode()
	for s := range steps {
		l := mustLower(c, p, s)
		v := l.of[p.Out]
		if p.Type() == dtype.Bool {
			v = l.bytesOf(p.Out)
		}
		c.store(v, s, c.values[v].bytes)
	}
	return c
}

// wholeMasks is the code of as many steps as have a register full of bools, which are packed together.
func (t *target) wholeMasks(p *op.Program, width int) *code {
	c := t.newCode()
	var masks []value
	for s := range width {
		masks = append(masks, mustLower(c, p, s).of[p.Out])
	}
	c.store(c.commute("VPAND", c.packMasks(masks), c.constant(1, 1)), 0, 32)
	return c
}

func mustLower(c *code, p *op.Program, step int) *lowering {
	l, err := lower(c, p, step, nil)
	if err != nil {
		panic("BUG: lowered once, but not again: " + err.Error())
	}
	return l
}

// store writes the first bytes of a value to the result's memory.
func (c *code) store(v value, step, bytes int) {
	c.instructions = append(c.instructions, instruction{
		form: store, imm: -1, src: []value{v}, dst: none, memory: -1, step: step, bytes: bytes,
	})
}

// packMasks packs 2, 4 or 8 masks of as many bytes an element to bytes. The instructions that pack work
// within the halves of registers: what they leave in disorder is put in order at the end.
func (c *code) packMasks(masks []value) value {
	steps := len(masks)
	for len(masks) > 1 {
		name := "VPACKSSDW"
		if len(masks) == 2 {
			name = "VPACKSSWB"
		}
		for i := range len(masks) / 2 {
			masks[i] = c.binary(name, masks[2*i], masks[2*i+1])
		}
		masks = masks[:len(masks)/2]
	}
	v := c.add(32, instruction{name: "VPERMQ", imm: 0xd8, src: masks})
	switch steps {
	case 4:
		v = c.add(32, instruction{name: "VPSHUFD", imm: 0xd8, src: []value{v}})
	case 8:
		const low, high = 0x0b0a030209080100, 0x0f0e07060d0c0504
		v = c.binary("VPSHUFB", v, c.pattern([4]uint64{low, high, low, high}))
	}
	return v
}

// text is what the kernel's code says, apart from its name.
func (k *kernel) text() string {
	s := fmt.Sprint(k.sizes, k.lanes, k.steps)
	for _, l := range k.lines {
		s += fmt.Sprint("\n", l.name, l.imm, l.store, l.guard, l.step, l.bytes)
		for _, o := range l.operands {
			switch {
			case o.register >= 0:
				s += fmt.Sprint(" r", o.register, o.mask, max(16, o.bytes))
			case o.slot >= 0:
				s += fmt.Sprint(" slot", o.slot)
			default:
				s += fmt.Sprintf(" %v", k.code.values[o.memory])
			}
		}
	}
	return s
}
