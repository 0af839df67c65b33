package ptxsim

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Limits of what Parse accepts, as those of devices, or far above any kernel where devices have none.
const (
	maxRegisters   = 1 << 16
	maxStatic      = 48 << 10 // bytes of shared memory declared with a size
	maxShared      = 227 << 10
	maxConst       = 64 << 10
	maxGlobal      = 64 << 20
	maxParams      = 4096
	maxInstrs      = 1 << 20
	maxBlock       = 1024
	maxVectorWidth = 4
)

// Module is parsed PTX. It does not change, and machines may share it.
type Module struct {
	version int // of the ISA, ten times
	target  int // sm_
	kernels map[string]*kernel
	order   []string
	globals []*variable
	global  int // bytes
	consts  []byte
}

// Kernels lists the entries in the order of the text.
func (m *Module) Kernels() []string { return slices.Clone(m.order) }

// Param is the place of a parameter in the argument buffer, in bytes.
type Param struct{ Offset, Size int }

// KernelInfo is what a launch has to know of a kernel.
type KernelInfo struct {
	Params       []Param
	ParamBytes   int    // of the argument buffer: where the last parameter ends
	StaticShared int    // bytes of shared memory, to which a launch may add
	MaxThreads   uint32 // of a block by .maxntid or .reqntid; 0 if there is neither
}

// Kernel describes an entry; ok is false if there is none of that name.
func (m *Module) Kernel(name string) (info KernelInfo, ok bool) {
	k := m.kernels[name]
	if k == nil {
		return KernelInfo{}, false
	}
	return KernelInfo{slices.Clone(k.params), k.paramBytes, k.static, k.maxThreads}, true
}

// scope is a pair of braces: its names, and those around it.
type scope struct {
	parent *scope
	regs   map[string]*register
	vars   map[string]*variable
	labels map[string]int
}

func newScope(parent *scope) *scope {
	return &scope{parent, map[string]*register{}, map[string]*variable{}, map[string]int{}}
}

func (s *scope) register(name string) *register {
	for ; s != nil; s = s.parent {
		if r := s.regs[name]; r != nil {
			return r
		}
	}
	return nil
}

func (s *scope) variable(name string) *variable {
	for ; s != nil; s = s.parent {
		if v := s.vars[name]; v != nil {
			return v
		}
	}
	return nil
}

func (s *scope) label(name string) (int, bool) {
	for ; s != nil; s = s.parent {
		if at, ok := s.labels[name]; ok {
			return at, true
		}
	}
	return 0, false
}

// statement is an instruction as written.
type statement struct {
	line     int
	text     string
	name     string   // before the first dot
	mods     []string // after it
	guard    *register
	guardNot bool
	operands []operand
	scope    *scope
}

// parser reads the tokens of a module.
type parser struct {
	text   string
	tokens []token
	at     int
	module *Module
	scope  *scope

	linkage    string  // before the present .entry or variable
	kernel     *kernel // being read
	statements []statement
	depth      int
}

// Parse reads a module of PTX. Its error is a *SyntaxError.
func Parse(ptx string) (m *Module, err error) {
	p := &parser{text: ptx, tokens: tokenize(ptx), scope: newScope(nil), module: &Module{kernels: map[string]*kernel{}}}
	defer func() {
		switch r := recover().(type) {
		case nil:
		case failure:
			m, err = nil, r.SyntaxError
		default:
			panic(r)
		}
	}()
	p.parseModule()
	return p.module, nil
}

func (p *parser) peek() string { return p.tokens[p.at].text }

func (p *parser) next() string {
	t := p.tokens[p.at]
	if t.text == "" {
		p.fail("the text ends here")
	}
	p.at++
	return t.text
}

func (p *parser) accept(text string) bool {
	if p.peek() == text {
		p.at++
		return true
	}
	return false
}

func (p *parser) expect(text string) {
	if !p.accept(text) {
		p.fail("expected %q", text)
	}
}

