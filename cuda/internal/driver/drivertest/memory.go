package drivertest

import (
	"slices"
	"unsafe"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tare-go/tare/cuda/internal/driver"
)

func (b *fixture) memory() {
	const bytes = 64 << 20
	before, total, err := b.table.MemoryInfo(b.c)
	require.NoError(b, err)
	assert.Positive(b, before)
	assert.LessOrEqual(b, before, total)
	sizes := []int{1, 255, 257, bytes}
	var places []driver.Address
	for _, size := range sizes {
		a := b.alloc(size)
		assert.NotZero(b, a)
		assert.Zero(b, a%256, "alignment")
		for i, other := range places {
			apart := a+driver.Address(size) <= other || other+driver.Address(sizes[i]) <= a
			assert.True(b, apart, "%#x and %#x", a, other)
		}
		places = append(places, a)
	}
	after, _, err := b.table.MemoryInfo(b.c)
	require.NoError(b, err)
	assert.LessOrEqual(b, after, before-bytes)
}

func (b *fixture) outOfMemory() {
	_, err := b.table.Alloc(b.c, 1<<50)
	assert.ErrorIs(b, err, driver.OutOfMemory)
	assert.False(b, driver.Sticky(err))
	b.alloc(256)
}

func (b *fixture) freeTwice() {
	a, err := b.table.Alloc(b.c, 256)
	require.NoError(b, err)
	require.NoError(b, b.table.Free(b.c, a))
	err = b.table.Free(b.c, a)
	assert.ErrorIs(b, err, driver.InvalidValue)
	assert.False(b, driver.Sticky(err))
}

// copies moves bytes to the device, on it, and back.
func (b *fixture) copies() {
	for _, size := range []int{1, 2, 3, 4, 255, 4096, 65537, 5 << 20} {
		want := noise(size)
		from, to := b.put(want), b.alloc(size)
		require.NoError(b, b.table.CopyOnDevice(b.c, to, from, size, b.s))
		assert.True(b, slices.Equal(want, b.get(to, size)), "%d bytes", size)
	}
}

// copiesOfParts writes and reads inside an allocation, and leaves alone what is beside.
func (b *fixture) copiesOfParts() {
	want := noise(1000)
	a := b.put(want)
	part := []byte("the part in the middle")
	require.NoError(b, b.table.CopyToDevice(b.c, a+501, pointer(part), len(part), b.s))
	require.NoError(b, b.table.CopyOnDevice(b.c, a+3, a+501, 8, b.s))
	copy(want[501:], part)
	copy(want[3:11], part)
	assert.Equal(b, want, b.get(a, len(want)))
	assert.Equal(b, want[499:530], b.get(a+499, 31))
}

func (b *fixture) pinnedCopies() {
	const size = 3 << 20
	host := make([][]byte, 2)
	for i := range host {
		p, err := b.table.AllocHost(b.c, size)
		require.NoError(b, err)
		require.NotNil(b, p)
		b.Cleanup(func() { b.end(b.table.FreeHost(b.c, p)) })
		host[i] = unsafe.Slice((*byte)(p), size)
	}
	want := noise(size)
	copy(host[0], want)
	a := b.alloc(size)
	require.NoError(b, b.table.CopyToDevice(b.c, a, unsafe.Pointer(&host[0][0]), size, b.s))
	require.NoError(b, b.table.CopyToHost(b.c, unsafe.Pointer(&host[1][0]), a, size, b.s))
	b.sync()
	assert.True(b, slices.Equal(want, host[1]))
}

// peerCopy copies to the last device, which may be the same one, and back.
func (b *fixture) peerCopy() {
	count, err := b.table.DeviceCount()
	require.NoError(b, err)
	last := driver.Device(count - 1)
	peer, err := b.table.RetainContext(last)
	require.NoError(b, err)
	b.Cleanup(func() { b.end(b.table.ReleaseContext(last)) })
	want := noise(100_000)
	here, back := b.put(want), b.alloc(len(want))
	there, err := b.table.Alloc(peer, len(want))
	require.NoError(b, err)
	b.Cleanup(func() { b.end(b.table.Free(peer, there)) })
	require.NoError(b, b.table.CopyPeer(b.c, there, peer, here, b.c, len(want), b.s))
	require.NoError(b, b.table.CopyPeer(b.c, back, b.c, there, peer, len(want), b.s))
	assert.True(b, slices.Equal(want, b.get(back, len(want))))
}
