// Command incident standardises a matrix that is nearly as large as the memory it may take, three ways: an operator at a
// time, as one evaluation, and a few rows at a time through a file. It prints what each took.
//
// In NumPy, x - x.mean(axis=1, keepdims=True) and what follows it hold several arrays of the size of x at once. In a
// container with a limit the process is killed, and nothing says why.
//
//	incident -rows 200000 -limit 120
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log"
	"os"
	"path/filepath"

	"github.com/tare-go/tare/device"
	"github.com/tare-go/tare/npy"
	np "github.com/tare-go/tare/tensor"
)

const columns = 50

func main() {
	log.SetFlags(0)
	rows := flag.Int("rows", 200_000, "rows of the matrix, which has 50 columns of float64")
	limit := flag.Int("limit", 120, "the most memory that an evaluation may take, in MB")
	flag.Parse()
	folder, err := os.MkdirTemp("", "incident")
	if err != nil {
		log.Fatal(err)
	}
	err = run(folder, *rows, *limit*1e6)
	if err := errors.Join(err, os.RemoveAll(folder)); err != nil {
		log.Fatal(err)
	}
}

func run(folder string, rows, limit int) error {
	path := filepath.Join(folder, "features.npy")
	if err := makeFeatures(path, rows); err != nil {
		return err
	}
	x, err := npy.Open(path) // mapped: its pages are the file's, and not ours
	if err != nil {
		return err
	}
	defer x.Free()
	z := pipeline(x)
	fmt.Printf("x is %d × %d, %d MB; the limit is %d MB\n", rows, columns, x.NBytes()/1e6, limit/1e6)

	fmt.Println("\n1. an operator at a time, as NumPy evaluates, which would be killed here")
	show(stepwise(z, limit))
	fmt.Println("\n2. as one evaluation")
	show(fused(z, limit))
	fmt.Println("\n3. a few rows at a time, into a file, in a tenth of the limit")
	stats, err := chunked(z, limit/10, filepath.Join(folder, "standard.npy"))
	show(stats, err)
	return err
}

// pipeline centres each row, scales each column, and replaces what is missing.
func pipeline(x *np.Tensor) *np.Expr {
	centred := np.Subtract(x, np.Mean(x, np.Axis(1), np.KeepDims))
	scaled := np.Divide(centred, np.Std(x, np.Axis(0)))
	return np.Where(np.IsNaN(scaled), 0.0, np.Maximum(np.Minimum(scaled, 3), -3))
}

func stepwise(z *np.Expr, limit int) (device.Stats, error) {
	return evaluate(np.Eager(context.Background()), z, limit)
}

func fused(z *np.Expr, limit int) (device.Stats, error) {
	return evaluate(context.Background(), z, limit)
}

// evaluate computes z within the limit, and returns its ledger.
func evaluate(ctx context.Context, z *np.Expr, limit int) (device.Stats, error) {
	ctx, ledger := device.Record(ctx)
	y, err := z.Eval(ctx, np.Budget(limit))
	if err != nil {
		return ledger.Stats(), err
	}
	defer y.Free()
	return ledger.Stats(), nil
}

// chunked computes z in parts that fit, and writes each to the file, which appears when it is whole.
func chunked(z *np.Expr, limit int, path string) (device.Stats, error) {
	ctx, ledger := device.Record(context.Background())
	parts, err := z.Chunked(np.Budget(limit))
	if err != nil {
		return ledger.Stats(), err
	}
	w, err := npy.Create(path, np.Float64, z.Shape(), false)
	if err != nil {
		return ledger.Stats(), err
	}
	defer w.Abort()
	for part, err := range parts.Eval(ctx) {
		if err != nil {
			return ledger.Stats(), err
		}
		err = w.WriteTensor(ctx, part)
		part.Free()
		if err != nil {
			return ledger.Stats(), err
		}
	}
	fmt.Printf("%d parts of %d rows\n", parts.Parts(), parts.Rows())
	return ledger.Stats(), w.Commit()
}

func show(stats device.Stats, err error) {
	if err != nil {
		fmt.Println("refused:", err)
	}
	fmt.Print(stats)
}

// makeFeatures writes a matrix of made-up measurements, a few rows at a time.
func makeFeatures(path string, rows int) error {
	w, err := npy.Create(path, np.Float64, []int{rows, columns}, false)
	if err != nil {
		return err
	}
	defer w.Abort()
	const step = 10_000
	for first := 0; first < rows; first += step {
		n := min(step, rows-first)
		part, err := np.FromFunc([]int{n, columns}, func(ix []int) float64 {
			return float64((first+ix[0])*(ix[1]+7)%1013) / float64(ix[1]+1)
		})
		if err != nil {
			return err
		}
		err = w.WriteTensor(context.Background(), part)
		part.Free()
		if err != nil {
			return err
		}
	}
	return w.Commit()
}
