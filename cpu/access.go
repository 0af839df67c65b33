package cpu

// dim is one loop: how often, and the bytes of a step.
type dim struct{ n, stride int }

// A box is a rectangle of a space whose dimensions are cut into three groups, each numbered in order:
// one index of the outer group, na indices of group a, and nb of group b. In a tile b varies fastest.
type box struct{ o, a, na, b, nb int }

// len is the number of elements of the box.
func (bx box) len() int { return bx.na * bx.nb }

// access is how the elements of one operand are reached from a box. In each group the loops are
// merged as far as this operand's strides allow, outermost first.
type access struct {
	size        int
	outer, a, b []dim
}

// merge drops loops of one step, and merges a loop with the one inside it where a step of it is as
// far as all steps of the inner one.
func merge(dims []dim) []dim {
	var merged []dim
	for _, d := range dims {
		last := len(merged) - 1
		switch {
		case d.n == 1:
		case last >= 0 && merged[last].stride == d.stride*d.n:
			merged[last] = dim{merged[last].n * d.n, d.stride}
		default:
			merged = append(merged, d)
		}
	}
	return merged
}

// offset is the bytes from index 0 of the loops to index i.
func offset(dims []dim, i int) int {
	if len(dims) == 0 {
		return 0
	}
	off := 0
	for k := len(dims) - 1; k > 0; k-- {
		q := i / dims[k].n
		off += (i - q*dims[k].n) * dims[k].stride
		i = q
	}
	return off + i*dims[0].stride
}

// offset is the bytes from the operand's first element to the first one of the box.
func (x *access) offset(bx box) int {
	return offset(x.outer, bx.o) + offset(x.a, bx.a) + offset(x.b, bx.b)
}

// steady reports whether the n indices from at on are stride bytes apart.
func steady(dims []dim, at, n, stride int) bool {
	if n == 1 {
		return true
	}
	if len(dims) == 0 || dims[len(dims)-1].stride != stride {
		return false
	}
	return len(dims) == 1 || at%dims[len(dims)-1].n+n <= dims[len(dims)-1].n
}

// direct reports whether the elements of the box lie one after the other, as in a tile.
func (x *access) direct(bx box) bool {
	return steady(x.b, bx.b, bx.nb, x.size) && steady(x.a, bx.a, bx.na, bx.nb*x.size)
}

// constant reports whether the operand has the same element all along the loops.
func constant(dims []dim) bool {
	return len(dims) == 0 || len(dims) == 1 && dims[0].stride == 0
}

// inner is the stride of the innermost loop, 0 if there is none.
func inner(dims []dim) int {
	if len(dims) == 0 {
		return 0
	}
	return dims[len(dims)-1].stride
}

// cursor walks along loops, one stretch of the innermost loop after the other, without dividing.
type cursor struct {
	dims  []dim
	index []int // of each loop
	off   int   // bytes from index 0 of all loops
}

// start goes to index i.
func (c *cursor) start(dims []dim, i int) {
	c.dims, c.off = dims, 0
	for k := len(dims) - 1; k >= 0; k-- {
		q := 0
		if k > 0 {
			q = i / dims[k].n
		}
		c.index[k] = i - q*dims[k].n
		c.off += c.index[k] * dims[k].stride
		i = q
	}
}

// stretch is how many of the next n indices are one step of the innermost loop apart.
func (c *cursor) stretch(n int) int {
	if last := len(c.dims) - 1; last > 0 {
		return min(n, c.dims[last].n-c.index[last])
	}
	return n
}

// advance goes on by n, which stretch gave.
func (c *cursor) advance(n int) {
	k := len(c.dims) - 1
	if k < 0 {
		return
	}
	c.index[k] += n
	c.off += n * c.dims[k].stride
	for ; k > 0 && c.index[k] == c.dims[k].n; k-- {
		c.off += c.dims[k-1].stride - c.index[k]*c.dims[k].stride
		c.index[k] = 0
		c.index[k-1]++
	}
}
