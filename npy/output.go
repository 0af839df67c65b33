package npy

import (
	"fmt"
	"io"

	"github.com/tare-go/tare/broadcast"
	np "github.com/tare-go/tare/tensor"
)

// Array is the elements of the file as an array of zeros, to be written in place of calls of Write: in
// an evaluation with Out, the result goes to the file without passing through memory of its own.
//
//	w, err := npy.Create("z.npy", dtype.Float32, []int{50000, 5000}, false)
//	defer w.Abort()
//	out, err := w.Array()
//	defer out.Free()
//	_, err = z.Eval(ctx, np.Out(out))
//	err = w.Commit()
//
// The file gets all of its room on the storage first: one that is full is an error here, and not
// while elements are computed. The array takes no room in the budget. It can be read, and written,
// after Commit; where there is no mmap, what is written then is lost.
func (w *Writer) Array() (*np.Tensor, error) {
	m, err := w.mapping()
	if err != nil {
		return nil, err
	}
	return m.tensor()
}

// mapping gives the file its room and maps it. After a failure the file can only be aborted.
func (w *Writer) mapping() (*Mapping, error) {
	switch {
	case w.file == nil:
		return nil, ErrClosed
	case w.err != nil:
		return nil, w.err
	case w.temp == "":
		return nil, &OptionError{w.path, "Array", "it is not a regular file: use Write, or Save"}
	case w.left != w.header.NBytes() || w.whole != nil:
		return nil, fmt.Errorf("npy: %s: Array comes before any Write, and once", w.path)
	}
	m, err := w.allocated()
	if err != nil {
		w.err = fmt.Errorf("npy: %s of shape %s of %s: %w", w.path, broadcast.FormatShape(w.header.Shape), w.header.DType, w.failure(err))
		return nil, w.err
	}
	w.left = 0
	return m, nil
}

// allocated is the mapping of a file that has all of its bytes.
func (w *Writer) allocated() (*Mapping, error) {
	start, err := w.file.Seek(0, io.SeekCurrent)
	if err != nil {
		return nil, err
	}
	h := w.header
	if h.Version == [2]byte{} && start == 0 {
		start = h.DataOffset // a raw file, which may begin with other things
	}
	h.DataOffset = start
	w.bytes = h.end()
	if err := allocate(w.file, h.end()); err != nil {
		return nil, err
	}
	if reason := h.unmappable(); reason != "" {
		return nil, &OptionError{w.path, "Offset", reason}
	}
	f, err := again(w.file)
	if err != nil {
		return nil, err
	}
	m, err := mapElements(f, h, ReadWrite)
	if err != nil {
		return nil, err
	}
	m.path, w.whole = w.path, m
	return m, nil
}

// arrived writes what is in the array to the file, where that does not happen by itself.
func (w *Writer) arrived() error {
	if w.whole == nil {
		return nil
	}
	return w.whole.arrive()
}

// zeros makes a file of so many bytes longer by writing them, so that all have room on the storage.
func zeros(f io.WriterAt, from, to int64) error {
	none := make([]byte, min(to-from, chunk))
	for at := from; at < to; at += int64(len(none)) {
		n := min(int64(len(none)), to-at)
		if _, err := f.WriteAt(none[:n], at); err != nil {
			return err
		}
	}
	return nil
}