// fail gives up at the present token.
func (p *parser) fail(format string, args ...any) {
	t := p.tokens[p.at]
	panic(failure{&SyntaxError{t.line, p.lineText(t), fmt.Sprintf(format, args...)}})
}

// lineText is the line of a token.
func (p *parser) lineText(t token) string {
	start := strings.LastIndexByte(p.text[:min(t.pos, len(p.text))], '\n') + 1
	return strings.TrimSpace(p.text[start : start+lengthTo(p.text[start:], "\n")])
}

func (p *parser) name() string {
	s := p.next()
	if !isName(s) {
		p.at--
		p.fail("expected a name")
	}
	return s
}

// isName reports whether s may be the name of a variable, a label or a register.
func isName(s string) bool {
	if s == "" || digit(s[0]) || strings.Contains(s, ".") || strings.Contains(s, "::") {
		return false
	}
	return wordByte(s[0]) && (len(s) > 1 || s[0] != '_' && s[0] != '$' && s[0] != '%') && !strings.Contains(s[1:], "%")
}

// integer reads an integer from 0 to limit.
func (p *parser) integer(limit int) int {
	v, ok := parseLiteral(p.peek())
	if !ok || v.form != 'i' || v.bits > uint64(limit) {
		p.fail("expected an integer of at most %d", limit)
	}
	p.at++
	return int(v.bits)
}

func (p *parser) parseModule() {
	p.parseHead()
	for p.peek() != "" {
		p.linkage = ""
		switch p.peek() {
		case ".visible", ".extern", ".weak":
			p.linkage = p.next()
		}
		switch p.peek() {
		case ".entry":
			p.at++
			p.parseEntry()
		case ".shared", ".const", ".global":
			p.parseVariable()
		case ".pragma", ".file":
			p.skipDirective()
		default:
			p.fail("expected .entry or a variable; functions are not simulated")
		}
	}
}

// parseHead reads .version, .target and .address_size, which must come first.
func (p *parser) parseHead() {
	p.expect(".version")
	major, minor, ok := strings.Cut(p.peek(), ".")
	a, err := strconv.Atoi(major)
	b, err2 := strconv.Atoi(minor)
	if !ok || err != nil || err2 != nil || a < 6 || a > 9 || b < 0 || b > 9 {
		p.fail("expected a version from 6.0 to 9.9")
	}
	p.at++
	p.module.version = 10*a + b
	p.expect(".target")
	p.module.target = p.target()
	p.expect(".address_size")
	if p.integer(64) != 64 {
		p.at--
		p.fail("only 64-bit addresses are simulated")
	}
}

func (p *parser) target() int {
	sm, ok := strings.CutPrefix(p.peek(), "sm_")
	v, err := strconv.Atoi(strings.TrimSuffix(sm, "a"))
	if !ok || err != nil || v < 70 || v > 130 {
		p.fail("expected a target from sm_70")
	}
	p.at++
	version := 0
	for _, first := range targets {
		if v >= first.target {
			version = first.version
		}
	}
	if p.module.version < version {
		p.at--
		p.fail("sm_%d needs .version %d.%d", v, version/10, version%10)
	}
	return v
}

// targets has the first .version, ten times, of each generation.
var targets = []struct{ target, version int }{{70, 60}, {75, 63}, {80, 70}, {86, 71}, {89, 78}, {90, 78}, {100, 86}}

func (p *parser) skipDirective() {
	p.next()
	for p.next() != ";" {
	}
}

// parseEntry reads a kernel.
func (p *parser) parseEntry() {
	if p.linkage == ".extern" {
		p.fail("a kernel from elsewhere is not simulated")
	}
	k := &kernel{name: p.name(), module: p.module}
	if p.module.kernels[k.name] != nil {
		p.fail("kernel %s is there already", k.name)
	}
	p.kernel, p.statements, p.depth = k, nil, 0
	p.scope = newScope(p.scope)
	if p.accept("(") {
		p.parseParams()
	}
	p.parseTuning()
	p.expect("{")
	p.parseBody()
	p.expect("}")
	p.scope = p.scope.parent
	decode(k, p.statements)
	p.module.kernels[k.name] = k
	p.module.order = append(p.module.order, k.name)
}

