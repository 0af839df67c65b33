package cpu_test

import (
	"context"
	"syscall"
	"testing"
	"fmt"
	"os"
	"github.com/tare-go/tare/cpu"
	"github.com/tare-go/tare/dtype"
	"github.com/tare-go/tare/internal/canon"
	"github.com/tare-go/tare/internal/ir"
)

func cputime() float64 {
	var r syscall.Rusage
	syscall.Getrusage(syscall.RUSAGE_SELF, &r)
	return float64(r.Utime.Sec+r.Stime.Sec)*1e3 + float64(r.Utime.Usec+r.Stime.Usec)/1e3
}

func TestTmpCPU(t *testing.T) {
	if os.Getenv("TMPCPU") == "" { t.Skip() }
	dev := cpu.New(1)
	f64, f32 := dtype.Float64, dtype.Float32
	for _, c := range []struct {
		name string
		op   ir.Op
		n int
	}{
		{"add/f64/1e7", addKernel(f64, 1e7), 10},
		{"rowadd/f64/1e6x3", rowAddKernel(f64, 1e6, 3), 20},
		{"rowadd/f64/2000x5000", rowAddKernel(f64, 2000, 5000), 10},
		{"sum/f64/1x2e7", sumKernel(f64, 1, 2e7, canon.Lane), 10},
		{"sum/f64/1000x1000", sumKernel(f64, 1000, 1000, canon.Lane), 50},
		{"sum/f64/1e6x3", sumKernel(f64, 1e6, 3, canon.Lane), 20},
		{"sum/f64/1e5x30", sumKernel(f64, 1e5, 30, canon.Lane), 20},
		{"sum/f64/3e4x100", sumKernel(f64, 3e4, 100, canon.Lane), 20},
		{"sum0/f64/1e5x100", sumKernel(f64, 1e5, 100, canon.Chunk), 10},
		{"sum0/f64/3000x3000", sumKernel(f64, 3000, 3000, canon.Chunk), 10},
		{"argmin/f64/1x1e7", argKernel(f64, 1, 1e7), 10},
		{"softmax/f64/500x5000", softmaxKernel(f64, 500, 5000), 3},
		{"transpose/f64/2000", transposeKernel(f64, 2000), 10},
		{"transpose/f64/2048", transposeKernel(f64, 2048), 10},
		{"matmul/f64/512", matmul(f64, 512, 512, 512), 2},
		{"matmul/f32/512", matmul(f32, 512, 512, 512), 1},
		{"matvec/f64/2000", matmul(f64, 2000, 1, 2000), 5},
		{"vecmat/f64/2000", matmul(f64, 1, 2000, 2000), 5},
		{"dot/f64/1e7", matmul(f64, 1, 1, 1e7), 5},
	} {
		r := prepare(t, dev, c.op)
		r.run(context.Background())
		s := cputime()
		for range c.n { r.run(context.Background()) }
		e := (cputime() - s) / float64(c.n)
		cost := c.op.Cost()
		fmt.Printf("%-24s %8.3f ms cpu  %7.2f GB/s %7.3f GFLOP/s\n", c.name, e, float64(cost.BytesIn+cost.BytesOut)/e/1e6, float64(cost.Flops)/e/1e6)
		r.free()
	}
}
