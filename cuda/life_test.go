package cuda

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"math"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tare-go/tare/cuda/internal/driver"
	"github.com/tare-go/tare/cuda/internal/simulated"
	"github.com/tare-go/tare/cuda/ptxsim"
	"github.com/tare-go/tare/device"
	"github.com/tare-go/tare/dtype"
	"github.com/tare-go/tare/internal/ir"
	"github.com/tare-go/tare/internal/op"
	np "github.com/tare-go/tare/tensor"
)

// doubling is y = x + x for n float32 elements.
func doubling(n int) *ir.Kernel {
	o := ir.Operand{Type: dtype.Float32, Strides: []int{4}}
	none := [3]int{-1, -1, -1}
	return &ir.Kernel{Space: []int{n}, Lo: 1, Hi: 1, In: []ir.Operand{o}, Out: []ir.Operand{o}, Code: []ir.Inst{
		{Kind: ir.Load, Type: dtype.Float32, Args: none},
		{Kind: ir.Apply, Code: op.Add, Type: dtype.Float32, Args: [3]int{0, 0, -1}},
		{Kind: ir.Store, Type: dtype.Float32, Args: [3]int{1, -1, -1}},
	}}
}

func ones(n int) []byte {
	var b []byte
	for range n {
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(1))
	}
	return b
}

// TestWorkInFlightKeepsItsMemory frees everything right after it was used, without a wait, and uses what is free again.
func TestWorkInFlightKeepsItsMemory(t *testing.T) {
	for name, o := range map[string]options{"plain": {}, "slabs": {slabs: true}} {
		t.Run(name, func(t *testing.T) {
			g, table := simulate(t, simulated.Options{}, o)
			var results []*buffer
			for range 10 {
				x := uploaded(t, g, ones(100))
				p, err := g.Compile(doubling(100))
				require.NoError(t, err)
				for range 5 {
					y, err := g.Alloc(background, 400)
					require.NoError(t, err)
					require.NoError(t, p.Run(background, []device.Arg{{Buffer: x}, {Buffer: y}}, device.Span{}))
					x.Free()
					x = y.(*buffer)
				}
				require.NoError(t, p.Close())
				results = append(results, x)
			}
			want := binary.LittleEndian.AppendUint32(nil, math.Float32bits(32))
			for _, r := range results {
				assert.Equal(t, bytes.Repeat(want, 100), downloaded(t, g, r))
				r.Free()
			}
			require.NoError(t, g.Sync(background))
			live := table.Live()
			assert.LessOrEqual(t, live.Allocations, 1, "a slab may stay")
			closed(t, table, g)
		})
	}
}

// TestSyncGivesUpWithItsContext cancels waits; the work goes on, and the next wait has its result.
func TestSyncGivesUpWithItsContext(t *testing.T) {
	g, table := simulate(t, simulated.Options{}, options{})
	x := uploaded(t, g, ones(1<<20))
	p, err := g.Compile(doubling(1 << 20))
	require.NoError(t, err)
	for range 3 {
		require.NoError(t, p.Run(background, []device.Arg{{Buffer: x}, {Buffer: x}}, device.Span{}))
	}
	ctx, cancel := context.WithTimeout(background, time.Millisecond)
	defer cancel()
	assert.ErrorIs(t, g.Sync(ctx), context.DeadlineExceeded)
	free, cancel := context.WithCancel(background)
	defer cancel()
	assert.NoError(t, g.Sync(free))
	got := downloaded(t, g, x)
	assert.Equal(t, float32(8), math.Float32frombits(binary.LittleEndian.Uint32(got[len(got)-4:])))
	closed(t, table, g)
}

// astray is a run that writes where no buffer is.
func astray(t testing.TB, dev device.Device) {
	t.Helper()
	x, err := dev.Alloc(background, 400)
	require.NoError(t, err)
	require.NoError(t, dev.Copy(background, whole(x), device.HostSpan(ones(100))))
	p, err := dev.Compile(doubling(100))
	require.NoError(t, err)
	require.NoError(t, p.Run(background, []device.Arg{{Buffer: x}, {Buffer: x, Off: 1 << 20}}, device.Span{}))
	require.NoError(t, p.Close())
	x.Free()
}

