package cpu

import (
	"math"
	"unsafe"
)

// A product with a vector reads each element of the matrix once, so that packing it would cost more
// than the arithmetic. The matrix is taken as it lies: by columns where the results are neighbours in
// memory, by rows where k is; only if neither is so it is packed first, by columns.

// skinnyMath is the arithmetic of such products. The vector y has n elements; ld is the bytes from one
// column, or row, of the matrix x to the next.
type skinnyMath struct {
	// columns carries rows chains: acc[i] = x[k][i]*y[k] + acc[i], for each k.
	columns func(acc, x, y unsafe.Pointer, ld, rows, n int)
	// rows carries rows chains: acc[i] = x[i][k]*y[k] + acc[i], for each k.
	rows func(acc, x, y unsafe.Pointer, ld, rows, n int)
}

// vectorChunk is the chains of one chunk of k, of a product with a vector.
func (w productWorker) vectorChunk(bl resultBlock, c int, chain unsafe.Pointer) {
	p := w.p
	size := p.m.Type.Size()
	clear(unsafe.Slice((*byte)(chain), p.blockBytes()))
	end := min((c+1)*p.split.Len, p.m.K)
	for k := c * p.split.Len; k < end && !w.cancelled(); k += p.deep {
		n := min(p.deep, end-k)
		y := w.vector(bl, k, n)
		x := unsafe.Add(w.a, offset(p.a.batch, bl.batch)+bl.i*p.a.row+k*p.a.col)
		switch {
		case p.a.row == size:
			p.math.columns(chain, x, y, p.a.col, bl.rows, n)
		case p.a.col == size:
			p.math.rows(chain, x, y, p.a.row, bl.rows, n)
		default:
			tile := unsafe.Add(w.scratch, p.packA)
			moveGrid(size, strided{tile, bl.rows * size, size}, strided{x, p.a.col, p.a.row}, n, bl.rows)
			p.math.columns(chain, tile, y, bl.rows*size, bl.rows, n)
		}
	}
}

// vector is n elements of the vector, from k on, packed if they are not contiguous.
func (w productWorker) vector(bl resultBlock, k, n int) unsafe.Pointer {
	p := w.p
	size := p.m.Type.Size()
	at := unsafe.Add(w.b, offset(p.b.batch, bl.batch)+k*p.b.row)
	if p.b.row == size {
		return at
	}
	tile := unsafe.Add(w.scratch, p.packB)
	moveGrid(size, strided{tile, n * size, size}, strided{at, 0, p.b.row}, 1, n)
	return tile
}

// slices4 is four runs of n elements each, the first at x, ld bytes apart.
func slices4[T any](x unsafe.Pointer, ld, n int) (x0, x1, x2, x3 []T) {
	return unsafe.Slice((*T)(x), n), unsafe.Slice((*T)(unsafe.Add(x, ld)), n),
		unsafe.Slice((*T)(unsafe.Add(x, 2*ld)), n), unsafe.Slice((*T)(unsafe.Add(x, 3*ld)), n)
}

func columnsFloat64(acc, x, y unsafe.Pointer, ld, rows, n int) {
	c, v := unsafe.Slice((*float64)(acc), rows), unsafe.Slice((*float64)(y), n)
	k := 0
	for ; k+4 <= n; k += 4 {
		x0, x1, x2, x3 := slices4[float64](unsafe.Add(x, k*ld), ld, rows)
		y0, y1, y2, y3 := v[k], v[k+1], v[k+2], v[k+3]
		for i := range c {
			c[i] = math.FMA(x3[i], y3, math.FMA(x2[i], y2, math.FMA(x1[i], y1, math.FMA(x0[i], y0, c[i]))))
		}
	}
	for ; k < n; k++ {
		col := unsafe.Slice((*float64)(unsafe.Add(x, k*ld)), rows)
		for i := range c {
			c[i] = math.FMA(col[i], v[k], c[i])
		}
	}
}

