package ptxsim

import (
	"bytes"
	"context"
	"fmt"
	"math/bits"
	"runtime"
	"sync"
	"sync/atomic"
)

// Machine is a simulated device: its memory, and how it runs kernels. The zero value is ready to use. Its methods may be
// called by several goroutines; launches run one after another.
type Machine struct {
	Memory     int64 // bytes of global memory; 0 is 16 GiB
	Workers    int   // goroutines for blocks; 0 is GOMAXPROCS, 1 makes faults the same in every run
	Budget     int64 // instructions that a block may issue to its warps; 0 is 2²⁸
	Reverse    bool  // run blocks, warps and the lanes of atomics from the last to the first
	BothOrders bool  // run every kernel forward and in reverse, and fault if the memory differs

	memory     memory
	launching  sync.Mutex
	generation uint32
	globals    map[*Module]*allocation
}

func (m *Machine) memoryLimit() int64 {
	if m.Memory > 0 {
		return m.Memory
	}
	return 16 << 30
}

func (m *Machine) budget() int64 {
	if m.Budget > 0 {
		return m.Budget
	}
	return 1 << 28
}

// launch is a kernel in execution.
type launch struct {
	ctx         context.Context
	machine     *Machine
	kernel      *kernel
	params      []byte
	globals     uint64 // address of the module's global variables
	memory      allocations
	grid, block [3]uint32
	threads     uint32
	sharedBytes int
	globalShift uint
	generation  uint32
	reverse     bool

	released []uint32     // by block: epochs that fence and atomic have published; nil if blocks run in parallel
	next     atomic.Int64 // block to run
	failed   atomic.Int64 // least position among failed blocks
	mu       sync.Mutex
	fault    error
	stats    Stats
}

// Launch runs a kernel of a module and returns when it has ended. grid counts blocks and block threads, both x first;
// sharedBytes is the dynamic shared memory; params is the packed argument buffer, each parameter at the next multiple
// of its size. The error is a *Fault or the context's. After an error the memory is as the kernel left it.
func (m *Machine) Launch(ctx context.Context, module *Module, name string, grid, block [3]uint32, sharedBytes int, params []byte) (Stats, error) {
	m.launching.Lock()
	defer m.launching.Unlock()
	defer m.endOnce()
	l := &launch{ctx: ctx, machine: m, kernel: module.kernels[name], params: params, grid: grid, block: block, reverse: m.Reverse}
	l.threads = block[0] * block[1] * block[2]
	if why := l.refuse(sharedBytes); why != "" {
		return Stats{}, &Fault{Kind: BadLaunch, Kernel: name, Detail: why}
	}
	l.sharedBytes = l.kernel.static + sharedBytes
	l.globalShift = uint(bits.TrailingZeros(uint(max(l.kernel.globalGranule, 1))))
	if err := m.load(l, module); err != nil {
		return Stats{}, err
	}
	if m.BothOrders {
		return l.runBoth()
	}
	return l.stats, l.run()
}

// Check says whether a device would take a launch, as Launch does before it runs anything: nil or a *Fault.
func (m *Module) Check(name string, grid, block [3]uint32, sharedBytes int, params []byte) error {
	l := &launch{kernel: m.kernels[name], params: params, grid: grid, block: block}
	l.threads = block[0] * block[1] * block[2]
	if why := l.refuse(sharedBytes); why != "" {
		return &Fault{Kind: BadLaunch, Kernel: name, Detail: why}
	}
	return nil
}

// refuse says why a device would not run the kernel, or nothing.
func (l *launch) refuse(shared int) string {
	k, g, b := l.kernel, l.grid, l.block
	switch {
	case k == nil:
		return "no such kernel"
	case g[0] == 0 || g[1] == 0 || g[2] == 0 || b[0] == 0 || b[1] == 0 || b[2] == 0:
		return fmt.Sprintf("grid %v, block %v: sizes are at least 1", g, b)
	case g[0] > 1<<31-1 || g[1] > 65535 || g[2] > 65535:
		return fmt.Sprintf("grid %v: at most 2147483647, 65535 and 65535 blocks", g)
	case uint64(g[0])*uint64(g[1])*uint64(g[2]) > maxBlocks:
		return fmt.Sprintf("grid %v: the simulator runs at most %d blocks", g, maxBlocks)
	case b[0] > maxBlock || b[1] > maxBlock || b[2] > 64 || l.threads > maxBlock:
		return fmt.Sprintf("block %v: at most %d threads, 64 in z", b, maxBlock)
	case k.maxThreads > 0 && l.threads > k.maxThreads:
		return fmt.Sprintf("%d threads, the kernel has .maxntid %d", l.threads, k.maxThreads)
	case k.exactBlock != [3]uint32{} && b != k.exactBlock:
		return fmt.Sprintf("block %v, the kernel has .reqntid %v", b, k.exactBlock)
	case shared < 0 || k.static+shared > maxShared:
		return fmt.Sprintf("%d bytes of shared memory, at most %d", k.static+shared, maxShared)
	case len(l.params) != k.paramBytes:
		return fmt.Sprintf("%d bytes of parameters, the kernel has %d", len(l.params), k.paramBytes)
	}
	return ""
}