// TestFaultPoisonsItsDeviceOnly has a kernel fault. Every call says so from then on, buffers can be freed, and other devices
// know nothing of it.
func TestFaultPoisonsItsDeviceOnly(t *testing.T) {
	a, b, table := pair(t)
	dev := device.Ledger(device.Pool(a))
	kept, err := dev.Alloc(background, 1000)
	require.NoError(t, err)
	p, err := dev.Compile(doubling(100))
	require.NoError(t, err)
	astray(t, dev)
	var lost *LostError
	require.ErrorAs(t, dev.Sync(background), &lost)
	var fault *driver.Error
	require.ErrorAs(t, lost, &fault)
	assert.ErrorIs(t, lost, driver.IllegalAddress)
	for _, say := range []string{"sim:0 is lost", "CUDA_ERROR_ILLEGAL_ADDRESS", "out of bounds", "kernel map", "restart the process", "other devices work on"} {
		assert.Contains(t, lost.Error(), say)
	}
	for name, call := range map[string]func() error{
		"alloc":   func() error { _, err := dev.Alloc(background, 2<<20); return err },
		"copy":    func() error { return dev.Copy(background, whole(kept), device.HostSpan(make([]byte, 1000))) },
		"compile": func() error { _, err := dev.Compile(doubling(7)); return err },
		"run":     func() error { return p.Run(background, []device.Arg{{Buffer: kept}, {Buffer: kept}}, device.Span{}) },
		"sync":    func() error { return dev.Sync(background) },
	} {
		var again *LostError
		if assert.ErrorAs(t, call(), &again, name) {
			assert.Same(t, lost, again, name)
		}
	}
	kept.Free()
	require.NoError(t, p.Close())
	s := dev.Stats()
	assert.Zero(t, [3]int{s.Buffers, s.LiveBytes, s.Programs})
	assert.Equal(t, pattern(100), downloaded(t, b, uploaded(t, b, pattern(100))))
	x := matrix(t, 10)
	y, err := np.Sum(x).Eval(background)
	require.NoError(t, err)
	require.NotNil(t, y)
	require.NoError(t, dev.Close())
	closed(t, table, b)
}

// TestOutOfMemory fills a device. What is freed, even with work in flight, serves the next allocation.
func TestOutOfMemory(t *testing.T) {
	g, table := simulate(t, simulated.Options{Memory: 64 << 20}, options{slabs: true})
	dev := device.Ledger(g)
	var held []device.Buffer
	var budget *device.BudgetError
	for {
		b, err := dev.Alloc(background, 10<<20)
		if err != nil {
			require.ErrorAs(t, err, &budget)
			break
		}
		held = append(held, b)
	}
	require.Len(t, held, 6)
	assert.Equal(t, 10<<20, budget.Need)
	assert.Equal(t, 4<<20, budget.Budget)
	for _, say := range []string{"10.0 MiB", "free memory of cuda:sim", "CUDA_ERROR_OUT_OF_MEMORY", "held now by", "60.0 MiB"} {
		assert.Contains(t, budget.Error(), say)
	}
	require.NoError(t, dev.Copy(background, whole(held[0]), whole(held[1])))
	held[0].Free()
	assert.Equal(t, 6, table.Live().Allocations, "the copy has not run")
	left, why := g.MemoryLeft()
	assert.Equal(t, 14<<20, left, "it will go back")
	assert.Contains(t, why, Simulated)
	b, err := dev.Alloc(background, 10<<20)
	require.NoError(t, err)
	for _, b := range append(held, b) {
		b.Free()
	}
	assert.Zero(t, dev.Stats().LiveBytes)
	require.NoError(t, dev.Close())
	assert.Zero(t, table.Live())
}

// TestPoolGivesWay fills the pool with freed buffers, which go before an allocation is refused.
func TestPoolGivesWay(t *testing.T) {
	g, table := simulate(t, simulated.Options{Memory: 64 << 20}, options{})
	dev := device.Ledger(device.Pool(g))
	for range 4 {
		for i := range 6 {
			b, err := dev.Alloc(background, (i+1)<<20)
			require.NoError(t, err)
			b.Free()
		}
	}
	b, err := dev.Alloc(background, 50<<20)
	require.NoError(t, err)
	b.Free()
	require.NoError(t, dev.Close())
	assert.Zero(t, table.Live())
}

