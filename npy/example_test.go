package npy_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"path/filepath"

	"github.com/tare-go/tare/npy"
	np "github.com/tare-go/tare/tensor"
)

// An array is saved, mapped again without reading it, and used like any other.
func Example() {
	dir, err := os.MkdirTemp("", "npy")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "features.npy")

	x, err := np.FromSlice([]float64{1, 2, 3, 4, 5, 6}, 2, 3)
	if err != nil {
		log.Fatal(err)
	}
	if err := npy.Save(path, x); err != nil {
		log.Fatal(err)
	}

	m, err := npy.Open(path)
	if err != nil {
		log.Fatal(err)
	}
	defer m.Free()
	mean, err := np.Mean(m, np.Axis(0)).Eval(context.Background())
	if err != nil {
		log.Fatal(err)
	}
	values, err := np.ToSlice[float64](mean)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(m.Shape(), m.DType(), values)
	// Output: [2 3] float64 [2.5 3.5 4.5]
}