// load gives the module's global variables memory on first use, and the launch what is allocated now.
func (m *Machine) load(l *launch, module *Module) error {
	m.memory.Lock()
	defer m.memory.Unlock()
	defer func() { l.memory = m.memory.all }()
	if module.global == 0 {
		return nil
	}
	if m.globals == nil {
		m.globals = map[*Module]*allocation{}
	}
	a := m.globals[module]
	if a == nil {
		if free := m.memoryLimit() - m.memory.bytes; int64(module.global) > free {
			return &OutOfMemory{int64(module.global), free}
		}
		a = m.memory.add(module.global)
		for _, v := range module.globals {
			copy(a.data[v.offset:], v.init)
			fill(a.written[v.offset:v.offset+v.size], 1) // without a value they start as zeros
		}
		m.globals[module] = a
	}
	l.globals = a.base
	return nil
}

// endOnce forgets the write-once ranges.
func (m *Machine) endOnce() {
	m.memory.Lock()
	defer m.memory.Unlock()
	if !m.memory.once {
		return
	}
	for _, a := range m.memory.all {
		a.once = nil
	}
	m.memory.once = false
}

// run executes all blocks.
func (l *launch) run() error {
	l.machine.generation++
	l.generation = l.machine.generation
	l.next.Store(0)
	l.failed.Store(1 << 62)
	l.stats = Stats{}
	if l.kernel.atomics {
		l.released = make([]uint32, l.blocks())
		l.work()
	} else {
		l.workAll()
	}
	if err := l.ctx.Err(); err != nil {
		return err
	}
	if l.fault != nil {
		return l.fault
	}
	return l.neverWritten()
}

func (l *launch) blocks() int { return int(l.grid[0] * l.grid[1] * l.grid[2]) }

func (l *launch) workAll() {
	n := l.machine.Workers
	if n <= 0 {
		n = runtime.GOMAXPROCS(0)
	}
	var wait sync.WaitGroup
	for range min(n, l.blocks()) {
		wait.Go(l.work)
	}
	wait.Wait()
}

// work runs blocks until there are none, or one has failed.
func (l *launch) work() {
	c := newCTA(l)
	for {
		i := int(l.next.Add(1)) - 1
		if i >= l.blocks() || l.stopped(i) {
			break
		}
		id := i
		if l.reverse {
			id = l.blocks() - 1 - i
		}
		if err := c.run(id, i); err != nil {
			l.fail(i, err)
			break
		}
	}
	l.mu.Lock()
	l.stats.add(&c.stats)
	l.mu.Unlock()
}

// fail keeps the fault of the block that comes first.
func (l *launch) fail(i int, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if int64(i) < l.failed.Load() {
		l.failed.Store(int64(i))
		l.fault = err
	}
}

// stopped reports whether block number i of the order need not run any more.
func (l *launch) stopped(i int) bool {
	return l.failed.Load() < int64(i) || l.ctx.Err() != nil
}

// runBoth runs forward, then in reverse from the same memory, and compares. The memory is left as after both.
func (l *launch) runBoth() (Stats, error) {
	before := l.memory.snapshot()
	l.reverse = false
	if err := l.run(); err != nil {
		return l.stats, err
	}
	stats, after := l.stats, l.memory.snapshot()
	l.memory.restore(before)
	l.reverse = true
	if err := l.run(); err != nil {
		return stats, err
	}
	if address, differs := l.memory.differs(after); differs {
		return stats, &Fault{Kind: OrderDependent, Kernel: l.kernel.name, Space: globalSpace.String(), Address: address}
	}
	return stats, nil
}

// image is the contents of an allocation.
type image struct{ data, written []byte }

func (m allocations) snapshot() []image {
	images := make([]image, len(m))
	for i, a := range m {
		images[i] = image{bytes.Clone(a.data), bytes.Clone(a.written)}
	}
	return images
}

func (m allocations) restore(images []image) {
	for i, a := range m {
		copy(a.data, images[i].data)
		copy(a.written, images[i].written)
	}
}

// differs is the first address at which memory is not as in the images.
func (m allocations) differs(images []image) (uint64, bool) {
	for i, a := range m {
		for at := range a.data {
			if a.data[at] != images[i].data[at] || a.written[at] != images[i].written[at] {
				return a.base + uint64(at), true
			}
		}
	}
	return 0, false
}
