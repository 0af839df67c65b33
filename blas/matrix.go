package blas

import "github.com/tare-go/tare/cpu"

// matrix is a matrix in memory, with any strides, in elements. Its extents are the caller's to know.
type matrix[T float] cpu.Matrix[T]

// fits reports whether a matrix of that many rows and columns, at least one of each, lies in data by
// rows, ld elements apart.
func fits[T float](data []T, ld, rows, cols int) bool {
	if rows <= 0 || cols <= 0 || ld < cols || len(data) < cols {
		return false
	}
	return rows == 1 || ld <= (len(data)-cols)/(rows-1)
}

// view is the matrix that lies in data by rows, ld elements apart, or its transpose.
func view[T float](data []T, ld int, transposed bool) matrix[T] {
	m := matrix[T]{data, ld, 1}
	if transposed {
		return m.t()
	}
	return m
}

// t is the transpose of a matrix, in the same memory.
func (m matrix[T]) t() matrix[T] { return matrix[T]{m.Data, m.ColStride, m.RowStride} }

// from is the part of a matrix from a row and a column on. The element there must exist.
func (m matrix[T]) from(i, j int) matrix[T] {
	return matrix[T]{m.Data[i*m.RowStride+j*m.ColStride:], m.RowStride, m.ColStride}
}

// scale multiplies rows by cols elements by a factor. A factor of 0 makes zeros of whatever is there.
func (m matrix[T]) scale(rows, cols int, by T) {
	if by == 1 {
		return
	}
	for i := range rows {
		row := m.Data[i*m.RowStride:]
		for j := range cols {
			if by == 0 {
				row[j*m.ColStride] = 0
			} else {
				row[j*m.ColStride] *= by
			}
		}
	}
}

// clearLower makes zeros of the lower triangle of n rows, which are contiguous.
func (m matrix[T]) clearLower(n int) {
	for i := range n {
		clear(m.Data[i*m.RowStride:][:i+1])
	}
}

// multiply computes c = a·alpha·b + beta·c, in the canonical order. a has m by k, b k by n, c m by n
// elements, and no extent is 0. c is not read where beta is 0, and shares no element with a or b.
func multiply[T float](m, n, k int, alpha T, a, b matrix[T], beta T, c matrix[T]) {
	cpu.Gemm(m, n, k, alpha, cpu.Matrix[T](a), cpu.Matrix[T](b), beta, cpu.Matrix[T](c))
}
