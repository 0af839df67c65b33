package format

import (
	"math"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/tare-go/tare/dtype"
	"github.com/tare-go/tare/internal/golden"
)

// array is a Source in memory.
type array struct {
	dtype dtype.DType
	shape []int
	bits  []uint64
}

func (a array) DType() dtype.DType { return a.dtype }
func (a array) Shape() []int       { return a.shape }

func (a array) At(index []int) uint64 {
	k := 0
	for i, length := range a.shape {
		k = k*length + index[i]
	}
	return a.bits[k]
}

// row is an array of one axis.
func row[T dtype.Element](values ...T) array {
	return ofGolden(golden.Of([]int{len(values)}, values))
}

// reshaped is the same elements in another shape.
func (a array) reshaped(shape ...int) array {
	a.shape = shape
	return a
}

// with is the default options, changed.
func with(change func(o *Options)) Options {
	o := Default()
	change(&o)
	return o
}

var negativeZero = math.Copysign(0, -1)

// NumPy 2.3.5 printed these.
func TestStr(t *testing.T) {
	tests := []struct {
		name string
		a    array
		o    Options
		want string
	}{
		{"a tie of shortest digits goes to the even one", row[float32](0x1p-12, 7), Default(), "[2.4414062e-04 7.0000000e+00]"},
		{"digits past the shortest are the value's own", row[float32](1e9, 0.7), with(func(o *Options) { o.FloatMode = "fixed" }), "[1.00000000e+09 6.99999988e-01]"},
		{"maxprec_equal", row[float32](0.1, 1./3), with(func(o *Options) { o.FloatMode, o.Precision = "maxprec_equal", 20 }), "[0.10000000 0.33333334]"},
		{"fixed", row(0.1, 2.5), with(func(o *Options) { o.FloatMode, o.Precision = "fixed", 20 }), "[0.10000000000000000555 2.50000000000000000000]"},
		{"unique", row(0.1, 1./3), with(func(o *Options) { o.FloatMode, o.Precision = "unique", 2 }), "[0.1                0.3333333333333333]"},
		{"no digits after the point", row(1.5, 2.5, 0.05), with(func(o *Options) { o.Precision = 0 }), "[2. 2. 0.]"},
		{"exponents of three digits", row(1e100, 1e-5), Default(), "[1.e+100 1.e-005]"},
		{"exponents beside values that are not finite", row(1e100, math.NaN(), math.Inf(-1)), Default(), "[1.e+100     nan    -inf]"},
		{"names of values that are not finite", row(1, math.NaN(), math.Inf(-1)), with(func(o *Options) { o.NaN, o.Inf = "missing", "∞" }), "[     1. missing      -∞]"},
		{"plus on all", row(math.NaN(), math.Inf(1)), with(func(o *Options) { o.Sign = '+' }), "[+nan +inf]"},
		{"space for a sign", row(1., 2), with(func(o *Options) { o.Sign = ' ' }), "[ 1.  2.]"},
		{"space for a sign beside a negative zero", row(1., negativeZero), with(func(o *Options) { o.Sign = ' ' }), "[ 1. -0.]"},
		{"space for the sign of integers", row(1, 2), with(func(o *Options) { o.Sign = ' ' }), "[ 1  2]"},
		{"space for a sign beside a negative integer", row(1, -2), with(func(o *Options) { o.Sign = ' ' }), "[ 1 -2]"},
		{"uint64", row[uint64](math.MaxUint64, 1), Default(), "[18446744073709551615                    1]"},
		{"spaces at the end of a line go", row(1, 0.25, 3), with(func(o *Options) { o.LineWidth = 8 }), "[1.\n 0.25\n 3.  ]"},
		{"an array of no axes is a scalar", row(-1e-7).reshaped(), with(func(o *Options) { o.Precision, o.Suppress = 1, true }), "-1e-07"},
		{"true alone is wide as false", row(true, true), Default(), "[ True  True]"},
	}
	for _, test := range tests {
		assert.Equal(t, test.want, Str(test.a, test.o), test.name)
	}
}