func (p *parser) parseParams() {
	for more := !p.accept(")"); more; {
		p.expect(".param")
		v := p.declarator(paramSpace, p.parseAlign())
		p.kernel.paramBytes = p.place(v, p.kernel.paramBytes, maxParams)
		p.kernel.params = append(p.kernel.params, Param{Offset: v.offset, Size: v.size})
		if more = p.accept(","); !more {
			p.expect(")")
		}
	}
}

// parseTuning reads the directives between parameters and body.
func (p *parser) parseTuning() {
	for {
		switch p.peek() {
		case ".maxntid", ".reqntid":
			exact := p.next() == ".reqntid"
			size := [3]uint32{1, 1, 1}
			for i := range size {
				size[i] = uint32(p.integer(maxBlock))
				if !p.accept(",") {
					break
				}
			}
			p.setBlock(exact, size)
		case ".minnctapersm", ".maxnreg":
			p.next()
			p.integer(1 << 10)
		default:
			return
		}
	}
}

func (p *parser) setBlock(exact bool, size [3]uint32) {
	n := size[0] * size[1] * size[2]
	if n == 0 || n > maxBlock {
		p.fail("a block has 1 to %d threads", maxBlock)
	}
	p.kernel.maxThreads = n
	if exact {
		p.kernel.exactBlock = size
	}
}

// parseBody reads statements up to the closing brace of the kernel.
func (p *parser) parseBody() {
	for p.peek() != "}" || p.depth > 0 {
		switch t := p.peek(); {
		case t == "{":
			p.at++
			p.depth++
			p.scope = newScope(p.scope)
		case t == "}":
			p.at++
			p.depth--
			p.scope = p.scope.parent
		case t == ".reg":
			p.at++
			p.parseRegisters()
		case t == ".shared":
			p.linkage = ""
			p.parseVariable()
		case t == ".pragma":
			p.skipDirective()
		case isName(t) && p.tokens[p.at+1].text == ":":
			p.parseLabel()
		default:
			p.parseStatement()
		}
	}
}

func (p *parser) parseLabel() {
	name := p.name()
	if _, there := p.scope.labels[name]; there {
		p.at--
		p.fail("label %s is there already", name)
	}
	p.scope.labels[name] = len(p.statements)
	p.expect(":")
}

// parseRegisters reads what follows .reg.
func (p *parser) parseRegisters() {
	t, ok := typeNames[strings.TrimPrefix(p.peek(), ".")]
	if !ok || p.peek()[0] != '.' {
		p.fail("expected a type of registers")
	}
	p.at++
	for {
		name := p.name()
		if p.accept("<") {
			for i := range p.integer(maxRegisters) {
				p.declareRegister(name+strconv.Itoa(i), t)
			}
			p.expect(">")
		} else {
			p.declareRegister(name, t)
		}
		if !p.accept(",") {
			break
		}
	}
	p.expect(";")
}

func (p *parser) declareRegister(name string, t Type) {
	if p.scope.regs[name] != nil || p.scope.vars[name] != nil {
		p.fail("%s is declared already", name)
	}
	if isSpecial(name) {
		p.fail("%s is a special register", name)
	}
	k := p.kernel
	names := &k.regNames
	if t == Pred {
		names = &k.predNames
	}
	if len(*names) == maxRegisters {
		p.fail("more than %d registers", maxRegisters)
	}
	p.scope.regs[name] = &register{name, t, len(*names)}
	*names = append(*names, name)
	k.regs, k.preds = len(k.regNames), len(k.predNames)
}

