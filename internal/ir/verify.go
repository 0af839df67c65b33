package ir

import (
	"fmt"
	"slices"

	"github.com/tare-go/tare/internal/canon"
)

// Verify checks that an operation is well formed: what a device may rely on.
func Verify(o Op) error {
	switch o := o.(type) {
	case *Kernel:
		return verifyKernel(o)
	case *MatMul:
		return verifyMatMul(o)
	}
	return verifyScan(o)
}

func verifyMatMul(m *MatMul) error {
	first, then := m, m.Then
	if then != nil {
		if err := verifyThen(m); err != nil {
			return err
		}
		first, _ = m.Apart()
	}
	r := len(m.Batch) + 2
	if len(m.A.Strides) != r || len(m.B.Strides) != r || len(first.To.Strides) != r {
		return fmt.Errorf("operands do not have %d strides", r)
	}
	return nil
}

// verifyThen checks the map that goes on with a product's results.
func verifyThen(m *MatMul) error {
	k := m.Then
	if err := verifyKernel(k); err != nil {
		return err
	}
	if want := slices.Concat(m.Batch, []int{m.M, m.N}); !slices.Equal(k.Space, want) || k.Folds() {
		return fmt.Errorf("a product goes on with a map over %v, not one over %v that folds %d:%d", want, k.Space, k.Lo, k.Hi)
	}
	if len(k.In) == 0 || k.In[0].Type != m.Type {
		return fmt.Errorf("a product of %v is not input 0 of the map that goes on with it", m.Type)
	}
	for i := range k.Out {
		if MaskOf(k, i) != nil {
			return fmt.Errorf("output %d of a product has a mask", i)
		}
	}
	return nil
}

func verifyScan(o Op) error {
	s, ok := o.(*Scan)
	if !ok {
		return nil
	}
	if r := len(s.Space); s.Axis < 0 || s.Axis >= r || len(s.From.Strides) != r || len(s.To.Strides) != r {
		return fmt.Errorf("a scan along dimension %d of %d, with %d and %d strides", s.Axis, r, len(s.From.Strides), len(s.To.Strides))
	}
	return nil
}

func verifyKernel(k *Kernel) error {
	if k.Lo < 0 || k.Lo > k.Hi || k.Hi > len(k.Space) {
		return fmt.Errorf("folded dimensions %d:%d of %d", k.Lo, k.Hi, len(k.Space))
	}
	if k.Folds() && k.Rule == canon.Lane && k.Hi != len(k.Space) {
		return fmt.Errorf("the lane rule folds the last dimensions, not %d:%d of %d", k.Lo, k.Hi, len(k.Space))
	}
	for _, o := range append(append([]Operand(nil), k.In...), k.Out...) {
		if len(o.Strides) != len(k.Space) {
			return fmt.Errorf("an operand has %d strides in a space of %d", len(o.Strides), len(k.Space))
		}
	}
	for i, in := range k.Code {
		if err := k.verifyInst(i, in); err != nil {
			return fmt.Errorf("instruction %d: %w", i, err)
		}
	}
	return nil
}

// arity is the number of operands of each instruction but Apply; a store's mask is one more.
var arity = [instKinds]int{Load: 0, Param: 0, Cast: 1, Fold: 1, ArgFold: 1, Store: 1}

func (k *Kernel) verifyInst(i int, in Inst) error {
	if in.Kind >= instKinds {
		return fmt.Errorf("unknown kind %d", in.Kind)
	}
	want := arity[in.Kind]
	if in.Kind == Apply {
		want = in.Code.Row().Arity
	}
	for j, a := range in.Args {
		if (j < want && a < 0) || a >= i {
			return fmt.Errorf("operand %d is %d", j, a)
		}
		if a >= 0 && in.Row && !k.Code[a].Row && in.Kind != Fold && in.Kind != ArgFold {
			return fmt.Errorf("a row value depends on the element value %d", a)
		}
	}
	switch {
	case in.Row && !k.Folds():
		return fmt.Errorf("a row value in a plain map")
	case (in.Kind == Fold || in.Kind == ArgFold) && !in.Row:
		return fmt.Errorf("a fold is a row value")
	case in.Kind == Load && in.Row:
		return k.constantInRow(k.In[in.Index])
	case in.Kind == Store && in.Row:
		return k.constantInRow(k.Out[in.Index])
	case in.Kind == Store && k.Code[in.Args[0]].Type != in.Type:
		return fmt.Errorf("stores %v as %v", k.Code[in.Args[0]].Type, in.Type)
	}
	return nil
}

func (k *Kernel) constantInRow(o Operand) error {
	for d := k.Lo; d < k.Hi; d++ {
		if o.Strides[d] != 0 {
			return fmt.Errorf("a row operand moves along the folded dimension %d", d)
		}
	}
	return nil
}
