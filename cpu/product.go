package cpu

import (
	"math"
	"unsafe"

	"github.com/tare-go/tare/dtype"
	"github.com/tare-go/tare/internal/op"
	"github.com/tare-go/tare/kernels/simd"
)

// productMath is the arithmetic of products of one type.
type productMath struct {
	packed int // bytes of a packed element
	// micro carries mr by nr chains through k packed indices; rows of acc are ld elements apart.
	micro func(acc unsafe.Pointer, ld int, a, b unsafe.Pointer, k int)
	// lanes carries n chains through one index each: acc[i] = a[i]*b[i] + acc[i].
	lanes  func(acc, a, b unsafe.Pointer, n int)
	settle func(acc unsafe.Pointer, n int) // adds +0 to floats: no product is -0
	widen  simd.Func                       // elements to packed elements, if they are not the same
	add    simd.Func
	skinnyMath
}

// mathOf is the arithmetic of a type: fused multiply-adds of floats, integers that wrap, or of ands.
func mathOf(t dtype.DType) productMath {
	m := productMath{packed: t.Size(), add: simd.Kernel(op.Add, []dtype.DType{t, t})}
	switch t {
	case dtype.Float64:
		m.micro, m.lanes, m.settle = microFloat64, lanesFloat64, settle[float64]
		m.skinnyMath = skinnyMath{columnsFloat64, rowsFloat64}
	case dtype.Float32:
		m.micro, m.lanes, m.settle = microFloat32, lanesFloat32, settle[float32]
		m.packed, m.widen = 8, simd.Cast(dtype.Float32, dtype.Float64)
		m.skinnyMath = skinnyMath{columnsFloat32, rowsFloat32}
	case dtype.Int64, dtype.Uint64:
		m.micro, m.lanes = microWords[uint64], lanesWords[uint64]
		m.skinnyMath = skinnyMath{columnsWords[uint64], rowsWords[uint64]}
	case dtype.Int32, dtype.Uint32:
		m.micro, m.lanes = microWords[uint32], lanesWords[uint32]
		m.skinnyMath = skinnyMath{columnsWords[uint32], rowsWords[uint32]}
	case dtype.Int16, dtype.Uint16:
		m.micro, m.lanes = microWords[uint16], lanesWords[uint16]
		m.skinnyMath = skinnyMath{columnsWords[uint16], rowsWords[uint16]}
	case dtype.Int8, dtype.Uint8:
		m.micro, m.lanes = microWords[uint8], lanesWords[uint8]
		m.skinnyMath = skinnyMath{columnsWords[uint8], rowsWords[uint8]}
	case dtype.Bool:
		m.micro, m.lanes = microBool, lanesBool
		m.skinnyMath = skinnyMath{columnsBool, rowsBool}
	}
	return m
}

func settle[T float32 | float64](acc unsafe.Pointer, n int) {
	var zero T
	a := unsafe.Slice((*T)(acc), n)
	for i := range a {
		a[i] += zero
	}
}

// chains is nr results of each of mr rows.
func chains[T any](acc unsafe.Pointer, ld int) (c0, c1, c2, c3 *[nr]T) {
	row := ld * int(unsafe.Sizeof(*new(T)))
	return (*[nr]T)(acc), (*[nr]T)(unsafe.Add(acc, row)), (*[nr]T)(unsafe.Add(acc, 2*row)), (*[nr]T)(unsafe.Add(acc, 3*row))
}

func microFloat64(acc unsafe.Pointer, ld int, a, b unsafe.Pointer, k int) {
	r0, r1, r2, r3 := chains[float64](acc, ld)
	c00, c01, c10, c11 := r0[0], r0[1], r1[0], r1[1]
	c20, c21, c30, c31 := r2[0], r2[1], r3[0], r3[1]
	x, y := unsafe.Slice((*float64)(a), mr*k), unsafe.Slice((*float64)(b), nr*k)
	for len(x) >= mr && len(y) >= nr {
		b0, b1 := y[0], y[1]
		c00, c01 = math.FMA(x[0], b0, c00), math.FMA(x[0], b1, c01)
		c10, c11 = math.FMA(x[1], b0, c10), math.FMA(x[1], b1, c11)
		c20, c21 = math.FMA(x[2], b0, c20), math.FMA(x[2], b1, c21)
		c30, c31 = math.FMA(x[3], b0, c30), math.FMA(x[3], b1, c31)
		x, y = x[mr:], y[nr:]
	}
	*r0, *r1 = [nr]float64{c00, c01}, [nr]float64{c10, c11}
	*r2, *r3 = [nr]float64{c20, c21}, [nr]float64{c30, c31}
}

