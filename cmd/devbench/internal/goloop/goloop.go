// Package goloop is the peer that needs no library: each workload of the suite as the loop that a
// Go programmer would write for it, on one thread, with sums in float64 and all else in the element
// type of the inputs.
package goloop

import (
	"math"

	"github.com/tare-go/tare/cmd/devbench/internal/suite"
)

// Float is the element types that workloads are measured in.
type Float interface{ float32 | float64 }

// Matrix is an array in C order: rows of its last axis, or of one element if it has one axis.
type Matrix[T Float] struct {
	Rows, Cols int
	Data       []T
}

// Row is row i of the matrix.
func (m Matrix[T]) Row(i int) []T { return m.Data[i*m.Cols : (i+1)*m.Cols] }

// Inputs are the arrays of a workload as matrices, in order of their names.
func Inputs[T Float](w suite.Workload, size int) []Matrix[T] {
	var out []Matrix[T]
	for _, in := range w.Inputs(size) {
		cols := 1
		if n := len(in.Shape); n > 1 {
			cols = in.Shape[n-1]
		}
		out = append(out, Matrix[T]{in.Len() / cols, cols, suite.Values[T](in)})
	}
	return out
}

// Loop computes a workload. The result is new memory, in C order: a []T, []bool or []int64.
type Loop[T Float] func(in []Matrix[T]) any

// For is the loop for the workload of that name, and whether there is one. Workloads with the same
// text have the same loop.
func For[T Float](name string) (Loop[T], bool) {
	table := loops[T]()
	if loop, ok := table[name]; ok {
		return loop, true
	}
	texts := map[string]string{}
	for _, w := range suite.Every() {
		texts[w.Name] = w.Text
	}
	for other, loop := range table {
		if texts[name] != "" && texts[name] == texts[other] {
			return loop, true
		}
	}
	return nil, false
}

func loops[T Float]() map[string]Loop[T] {
	return map[string]Loop[T]{
		"add":   binary(func(x, y T) T { return x + y }),
		"scale": unary(func(x T) T { return x * 2.5 }),
		"sqrt":  unary(func(x T) T { return T(math.Sqrt(float64(x))) }),
		"exp":   unary(func(x T) T { return T(math.Exp(float64(x))) }),
		"log":   unary(func(x T) T { return T(math.Log(float64(x))) }),
		"sin":   unary(func(x T) T { return T(math.Sin(float64(x))) }),
		"tanh":  unary(func(x T) T { return T(math.Tanh(float64(x))) }),
		"pow":   binary(func(x, y T) T { return T(math.Pow(float64(x), float64(y))) }),
		"where_nan": unary(func(x T) T {
			if x != x {
				return 0
			}
			return x
		}),
		"chain": binary(func(a, b T) T {
			return T(math.Sqrt(float64(T(a*a)+T(b*b)))) * T(math.Exp(float64(-a)))
		}),
		"compare":      compare[T],
		"sum":          func(in []Matrix[T]) any { return []T{T(sum(in[0].Data))} },
		"sum0":         sumColumns[T],
		"sum1":         sumRows[T],
		"max":          func(in []Matrix[T]) any { x := in[0].Data; return []T{x[argmax(x)]} },
		"argmax":       func(in []Matrix[T]) any { return []int64{int64(argmax(in[0].Data))} },
		"std":          std[T],
		"center_rows":  centerRows[T],
		"zscore_cols":  zscoreColumns[T],
		"softmax_rows": softmaxRows[T],
		"outer_add":    outerAdd[T],
		"gemm_64":      gemm[T],
		"gemv":         gemv[T],
		"dot":          func(in []Matrix[T]) any { return []T{T(dot(in[0].Data, in[1].Data))} },
		"cumsum":       cumsum[T],
		"cumsum0":      cumsumColumns[T],
		"cumsum1":      cumsumRows[T],
	}
}

func unary[T Float](f func(x T) T) Loop[T] {
	return func(in []Matrix[T]) any {
		out := make([]T, len(in[0].Data))
		for i, x := range in[0].Data {
			out[i] = f(x)
		}
		return out
	}
}

func binary[T Float](f func(x, y T) T) Loop[T] {
	return func(in []Matrix[T]) any {
		out := make([]T, len(in[0].Data))
		y := in[1].Data[:len(out)]
		for i, x := range in[0].Data {
			out[i] = f(x, y[i])
		}
		return out
	}
}

func compare[T Float](in []Matrix[T]) any {
	out := make([]bool, len(in[0].Data))
	for i, x := range in[0].Data {
		out[i] = x > in[1].Data[i]
	}
	return out
}

func sum[T Float](x []T) (s float64) {
	for _, v := range x {
		s += float64(v)
	}
	return s
}

func argmax[T Float](x []T) int {
	best := 0
	for i, v := range x {
		if v > x[best] {
			best = i
		}
	}
	return best
}

