package npy

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"

	"github.com/tare-go/tare/broadcast"
)

// chunk is how many bytes are gathered, or written of contiguous memory, at a time.
const chunk = 1 << 20

// writeView writes the elements of v in mem, of size bytes each, to w: in Fortran order or in C
// order. Cancelling ctx stops it between chunks.
func writeView(ctx context.Context, w io.Writer, mem []byte, v broadcast.View, size int, fortran bool) error {
	if lo, hi := v.Extent(size); lo < 0 || hi > len(mem) {
		return fmt.Errorf("npy: a view of bytes %d to %d of a buffer of %d", lo, hi, len(mem))
	}
	if fortran {
		t, err := v.Transpose()
		if err != nil {
			return err
		}
		v = t
	}
	if v.IsContiguous(size) {
		return writeChunks(ctx, w, mem[v.Offset:v.Offset+v.Size()*size])
	}
	return newGather(mem, v, size).writeTo(ctx, w)
}

// writeChunks writes contiguous memory.
func writeChunks(ctx context.Context, w io.Writer, mem []byte) error {
	for len(mem) > 0 {
		if err := ctx.Err(); err != nil {
			return err
		}
		n := min(len(mem), chunk)
		if _, err := w.Write(mem[:n]); err != nil {
			return err
		}
		mem = mem[n:]
	}
	return nil
}

// gather walks over a view in C order: along the last axis, the row, in copyStrided, along the
// axes before it as an odometer.
type gather struct {
	mem     []byte
	size    int   // bytes of an element
	shape   []int // of the axes before the last
	strides []int
	at      []int // which row, along each of these axes
	offset  int   // of the row's first element
	row     int   // elements of a row
	stride  int   // from one to the next, in bytes
	done    int   // elements of the row that were taken
	left    int   // elements that were not
}

// newGather starts at the first element of v, which has some.
func newGather(mem []byte, v broadcast.View, size int) *gather {
	shape, strides := broadcast.Coalesce(v.Shape, [][]int{v.Strides})
	last := len(shape) - 1
	return &gather{
		mem: mem, size: size, offset: v.Offset, left: v.Size(),
		shape: shape[:last], strides: strides[0][:last], at: make([]int, last),
		row: shape[last], stride: strides[0][last],
	}
}

// writeTo writes the elements that are left to w.
func (g *gather) writeTo(ctx context.Context, w io.Writer) error {
	buf := make([]byte, min(chunk, g.left*g.size))
	for g.left > 0 {
		if err := ctx.Err(); err != nil {
			return err
		}
		if _, err := w.Write(buf[:g.fill(buf)]); err != nil {
			return err
		}
	}
	return nil
}

// fill packs as many elements as buf can hold, and returns their bytes.
func (g *gather) fill(buf []byte) int {
	n := 0
	for g.left > 0 && n+g.size <= len(buf) {
		k := min(g.row-g.done, (len(buf)-n)/g.size)
		copyStrided(buf[n:n+k*g.size], g.mem, g.offset+g.done*g.stride, g.stride, g.size)
		n += k * g.size
		g.left -= k
		if g.done += k; g.done == g.row {
			g.nextRow()
		}
	}
	return n
}

// nextRow turns the odometer.
func (g *gather) nextRow() {
	g.done = 0
	for axis := len(g.shape) - 1; axis >= 0; axis-- {
		g.offset += g.strides[axis]
		if g.at[axis]++; g.at[axis] < g.shape[axis] {
			return
		}
		g.offset -= g.at[axis] * g.strides[axis]
		g.at[axis] = 0
	}
}

// copyStrided fills dst with elements of size bytes of mem, the first at offset and each stride
// bytes after the one before.
func copyStrided(dst, mem []byte, offset, stride, size int) {
	if stride == size {
		copy(dst, mem[offset:])
		return
	}
	order := binary.NativeEndian
	switch size {
	case 1:
		for i := range dst {
			dst[i] = mem[offset]
			offset += stride
		}
	case 2:
		for ; len(dst) > 0; dst = dst[2:] {
			order.PutUint16(dst, order.Uint16(mem[offset:]))
			offset += stride
		}
	case 4:
		for ; len(dst) > 0; dst = dst[4:] {
			order.PutUint32(dst, order.Uint32(mem[offset:]))
			offset += stride
		}
	case 8:
		for ; len(dst) > 0; dst = dst[8:] {
			order.PutUint64(dst, order.Uint64(mem[offset:]))
			offset += stride
		}
	}
}
