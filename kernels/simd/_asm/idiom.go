package main

import (
	"github.com/tare-go/tare/internal/op"
)

// wideIdioms are the idioms that AVX-512 has instructions for.
var wideIdioms = [op.NumIdiom]func(l *lowering, m op.Meaning, size int) value{
	op.IdiomScale: (*lowering).scaled, op.IdiomFraction: (*lowering).fraction,
	op.IdiomExponent: (*lowering).exponent, op.IdiomLogarithm: (*lowering).logarithm,
}

// scaled is x·2^y. The instruction takes the floor of y.
func (l *lowering) scaled(m op.Meaning, size int) value {
	y := m.Args[1]
	if in := l.p.Insts[y]; in.Prim == op.PrimFloor {
		y = in.Args[0]
	}
	return l.binary(scales[size], l.of[m.Args[0]], l.of[y])
}

// fromLeast is the significand of x from 1 on, counted from the bits of the least one wanted, so that its exponent is 0
// below twice that and else 1.
func (l *lowering) fromLeast(m op.Meaning, size int) value {
	x := l.of[m.Args[0]]
	one := op.BitsOf(floatOf[size], 1)
	from1 := l.add(l.bytes(x), instruction{name: significands[size], imm: 0, src: []value{x}})
	return l.commute(addInt[size], from1, l.code.constant(size, one-m.Imm))
}

func (l *lowering) fraction(m op.Meaning, size int) value {
	return l.commute(logicNames[op.PrimAnd][size], l.fromLeast(m, size), l.code.constant(size, 1<<mantissa[size]-1))
}

func (l *lowering) exponent(m op.Meaning, size int) value {
	x := l.of[m.Args[0]]
	more := l.unary(exponents[size], l.bytes(x), l.fromLeast(m, size))
	return l.binary(addFloat[size], l.unary(exponents[size], l.bytes(x), x), more)
}

// special says what takes the place of y, four bits each for an x that is a quiet NaN, a signalling one, zero, one,
// -Inf, Inf, another negative and another positive number: 0 leaves y, 2 is x, 3 is NaN, 4 is -Inf and 5 is Inf.
const specialLogarithms = 0x03530422

func (l *lowering) logarithm(m op.Meaning, size int) value {
	x, y := l.of[m.Args[0]], l.of[m.Args[1]]
	return l.add(l.bytes(x, y), instruction{
		form: replacing, name: fixes[size], imm: 0, memory: -1,
		src: []value{y, x, l.code.constant(size, specialLogarithms)},
	})
}
