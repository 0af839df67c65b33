// Package gonum is the workloads that gonum has, as its users write them: sums and products of its
// packages floats, stat, blas64 and blas32, each into new memory. It uses as many threads as Go runs at
// once in products of matrices, and one in all else.
package gonum

import (
	"runtime/debug"
	"strings"
	"unsafe"

	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/stat"

	"github.com/tare-go/tare/cmd/devbench/internal/goloop"
)

const module = "gonum.org/v1/gonum"

// Version is that of the module in this binary.
func Version() string {
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, m := range info.Deps {
			if m.Path == module {
				return m.Version
			}
		}
	}
	return "of unknown version"
}

// For is the workload of that name in gonum, and whether it has it. It has one product for square
// matrices of all sizes.
func For[T goloop.Float](name string) (goloop.Loop[T], bool) {
	if strings.HasPrefix(name, "gemm_") {
		name = "gemm"
	}
	var table any = singles
	if unsafe.Sizeof(T(0)) == 8 {
		table = doubles
	}
	loop, ok := table.(map[string]goloop.Loop[T])[name]
	return loop, ok
}

// singles are what gonum has in float32: products.
var singles = map[string]goloop.Loop[float32]{
	"gemm": gemm32, "batched_gemm": gemm32, "gemv": gemv32, "dot": dot32,
}

// doubles are what gonum has in float64.
var doubles = map[string]goloop.Loop[float64]{
	"add": func(in []matrix) any {
		return floats.AddTo(make([]float64, len(in[0].Data)), in[0].Data, in[1].Data)
	},
	"scale":  func(in []matrix) any { return floats.ScaleTo(make([]float64, len(in[0].Data)), 2.5, in[0].Data) },
	"sum":    func(in []matrix) any { return []float64{floats.Sum(in[0].Data)} },
	"max":    func(in []matrix) any { return []float64{floats.Max(in[0].Data)} },
	"argmax": func(in []matrix) any { return []int64{int64(floats.MaxIdx(in[0].Data))} },
	"std":    func(in []matrix) any { return []float64{stat.PopStdDev(in[0].Data, nil)} },
	"cumsum": func(in []matrix) any { return floats.CumSum(make([]float64, len(in[0].Data)), in[0].Data) },
	"sum1":   sumRows, "gemm": gemm64, "batched_gemm": gemm64, "gemv": gemv64, "dot": dot64,
}

type matrix = goloop.Matrix[float64]

func sumRows(in []matrix) any {
	out := make([]float64, in[0].Rows)
	for i := range out {
		out[i] = floats.Sum(in[0].Row(i))
	}
	return out
}
