package ir

import "slices"

// fuse makes one call of a product and the map that goes on with its results, where nothing else reads them: they are
// not stored then. Of the products that a map reads, it goes on with the last.
func (l *Lowered) fuse() {
	writer, reads := make([]int, len(l.Temps)), make([]int, len(l.Temps))
	for i, c := range l.Calls {
		eachTemp(c.Out, func(temp int) { writer[temp] = i })
		eachTemp(c.In, func(temp int) { reads[temp]++ })
	}
	gone := make([]bool, len(l.Calls))
	for i, c := range l.Calls {
		var products []int
		eachTemp(c.In, func(temp int) {
			if reads[temp] == 1 {
				products = append(products, writer[temp])
			}
		})
		slices.Sort(products)
		for _, j := range slices.Backward(products) {
			if call, ok := fused(l.Calls[j], c); ok {
				l.Calls[i], gone[j] = call, true
				break
			}
		}
	}
	l.drop(gone)
}

// eachTemp calls do with each temporary among places.
func eachTemp(refs []Ref, do func(temp int)) {
	for _, r := range refs {
		if r.Kind == InTemp {
			do(r.Index)
		}
	}
}

// fused is a product and the kernel that alone reads it as one call, if that is possible.
func fused(first, then Call) (Call, bool) {
	m, product := first.Op.(*MatMul)
	k, kernel := then.Op.(*Kernel)
	if !product || !kernel || m.Then != nil || m.M == 1 || m.N == 1 {
		return Call{}, false
	}
	in := slices.Index(then.In, first.Out[0])
	if in < 0 {
		return Call{}, false
	}
	if k = k.after(m, in); k == nil {
		return Call{}, false
	}
	p := *m
	p.To, p.Then = Operand{}, k
	return Call{
		Op: &p, In: slices.Concat(first.In, then.In[:in], then.In[in+1:]), Out: then.Out,
		Scalars: then.Scalars, Makes: slices.Concat(first.Makes, then.Makes),
	}, true
}

// after is the kernel as the map that goes on with a product that it loads as the input with a number; nil if it is not
// one: it folds, writes under a mask, or does not take the results in their places.
func (k *Kernel) after(m *MatMul, in int) *Kernel {
	shape := slices.Concat(m.Batch, []int{m.M, m.N})
	masked := func(c Inst) bool { return c.Kind == Store && c.Args[1] >= 0 }
	if k.Folds() || slices.ContainsFunc(k.Code, masked) {
		return nil
	}
	k = k.over(shape)
	if k == nil {
		return nil
	}
	for d, n := range shape {
		if n != 1 && k.In[in].Strides[d] != m.To.Strides[d] {
			return nil
		}
	}
	k.In = slices.Concat(k.In[in:in+1], k.In[:in], k.In[in+1:])
	for i, c := range k.Code {
		if c.Kind == Load && c.Index <= in {
			k.Code[i].Index = (c.Index + 1) % (in + 1)
		}
	}
	return k
}

// over is a plain map over a shape with the same elements in the same order, nil if a dimension of the shape would be
// parts of several of the map's.
func (k *Kernel) over(shape []int) *Kernel {
	if product(shape) != k.Len() || k.Len() == 0 {
		return nil
	}
	parts := k.parts(shape)
	if parts == nil {
		return nil
	}
	o := *k
	o.Space, o.Lo, o.Hi = shape, len(shape), len(shape)
	o.Code, o.In, o.Out = slices.Clone(k.Code), partStrides(k.In, parts), partStrides(k.Out, parts)
	return &o
}

// dimPart is a dimension as a part of another: an index of it is so many of the whole one; none of one element.
type dimPart struct{ of, step int }

// parts are the dimensions of a shape as parts of the kernel's, nil if they are not.
func (k *Kernel) parts(shape []int) []dimPart {
	parts := make([]dimPart, len(shape))
	of, left, step := len(k.Space), 1, 1
	for d := len(shape) - 1; d >= 0; d-- {
		n := shape[d]
		if n == 1 {
			continue
		}
		for left == 1 {
			of--
			left, step = k.Space[of], 1
		}
		if left%n != 0 {
			return nil
		}
		parts[d] = dimPart{of, step}
		left, step = left/n, step*n
	}
	return parts
}

// partStrides are operands over the parts of their dimensions.
func partStrides(operands []Operand, parts []dimPart) []Operand {
	out := make([]Operand, len(operands))
	for i, x := range operands {
		out[i] = Operand{x.Type, make([]int, len(parts))}
		for d, p := range parts {
			if p.step > 0 {
				out[i].Strides[d] = x.Strides[p.of] * p.step
			}
		}
	}
	return out
}

// drop leaves out calls, and the temporaries that no other call writes.
func (l *Lowered) drop(gone []bool) {
	var calls []Call
	written := make([]bool, len(l.Temps))
	for i, c := range l.Calls {
		if !gone[i] {
			calls = append(calls, c)
			eachTemp(c.Out, func(temp int) { written[temp] = true })
		}
	}
	number, temps := make([]int, len(l.Temps)), l.Temps[:0]
	for i, n := range l.Temps {
		number[i] = len(temps)
		if written[i] {
			temps = append(temps, n)
		}
	}
	for _, c := range calls {
		for _, refs := range [][]Ref{c.In, c.Out} {
			for i, r := range refs {
				if r.Kind == InTemp {
					refs[i].Index = number[r.Index]
				}
			}
		}
	}
	l.Calls, l.Temps = calls, temps
}
