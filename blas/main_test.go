package blas_test

import (
	"os"
	"testing"

	"github.com/tare-go/tare/cpu"
	"github.com/tare-go/tare/device/devicetest"
)

func TestMain(m *testing.M) {
	one := cpu.Matrix[float64]{Data: make([]float64, 1)}
	cpu.Gemm(1, 1, 1, 1, one, one, 0, cpu.Matrix[float64]{Data: make([]float64, 1)}) // starts the workers that end with the process
	os.Exit(devicetest.Main(m))
}
