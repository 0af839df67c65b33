package gonum

import (
	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/blas32"
	"gonum.org/v1/gonum/blas/blas64"

	"github.com/tare-go/tare/cmd/devbench/internal/goloop"
)

// gemm64 multiplies two matrices; a b of more rows than a has columns is one after another, each for as
// many rows of a.
func gemm64(in []matrix) any {
	a, b := in[0], in[1]
	out := make([]float64, a.Rows*b.Cols)
	n := a.Rows * a.Cols / b.Rows // rows of a for each matrix
	for i := 0; i < a.Rows; i += n {
		from := i / n * a.Cols
		blas64.Gemm(blas.NoTrans, blas.NoTrans, 1,
			blas64.General{Rows: n, Cols: a.Cols, Stride: a.Cols, Data: a.Data[i*a.Cols:]},
			blas64.General{Rows: a.Cols, Cols: b.Cols, Stride: b.Cols, Data: b.Data[from*b.Cols:]}, 0,
			blas64.General{Rows: n, Cols: b.Cols, Stride: b.Cols, Data: out[i*b.Cols:]})
	}
	return out
}

func gemv64(in []matrix) any {
	a, out := in[0], make([]float64, in[0].Rows)
	blas64.Gemv(blas.NoTrans, 1, blas64.General{Rows: a.Rows, Cols: a.Cols, Stride: a.Cols, Data: a.Data}, vector64(in[1].Data), 0, vector64(out))
	return out
}

func dot64(in []matrix) any {
	return []float64{blas64.Dot(vector64(in[0].Data), vector64(in[1].Data))}
}

func vector64(x []float64) blas64.Vector { return blas64.Vector{N: len(x), Data: x, Inc: 1} }

// gemm32 is gemm64 in float32.
func gemm32(in []goloop.Matrix[float32]) any {
	a, b := in[0], in[1]
	out := make([]float32, a.Rows*b.Cols)
	n := a.Rows * a.Cols / b.Rows
	for i := 0; i < a.Rows; i += n {
		from := i / n * a.Cols
		blas32.Gemm(blas.NoTrans, blas.NoTrans, 1,
			blas32.General{Rows: n, Cols: a.Cols, Stride: a.Cols, Data: a.Data[i*a.Cols:]},
			blas32.General{Rows: a.Cols, Cols: b.Cols, Stride: b.Cols, Data: b.Data[from*b.Cols:]}, 0,
			blas32.General{Rows: n, Cols: b.Cols, Stride: b.Cols, Data: out[i*b.Cols:]})
	}
	return out
}

func gemv32(in []goloop.Matrix[float32]) any {
	a, out := in[0], make([]float32, in[0].Rows)
	blas32.Gemv(blas.NoTrans, 1, blas32.General{Rows: a.Rows, Cols: a.Cols, Stride: a.Cols, Data: a.Data}, vector32(in[1].Data), 0, vector32(out))
	return out
}

func dot32(in []goloop.Matrix[float32]) any {
	return []float32{blas32.Dot(vector32(in[0].Data), vector32(in[1].Data))}
}

func vector32(x []float32) blas32.Vector { return blas32.Vector{N: len(x), Data: x, Inc: 1} }
