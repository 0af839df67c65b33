package npy

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/tare-go/tare/broadcast"
)

// literal reads the text of a header: a Python dict with the keys descr, fortran_order and shape,
// each once, in any order. It reads what Python's literals are for these three values and nothing
// else: no escapes, no other number than a decimal integer, no expression.
type literal struct {
	text    []byte
	pos     int
	base    int64 // bytes from the start of the file to the text
	longs   bool  // integers may end in L, as Python 2 wrote them on Windows
	shapeAt int   // where the shape was
}

// maxQuoted is how much of a header an error shows.
const maxQuoted = 60

// fields read the value of each key.
var fields = map[string]func(*literal, *Header) error{
	"descr":         (*literal).descr,
	"fortran_order": (*literal).order,
	"shape":         (*literal).shape,
}

// header reads the whole text into h.
func (p *literal) header(h *Header) error {
	if err := p.dict(h); err != nil {
		return err
	}
	if p.space(); p.pos < len(p.text) {
		return p.errorf(p.pos, "%s follows the header's dict; only spaces and a newline may", p.quote())
	}
	if _, err := broadcast.Bytes(h.Shape, h.DType.Size()); err != nil {
		return p.errorf(p.shapeAt, "%v", err)
	}
	return nil
}

// dict reads {'key': value, ...}.
func (p *literal) dict(h *Header) error {
	if !p.accept('{') {
		return p.errorf(p.pos, "the header is %s; it should be a Python dict, {'descr': ...}", p.quote())
	}
	seen := make(map[string]bool, len(fields))
	for !p.accept('}') {
		if err := p.entry(h, seen); err != nil {
			return err
		}
		if !p.accept(',') && p.peek() != '}' {
			return p.errorf(p.pos, "%s where ',' or '}' should be", p.quote())
		}
	}
	for _, key := range []string{"descr", "fortran_order", "shape"} {
		if !seen[key] {
			return p.errorf(0, "the header has no key '%s'", key)
		}
	}
	return nil
}

// entry reads 'key': value.
func (p *literal) entry(h *Header, seen map[string]bool) error {
	key, at, err := p.str("a key")
	if err != nil {
		return err
	}
	field, ok := fields[key]
	if !ok {
		return p.errorf(at, "the header has the key %q; its keys are descr, fortran_order and shape", key)
	}
	if seen[key] {
		return p.errorf(at, "the header has the key %q twice", key)
	}
	seen[key] = true
	if !p.accept(':') {
		return p.errorf(p.pos, "%s where ':' should follow the key %q", p.quote(), key)
	}
	return field(p, h)
}

// descr reads the type of the elements.
func (p *literal) descr(h *Header) error {
	if c := p.peek(); c == '[' || c == '(' {
		return structured(p.bracketed(), p.base+int64(p.pos))
	}
	s, at, err := p.str("descr")
	if err != nil {
		return err
	}
	var ok bool
	if h.DType, h.BigEndian, ok = parseDescr(s); !ok {
		return unsupported(s, p.base+int64(at))
	}
	return nil
}

// order reads True or False.
func (p *literal) order(h *Header) error {
	p.space()
	start := p.pos
	for p.pos < len(p.text) && isWord(p.text[p.pos]) {
		p.pos++
	}
	switch string(p.text[start:p.pos]) {
	case "True":
		h.Fortran = true
	case "False":
		h.Fortran = false
	default:
		p.pos = start
		return p.errorf(start, "fortran_order is %s; it should be True or False", p.quote())
	}
	return nil
}

// shape reads a tuple of integers: (), (3,), (2, 3).
func (p *literal) shape(h *Header) error {
	p.peek()
	p.shapeAt = p.pos
	if !p.accept('(') {
		return p.errorf(p.pos, "shape is %s; it should be a tuple of integers, as (3,) or (2, 3)", p.quote())
	}
	comma := true
	h.Shape = []int{}
	for !p.accept(')') {
		if !comma {
			return p.errorf(p.pos, "%s in shape where ',' or ')' should be", p.quote())
		}
		extent, err := p.extent()
		if err != nil {
			return err
		}
		if h.Shape = append(h.Shape, extent); len(h.Shape) > broadcast.MaxDims {
			return p.errorf(p.shapeAt, "shape has more than %d axes, the most that an array can have", broadcast.MaxDims)
		}
		comma = p.accept(',')
	}
	if len(h.Shape) == 1 && !comma {
		return p.errorf(p.shapeAt, "shape (%d) is a number in parentheses; a tuple is (%[1]d,)", h.Shape[0])
	}
	return nil
}

