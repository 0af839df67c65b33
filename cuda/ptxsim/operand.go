package ptxsim

import (
	"math"
	"strconv"
	"strings"
)

// register is a declared register. Predicates are counted apart from the others.
type register struct {
	name  string
	typ   Type
	index int
}

// space is a state space of variables.
type space uint8

const (
	noSpace space = iota
	paramSpace
	sharedSpace
	constSpace
	globalSpace
)

var spaceNames = [...]string{noSpace: "generic", paramSpace: "param", sharedSpace: "shared", constSpace: "const", globalSpace: "global"}

func (s space) String() string { return spaceNames[s] }

// variable is a declared name with memory.
type variable struct {
	name   string
	space  space
	typ    Type
	align  int
	size   int    // bytes; 0 for extern shared memory
	offset int    // in its space; for global memory, in the module's
	init   []byte // nil if there is no initialiser
}

// operandKind is the form of an operand.
type operandKind uint8

const (
	regOperand operandKind = iota + 1
	immOperand
	symbolOperand  // the address of a variable, plus off
	specialOperand // a special register
	addressOperand // [reg+off], [symbol+off] or [off]
	vectorOperand
	sinkOperand
	nameOperand // a label
)

// operand is an operand as written.
type operand struct {
	kind operandKind
	text string
	not  bool // !p
	reg  *register
	pair *operand // q of p|q
	imm  literal
	sym  *variable
	off  int64
	list []operand
}

// literal is a number as written.
type literal struct {
	form  byte // 'i' integer, 'f' and 'd' float bits, 'g' decimal float
	bits  uint64
	neg   bool // of an integer
	value float64
}

// parseLiteral reads a number without its sign.
func parseLiteral(s string) (literal, bool) {
	if len(s) > 1 && s[0] == '0' && strings.IndexByte("fFdD", s[1]) >= 0 {
		return parseFloatBits(s)
	}
	if strings.ContainsAny(s, ".") || strings.ContainsAny(s, "eE") && !strings.HasPrefix(s, "0x") && !strings.HasPrefix(s, "0X") {
		v, err := strconv.ParseFloat(s, 64)
		return literal{form: 'g', value: v}, err == nil && !strings.ContainsAny(s, "_xXpPnN")
	}
	v, err := strconv.ParseUint(strings.TrimSuffix(s, "U"), 0, 64)
	return literal{form: 'i', bits: v}, err == nil && !strings.Contains(s, "_")
}

// parseFloatBits reads 0f and eight, or 0d and sixteen hexadecimal digits.
func parseFloatBits(s string) (literal, bool) {
	form := s[1] | 0x20
	size := map[byte]int{'f': 8, 'd': 16}[form]
	v, err := strconv.ParseUint(s[2:], 16, 64)
	return literal{form: form, bits: v}, err == nil && len(s) == 2+size
}

// as is the bits of the literal as a t, if t can have it.
func (l literal) as(t Type) (uint64, bool) {
	switch l.form {
	case 'i':
		return l.asInteger(t)
	case 'f':
		return l.bits, t == F32 || t == B32
	case 'd':
		return l.bits, t == F64 || t == B64
	}
	v := l.value
	if l.neg {
		v = -v
	}
	if t == F32 {
		return uint64(math.Float32bits(float32(v))), true
	}
	return math.Float64bits(v), t == F64
}

// asInteger takes signed and unsigned values that fit into the bits.
func (l literal) asInteger(t Type) (uint64, bool) {
	if t.float() || t == Pred {
		return 0, false
	}
	if l.neg {
		return -l.bits & t.mask(), l.bits <= 1<<(t.bits()-1)
	}
	return l.bits, l.bits <= t.mask()
}

// small is the value of an integer literal as an int64, if it fits.
func (l literal) small() (int64, bool) {
	if l.form != 'i' || l.bits > math.MaxInt64 {
		return 0, false
	}
	if l.neg {
		return -int64(l.bits), true
	}
	return int64(l.bits), true
}
