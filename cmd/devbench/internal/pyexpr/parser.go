package pyexpr

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

// maxHeight limits the depth of a tree, so that neither parsing nor walking it can exhaust the
// stack. A sum of that many terms is as deep as as many parentheses.
const maxHeight = 1000

// Parse reads a program: lines name = expression, separated by line ends or semicolons, and an
// expression as the last one. Errors are *SyntaxError.
func Parse(src string) (*Program, error) {
	p := &parser{lexer: lexer{src: src, rest: src, pos: Pos{1, 1}}}
	if !utf8.ValidString(src) {
		return nil, p.invalidUTF8()
	}
	if err := p.advance(); err != nil {
		return nil, err
	}
	return p.program()
}

// binding says how tightly each binary operator holds its operands: a Pratt parser's table.
var binding = map[string]int{
	"==": 1, "!=": 1, "<": 1, "<=": 1, ">": 1, ">=": 1,
	"|": 2, "^": 3, "&": 4, "<<": 5, ">>": 5, "+": 6, "-": 6,
	"*": 7, "@": 7, "/": 7, "//": 7, "%": 7,
	"**": power,
}

const (
	comparison = 1
	unary      = 8
	power      = 9
)

// parser is a Pratt parser with one token of lookahead.
type parser struct {
	lexer
	tok   token
	depth int     // expressions being parsed, one within the other
	stack []token // brackets open
}

func (p *parser) advance() (err error) {
	p.tok, err = p.next()
	return err
}

// program parses all statements.
func (p *parser) program() (*Program, error) {
	prog := &Program{}
	for {
		if err := p.skipSeparators(); err != nil {
			return nil, err
		}
		if p.tok.kind == end {
			return prog, p.endOfProgram(prog)
		}
		if prog.Result != nil {
			at := prog.Result.Pos()
			return nil, p.fail(at, "only the last line can be an expression: give this one a name, as y = …")
		}
		if err := p.statement(prog); err != nil {
			return nil, err
		}
	}
}

func (p *parser) skipSeparators() error {
	for p.tok.kind == newline || p.tok.is(";") {
		if err := p.advance(); err != nil {
			return err
		}
	}
	return nil
}

func (p *parser) endOfProgram(prog *Program) error {
	switch n := len(prog.Assigns); {
	case prog.Result != nil:
		return nil
	case n > 0:
		last := prog.Assigns[n-1]
		return p.fail(last.Pos, fmt.Sprintf("the last line must be an expression: add the line %s", last.Name))
	}
	return p.fail(p.tok.pos, "there is no expression")
}

// statement parses name = expression into prog.Assigns, or an expression into prog.Result.
func (p *parser) statement(prog *Program) error {
	start := p.tok
	value, err := p.expression(0)
	if err != nil {
		return err
	}
	if p.tok.is("=") {
		value, err = p.assignment(start, value)
		if err != nil {
			return err
		}
		prog.Assigns = append(prog.Assigns, Assign{start.pos, start.text, value})
	} else {
		prog.Result = value
	}
	if p.tok.kind != newline && p.tok.kind != end && !p.tok.is(";") {
		return p.unexpected("an operator")
	}
	return nil
}

// assignment parses the value after target = …
func (p *parser) assignment(start token, target Node) (Node, error) {
	if !isPlainName(target, start) {
		return nil, p.fail(start.pos, "only a name can be assigned to: use == to compare; arrays cannot be written to")
	}
	if err := p.advance(); err != nil {
		return nil, err
	}
	value, err := p.expression(0)
	if err == nil && p.tok.is("=") {
		err = p.fail(p.tok.pos, "one name can be assigned to on a line: use == to compare")
	}
	return value, err
}

// isPlainName reports whether the expression that began with start is that name and no more.
func isPlainName(n Node, start token) bool {
	_, ok := n.(*Name)
	return ok && start.kind == name
}

// expression parses operands joined by operators that bind at least as tightly as least.
func (p *parser) expression(least int) (Node, error) {
	if err := p.enter(); err != nil {
		return nil, err
	}
	defer p.leave()
	start := p.tok.pos
	left, err := p.operand()
	for err == nil && p.tok.kind == operator {
		level, ok := binding[p.tok.text]
		if !ok || level < least {
			break
		}
		left, err = p.binary(start, left, level)
	}
	return left, err
}

// enter counts the nesting; leave undoes it.
func (p *parser) enter() error {
	if p.depth++; p.depth > maxHeight {
		return p.tooDeep(p.tok.pos)
	}
	return nil
}

func (p *parser) leave() { p.depth-- }

func (p *parser) tooDeep(at Pos) error {
	return p.fail(at, fmt.Sprintf("the expression is nested more than %d deep: name parts of it on lines of their own", maxHeight))
}

