package cuda

import (
	"sync"

	"github.com/tare-go/tare/cuda/internal/driver"
)

const (
	idleModules  = 512      // without a program that are kept
	freelyShared = 48 << 10 // bytes of shared memory that a launch has without leave
)

// modules are the texts that were compiled. A text serves all shapes of a class, and takes the driver long.
type modules struct {
	gpu *gpu

	mu     sync.Mutex
	byText map[string]*module
	idle   int
	clock  uint64 // counts releases
}

// module is a compiled text.
type module struct {
	text      string
	ready     chan struct{} // closed when handle or err is known
	handle    driver.Module
	err       error
	programs  int
	at        uint64                     // when the last program was closed
	functions map[string]driver.Function // of modules.mu
	allowed   map[string]int             // shared memory that a function may have
}

func (c *modules) init(g *gpu) {
	c.gpu, c.byText = g, map[string]*module{}
}

// get is the module of a text for one more program. If several ask at once one of them compiles it.
func (c *modules) get(text string) (*module, error) {
	c.mu.Lock()
	m := c.byText[text]
	if m != nil {
		if m.programs == 0 {
			c.idle--
		}
		m.programs++
		c.mu.Unlock()
		<-m.ready
		return m, m.err
	}
	m = &module{text: text, ready: make(chan struct{}), programs: 1, functions: map[string]driver.Function{}, allowed: map[string]int{}}
	c.byText[text] = m
	c.mu.Unlock()
	m.handle, m.err = c.load(text)
	if m.err != nil {
		c.mu.Lock()
		delete(c.byText, text)
		c.mu.Unlock()
	}
	close(m.ready)
	return m, m.err
}

// load has the driver compile a text.
func (c *modules) load(text string) (driver.Module, error) {
	g := c.gpu
	h, err := g.table.LoadModule(g.ctx, text)
	if err == nil {
		return h, nil
	}
	if driver.Sticky(err) || g.lost.Load() != nil {
		return 0, g.check("compile", err)
	}
	return 0, &KernelError{Device: g.name, PTX: text, Err: err}
}

// function is a kernel of a module, which may have so much shared memory.
func (c *modules) function(m *module, name string, shared int) (driver.Function, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	g := c.gpu
	f, ok := m.functions[name]
	if !ok {
		var err error
		if f, err = g.table.ModuleFunction(g.ctx, m.handle, name); err != nil {
			return 0, g.check("find the kernel "+name, err)
		}
		m.functions[name] = f
	}
	if shared > max(freelyShared, m.allowed[name]) {
		if err := g.table.AllowShared(g.ctx, f, shared); err != nil {
			return 0, g.check("allow shared memory", err)
		}
		m.allowed[name] = shared
	}
	return f, nil
}

// put ends a program of a module.
func (c *modules) put(m *module) {
	c.mu.Lock()
	if c.byText == nil { // the device is closed, and the module gone
		c.mu.Unlock()
		return
	}
	c.clock++
	m.at = c.clock
	if m.programs--; m.programs == 0 {
		c.idle++
	}
	over := c.idle > idleModules
	c.mu.Unlock()
	if over {
		c.trim(idleModules)
	}
}

// trim gives back modules without a program, the oldest first, until so many are left.
func (c *modules) trim(keep int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for c.idle > keep {
		var oldest *module
		for _, m := range c.byText {
			if m.programs == 0 && (oldest == nil || m.at < oldest.at) {
				oldest = m
			}
		}
		delete(c.byText, oldest.text)
		c.idle--
		g := c.gpu
		g.mu.Lock()
		g.dig(grave{ticket: g.started, module: oldest.handle})
		g.mu.Unlock()
	}
}

// release gives all modules back. Nothing runs any more.
func (c *modules) release(keep func(error)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, m := range c.byText {
		keep(c.gpu.table.UnloadModule(c.gpu.ctx, m.handle))
	}
	c.byText, c.idle = nil, 0
}