// refusing is a driver that compiles nothing.
type refusing struct {
	*simulated.Table
	code driver.Code
}

func (r refusing) LoadModule(driver.Context, string) (driver.Module, error) {
	e := driver.NewError("cuModuleLoadDataEx", r.code)
	e.Log = "ptxas error: line 7: oh dear"
	return 0, e
}

func TestRefusedKernels(t *testing.T) {
	for code, do := range map[driver.Code]string{driver.InvalidPTX: "please report it", driver.UnsupportedPTXVersion: "install a newer one"} {
		table := simulated.New(simulated.Options{})
		g, err := open(refusing{table, code}, 0, options{name: Simulated, kind: simKind})
		require.NoError(t, err)
		dev := device.Ledger(device.Pool(g))
		_, err = dev.Compile(doubling(100))
		var kernel *KernelError
		require.ErrorAs(t, err, &kernel)
		assert.Contains(t, kernel.Error(), "line 7: oh dear")
		assert.Contains(t, kernel.Error(), do)
		assert.Contains(t, kernel.PTX, ".visible .entry")
		assert.Zero(t, dev.Stats().Programs)
		b, err := dev.Alloc(background, 10)
		require.NoError(t, err, "the device works on")
		b.Free()
		require.NoError(t, dev.Close())
		assert.Zero(t, table.Live())
	}
}

// counting is a driver that counts what it compiles.
type counting struct {
	*simulated.Table
	mu    sync.Mutex
	loads map[string]int
}

func (c *counting) LoadModule(ctx driver.Context, ptx string) (driver.Module, error) {
	c.mu.Lock()
	c.loads[ptx]++
	c.mu.Unlock()
	time.Sleep(time.Millisecond) // so that the others come too
	return c.Table.LoadModule(ctx, ptx)
}

// TestCompiledOnce compiles an operation from many goroutines, for several shapes: the driver compiles one text, once.
func TestCompiledOnce(t *testing.T) {
	table := &counting{Table: simulated.New(simulated.Options{}), loads: map[string]int{}}
	g, err := open(table, 0, options{name: Simulated, kind: simKind})
	require.NoError(t, err)
	var wait sync.WaitGroup
	for i := range 16 {
		wait.Go(func() {
			p, err := g.Compile(doubling(1000 + 4*i))
			if assert.NoError(t, err) {
				assert.NoError(t, p.Close())
			}
		})
	}
	wait.Wait()
	assert.Len(t, table.loads, 1)
	for _, n := range table.loads {
		assert.Equal(t, 1, n)
	}
	closed(t, table.Table, g)
}

// TestModulesAreBounded compiles more texts than are kept. Those that programs use stay.
func TestModulesAreBounded(t *testing.T) {
	g, table := simulate(t, simulated.Options{}, options{})
	text := func(i int) string {
		return fmt.Sprintf(".version 6.3\n.target sm_70\n.address_size 64\n.visible .entry k%d() { ret; }\n", i)
	}
	used, err := g.modules.get(text(-1 + 1))
	require.NoError(t, err)
	for i := 1; i < idleModules+20; i++ {
		m, err := g.modules.get(text(i))
		require.NoError(t, err)
		g.modules.put(m)
	}
	require.NoError(t, g.Sync(background))
	assert.Equal(t, idleModules+1, table.Live().Modules)
	again, err := g.modules.get(text(0))
	require.NoError(t, err)
	assert.Same(t, used, again)
	require.NoError(t, g.reclaim(background))
	assert.Equal(t, 1, table.Live().Modules)
	closed(t, table, g)
}

