package main

import (
	"cmp"
	"errors"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"slices"

	"github.com/tare-go/tare/cmd/devbench/internal/quantity"
	"github.com/tare-go/tare/dtype"
	"github.com/tare-go/tare/internal/ir"
	"github.com/tare-go/tare/npy"
	np "github.com/tare-go/tare/tensor"
)

// tensors are the arrays that an expression reads, in order of their names.
type tensors []namedTensor

type namedTensor struct {
	name  string
	array *np.Tensor
}

// tensors opens the files and makes the random arrays of the flags, in the host's memory.
func (f inputFlags) tensors() (tensors, error) {
	arrays, err := f.arrays()
	if err != nil {
		return nil, err
	}
	var ts tensors
	add := func(flag, name string, t *np.Tensor, err error) error {
		if err != nil {
			ts.free()
			return fmt.Errorf("--%s %s: %w", flag, name, err)
		}
		ts = append(ts, namedTensor{name, t.Named(name)})
		return nil
	}
	for _, n := range f.In {
		t, err := opened(n.Value)
		if err := add("in", n.Name, t, err); err != nil {
			return nil, err
		}
	}
	for _, n := range f.Shape {
		t, err := random(n.Name, arrays[n.Name])
		if err := add("shape", n.Name, t, err); err != nil {
			return nil, err
		}
	}
	slices.SortFunc(ts, func(a, b namedTensor) int { return cmp.Compare(a.name, b.name) })
	return ts, nil
}

// opened is the array in a file: mapped or, where its bytes cannot serve as they lie, read.
func opened(value string) (*np.Tensor, error) {
	raw, ok, err := parseRawFile(value)
	if err != nil {
		return nil, err
	}
	open, load := func() (*np.Tensor, error) { return npy.Open(value) }, func() (*np.Tensor, error) { return npy.Load(value) }
	if ok {
		open = func() (*np.Tensor, error) { return npy.OpenRaw(raw.path, raw.typ, raw.shape, raw.offset) }
		load = func() (*np.Tensor, error) { return npy.LoadRaw(raw.path, raw.typ, raw.shape, raw.offset) }
	}
	t, err := open()
	var unmappable *npy.MapError
	if errors.As(err, &unmappable) {
		return load()
	}
	return t, err
}

// intact says whether all files are as long as they were when they were opened.
func (ts tensors) intact() error {
	for _, t := range ts {
		if err := npy.Intact(t.array); err != nil {
			return err
		}
	}
	return nil
}

// nodes are the arrays as nodes, by name.
func (ts tensors) nodes() map[string]*ir.Node {
	nodes := map[string]*ir.Node{}
	for _, t := range ts {
		n, err := np.E(t.array).Node()
		if err != nil {
			panic("BUG: devbench: an array has no node: " + err.Error())
		}
		nodes[t.name] = n
	}
	return nodes
}

// free releases the arrays.
func (ts tensors) free() {
	for _, t := range ts {
		t.array.Free()
	}
}

// random is an array of numbers that depend on the name alone: floats from 0 up to 1, integers from
// 0 up to 100, bools.
func random(name string, a quantity.Array) (*np.Tensor, error) {
	h := fnv.New64a()
	h.Write([]byte(name))
	r := rand.New(rand.NewPCG(h.Sum64(), 2))
	draw := r.Float64
	switch {
	case a.Type == dtype.Bool:
		draw = func() float64 { return float64(r.IntN(2)) }
	case a.Type.IsInteger():
		draw = func() float64 { return float64(r.IntN(100)) }
	}
	return np.FromFunc(a.Shape, func([]int) float64 { return draw() }, np.DType(a.Type))
}
