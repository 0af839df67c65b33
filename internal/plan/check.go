package plan

import (
	"fmt"

	"github.com/tare-go/tare/broadcast"
	"github.com/tare-go/tare/internal/ir"
)

// OutError is an array that results cannot be written to.
type OutError struct {
	Op  string
	Why string
}

func (e *OutError) Error() string { return fmt.Sprintf("%s: Out: %s", e.Op, e.Why) }

// checkOuts refuses destinations that overlap themselves or each other.
func (p *Plan) checkOuts() error {
	for i, t := range p.targets {
		if t.Out == nil {
			continue
		}
		if t.Out.At.SelfOverlaps(t.Out.Type.Size()) {
			return &OutError{Op: t.Node.Name(), Why: fmt.Sprintf("the array of shape %s and strides %v overlaps itself: several elements are the same memory; give one with memory for each element",
				broadcast.FormatShape(t.Out.Shape), t.Out.At.Strides)}
		}
		for _, u := range p.targets[:i] {
			if u.Out != nil && sharesMemory(u.Out, t.Out) {
				return &OutError{Op: t.Node.Name(), Why: "two results go into the same memory; give each an array of its own"}
			}
		}
	}
	return nil
}

func sharesMemory(a, b *ir.Node) bool {
	return a.Array == b.Array && broadcast.Overlaps(a.At, a.Type.Size(), b.At, b.Type.Size())
}
