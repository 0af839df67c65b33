package ir

import (
	"slices"

	"github.com/tare-go/tare/dtype"
)

// Cut is an operation as two that run one after the other: First stores a value, without gaps, that Rest loads.
// All stores of the whole are Rest's. The bits are those of the whole, since every value is
// rounded to its own type whether it is stored or not.
type Cut struct {
	First, Rest Piece
	Bytes       int // of the value
}

// Piece is one of the two operations, and what its operands are.
type Piece struct {
	Op     Op
	In     []int // its inputs, in terms of those of the whole; Stored for the value
	Params []int // its scalars, likewise
}

// Stored is the place of a Cut's value among the inputs of its Rest.
const Stored = -1

// CutOp cuts an operation that a device cannot run at once, nil if there is nothing left to cut: a product from the map
// that goes on with it; a kernel after the first fold, before a fold, or else in two halves by what they load.
func CutOp(o Op) *Cut {
	switch o := o.(type) {
	case *Kernel:
		return o.cut()
	case *MatMul:
		return o.cut()
	}
	return nil
}

// cut is the product, stored, and the map.
func (m *MatMul) cut() *Cut {
	first, then := m.Apart()
	if then == nil {
		return nil
	}
	c := &Cut{First: Piece{Op: first, In: []int{0, 1}}, Rest: Piece{Op: then, In: []int{Stored}}, Bytes: then.In[0].bytes(then.Space)}
	for i := range then.In[1:] {
		c.Rest.In = append(c.Rest.In, i+2)
	}
	for i := range then.Params {
		c.Rest.Params = append(c.Rest.Params, i)
	}
	return c
}

func (k *Kernel) cut() *Cut {
	v := k.cutFold()
	if v < 0 {
		v = k.cutMap()
	}
	if v < 0 {
		return nil
	}
	c := &Cut{Bytes: k.Code[v].Type.Size() * k.Len()}
	if k.Code[v].Row {
		c.Bytes = k.Code[v].Type.Size() * k.Rows()
	}
	c.First = k.first(v)
	c.Rest = k.rest(v)
	return c
}

// cutFold is the first fold, unless the kernel is that fold alone; then its operand, unless that is in memory; -1 for
// none.
func (k *Kernel) cutFold() int {
	fold := slices.IndexFunc(k.Code, isFoldInst)
	if fold < 0 {
		return -1
	}
	alone, need := true, k.needs(fold)
	for i, in := range k.Code {
		computes := in.Kind == Apply || in.Kind == Cast || isFoldInst(in)
		alone = alone && (!computes || need[i])
	}
	if !alone {
		return fold
	}
	if operand := k.Code[fold].Args[0]; k.Code[operand].Kind == Apply || k.Code[operand].Kind == Cast {
		return operand
	}
	return -1
}

func isFoldInst(in Inst) bool { return in.Kind == Fold || in.Kind == ArgFold }

// cutMap is the value of a map without folds whose operands are closest to half of all that is loaded, -1 if storing
// none of them leaves fewer loads to both sides.
func (k *Kernel) cutMap() int {
	if slices.ContainsFunc(k.Code, isFoldInst) {
		return -1
	}
	best, most := -1, len(k.In)+len(k.Params)
	for i, in := range k.Code {
		if in.Kind != Apply && in.Kind != Cast {
			continue
		}
		first, rest := k.first(i), k.rest(i)
		if larger := max(first.operands(), rest.operands()); larger < most {
			best, most = i, larger
		}
	}
	return best
}

func (p Piece) operands() int { return len(p.In) + len(p.Params) }

// needs marks the values from which a value is computed, and itself.
func (k *Kernel) needs(v int) []bool {
	need := make([]bool, len(k.Code))
	need[v] = true
	k.close(need)
	return need
}

// close marks the operands of what is marked.
func (k *Kernel) close(need []bool) {
	for i := len(k.Code) - 1; i >= 0; i-- {
		for _, a := range k.Code[i].Args {
			if need[i] && a >= 0 {
				need[a] = true
			}
		}
	}
}

