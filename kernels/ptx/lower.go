package ptx

import (
	"fmt"

	"github.com/tare-go/tare/device"
	"github.com/tare-go/tare/internal/canon"
	"github.com/tare-go/tare/internal/ir"
)

// Lower writes an operation for a target. The error is device.ErrSplit where rows have 2^31 elements or more,
// but for folds of one dimension by the lane rule, where there are more operands than a launch has parameters, and for a
// product that a map goes on with.
func Lower(o ir.Op, target Target) (*Module, error) {
	return lower(o, target, formAuto)
}

// form says how rows longer than a part are folded; tests choose it.
type form int

const (
	formAuto form = iota
	formCTA       // by the lane rule, a CTA for each
	formCut       // in several launches
)

func lower(o ir.Op, target Target, f form) (*Module, error) {
	if err := ir.Verify(o); err != nil {
		return nil, fmt.Errorf("BUG: ptx: %w", err)
	}
	m := &module{target: target}
	switch o := o.(type) {
	case *ir.Kernel:
		m.kernel(&pass{Kernel: o, at: places(o)}, f)
	case *ir.MatMul:
		if o.Then != nil {
			return nil, device.ErrSplit
		}
		m.product(o, f)
	case *ir.Scan:
		m.scan(o)
	default:
		return nil, fmt.Errorf("BUG: ptx: no lowering for %T", o)
	}
	for _, l := range m.launches {
		if len(l.Pack(nil, make([]uint64, 1<<10), make([]uint64, 1<<10), 0)) > MaxParams {
			return nil, device.ErrSplit
		}
	}
	if m.refused {
		return nil, device.ErrSplit
	}
	return m.finish(), nil
}

// places are the operands of an operation as arrays.
func places(o ir.Op) []array {
	at := make([]array, len(o.Inputs())+len(o.Outputs()))
	for i := range at {
		at[i] = array{kind: Operand, index: i}
	}
	return at
}

// kernel launches a kernel.
func (m *module) kernel(p *pass, f form) {
	if !p.Folds() {
		m.plainMap(p)
		return
	}
	if p.Rows() == 0 {
		return
	}
	p = p.foldedLast().merged()
	most := m.target.indices()
	if p.RowLen() <= most {
		for _, part := range p.parts(0, most) {
			m.rows(part, f)
		}
		return
	}
	if m.refused = p.Rule != canon.Lane || p.Hi-p.Lo != 1 || !p.folding(); m.refused {
		return
	}
	for _, row := range p.parts(0, 1) {
		m.inPasses(row)
	}
}

// rows chooses the form of a kernel that folds.
func (m *module) rows(p *pass, f form) {
	if !p.folding() {
		m.rowsOfWarps(p)
		return
	}
	if p.Rule == canon.Chunk {
		if canon.Chunks(p.RowLen()) > 1 || f == formCut && p.RowLen() > 0 {
			m.inPasses(p)
		} else {
			m.columns(p, inOrder)
		}
		return
	}
	blocks := canon.Blocks(p.RowLen())
	enough := p.Rows() >= 2*m.target.processors() || blocks <= 16
	switch {
	case f == formCut && blocks > 0:
		m.inPasses(p)
	case f == formCTA && blocks > 0 && p.fitsCTA():
		m.rowsOfCTAs(p)
	case blocks == 1 && p.isNarrow():
		m.columns(p, byLanes)
	case blocks == 1 && p.fitsCTA() && m.needsCTA(p):
		m.rowsOfCTAs(p)
	case blocks <= 1:
		m.rowsOfWarps(p)
	case enough && p.fitsCTA():
		m.rowsOfCTAs(p)
	default:
		m.inPasses(p)
	}
}

// folding reports whether the kernel has a fold; it may have rows, and only store row values for elements.
func (p *pass) folding() bool {
	return len(foldsIn(p.Kernel)) > 0
}

// foldedLast is the kernel with its folded dimensions after the others.
func (p *pass) foldedLast() *pass {
	out := p.copied()
	move := func(v []int) []int {
		v = append(append([]int(nil), v...), v[p.Lo:p.Hi]...)
		return append(v[:p.Lo], v[p.Hi:]...)
	}
	out.Space = move(p.Space)
	all := out.operands()
	for i := range all {
		all[i].Strides = move(all[i].Strides)
	}
	out.setOperands(all)
	out.Lo, out.Hi = len(p.Space)-(p.Hi-p.Lo), len(p.Space)
	return out
}
