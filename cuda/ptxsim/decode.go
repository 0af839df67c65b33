package ptxsim

import (
	"fmt"
	"slices"
	"strings"
)

// decoder turns one statement into an instruction. It reads the modifiers from the left, so their order counts.
type decoder struct {
	kernel *kernel
	*statement
	left  []string // modifiers not read yet
	out   *instr
	fixed map[fixed]int
}

// decoders has all instructions by the first part of their names. It is filled by init, since decoders refer to it.
var decoders map[string]func(*decoder) exec

func init() {
	decoders = map[string]func(*decoder) exec{
		"add": decodeAdd, "sub": decodeSub, "mul": decodeMul, "mad": decodeMad, "fma": decodeFMA, "div": decodeDiv,
		"rem": decodeRem, "addc": decodeAddCarry, "subc": decodeSubCarry, "abs": decodeAbs, "neg": decodeNeg,
		"min": decodeMinMax, "max": decodeMinMax, "sad": decodeSad, "sqrt": decodeSqrt, "rcp": decodeRcp,
		"copysign": decodeCopysign, "testp": decodeTestp,
		"and": decodeLogic, "or": decodeLogic, "xor": decodeLogic, "not": decodeNot, "cnot": decodeNot, "shl": decodeShift, "shr": decodeShift,
		"shf": decodeFunnel, "lop3": decodeLop3, "prmt": decodePrmt, "bfe": decodeBfe, "bfi": decodeBfi, "popc": decodeCount,
		"clz": decodeCount, "brev": decodeBrev, "bfind": decodeBfind,
		"setp": decodeSetp, "set": decodeSet, "selp": decodeSelp, "slct": decodeSlct, "cvt": decodeCvt, "mov": decodeMov,
		"cvta": decodeCvta, "isspacep": decodeIsspacep,
		"ld": decodeLoad, "st": decodeStore, "atom": decodeAtom, "red": decodeAtom, "cp": decodeAsync,
		"membar": decodeFence, "fence": decodeFence, "bar": decodeBar, "barrier": decodeBar,
		"shfl": decodeShfl, "vote": decodeVote, "match": decodeMatch, "redux": decodeRedux, "activemask": decodeActivemask, "mma": decodeMMA,
		"bra": decodeBra, "ret": decodeExit, "exit": decodeExit, "trap": decodeTrap,
	}
}

// decode fills in the code of a kernel from its statements. It fails as the parser does.
func decode(k *kernel, statements []statement) {
	interned := map[fixed]int{}
	for i := range statements {
		s := &statements[i]
		d := &decoder{kernel: k, statement: s, left: s.mods, fixed: interned}
		k.code = append(k.code, instr{guard: -1, line: s.line, text: s.text})
		d.out = &k.code[i]
		if s.guard != nil {
			d.out.guard, d.out.guardNot = int32(s.guard.index), s.guardNot
		}
		decoder := decoders[s.name]
		if decoder == nil {
			d.fail("unknown instruction %s", s.name)
		}
		d.out.run = decoder(d)
		d.done()
	}
	k.code = append(k.code, instr{guard: -1, flow: flowExit, class: ControlClass, text: "}"})
}

// fail gives up on the statement.
func (d *decoder) fail(format string, args ...any) {
	panic(failure{&SyntaxError{d.line, d.text, fmt.Sprintf(format, args...)}})
}

// since fails unless the module's .version (ten times) and .target have an instruction.
func (d *decoder) since(version, target int) {
	m := d.kernel.module
	if m.version < version || m.target < target {
		d.fail("needs .version %d.%d and .target sm_%d", version/10, version%10, target)
	}
}

// maybe reads the next modifier if it is one of options, or gives "".
func (d *decoder) maybe(options ...string) string {
	if len(d.left) == 0 || !slices.Contains(options, d.left[0]) {
		return ""
	}
	m := d.left[0]
	d.left = d.left[1:]
	return m
}

// must reads the next modifier, one of options.
func (d *decoder) must(options ...string) string {
	m := d.maybe(options...)
	if m == "" {
		d.fail("expected .%s after %s", strings.Join(options, " or ."), strings.TrimSuffix(d.name+"."+strings.Join(d.mods[:len(d.mods)-len(d.left)], "."), "."))
	}
	return m
}