// microFloat32 has its operands packed as float64, and carries chains of float32 values in float64.
func microFloat32(acc unsafe.Pointer, ld int, a, b unsafe.Pointer, k int) {
	r0, r1, r2, r3 := chains[float32](acc, ld)
	c00, c01, c10, c11 := float64(r0[0]), float64(r0[1]), float64(r1[0]), float64(r1[1])
	c20, c21, c30, c31 := float64(r2[0]), float64(r2[1]), float64(r3[0]), float64(r3[1])
	x, y := unsafe.Slice((*float64)(a), mr*k), unsafe.Slice((*float64)(b), nr*k)
	for len(x) >= mr && len(y) >= nr {
		b0, b1 := y[0], y[1]
		s00, s01 := float64(x[0]*b0)+c00, float64(x[0]*b1)+c01
		if tricky(s00) || tricky(s01) {
			s00, s01 = fma32(x[0], b0, c00), fma32(x[0], b1, c01)
		}
		c00, c01 = float64(float32(s00)), float64(float32(s01))
		s10, s11 := float64(x[1]*b0)+c10, float64(x[1]*b1)+c11
		if tricky(s10) || tricky(s11) {
			s10, s11 = fma32(x[1], b0, c10), fma32(x[1], b1, c11)
		}
		c10, c11 = float64(float32(s10)), float64(float32(s11))
		s20, s21 := float64(x[2]*b0)+c20, float64(x[2]*b1)+c21
		if tricky(s20) || tricky(s21) {
			s20, s21 = fma32(x[2], b0, c20), fma32(x[2], b1, c21)
		}
		c20, c21 = float64(float32(s20)), float64(float32(s21))
		s30, s31 := float64(x[3]*b0)+c30, float64(x[3]*b1)+c31
		if tricky(s30) || tricky(s31) {
			s30, s31 = fma32(x[3], b0, c30), fma32(x[3], b1, c31)
		}
		c30, c31 = float64(float32(s30)), float64(float32(s31))
		x, y = x[mr:], y[nr:]
	}
	*r0, *r1 = [nr]float32{float32(c00), float32(c01)}, [nr]float32{float32(c10), float32(c11)}
	*r2, *r3 = [nr]float32{float32(c20), float32(c21)}, [nr]float32{float32(c30), float32(c31)}
}

// fma32 is op.FMA32 of float32 values held in float64.
func fma32(x, y, z float64) float64 {
	if s := float64(x*y) + z; !tricky(s) {
		return float64(float32(s))
	}
	return float64(op.FMA32(float32(x), float32(y), float32(z)))
}

// tricky reports whether rounding to float32 the sum of a product, which is exact, and a float32, which
// was rounded to float64, could round twice: if it lies halfway between two float32 values, or is
// subnormal but not 0.
func tricky(s float64) bool {
	b := math.Float64bits(s)
	return b&(1<<29-1) == 1<<28 || b<<1-1 < 897<<53-1
}

func microWords[T word](acc unsafe.Pointer, ld int, a, b unsafe.Pointer, k int) {
	r0, r1, r2, r3 := chains[T](acc, ld)
	c00, c01, c10, c11 := r0[0], r0[1], r1[0], r1[1]
	c20, c21, c30, c31 := r2[0], r2[1], r3[0], r3[1]
	x, y := unsafe.Slice((*T)(a), mr*k), unsafe.Slice((*T)(b), nr*k)
	for len(x) >= mr && len(y) >= nr {
		b0, b1 := y[0], y[1]
		c00, c01 = c00+x[0]*b0, c01+x[0]*b1
		c10, c11 = c10+x[1]*b0, c11+x[1]*b1
		c20, c21 = c20+x[2]*b0, c21+x[2]*b1
		c30, c31 = c30+x[3]*b0, c31+x[3]*b1
		x, y = x[mr:], y[nr:]
	}
	*r0, *r1 = [nr]T{c00, c01}, [nr]T{c10, c11}
	*r2, *r3 = [nr]T{c20, c21}, [nr]T{c30, c31}
}

func microBool(acc unsafe.Pointer, ld int, a, b unsafe.Pointer, k int) {
	r0, r1, r2, r3 := chains[uint8](acc, ld)
	x, y := unsafe.Slice((*uint8)(a), mr*k), unsafe.Slice((*uint8)(b), nr*k)
	for len(x) >= mr && len(y) >= nr {
		for i, r := range [mr]*[nr]uint8{r0, r1, r2, r3} {
			r[0] |= x[i] & y[0]
			r[1] |= x[i] & y[1]
		}
		x, y = x[mr:], y[nr:]
	}
}

func lanesFloat64(acc, a, b unsafe.Pointer, n int) {
	c, x, y := unsafe.Slice((*float64)(acc), n), unsafe.Slice((*float64)(a), n), unsafe.Slice((*float64)(b), n)
	for i := range c {
		c[i] = math.FMA(x[i], y[i], c[i])
	}
}

func lanesFloat32(acc, a, b unsafe.Pointer, n int) {
	c, x, y := unsafe.Slice((*float32)(acc), n), unsafe.Slice((*float32)(a), n), unsafe.Slice((*float32)(b), n)
	for i := range c {
		c[i] = float32(fma32(float64(x[i]), float64(y[i]), float64(c[i])))
	}
}

func lanesWords[T word](acc, a, b unsafe.Pointer, n int) {
	c, x, y := unsafe.Slice((*T)(acc), n), unsafe.Slice((*T)(a), n), unsafe.Slice((*T)(b), n)
	for i := range c {
		c[i] += x[i] * y[i]
	}
}

func lanesBool(acc, a, b unsafe.Pointer, n int) {
	c, x, y := unsafe.Slice((*uint8)(acc), n), unsafe.Slice((*uint8)(a), n), unsafe.Slice((*uint8)(b), n)
	for i := range c {
		c[i] |= x[i] & y[i]
	}
}
