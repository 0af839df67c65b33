package ptxsim

import (
	"math"
	"math/big"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// exact is a float64 as a number that loses nothing in the sums and products below.
func exact(v float64) *big.Float { return new(big.Float).SetPrec(2200).SetFloat64(v) }

// exactFMA32 is x·y+z by exact arithmetic, rounded once. Not for infinities and NaN.
func exactFMA32(x, y, z float32) float32 {
	s := exact(0)
	s.Add(s.Mul(exact(float64(x)), exact(float64(y))), exact(float64(z)))
	if s.Sign() == 0 {
		return float32(float64(x)*float64(y)) + z // the sign of zero
	}
	v, _ := s.Float32()
	return v
}

func TestFMA32Witnesses(t *testing.T) {
	x := float32(1 + 0x1p-12)
	assert.Equal(t, float32(0x1.002002p0), fma32(x, x, 0x1p-60), "above the midpoint")
	assert.Equal(t, float32(0x1.002p0), fma32(x, x, -0x1p-60), "below it")
	assert.Equal(t, float32(0x1.002p0), fma32(x, x, 0), "on it, to even")
	assert.Equal(t, math.Float32bits(float32(math.Copysign(0, -1))), math.Float32bits(fma32(0x1p-100, -0x1p-100, 0)), "underflow keeps the sign")
	assert.Equal(t, float32(math.Inf(1)), fma32(math.MaxFloat32, 2, 0))
	assert.Equal(t, float32(math.MaxFloat32), fma32(0x1p64, 0x1p64, -0x1p103-0x1p90), "below the midpoint to infinity")
	assert.True(t, math.IsNaN(float64(fma32(float32(math.Inf(1)), 1, float32(math.Inf(-1))))))
}

// finite32 draws any finite float32, with numbers close to midpoints and to each other among them.
func finite32() *rapid.Generator[float32] {
	return rapid.Custom(func(t *rapid.T) float32 {
		if rapid.Bool().Draw(t, "near one") {
			return 1 + float32(rapid.IntRange(-8, 8).Draw(t, "steps"))*float32(math.Ldexp(1, -rapid.IntRange(10, 23).Draw(t, "binade")))
		}
		e := rapid.Uint32Range(0, 254).Draw(t, "exponent")
		return math.Float32frombits(e<<23 | rapid.Uint32Range(0, 1<<23-1).Draw(t, "fraction") | uint32(rapid.IntRange(0, 1).Draw(t, "sign"))<<31)
	})
}

func TestFMA32IsRoundedOnce(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		x, y := finite32().Draw(t, "x"), finite32().Draw(t, "y")
		for _, z := range []float32{finite32().Draw(t, "z"), float32(-float64(x) * float64(y)), float32(math.Ldexp(1, -149)), float32(math.Ldexp(-1, -149))} {
			if z-z != 0 {
				continue
			}
			want := uint64(math.Float32bits(exactFMA32(x, y, z)))
			assert.Equal(t, want, bits32(fma32(x, y, z)), "%g %g %g", x, y, z)
			a, b, c, d := vec{fb(x)}, vec{fb(y)}, vec{fb(z)}, vec{}
			fmaF32(&d, &a, &b, &c)
			assert.Equal(t, want, d[0])
		}
	})
}

// operation runs an instruction of two or three operands on one lane.
func operation(t require.TestingT, code, types string, operands ...uint64) uint64 {
	module, err := Parse(kernelFor(code, types))
	require.NoError(t, err)
	var m Machine
	in, err := m.Alloc(8 * len(operands))
	require.NoError(t, err)
	out, err := m.Alloc(8)
	require.NoError(t, err)
	require.NoError(t, m.Write(in, bytesOf(operands)))
	require.NoError(t, m.Fill(out, 0, 8))
	_, err = launch1(&m, module, 1, 1, pack(in, out))
	require.NoError(t, err)
	d := make([]uint64, 1)
	require.NoError(t, m.Read(out, bytesOf(d)))
	return d[0]
}

// TestIntegersAgreeWithBig compares products, quotients and conversions of all integer types with exact integers.
func TestIntegersAgreeWithBig(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		typ := rapid.SampledFrom(intTypes).Draw(rt, "type")
		a, b := rapid.Uint64().Draw(rt, "a")&typ.mask(), rapid.Uint64().Draw(rt, "b")&typ.mask()
		if rapid.Bool().Draw(rt, "small") {
			b &= 0xff
		}
		x, y := bigOf(typ, a), bigOf(typ, b)
		n, product := typ.bits(), new(big.Int).Mul(x, y)
		name := typ.String()
		types := name + " " + name + " " + name
		assert.Equal(rt, bitsOfBig(product, n), operation(rt, "mul.lo."+name+" %d, %a, %b;", types, a, b))
		assert.Equal(rt, bitsOfBig(new(big.Int).Rsh(product, n), n), operation(rt, "mul.hi."+name+" %d, %a, %b;", types, a, b))
		if n < 64 {
			wide := typ.doubled()
			assert.Equal(rt, bitsOfBig(product, 2*n), operation(rt, "mul.wide."+name+" %d, %a, %b;", wide.String()+" "+name+" "+name, a, b))
		}
		if b != 0 {
			assert.Equal(rt, bitsOfBig(new(big.Int).Quo(x, y), n), operation(rt, "div."+name+" %d, %a, %b;", types, a, b))
			assert.Equal(rt, bitsOfBig(new(big.Int).Rem(x, y), n), operation(rt, "rem."+name+" %d, %a, %b;", types, a, b))
		}
		f, _ := new(big.Float).SetInt(x).Float32()
		assert.Equal(rt, fb(f), operation(rt, "cvt.rn.f32."+name+" %d, %a;", "f32 "+name, a))
		g, _ := new(big.Float).SetInt(x).Float64()
		assert.Equal(rt, db(g), operation(rt, "cvt.rn.f64."+name+" %d, %a;", "f64 "+name, a))
	})
}

// bigOf is the number that bits mean in a type.
func bigOf(t Type, v uint64) *big.Int {
	if t.signed() && v>>(t.bits()-1) == 1 {
		return new(big.Int).Sub(new(big.Int).SetUint64(v), new(big.Int).Lsh(big.NewInt(1), t.bits()))
	}
	return new(big.Int).SetUint64(v)
}

// bitsOfBig is the low bits of a number in two's complement.
func bitsOfBig(v *big.Int, n uint) uint64 {
	modulus := new(big.Int).Lsh(big.NewInt(1), n)
	return new(big.Int).Mod(v, modulus).Uint64()
}

// TestFloatDivisionAndRoot: a result is the nearest if the exact value is at most half a step away.
func TestFloatDivisionAndRoot(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		x, y := finite32().Draw(rt, "x"), finite32().Draw(rt, "y")
		if y != 0 {
			want, _ := new(big.Float).SetPrec(2200).Quo(exact(float64(x)), exact(float64(y))).Float32()
			assert.Equal(rt, fb(want), operation(rt, "div.rn.f32 %d, %a, %b;", "f32 f32 f32", fb(x), fb(y)))
		}
		x = float32(math.Abs(float64(x)))
		want, _ := new(big.Float).SetPrec(300).Sqrt(exact(float64(x)).SetPrec(300)).Float32()
		assert.Equal(rt, fb(want), operation(rt, "sqrt.rn.f32 %d, %a;", "f32 f32", fb(x)))
	})
}