func rowsFloat64(acc, x, y unsafe.Pointer, ld, rows, n int) {
	c, v := unsafe.Slice((*float64)(acc), rows), unsafe.Slice((*float64)(y), n)
	i := 0
	for ; i+4 <= rows; i += 4 {
		x0, x1, x2, x3 := slices4[float64](unsafe.Add(x, i*ld), ld, n)
		c0, c1, c2, c3 := c[i], c[i+1], c[i+2], c[i+3]
		for k, y := range v {
			c0, c1 = math.FMA(x0[k], y, c0), math.FMA(x1[k], y, c1)
			c2, c3 = math.FMA(x2[k], y, c2), math.FMA(x3[k], y, c3)
		}
		c[i], c[i+1], c[i+2], c[i+3] = c0, c1, c2, c3
	}
	for ; i < rows; i++ {
		for k, x := range unsafe.Slice((*float64)(unsafe.Add(x, i*ld)), n) {
			c[i] = math.FMA(x, v[k], c[i])
		}
	}
}

func columnsFloat32(acc, x, y unsafe.Pointer, ld, rows, n int) {
	c, v := unsafe.Slice((*float32)(acc), rows), unsafe.Slice((*float32)(y), n)
	for k, y := range v {
		y := float64(y)
		col := unsafe.Slice((*float32)(unsafe.Add(x, k*ld)), rows)
		for i := range c {
			s := float64(float64(col[i])*y) + float64(c[i])
			if tricky(s) {
				s = fma32(float64(col[i]), y, float64(c[i]))
			}
			c[i] = float32(s)
		}
	}
}

func rowsFloat32(acc, x, y unsafe.Pointer, ld, rows, n int) {
	c, v := unsafe.Slice((*float32)(acc), rows), unsafe.Slice((*float32)(y), n)
	i := 0
	for ; i+4 <= rows; i += 4 {
		x0, x1, x2, x3 := slices4[float32](unsafe.Add(x, i*ld), ld, n)
		c0, c1, c2, c3 := float64(c[i]), float64(c[i+1]), float64(c[i+2]), float64(c[i+3])
		for k, y := range v {
			y := float64(y)
			a0, a1, a2, a3 := float64(x0[k]), float64(x1[k]), float64(x2[k]), float64(x3[k])
			s0, s1, s2, s3 := float64(a0*y)+c0, float64(a1*y)+c1, float64(a2*y)+c2, float64(a3*y)+c3
			if tricky(s0) || tricky(s1) || tricky(s2) || tricky(s3) {
				s0, s1, s2, s3 = fma32(a0, y, c0), fma32(a1, y, c1), fma32(a2, y, c2), fma32(a3, y, c3)
			}
			c0, c1 = float64(float32(s0)), float64(float32(s1))
			c2, c3 = float64(float32(s2)), float64(float32(s3))
		}
		c[i], c[i+1], c[i+2], c[i+3] = float32(c0), float32(c1), float32(c2), float32(c3)
	}
	for ; i < rows; i++ {
		for k, x := range unsafe.Slice((*float32)(unsafe.Add(x, i*ld)), n) {
			c[i] = float32(fma32(float64(x), float64(v[k]), float64(c[i])))
		}
	}
}

func columnsWords[T word](acc, x, y unsafe.Pointer, ld, rows, n int) {
	c, v := unsafe.Slice((*T)(acc), rows), unsafe.Slice((*T)(y), n)
	for k, y := range v {
		col := unsafe.Slice((*T)(unsafe.Add(x, k*ld)), rows)
		for i := range c {
			c[i] += col[i] * y
		}
	}
}

func rowsWords[T word](acc, x, y unsafe.Pointer, ld, rows, n int) {
	c, v := unsafe.Slice((*T)(acc), rows), unsafe.Slice((*T)(y), n)
	for i := range c {
		sum := c[i]
		for k, x := range unsafe.Slice((*T)(unsafe.Add(x, i*ld)), n) {
			sum += x * v[k]
		}
		c[i] = sum
	}
}

func columnsBool(acc, x, y unsafe.Pointer, ld, rows, n int) {
	c, v := unsafe.Slice((*uint8)(acc), rows), unsafe.Slice((*uint8)(y), n)
	for k, y := range v {
		col := unsafe.Slice((*uint8)(unsafe.Add(x, k*ld)), rows)
		for i := range c {
			c[i] |= col[i] & y
		}
	}
}

func rowsBool(acc, x, y unsafe.Pointer, ld, rows, n int) {
	c, v := unsafe.Slice((*uint8)(acc), rows), unsafe.Slice((*uint8)(y), n)
	for i := range c {
		for k, x := range unsafe.Slice((*uint8)(unsafe.Add(x, i*ld)), n) {
			c[i] |= x & v[k]
		}
	}
}
