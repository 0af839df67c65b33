package devicetest

import (
	"bytes"
	"context"
	"errors"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tare-go/tare/device"
	"github.com/tare-go/tare/dtype"
	"github.com/tare-go/tare/internal/ir"
	"github.com/tare-go/tare/internal/op"
)

// contract tests what does not depend on operators.
func (s *suite) contract(t *testing.T) {
	t.Run("info", s.info)
	t.Run("alloc", s.alloc)
	t.Run("free twice", s.freeTwice)
	t.Run("copy", s.copies)
	t.Run("bad copies", s.badCopies)
	t.Run("cancelled", s.cancelled)
	t.Run("sync", func(t *testing.T) { assert.NoError(t, s.dev.Sync(context.Background())) })
}

func (s *suite) info(t *testing.T) {
	info := s.dev.Info()
	assert.NotEmpty(t, info.Name)
	assert.NotEmpty(t, info.Kind)
	assert.GreaterOrEqual(t, info.Memory, 0)
	assert.Positive(t, info.Workers)
}

func (s *suite) alloc(t *testing.T) {
	for _, n := range []int{0, 1, 63, 64, 65, 4096, 1<<20 + 3} {
		b, err := s.dev.Alloc(context.Background(), n)
		require.NoError(t, err, "%d bytes", n)
		assert.GreaterOrEqual(t, b.Size(), n)
		assert.Zero(t, uintptr(b.Host())%64, "alignment of %d bytes", n)
		b.Free()
	}
	_, err := s.dev.Alloc(context.Background(), -1)
	assert.Error(t, err, "a negative size")
}

// freeTwice frees a buffer again. If that gave the memory back twice, two others would share it.
func (s *suite) freeTwice(t *testing.T) {
	ctx := context.Background()
	b, err := s.dev.Alloc(ctx, 64)
	require.NoError(t, err)
	b.Free()
	b.Free()
	one, err := upload(ctx, s.dev, bytes.Repeat([]byte{1}, 64))
	require.NoError(t, err)
	two, err := upload(ctx, s.dev, bytes.Repeat([]byte{2}, 64))
	require.NoError(t, err)
	got, err := download(ctx, s.dev, one, 64)
	require.NoError(t, err)
	assert.Equal(t, bytes.Repeat([]byte{1}, 64), got)
	free([]device.Buffer{one, two})
}

// copies moves parts of a pattern to the device, about it, and back.
func (s *suite) copies(t *testing.T) {
	ctx := context.Background()
	pattern := make([]byte, 300)
	for i := range pattern {
		pattern[i] = byte(i * 7)
	}
	for _, c := range []struct{ src, dst, n int }{{0, 0, 300}, {1, 3, 100}, {299, 0, 1}, {63, 65, 130}, {300, 300, 0}, {0, 7, 0}} {
		want := bytes.Repeat([]byte{guardByte}, 300)
		copy(want[c.dst:c.dst+c.n], pattern[c.src:])
		from, err := upload(ctx, s.dev, pattern)
		require.NoError(t, err)
		to, err := upload(ctx, s.dev, bytes.Repeat([]byte{guardByte}, 300))
		require.NoError(t, err)
		src, dst := device.Span{Buffer: from, Off: c.src, Len: c.n}, device.Span{Buffer: to, Off: c.dst, Len: c.n}
		require.NoError(t, s.dev.Copy(ctx, dst, src))
		got, err := download(ctx, s.dev, to, 300)
		require.NoError(t, err)
		assert.Equal(t, want, got, "on the device: %+v", c)

		host := bytes.Repeat([]byte{guardByte}, 300)
		part := device.HostBuffer(host)
		require.NoError(t, s.dev.Copy(ctx, device.Span{Buffer: part, Off: c.dst, Len: c.n}, src))
		require.NoError(t, s.dev.Sync(ctx))
		assert.Equal(t, want, host, "to the host: %+v", c)
		free([]device.Buffer{from, to})
	}
}

