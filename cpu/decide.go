package cpu

import (
	"unsafe"

	"github.com/tare-go/tare/dtype"
	"github.com/tare-go/tare/internal/ir"
	"github.com/tare-go/tare/internal/op"
)

// Any and all are decided by one element. What comes after a piece that decides all rows of a unit is not looked at, unless
// it has to be computed for its own sake.

// decides reports whether one value of a fold can decide it.
func decides(in ir.Inst) bool {
	return in.Kind == ir.Fold && in.Type == dtype.Bool && (in.Code == op.LogicalOr || in.Code == op.LogicalAnd)
}

// chooseDecisive finds the stages that can end early.
func (c *compiler) chooseDecisive() {
	for s := range c.stages {
		st := &c.stages[s]
		st.decisive = len(st.folds) == 1 && len(st.stores) == 0 && len(st.keeps) == 0 && decides(c.k.Code[st.folds[0].slot])
	}
}

// decided reports whether the rest of a unit does not matter. Where workers share the only unit, any of them decides it.
func (f *frame) decided() bool { return f.over || f.p.split && f.p.units == 1 && f.run.over.Load() }

// decide looks whether the partial results at a place decide all rows of a unit.
func (f *frame) decide(fd *fold, u unit, place int) {
	for _, v := range unsafe.Slice((*uint8)(f.part(fd, u, place)), u.w) {
		if uint64(v) == fd.empty {
			return
		}
	}
	f.over = true
	if f.p.split {
		f.run.over.Store(true)
	}
}

// absent makes the partial results at a place those of no elements.
func (f *frame) absent(fd *fold, u unit, place int) { f.nothing(fd, f.part(fd, u, place), u.w) }