// NumPy 2.3.5 printed these.
func TestRepr(t *testing.T) {
	tests := []struct {
		name string
		a    array
		o    Options
		want string
	}{
		{"float32 below a million", row[float32](999999.94), Default(), "array([999999.94], dtype=float32)"},
		{"float32 of a million", row[float32](1e6), Default(), "array([1.e+06], dtype=float32)"},
		{"float64 of a million", row(1e6, 99999999.5), Default(), "array([ 1000000. , 99999999.5])"},
		{"plus of integers", row[int8](1, -20), with(func(o *Options) { o.Sign = '+' }), "array([ +1, -20], dtype=int8)"},
		{"no axes", row[uint8](7).reshaped(), Default(), "array(7, dtype=uint8)"},
		{"no axes, true", row(true).reshaped(), Default(), "array(True)"},
		{"no axes, over the threshold", row(1.).reshaped(), with(func(o *Options) { o.Threshold = 0 }), "array(1., shape=())"},
		{"one element over the threshold", row[float32](1), with(func(o *Options) { o.Threshold = 0 }), "array([1.], shape=(1,), dtype=float32)"},
		{"empty", row[bool](), Default(), "array([], dtype=bool)"},
		{"empty with two axes", row[float64]().reshaped(2, 0), Default(), "array([], shape=(2, 0), dtype=float64)"},
		{"dtype on the last column", row[int16](3, 4), with(func(o *Options) { o.LineWidth = 26 }), "array([3, 4], dtype=int16)"},
		{"dtype past the last column", row[int16](3, 4), with(func(o *Options) { o.LineWidth = 25 }), "array([3, 4],\n      dtype=int16)"},
		{"no line is wide enough", row[float32](0, 1, 2), with(func(o *Options) { o.LineWidth = 1 }), "array([0.,\n       1.,\n       2.],\n      dtype=float32)"},
		{"summary of one axis of three", row(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11).reshaped(1, 2, 6), with(func(o *Options) { o.Threshold, o.EdgeItems = 5, 1 }),
			"array([[[ 0, ...,  5],\n        [ 6, ..., 11]]], shape=(1, 2, 6))"},
		{"summary without edge items", row(1, 2, 3, 4), with(func(o *Options) { o.Threshold, o.EdgeItems = 3, 0 }), "array([..., 4], shape=(4,))"},
	}
	for _, test := range tests {
		assert.Equal(t, test.want, Repr(test.a, test.o), test.name)
	}
}

// NumPy 2.3.5 printed these.
func TestScalar(t *testing.T) {
	tests := []struct {
		a    array
		want string
	}{
		{row[float32](0x1p-12), "0.00024414062"},
		{row[float32](1e6), "1e+06"},
		{row[float32](999999.94), "999999.94"},
		{row[float32](1e-4), "1e-04"}, // the float32 is below 0.0001
		{row[float32](16777216), "1.6777216e+07"},
		{row(1e-4), "0.0001"},
		{row(123456789012345678.), "1.2345678901234568e+17"},
		{row(0x1p-44), "5.684341886080802e-14"},
		{row(5e-324), "5e-324"},
		{row(math.Inf(-1)), "-inf"},
		{row(negativeZero), "-0.0"},
		{row[uint64](math.MaxUint64), "18446744073709551615"},
		{row[int8](-128), "-128"},
		{row(true), "True"},
	}
	for _, test := range tests {
		assert.Equal(t, test.want, Scalar(test.a.dtype, test.a.bits[0], Default()))
	}
}

// Without a limit every element has the digits that it needs to read back.
func TestNegativePrecisionHasNoLimit(t *testing.T) {
	o := with(func(o *Options) { o.Precision = -1 })
	assert.Equal(t, "[0.1                0.3333333333333333]", Str(row(0.1, 1./3), o))
	o.FloatMode = "fixed"
	assert.Equal(t, "[0.1000000000000000 0.3333333333333333]", Str(row(0.1, 1./3), o))
}

// counting is a Source of zeros, however many, that notes where it is read.
type counting struct {
	shape []int
	reads map[[2]int]int
}

func (c counting) DType() dtype.DType { return dtype.Float64 }
func (c counting) Shape() []int       { return c.shape }

func (c counting) At(index []int) uint64 {
	c.reads[[2]int(index)]++
	return 0
}

func TestOnlyWhatIsShownIsRead(t *testing.T) {
	tests := []struct {
		shape []int
		reads int
	}{
		{[]int{1 << 40, 1 << 40}, 36}, // more elements than an int counts
		{[]int{2, 1 << 20}, 12},
		{[]int{1 << 20, 6}, 36},
		{[]int{20, 50}, 1000},
		{[]int{1 << 40, 0}, 0},
	}
	for _, test := range tests {
		c := counting{test.shape, map[[2]int]int{}}
		text := Repr(c, Default())
		assert.Len(t, c.reads, test.reads, "%v", test.shape)
		assert.Equal(t, test.reads, strings.Count(text, "0."), "%v", test.shape)
		for index, n := range c.reads {
			assert.Equal(t, 1, n, "reads of %v", index)
		}
	}
}