// typ reads the next modifier as a type, one of options.
func (d *decoder) typ(options ...Type) Type {
	names := make([]string, len(options))
	for i, t := range options {
		names[i] = t.String()
	}
	return typeNames[d.must(names...)]
}

// peekType is the last modifier as a type, for instructions whose form depends on it.
func (d *decoder) peekType() Type {
	if len(d.mods) == 0 {
		return NoType
	}
	return typeNames[d.mods[len(d.mods)-1]]
}

// round reads .rn, which every rounding instruction must have.
func (d *decoder) round() {
	if d.maybe("rn") == "" {
		if len(d.left) > 0 && slices.Contains([]string{"rz", "rm", "rp", "approx", "full", "ftz"}, d.left[0]) {
			d.fail(".%s is not simulated: kernels round to nearest, with .rn", d.left[0])
		}
		d.fail("say .rn, or the assembler may fuse or approximate")
	}
}

// done fails if there are modifiers left.
func (d *decoder) done() {
	if len(d.left) > 0 {
		d.fail("unknown or misplaced modifier .%s", d.left[0])
	}
}

// count fails unless there are from low to high operands.
func (d *decoder) count(low, high int) {
	if n := len(d.operands); n < low || n > high {
		d.fail("%d operands, want %d", n, low)
	}
	for i := range d.operands {
		if o := &d.operands[i]; o.pair != nil && (i > 0 || d.name != "setp" && d.name != "shfl" && d.name != "match") {
			d.fail("operand %s is a pair", o.text)
		}
	}
}

// intern is the register that has a fixed value.
func (d *decoder) intern(f fixed) int {
	if r, ok := d.fixed[f]; ok {
		return r
	}
	r := d.kernel.regs
	d.kernel.regs++
	d.fixed[f] = r
	f.reg = r
	d.kernel.fixed = append(d.kernel.fixed, f)
	return r
}

// constant is the register with a constant.
func (d *decoder) constant(v uint64) int { return d.intern(fixed{value: v}) }

// source is the register of an operand that is read as a t: a register of a type that agrees, or a number.
func (d *decoder) source(o *operand, t Type) int {
	return d.read(o, t, t.agrees)
}

// wideSource is source for st and cvt, which take the low bits of wider registers.
func (d *decoder) wideSource(o *operand, t Type) int {
	return d.read(o, t, t.holds)
}

func (d *decoder) read(o *operand, t Type, fits func(Type) bool) int {
	switch o.kind {
	case regOperand:
		if o.not || !fits(o.reg.typ) {
			d.fail("%s is a .%s register, not .%s", o.reg.name, o.reg.typ, t)
		}
		return o.reg.index
	case immOperand:
		v, ok := o.imm.as(t)
		if !ok {
			d.fail("%s is not a .%s", o.text, t)
		}
		return d.constant(v)
	}
	d.fail("%s is not a register or number", o.text)
	return 0
}

// dest is the register of an operand that is written as a t.
func (d *decoder) dest(o *operand, t Type) int { return d.write(o, t, t.agrees) }

// wideDest is dest for ld and cvt, which may write to wider registers.
func (d *decoder) wideDest(o *operand, t Type) int { return d.write(o, t, t.holds) }

func (d *decoder) write(o *operand, t Type, fits func(Type) bool) int {
	if o.kind != regOperand || o.not {
		d.fail("%s is not a register to write to", o.text)
	}
	if !fits(o.reg.typ) {
		d.fail("%s is a .%s register, not .%s", o.reg.name, o.reg.typ, t)
	}
	return o.reg.index
}

// predicate is a source that is a predicate.
type predicate struct {
	index int
	not   bool
}

func (d *decoder) predicate(o *operand) predicate {
	if o.kind != regOperand || o.reg.typ != Pred {
		d.fail("%s is not a predicate", o.text)
	}
	return predicate{o.reg.index, o.not}
}

// predDest is a predicate to write to, or -1 for _.
func (d *decoder) predDest(o *operand) int {
	if o.kind == sinkOperand {
		return -1
	}
	if p := d.predicate(o); !p.not {
		return p.index
	}
	d.fail("%s is not a predicate to write to", o.text)
	return 0
}

// immediate is an operand that must be an integer from 0 to limit.
func (d *decoder) immediate(o *operand, limit int64) int64 {
	v, ok := o.imm.small()
	if o.kind != immOperand || !ok || v < 0 || v > limit {
		d.fail("%s is not a number from 0 to %d", o.text, limit)
	}
	return v
}