// TestManyAtOnce evaluates from many goroutines on one device.
func TestManyAtOnce(t *testing.T) {
	g, table := simulate(t, simulated.Options{}, options{slabs: true})
	dev := device.Ledger(device.Pool(g))
	x := matrix(t, 40, 50)
	want, err := np.ToSlice[float64](must(t)(np.Sum(np.Exp(np.Negative(x)), np.Axis(1)).Eval(background)))
	require.NoError(t, err)
	var wait sync.WaitGroup
	for range 8 {
		wait.Go(func() {
			for range 5 {
				y, err := x.To(background, dev)
				if !assert.NoError(t, err) {
					return
				}
				z, err := np.Sum(np.Exp(np.Negative(y)), np.Axis(1)).Eval(background)
				if !assert.NoError(t, err) {
					return
				}
				got, err := np.ToSlice[float64](must(t)(z.To(background, x.Device())))
				assert.NoError(t, err)
				assert.Equal(t, want, got)
				y.Free()
				z.Free()
			}
		})
	}
	wait.Wait()
	s := dev.Stats()
	assert.Equal(t, device.Transfer{Count: 40, Bytes: 40 * 40 * 50 * 8}, s.H2D)
	assert.Equal(t, device.Transfer{Count: 40, Bytes: 40 * 40 * 8}, s.D2H)
	assert.Zero(t, s.Buffers)
	require.NoError(t, dev.Close())
	assert.Zero(t, table.Live())
}

// must is the tensor of a call that succeeds.
func must(t testing.TB) func(*np.Tensor, error) *np.Tensor {
	return func(x *np.Tensor, err error) *np.Tensor {
		assert.NoError(t, err)
		return x
	}
}

// idle is a driver that launches nothing, and whose calls allocate nothing.
type idle struct{ *simulated.Table }

func (idle) Launch(driver.Context, *driver.Launch) error { return nil }

// TestRunsAllocateNothing is about the host's memory: a run takes none once it has run before.
func TestRunsAllocateNothing(t *testing.T) {
	g, err := open(idle{simulated.New(simulated.Options{})}, 0, options{name: Simulated, kind: simKind})
	require.NoError(t, err)
	x := x0(t, g, 400)
	p, err := g.Compile(doubling(100))
	require.NoError(t, err)
	args := []device.Arg{{Buffer: x}, {Buffer: x}}
	assert.Zero(t, testing.AllocsPerRun(100, func() {
		if err := p.Run(background, args, device.Span{}); err != nil {
			t.Error(err)
		}
	}))
	require.NoError(t, g.Close())
}

// TestSmallBuffersShare counts the driver's allocations of many small buffers.
func TestSmallBuffersShare(t *testing.T) {
	g, table := simulate(t, simulated.Options{}, options{slabs: true})
	var held []device.Buffer
	seen := map[driver.Address]bool{}
	for i := range 3000 {
		b, err := g.Alloc(background, 1+i%300)
		require.NoError(t, err)
		at := b.(*buffer).address
		require.False(t, seen[at])
		require.Zero(t, at%64)
		seen[at] = true
		held = append(held, b)
	}
	assert.LessOrEqual(t, table.Live().Allocations, 14)
	for _, b := range held {
		b.Free()
	}
	require.NoError(t, g.Sync(background))
	assert.LessOrEqual(t, table.Live().Allocations, 2, "one of each class is kept")
	require.NoError(t, g.reclaim(background))
	assert.Zero(t, table.Live().Allocations)
	assert.Zero(t, g.blocks.free)
	assert.Zero(t, g.buried)
	closed(t, table, g)
}

// TestFreeAfterClose frees what was on a device that is closed.
func TestFreeAfterClose(t *testing.T) {
	g, table := simulate(t, simulated.Options{}, options{slabs: true})
	small, large := x0(t, g, 10), x0(t, g, 1<<20)
	p, err := g.Compile(doubling(100))
	require.NoError(t, err)
	closed(t, table, g)
	small.Free()
	large.Free()
	assert.NoError(t, p.Close())
	assert.ErrorIs(t, p.Run(background, nil, device.Span{}), device.ErrClosed)
	left, _ := g.MemoryLeft()
	assert.Equal(t, math.MaxInt, left)
}

// TestFaultsKeepTheirWords says what the simulator says.
func TestFaultsKeepTheirWords(t *testing.T) {
	g, table := simulate(t, simulated.Options{}, options{})
	x, err := g.Alloc(background, 400)
	require.NoError(t, err)
	p, err := g.Compile(doubling(100))
	require.NoError(t, err)
	require.NoError(t, p.Run(background, []device.Arg{{Buffer: x}, {Buffer: x}}, device.Span{}))
	err = g.Sync(background)
	assert.ErrorIs(t, err, driver.LaunchFailed)
	assert.True(t, strings.Contains(err.Error(), ptxsim.UninitGlobal.String()), err.Error())
	closed(t, table, g)
}
