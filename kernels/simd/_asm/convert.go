package main

import (
	"math"

	"github.com/tare-go/tare/dtype"
	"github.com/tare-go/tare/internal/op"
)

// convert converts elements; it returns none where there is no way.
func (l *lowering) convert(in op.Inst) (value, error) {
	x, from, to := l.of[in.Args[0]], l.p.Insts[in.Args[0]].Type, in.Type
	switch {
	case to == dtype.Bool && from.IsFloat():
		return l.compareFloats(from.Size(), notEqualOrNaN, x, l.zero()), nil
	case to == dtype.Bool:
		zero := l.commute(equalInt[from.Size()], x, l.zero())
		return l.inverse(zero, dtype.Bool, from.Size()), nil
	case from == dtype.Bool:
		return l.fromBool(in.Args[0], to), nil
	case from.IsFloat() && to.IsFloat():
		return l.toOtherFloat(x, to), nil
	case from.IsFloat():
		return l.fromFloat(x, from, to), nil
	case to.IsFloat():
		return l.toFloat(x, from, to), nil
	}
	return l.resize(x, from, to.Size()), nil
}

// fromBool gives 0 or 1.
func (l *lowering) fromBool(v int32, to dtype.DType) value {
	size := to.Size()
	if l.width[v] == 0 && !to.IsFloat() {
		if size == 1 {
			return l.of[v]
		}
		return l.extended(l.of[v], 1, size, 1)
	}
	return l.commute(andFloat[max(size, 4)], l.mask(v, size), l.code.constant(size, op.BitsOf(to, 1)))
}

// resize widens integers, or takes their low bits.
func (l *lowering) resize(x value, from dtype.DType, size int) value {
	has := from.Size()
	if has < size {
		way := 0
		if from.Kind() == dtype.UnsignedKind {
			way = 1
		}
		return l.extended(x, has, size, way)
	}
	for ; has > size; has /= 2 {
		x = l.halve(x, has)
	}
	return x
}

// halve takes the low half of the bits of integers. The instructions that pack saturate, so that the
// high half is cleared first.
func (l *lowering) halve(x value, size int) value {
	if size == 8 {
		return l.pack("VSHUFPS", x, 0x88)
	}
	x = l.commute("VPAND", x, l.code.constant(size, 1<<(4*size)-1))
	return l.pack(map[int]string{4: "VPACKUSDW", 2: "VPACKUSWB"}[size], x, -1)
}

func (l *lowering) toOtherFloat(x value, to dtype.DType) value {
	name := "VCVTPS2PD"
	if to == dtype.Float32 {
		name = "VCVTPD2PSY"
	}
	return l.add(l.size(to), instruction{name: name, imm: -1, src: []value{x}, exact: true})
}

// fromFloat converts to Int32 and Int64, the only integers that a program converts floats to.
func (l *lowering) fromFloat(x value, from, to dtype.DType) value {
	switch {
	case to == dtype.Int32 && from == dtype.Float32:
		return l.unary("VCVTTPS2DQ", l.size(to), x)
	case to == dtype.Int32:
		return l.unary("VCVTTPD2DQY", l.size(to), x)
	case from == dtype.Float32:
		x = l.toOtherFloat(x, dtype.Float64)
	}
	return l.toInt64(x)
}

// toInt64 leaves the loop unless all elements are below 2^51: then 1.5·2^52 added to the truncated
// number leaves it in the low bits.
func (l *lowering) toInt64(x value) value {
	magic := l.code.constant(8, math.Float64bits(0x1.8p52))
	size := l.commute("VANDPD", x, l.magnitude(dtype.Float64))
	l.leave(l.compareFloats(8, notLess, size, l.code.constant(8, math.Float64bits(0x1p51))))
	whole := l.add(32, instruction{name: "VROUNDPD", imm: modes[op.PrimTrunc], src: []value{x}})
	return l.binary("VPSUBQ", l.commute("VADDPD", whole, magic), magic)
}

// toFloat converts integers.
func (l *lowering) toFloat(x value, from, to dtype.DType) value {
	switch {
	case from.Size() < 4:
		return l.toFloat(l.resize(x, from, 4), dtype.Int32, to)
	case from == dtype.Int32 && to == dtype.Float32:
		return l.unary("VCVTDQ2PS", l.size(to), x)
	case from == dtype.Int32:
		return l.add(l.size(to), instruction{name: "VCVTDQ2PD", imm: -1, src: []value{x}, exact: true})
	case from == dtype.Uint32 && to == dtype.Float32:
		return l.uint32ToSingle(x)
	case from == dtype.Uint32:
		// The low bits of 2^52 are an integer added to it.
		two52 := l.code.constant(8, math.Float64bits(0x1p52))
		return l.binary("VSUBPD", l.commute("VPOR", l.extended(x, 4, 8, 1), two52), two52)
	case to == dtype.Float64:
		return l.wideToDouble(x, from)
	}
	return none
}

// uint32ToSingle converts both halves, which is exact, and rounds once: high·2^16 + low.
func (l *lowering) uint32ToSingle(x value) value {
	bytes := l.size(dtype.Float32)
	low := l.unary("VCVTDQ2PS", bytes, l.commute("VPAND", x, l.code.constant(4, 0xffff)))
	high := l.unary("VCVTDQ2PS", bytes, l.shift("VPSRLD", x, 16))
	scale := l.code.constant(4, uint64(math.Float32bits(0x1p16)))
	return l.add(bytes, instruction{form: fused, name: "VFMADD%dPS", imm: -1, src: []value{high, scale, low}, memory: -1})
}

// wideToDouble puts the low 32 bits into those of 2^52, the high ones into those of 2^84, of which
// one unit is 2^32, takes both powers from the latter, which is exact, and rounds once. The sign
// bit of signed numbers is flipped, which adds 2^63, and that is taken away with the powers.
func (l *lowering) wideToDouble(x value, from dtype.DType) value {
	const low32, two52 = 0xaa, 0x1p52
	high, excess := uint64(0x4530000000000000), 0x1p84+0x1p52
	if from.Kind() == dtype.SignedKind {
		high, excess = high|1<<31, excess+0x1p63
	}
	low := l.add(32, instruction{
		name: "VPBLENDD", imm: low32, src: []value{x, l.code.constant(8, math.Float64bits(two52))}, memory: 1,
	})
	top := l.commute("VPXOR", l.shift("VPSRLQ", x, 32), l.code.constant(8, high))
	return l.binary("VADDPD", l.binary("VSUBPD", top, l.code.constant(8, math.Float64bits(excess))), low)
}