// first is the kernel that computes and stores a value.
func (k *Kernel) first(v int) Piece {
	p := k.piece(k.needs(v), -1)
	in := k.Code[v]
	q := p.Op.(*Kernel)
	q.Out = []Operand{{in.Type, k.storedStrides(in)}}
	q.Code = append(q.Code, Inst{Kind: Store, Type: in.Type, Args: [3]int{len(q.Code) - 1, -1, -1}, Row: in.Row})
	q.flatten()
	return p
}

// rest is the kernel that loads the value and does all else.
func (k *Kernel) rest(v int) Piece {
	need := make([]bool, len(k.Code))
	for i, in := range k.Code {
		need[i] = in.Kind == Store
	}
	without := *k
	without.Code = slices.Clone(k.Code)
	without.Code[v].Args = none
	without.close(need)
	p := without.piece(need, v)
	q := p.Op.(*Kernel)
	q.Out = slices.Clone(k.Out)
	q.flatten()
	return p
}

// piece is the kernel of the marked values, without its outputs; the value v, if not -1, is loaded.
func (k *Kernel) piece(need []bool, v int) Piece {
	q := &Kernel{Space: slices.Clone(k.Space), Lo: k.Lo, Hi: k.Hi, Rule: k.Rule}
	p := Piece{Op: q}
	number := make([]int, len(k.Code))
	for i, in := range k.Code {
		if !need[i] {
			continue
		}
		if i == v {
			in = Inst{Kind: Load, Type: in.Type, Args: none, Row: in.Row, Index: p.load(q, Stored, Operand{in.Type, k.storedStrides(in)})}
		} else if in.Kind == Load {
			in.Index = p.load(q, in.Index, k.In[in.Index])
		} else if in.Kind == Param {
			in.Index = p.param(q, in.Index, k.Params[in.Index])
		}
		for j, a := range in.Args {
			if a >= 0 {
				in.Args[j] = number[a]
			}
		}
		number[i] = len(q.Code)
		q.Code = append(q.Code, in)
	}
	return p
}

func (p *Piece) load(k *Kernel, i int, o Operand) int {
	p.In = append(p.In, i)
	k.In = append(k.In, Operand{o.Type, slices.Clone(o.Strides)})
	return len(p.In) - 1
}

func (p *Piece) param(k *Kernel, i int, t dtype.DType) int {
	p.Params = append(p.Params, i)
	k.Params = append(k.Params, t)
	return len(p.Params) - 1
}

// storedStrides are those of a value of the kernel in memory of its own.
func (k *Kernel) storedStrides(in Inst) []int {
	strides := make([]int, len(k.Space))
	step := in.Type.Size()
	for d := len(k.Space) - 1; d >= 0; d-- {
		if in.Row && d >= k.Lo && d < k.Hi {
			continue
		}
		strides[d] = step
		step *= k.Space[d]
	}
	return strides
}

// flatten makes a kernel a plain map if it does not fold anything, and stores either element values or row values. With
// row values alone its space is that of the rows.
func (k *Kernel) flatten() {
	rows := slices.ContainsFunc(k.Code, func(in Inst) bool { return in.Kind == Store && in.Row })
	elements := slices.ContainsFunc(k.Code, func(in Inst) bool { return in.Kind == Store && !in.Row })
	if !k.Folds() || rows && elements || slices.ContainsFunc(k.Code, isFoldInst) {
		return
	}
	if rows {
		k.Space = slices.Delete(k.Space, k.Lo, k.Hi)
		for _, operands := range [][]Operand{k.In, k.Out} {
			for i := range operands {
				operands[i].Strides = slices.Delete(slices.Clone(operands[i].Strides), k.Lo, k.Hi)
			}
		}
	}
	for i := range k.Code {
		k.Code[i].Row = false
	}
	k.Lo, k.Hi = len(k.Space), len(k.Space)
}
