package ir

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/tare-go/tare/dtype"
	"github.com/tare-go/tare/internal/canon"
	"github.com/tare-go/tare/internal/op"
)

// Op is an operation that a device runs: a *Kernel or a *MatMul. It is complete in itself: extents,
// strides and element types are known; addresses and user scalars come with each run. Its String
// is structural, the same for equal operations, and serves as a cache key.
//
// A run passes the inputs in order, then the outputs, then the scalars.
type Op interface {
	fmt.Stringer
	Inputs() []Operand
	Outputs() []Operand
	Scalars() []dtype.DType
	// Cost is the arithmetic and traffic of one run.
	Cost() Cost
}

// Cost counts what one run of an operation does.
type Cost struct {
	Flops             int // operations on elements, a fused multiply-add as two
	Prims             int // primitive ones: exp is one operation, and some thirty of these
	BytesIn, BytesOut int // each element of an operand once, broadcast ones once
}

// Operand is an array as an operation sees it: a byte stride for each dimension of the
// operation's space. A dimension along which the operand is broadcast has stride 0. The address
// given at run time is that of the element at index 0.
type Operand struct {
	Type    dtype.DType
	Strides []int
}

// A Kernel maps bodies over the elements of a space and folds them along its rows.
//
// Space[Lo:Hi] are the folded dimensions; Lo == Hi for a plain map. With the Lane rule the folded
// dimensions are the last ones, and each index of the others names a row. With the Chunk rule
// whole hyperplanes of Space[Hi:] are added to each other. Values of the code have one of two
// ranks: an element value exists for each index of Space; a row value for each index of Space
// without the folded dimensions. In a plain map all values are element values.
//
// All stores of element values happen after the last fold, and stores are the last instructions, so
// that an output may be an input.
type Kernel struct {
	Space  []int
	Lo, Hi int
	Rule   canon.Rule
	In     []Operand
	Out    []Operand
	Params []dtype.DType
	Code   []Inst
}

// InstKind says what an instruction of a kernel does.
type InstKind uint8

// The instructions.
const (
	Load    InstKind = iota // reads input Index
	Param                   // the run's scalar Index
	Apply                   // operator Code on Args
	Cast                    // Args[0] converted to Type
	Fold                    // Args[0] folded along the row by Code
	ArgFold                 // index in the row of the least or greatest Args[0], by Code
	Store                   // writes Args[0] to output Index, where Args[1] is true if it is not -1

	instKinds
)

// Inst is one instruction; it defines the value with its own number in Kernel.Code.
type Inst struct {
	Kind  InstKind
	Code  op.Code     // Apply, Fold, ArgFold: Add, Multiply, Minimum, Maximum, LogicalAnd, LogicalOr, ...
	Type  dtype.DType // type of the value; of a Store, that of the output
	Args  [3]int      // values; -1 where there is none
	Index int         // Load, Store: the operand; Param: the scalar
	Row   bool        // a row value
}

// Inputs are the operands that the kernel loads.
func (k *Kernel) Inputs() []Operand { return k.In }

// Outputs are the operands that the kernel stores.
func (k *Kernel) Outputs() []Operand { return k.Out }

// Scalars are the types of the run-time scalars.
func (k *Kernel) Scalars() []dtype.DType { return k.Params }

// Folds reports whether the kernel folds at all.
func (k *Kernel) Folds() bool { return k.Lo < k.Hi }

// Rows is the number of rows, and RowLen the number of elements that are folded in each.
func (k *Kernel) Rows() int { return product(k.Space[:k.Lo]) * product(k.Space[k.Hi:]) }

// RowLen is the number of elements folded into one row value; 1 for a plain map.
func (k *Kernel) RowLen() int { return product(k.Space[k.Lo:k.Hi]) }

// Len is the number of elements of the space.
func (k *Kernel) Len() int { return product(k.Space) }

// Stage is the part of a kernel between two folds: what is computed for each element of a row,
// what is folded, what is stored, and then what is computed once for the row from the folds.
type Stage struct {
	Elements []int // element values, in order
	Folds    []int // folds of those
	Stores   []int // stores of element values; only in the last stage
	Rows     []int // row values computed after the folds, stores of row values among them
}

