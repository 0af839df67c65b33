package drivertest

import (
	"encoding/binary"
	"errors"
	"math"
	"strings"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tare-go/tare/cuda/internal/driver"
)

func (b *fixture) module() {
	m := b.load()
	for _, name := range []string{"add", "parameters", "reverse", "stray"} {
		f, err := b.table.ModuleFunction(b.c, m, name)
		require.NoError(b, err, name)
		assert.NotZero(b, f, name)
	}
	_, err := b.table.ModuleFunction(b.c, m, "subtract")
	assert.ErrorIs(b, err, driver.NotFound)
	assert.False(b, driver.Sticky(err))
}

// badPTX must come with what the compiler says of it.
func (b *fixture) badPTX() {
	bad := strings.Replace(PTX, "add.rn.f32 %f3", "frobnicate.f32 %f3", 1)
	_, err := b.table.LoadModule(b.c, bad)
	require.ErrorIs(b, err, driver.InvalidPTX)
	assert.False(b, driver.Sticky(err))
	var e *driver.Error
	require.ErrorAs(b, err, &e)
	assert.Equal(b, "CUDA_ERROR_INVALID_PTX", e.Name)
	assert.Contains(b, e.Log, "frobnicate")
	assert.Contains(b, e.Error(), e.Log)
	assert.NotContains(b, e.Log, "\x00")
	b.load()
}

func (b *fixture) futurePTX() {
	_, err := b.table.LoadModule(b.c, strings.Replace(PTX, ".version 6.3", ".version 99.0", 1))
	assert.ErrorIs(b, err, driver.UnsupportedPTXVersion)
	assert.False(b, driver.Sticky(err))
}

// launch adds arrays with a last block that is not full, and bytes behind them that must stay.
func (b *fixture) launch() {
	const n = 1000
	x := b.put(floats(n, func(i int) float32 { return float32(i) }))
	y := b.put(floats(n, func(i int) float32 { return 0.5 - 2*float32(i) }))
	out := b.put(noise(4*n + 64))
	require.NoError(b, b.add(b.function("add"), x, y, out, n, b.s))
	got := b.get(out, 4*n+64)
	assert.Equal(b, floats(n, func(i int) float32 { return 0.5 - float32(i) }), got[:4*n])
	assert.Equal(b, noise(4*n + 64)[4*n:], got[4*n:])
}

// launchSmallBlocks has blocks of two threads.
func (b *fixture) launchSmallBlocks() {
	const n = 10
	x := b.put(floats(n, func(i int) float32 { return float32(i) }))
	out := b.alloc(4 * n)
	require.NoError(b, b.table.Launch(b.c, &driver.Launch{
		Function: b.function("add"),
		Grid:     [3]uint32{5, 1, 1},
		Block:    [3]uint32{2, 1, 1},
		Params:   pack(uint64(x), uint64(x), uint64(out), uint32(n)),
		Offsets:  []int{0, 8, 16, 24},
		Stream:   b.s,
	}))
	assert.Equal(b, floats(n, func(i int) float32 { return 2 * float32(i) }), b.get(out, 4*n))
}

// parameters has one of each size, with room between them.
func (b *fixture) parameters() {
	out := b.put(make([]byte, 48))
	packed := pack(uint64(out), uint8(0xf1), uint8(0xee), uint16(0xf203), uint32(0xf4050607), uint64(0xf8090a0b0c0d0e0f),
		float32(-1.5), uint32(0xeeeeeeee), math.Pi)
	require.NoError(b, b.table.Launch(b.c, &driver.Launch{
		Function: b.function("parameters"),
		Grid:     [3]uint32{1, 1, 1},
		Block:    [3]uint32{1, 1, 1},
		Params:   packed,
		Offsets:  []int{0, 8, 10, 12, 16, 24, 32},
		Stream:   b.s,
	}))
	clear(packed) // they were copied
	want := pack(uint64(0xf1), uint64(0xf203), uint64(0xf4050607), uint64(0xf8090a0b0c0d0e0f),
		uint64(math.Float32bits(-1.5)), math.Pi)
	assert.Equal(b, want, b.get(out, 48))
}

// sharedMemory has as much as needs no leave, and more.
func (b *fixture) sharedMemory() {
	f := b.function("reverse")
	assert.Equal(b, downFrom(12288), b.reverse(f, 12288), "48 KiB")
	most, err := b.table.DeviceAttribute(0, driver.SharedMemoryPerBlock)
	require.NoError(b, err)
	n := most / 4
	if n <= 12288 {
		return
	}
	err = b.table.AllowShared(b.c, f, 4*n)
	if errors.Is(err, errors.ErrUnsupported) {
		var u *driver.UnsupportedError
		require.ErrorAs(b, err, &u)
		assert.NotEmpty(b, u.Do)
		return
	}
	require.NoError(b, err)
	assert.Equal(b, downFrom(n), b.reverse(f, n), "%d bytes", most)
	err = b.table.AllowShared(b.c, f, most+4)
	assert.ErrorIs(b, err, driver.InvalidValue)
	assert.False(b, driver.Sticky(err))
}

// reverse is n-1, n-2, … as the kernel of that name has it.
func (b *fixture) reverse(f driver.Function, n int) []byte {
	b.Helper()
	out := b.alloc(4 * n)
	require.NoError(b, b.table.Launch(b.c, &driver.Launch{
		Function: f,
		Grid:     [3]uint32{1, 1, 1},
		Block:    [3]uint32{128, 1, 1},
		Shared:   4 * n,
		Params:   pack(uint64(out), uint32(n)),
		Offsets:  []int{0, 8},
		Stream:   b.s,
	}))
	return b.get(out, 4*n)
}

// downFrom is the bytes of n-1, n-2, …, 0.
func downFrom(n int) []byte {
	packed := make([]byte, 0, 4*n)
	for i := range n {
		packed = binary.LittleEndian.AppendUint32(packed, uint32(n-1-i))
	}
	return packed
}

// refusedLaunches fail at once, and do no harm.
func (b *fixture) refusedLaunches() {
	f := b.function("add")
	out := b.put(make([]byte, 4))
	refused := map[string]driver.Launch{
		"no blocks":        {Grid: [3]uint32{0, 1, 1}, Block: [3]uint32{1, 1, 1}},
		"no threads":       {Grid: [3]uint32{1, 1, 1}, Block: [3]uint32{1, 0, 1}},
		"too many threads": {Grid: [3]uint32{1, 1, 1}, Block: [3]uint32{2048, 1, 1}},
		"too many blocks":  {Grid: [3]uint32{1, 1, 65536}, Block: [3]uint32{1, 1, 1}},
	}
	for name, l := range refused {
		l.Function, l.Stream = f, b.s
		l.Params, l.Offsets = pack(uint64(out), uint64(out), uint64(out), uint32(0)), []int{0, 8, 16, 24}
		err := b.table.Launch(b.c, &l)
		assert.ErrorIs(b, err, driver.InvalidValue, name)
		assert.False(b, driver.Sticky(err), name)
	}
	require.NoError(b, b.add(f, out, out, out, 1, b.s))
	b.sync()
}
