package plan

import (
	"context"
	"hash/maphash"
	"slices"
	"sync"
	"unsafe"

	"github.com/tare-go/tare/device"
	"github.com/tare-go/tare/internal/ir"
)

// Cache keeps the plans of evaluations that come again: of expressions of equal structure, made by the same lines of a
// program, with other arrays and numbers. It keeps none of those. Only plans for devices that live as long as the
// process are kept, and only those that need no chunks.
type Cache struct {
	mu         sync.Mutex
	young, old map[uint64]*kept // by hash; what was not used for a while is in old, and goes next
	forms      sync.Pool
}

// kept is a plan without what it was made with, and where in a form that is found.
type kept struct {
	words   []uint64
	opt     Options
	plan    *Plan
	devices []device.Device // of the form's sources
	sources []int           // of the form, for each source of the plan
	params  []int           // of the form's scalars, for each of the plan's; -1 for one that is the plan's own
	users   int
	gone    bool
}

// maxYoung is the number of plans after which those not used since as many others came are dropped.
const maxYoung = 128

var hashSeed = maphash.MakeSeed()

// Eval plans targets, or finds the plan of an evaluation like it, and runs it for a call of the user's: see Plan.Run. The
// plan is for those who want to know where the results are.
func (c *Cache) Eval(ctx context.Context, site uintptr, targets []Target, opt Options, dst []device.Buffer) ([]device.Buffer, *Plan, error) {
	f, _ := c.forms.Get().(*ir.Form)
	if f == nil {
		f = &ir.Form{}
	}
	defer c.forms.Put(f)
	defer f.Reset()
	if !formOf(f, targets) {
		return once(ctx, site, targets, opt, dst)
	}
	k, err := c.plan(ctx, site, f, targets, opt)
	if err != nil {
		return nil, nil, err
	}
	defer c.release(k)
	if k.plan.Check(ctx) != nil { // for now: chunks may help
		return once(ctx, site, targets, opt, dst)
	}
	bufs, err := k.run(ctx, site, f, dst)
	return bufs, k.plan, err
}

// once plans targets and runs the plan.
func once(ctx context.Context, site uintptr, targets []Target, opt Options, dst []device.Buffer) ([]device.Buffer, *Plan, error) {
	p, err := New(at(ctx, site), targets, opt)
	if err != nil {
		return nil, nil, err
	}
	defer p.Close()
	bufs, err := p.Run(ctx, Bindings{Site: site}, dst)
	return bufs, p, err
}

func formOf(f *ir.Form, targets []Target) bool {
	for _, t := range targets {
		if !f.Add(t.Node) || !f.Add(t.Out) || !f.Add(t.Mask) {
			return false
		}
	}
	return true
}

// plan finds a plan, or makes one and keeps it if it may. It is the caller's to release.
func (c *Cache) plan(ctx context.Context, site uintptr, f *ir.Form, targets []Target, opt Options) (*kept, error) {
	hash := hashOf(f.Words)
	if k := c.find(hash, f, opt); k != nil {
		return k, nil
	}
	p, err := New(at(ctx, site), targets, opt)
	if err != nil {
		return nil, err
	}
	k := &kept{words: slices.Clone(f.Words), opt: opt, plan: p, users: 1}
	k.detach(f)
	if !lasting(p.Device) || p.Home != nil && !lasting(p.Home) || p.Chunks != nil {
		k.gone = true
		return k, nil
	}
	c.keep(hash, k)
	return k, nil
}

// lasting reports whether a device lives as long as the process.
func lasting(dev device.Device) bool {
	shared, ok := dev.(interface{ Shared() bool })
	return ok && shared.Shared()
}

func hashOf(words []uint64) uint64 {
	return maphash.Bytes(hashSeed, unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(words))), 8*len(words)))
}

// find is a kept plan of the same structure on the same device, with one more user.
func (c *Cache) find(hash uint64, f *ir.Form, opt Options) *kept {
	c.mu.Lock()
	defer c.mu.Unlock()
	k, ok := c.young[hash]
	if !ok {
		k = c.old[hash]
	}
	if k == nil || k.opt != opt || !slices.Equal(k.words, f.Words) {
		return nil
	}
	for i, s := range f.Sources {
		if s.(Array).Device() != k.devices[i] {
			return nil
		}
	}
	if !ok {
		delete(c.old, hash)
		c.add(hash, k)
	}
	k.users++
	return k
}

// keep takes a plan. One with the same hash goes.
func (c *Cache) keep(hash uint64, k *kept) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, m := range []map[uint64]*kept{c.young, c.old} {
		if before := m[hash]; before != nil {
			delete(m, hash)
			before.drop()
		}
	}
	c.add(hash, k)
}

func (c *Cache) add(hash uint64, k *kept) {
	if len(c.young) >= maxYoung {
		for _, k := range c.old {
			k.drop()
		}
		c.old, c.young = c.young, nil
	}
	if c.young == nil {
		c.young = map[uint64]*kept{}
	}
	c.young[hash] = k
}

// drop closes a plan that is not kept any more, unless it is in use.
func (k *kept) drop() {
	k.gone = true
	k.settle()
}

func (k *kept) settle() {
	if k.gone && k.users == 0 {
		k.plan.Close()
	}
}

func (c *Cache) release(k *kept) {
	c.mu.Lock()
	defer c.mu.Unlock()
	k.users--
	k.settle()
}

// detach makes the plan forget the arrays and scalars that it was made with.
func (k *kept) detach(f *ir.Form) {
	p := k.plan
	p.detached = true
	for _, s := range f.Sources {
		k.devices = append(k.devices, s.(Array).Device())
	}
	for i, s := range p.sources {
		k.sources = append(k.sources, slices.Index(f.Sources, ir.Source(s)))
		p.sources[i] = nil
	}
	for i, n := range p.params {
		k.params = append(k.params, slices.Index(f.Scalars, n))
		p.params[i] = &ir.Node{Kind: n.Kind, Type: n.Type, Bits: n.Bits}
	}
	for _, c := range p.Calls {
		device.Keep(c.Program)
	}
	p.views = nil
	p.targets = slices.Clone(p.targets)
	for i, t := range p.targets {
		p.targets[i] = Target{Node: &ir.Node{Kind: t.Node.Kind, Type: t.Node.Type, Shape: t.Node.Shape, Label: t.Node.Name(), Site: t.Node.Site}}
	}
}

// run evaluates the plan with the arrays and scalars of a form.
func (k *kept) run(ctx context.Context, site uintptr, f *ir.Form, dst []device.Buffer) ([]device.Buffer, error) {
	r := k.plan.newRun()
	r.site = site
	for i, s := range k.sources {
		a := f.Sources[s].(Array)
		r.uses[i].own, r.uses[i].bound = a, Bound{Array: a}
	}
	for i, s := range k.params {
		r.params[i] = k.plan.params[i].Bits
		if s >= 0 {
			r.params[i] = f.Scalars[s].Bits
		}
	}
	return r.evaluate(ctx, dst)
}
