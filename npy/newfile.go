package npy

import (
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"syscall"
)

// newFile is a file that appears under its name when it is whole.
type newFile struct {
	path string   // the name to be
	temp string   // the name until then, or "" for a device
	file *os.File // nil after commit and abort

	bytes int64 // when it is whole, 0 if that is not known
}

// open opens the file to write to: one beside the path, or what is there if it is no file.
func (w *newFile) open() error {
	old, err := os.OpenFile(w.path, os.O_WRONLY, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return w.openBeside(0, false)
	}
	if err != nil {
		return err
	}
	info, err := old.Stat()
	if err != nil {
		return errors.Join(err, old.Close())
	}
	if !info.Mode().IsRegular() {
		w.file = old
		return nil
	}
	if err := old.Close(); err != nil {
		return err
	}
	return w.openBeside(info.Mode().Perm(), true)
}

// openBeside makes the file that is to be renamed, in the folder of the one that it replaces,
// which a symbolic link may name.
func (w *newFile) openBeside(perm fs.FileMode, replaces bool) error {
	if replaces {
		real, err := filepath.EvalSymlinks(w.path)
		if err != nil {
			return err
		}
		w.path = real
	}
	temp, file, err := createTemp(filepath.Dir(w.path))
	if err != nil {
		return err
	}
	w.temp, w.file = temp, file
	if replaces {
		if err := file.Chmod(perm); err != nil {
			return errors.Join(err, w.abort())
		}
	}
	return nil
}

// cause is an error of the operating system without the name that the file has until it is whole.
func cause(err error) error {
	var path *fs.PathError
	var link *os.LinkError
	switch {
	case errors.As(err, &path):
		return path.Err
	case errors.As(err, &link):
		return link.Err
	}
	return err
}

// failure is an error of the operating system in writing the file, without the name that it has until it is whole. Where
// the storage is full, it says how much the whole file takes.
func (w *newFile) failure(err error) error {
	err = cause(err)
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
		return &SpaceError{w.path, w.bytes, err}
	}
	return err
}

// createTemp makes a new file in dir. Unlike os.CreateTemp's, others may read it where the umask
// says so: it keeps its permissions when it gets its name.
func createTemp(dir string) (string, *os.File, error) {
	for try := 0; ; try++ {
		name := filepath.Join(dir, fmt.Sprintf(".npy-%016x.tmp", rand.Uint64()))
		f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o666)
		if err == nil {
			return name, f, nil
		}
		if !errors.Is(err, fs.ErrExist) || try == 100 {
			return "", nil, err
		}
	}
}

// commit gives the file its name, or removes it.
func (w *newFile) commit() error {
	err := w.file.Close()
	if err == nil && w.temp != "" {
		err = os.Rename(w.temp, w.path)
	}
	w.file = nil
	if err != nil {
		return errors.Join(fmt.Errorf("npy: commit %s: %w", w.path, w.failure(err)), w.remove())
	}
	return nil
}

// abort removes what was written, unless it has its name.
func (w *newFile) abort() error {
	if w.file == nil {
		return nil
	}
	err := w.file.Close()
	w.file = nil
	return errors.Join(err, w.remove())
}

// remove removes the file that has not got its name.
func (w *newFile) remove() error {
	if w.temp == "" {
		return nil
	}
	return os.Remove(w.temp)
}