// Stages lists the passes over a row. Stage 0 is preceded by the row values that need no fold,
// which are the result's first part. Element values that several stages use are listed in each.
func (k *Kernel) Stages() (before []int, stages []Stage) {
	level := make([]int, len(k.Code)) // the stage after which a row value exists, or in which an element value can be computed
	last := 0
	for i, in := range k.Code {
		for _, a := range in.Args {
			if a >= 0 && level[a] > level[i] {
				level[i] = level[a]
			}
		}
		if in.Kind == Fold || in.Kind == ArgFold {
			level[i]++
		}
		if in.Kind == Store && !in.Row || !k.Folds() {
			continue
		}
		last = max(last, level[i])
	}
	elements := false
	for i, in := range k.Code {
		if in.Kind == Store && !in.Row {
			elements = true
			last = max(last, level[i])
		}
	}
	n := last
	if elements || !k.Folds() {
		n++
	}
	stages = make([]Stage, n)
	for i, in := range k.Code {
		switch {
		case in.Row && (in.Kind == Fold || in.Kind == ArgFold):
			s := &stages[level[i]-1]
			s.Folds = append(s.Folds, i)
		case in.Row && level[i] == 0:
			before = append(before, i)
		case in.Row:
			s := &stages[level[i]-1]
			s.Rows = append(s.Rows, i)
		case in.Kind == Store:
			stages[n-1].Stores = append(stages[n-1].Stores, i)
		}
	}
	for s := range stages {
		need := make([]bool, len(k.Code))
		for _, r := range append(append([]int(nil), stages[s].Folds...), stages[s].Stores...) {
			need[r] = true
		}
		for i := len(k.Code) - 1; i >= 0; i-- {
			in := k.Code[i]
			if !need[i] || (in.Row && in.Kind != Fold && in.Kind != ArgFold) {
				continue
			}
			for _, a := range in.Args {
				if a >= 0 && !k.Code[a].Row {
					need[a] = true
				}
			}
		}
		for i, in := range k.Code {
			if need[i] && !in.Row && in.Kind != Store {
				stages[s].Elements = append(stages[s].Elements, i)
			}
		}
	}
	return before, stages
}

// String is the kernel's text.
func (k *Kernel) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "kernel space=%v", k.Space)
	if k.Folds() {
		fmt.Fprintf(&b, " fold=%d:%d %v", k.Lo, k.Hi, k.Rule)
	}
	b.WriteByte('\n')
	for i, in := range k.Code {
		fmt.Fprintf(&b, "  %s\n", k.instString(i, in))
	}
	return b.String()
}

func (k *Kernel) instString(i int, in Inst) string {
	var b strings.Builder
	if in.Kind != Store {
		rank := "%"
		if in.Row {
			rank = "$"
		}
		fmt.Fprintf(&b, "%s%d = ", rank, i)
	}
	switch in.Kind {
	case Load:
		fmt.Fprintf(&b, "load in%d %v", in.Index, k.In[in.Index].Strides)
	case Param:
		fmt.Fprintf(&b, "param %d", in.Index)
	case Apply:
		b.WriteString(in.Code.Row().Name)
	case Cast:
		b.WriteString("cast")
	case Fold:
		b.WriteString("fold " + in.Code.Row().Name)
	case ArgFold:
		b.WriteString("argfold " + in.Code.Row().Name)
	case Store:
		fmt.Fprintf(&b, "store out%d %v", in.Index, k.Out[in.Index].Strides)
	}
	for _, a := range in.Args {
		if a >= 0 {
			rank := " %"
			if k.Code[a].Row {
				rank = " $"
			}
			b.WriteString(rank + strconv.Itoa(a))
		}
	}
	return b.String() + " " + in.Type.String()
}

// Cost counts each apply and fold as one operation on its elements.
func (k *Kernel) Cost() Cost {
	var c Cost
	for _, in := range k.Code {
		n := k.Len()
		if in.Row && in.Kind != Fold && in.Kind != ArgFold {
			n = k.Rows()
		}
		switch in.Kind {
		case Apply:
			c.Flops += n
			c.Prims += n * k.prims(in)
		case Fold, ArgFold:
			c.Flops += n
			c.Prims += n
		}
	}
	for _, o := range k.In {
		c.BytesIn += o.bytes(k.Space)
	}
	for _, o := range k.Out {
		c.BytesOut += o.bytes(k.Space)
	}
	return c
}

