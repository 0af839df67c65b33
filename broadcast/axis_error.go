package broadcast

import "fmt"

// AxisProblem says what is wrong with the axes of an AxisError.
type AxisProblem uint8

// The problems with axes.
const (
	OutOfRange   AxisProblem = iota + 1 // there is no such axis
	Repeated                            // the axis is named twice
	WrongCount                          // the number of axes named is not the number needed
	NotExtentOne                        // an axis to squeeze is not of extent 1
)

// AxisError says which axis an array does not have, or cannot be used as asked.
type AxisError struct {
	Problem AxisProblem
	Axis    int // as the caller wrote it, negative or not
	NDim    int // the number of axes of the array, or of the result that the axis counts in
	Named   int // for WrongCount, how many axes were named
	Needed  int // for WrongCount, how many are needed
	Extent  int // for NotExtentOne, the extent of the axis
}

// Error names the axis and what there is instead.
func (e *AxisError) Error() string {
	switch e.Problem {
	case Repeated:
		return fmt.Sprintf("axis %d is named twice", e.Axis)
	case WrongCount:
		return fmt.Sprintf("%d axes are named where %d are needed", e.Named, e.Needed)
	case NotExtentOne:
		return fmt.Sprintf("axis %d cannot be squeezed: its extent is %d, not 1", e.Axis, e.Extent)
	}
	if e.NDim == 0 {
		return fmt.Sprintf("axis %d does not exist: the array has no axes", e.Axis)
	}
	return fmt.Sprintf("axis %d does not exist: with %d dimensions it is from %d to %d", e.Axis, e.NDim, -e.NDim, e.NDim-1)
}