// columnSums adds f of each element, given its column, down the columns.
func columnSums[T Float](m Matrix[T], f func(v T, column int) float64) []float64 {
	out := make([]float64, m.Cols)
	for i := range m.Rows {
		for j, v := range m.Row(i) {
			out[j] += f(v, j)
		}
	}
	return out
}

func sumColumns[T Float](in []Matrix[T]) any {
	sums := columnSums(in[0], func(v T, _ int) float64 { return float64(v) })
	out := make([]T, len(sums))
	for j, s := range sums {
		out[j] = T(s)
	}
	return out
}

func sumRows[T Float](in []Matrix[T]) any {
	out := make([]T, in[0].Rows)
	for i := range out {
		out[i] = T(sum(in[0].Row(i)))
	}
	return out
}

func std[T Float](in []Matrix[T]) any {
	x := in[0].Data
	mean := sum(x) / float64(len(x))
	squares := 0.0
	for _, v := range x {
		squares += square(float64(v) - mean)
	}
	return []T{T(math.Sqrt(squares / float64(len(x))))}
}

func square(v float64) float64 { return v * v }

func centerRows[T Float](in []Matrix[T]) any {
	m := in[0]
	out := Matrix[T]{m.Rows, m.Cols, make([]T, len(m.Data))}
	for i := range m.Rows {
		mean, to := T(sum(m.Row(i))/float64(m.Cols)), out.Row(i)
		for j, v := range m.Row(i) {
			to[j] = v - mean
		}
	}
	return out.Data
}

func zscoreColumns[T Float](in []Matrix[T]) any {
	m := in[0]
	n := float64(m.Rows)
	mean := columnSums(m, func(v T, _ int) float64 { return float64(v) / n })
	std := columnSums(m, func(v T, j int) float64 { return square(float64(v)-mean[j]) / n })
	for j := range std {
		std[j] = math.Sqrt(std[j])
	}
	out := Matrix[T]{m.Rows, m.Cols, make([]T, len(m.Data))}
	for i := range m.Rows {
		to := out.Row(i)
		for j, v := range m.Row(i) {
			to[j] = T((float64(v) - mean[j]) / std[j])
		}
	}
	return out.Data
}

func softmaxRows[T Float](in []Matrix[T]) any {
	m := in[0]
	out := Matrix[T]{m.Rows, m.Cols, make([]T, len(m.Data))}
	for i := range m.Rows {
		from, to := m.Row(i), out.Row(i)
		top := from[argmax(from)]
		for j, v := range from {
			to[j] = T(math.Exp(float64(v - top)))
		}
		total := T(sum(to))
		for j := range to {
			to[j] /= total
		}
	}
	return out.Data
}

func outerAdd[T Float](in []Matrix[T]) any {
	a, b := in[0].Data, in[1].Data
	out := make([]T, 0, len(a)*len(b))
	for _, x := range a {
		for _, y := range b {
			out = append(out, x+y)
		}
	}
	return out
}

// gemm runs along rows of b, so that the inner loop reads and writes memory in order. A b of more rows
// than a has columns is one matrix after another, each for as many rows of a.
func gemm[T Float](in []Matrix[T]) any {
	a, b := in[0], in[1]
	out := Matrix[T]{a.Rows, b.Cols, make([]T, a.Rows*b.Cols)}
	each := a.Rows * a.Cols / b.Rows
	for i := range a.Rows {
		to, skip := out.Row(i), i/each*a.Cols
		for k, x := range a.Row(i) {
			from := b.Row(skip + k)[:len(to)]
			for j := range to {
				to[j] += x * from[j]
			}
		}
	}
	return out.Data
}

func gemv[T Float](in []Matrix[T]) any {
	out := make([]T, in[0].Rows)
	for i := range out {
		out[i] = T(dot(in[0].Row(i), in[1].Data))
	}
	return out
}

func dot[T Float](x, y []T) (s float64) {
	y = y[:len(x)]
	for i, v := range x {
		s += float64(v) * float64(y[i])
	}
	return s
}

func cumsum[T Float](in []Matrix[T]) any {
	out := make([]T, len(in[0].Data))
	s := 0.0
	for i, v := range in[0].Data {
		s += float64(v)
		out[i] = T(s)
	}
	return out
}

// cumsumColumns adds down the columns, a row at a time.
func cumsumColumns[T Float](in []Matrix[T]) any {
	m := in[0]
	out, sums := Matrix[T]{m.Rows, m.Cols, make([]T, len(m.Data))}, make([]float64, m.Cols)
	for i := range m.Rows {
		to := out.Row(i)
		for j, v := range m.Row(i) {
			sums[j] += float64(v)
			to[j] = T(sums[j])
		}
	}
	return out.Data
}

func cumsumRows[T Float](in []Matrix[T]) any {
	m := in[0]
	out := make([]T, 0, len(m.Data))
	for i := range m.Rows {
		out = append(out, cumsum([]Matrix[T]{{1, m.Cols, m.Row(i)}}).([]T)...)
	}
	return out
}
