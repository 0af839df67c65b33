package device

import (
	"slices"
	"strings"

	"github.com/tare-go/tare/internal/ir"
)

// namedSteps is how many operators the name of an operation lists.
const namedSteps = 4

// opName is a name for an operation that was compiled without one: the operators that it applies.
func opName(op ir.Op) string {
	switch op := op.(type) {
	case *ir.Kernel:
		return kernelName(op)
	case *ir.MatMul:
		if op.Then != nil {
			return "matmul, " + kernelName(op.Then)
		}
		return "matmul"
	case *ir.Scan:
		return "scan " + op.Code.Row().Name
	}
	return "operation"
}

// kernelName lists the operators of a kernel in order, each once: "subtract, exp, fold add".
func kernelName(k *ir.Kernel) string {
	var names []string
	for _, in := range k.Code {
		name := ""
		switch in.Kind {
		case ir.Apply:
			name = in.Code.Row().Name
		case ir.Fold:
			name = "fold " + in.Code.Row().Name
		case ir.ArgFold:
			name = "argfold " + in.Code.Row().Name
		default:
			continue
		}
		if slices.Contains(names, name) {
			continue
		}
		if len(names) == namedSteps {
			names = append(names, "…")
			break
		}
		names = append(names, name)
	}
	if len(names) == 0 {
		return "copy"
	}
	return strings.Join(names, ", ")
}
