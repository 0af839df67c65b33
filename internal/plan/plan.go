// Package plan turns expressions into steps: what is allocated, run and freed, in order, with exact
// bytes. A plan says what it will do before it does it, and does that and nothing else.
//
// Bytes are in the size classes of package device, which the pool uses too: what a plan predicts is
// what the ledger measures.
package plan

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"

	"github.com/tare-go/tare/broadcast"
	"github.com/tare-go/tare/device"
	"github.com/tare-go/tare/internal/ir"
)

// Array is memory that expressions read and that results are written to.
type Array interface {
	ir.Source
	Device() device.Device
	// Hold is the memory, or device.ErrFreed. It is not given back, though it be freed, before as many
	// calls of Release as of Hold.
	Hold() (device.Buffer, error)
	Release()
	Bytes() int
	Mapped() bool // its pages are a file's
}

// Target is a value that is wanted.
type Target struct {
	Node *ir.Node
	Out  *ir.Node // nil for a new array; a leaf of the same shape otherwise, that is written
	Mask *ir.Node // nil, or bool of the same shape: the elements of Out that are written
}

// Options choose how a plan is made.
type Options struct {
	Device device.Device // where it runs; nil for where the operands are, or without any the default device
	Home   device.Device // whose memory, the host's, operands and results are in and stay in; nil for Device
	Eager  bool          // every operator a step of its own
	Strict bool          // warnings that are likely mistakes are errors
	Part   bool          // the results are parts, made as large as the budget allows: that is not worth a warning
}

// StepKind says what a step does.
type StepKind uint8

// The kinds of step.
const (
	Alloc StepKind = iota
	Run
	Free
	Repeat
	Copy
)

// String is the name of the step.
func (k StepKind) String() string { return [...]string{"alloc", "run", "free", "repeat", "copy"}[k] }

// Step is one step: an allocation or release of a buffer, a call, a transfer, or steps that are repeated, each
// time with operands further on. Where transfers are repeated, those to the device are made for the next
// repetition, and those back for the one before, while the device computes.
type Step struct {
	Kind     StepKind
	Buffer   int    // Alloc, Free: of Plan.Buffers
	Call     int    // Run: of Plan.Calls
	Transfer int    // Copy: of Plan.Transfers
	Count    int    // Repeat
	Body     []Step // Repeat
}

// Buffer is memory that the plan allocates.
type Buffer struct {
	Name    string
	Purpose device.Purpose
	Bytes   int  // asked for
	Class   int  // taken: device.SizeClass(Bytes)
	Home    bool // it is allocated at Plan.Home
	Site    uintptr
}

// Operand is an array that the plan reads or writes and does not allocate.
type Operand struct {
	Name   string
	Type   string
	Shape  []int
	Bytes  int // of the whole array behind it
	Mapped bool
}

// Call is one run of an operation.
type Call struct {
	Name    string
	Op      ir.Op
	Site    uintptr
	Program device.Program
	Path    string // by which it runs, after Explain
	Home    bool   // it runs at Plan.Home: it gathers what is to be copied, or scatters what was

	workspace int // bytes
	work      int // the buffer for them, if the call is at home

	makes   []value // what it computes; none of what is not an expression of the user
	in, out []slot
	scalars []int // of Plan.params
}

// value is what a call computes: how it is written, and where.
type value struct {
	name string
	site uintptr
}

// slot is where an operand of a call is: in one of the plan's sources or, if that is -1, buffers.
type slot struct {
	array, buffer int
	off           int
	step          int  // bytes further on in each repetition
	ring          int  // each repetition takes the next of so many buffers; 0 for one
	out           bool // an Out, which stays where it is whatever is bound
}

