//go:build !unix || aix || solaris || illumos

package npy

import "os"

// backing is the name of the file that memory was read from, and whether it is written back to no more.
type backing struct {
	name string
	done bool
}

// open reads the data of f, and closes it: an open file could not be replaced here.
func (m *Mapping) open(f *os.File) error {
	data := make([]byte, m.Header.NBytes())
	if err := readAt(f, data, m.Header); err != nil {
		return err
	}
	m.Data, m.name = data, f.Name()
	return f.Close()
}

// size is the number of bytes that the file had: what becomes of it does not matter.
func (m *Mapping) size() (int64, error) { return m.Header.end(), nil }

// sync writes the data back, and waits until it is stored.
func (m *Mapping) sync() error { return m.writeBack((*os.File).Sync) }

// close writes the data back.
func (m *Mapping) close() error {
	if !m.mode.reaches() || m.done {
		return nil
	}
	return m.writeBack(nil)
}

// arrive writes the data back for the last time, as far as the mapping is not closed.
func (m *Mapping) arrive() error {
	if len(m.Data) == 0 || m.done {
		return nil
	}
	m.done = true
	return m.writeBack(nil)
}

// writeBack writes the data to the file and calls then, if there is one, before it closes it.
func (m *Mapping) writeBack(then func(*os.File) error) error {
	f, err := os.OpenFile(m.name, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = f.WriteAt(m.Data, m.Header.DataOffset)
	if err == nil && then != nil {
		err = then(f)
	}
	if closed := f.Close(); err == nil {
		err = closed
	}
	return err
}

// drop has nothing to give back.
func (m *Mapping) drop() {}

// again is a second handle of a file.
func again(f *os.File) (*os.File, error) { return os.OpenFile(f.Name(), os.O_RDWR, 0) }
