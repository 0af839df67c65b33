package simd

import (
	"math"
	"unsafe"

	"github.com/tare-go/tare/dtype"
	"github.com/tare-go/tare/internal/op"
)

// The tile of the generic kernels: as many chains as registers allow.
const genericMR, genericNR = 4, 2

// genericGemm are the kernels in pure Go, which any level must equal.
var genericGemm = func() (g [dtype.Count]GemmKernel) {
	kernel := func(run func(*GemmPanel), spread SpreadFunc, lanes LanesFunc) GemmKernel {
		return GemmKernel{MR: genericMR, NR: genericNR, Run: run, Spread: spread, Lanes: lanes}
	}
	words8 := kernel(runWords[uint8], spreadWords[uint8], lanesWords[uint8])
	words16 := kernel(runWords[uint16], spreadWords[uint16], lanesWords[uint16])
	words32 := kernel(runWords[uint32], spreadWords[uint32], lanesWords[uint32])
	words64 := kernel(runWords[uint64], spreadWords[uint64], lanesWords[uint64])
	g[dtype.Bool] = kernel(runBool, spreadWords[uint8], lanesBool)
	g[dtype.Int8], g[dtype.Uint8] = words8, words8
	g[dtype.Int16], g[dtype.Uint16] = words16, words16
	g[dtype.Int32], g[dtype.Uint32] = words32, words32
	g[dtype.Int64], g[dtype.Uint64] = words64, words64
	g[dtype.Float32] = kernel(runFloat32, spreadWords[uint32], lanesFloat32)
	g[dtype.Float64] = kernel(runFloat64, spreadWords[uint64], lanesFloat64)
	return g
}()

// genericTile is where a tile of a panel is: a pointer to each row of A, and to B. Rows that the
// panel does not have are the last one once more.
type genericTile struct {
	a [genericMR]unsafe.Pointer
	b unsafe.Pointer
}

func runFloat64(p *GemmPanel) {
	for i := 0; i < p.Rows; i += genericMR {
		t := tileAt[float64](p, i)
		tileFloat64(p, &t)
		putTile[float64](p, i, true)
	}
}

func runFloat32(p *GemmPanel) {
	for i := 0; i < p.Rows; i += genericMR {
		t := tileAt[float32](p, i)
		tileFloat32(p, &t)
		putTile[float32](p, i, true)
	}
}

func runWords[T unsigned](p *GemmPanel) {
	for i := 0; i < p.Rows; i += genericMR {
		t := tileAt[T](p, i)
		tileWords[T](p, &t)
		putTile[T](p, i, false)
	}
}

func runBool(p *GemmPanel) {
	for i := 0; i < p.Rows; i += genericMR {
		t := tileAt[uint8](p, i)
		tileBool(p, &t)
		putTile[uint8](p, i, false)
	}
}

// tileOf is the chains of the tile at hand.
func tileOf[T number](p *GemmPanel) *[genericMR][genericNR]T {
	return (*[genericMR][genericNR]T)(unsafe.Pointer(&p.tile))
}

// tileAt finds the tile whose first row is i, and loads its chains.
func tileAt[T number](p *GemmPanel, i int) genericTile {
	t := genericTile{b: p.B}
	acc := tileOf[T](p)
	strip := unsafe.Add(p.A, i/genericMR*p.AStrip)
	for r := range t.a {
		t.a[r] = unsafe.Add(strip, min(r, p.Rows-i-1)*p.ARow)
	}
	*acc = [genericMR][genericNR]T{}
	if p.Mode&GemmCarry != 0 {
		for r := range min(genericMR, p.Rows-i) {
			copy(acc[r][:], unsafe.Slice((*T)(unsafe.Add(p.C, (i+r)*p.CRow)), p.Cols))
		}
	}
	return t
}

// putTile stores the chains of the tile whose first row is i.
func putTile[T number](p *GemmPanel, i int, settle bool) {
	acc := tileOf[T](p)
	for r := range min(genericMR, p.Rows-i) {
		row := unsafe.Slice((*T)(unsafe.Add(p.C, (i+r)*p.CRow)), p.Cols)
		for j := range row {
			row[j] = acc[r][j]
			if settle && p.Mode&GemmSettle != 0 {
				row[j] += 0
			}
		}
	}
}

// rowsAt are the elements of A in all rows of the tile, and those of B, at an index of k.
func rowsAt[T number](p *GemmPanel, t *genericTile, k int) (x0, x1, x2, x3, y0, y1 T) {
	at := k * p.ACol
	b := (*[genericNR]T)(unsafe.Add(t.b, k*p.BRow))
	return *(*T)(unsafe.Add(t.a[0], at)), *(*T)(unsafe.Add(t.a[1], at)),
		*(*T)(unsafe.Add(t.a[2], at)), *(*T)(unsafe.Add(t.a[3], at)), b[0], b[1]
}

func tileFloat64(p *GemmPanel, t *genericTile) {
	acc := tileOf[float64](p)
	c00, c01, c10, c11 := acc[0][0], acc[0][1], acc[1][0], acc[1][1]
	c20, c21, c30, c31 := acc[2][0], acc[2][1], acc[3][0], acc[3][1]
	for k := range p.K {
		x0, x1, x2, x3, y0, y1 := rowsAt[float64](p, t, k)
		c00, c01 = math.FMA(x0, y0, c00), math.FMA(x0, y1, c01)
		c10, c11 = math.FMA(x1, y0, c10), math.FMA(x1, y1, c11)
		c20, c21 = math.FMA(x2, y0, c20), math.FMA(x2, y1, c21)
		c30, c31 = math.FMA(x3, y0, c30), math.FMA(x3, y1, c31)
	}
	*acc = [genericMR][genericNR]float64{{c00, c01}, {c10, c11}, {c20, c21}, {c30, c31}}
}

