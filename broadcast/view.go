package broadcast

import "slices"

// View is the layout of an array in memory: its extents, its strides in bytes, and the offset in
// bytes of the element [0,…,0] from the start of the buffer.
//
// Every method that returns a View makes new slices. A view without elements keeps the offset of
// the view that it was made from, so that an offset never leaves the buffer.
type View struct {
	Shape   []int
	Strides []int
	Offset  int
}

// Contiguous is the layout in C order, the last axis moving fastest, from the start of a buffer.
// The shape is one that Bytes accepts. An extent of 0 counts as 1 in the strides.
func Contiguous(shape []int, itemsize int) View {
	v := View{Shape: slices.Clone(shape), Strides: make([]int, len(shape))}
	step := itemsize
	for i := len(shape) - 1; i >= 0; i-- {
		v.Strides[i] = step
		step *= max(shape[i], 1)
	}
	return v
}

// Fortran is the layout in Fortran order, the first axis moving fastest. Else it is as Contiguous.
func Fortran(shape []int, itemsize int) View {
	v := View{Shape: slices.Clone(shape), Strides: make([]int, len(shape))}
	step := itemsize
	for i, d := range shape {
		v.Strides[i] = step
		step *= max(d, 1)
	}
	return v
}

// NDim is the number of axes.
func (v View) NDim() int { return len(v.Shape) }

// Size is the number of elements.
func (v View) Size() int {
	n := 1
	for _, d := range v.Shape {
		n *= d
	}
	return n
}

// Clone is a copy of v that shares no slice with it.
func (v View) Clone() View {
	return View{Shape: slices.Clone(v.Shape), Strides: slices.Clone(v.Strides), Offset: v.Offset}
}

// room is a view of no axes yet, with memory for ndim of them.
func room(ndim, offset int) View {
	return View{Shape: make([]int, 0, ndim), Strides: make([]int, 0, ndim), Offset: offset}
}

// push adds a last axis.
func (v *View) push(extent, stride int) {
	v.Shape = append(v.Shape, extent)
	v.Strides = append(v.Strides, stride)
}

// Same reports whether a and b have the same shape and put every element at the same byte. The
// strides of axes of extent 1 do not matter, nor does anything but the shape if there are no
// elements.
func Same(a, b View) bool {
	if !slices.Equal(a.Shape, b.Shape) {
		return false
	}
	if empty(a.Shape) {
		return true
	}
	for i, d := range a.Shape {
		if d != 1 && a.Strides[i] != b.Strides[i] {
			return false
		}
	}
	return a.Offset == b.Offset
}

// BroadcastTo is v seen with the given shape: new axes in front and axes of extent 1 that are
// expanded have stride 0. A shape to which v does not broadcast is a *ShapeError.
func (v View) BroadcastTo(shape []int) (View, error) {
	if _, err := Size(shape); err != nil {
		return View{}, err
	}
	lead := len(shape) - v.NDim()
	if lead < 0 {
		return View{}, shapeError(NotTo, v.Shape, shape)
	}
	out := View{Shape: slices.Clone(shape), Strides: make([]int, len(shape)), Offset: v.Offset}
	var clashes []Clash
	for i, d := range v.Shape {
		switch to := shape[lead+i]; d {
		case to:
			out.Strides[lead+i] = v.Strides[i]
		case 1:
		default:
			clashes = append(clashes, Clash{Axis: lead + i, First: 0, Second: 1})
		}
	}
	if clashes != nil {
		return View{}, clashError(NotTo, [][]int{v.Shape, shape}, clashes)
	}
	return out, nil
}

// IsContiguous reports whether the elements of v, in C order, fill their bytes without gaps. The
// strides of axes of extent 1 do not matter, and a view without elements is contiguous: NumPy's
// C_CONTIGUOUS flag.
func (v View) IsContiguous(itemsize int) bool {
	if empty(v.Shape) {
		return true
	}
	step := itemsize
	for i := v.NDim() - 1; i >= 0; i-- {
		if v.Shape[i] != 1 && v.Strides[i] != step {
			return false
		}
		step *= v.Shape[i]
	}
	return true
}

// IsFortran is IsContiguous for Fortran order: NumPy's F_CONTIGUOUS flag.
func (v View) IsFortran(itemsize int) bool { return v.reversed().IsContiguous(itemsize) }

// reversed is v with its axes in reverse order.
func (v View) reversed() View {
	out := v.Clone()
	slices.Reverse(out.Shape)
	slices.Reverse(out.Strides)
	return out
}
