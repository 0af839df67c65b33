package npy

import "fmt"

// MapOption says how [Open], [OpenRaw], [Map] and [MapRaw] take a file: a [Mode], an [Offset], an [Order].
type MapOption interface{ set(o *mapOptions) }

// Mode says what writing to a mapped array does, as the mode of numpy.memmap.
type Mode byte

// The modes.
const (
	// ReadOnly makes writing an error. It is what holds without a Mode; NumPy's 'r'.
	ReadOnly Mode = iota
	// ReadWrite writes to the file, which has to exist; NumPy's 'r+'. The system stores what was
	// written in its own time, and [Sync] at once.
	ReadWrite
	// CopyOnWrite keeps what is written to the array, and leaves the file as it is; NumPy's 'c'. The
	// pages that are written take memory, which is in no budget.
	CopyOnWrite
	// Overwrite makes a file of zeros and takes it as ReadWrite does; NumPy's 'w+'. A file of this
	// name is replaced; who has it mapped keeps the old one. It is for OpenRaw and MapRaw: [Create]
	// makes .npy files.
	Overwrite
)

// modeNames are NumPy's.
var modeNames = [...]string{ReadOnly: "r", ReadWrite: "r+", CopyOnWrite: "c", Overwrite: "w+"}

// String is NumPy's name of the mode.
func (m Mode) String() string {
	if int(m) < len(modeNames) {
		return modeNames[m]
	}
	return fmt.Sprintf("Mode(%d)", byte(m))
}

func (m Mode) set(o *mapOptions) { o.mode = m }

// writes says whether elements may be written, and reaches whether they then are in the file.
func (m Mode) writes() bool  { return m != ReadOnly }
func (m Mode) reaches() bool { return m == ReadWrite || m == Overwrite }

// Offset is the number of bytes of a raw file before its first element, 0 if it is not given.
type Offset int64

func (n Offset) set(o *mapOptions) { o.offset, o.raw = int64(n), "Offset" }

// Order says how the elements of a raw file lie in it.
type Order byte

// The orders.
const (
	FortranOrder Order = iota + 1 // the first axis varies fastest; otherwise the last does
	BigEndian                     // the most significant byte of an element comes first; otherwise it is this machine's order
)

func (r Order) set(o *mapOptions) {
	switch r {
	case FortranOrder:
		o.fortran, o.raw = true, "FortranOrder"
	case BigEndian:
		o.big, o.raw = true, "BigEndian"
	}
}

// mapOptions are all options of a call.
type mapOptions struct {
	mode         Mode
	offset       int64
	fortran, big bool
	raw          string // the last option that only raw files have
}

// chosen are the options of a call for the file at path.
func chosen(path string, opts []MapOption) (mapOptions, error) {
	var o mapOptions
	for _, opt := range opts {
		if opt != nil {
			opt.set(&o)
		}
	}
	if int(o.mode) >= len(modeNames) {
		return o, &OptionError{path, o.mode.String(), "there is no such mode: use ReadOnly, ReadWrite, CopyOnWrite or Overwrite"}
	}
	return o, nil
}

// npy refuses what only raw files have.
func (o mapOptions) npy(path string) error {
	switch {
	case o.raw != "":
		return &OptionError{path, o.raw, "a .npy file says itself how it is laid out: leave the option out, or use OpenRaw"}
	case o.mode == Overwrite:
		return &OptionError{path, "Overwrite", "a .npy file is made by Create, and Writer.Array is its elements"}
	}
	return nil
}

// OptionError is an option that does not go with the file or the call.
type OptionError struct {
	Path   string
	Option string
	Why    string // what stands against it, and what to use
}

func (e *OptionError) Error() string {
	return fmt.Sprintf("%s: option %s: %s", fileName(e.Path), e.Option, e.Why)
}
