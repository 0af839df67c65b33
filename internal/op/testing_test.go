package op

import (
	"fmt"
	"math"

	"github.com/tare-go/tare/dtype"
)

// verify checks that a program is what its doc says: operands come before, types fit, all is used.
func verify(p *Program) error {
	used := make([]bool, len(p.Insts))
	used[p.Out] = true
	for i, in := range p.Insts {
		if in.Type == dtype.Invalid || in.Prim >= NumPrim {
			return fmt.Errorf("%%%d is not an instruction", i)
		}
		for k, a := range in.Args {
			if k >= in.Prim.Arity() {
				if a != 0 {
					return fmt.Errorf("%%%d has an operand too many", i)
				}
				continue
			}
			if int(a) >= i {
				return fmt.Errorf("%%%d comes before its operand", i)
			}
			used[a] = true
		}
		if in.Prim == PrimArg && (in.Imm >= uint64(p.NArgs()) || p.Args[in.Imm] != in.Type) {
			return fmt.Errorf("%%%d is no operand", i)
		}
	}
	for i, u := range used {
		if !u {
			return fmt.Errorf("%%%d is not used", i)
		}
	}
	return nil
}

// specials are the elements of a type at which operators are special.
func specials(t dtype.DType) []uint64 {
	if t == dtype.Bool {
		return []uint64{0, 1}
	}
	var all []uint64
	if !t.IsFloat() {
		top := uint64(1) << (8*t.Size() - 1)
		for _, v := range []uint64{0, top} {
			for d := range uint64(7) {
				all = append(all, (v+d-3)&mask(t))
			}
		}
		return all
	}
	for _, v := range []float64{0, 1, 0.5, 1.5, 2, 3, 7, 10.25, 0x1p31, 0x1p53, 0x1p63, 0x1p-126, 0x1p-149,
		0x1p-1074, 1e-5, 1e22, math.MaxFloat32, math.MaxFloat64, math.Inf(1), math.NaN()} {
		all = append(all, BitsOf(t, v), BitsOf(t, -v))
	}
	return all
}

// eachTuple calls f with every tuple of special elements of the types.
func eachTuple(types []dtype.DType, f func(x []uint64)) {
	x := make([]uint64, len(types))
	var visit func(i int)
	visit = func(i int) {
		if i == len(types) {
			f(x)
			return
		}
		for _, v := range specials(types[i]) {
			x[i] = v
			visit(i + 1)
		}
	}
	visit(0)
}

// equalBits reports whether two elements are equal: bits, or both NaN.
func equalBits(t dtype.DType, x, y uint64) bool {
	return x == y || t.IsFloat() && math.IsNaN(floatValue(t, x)) && math.IsNaN(floatValue(t, y))
}

// floatValue is the value of an element as a float64.
func floatValue(t dtype.DType, bits uint64) float64 {
	return math.Float64frombits(evalConvert(t, dtype.Float64, bits))
}

// closeTo allows for errors of package math, which are larger than this package's.
func closeTo(x, y float64) bool {
	if x == y || x != x && y != y {
		return true
	}
	return math.Abs(x-y) <= math.Max(math.Abs(y)*0x1p-44, 0x1p-1073)
}

// eval computes an operator of float64.
func eval(c Code, x ...float64) float64 {
	loop := []dtype.DType{dtype.Float64, dtype.Float64}[:len(x)]
	bits := make([]uint64, len(x))
	for i, v := range x {
		bits[i] = math.Float64bits(v)
	}
	return math.Float64frombits(c.Program(loop).Eval(bits...))
}
