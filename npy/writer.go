package npy

import (
	"context"
	"errors"
	"fmt"

	"github.com/tare-go/tare/broadcast"
	"github.com/tare-go/tare/dtype"
)

// ErrClosed is the error of a Writer that is used after Commit or Abort.
var ErrClosed = errors.New("npy: the writer was committed or aborted before")

// Writer writes a .npy file as its elements come. The file appears under its name on Commit, whole,
// in place of any file of that name; until then there is a hidden file of another name beside it,
// which Abort removes, as does Commit if it fails.
//
// Where the name is a device or a pipe, such as /dev/stdout, the bytes go there as they come.
type Writer struct {
	newFile
	header Header
	left   int      // bytes of elements still to come
	err    error    // the first failure of a write
	whole  *Mapping // the elements, if they are written as an array
}

// Create starts a .npy file of elements of type d and the given shape, in this machine's byte order
// and in Fortran or C order, and writes its header. The error is a *[broadcast.ShapeError], or one
// of the operating system. Follow it with
//
//	defer w.Abort()
//
// which does nothing after Commit. A file of this name that exists has to be writable and keeps its
// permissions; a new one has those that the process gives to files that it makes. From here on, and in all that follows, a
// storage that is full is a *[SpaceError].
func Create(path string, d dtype.DType, shape []int, fortran bool) (*Writer, error) {
	if d == dtype.Invalid || d >= dtype.Count {
		return nil, fmt.Errorf("npy: create %s: the element type is %s", path, d)
	}
	n, err := broadcast.Bytes(shape, d.Size())
	if err != nil {
		return nil, fmt.Errorf("npy: create %s: %w", path, err)
	}
	h := Header{DType: d, BigEndian: hostBig && d.Size() > 1, Fortran: fortran, Shape: append([]int{}, shape...)}
	w := &Writer{newFile: newFile{path: path}, header: h, left: n}
	if err := w.open(); err != nil {
		return nil, fmt.Errorf("npy: create %s: %w", path, w.failure(err))
	}
	head := h.Append(nil)
	w.bytes = int64(len(head) + n)
	if _, err := w.file.Write(head); err != nil {
		return nil, errors.Join(fmt.Errorf("npy: create %s: %w", path, w.failure(err)), w.Abort())
	}
	return w, nil
}

// Write appends elements: their bytes in this machine's order, in the order of the file. A call
// need not end where an element does. More bytes than the shape has are an error, as is any write
// after one that failed.
func (w *Writer) Write(p []byte) (int, error) {
	switch {
	case w.file == nil:
		return 0, ErrClosed
	case w.err != nil:
		return 0, w.err
	case len(p) > w.left:
		w.err = fmt.Errorf("npy: write %s: %d bytes beyond the data of shape %s of %s",
			w.path, len(p)-w.left, broadcast.FormatShape(w.header.Shape), w.header.DType)
		return 0, w.err
	}
	n, err := w.file.Write(p)
	w.left -= n
	if err != nil {
		w.err = fmt.Errorf("npy: write %s: %w", w.path, w.failure(err))
	}
	return n, w.err
}

// WriteView appends the elements of v, a layout of the buffer mem, in the order of the file: a
// part of the array, or all of it. Elements that lie apart are gathered, 1 MiB at a time. After
// ctx is cancelled it returns ctx's error, and the file can only be aborted.
func (w *Writer) WriteView(ctx context.Context, mem []byte, v broadcast.View) error {
	err := writeView(ctx, w, mem, v, w.header.DType.Size(), w.header.Fortran)
	if w.err == nil {
		w.err = err
	}
	return err
}

// Commit gives the file its name, or removes it: if a write failed, if elements are missing, or if
// the operating system will not rename. What is under the name is then what was there before.
// Nothing is forced to the disk: that the file outlives a failing machine is not promised.
func (w *Writer) Commit() error {
	if w.file == nil {
		return ErrClosed
	}
	if w.err == nil && w.left > 0 {
		w.err = fmt.Errorf("npy: commit %s: %d bytes of the data of shape %s of %s were not written",
			w.path, w.left, broadcast.FormatShape(w.header.Shape), w.header.DType)
	}
	if w.err != nil {
		return errors.Join(w.err, w.Abort())
	}
	if err := w.arrived(); err != nil {
		return errors.Join(fmt.Errorf("npy: commit %s: %w", w.path, w.failure(err)), w.Abort())
	}
	return w.commit()
}

// Abort removes what was written. After Commit, and a second time, it does nothing.
func (w *Writer) Abort() error { return w.abort() }
