package simulated

import (
	"bytes"
	"strconv"
	"strings"

	"github.com/tare-go/tare/cuda/internal/driver"
	"github.com/tare-go/tare/cuda/ptxsim"
)

// Dynamic shared memory of a launch, in bytes.
const (
	freelyShared = 48 << 10  // without leave
	mostShared   = 227 << 10 // with leave
)

type module struct{ parsed *ptxsim.Module }

// function is a kernel of a module.
type function struct {
	module driver.Module
	name   string
	shared int // bytes of dynamic shared memory that it may have
}

// LoadModule parses PTX. The log of its error is the parser's.
func (t *Table) LoadModule(c driver.Context, ptx string) (driver.Module, error) {
	const call = "cuModuleLoadDataEx"
	p, err := t.in(call, c)
	if err != nil {
		return 0, err
	}
	t.mu.Unlock()
	if newer(ptx) {
		return 0, failed(call, driver.UnsupportedPTXVersion, "")
	}
	parsed, err := ptxsim.Parse(ptx)
	if err != nil {
		return 0, failed(call, driver.InvalidPTX, err.Error())
	}
	if p, err = t.in(call, c); err != nil {
		return 0, err
	}
	defer t.mu.Unlock()
	m := driver.Module(t.next())
	p.modules[m] = &module{parsed}
	return m, nil
}

// newer reports whether a text is in a PTX of the future.
func newer(ptx string) bool {
	_, after, _ := strings.Cut(ptx, ".version ")
	major, _, _ := strings.Cut(after, ".")
	n, err := strconv.Atoi(major)
	return err == nil && n > 9
}

// UnloadModule ends a module and its functions, whatever is in the streams.
func (t *Table) UnloadModule(c driver.Context, m driver.Module) error {
	const call = "cuModuleUnload"
	p, err := t.in(call, c)
	if err != nil {
		return err
	}
	defer t.mu.Unlock()
	if p.modules[m] == nil {
		return failed(call, driver.InvalidHandle, "")
	}
	p.machine.Unload(p.modules[m].parsed)
	delete(p.modules, m)
	for f, fn := range p.functions {
		if fn.module == m {
			delete(p.functions, f)
		}
	}
	return nil
}

// ModuleFunction finds an entry.
func (t *Table) ModuleFunction(c driver.Context, m driver.Module, name string) (driver.Function, error) {
	const call = "cuModuleGetFunction"
	p, err := t.in(call, c)
	if err != nil {
		return 0, err
	}
	defer t.mu.Unlock()
	if p.modules[m] == nil {
		return 0, failed(call, driver.InvalidHandle, "")
	}
	if _, ok := p.modules[m].parsed.Kernel(name); !ok {
		return 0, failed(call, driver.NotFound, name)
	}
	f := driver.Function(t.next())
	p.functions[f] = function{module: m, name: name, shared: freelyShared}
	return f, nil
}

// AllowShared raises the limit of a function.
func (t *Table) AllowShared(c driver.Context, f driver.Function, bytes int) error {
	const call = "cuFuncSetAttribute"
	p, err := t.in(call, c)
	if err != nil {
		return err
	}
	defer t.mu.Unlock()
	fn, ok := p.functions[f]
	switch {
	case !ok:
		return failed(call, driver.InvalidHandle, "")
	case bytes > mostShared:
		return failed(call, driver.InvalidValue, "")
	}
	fn.shared = max(bytes, freelyShared)
	p.functions[f] = fn
	return nil
}

// takes is why a launch is refused at once, or nil.
func (p *primary) takes(call string, l *driver.Launch) error {
	fn, ok := p.functions[l.Function]
	switch {
	case !ok:
		return failed(call, driver.InvalidHandle, "")
	case l.Shared > fn.shared:
		return failed(call, driver.InvalidValue, "more shared memory than was allowed")
	}
	if err := p.modules[fn.module].parsed.Check(fn.name, l.Grid, l.Block, l.Shared, l.Params); err != nil {
		return failed(call, driver.InvalidValue, err.Error())
	}
	return nil
}

// Launch puts a kernel in a stream. Its module must be there when the stream comes to it.
func (t *Table) Launch(c driver.Context, l *driver.Launch) error {
	const call = "cuLaunchKernel"
	p, err := t.in(call, c)
	if err != nil {
		return err
	}
	err = p.takes(call, l)
	fn := p.functions[l.Function]
	t.mu.Unlock()
	if err != nil {
		return err
	}
	grid, block, shared, params := l.Grid, l.Block, l.Shared, bytes.Clone(l.Params)
	return t.enqueue(call, c, l.Stream, func(p *primary) error {
		m := p.modules[fn.module]
		if m == nil {
			return &ptxsim.Fault{Kind: ptxsim.UseAfterFree, Kernel: fn.name, Detail: "the module was unloaded"}
		}
		_, err := p.machine.Launch(background, m.parsed, fn.name, grid, block, shared, params)
		return err
	})
}
