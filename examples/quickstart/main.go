// Command quickstart standardises the columns of an .npy file on a device of choice, and prints what
// that costs before it runs, and what it cost.
//
//	quickstart -in features.npy -out standard.npy -device cpu
package main

import (
	"context"
	"flag"
	"fmt"
	"log"
	"os"

	"github.com/tare-go/tare/device"
	"github.com/tare-go/tare/npy"
	np "github.com/tare-go/tare/tensor"
)

func main() {
	log.SetFlags(0)
	in := flag.String("in", "", "the .npy file to read; without one a small array is made")
	out := flag.String("out", "standard.npy", "the .npy file to write")
	name := flag.String("device", "cpu", "where to compute: cpu, or another device that `devbench devices` lists")
	flag.Parse()
	if err := run(*in, *out, *name); err != nil {
		log.Fatal(err)
	}
}

func run(in, out, name string) error {
	dev, err := device.Open(name)
	if err != nil {
		return err
	}
	x, err := features(in)
	if err != nil {
		return err
	}
	ctx, ledger := device.Record(context.Background())
	if x, err = x.To(ctx, dev); err != nil { // nothing to move on the CPU
		return err
	}
	z := np.Divide(np.Subtract(x, np.Mean(x, np.Axis(0))), np.Std(x, np.Axis(0)))

	plan, err := z.Plan()
	if err != nil {
		return err
	}
	fmt.Println(plan)

	y, err := z.Eval(ctx)
	if err != nil {
		return err
	}
	defer y.Free()
	fmt.Println(ledger.Stats())
	fmt.Println(y)
	return npy.Save(out, y)
}

// features opens the file, mapped and not read, or makes an array.
func features(path string) (*np.Tensor, error) {
	if path != "" {
		return npy.Open(path)
	}
	fmt.Fprintln(os.Stderr, "no -in: standardising an array of 500 × 4 numbers")
	return np.FromFunc([]int{500, 4}, func(ix []int) float64 { return float64(ix[0]*(ix[1]+1)%17) + float64(ix[1]) })
}
