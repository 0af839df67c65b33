package ptxsim

// Type is a fundamental type of PTX.
type Type uint8

// The types. B types are bits without a meaning, of any kind of register of that size.
const (
	NoType Type = iota
	Pred
	B8
	B16
	B32
	B64
	U8
	U16
	U32
	U64
	S8
	S16
	S32
	S64
	F32
	F64
	numTypes
)

// kind is what the bits of a type mean.
type kind uint8

const (
	predKind kind = iota + 1
	bitKind
	unsignedKind
	signedKind
	floatKind
)

var types = [numTypes]struct {
	name string
	size int // bytes
	kind kind
}{
	Pred: {"pred", 0, predKind},
	B8:   {"b8", 1, bitKind}, B16: {"b16", 2, bitKind}, B32: {"b32", 4, bitKind}, B64: {"b64", 8, bitKind},
	U8: {"u8", 1, unsignedKind}, U16: {"u16", 2, unsignedKind}, U32: {"u32", 4, unsignedKind}, U64: {"u64", 8, unsignedKind},
	S8: {"s8", 1, signedKind}, S16: {"s16", 2, signedKind}, S32: {"s32", 4, signedKind}, S64: {"s64", 8, signedKind},
	F32: {"f32", 4, floatKind}, F64: {"f64", 8, floatKind},
}

var typeNames = func() map[string]Type {
	names := map[string]Type{}
	for t := Pred; t < numTypes; t++ {
		names[types[t].name] = t
	}
	return names
}()

// String is the name of the type without its dot.
func (t Type) String() string { return types[t].name }

// Size is the bytes of the type; 0 for a predicate.
func (t Type) Size() int { return types[t].size }

func (t Type) bits() uint    { return uint(8 * types[t].size) }
func (t Type) kind() kind    { return types[t].kind }
func (t Type) signed() bool  { return t.kind() == signedKind }
func (t Type) float() bool   { return t.kind() == floatKind }
func (t Type) integer() bool { return t.kind() == signedKind || t.kind() == unsignedKind }
func (t Type) mask() uint64  { return ^uint64(0) >> (64 - t.bits()) }
func (t Type) doubled() Type { return [numTypes]Type{U16: U32, U32: U64, S16: S32, S32: S64}[t] }
func (t Type) agrees(u Type) bool {
	return t == u || t.Size() == u.Size() && t != Pred && u != Pred &&
		(t.kind() == bitKind || u.kind() == bitKind || t.integer() && u.integer())
}

// holds reports whether a register of type r may stand where ld, st and cvt say t: as agrees, and the
// register may be wider, except that float types keep to their own registers or to bits.
func (t Type) holds(r Type) bool {
	switch {
	case t.agrees(r):
		return true
	case r == Pred || t == Pred || r.Size() <= t.Size():
		return false
	case t.float():
		return r.kind() == bitKind
	}
	return !r.float()
}

// extend widens a value of the type, in the low bits of v, to a register: with its sign if it has one.
func (t Type) extend(v uint64) uint64 {
	shift := 64 - t.bits()
	if t.signed() {
		return uint64(int64(v<<shift) >> shift)
	}
	return v << shift >> shift
}