// prims is the number of primitive operations of an Apply.
func (k *Kernel) prims(in Inst) int {
	var types []dtype.DType
	for _, a := range in.Args {
		if a >= 0 {
			types = append(types, k.Code[a].Type)
		}
	}
	return len(in.Code.Program(types).Insts)
}

func (o Operand) bytes(space []int) int {
	n := o.Type.Size()
	for d, e := range space {
		if o.Strides[d] != 0 || e == 0 {
			n *= e
		}
	}
	return n
}

// MatMul is a product of matrices, for each index of the batch: To[b,i,j] = sum over k of
// A[b,i,k]·B[b,k,j], in the order of canon.Product. Strides of A run over Batch, M, K; of B over
// Batch, K, N; of To over Batch, M, N. Bool products are or of ands; integers wrap.
//
// With Then, the results go on as input 0 of that map over Batch, M, N, and are stored nowhere: its
// other inputs come after A and B, its outputs are those of the operation, and To is not used. No
// output has a mask. Input 0 of the map has the strides with which the results would be stored.
type MatMul struct {
	Type     dtype.DType
	Batch    []int
	M, N, K  int
	A, B, To Operand
	Split    canon.Split // of the whole product, where this is a part of one; zero for canon.Product
	Then     *Kernel     // nil if the results are stored
}

// Order is how the products of each result are added up.
func (m *MatMul) Order() canon.Split {
	if m.Split == (canon.Split{}) {
		return canon.Product(m.M, m.N, m.K)
	}
	return m.Split
}

// Inputs are A and B, and what the map loads besides.
func (m *MatMul) Inputs() []Operand {
	if m.Then == nil {
		return []Operand{m.A, m.B}
	}
	return append([]Operand{m.A, m.B}, m.Then.In[1:]...)
}

// Outputs is the product, or what the map stores.
func (m *MatMul) Outputs() []Operand {
	if m.Then == nil {
		return []Operand{m.To}
	}
	return m.Then.Out
}

// Scalars are those of the map.
func (m *MatMul) Scalars() []dtype.DType {
	if m.Then == nil {
		return nil
	}
	return m.Then.Params
}

// Apart is the product, stored, and the map that goes on with it, nil if there is none.
func (m *MatMul) Apart() (*MatMul, *Kernel) {
	if m.Then == nil {
		return m, nil
	}
	first := *m
	first.To, first.Then = m.Then.In[0], nil
	return &first, m.Then
}

// String is the product's text.
func (m *MatMul) String() string {
	text := fmt.Sprintf("matmul %v batch=%v m=%d n=%d k=%d a=%v b=%v", m.Type, m.Batch, m.M, m.N, m.K, m.A.Strides, m.B.Strides)
	if m.Then == nil {
		return fmt.Sprintf("%s out=%v%s\n", text, m.To.Strides, m.part())
	}
	return fmt.Sprintf("%s%s then %s", text, m.part(), m.Then)
}

// part says in the text that the product is a part of another.
func (m *MatMul) part() string {
	if o := m.Order(); o != canon.Product(m.M, m.N, m.K) {
		return fmt.Sprintf(" split=%+v", o)
	}
	return ""
}

// Cost counts two operations for each multiply-add.
func (m *MatMul) Cost() Cost {
	b := product(m.Batch)
	size := m.Type.Size()
	results := b * m.M * m.N * size
	c := Cost{Flops: 2 * b * m.M * m.N * m.K, Prims: 2 * b * m.M * m.N * m.K, BytesIn: b * (m.M*m.K + m.K*m.N) * size, BytesOut: results}
	if m.Then != nil {
		then := m.Then.Cost()
		c.Flops, c.Prims = c.Flops+then.Flops, c.Prims+then.Prims
		c.BytesIn, c.BytesOut = c.BytesIn+then.BytesIn-results, then.BytesOut
	}
	return c
}

func product(dims []int) int {
	n := 1
	for _, d := range dims {
		n *= d
	}
	return n
}
