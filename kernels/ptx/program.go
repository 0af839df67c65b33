package ptx

import (
	"strings"

	"github.com/tare-go/tare/dtype"
	"github.com/tare-go/tare/internal/op"
)

// program writes a body for operands that are in registers or immediates, and returns its result.
func (w *writer) program(p *op.Program, args ...string) string {
	values := make([]string, len(p.Insts))
	rare := map[rareKey][]string{}
	for i, in := range p.Insts {
		var x []string
		for _, a := range in.Args[:in.Prim.Arity()] {
			x = append(x, values[a])
		}
		from := in.Type
		if len(x) > 0 {
			from = p.Insts[in.Args[0]].Type
		}
		switch in.Prim {
		case op.PrimArg:
			values[i] = args[in.Imm]
		case op.PrimConst:
			values[i] = w.constant(in.Type, in.Imm)
		case op.PrimConvert:
			values[i] = w.convert(from, in.Type, x[0])
		case op.PrimBitcast:
			values[i] = w.bitcast(from, in.Type, x[0])
		case op.PrimSelect:
			values[i] = w.arith(in.Prim, in.Type, in.Type, x...)
		case op.PrimPick:
			values[i] = w.pick(op.Pick(in.Imm), x[0])
		case op.PrimRare:
			values[i] = w.rare(rare, in, x)
		default:
			values[i] = w.arith(in.Prim, from, in.Type, x...)
		}
	}
	return values[p.Out]
}

// bitcast is the bits of x as another type as wide.
func (w *writer) bitcast(from, to dtype.DType, x string) string {
	if machine[from].class == machine[to].class {
		if from.Kind() == to.Kind() {
			return x
		}
		return w.narrow(to, w.inRegister(from, x))
	}
	return w.to(machine[to].class, "mov."+machine[to].bits, w.inRegister(from, x))
}

// convert is PrimConvert.
func (w *writer) convert(from, to dtype.DType, x string) string {
	x = w.inRegister(from, x)
	f, t := machine[from], machine[to]
	switch {
	case to == dtype.Bool && from.IsFloat():
		return w.to(pred, "setp.neu."+f.typ, x, w.constant(from, 0))
	case to == dtype.Bool:
		return w.to(pred, "setp.ne."+f.typ, x, "0")
	case from == dtype.Bool:
		return w.to(t.class, "selp."+t.typ, w.constant(to, op.BitsOf(to, 1)), w.constant(to, 0), x)
	case from.IsFloat() && to.IsInteger():
		return w.truncate(from, to, x)
	case from == dtype.Float32:
		return w.to(f64, "cvt.f64.f32", x)
	case to.IsFloat():
		return w.to(t.class, "cvt.rn."+t.typ+"."+f.typ, x)
	}
	return w.convertInteger(from, to, x)
}

// convertInteger takes the low bits, or extends them.
func (w *writer) convertInteger(from, to dtype.DType, x string) string {
	switch {
	case from.Size() < 8 && to.Size() == 8:
		return w.to(b64, "cvt."+strings.Replace(machine[from].typ, "32", "64", 1)+"."+machine[from].typ, x)
	case from.Size() == 8 && to.Size() < 8:
		return w.narrow(to, w.to(b32, "cvt.u32.u64", x))
	case from.Size() < to.Size() && to.Size() == 4 || from.Size() == 8:
		return x
	}
	return w.narrow(to, x)
}

// truncate converts a float toward zero. PTX saturates, which is right below; what is too large, and NaN, of
// which PTX makes 0, become the minimum.
func (w *writer) truncate(from, to dtype.DType, x string) string {
	t := machine[to]
	limit, least := 0x1p31, op.BitsOf(to, -0x1p31)
	if to == dtype.Int64 {
		limit, least = 0x1p63, op.BitsOf(to, -0x1p63)
	}
	v := w.to(t.class, "cvt.rzi."+t.typ+"."+machine[from].typ, x)
	fits := w.to(pred, "setp.lt."+machine[from].typ, x, w.constant(from, op.BitsOf(from, limit)))
	return w.to(t.class, "selp."+t.bits, v, w.constant(to, least), fits)
}