// Plan is a compiled evaluation. It can be run again and again, and concurrently where its outputs
// are new arrays.
type Plan struct {
	Device    device.Device
	Home      device.Device // whose memory operands and results stay in; nil if that is Device
	Eager     bool
	Operands  []Operand
	Buffers   []Buffer
	Calls     []Call
	Transfers []Transfer
	Steps     []Step
	Warnings  []Warning
	Chunks    *Chunking // nil if the plan runs at once
	Stepwise  *Totals   // what evaluating an operator at a time takes; nil if nobody asked
	Roof      *Roof     // from which times are predicted; nil if they are not

	// Bytes of one evaluation, in size classes. PeakBytes is the most that is live on Device at one time, and
	// HomePeakBytes at Home; the others are sums over both.
	PeakBytes, HomePeakBytes, ResultBytes, IntermediateBytes, WorkspaceBytes int

	// What one evaluation copies to Device from Home, and back.
	H2D, D2H device.Transfer

	targets  []Target
	title    string           // of the targets
	layouts  []broadcast.View // of the results
	results  []int            // for each target the buffer of its result, -1 where it goes into Out
	work     int              // the buffer that is workspace, -1 if none
	sections []section

	sources []Array    // whose memory is read or written
	use     []access   // of each source
	views   []*ir.Node // of sources, which Operands lists
	params  []*ir.Node // scalars, whose values come with each run

	large    *Warning // to be logged when the plan runs
	launches int
	args     int                 // the most that a call has
	spare    atomic.Pointer[run] // for the next run
	detached bool                // sources are nil: each run brings its own
}

// access is what a plan does with a source.
type access struct{ read, written bool }

// Launches is the number of programs that one evaluation runs.
func (p *Plan) Launches() int { return p.launches }

// Results describes the arrays that a run returns: their types and shapes, in C order.
func (p *Plan) Results() []*ir.Node {
	nodes := make([]*ir.Node, len(p.targets))
	for i, t := range p.targets {
		nodes[i] = t.Node
	}
	return nodes
}

// New plans the evaluation of targets, in chunks if that is what the budget of the context needs.
// Nothing is allocated.
func New(ctx context.Context, targets []Target, opt Options) (*Plan, error) {
	dev, err := place(targets, opt)
	if err != nil {
		return nil, err
	}
	p := &Plan{Device: dev, Eager: opt.Eager, targets: targets, title: titleOf(targets), layouts: layoutsOf(targets), work: -1}
	if opt.Home != dev {
		p.Home = opt.Home
	}
	p.Warnings = warnings(targets)
	if opt.Strict {
		if err := refuse(p.Warnings); err != nil {
			return nil, err
		}
	}
	if err := p.checkOuts(); err != nil {
		return nil, err
	}
	p.lower(ir.Options{Eager: opt.Eager})
	p.stage(0, 0, nil)
	if err := p.schedule(ctx); err != nil {
		return nil, err
	}
	if !opt.Part {
		p.warnLarge(ctx)
	}
	return fit(ctx, p, opt)
}

// place is the device of all operands, or the one that was asked for; without any, the default. What is at home may stay
// there.
func place(targets []Target, opt Options) (device.Device, error) {
	dev, first := opt.Device, (*ir.Node)(nil)
	var err error
	visit := func(n *ir.Node) {
		if n.Array == nil || err != nil {
			return
		}
		home := n.Array.(Array).Device()
		switch {
		case home == opt.Home:
		case dev == nil:
			dev, first = home, n
		case dev != home && first == nil:
			err = &device.MismatchError{Op: "eval on " + dev.Info().Name, A: home.Info().Name, B: dev.Info().Name, Bytes: n.Bytes()}
		case dev != home:
			err = mismatch(targets, first, n)
		}
	}
	for _, t := range targets {
		ir.Walk(nodes(t), visit)
	}
	if dev == nil && err == nil {
		return device.Open(device.Default)
	}
	return dev, err
}

// mismatch names the operand that is cheaper to move first.
func mismatch(targets []Target, a, b *ir.Node) error {
	if a.Bytes() > b.Bytes() {
		a, b = b, a
	}
	return &device.MismatchError{
		Op: targets[0].Node.Name(), A: a.Array.(Array).Device().Info().Name, B: b.Array.(Array).Device().Info().Name, Bytes: a.Bytes(),
	}
}

// nodes are the parts of a target that are there.
func nodes(t Target) []*ir.Node {
	ns := []*ir.Node{t.Node}
	if t.Out != nil {
		ns = append(ns, t.Out)
	}
	if t.Mask != nil {
		ns = append(ns, t.Mask)
	}
	return ns
}