// binary parses an operator and its right operand.
func (p *parser) binary(start Pos, left Node, level int) (Node, error) {
	op := p.tok
	if err := p.advance(); err != nil {
		return nil, err
	}
	tighter := level + 1
	if level == power {
		tighter = unary // from the right, and a sign may stand there: 2**-x
	}
	right, err := p.expression(tighter)
	if err != nil {
		return nil, err
	}
	if level == comparison && p.tok.kind == operator && binding[p.tok.text] == comparison {
		return nil, p.fail(p.tok.pos, chained)
	}
	b, err := p.base(start, left, right)
	return &Binary{b, op.text, op.pos, left, right}, err
}

// base is the part that all nodes have, of a node above kids.
func (p *parser) base(start Pos, kids ...Node) (base, error) {
	deep := 0
	for _, k := range kids {
		if k != nil {
			deep = max(deep, k.height())
		}
	}
	if deep >= maxHeight {
		return base{}, p.tooDeep(start)
	}
	return base{start, deep + 1}, nil
}

// operand parses an atom with its signs in front and its calls, subscripts and attributes behind.
func (p *parser) operand() (Node, error) {
	start := p.tok
	if start.is("-") || start.is("+") || start.is("~") {
		if err := p.advance(); err != nil {
			return nil, err
		}
		x, err := p.expression(unary)
		if err != nil {
			return nil, err
		}
		b, err := p.base(start.pos, x)
		return &Unary{b, start.text, x}, err
	}
	left, err := p.atom()
	for err == nil && p.tok.kind == operator {
		switch p.tok.text {
		case ".":
			left, err = p.attribute(start.pos, left)
		case "(":
			left, err = p.call(start.pos, left)
		case "[":
			left, err = p.subscript(start.pos, left)
		default:
			return left, nil
		}
	}
	return left, err
}

// atom parses a name, a literal, or a bracketed expression.
func (p *parser) atom() (Node, error) {
	t := p.tok
	b := base{t.pos, 1}
	var leaf Node
	switch {
	case t.kind == name:
		leaf = &Name{b, t.text}
	case t.kind == integer:
		v, err := strconv.ParseUint(octal(t.text), 0, 64)
		if err != nil {
			return nil, p.fail(t.pos, "this integer needs more than 64 bits: write it as a float, with a point")
		}
		leaf = &Int{b, v}
	case t.kind == float:
		v, _ := strconv.ParseFloat(t.text, 64) // out of range is ±Inf, as in Python
		leaf = &Float{b, v}
	case t.is("True"), t.is("False"):
		leaf = &Bool{b, t.text == "True"}
	case t.is("None"):
		leaf = &None{b}
	case t.is("..."):
		leaf = &Ellipsis{b}
	case t.is("("):
		return p.parenthesised()
	case t.is("["):
		return p.list()
	case t.kind == str:
		return nil, p.fail(t.pos, `a string is only an argument, as in dtype="float32"`)
	default:
		return nil, p.unexpected("a value")
	}
	return leaf, p.advance()
}

// octal drops the zeros that Python allows before a zero and ParseUint takes for an octal prefix.
func octal(text string) string {
	if strings.Trim(text, "0") == "" {
		return "0"
	}
	return text
}

// attribute parses .name
func (p *parser) attribute(start Pos, x Node) (Node, error) {
	if err := p.advance(); err != nil {
		return nil, err
	}
	t := p.tok
	if t.kind != name {
		return nil, p.fail(t.pos, fmt.Sprintf("a name was expected after the point, not %v", t))
	}
	b, err := p.base(start, x)
	if err != nil {
		return nil, err
	}
	return &Attribute{b, x, t.text, t.pos}, p.advance()
}

// unexpected is the error at a token that cannot stand where wanted should.
func (p *parser) unexpected(wanted string) error {
	t, open := p.tok, p.innermost()
	closing := t.kind == end || t.is(")") || t.is("]") || t.is("}")
	if closing && open.kind != end && wanted != "a value" {
		return p.fail(open.pos, fmt.Sprintf("this %v is not closed", open))
	}
	if msg := advice(t, open); msg != "" {
		return p.fail(t.pos, msg)
	}
	return p.fail(t.pos, fmt.Sprintf("%s was expected here, not %v", wanted, t))
}

// innermost is the last bracket open, or the zero token.
func (p *parser) innermost() token {
	if n := len(p.stack); n > 0 {
		return p.stack[n-1]
	}
	return token{}
}

// advice is what to write instead of a token of Python's that has no meaning here, or "". What a
// comma or colon may do depends on the bracket around it.
func advice(t, open token) string {
	switch {
	case t.kind == keyword:
		return keywords[t.text]
	case t.kind != operator, t.text == "," && open.kind != end, t.text == ":" && open.is("["):
		return ""
	case augmented[t.text]:
		return fmt.Sprintf("arrays cannot be changed in place: write y = x %s …", strings.TrimSuffix(t.text, "="))
	}
	return operatorAdvice[t.text]
}

func (p *parser) invalidUTF8() error {
	valid := p.src[:len(p.src)-len(strings.TrimLeftFunc(p.src, func(r rune) bool { return r != utf8.RuneError }))]
	p.take(len(valid))
	return p.fail(p.pos, "the text is not valid UTF-8")
}
