package npy

import (
	"bytes"
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/tare-go/tare/broadcast"
)

// elementwise is writeView one element at a time.
func elementwise(mem []byte, v broadcast.View, size int, fortran bool) []byte {
	out := []byte{}
	index := make([]int, len(v.Shape))
	for range v.Size() {
		at := v.Offset
		for axis, i := range index {
			at += i * v.Strides[axis]
		}
		out = append(out, mem[at:at+size]...)
		for k := range index {
			axis := len(index) - 1 - k
			if fortran {
				axis = k
			}
			if index[axis]++; index[axis] < v.Shape[axis] {
				break
			}
			index[axis] = 0
		}
	}
	return out
}

// drawView is a view of a contiguous array: cut, flipped, transposed and broadcast.
func drawView(t *rapid.T, size int) (mem []byte, v broadcast.View) {
	shape := rapid.SliceOfN(rapid.IntRange(0, 6), 0, 4).Draw(t, "shape")
	v = broadcast.Contiguous(shape, size)
	mem = make([]byte, v.Size()*size)
	for i := range mem {
		mem[i] = byte(i*7 + i>>8)
	}
	var err error
	for axis := range shape {
		step := rapid.SampledFrom([]int{1, 1, 2, 3, -1, -2}).Draw(t, "step")
		index := make([]broadcast.Index, axis+1)
		index[axis] = broadcast.Step(step)
		v, err = v.Index(index...)
		require.NoError(t, err)
	}
	if len(shape) > 0 {
		v, err = v.Transpose(rapid.Permutation(axes(len(shape))).Draw(t, "axes")...)
		require.NoError(t, err)
	}
	if rapid.Bool().Draw(t, "broadcast") {
		v, err = v.BroadcastTo(append([]int{rapid.IntRange(0, 3).Draw(t, "repeats")}, v.Shape...))
		require.NoError(t, err)
	}
	return mem, v
}

func axes(n int) []int {
	a := make([]int, n)
	for i := range a {
		a[i] = i
	}
	return a
}

func TestViewsAreWrittenInOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		size := rapid.SampledFrom([]int{1, 2, 4, 8}).Draw(t, "size")
		mem, v := drawView(t, size)
		fortran := rapid.Bool().Draw(t, "fortran")
		var out bytes.Buffer
		require.NoError(t, writeView(context.Background(), &out, mem, v, size, fortran))
		assert.Equal(t, elementwise(mem, v, size, fortran), append([]byte{}, out.Bytes()...))
	})
}

func TestGatherFillsBuffersOfAnyLength(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		size := rapid.SampledFrom([]int{1, 2, 4, 8}).Draw(t, "size")
		mem, v := drawView(t, size)
		if v.Size() < 2 {
			return
		}
		got := []byte{}
		g := newGather(mem, v, size)
		for g.left > 0 {
			buf := make([]byte, size+rapid.IntRange(0, 100).Draw(t, "length"))
			got = append(got, buf[:g.fill(buf)]...)
		}
		assert.Equal(t, elementwise(mem, v, size, false), got)
	})
}

func TestLargeViewsComeInChunks(t *testing.T) {
	const rows, columns = 700, 1000
	v := broadcast.Contiguous([]int{rows, columns}, 4)
	mem := make([]byte, rows*columns*4)
	for i := range mem {
		mem[i] = byte(i * 31)
	}
	for _, fortran := range []bool{false, true} {
		w := &countingWriter{}
		require.NoError(t, writeView(context.Background(), w, mem, v, 4, fortran))
		assert.Equal(t, elementwise(mem, v, 4, fortran), w.Bytes())
		assert.Equal(t, 3, w.calls)
	}
}

func TestCancellingStopsAView(t *testing.T) {
	v := broadcast.Contiguous([]int{700, 1000}, 4)
	mem := make([]byte, 700*1000*4)
	for _, fortran := range []bool{false, true} {
		ctx, cancel := context.WithCancel(context.Background())
		w := &countingWriter{after: cancel}
		assert.ErrorIs(t, writeView(ctx, w, mem, v, 4, fortran), context.Canceled)
		assert.Equal(t, 1, w.calls)
	}
}

func TestViewsBeyondTheBufferAreRefused(t *testing.T) {
	v := broadcast.Contiguous([]int{4}, 4)
	err := writeView(context.Background(), &bytes.Buffer{}, make([]byte, 15), v, 4, false)
	assert.EqualError(t, err, "npy: a view of bytes 0 to 16 of a buffer of 15")
}

func TestErrorsOfTheWriterPass(t *testing.T) {
	full := errors.New("disk full")
	v := broadcast.Contiguous([]int{10, 10}, 4)
	for _, fortran := range []bool{false, true} {
		err := writeView(context.Background(), &countingWriter{err: full}, make([]byte, 400), v, 4, fortran)
		assert.ErrorIs(t, err, full)
	}
}

// countingWriter counts calls; it fails with err, and calls after once something was written.
type countingWriter struct {
	bytes.Buffer
	calls int
	err   error
	after func()
}

func (w *countingWriter) Write(p []byte) (int, error) {
	w.calls++
	if w.after != nil {
		w.after()
	}
	if w.err != nil {
		return 0, w.err
	}
	return w.Buffer.Write(p)
}
