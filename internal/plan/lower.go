package plan

import (
	"slices"

	"github.com/tare-go/tare/broadcast"
	"github.com/tare-go/tare/device"
	"github.com/tare-go/tare/internal/ir"
)

// lower makes calls of the targets. An Out that shares memory with an operand in a way that a kernel
// cannot write in place is computed into a temporary first, and then copied.
func (p *Plan) lower(opt ir.Options) {
	staged := make([]bool, len(p.targets))
	for {
		low := ir.Lower(p.outputs(staged), opt)
		again := false
		for i, t := range p.targets {
			if t.Out != nil && !staged[i] && !p.away(t.Out) && !writable(low, i, t.Out) {
				staged[i], again = true, true
			}
		}
		if again {
			continue
		}
		p.adopt(low, staged)
		return
	}
}

// outputs are the destinations: the array that is written, or a new one in C order.
func (p *Plan) outputs(staged []bool) []ir.Output {
	outs := make([]ir.Output, len(p.targets), 2*len(p.targets))
	for i, t := range p.targets {
		outs[i] = fresh(t.Node)
		if t.Out != nil && !staged[i] {
			outs[i] = ir.Output{Node: t.Node, At: t.Out.At, Mask: t.Mask}
			outs[i].At.Offset = 0 // the reference to the array adds it
		}
	}
	for i, t := range p.targets {
		if staged[i] && t.Mask != nil {
			outs = append(outs, fresh(t.Mask))
		}
	}
	return outs
}

func fresh(n *ir.Node) ir.Output {
	return ir.Output{Node: n, At: broadcast.Contiguous(n.Shape, n.Type.Size())}
}

// writable reports whether the output may go straight into its array: operands that share memory with
// it are read before it is written, or by the kernel that writes it, through the same view.
func writable(low *ir.Lowered, out int, dst *ir.Node) bool {
	writer := slices.IndexFunc(low.Calls, func(c ir.Call) bool { return slices.ContainsFunc(c.Out, isOutput(out)) })
	for i, leaf := range low.Leaves {
		if leaf.Array != dst.Array || !broadcast.Overlaps(leaf.At, leaf.Type.Size(), dst.At, dst.Type.Size()) {
			continue
		}
		same := broadcast.Same(leaf.At, dst.At) && leaf.Type == dst.Type
		for j, c := range low.Calls {
			if j >= writer && reads(c, i) && !(same && inPlace(c, i, out)) {
				return false
			}
		}
	}
	return true
}

// isOutput finds the place of an output.
func isOutput(out int) func(r ir.Ref) bool {
	return func(r ir.Ref) bool { return r.Kind == ir.InOutput && r.Index == out }
}

func reads(c ir.Call, leaf int) bool {
	return slices.ContainsFunc(c.In, func(r ir.Ref) bool { return r.Kind == ir.InLeaf && r.Index == leaf })
}

// inPlace reports whether a call reads the leaf at the very elements that it writes.
func inPlace(c ir.Call, leaf, out int) bool {
	o := slices.IndexFunc(c.Out, func(r ir.Ref) bool { return r.Kind == ir.InOutput && r.Index == out })
	if o < 0 {
		return false
	}
	_, product := c.Op.(*ir.MatMul)
	to := c.Op.Outputs()[o].Strides
	for i, r := range c.In {
		if r.Kind != ir.InLeaf || r.Index != leaf {
			continue
		}
		if factor := product && i < 2; factor || !slices.Equal(c.Op.Inputs()[i].Strides, to) {
			return false
		}
	}
	return true
}

