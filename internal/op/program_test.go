package op

import (
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/tare-go/tare/dtype"
)

func TestProgramsPrint(t *testing.T) {
	assert.Equal(t, `%0 = float64 arg 0
%1 = float64 arg 1
%2 = float64 add %0 %1
return %2
`, Add.Program([]dtype.DType{dtype.Float64, dtype.Float64}).String())
	assert.Equal(t, `%0 = float32 arg 0
%1 = float32 abs %0
%2 = float32 const +Inf
%3 = bool eq %1 %2
return %3
`, IsInf.Program([]dtype.DType{dtype.Float32}).String())
	assert.Equal(t, `%0 = float64 arg 0
%1 = float64 const 0x1p+63
%2 = bool le %1 %0
%3 = float64 sub %0 %1
%4 = float64 select %2 %3 %0
%5 = int64 convert %4
%6 = int64 const -9223372036854775808
%7 = int64 const 0
%8 = int64 select %2 %6 %7
%9 = int64 xor %5 %8
%10 = uint64 convert %9
return %10
`, CastProgram(dtype.Float64, dtype.Uint64).String())
}

func TestBuilderSharesEqualInstructionsAndDropsUnused(t *testing.T) {
	b, x := NewBuilder(dtype.Int32, dtype.Int32, dtype.Int32)
	sum := b.Add(x[0], x[1])
	assert.Equal(t, sum, b.Add(x[0], x[1]))
	assert.NotEqual(t, sum, b.Add(x[1], x[0]))
	b.Mul(sum, sum) // contributes to nothing
	assert.Equal(t, `%0 = int32 arg 0
%1 = int32 arg 1
%2 = int32 add %0 %1
%3 = int32 neg %2
return %3
`, b.Build(b.Neg(sum)).String())
}

func TestBuilderRefusesForeignTypes(t *testing.T) {
	b, x := NewBuilder(dtype.Int32, dtype.Int32, dtype.Float32, dtype.Bool)
	for _, wrong := range []func(){
		func() { b.Add(x[0], x[1]) },
		func() { b.Add(x[2], x[2]) },
		func() { b.Sqrt(x[0]) },
		func() { b.And(x[1], x[1]) },
		func() { b.Lt(x[2], x[2]) },
		func() { b.Select(x[0], x[1], x[1]) },
		func() { b.Convert(dtype.Uint64, x[1]) },
		func() { b.Bitcast(dtype.Int64, x[1]) },
		func() { b.Rare(Fmod, dtype.Int32, x[2], x[0], x[0]) },
		func() { b.Pick(PickExpHalf, x[0]) },
	} {
		assert.Panics(t, wrong)
	}
}

func TestPrimitivesHaveNames(t *testing.T) {
	names := map[string]bool{}
	for p := range NumPrim {
		assert.NotEmpty(t, p.String(), p)
		assert.False(t, names[p.String()], p.String())
		names[p.String()] = true
	}
	for p := range NumPick {
		assert.NotEmpty(t, p.String())
		assert.False(t, names[p.String()], p.String())
		names[p.String()] = true
		n := len(p.Bits()) * p.Type().Size()
		assert.Equal(t, 128, n, "%v fills two registers of AVX-512", p)
	}
	for r := range NumRoutine {
		assert.NotEmpty(t, r.String())
		assert.Equal(t, "Rare", r.GoName()[:4])
	}
}

// The integer primitives are total.
func TestIntegerPrimitivesAreTotal(t *testing.T) {
	run := func(t dtype.DType, f func(b *Builder, x, y Value) Value, x, y int64) int64 {
		b, v := NewBuilder(t, t, t)
		return signed(t, b.Build(f(b, v[0], v[1])).Eval(uint64(x), uint64(y)))
	}
	least := int64(math.MinInt32)
	cases := []struct {
		f          func(b *Builder, x, y Value) Value
		x, y, want int64
	}{
		{(*Builder).Div, 7, 0, 0}, {(*Builder).Div, least, -1, least}, {(*Builder).Div, -7, 2, -3},
		{(*Builder).Rem, 7, 0, 0}, {(*Builder).Rem, least, -1, 0}, {(*Builder).Rem, -7, 2, -1},
		{(*Builder).Shl, 1, 31, least}, {(*Builder).Shl, 1, 32, 0}, {(*Builder).Shl, 1, -1, 0},
		{(*Builder).Shr, -1, 31, 1}, {(*Builder).Shr, -1, 32, 0}, {(*Builder).Shr, -1, -1, 0},
		{(*Builder).Sar, -8, 2, -2}, {(*Builder).Sar, -8, 64, -1}, {(*Builder).Sar, 8, -1, 0},
		{(*Builder).Add, math.MaxInt32, 1, least}, {(*Builder).Mul, 1 << 20, 1 << 20, 0},
		{(*Builder).Min, -1, 1, -1}, {(*Builder).Max, -1, 1, 1},
	}
	for i, c := range cases {
		assert.Equal(t, c.want, run(dtype.Int32, c.f, c.x, c.y), "case %d", i)
	}
}

func TestMinAndMaxOrderZerosAndKeepNaN(t *testing.T) {
	negative := math.Copysign(0, -1)
	assert.True(t, math.Signbit(eval(Minimum, 0, negative)))
	assert.True(t, math.Signbit(eval(Minimum, negative, 0)))
	assert.False(t, math.Signbit(eval(Maximum, 0, negative)))
	assert.False(t, math.Signbit(eval(Maximum, negative, 0)))
	assert.True(t, math.IsNaN(eval(Minimum, math.NaN(), math.Inf(-1))))
	assert.True(t, math.IsNaN(eval(Maximum, math.Inf(1), math.NaN())))
}
