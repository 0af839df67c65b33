package cpu

import "unsafe"

// word is a type for each size of element: elements are moved as bits.
type word interface {
	uint8 | uint16 | uint32 | uint64
}

// strided is memory that a grid of elements is read from or written to: the bytes between rows, and
// between the elements of a row.
type strided struct {
	at       unsafe.Pointer
	row, col int
}

// transposed exchanges rows and columns.
func (s strided) transposed() strided { return strided{s.at, s.col, s.row} }

// from is the memory i rows and j columns further on.
func (s strided) from(i, j int) strided {
	return strided{unsafe.Add(s.at, i*s.row+j*s.col), s.row, s.col}
}

// moveGrid copies rows by cols elements of size bytes. The loop inside is the one along which both
// sides stay close.
func moveGrid(size int, dst, src strided, rows, cols int) {
	if cols == 1 || rows > 1 && reach(dst.row, src.row) < reach(dst.col, src.col) {
		dst, src, rows, cols = dst.transposed(), src.transposed(), cols, rows
	}
	if src.row == 0 && dst.col == size && rows > 1 {
		repeatRow(size, dst, src, rows, cols)
		return
	}
	if dst.col == size && src.col == size {
		for i := range rows {
			copyBytes(unsafe.Add(dst.at, i*dst.row), unsafe.Add(src.at, i*src.row), cols*size)
		}
		return
	}
	switch size {
	case 1:
		moveWords[uint8](dst, src, rows, cols)
	case 2:
		moveWords[uint16](dst, src, rows, cols)
	case 4:
		moveWords[uint32](dst, src, rows, cols)
	case 8:
		moveWords[uint64](dst, src, rows, cols)
	}
}

// reach is how far a step goes on the side where it goes farther.
func reach(a, b int) int { return max(a, -a, b, -b) }

// repeatRow copies one row to many.
func repeatRow(size int, dst, src strided, rows, cols int) {
	moveGrid(size, dst, src, 1, cols)
	for i := 1; i < rows; i++ {
		copyBytes(unsafe.Add(dst.at, i*dst.row), dst.at, cols*size)
	}
}

func copyBytes(dst, src unsafe.Pointer, n int) {
	copy(unsafe.Slice((*byte)(dst), n), unsafe.Slice((*byte)(src), n))
}

func moveWords[T word](dst, src strided, rows, cols int) {
	for i := range rows {
		d, s := unsafe.Add(dst.at, i*dst.row), unsafe.Add(src.at, i*src.row)
		if src.col == 0 && dst.col == int(unsafe.Sizeof(T(0))) {
			fillWords(d, *(*T)(s), cols)
			continue
		}
		moveRow[T](d, s, dst.col, src.col, cols)
	}
}

// fillWords writes n copies of an element: a few, and then what is there once more.
func fillWords[T word](dst unsafe.Pointer, v T, n int) {
	to := unsafe.Slice((*T)(dst), n)
	some := min(n, 32)
	for i := range some {
		to[i] = v
	}
	for ; some < n; some *= 2 {
		copy(to[some:], to[:some])
	}
}

func moveRow[T word](d, s unsafe.Pointer, dstep, sstep, n int) {
	i := 0
	for ; i+4 <= n; i += 4 {
		d0, s0 := unsafe.Add(d, i*dstep), unsafe.Add(s, i*sstep)
		d1, s1 := unsafe.Add(d0, dstep), unsafe.Add(s0, sstep)
		d2, s2 := unsafe.Add(d1, dstep), unsafe.Add(s1, sstep)
		d3, s3 := unsafe.Add(d2, dstep), unsafe.Add(s2, sstep)
		v0, v1, v2, v3 := *(*T)(s0), *(*T)(s1), *(*T)(s2), *(*T)(s3)
		*(*T)(d0), *(*T)(d1), *(*T)(d2), *(*T)(d3) = v0, v1, v2, v3
	}
	for ; i < n; i++ {
		*(*T)(unsafe.Add(d, i*dstep)) = *(*T)(unsafe.Add(s, i*sstep))
	}
}

// moveMasked copies the elements of a tile where the mask, a tile of bools, is true.
func moveMasked(size int, dst, src, mask strided, rows, cols int) {
	switch size {
	case 1:
		moveWhere[uint8](dst, src, mask, rows, cols)
	case 2:
		moveWhere[uint16](dst, src, mask, rows, cols)
	case 4:
		moveWhere[uint32](dst, src, mask, rows, cols)
	case 8:
		moveWhere[uint64](dst, src, mask, rows, cols)
	}
}

func moveWhere[T word](dst, src, mask strided, rows, cols int) {
	for i := range rows {
		d, s, m := unsafe.Add(dst.at, i*dst.row), unsafe.Add(src.at, i*src.row), unsafe.Add(mask.at, i*mask.row)
		for j := range cols {
			if *(*uint8)(unsafe.Add(m, j*mask.col)) != 0 {
				*(*T)(unsafe.Add(d, j*dst.col)) = *(*T)(unsafe.Add(s, j*src.col))
			}
		}
	}
}

// put writes the low bytes of bits as one element.
func put(size int, dst unsafe.Pointer, bits uint64) {
	switch size {
	case 1:
		*(*uint8)(dst) = uint8(bits)
	case 2:
		*(*uint16)(dst) = uint16(bits)
	case 4:
		*(*uint32)(dst) = uint32(bits)
	case 8:
		*(*uint64)(dst) = bits
	}
}
