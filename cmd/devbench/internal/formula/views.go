package formula

import (
	"fmt"
	"slices"

	"github.com/tare-go/tare/broadcast"
	"github.com/tare-go/tare/internal/ir"
)

// viewOf reads the array and the integers of a view's call.
func viewOf(b bound, array, ints string) (x *ir.Node, values []int, err error) {
	if x, err = b.array(array); err != nil {
		return nil, nil, err
	}
	values, err = b.integers(ints)
	return x, values, err
}

func transpose(b bound) (*ir.Node, error) {
	x, axes, err := viewOf(b, "a", "axes")
	if err != nil {
		return nil, err
	}
	return transposed(x, axes)
}

// transposed exchanges axes; nil turns their order round.
func transposed(x *ir.Node, axes []int) (*ir.Node, error) {
	if axes == nil {
		axes = upTo(len(x.Shape))
		slices.Reverse(axes)
	}
	return ir.NewView(x, ir.View{Kind: ir.ViewTranspose, Ints: axes})
}

// upTo is 0, 1, … n-1.
func upTo(n int) []int {
	axes := make([]int, n)
	for i := range axes {
		axes[i] = i
	}
	return axes
}

func swapaxes(b bound) (*ir.Node, error) {
	x, first, err := viewOf(b, "a", "axis1")
	if err != nil {
		return nil, err
	}
	second, err := b.integers("axis2")
	if err != nil {
		return nil, err
	}
	if len(first) != 1 || len(second) != 1 {
		return nil, fmt.Errorf("swapaxes takes two axes: swapaxes(0, 1)")
	}
	return swapped(x, first[0], second[0])
}

// swapped exchanges two axes.
func swapped(x *ir.Node, i, j int) (*ir.Node, error) {
	i, err := broadcast.NormalizeAxis(i, len(x.Shape))
	if err != nil {
		return nil, err
	}
	if j, err = broadcast.NormalizeAxis(j, len(x.Shape)); err != nil {
		return nil, err
	}
	axes := upTo(len(x.Shape))
	axes[i], axes[j] = axes[j], axes[i]
	return transposed(x, axes)
}

func reshape(b bound) (*ir.Node, error) {
	x, shape, err := viewOf(b, "a", "shape")
	if err != nil {
		return nil, err
	}
	if shape == nil {
		return nil, fmt.Errorf("reshape: the argument shape is missing")
	}
	return ir.Reshape(x, shape...)
}

func ravel(b bound) (*ir.Node, error) {
	x, err := b.array("a")
	if err != nil {
		return nil, err
	}
	return ir.Reshape(x, -1)
}

func expandDims(b bound) (*ir.Node, error) {
	x, axes, err := viewOf(b, "a", "axis")
	if err != nil {
		return nil, err
	}
	if axes == nil {
		return nil, fmt.Errorf("expand_dims: the argument axis is missing")
	}
	return ir.ExpandDims(x, axes...)
}

func squeeze(b bound) (*ir.Node, error) {
	x, axes, err := viewOf(b, "a", "axis")
	if err != nil {
		return nil, err
	}
	return ir.Squeeze(x, axes...)
}

func moveaxis(b bound) (*ir.Node, error) {
	x, from, err := viewOf(b, "a", "source")
	if err != nil {
		return nil, err
	}
	to, err := b.integers("destination")
	if err != nil {
		return nil, err
	}
	if len(from) != 1 || len(to) != 1 {
		return nil, fmt.Errorf("moveaxis moves one axis: moveaxis(a, 0, -1)")
	}
	return ir.MoveAxis(x, from[0], to[0])
}

func broadcastTo(b bound) (*ir.Node, error) {
	x, shape, err := viewOf(b, "array", "shape")
	if err != nil {
		return nil, err
	}
	return ir.BroadcastTo(x, shape)
}

func flip(b bound) (*ir.Node, error) {
	x, axes, err := viewOf(b, "m", "axis")
	if err != nil {
		return nil, err
	}
	if axes == nil {
		axes = upTo(len(x.Shape))
	}
	return ir.NewView(x, ir.View{Kind: ir.ViewFlip, Ints: axes})
}
