package cpu

import (
	"fmt"
	"slices"
	"strings"

	"github.com/tare-go/tare/internal/ir"
	"github.com/tare-go/tare/kernels/simd"
)

// Explain says by which instructions the kernel is computed, which operators have none of those, and which operands are
// not where vectors can take them.
func (p *kernelProgram) Explain() string {
	parts := []string{p.passes() + simd.Level()}
	if slow := p.generic(); len(slow) > 0 && simd.Level() != "generic" {
		parts = append(parts, "without vectors: "+strings.Join(slow, ", "))
	}
	for i, o := range p.k.In {
		if why := p.strided(o); why != "" {
			parts = append(parts, fmt.Sprintf("in%d %s: packed into tiles", i, why))
		}
	}
	return strings.Join(parts, "; ")
}

// passes says how often rows are gone over.
func (p *kernelProgram) passes() string {
	if n := len(p.stages); n > 1 {
		return fmt.Sprintf("%d stages a row, ", n)
	}
	return ""
}

// generic are the instructions that have no vector kernel.
func (p *kernelProgram) generic() []string {
	var slow []string
	for _, in := range p.k.Code {
		name, level := "", ""
		switch in.Kind {
		case ir.Apply:
			loop := loopOf(p.k, in)
			name, level = fmt.Sprintf("%s %v", in.Code.Row().Name, loop[0]), simd.KernelLevel(in.Code, loop)
		case ir.Cast:
			from := p.k.Code[in.Args[0]].Type
			name, level = fmt.Sprintf("%v to %v", from, in.Type), simd.CastLevel(from, in.Type)
		case ir.Fold:
			name, level = fmt.Sprintf("fold %s %v", in.Code.Row().Name, in.Type), simd.FoldLevel(in.Code, in.Type)
		}
		if level == "generic" && !slices.Contains(slow, name) {
			slow = append(slow, name)
		}
	}
	return slow
}

// strided says how an operand lies along the innermost dimension, where its elements are not side by side or one for all.
func (p *kernelProgram) strided(o ir.Operand) string {
	last := len(p.k.Space) - 1
	if last < 0 {
		return ""
	}
	switch s := o.Strides[last]; {
	case s == 0 || s == o.Type.Size():
		return ""
	case s == -o.Type.Size():
		return "is reversed"
	default:
		return fmt.Sprintf("has its elements %d bytes apart", s)
	}
}

// Explain says by which instructions a product is computed, and what goes on with it.
func (p *matMulProgram) Explain() string {
	if p.then == nil || p.then.programs[0] == nil {
		return simd.GemmLevel()
	}
	return simd.GemmLevel() + ", then in the cache: " + p.then.programs[0].Explain()
}

// Explain says that the product is one of rows with columns of one.
func (p *dotProgram) Explain() string { return "dot products, " + simd.Level() }

// Explain says that the product is one of a matrix with a vector.
func (p *gemvProgram) Explain() string { return "a matrix and a vector, " + simd.GemmLevel() }

// Explain says by which instructions a scan is computed.
func (p *scanProgram) Explain() string { return simd.Level() }