// compile makes the programs and learns how much workspace they need: one allocation, as large as
// the largest, and for calls at home, which run beside the others, one for each. Calls that the device cannot run in one
// piece are cut; the ends of sections move with them.
func (p *Plan) compile(ctx context.Context) error {
	work := 0
	for i := 0; i < len(p.Calls); i++ {
		c := &p.Calls[i]
		prog, err := device.Compile(device.WithOp(compiledAt(ctx, c.Site), c.Name), p.runsOn(c), c.Op)
		if errors.Is(err, device.ErrSplit) && p.cut(i) {
			i--
			continue
		}
		if err != nil {
			p.Close()
			return fmt.Errorf("compile %s: %w", c.Name, err)
		}
		c.Program, c.workspace = prog, prog.Workspace()
		switch {
		case !c.Home:
			work = max(work, c.workspace)
		case c.workspace > 0:
			c.work = p.buffer(Buffer{Name: "workspace of " + c.Name, Purpose: device.Workspace, Bytes: c.workspace, Home: true})
		}
	}
	if work > 0 {
		p.work = p.buffer(Buffer{Name: "workspace", Purpose: device.Workspace, Bytes: work})
	}
	return nil
}

// runsOn is the device of a call.
func (p *Plan) runsOn(c *Call) device.Device {
	if c.Home {
		return p.Home
	}
	return p.Device
}

// compiledAt is the context of compiling a call: one of the user's has its line, also when it is run from another.
func compiledAt(ctx context.Context, site uintptr) context.Context {
	if site == 0 {
		return ctx
	}
	return device.WithOwnSite(ctx, site)
}

// cut makes two calls of one, with a value stored between them; false if it has to stay one.
func (p *Plan) cut(i int) bool {
	whole := p.Calls[i]
	c := ir.CutOp(whole.Op)
	if c == nil {
		return false
	}
	between := slot{array: -1, buffer: len(p.Buffers)}
	first, rest := whole.piece(c.First, between), whole.piece(c.Rest, between)
	if _, product := whole.Op.(*ir.MatMul); product {
		first.named(whole.makes[:1])
		rest.named(whole.makes[1:])
	} else {
		first.Name = "part of " + whole.Name
	}
	p.buffer(Buffer{Name: first.Name, Purpose: device.Intermediate, Bytes: c.Bytes, Site: first.Site})
	first.out = []slot{between}
	p.Calls = slices.Replace(p.Calls, i, i+1, first, rest)
	for j := range p.sections {
		if p.sections[j].end > i {
			p.sections[j].end++
		}
	}
	return true
}

// named gives a call the name and the line of what it computes.
func (c *Call) named(makes []value) {
	c.makes, c.Name, c.Site = makes, makes[0].name, makes[0].site
	for _, v := range makes[1:] {
		c.Name += ", " + v.name
	}
}

// piece is a call of a part of the call's operation, to the same outputs.
func (c Call) piece(part ir.Piece, between slot) Call {
	whole := c
	c.Op, c.in, c.scalars = part.Op, nil, nil
	for _, i := range part.In {
		if i == ir.Stored {
			c.in = append(c.in, between)
			continue
		}
		c.in = append(c.in, whole.in[i])
	}
	for _, i := range part.Params {
		c.scalars = append(c.scalars, whole.scalars[i])
	}
	return c
}

// Close releases the programs.
func (p *Plan) Close() error {
	var first error
	for _, c := range p.Calls {
		if c.Program == nil {
			continue
		}
		if err := c.Program.Close(); err != nil && first == nil {
			first = err
		}
	}
	return first
}

func (p *Plan) buffer(b Buffer) int {
	b.Class = device.SizeClass(b.Bytes)
	p.Buffers = append(p.Buffers, b)
	return len(p.Buffers) - 1
}

// array is the number of an operand's memory. Each view of it is listed, but in chunks: they read parts of what the whole
// plan has listed.
func (p *Plan) array(n *ir.Node) int {
	a := n.Array.(Array)
	if p.Chunks == nil && !slices.ContainsFunc(p.views, func(v *ir.Node) bool { return v.Array == n.Array && v.Type == n.Type && broadcast.Same(v.At, n.At) }) {
		p.views = append(p.views, n)
		p.Operands = append(p.Operands, Operand{Name: n.Name(), Type: n.Type.String(), Shape: n.Shape, Bytes: a.Bytes(), Mapped: a.Mapped()})
	}
	return numbered(&p.sources, a)
}

// param is the number of a scalar.
func (p *Plan) param(n *ir.Node) int { return numbered(&p.params, n) }

// numbered is the place of a value in a list, to which it is added if it is not there.
func numbered[T comparable](all *[]T, v T) int {
	i := slices.Index(*all, v)
	if i < 0 {
		i = len(*all)
		*all = append(*all, v)
	}
	return i
}
