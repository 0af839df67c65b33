package ptxsim

import (
	"context"
	"errors"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestMemory(t *testing.T) {
	m := Machine{Memory: 100}
	a, err := m.Alloc(60)
	require.NoError(t, err)
	_, err = m.Alloc(41)
	var full *OutOfMemory
	require.ErrorAs(t, err, &full)
	assert.Equal(t, OutOfMemory{Need: 41, Free: 40}, *full)
	assert.EqualError(t, err, "ptxsim: out of memory: need 41 bytes, 40 are free")
	b, err := m.Alloc(40)
	require.NoError(t, err)
	assert.Zero(t, a%256)
	assert.NotEqual(t, a, b)
	count, bytes := m.Live()
	assert.Equal(t, []int64{2, 100}, []int64{int64(count), bytes})
	_, err = m.Alloc(0)
	assert.Error(t, err)

	got := make([]byte, 4)
	require.NoError(t, m.Write(a+8, []byte{1, 2, 3, 4}))
	require.NoError(t, m.Copy(b, a+8, 4))
	require.NoError(t, m.Read(b, got))
	assert.Equal(t, []byte{1, 2, 3, 4}, got)
	require.NoError(t, m.Fill(b+1, 9, 2))
	require.NoError(t, m.Read(b, got))
	assert.Equal(t, []byte{1, 9, 9, 4}, got)
	assert.ErrorIs(t, m.Read(a+6, got), &Fault{Kind: UninitGlobal})
	require.NoError(t, m.Copy(b, a, 8), "what has no value may be copied")
	assert.ErrorIs(t, m.Read(b, got), &Fault{Kind: UninitGlobal})
	for _, err := range []error{m.Read(a+58, got), m.Write(a+58, got), m.Fill(b, 0, 41), m.Copy(a, b, 41), m.Copy(a+57, b, 4), m.WriteOnce(a, 61), m.Write(0, got)} {
		assert.ErrorIs(t, err, &Fault{Kind: OutOfBounds})
	}
	require.NoError(t, m.Free(a))
	assert.ErrorIs(t, m.Close(), &Fault{Kind: Leak})
	require.NoError(t, m.Free(b))
	assert.NoError(t, m.Close())
}

// saxpy is y[i] += a·x[i] for i < n.
const saxpy = header + `.visible .entry saxpy(.param .u64 px, .param .u64 py, .param .f32 pa, .param .u32 pn) {
	.reg .b64 %x, %y; .reg .b32 %i, %n, %c, %d; .reg .f32 %a, %f, %g; .reg .pred %p;
	mov.u32 %i, %tid.x; mov.u32 %c, %ctaid.x; mov.u32 %d, %ntid.x; mad.lo.u32 %i, %c, %d, %i;
	ld.param.u32 %n, [pn]; setp.ge.u32 %p, %i, %n; @%p bra END;
	ld.param.u64 %x, [px]; ld.param.u64 %y, [py]; ld.param.f32 %a, [pa];
	mad.wide.u32 %x, %i, 4, %x; mad.wide.u32 %y, %i, 4, %y;
	ld.global.nc.f32 %f, [%x]; ld.global.f32 %g, [%y]; fma.rn.f32 %g, %a, %f, %g; st.global.f32 [%y], %g;
END: ret; }`

// What a kernel looks up in variables of its module is counted apart from memory.
func TestLoadsOfTheModulesVariablesAreCountedApart(t *testing.T) {
	module, err := Parse(header + `.global .align 4 .b32 list[32] = {7, 5, 3};
.visible .entry look(.param .u64 px) {
	.reg .b64 %x, %l; .reg .b32 %i, %v, %w;
	mov.u32 %i, %tid.x; ld.param.u64 %x, [px]; mad.wide.u32 %x, %i, 4, %x;
	mov.u64 %l, list; mad.wide.u32 %l, %i, 4, %l;
	ld.global.u32 %v, [%l]; ld.global.u32 %w, [%x]; add.u32 %v, %v, %w; st.global.u32 [%x], %v;
	ret; }`)
	require.NoError(t, err)
	var m Machine
	x := upload(t, &m, make([]float32, 64))
	stats, err := launch1(&m, module, 1, 32, pack(x))
	require.NoError(t, err)
	assert.Equal(t, Traffic{Requests: 1, Units: 4, Ideal: 4}, stats.ModuleLoad)
	assert.Equal(t, Traffic{Requests: 1, Units: 4, Ideal: 4}, stats.GlobalLoad)
}

func TestStats(t *testing.T) {
	module, err := Parse(saxpy)
	require.NoError(t, err)
	var m Machine
	x, y := upload(t, &m, make([]float32, 96)), upload(t, &m, make([]float32, 96))
	stats, err := launch1(&m, module, 2, 64, pack(x, y, float32(2), 96))
	require.NoError(t, err)
	assert.Equal(t, Traffic{Requests: 6, Units: 24, Ideal: 24}, stats.GlobalLoad)
	assert.Equal(t, Traffic{Requests: 3, Units: 12, Ideal: 12}, stats.GlobalStore)
	assert.Equal(t, int64(96), stats.Class[FloatClass])
	assert.Equal(t, int64(3*96), stats.Class[GlobalClass])
	assert.Equal(t, int64(128+3*96), stats.Class[ParamClass])
	assert.Equal(t, int64(2), stats.CTAs)
	var sum int64
	for c, n := range stats.Class {
		sum += n
		assert.NotEmpty(t, Class(c).String())
	}
	assert.Equal(t, stats.LaneInstrs, sum)
	assert.Equal(t, int64(3*17+8), stats.WarpInstrs)
}

func TestTraffic(t *testing.T) {
	sectors := func(stride, n int) Traffic {
		var a vec
		for l := range a {
			a[l] = uint64(1<<32 + l*stride)
		}
		var traffic Traffic
		traffic.countSectors(&a, allLanes, n)
		return traffic
	}
	assert.Equal(t, Traffic{1, 4, 4}, sectors(4, 4))
	assert.Equal(t, Traffic{1, 16, 16}, sectors(16, 16))
	assert.Equal(t, Traffic{1, 32, 4}, sectors(32, 4))
	assert.Equal(t, Traffic{1, 8, 4}, sectors(8, 4))
	assert.Equal(t, Traffic{1, 1, 1}, sectors(0, 4))
	assert.Equal(t, Traffic{1, 5, 4}, sectors(-4, 4))

	banks := func(stride, n int, m uint32) Traffic {
		var a vec
		for l := range a {
			a[l] = uint64(l * stride)
		}
		var traffic Traffic
		traffic.countWavefronts(&a, m, n)
		return traffic
	}
	assert.Equal(t, Traffic{1, 1, 1}, banks(4, 4, allLanes))
	assert.Equal(t, Traffic{1, 2, 1}, banks(8, 4, allLanes))
	assert.Equal(t, Traffic{1, 32, 1}, banks(128, 4, allLanes))
	assert.Equal(t, Traffic{1, 1, 1}, banks(132, 4, allLanes))
	assert.Equal(t, Traffic{1, 1, 1}, banks(0, 4, allLanes), "one word for all")
	assert.Equal(t, Traffic{1, 1, 1}, banks(1, 1, allLanes))
	assert.Equal(t, Traffic{1, 2, 2}, banks(8, 8, allLanes))
	assert.Equal(t, Traffic{1, 4, 4}, banks(16, 16, allLanes))
	assert.Equal(t, Traffic{1, 8, 4}, banks(32, 16, allLanes))
	assert.Equal(t, Traffic{1, 1, 1}, banks(128, 4, 1<<7))
}

func TestLaunchIsCancelled(t *testing.T) {
	module, err := Parse(header + ".entry k() { L: bra L; }")
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	var m Machine
	done := make(chan error)
	go func() {
		_, err := m.Launch(ctx, module, "k", [3]uint32{1 << 20, 1, 1}, [3]uint32{32, 1, 1}, 0, nil)
		done <- err
	}()
	cancel()
	assert.True(t, errors.Is(<-done, context.Canceled))
}

// TestConcurrentUse launches from several goroutines while others allocate and copy.
func TestConcurrentUse(t *testing.T) {
	module, err := Parse(saxpy)
	require.NoError(t, err)
	var m Machine
	var wait sync.WaitGroup
	for range 4 {
		wait.Go(func() {
			for range 5 {
				n := 3000
				x, y := make([]float32, n), make([]float32, n)
				for i := range x {
					x[i], y[i] = float32(i), 1
				}
				px, py := upload(t, &m, x), upload(t, &m, y)
				_, err := launch1(&m, module, 24, 128, pack(px, py, float32(2), n))
				assert.NoError(t, err)
				assert.Equal(t, float32(1+2*(n-1)), download[float32](t, &m, py, n)[n-1])
				assert.NoError(t, m.Free(px))
				assert.NoError(t, m.Free(py))
			}
		})
	}
	wait.Wait()
	assert.NoError(t, m.Close())
}

// TestParallelRaces: blocks that race in the kernel are stopped before they race in Go.
func TestParallelRaces(t *testing.T) {
	module, err := Parse(header + `.entry k(.param .u64 p) { .reg .b64 %p; .reg .b32 %v, %t;
	ld.param.u64 %p, [p]; mov.u32 %t, %tid.x; mad.wide.u32 %p, %t, 4, %p; ld.global.u32 %v, [%p]; add.u32 %v, %v, 1; st.global.u32 [%p], %v; }`)
	require.NoError(t, err)
	for range 20 {
		m := Machine{Workers: 4}
		_, err = launch1(&m, module, 50, 64, pack(upload(t, &m, make([]uint32, 64))))
		assert.ErrorIs(t, err, &Fault{Kind: RaceCTA})
	}
}

func TestFaultsAreTheSameWithOneWorker(t *testing.T) {
	module, err := Parse(saxpy)
	require.NoError(t, err)
	var first string
	for range 3 {
		m := Machine{Workers: 1}
		x, y := upload(t, &m, make([]float32, 96)), upload(t, &m, make([]float32, 80))
		_, err := launch1(&m, module, 2, 64, pack(x, y, float32(2), 96))
		require.ErrorIs(t, err, &Fault{Kind: OutOfBounds})
		if first == "" {
			first = err.Error()
		}
		assert.Equal(t, first, err.Error())
	}
	assert.Equal(t, "ptxsim: out of bounds: 4 bytes at 320 of an allocation of 320 at global 0x200000140 in kernel saxpy, line 10: "+
		"ld.global.f32 %g, [%y]; (block 1,0,0 thread 16)", first)
}
