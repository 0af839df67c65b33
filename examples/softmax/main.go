// Command softmax computes the same softmax of rows on the CPU and on a GPU, or on a simulated one where there is none,
// and shows that the bits are the same and what moved between the two.
//
//	softmax -rows 200 -columns 1000 -device cuda:0
package main

import (
	"context"
	"flag"
	"fmt"
	"log"
	"math"
	"time"

	_ "github.com/tare-go/tare/cuda" // makes GPUs known; harmless without one
	"github.com/tare-go/tare/device"
	np "github.com/tare-go/tare/tensor"
)

func main() {
	log.SetFlags(0)
	rows := flag.Int("rows", 200, "rows")
	columns := flag.Int("columns", 1000, "columns")
	name := flag.String("device", "", "the GPU; without a name cuda:0 or, if that cannot be used, cuda:sim")
	flag.Parse()
	if err := run(*rows, *columns, *name); err != nil {
		log.Fatal(err)
	}
}

func run(rows, columns int, name string) error {
	x, err := np.FromFunc([]int{rows, columns}, func(ix []int) float32 { return float32((ix[0]*31+ix[1]*17)%97) / 10 })
	if err != nil {
		return err
	}
	ctx := context.Background()
	want, err := evaluated(ctx, x)
	if err != nil {
		return err
	}
	gpu, err := openGPU(name)
	if err != nil {
		return err
	}
	ctx, ledger := device.Record(ctx)
	there, err := x.To(ctx, gpu)
	if err != nil {
		return err
	}
	got, err := evaluated(ctx, there)
	if err != nil {
		return err
	}
	fmt.Println(ledger.Stats())
	return compare(ctx, want, got)
}

// openGPU opens the device of that name or, without one, the first GPU or else the simulator.
func openGPU(name string) (device.Device, error) {
	if name != "" {
		return device.Open(name)
	}
	dev, err := device.Open("cuda:0")
	if err != nil {
		fmt.Println(err)
		return device.Open("cuda:sim")
	}
	return dev, nil
}

// evaluated is the softmax of each row, where x is: nothing moves unless asked.
func evaluated(ctx context.Context, x *np.Tensor) (*np.Tensor, error) {
	e := np.Exp(np.Subtract(x, np.Max(x, np.Axis(1), np.KeepDims)))
	softmax := np.Divide(e, np.Sum(e, np.Axis(1), np.KeepDims))
	start := time.Now()
	y, err := softmax.Eval(ctx)
	fmt.Printf("%-10s %v\n", x.Device().Info().Name, time.Since(start))
	return y, err
}

// compare brings the GPU's result back and compares all bits.
func compare(ctx context.Context, want, got *np.Tensor) error {
	back, err := got.To(ctx, want.Device())
	if err != nil {
		return err
	}
	a, err := np.Data[float32](want)
	if err != nil {
		return err
	}
	b, err := np.Data[float32](back)
	if err != nil {
		return err
	}
	for i := range a {
		if math.Float32bits(a[i]) != math.Float32bits(b[i]) {
			return fmt.Errorf("element %d: %v on the CPU and %v on the GPU", i, a[i], b[i])
		}
	}
	fmt.Printf("%d elements, the same bits\n", len(a))
	return nil
}
