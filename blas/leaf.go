package blas

import "math"

// leaf is a triangular matrix of up to triangularLeaf rows, in registers, and where the rows of b are that
// it is applied to. Both are in the order in which rows are solved, so that the triangle is the lower one.
type leaf[T float] struct {
	n      int
	factor [triangularLeaf][triangularLeaf]T // below the diagonal
	pivot  [triangularLeaf]T                 // on the diagonal, ones where it is not stored
	row    [triangularLeaf]int               // offsets in b
}

// leafOf reads the first n rows of a triangular matrix.
func leafOf[T float](t triangular[T], n int, b matrix[T]) (l leaf[T]) {
	l.n = n
	index := func(p int) int {
		if t.lower {
			return p
		}
		return n - 1 - p
	}
	for p := range n {
		i := index(p)
		l.row[p], l.pivot[p] = i*b.RowStride, 1
		for q := range p {
			l.factor[p][q] = t.Data[i*t.RowStride+index(q)*t.ColStride]
		}
		if !t.unit {
			l.pivot[p] = t.Data[i*t.RowStride+i*t.ColStride]
		}
	}
	return l
}

// solveLeaf is solve for few rows: substitution, column by column of b.
func (t triangular[T]) solveLeaf(n, cols int, alpha T, b matrix[T]) {
	l := leafOf(t, n, b)
	if n == triangularLeaf && l.inverts() {
		l.solveFull(cols, alpha, b)
		return
	}
	for j := range cols {
		column := b.Data[j*b.ColStride:]
		for p := range n {
			x := T(alpha * column[l.row[p]])
			for q := range p {
				x -= T(l.factor[p][q] * column[l.row[q]])
			}
			column[l.row[p]] = x / l.pivot[p]
		}
	}
}

// inverts puts the inverses of the pivots in their place, which makes multiplications of divisions, in less
// than half the time. It does not if one is not finite, or so small that it has lost digits; for float64
// too, the limits are those of float32.
func (l *leaf[T]) inverts() bool {
	var inverse [triangularLeaf]T
	for p, v := range l.pivot {
		inverse[p] = 1 / v
		if size := max(inverse[p], -inverse[p]); !(size >= 0x1p-126 && size <= math.MaxFloat32) {
			return false
		}
	}
	l.pivot = inverse
	return true
}

// solveFull is solveLeaf for as many rows as a leaf can have, with inverted pivots.
func (l *leaf[T]) solveFull(cols int, alpha T, b matrix[T]) {
	r0, r1, r2, r3 := l.row[0], l.row[1], l.row[2], l.row[3]
	d0, d1, d2, d3 := l.pivot[0], l.pivot[1], l.pivot[2], l.pivot[3]
	f10, f20, f21 := l.factor[1][0], l.factor[2][0], l.factor[2][1]
	f30, f31, f32 := l.factor[3][0], l.factor[3][1], l.factor[3][2]
	data, at := b.Data, 0
	for range cols {
		x0 := T(alpha*data[at+r0]) * d0
		x1 := (T(alpha*data[at+r1]) - T(f10*x0)) * d1
		x2 := (T(alpha*data[at+r2]) - T(f20*x0) - T(f21*x1)) * d2
		x3 := (T(alpha*data[at+r3]) - T(f30*x0) - T(f31*x1) - T(f32*x2)) * d3
		data[at+r0], data[at+r1], data[at+r2], data[at+r3] = x0, x1, x2, x3
		at += b.ColStride
	}
}

// multiplyLeaf is multiply for few rows.
func (t triangular[T]) multiplyLeaf(n, cols int, alpha T, b matrix[T]) {
	l := leafOf(t, n, b)
	if n == triangularLeaf {
		l.multiplyFull(cols, alpha, b)
		return
	}
	for j := range cols {
		column := b.Data[j*b.ColStride:]
		for p := n - 1; p >= 0; p-- {
			x := T(l.pivot[p] * column[l.row[p]])
			for q := p - 1; q >= 0; q-- {
				x += T(l.factor[p][q] * column[l.row[q]])
			}
			column[l.row[p]] = alpha * x
		}
	}
}

// multiplyFull is the same for as many rows as a leaf can have, without the inner loops.
func (l *leaf[T]) multiplyFull(cols int, alpha T, b matrix[T]) {
	r0, r1, r2, r3 := l.row[0], l.row[1], l.row[2], l.row[3]
	d0, d1, d2, d3 := l.pivot[0], l.pivot[1], l.pivot[2], l.pivot[3]
	f10, f20, f21 := l.factor[1][0], l.factor[2][0], l.factor[2][1]
	f30, f31, f32 := l.factor[3][0], l.factor[3][1], l.factor[3][2]
	data, at := b.Data, 0
	for range cols {
		x0, x1, x2, x3 := data[at+r0], data[at+r1], data[at+r2], data[at+r3]
		data[at+r0] = alpha * T(d0*x0)
		data[at+r1] = alpha * (T(d1*x1) + T(f10*x0))
		data[at+r2] = alpha * (T(d2*x2) + T(f21*x1) + T(f20*x0))
		data[at+r3] = alpha * (T(d3*x3) + T(f32*x2) + T(f31*x1) + T(f30*x0))
		at += b.ColStride
	}
}