// parseStatement reads an instruction.
func (p *parser) parseStatement() {
	first := p.tokens[p.at]
	s := statement{line: first.line, scope: p.scope}
	if p.accept("@") {
		s.guardNot = p.accept("!")
		s.guard = p.scope.register(p.peek())
		if s.guard == nil || s.guard.typ != Pred {
			p.fail("%s is not a predicate", p.peek())
		}
		p.at++
	}
	s.line = p.tokens[p.at].line
	op := p.next()
	if !isName(op[:lengthTo(op, ".")]) || strings.HasPrefix(op, "%") {
		p.at--
		p.fail("expected an instruction")
	}
	parts := strings.Split(op, ".")
	s.name, s.mods = parts[0], parts[1:]
	for p.peek() != ";" {
		s.operands = append(s.operands, p.parseOperand())
		if !p.accept(",") {
			break
		}
	}
	last := p.tokens[p.at]
	p.expect(";")
	s.text = strings.Join(strings.Fields(p.text[first.pos:last.pos+1]), " ")
	if p.statements = append(p.statements, s); len(p.statements) > maxInstrs {
		p.fail("more than %d instructions", maxInstrs)
	}
}

// parseOperand reads one operand.
func (p *parser) parseOperand() operand {
	first := p.tokens[p.at].pos
	var o operand
	switch t := p.peek(); {
	case t == "[":
		p.at++
		o = p.parseAddress()
	case t == "{":
		p.at++
		o = p.parseVector()
	case t == "!":
		p.at++
		o = p.parseOperand()
		if o.not || o.reg == nil || o.reg.typ != Pred || o.kind != regOperand {
			p.fail("! is for predicates")
		}
		o.not = true
	default:
		o = p.parseValue()
	}
	if p.accept("|") {
		q := p.parseOperand()
		if o.kind != regOperand && o.kind != sinkOperand || q.kind != regOperand && q.kind != sinkOperand || q.pair != nil {
			p.fail("expected registers on both sides of |")
		}
		o.pair = &q
	}
	o.text = strings.TrimSpace(p.text[first:p.tokens[p.at].pos])
	return o
}

// parseValue reads a register, a number, a name and an offset, or _.
func (p *parser) parseValue() operand {
	if p.peek() == "-" || p.peek() != "" && digit(p.peek()[0]) {
		return operand{kind: immOperand, imm: p.number()}
	}
	t := p.next()
	if t == "_" {
		return operand{kind: sinkOperand}
	}
	if r := p.scope.register(t); r != nil {
		return operand{kind: regOperand, reg: r}
	}
	if isSpecial(t) {
		return operand{kind: specialOperand, text: t}
	}
	if v := p.scope.variable(t); v != nil {
		return operand{kind: symbolOperand, sym: v, off: p.parseOffset()}
	}
	if !isName(t) || t[0] == '%' {
		p.at--
		p.fail("%s is not declared", t)
	}
	return operand{kind: nameOperand, text: t}
}

// number reads a number with its sign.
func (p *parser) number() literal {
	neg := p.accept("-")
	v, ok := parseLiteral(p.peek())
	if !ok || neg && v.form != 'i' && v.form != 'g' {
		p.fail("%s is not a number", p.peek())
	}
	p.at++
	v.neg = neg
	return v
}

// parseOffset reads +n, +-n, -n or nothing.
func (p *parser) parseOffset() int64 {
	if p.peek() != "-" && !p.accept("+") {
		return 0
	}
	v, ok := p.number().small()
	if !ok || v < -1<<31 || v >= 1<<31 {
		p.at--
		p.fail("an offset has 32 bits")
	}
	return v
}

// parseAddress reads what follows [.
func (p *parser) parseAddress() operand {
	o := p.parseValue()
	switch o.kind {
	case regOperand:
		o.off = p.parseOffset()
	case immOperand:
		v, ok := o.imm.small()
		if !ok || v < 0 {
			p.fail("%s is not an address", o.text)
		}
		o.off = v
	case symbolOperand:
	default:
		p.fail("expected an address")
	}
	o.kind = addressOperand
	p.expect("]")
	return o
}

// parseVector reads what follows {.
func (p *parser) parseVector() operand {
	o := operand{kind: vectorOperand}
	for {
		e := p.parseOperand()
		if e.kind == vectorOperand || e.kind == addressOperand {
			p.fail("expected a register or a number in a vector")
		}
		o.list = append(o.list, e)
		if !p.accept(",") {
			p.expect("}")
			return o
		}
	}
}