// tileFloat32 carries chains of float32 values in float64.
func tileFloat32(p *GemmPanel, t *genericTile) {
	acc := tileOf[float32](p)
	c00, c01, c10, c11 := float64(acc[0][0]), float64(acc[0][1]), float64(acc[1][0]), float64(acc[1][1])
	c20, c21, c30, c31 := float64(acc[2][0]), float64(acc[2][1]), float64(acc[3][0]), float64(acc[3][1])
	for k := range p.K {
		x0, x1, x2, x3, y0, y1 := rowsAt[float32](p, t, k)
		b0, b1 := float64(y0), float64(y1)
		c00, c01 = fusePair(float64(x0), b0, b1, c00, c01)
		c10, c11 = fusePair(float64(x1), b0, b1, c10, c11)
		c20, c21 = fusePair(float64(x2), b0, b1, c20, c21)
		c30, c31 = fusePair(float64(x3), b0, b1, c30, c31)
	}
	*acc = [genericMR][genericNR]float32{
		{float32(c00), float32(c01)}, {float32(c10), float32(c11)},
		{float32(c20), float32(c21)}, {float32(c30), float32(c31)},
	}
}

// fusePair is fma(x, y0, z0) and fma(x, y1, z1) of float32 values held in float64.
func fusePair(x, y0, y1, z0, z1 float64) (float64, float64) {
	s0, s1 := float64(x*y0)+z0, float64(x*y1)+z1
	if tricky(s0) || tricky(s1) {
		s0, s1 = fuse32(x, y0, z0), fuse32(x, y1, z1)
	}
	return float64(float32(s0)), float64(float32(s1))
}

// tricky reports whether rounding to float32 the sum of a product, which is exact, and a float32, which
// was rounded to float64, could round twice: if it lies halfway between two float32 values, or is
// subnormal but not 0.
func tricky(s float64) bool {
	b := math.Float64bits(s)
	return b&(1<<29-1) == 1<<28 || b<<1-1 < 897<<53-1
}

//go:noinline
func fuse32(x, y, z float64) float64 {
	return float64(op.FMA32(float32(x), float32(y), float32(z)))
}

func tileWords[T unsigned](p *GemmPanel, t *genericTile) {
	acc := tileOf[T](p)
	c00, c01, c10, c11 := acc[0][0], acc[0][1], acc[1][0], acc[1][1]
	c20, c21, c30, c31 := acc[2][0], acc[2][1], acc[3][0], acc[3][1]
	for k := range p.K {
		x0, x1, x2, x3, y0, y1 := rowsAt[T](p, t, k)
		c00, c01 = c00+x0*y0, c01+x0*y1
		c10, c11 = c10+x1*y0, c11+x1*y1
		c20, c21 = c20+x2*y0, c21+x2*y1
		c30, c31 = c30+x3*y0, c31+x3*y1
	}
	*acc = [genericMR][genericNR]T{{c00, c01}, {c10, c11}, {c20, c21}, {c30, c31}}
}

func tileBool(p *GemmPanel, t *genericTile) {
	acc := tileOf[uint8](p)
	for k := range p.K {
		x0, x1, x2, x3, y0, y1 := rowsAt[uint8](p, t, k)
		for r, x := range [genericMR]uint8{x0, x1, x2, x3} {
			acc[r][0] |= x & y0
			acc[r][1] |= x & y1
		}
	}
}

func spreadWords[T unsigned](dst, src unsafe.Pointer, n, step int) {
	for i, pair := range unsafe.Slice((*[genericNR]T)(src), n) {
		*(*[genericNR]T)(unsafe.Add(dst, i*step)) = pair
	}
}

// laneRows are the lanes, and the n elements of each operand that they are carried through.
func laneRows[T number](acc, a, b unsafe.Pointer, rows int) (c, x, y []T) {
	lanes := 512 / int(unsafe.Sizeof(T(0)))
	return unsafe.Slice((*T)(acc), lanes), unsafe.Slice((*T)(a), rows*lanes), unsafe.Slice((*T)(b), rows*lanes)
}

func lanesFloat64(acc, a, b unsafe.Pointer, rows int) {
	for c, x, y := laneRows[float64](acc, a, b, rows); len(x) >= len(c) && len(y) >= len(c); x, y = x[len(c):], y[len(c):] {
		for i := range c {
			c[i] = math.FMA(x[i], y[i], c[i])
		}
	}
}

func lanesFloat32(acc, a, b unsafe.Pointer, rows int) {
	for c, x, y := laneRows[float32](acc, a, b, rows); len(x) >= len(c) && len(y) >= len(c); x, y = x[len(c):], y[len(c):] {
		for i := range c {
			s := float64(float64(x[i])*float64(y[i])) + float64(c[i])
			if tricky(s) {
				s = fuse32(float64(x[i]), float64(y[i]), float64(c[i]))
			}
			c[i] = float32(s)
		}
	}
}

func lanesWords[T unsigned](acc, a, b unsafe.Pointer, rows int) {
	for c, x, y := laneRows[T](acc, a, b, rows); len(x) >= len(c) && len(y) >= len(c); x, y = x[len(c):], y[len(c):] {
		for i := range c {
			c[i] += x[i] * y[i]
		}
	}
}

func lanesBool(acc, a, b unsafe.Pointer, rows int) {
	for c, x, y := laneRows[uint8](acc, a, b, rows); len(x) >= len(c) && len(y) >= len(c); x, y = x[len(c):], y[len(c):] {
		for i := range c {
			c[i] |= x[i] & y[i]
		}
	}
}
