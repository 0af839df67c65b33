package npy_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"path/filepath"

	"github.com/tare-go/tare/dtype"
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

// A result goes into a file as it is computed, without passing through memory of its own.
func ExampleWriter_Array() {
	dir, err := os.MkdirTemp("", "npy")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "roots.npy")

	w, err := npy.Create(path, dtype.Float64, []int{2, 3}, false)
	if err != nil {
		log.Fatal(err)
	}
	defer w.Abort()
	out, err := w.Array()
	if err != nil {
		log.Fatal(err)
	}
	defer out.Free()
	x, err := np.FromSlice([]float64{1, 4, 9, 16, 25, 36}, 2, 3)
	if err != nil {
		log.Fatal(err)
	}
	defer x.Free()
	if _, err := np.Sqrt(x).Eval(context.Background(), np.Out(out)); err != nil {
		log.Fatal(err)
	}
	if err := w.Commit(); err != nil {
		log.Fatal(err)
	}

	y, err := npy.Load(path)
	if err != nil {
		log.Fatal(err)
	}
	defer y.Free()
	fmt.Println(y)
	// Output:
	// [[1. 2. 3.]
	//  [4. 5. 6.]]
}

// A file of numbers and nothing else is changed where it is.
func ExampleOpenRaw() {
	dir, err := os.MkdirTemp("", "npy")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "levels.bin")
	if err := os.WriteFile(path, []byte{'h', 'e', 'a', 'd', 1, 2, 3, 4}, 0o666); err != nil {
		log.Fatal(err)
	}

	x, err := npy.OpenRaw(path, dtype.Uint8, []int{2, 2}, npy.Offset(4), npy.ReadWrite)
	if err != nil {
		log.Fatal(err)
	}
	if err := np.Assign(context.Background(), x, np.Multiply(x, 10)); err != nil {
		log.Fatal(err)
	}
	if err := npy.Sync(x); err != nil {
		log.Fatal(err)
	}
	x.Free()

	file, err := os.ReadFile(path)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(file[4:])
	// Output: [10 20 30 40]
}

// Several arrays share a file, by name.
func ExampleSaveZ() {
	dir, err := os.MkdirTemp("", "npy")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "model.npz")

	weights, err := np.FromSlice([]float64{1, 2, 3, 4}, 2, 2)
	if err != nil {
		log.Fatal(err)
	}
	bias, err := np.FromSlice([]float64{5, 6}, 2)
	if err != nil {
		log.Fatal(err)
	}
	if err := npy.SaveZ(path, map[string]*np.Tensor{"weights": weights, "bias": bias}); err != nil {
		log.Fatal(err)
	}

	z, err := npy.OpenZ(path)
	if err != nil {
		log.Fatal(err)
	}
	defer z.Close()
	b, err := z.Open("bias")
	if err != nil {
		log.Fatal(err)
	}
	defer b.Free()
	fmt.Println(z.Names(), b)
	// Output: [bias weights] [5. 6.]
}
