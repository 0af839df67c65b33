package npy

import (
	"archive/zip"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"slices"

	np "github.com/tare-go/tare/tensor"
)

// SaveZ writes arrays to the .npz file at path, as numpy.savez: each as a member of its name, in order
// of the names, not compressed, and where [Archive.Open] can map it. No copy of an array is made. The
// file appears under its name when it is whole, as a [Writer]'s does.
func SaveZ(path string, arrays map[string]*np.Tensor) error {
	return SaveZContext(context.Background(), path, arrays)
}

// SaveZContext is SaveZ until ctx is cancelled. It then removes what it wrote, and returns ctx's error.
func SaveZContext(ctx context.Context, path string, arrays map[string]*np.Tensor) error {
	return saveZ(ctx, path, arrays, zip.Store)
}

// SaveZCompressed is SaveZContext with compressed members, as numpy.savez_compressed. They cannot be
// mapped.
func SaveZCompressed(ctx context.Context, path string, arrays map[string]*np.Tensor) error {
	return saveZ(ctx, path, arrays, zip.Deflate)
}

func saveZ(ctx context.Context, path string, arrays map[string]*np.Tensor, method uint16) error {
	f := newFile{path: path}
	if err := f.open(); err != nil {
		return fmt.Errorf("npy: save %s: %w", path, cause(err))
	}
	if method == zip.Store {
		f.bytes = elementBytes(arrays)
	}
	z := archiveWriter{to: &counter{Writer: f.file}, method: method}
	z.zip = zip.NewWriter(z.to)
	for _, name := range slices.Sorted(maps.Keys(arrays)) {
		if err := z.add(ctx, name, arrays[name]); err != nil {
			return errors.Join(fmt.Errorf("npy: save %s: array %q: %w", path, name, f.failure(err)), f.abort())
		}
	}
	if err := z.zip.Close(); err != nil {
		return errors.Join(fmt.Errorf("npy: save %s: %w", path, f.failure(err)), f.abort())
	}
	return f.commit()
}

// elementBytes is the bytes of all arrays, without what the archive adds.
func elementBytes(arrays map[string]*np.Tensor) (n int64) {
	for _, a := range arrays {
		if a != nil {
			n += int64(a.NBytes())
		}
	}
	return n
}

// archiveWriter writes the members of an archive.
type archiveWriter struct {
	to     *counter
	zip    *zip.Writer
	method uint16
	trail  int64 // bytes that follow the member before, and are not written yet
}

// counter counts what is written.
type counter struct {
	io.Writer
	n int64
}

func (c *counter) Write(p []byte) (int, error) {
	n, err := c.Writer.Write(p)
	c.n += int64(n)
	return n, err
}

// firstOfJanuary1980 is the date that NumPy gives to members, as zip archives have it.
const firstOfJanuary1980 = 1<<5 | 1

// add writes an array as a member.
func (z *archiveWriter) add(ctx context.Context, name string, a *np.Tensor) error {
	src, err := layoutOf(a)
	if err != nil {
		return err
	}
	if name == "" {
		return errors.New("an array of an archive has a name")
	}
	if err := z.zip.Flush(); err != nil {
		return err
	}
	h := &zip.FileHeader{Name: name + suffix, Method: z.method, ModifiedDate: firstOfJanuary1980}
	h.Extra = padding(z.to.n + z.trail + localHeader + int64(len(h.Name)))
	w, err := z.zip.CreateHeader(h)
	if err != nil {
		return err
	}
	header := AppendHeader(nil, src.typ, src.fortran(), src.at.Shape)
	z.trail = descriptor(int64(len(header)) + int64(src.at.Size())*int64(src.typ.Size()))
	if _, err := w.Write(header); err != nil {
		return err
	}
	return src.write(ctx, w)
}

// The sizes of parts of a zip archive, in bytes.
const (
	localHeader  = 30 // without name and extra fields
	extraHeader  = 4
	descriptor32 = 16
	descriptor64 = 24
)

// paddingID marks an extra field that is there for its length; alignment tools use it so.
const paddingID = 0xd935

// descriptor is the bytes that follow a member of so many bytes that is not compressed.
func descriptor(bytes int64) int64 {
	if bytes >= math.MaxUint32 {
		return descriptor64
	}
	return descriptor32
}

// padding is an extra field after which the offset of what follows is a multiple of the alignment.
func padding(at int64) []byte {
	n := alignment - (at+extraHeader)%alignment
	extra := binary.LittleEndian.AppendUint16(nil, paddingID)
	extra = binary.LittleEndian.AppendUint16(extra, uint16(n))
	return append(extra, make([]byte, n)...)
}