// adopt takes over what was lowered, gives buffers to results, and adds the copies of staged outputs.
func (p *Plan) adopt(low *ir.Lowered, staged []bool) {
	var dst []slot
	for i, t := range p.targets {
		p.results = append(p.results, -1)
		switch {
		case staged[i]:
			b := Buffer{Name: t.Node.Name() + " before it overwrites its operand", Purpose: device.Intermediate, Bytes: t.Node.Bytes(), Site: t.Node.Site}
			dst = append(dst, slot{array: -1, buffer: p.buffer(b)})
		case t.Out != nil:
			dst = append(dst, p.out(t.Out))
		default:
			p.results[i] = p.result(t)
			dst = append(dst, slot{array: -1, buffer: p.results[i]})
		}
	}
	for i, t := range p.targets {
		if staged[i] && t.Mask != nil {
			b := p.buffer(Buffer{Name: "mask", Purpose: device.Intermediate, Bytes: t.Mask.Bytes(), Site: t.Node.Site})
			dst = append(dst, slot{array: -1, buffer: b})
		}
	}
	p.emit(low, dst)
	p.copies(staged, dst)
}

// result is a new buffer for the result of a target.
func (p *Plan) result(t Target) int {
	n := t.Node
	return p.buffer(Buffer{Name: n.Name(), Purpose: device.Result, Bytes: n.Bytes(), Home: p.Home != nil, Site: n.Site})
}

// away reports whether an array is at home, and the device computes elsewhere: it works on copies then, and what is read
// is copied before anything is written.
func (p *Plan) away(n *ir.Node) bool { return p.Home != nil && n.Array.(Array).Device() == p.Home }

// out is the place of an Out.
func (p *Plan) out(n *ir.Node) slot { return slot{array: p.array(n), off: n.At.Offset, out: true} }

// emit appends the calls of what was lowered, with outputs in the given places, and gives buffers to
// its temporaries.
func (p *Plan) emit(low *ir.Lowered, dst []slot) adopter {
	a := adopter{p: p, low: low, outs: dst, firstTemp: len(p.Buffers)}
	for _, n := range low.Temps {
		p.buffer(Buffer{Name: n.Name(), Purpose: device.Intermediate, Bytes: n.Bytes(), Site: n.Site})
	}
	for _, c := range low.Calls {
		a.call(c)
	}
	return a
}

type adopter struct {
	p         *Plan
	low       *ir.Lowered
	outs      []slot
	firstTemp int // the buffer of temporary 0
}

func (a *adopter) call(c ir.Call) {
	call := Call{Op: c.Op}
	var makes []value
	for _, n := range c.Makes {
		makes = append(makes, value{n.Name(), n.Site})
	}
	call.named(makes)
	for _, n := range c.Scalars {
		call.scalars = append(call.scalars, a.p.param(n))
	}
	for _, r := range c.In {
		call.in = append(call.in, a.slot(r))
	}
	for _, r := range c.Out {
		call.out = append(call.out, a.slot(r))
	}
	a.p.Calls = append(a.p.Calls, call)
}

func (a *adopter) slot(r ir.Ref) slot {
	switch r.Kind {
	case ir.InTemp:
		return slot{array: -1, buffer: a.firstTemp + r.Index, off: r.Off}
	case ir.InOutput:
		s := a.outs[r.Index]
		s.off += r.Off
		return s
	}
	leaf := a.low.Leaves[r.Index]
	if s, ok := leaf.Array.(stagedArray); ok {
		return slot{array: -1, buffer: int(s), off: r.Off}
	}
	return slot{array: a.p.array(leaf), off: r.Off}
}

// stagedArray is one of the plan's own buffers, as the operand of a copy.
type stagedArray int

// SourceName is how a plan prints it.
func (stagedArray) SourceName() string { return "copy" }

// copies moves staged outputs to where they belong.
func (p *Plan) copies(staged []bool, dst []slot) {
	mask := len(p.targets)
	leaf := func(n *ir.Node, s slot) *ir.Node {
		return ir.NewLeaf(stagedArray(s.buffer), n.Type, broadcast.Contiguous(n.Shape, n.Type.Size()))
	}
	for i, t := range p.targets {
		if !staged[i] {
			continue
		}
		out := ir.Output{Node: leaf(t.Node, dst[i]), At: t.Out.At}
		out.At.Offset = 0
		if t.Mask != nil {
			out.Mask = leaf(t.Mask, dst[mask])
			mask++
		}
		p.emit(ir.Lower([]ir.Output{out}, ir.Options{}), []slot{p.out(t.Out)})
	}
}