func (s *suite) badCopies(t *testing.T) {
	ctx := context.Background()
	b, err := s.dev.Alloc(ctx, 64)
	require.NoError(t, err)
	defer b.Free()
	whole, half := device.Span{Buffer: b, Len: 64}, device.HostSpan(make([]byte, 32))
	assert.Error(t, s.dev.Copy(ctx, whole, half), "different lengths")
	assert.Error(t, s.dev.Copy(ctx, device.Span{Buffer: b, Off: b.Size() - 31, Len: 32}, half), "past the end")
	assert.Error(t, s.dev.Copy(ctx, device.Span{Buffer: b, Off: -1, Len: 32}, half), "before the start")
	assert.Error(t, s.dev.Copy(ctx, device.Span{Len: 32}, half), "no buffer")
}

// doubling is y = x + x for n float32 elements.
func doubling(n int) *trial {
	tr := &trial{}
	i := 0
	x := tr.input(layouts[0], dtype.Float32, []int{n}, 0, func() uint64 { i++; return op.BitsOf(dtype.Float32, float64(i)) })
	y := tr.output(layouts[0], dtype.Float32, []int{n}, 0)
	tr.op = &ir.Kernel{Space: []int{n}, Lo: 1, Hi: 1, In: []ir.Operand{x}, Out: []ir.Operand{y}, Code: []ir.Inst{
		{Kind: ir.Load, Type: dtype.Float32, Args: none},
		{Kind: ir.Apply, Code: op.Add, Type: dtype.Float32, Args: [3]int{0, 0, -1}},
		{Kind: ir.Store, Type: dtype.Float32, Args: [3]int{1, -1, -1}},
	}}
	return tr
}

var none = [3]int{-1, -1, -1}

func (s *suite) cancelled(t *testing.T) {
	tr := doubling(100)
	p, err := s.dev.Compile(tr.op)
	require.NoError(t, err)
	x, err := upload(context.Background(), s.dev, tr.blocks[0])
	require.NoError(t, err)
	defer x.Free()

	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_, err = s.dev.Alloc(ctx, 64)
	assert.ErrorIs(t, err, context.Canceled, "Alloc")
	span := device.Span{Buffer: x, Len: 400}
	assert.ErrorIs(t, s.dev.Copy(ctx, span, device.HostSpan(make([]byte, 400))), context.Canceled, "Copy")
	work := device.Span{Len: p.Workspace()}
	if work.Len > 0 {
		work.Buffer, err = s.dev.Alloc(context.Background(), work.Len)
		require.NoError(t, err)
		defer work.Buffer.Free()
	}
	err = p.Run(ctx, []device.Arg{{Buffer: x}, {Buffer: x}}, work)
	assert.ErrorIs(t, err, context.Canceled, "Run")
	assert.NoError(t, p.Close())
	assert.NoError(t, p.Close(), "a program's second Close")
}

// concurrent runs one program on different memory from several goroutines.
func (s *suite) concurrent(t *testing.T) {
	ctx := context.Background()
	tr := doubling(1000)
	want, err := tr.interpreted()
	require.NoError(t, err)
	p, err := s.dev.Compile(tr.op)
	require.NoError(t, err)
	defer func() { assert.NoError(t, p.Close()) }()
	errs := make([]error, 8)
	var wg sync.WaitGroup
	for g := range errs {
		wg.Go(func() {
			for range 20 {
				got, err := tr.with(ctx, s.dev, p)
				if err == nil {
					err = tr.differ(got, want)
				}
				errs[g] = first(errs[g], err)
			}
		})
	}
	wg.Wait()
	assert.NoError(t, errors.Join(errs...))
}

// close closes the device twice, and then tries to use it.
func (s *suite) close(t *testing.T) {
	b, err := s.dev.Alloc(context.Background(), 64)
	require.NoError(t, err)
	b.Free()
	assert.NoError(t, s.dev.Close())
	assert.NoError(t, s.dev.Close(), "a second Close")
	if l, ok := s.dev.(*device.Ledgered); ok && l.Shared() {
		return // lives as long as the process
	}
	_, err = s.dev.Alloc(context.Background(), 64)
	assert.ErrorIs(t, err, device.ErrClosed, "Alloc")
	_, err = s.dev.Compile(doubling(1).op)
	assert.ErrorIs(t, err, device.ErrClosed, "Compile")
	err = s.dev.Copy(context.Background(), device.HostSpan([]byte{1}), device.HostSpan([]byte{2}))
	assert.ErrorIs(t, err, device.ErrClosed, "Copy")
	assert.ErrorIs(t, s.dev.Sync(context.Background()), device.ErrClosed, "Sync")
	assert.NotEmpty(t, s.dev.Info().Name, "Info")
}