// extent reads one integer of a shape.
func (p *literal) extent() (int, error) {
	p.space()
	start := p.pos
	p.take('-')
	digits := p.pos
	for p.pos < len(p.text) && isDigit(p.text[p.pos]) {
		p.pos++
	}
	number := string(p.text[start:p.pos])
	switch {
	case p.pos == digits || (number[0] == '0' && len(number) > 1):
		p.pos = start
		return 0, p.errorf(start, "%s in shape where an integer should be", p.quote())
	case digits > start:
		return 0, p.errorf(start, "shape has the negative extent %s", clip(number))
	}
	n, err := strconv.Atoi(number)
	if err != nil {
		return 0, p.errorf(start, "shape has the extent %s; the largest is %d", clip(number), math.MaxInt)
	}
	if p.longs {
		p.take('L')
	}
	return n, nil
}

// str reads a string in single or double quotes; what names it in the error. It returns where the
// string starts.
func (p *literal) str(what string) (s string, at int, err error) {
	p.space()
	at = p.pos
	if !p.take('u') {
		p.take('U')
	}
	quote := p.current()
	if quote != '\'' && quote != '"' {
		p.pos = at
		return "", at, p.errorf(at, "%s where %s should be, a string in quotes", p.quote(), what)
	}
	p.pos++
	start := p.pos
	for ; p.pos < len(p.text); p.pos++ {
		switch c := p.text[p.pos]; {
		case c == quote:
			s = string(p.text[start:p.pos])
			p.pos++
			return s, at, nil
		case c == '\\' || c == '\n' || c == 0:
			return "", at, p.errorf(p.pos, "the character %q within a string", c)
		}
	}
	return "", at, p.errorf(at, "the string that starts here does not end")
}

// bracketed is the text from a bracket to the one that closes it, as far as an error shows it.
func (p *literal) bracketed() string {
	depth := 0
	for i, c := range p.text[p.pos:] {
		switch c {
		case '[', '(':
			depth++
		case ']', ')':
			depth--
		}
		if depth == 0 {
			return clip(string(p.text[p.pos : p.pos+i+1]))
		}
	}
	return clip(string(p.text[p.pos:]))
}

// current is the character at hand, or 0 at the end.
func (p *literal) current() byte {
	if p.pos < len(p.text) {
		return p.text[p.pos]
	}
	return 0
}

// space skips what Python skips between tokens.
func (p *literal) space() {
	for p.pos < len(p.text) && strings.IndexByte(" \t\r\n\f", p.text[p.pos]) >= 0 {
		p.pos++
	}
}

// peek is the next character that is no space, or 0 at the end.
func (p *literal) peek() byte {
	p.space()
	return p.current()
}

// take skips c if it is at hand.
func (p *literal) take(c byte) bool {
	if p.pos < len(p.text) && p.text[p.pos] == c {
		p.pos++
		return true
	}
	return false
}

// accept skips spaces, and then c if it is at hand.
func (p *literal) accept(c byte) bool {
	p.space()
	return p.take(c)
}

// quote is the token at hand, as an error shows it.
func (p *literal) quote() string {
	if p.pos >= len(p.text) {
		return "the end of the header"
	}
	token := string(p.text[p.pos:])
	if i := strings.IndexAny(token, " \t\r\n,:(){}"); i >= 0 {
		token = token[:max(i, 1)]
	}
	return strconv.Quote(clip(token))
}

// errorf is an error at pos of the text.
func (p *literal) errorf(pos int, format string, args ...any) error {
	return &FormatError{Offset: p.base + int64(pos), Msg: fmt.Sprintf(format, args...)}
}

// clip cuts a text to what an error shows.
func clip(s string) string {
	if len(s) > maxQuoted {
		return s[:maxQuoted] + "..."
	}
	return s
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

func isWord(c byte) bool {
	return isDigit(c) || c == '_' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
}
