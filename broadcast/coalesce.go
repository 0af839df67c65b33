package broadcast

// Coalesce merges neighbouring axes wherever every operand's strides allow it, and drops axes of
// extent 1: the fewest nested loops that visit the same elements in the same C order. strides[k]
// are operand k's strides along shape. A shape without elements becomes (0,) with strides 0; one
// element becomes ().
func Coalesce(shape []int, strides [][]int) (newShape []int, newStrides [][]int) {
	newStrides = make([][]int, len(strides))
	if empty(shape) {
		for k := range strides {
			newStrides[k] = []int{0}
		}
		return []int{0}, newStrides
	}
	newShape = make([]int, 0, len(shape))
	for k := range strides {
		newStrides[k] = make([]int, 0, len(shape))
	}
	for axis, d := range shape {
		switch last := len(newShape) - 1; {
		case d == 1:
		case last >= 0 && merges(newStrides, last, strides, axis, d):
			newShape[last] *= d
			for k, s := range strides {
				newStrides[k][last] = s[axis]
			}
		default:
			newShape = append(newShape, d)
			for k, s := range strides {
				newStrides[k] = append(newStrides[k], s[axis])
			}
		}
	}
	return newShape, newStrides
}

// merges reports whether one step along the outer axis is extent steps along the inner one, for
// every operand.
func merges(outer [][]int, last int, inner [][]int, axis, extent int) bool {
	for k := range inner {
		if outer[k][last] != inner[k][axis]*extent {
			return false
		}
	}
	return true
}
