package ptxsim

// relation is the outcome of a comparison, as a bit: less, equal, greater or unordered.
type relation uint8

const (
	isLess relation = 1 << iota
	isEqual
	isGreater
	isUnordered
)

// comparisons has the outcomes for which each holds.
var comparisons = map[string]relation{
	"eq": isEqual, "ne": isLess | isGreater, "lt": isLess, "le": isLess | isEqual, "gt": isGreater, "ge": isGreater | isEqual,
	"lo": isLess, "ls": isLess | isEqual, "hi": isGreater, "hs": isGreater | isEqual,
	"equ": isEqual | isUnordered, "neu": isLess | isGreater | isUnordered, "ltu": isLess | isUnordered,
	"leu": isLess | isEqual | isUnordered, "gtu": isGreater | isUnordered, "geu": isGreater | isEqual | isUnordered,
	"num": isLess | isEqual | isGreater, "nan": isUnordered,
}

// compareOf is the comparisons that a type has.
func compareOf(t Type) []string {
	switch t.kind() {
	case bitKind:
		return []string{"eq", "ne"}
	case unsignedKind:
		return []string{"eq", "ne", "lt", "le", "gt", "ge", "lo", "ls", "hi", "hs"}
	case signedKind:
		return []string{"eq", "ne", "lt", "le", "gt", "ge"}
	}
	return []string{"eq", "ne", "lt", "le", "gt", "ge", "equ", "neu", "ltu", "leu", "gtu", "geu", "num", "nan"}
}

// compareOp compares all lanes, and gives those in which one of the relations holds.
type compareOp func(want relation, a, b *vec) uint32

func compareInts[T native](want relation, a, b *vec) (holds uint32) {
	for i := range a {
		x, y := T(a[i]), T(b[i])
		r := isEqual
		if x < y {
			r = isLess
		} else if x > y {
			r = isGreater
		}
		if r&want != 0 {
			holds |= 1 << i
		}
	}
	return holds
}

func relate(x, y float64) relation {
	switch {
	case x < y:
		return isLess
	case x > y:
		return isGreater
	case x == y:
		return isEqual
	}
	return isUnordered
}

func compareF32(want relation, a, b *vec) (holds uint32) {
	for i := range a {
		if relate(float64(f32(a[i])), float64(f32(b[i])))&want != 0 {
			holds |= 1 << i
		}
	}
	return holds
}

func compareF64(want relation, a, b *vec) (holds uint32) {
	for i := range a {
		if relate(f64(a[i]), f64(b[i]))&want != 0 {
			holds |= 1 << i
		}
	}
	return holds
}

var compareOps = [numTypes]compareOp{
	B16: compareInts[uint16], B32: compareInts[uint32], B64: compareInts[uint64],
	U16: compareInts[uint16], U32: compareInts[uint32], U64: compareInts[uint64],
	S16: compareInts[int16], S32: compareInts[int32], S64: compareInts[int64],
	F32: compareF32, F64: compareF64,
}

// comparison is the common part of setp and set.
type comparison struct {
	op    compareOp
	want  relation
	a, b  int
	logic string    // and, or, xor with by; "" is none
	by    predicate // the last operand
}

// decodeComparison reads .cmp{.bool} and, after the destination's type if there is one, the source type.
func (d *decoder) decodeComparison(dests ...Type) (c comparison, dest Type) {
	t := d.peekType()
	if !t.integer() && !t.float() && t.kind() != bitKind || t.Size() == 1 {
		d.fail("expected a type to compare")
	}
	name := d.must(compareOf(t)...)
	c.logic = d.maybe("and", "or", "xor")
	if dests != nil {
		dest = d.typ(dests...)
	}
	d.typ(t)
	last := 3
	if c.logic != "" {
		last = 4
	}
	d.count(last, last)
	o := d.operands
	c.op, c.want, c.a, c.b = compareOps[t], comparisons[name], d.source(&o[1], t), d.source(&o[2], t)
	if c.logic != "" {
		c.by = d.predicate(&o[3])
	}
	return c, dest
}

// compare is the lanes of m in which the comparison holds, and those in which its opposite, combined with the
// same predicate, does.
func (c *comparison) compare(w *warp, m uint32) (yes, no uint32) {
	w.need(c.a, m)
	w.need(c.b, m)
	yes = c.op(c.want, &w.regs[c.a], &w.regs[c.b])
	no = ^yes
	if c.logic == "" {
		return yes, no
	}
	by := w.test(c.by, m)
	switch c.logic {
	case "and":
		return yes & by, no & by
	case "or":
		return yes | by, no | by
	}
	return yes ^ by, no ^ by
}

func decodeSetp(d *decoder) exec {
	d.out.class = CompareClass
	c, _ := d.decodeComparison()
	p, q := d.predDest(&d.operands[0]), -1
	if pair := d.operands[0].pair; pair != nil {
		q = d.predDest(pair)
	}
	return func(w *warp, m uint32) {
		yes, no := c.compare(w, m)
		w.setPred(p, m, yes)
		w.setPred(q, m, no)
	}
}

// decodeSet writes all ones, or 1.0, where the comparison holds, and 0 elsewhere.
func decodeSet(d *decoder) exec {
	d.out.class = CompareClass
	c, t := d.decodeComparison(U32, S32, F32)
	one := uint64(0xffffffff)
	if t == F32 {
		one = 0x3f800000
	}
	dst := d.dest(&d.operands[0], t)
	return func(w *warp, m uint32) {
		yes, _ := c.compare(w, m)
		var v vec
		for i := range v {
			v[i] = one * uint64(yes>>i&1)
		}
		w.put(dst, m, &v)
	}
}

func decodeSelp(d *decoder) exec {
	d.out.class = MoveClass
	t := d.typ(B16, B32, B64, U16, U32, U64, S16, S32, S64, F32, F64)
	d.count(4, 4)
	o := d.operands
	dst, a, b, p := d.dest(&o[0], t), d.source(&o[1], t), d.source(&o[2], t), d.predicate(&o[3])
	return func(w *warp, m uint32) {
		w.need(a, m)
		w.need(b, m)
		yes := w.test(p, m)
		x, y := &w.regs[a], &w.regs[b]
		var v vec
		for i := range v {
			if yes>>i&1 != 0 {
				v[i] = x[i]
			} else {
				v[i] = y[i]
			}
		}
		w.put(dst, m, &v)
	}
}

// decodeSlct takes a where c is at least 0, with -0 among those, and NaN not.
func decodeSlct(d *decoder) exec {
	d.out.class = MoveClass
	t := d.typ(B16, B32, B64, U16, U32, U64, S16, S32, S64, F32, F64)
	by := d.typ(S32, F32)
	d.count(4, 4)
	o := d.operands
	op := each3(func(a, b, c uint64) uint64 {
		if by == S32 && int32(c) >= 0 || by == F32 && f32(c) >= 0 {
			return a
		}
		return b
	})
	return ternaryExec(op, d.dest(&o[0], t), d.source(&o[1], t), d.source(&o[2], t), d.source(&o[3], by))
}
