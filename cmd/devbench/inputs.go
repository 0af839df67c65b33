package main

import (
	"errors"
	"fmt"
	"os"
	"regexp"
	"strconv"
	"strings"

	"github.com/tare-go/tare/broadcast"
	"github.com/tare-go/tare/cmd/devbench/internal/quantity"
	"github.com/tare-go/tare/device"
	"github.com/tare-go/tare/dtype"
	"github.com/tare-go/tare/internal/ir"
	"github.com/tare-go/tare/internal/plan"
	"github.com/tare-go/tare/npy"
)

// inputFlags give names to the arrays of an expression.
type inputFlags struct {
	In    []quantity.Named `placeholder:"NAME=FILE.npy" sep:"none" help:"An array of the expression, read from a file: a .npy file or, as NAME=FILE:1000x50:f32@128, the elements of a raw one from that byte on. Without @ they start at byte 0, without a shape they are one axis as long as the file."`
	Shape []quantity.Named `placeholder:"NAME=500x20:f64" sep:"none" help:"An array of the expression, by shape and element type; eval fills it with random numbers, the same each time."`
}

// evaluation flags say where and how an expression runs.
type evaluationFlags struct {
	Device string          `placeholder:"NAME" help:"The device: cpu, cuda:0, auto. Default: the environment variable TARE_DEVICE, or cpu."`
	Budget *quantity.Bytes `placeholder:"2GiB" help:"The most that may be allocated at one time. Default: 80 % of what memory is left."`
	Eager  bool            `help:"Run every operator by itself, as NumPy does, with its intermediates."`
	Strict bool            `help:"Refuse what may be a mistake: mutual expansion, a reduction aligned with the wrong axis, implicit promotion."`
}

// source is an expression as it was given, without the spaces around it.
type source string

// UnmarshalText takes the spaces off.
func (s *source) UnmarshalText(text []byte) error {
	*s = source(strings.TrimSpace(string(text)))
	return nil
}

// arrays are the values of --shape, by name. A name that is there twice, also in --in, is a mistake.
func (f inputFlags) arrays() (map[string]quantity.Array, error) {
	seen := map[string]bool{}
	arrays := map[string]quantity.Array{}
	for _, n := range append(f.In[:len(f.In):len(f.In)], f.Shape...) {
		if seen[n.Name] {
			return nil, usageError{fmt.Errorf("the array %s is given twice", n.Name)}
		}
		seen[n.Name] = true
	}
	for _, n := range f.Shape {
		a, err := quantity.ParseArray(n.Value)
		if err != nil {
			return nil, usageError{fmt.Errorf("--shape %s: %w", n.Name, err)}
		}
		arrays[n.Name] = a
	}
	return arrays, nil
}

// absent is an array without memory: what explain plans with. It implements plan.Array.
type absent struct {
	name   string
	dev    device.Device
	bytes  int
	mapped bool
}

var _ plan.Array = (*absent)(nil)

func (a *absent) SourceName() string           { return a.name }
func (a *absent) Device() device.Device        { return a.dev }
func (a *absent) Hold() (device.Buffer, error) { return nil, fmt.Errorf("%s has no data", a.name) }
func (a *absent) Release()                     {}
func (a *absent) Bytes() int                   { return a.bytes }
func (a *absent) Mapped() bool                 { return a.mapped }

// outlines are nodes of the inputs that have shapes and types, and no data. Of files the header is
// read.
func (f inputFlags) outlines() (map[string]*ir.Node, error) {
	arrays, err := f.arrays()
	if err != nil {
		return nil, err
	}
	dev, err := device.Open("cpu")
	if err != nil {
		return nil, err
	}
	nodes := map[string]*ir.Node{}
	for name, a := range arrays {
		at := broadcast.Contiguous(a.Shape, a.Type.Size())
		leaf := &absent{name: name, dev: dev}
		nodes[name] = ir.NewLeaf(leaf, a.Type, at)
		leaf.bytes = nodes[name].Bytes()
	}
	for _, n := range f.In {
		h, err := headerOf(n.Value)
		if err != nil {
			return nil, fmt.Errorf("--in %s: %w", n.Name, err)
		}
		nodes[n.Name] = ir.NewLeaf(&absent{n.Name, dev, h.NBytes(), true}, h.DType, h.View())
	}
	return nodes, nil
}

// headerOf is the header of a .npy file, or what is said of a raw one.
func headerOf(value string) (npy.Header, error) {
	raw, ok, err := parseRawFile(value)
	switch {
	case err != nil:
		return npy.Header{}, err
	case ok:
		return npy.RawHeader(raw.path, raw.typ, raw.shape, raw.offset)
	}
	return header(value)
}

// rawFile is a file of elements and nothing else.
type rawFile struct {
	path   string
	shape  []int // nil for as many elements as there are
	typ    dtype.DType
	offset npy.Offset
}

// rawFilePattern is a path, perhaps a shape, a type, and perhaps an offset.
var rawFilePattern = regexp.MustCompile(`^(.+?)(?::(\d[\dx]*))?:([a-z]\w*)(?:@(\d+))?$`)

// parseRawFile reads FILE:1000x50:f32@128. What names a file that exists, and what does not look like
// this, is not ok.
func parseRawFile(text string) (r rawFile, ok bool, err error) {
	m := rawFilePattern.FindStringSubmatch(text)
	if m == nil {
		return r, false, nil
	}
	if _, err := os.Stat(text); err == nil {
		return r, false, nil
	}
	a, err := quantity.ParseArray(m[2] + ":" + m[3])
	if err != nil {
		return r, false, usageError{err}
	}
	r = rawFile{path: m[1], typ: a.Type}
	if m[2] != "" {
		r.shape = a.Shape
	}
	if m[4] != "" {
		n, err := strconv.ParseInt(m[4], 10, 64)
		if err != nil {
			return r, false, usageError{fmt.Errorf("the offset %s is beyond the end of any file", m[4])}
		}
		r.offset = npy.Offset(n)
	}
	return r, true, nil
}

// header reads what a .npy file says about itself.
func header(path string) (npy.Header, error) {
	info, err := os.Stat(path)
	if err != nil {
		return npy.Header{}, err
	}
	if !info.Mode().IsRegular() {
		return npy.Header{}, fmt.Errorf("%s is not a regular file: give the array's shape and type with --shape instead", path)
	}
	f, err := os.Open(path)
	if err != nil {
		return npy.Header{}, err
	}
	defer f.Close()
	h, err := npy.ReadHeader(f, info.Size())
	return h, inFile(path, err)
}

// inFile names the file in an error about what is in it.
func inFile(path string, err error) error {
	var format *npy.FormatError
	if errors.As(err, &format) {
		format.Path = path
	}
	var element *npy.DTypeError
	if errors.As(err, &element) {
		element.Path = path
	}
	return err
}
