package ptxsim

import (
	"math"
	"math/bits"
)

// roundings are the roundings to integers, by modifier.
var roundings = map[string]func(float64) float64{
	"rni": math.RoundToEven, "rzi": math.Trunc, "rmi": math.Floor, "rpi": math.Ceil,
}

var convertTypes = []Type{U8, U16, U32, U64, S8, S16, S32, S64, F32, F64}

// decodeCvt is cvt{.round}{.sat}.to.from. Integer rounding goes with float to integer and with floats of one size;
// .rn with integer to float and float64 to float32; both are an error elsewhere.
func decodeCvt(d *decoder) exec {
	d.out.class = ConvertClass
	round := d.maybe("rn", "rni", "rzi", "rmi", "rpi")
	if round == "" && d.maybe("rz", "rm", "rp", "ftz") != "" {
		d.fail("only .rn, .rni, .rzi, .rmi and .rpi are simulated")
	}
	sat := d.maybe("sat") != ""
	to := d.typ(convertTypes...)
	from := d.typ(convertTypes...)
	d.checkRounding(round, to, from)
	if sat && to.float() {
		d.fail(".sat on floats is not simulated")
	}
	d.count(2, 2)
	o := d.operands
	dst := d.wideDest(&o[0], to)
	src := d.special(&o[1], from)
	if src < 0 {
		src = d.wideSource(&o[1], from)
	}
	return unaryExec(cvtLanes(to, from, round, sat, &o[0], &o[1]), dst, src)
}

// cvtLanes converts all lanes, from the low bits of a register to a register that may be wider.
func cvtLanes(to, from Type, round string, sat bool, dst, src *operand) unaryOp {
	exact := src.kind == regOperand && src.reg.typ.Size() == from.Size()
	if exact && from.kind() == unsignedKind && to.integer() && to.Size() > from.Size() {
		return copyLanes
	}
	convert := converter(to, from, round, sat)
	mask := dst.reg.typ.mask()
	if mask == to.mask() {
		return each1(func(a uint64) uint64 { return convert(from.extend(a)) })
	}
	return each1(func(a uint64) uint64 { return to.extend(convert(from.extend(a))) & mask })
}

// checkRounding fails unless the rounding is one that the conversion must have, or none.
func (d *decoder) checkRounding(round string, to, from Type) {
	integer := to.integer() && from.float()
	float := to.float() && from.integer() || to == F32 && from == F64
	same := to.float() && to == from
	switch {
	case integer && (round == "" || round == "rn"):
		d.fail("a conversion to an integer needs .rzi, .rni, .rmi or .rpi")
	case float && round != "rn":
		d.fail("this conversion needs .rn")
	case same && round == "rn", !integer && !float && !same && round != "":
		d.fail("this conversion has no rounding .%s", round)
	}
}

// converter gives the conversion of values that were extended to 64 bits, to the bits of the result.
func converter(to, from Type, round string, sat bool) func(uint64) uint64 {
	switch {
	case to.float() && from.float():
		return floatConverter(to, from, round)
	case to.float():
		return func(v uint64) uint64 { return intToFloat(to, from, v) }
	case from.float():
		rounding := roundings[round]
		return func(v uint64) uint64 { return floatToInt(to, from, v, rounding) }
	case sat:
		return func(v uint64) uint64 { return saturate(to, from, v) }
	}
	return func(v uint64) uint64 { return v & to.mask() }
}

func floatConverter(to, from Type, round string) func(uint64) uint64 {
	value := f64
	if from == F32 {
		value = func(v uint64) float64 { return float64(f32(v)) }
	}
	rounding := roundings[round]
	return func(v uint64) uint64 {
		x := value(v)
		if rounding != nil {
			x = rounding(x)
		}
		if to == F32 {
			return bits32(float32(x))
		}
		return bits64(x)
	}
}

// intToFloat rounds once: float32 of 64 bits must not go through float64.
func intToFloat(to, from Type, v uint64) uint64 {
	neg := from.signed() && int64(v) < 0
	if neg {
		v = -v
	}
	x := float64(v)
	if to == F32 {
		x = float64(roundedF32(v))
	}
	if neg {
		x = -x
	}
	if to == F32 {
		return bits32(float32(x))
	}
	return bits64(x)
}

// roundedF32 is v as float32, to nearest even: what is shifted out below 32 bits is kept as a last bit.
func roundedF32(v uint64) float32 {
	shift := max(bits.Len64(v)-32, 0)
	top := v >> shift
	if v != top<<shift {
		top |= 1
	}
	return float32(math.Ldexp(float64(top), shift))
}

// floatToInt clamps. NaN is 0 from float32 to at most 32 bits, else the top bit alone (PTX ISA, cvt).
func floatToInt(to, from Type, v uint64, rounding func(float64) float64) uint64 {
	x := f64(v)
	if from == F32 {
		x = float64(f32(v))
	}
	if x != x {
		if from == F32 && to.Size() < 8 {
			return 0
		}
		return 1 << (to.bits() - 1)
	}
	x = rounding(x)
	low, high := 0.0, math.Ldexp(1, int(to.bits()))
	if to.signed() {
		low, high = -high/2, high/2
	}
	switch {
	case x >= high && to.signed():
		return to.mask() >> 1
	case x >= high:
		return to.mask()
	case x < low && to.signed():
		return 1 << (to.bits() - 1)
	case x < low:
		return 0
	case to.signed():
		return uint64(int64(x)) & to.mask()
	}
	return uint64(x)
}

// saturate clamps an integer to the range of another type.
func saturate(to, from Type, v uint64) uint64 {
	if from.signed() && int64(v) < 0 {
		if !to.signed() {
			return 0
		}
		return uint64(max(int64(v), -1<<(to.bits()-1))) & to.mask()
	}
	top := to.mask()
	if to.signed() {
		top >>= 1
	}
	return min(v, top)
}
