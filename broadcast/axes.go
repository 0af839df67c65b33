package broadcast

import "slices"

// NormalizeAxis is axis counted from the first: a negative one counts back from the end of ndim
// axes. One that does not exist is an *AxisError.
func NormalizeAxis(axis, ndim int) (int, error) {
	if axis < -ndim || axis >= ndim {
		return 0, &AxisError{Problem: OutOfRange, Axis: axis, NDim: ndim}
	}
	if axis < 0 {
		axis += ndim
	}
	return axis, nil
}

// NormalizeAxes is NormalizeAxis for each axis, in the order given. An axis named twice is an
// *AxisError.
func NormalizeAxes(axes []int, ndim int) ([]int, error) {
	out := make([]int, 0, len(axes))
	for _, a := range axes {
		n, err := NormalizeAxis(a, ndim)
		if err != nil {
			return nil, err
		}
		if slices.Contains(out, n) {
			return nil, &AxisError{Problem: Repeated, Axis: a, NDim: ndim}
		}
		out = append(out, n)
	}
	return out, nil
}

// Transpose is v with its axes in another order: axis i of the result is axis axes[i] of v. With
// no axes their order is reversed. Else every axis of v is named once, or it is an *AxisError.
func (v View) Transpose(axes ...int) (View, error) {
	if len(axes) == 0 {
		return v.reversed(), nil
	}
	if len(axes) != v.NDim() {
		return View{}, &AxisError{Problem: WrongCount, NDim: v.NDim(), Named: len(axes), Needed: v.NDim()}
	}
	perm, err := NormalizeAxes(axes, v.NDim())
	if err != nil {
		return View{}, err
	}
	return v.permuted(perm), nil
}

// permuted is v with perm, which names every axis once, as the order of its axes.
func (v View) permuted(perm []int) View {
	out := v.Clone()
	for i, p := range perm {
		out.Shape[i], out.Strides[i] = v.Shape[p], v.Strides[p]
	}
	return out
}

// SwapAxes is v with axes a and b exchanged.
func (v View) SwapAxes(a, b int) (View, error) {
	i, err := NormalizeAxis(a, v.NDim())
	if err != nil {
		return View{}, err
	}
	j, err := NormalizeAxis(b, v.NDim())
	if err != nil {
		return View{}, err
	}
	out := v.Clone()
	out.Shape[i], out.Shape[j] = out.Shape[j], out.Shape[i]
	out.Strides[i], out.Strides[j] = out.Strides[j], out.Strides[i]
	return out, nil
}

// MoveAxis is v with axis source[i] moved to place destination[i] of the result; the other axes
// keep their order. Both lists have the same length.
func (v View) MoveAxis(source, destination []int) (View, error) {
	from, err := NormalizeAxes(source, v.NDim())
	if err != nil {
		return View{}, err
	}
	to, err := NormalizeAxes(destination, v.NDim())
	if err != nil {
		return View{}, err
	}
	if len(from) != len(to) {
		return View{}, &AxisError{Problem: WrongCount, NDim: v.NDim(), Named: len(to), Needed: len(from)}
	}
	perm := slices.Repeat([]int{-1}, v.NDim())
	for i, p := range to {
		perm[p] = from[i]
	}
	next := 0
	for i := range perm {
		if perm[i] >= 0 {
			continue
		}
		for slices.Contains(from, next) {
			next++
		}
		perm[i] = next
		next++
	}
	return v.permuted(perm), nil
}

// Flip is v with the order of the elements reversed along the given axes, along all with none.
func (v View) Flip(axes ...int) (View, error) {
	named, err := NormalizeAxes(axes, v.NDim())
	if err != nil {
		return View{}, err
	}
	out := v.Clone()
	for i, d := range v.Shape {
		if len(axes) > 0 && !slices.Contains(named, i) {
			continue
		}
		out.Offset += (d - 1) * v.Strides[i]
		out.Strides[i] = -v.Strides[i]
	}
	if empty(v.Shape) {
		out.Offset = v.Offset
	}
	return out, nil
}

// Squeeze is v without the given axes, which have extent 1; with none given, without all such.
// An axis of another extent is an *AxisError.
func (v View) Squeeze(axes ...int) (View, error) {
	named, err := NormalizeAxes(axes, v.NDim())
	if err != nil {
		return View{}, err
	}
	for i, a := range named {
		if v.Shape[a] != 1 {
			return View{}, &AxisError{Problem: NotExtentOne, Axis: axes[i], NDim: v.NDim(), Extent: v.Shape[a]}
		}
	}
	out := room(v.NDim(), v.Offset)
	for i, d := range v.Shape {
		if d == 1 && (len(axes) == 0 || slices.Contains(named, i)) {
			continue
		}
		out.push(d, v.Strides[i])
	}
	return out, nil
}

// ExpandDims is v with axes of extent 1 put in, so that they are at the given places of the
// result. A result of more than MaxDims axes is a *ShapeError.
func (v View) ExpandDims(axes ...int) (View, error) {
	ndim := v.NDim() + len(axes)
	named, err := NormalizeAxes(axes, ndim)
	if err != nil {
		return View{}, err
	}
	out := room(ndim, v.Offset)
	next := 0
	for i := range ndim {
		if slices.Contains(named, i) {
			out.push(1, 0)
			continue
		}
		out.push(v.Shape[next], v.Strides[next])
		next++
	}
	if ndim > MaxDims {
		return View{}, shapeError(TooManyDims, out.Shape)
	}
	return out, nil
}

// Diagonal is v with axes axis1 and axis2 replaced by one last axis, the diagonal [i, i+offset]
// of the matrices that they span; below the main diagonal if offset is negative.
func (v View) Diagonal(offset, axis1, axis2 int) (View, error) {
	if v.NDim() < 2 {
		return View{}, &AxisError{Problem: WrongCount, NDim: v.NDim(), Named: v.NDim(), Needed: 2}
	}
	pair, err := NormalizeAxes([]int{axis1, axis2}, v.NDim())
	if err != nil {
		return View{}, err
	}
	out := room(v.NDim(), v.Offset)
	for i, d := range v.Shape {
		if !slices.Contains(pair, i) {
			out.push(d, v.Strides[i])
		}
	}
	n, m, down, right := v.Shape[pair[0]], v.Shape[pair[1]], v.Strides[pair[0]], v.Strides[pair[1]]
	start := offset * right
	if offset < 0 {
		n, start = n+offset, -offset*down
	} else {
		m -= offset
	}
	out.push(max(0, min(n, m)), down+right)
	if !empty(out.Shape) {
		out.Offset += start
	}
	return out, nil
}
