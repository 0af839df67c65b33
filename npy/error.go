package npy

import (
	"errors"
	"fmt"

	"github.com/tare-go/tare/device"
)

// FormatError says what is wrong with a .npy file, and where.
type FormatError struct {
	Path   string // the file; "" for a stream
	Offset int64  // bytes from the start of the file to what is wrong
	Msg    string // what is wrong, and what should be there
}

func (e *FormatError) Error() string {
	return fmt.Sprintf("%s: byte %d: %s", fileName(e.Path), e.Offset, e.Msg)
}

// DTypeError says that a sound file holds elements of a type that tare does not have, such as
// Python objects, strings, dates, complex numbers or records.
type DTypeError struct {
	Path   string // the file; "" for a stream
	Offset int64  // bytes from the start of the file to the type
	Descr  string // the type as the file spells it: '|O', '<c16', [('a', '<f8')]
	Kind   string // what the type is: object, complex, structured
	Remedy string // what to do in Python before saving
}

func (e *DTypeError) Error() string {
	return fmt.Sprintf("%s: byte %d: elements of dtype %s (%s) are not supported: %s",
		fileName(e.Path), e.Offset, e.Descr, e.Kind, e.Remedy)
}

// MapError says why a sound file cannot be used where it lies. [Load] reads it, or [LoadRaw] a raw file.
type MapError struct {
	Path   string // the file
	Reason string // what stands against mapping it

	load string // the function that reads it, Load if empty
}

func (e *MapError) Error() string {
	load := e.load
	if load == "" {
		load = "Load"
	}
	return fmt.Sprintf("%s cannot be mapped: %s; npy.%s reads it into memory", fileName(e.Path), e.Reason, load)
}

// SpaceError says that the storage is full. Errors.Is finds the operating system's error in it.
type SpaceError struct {
	Path  string // the file
	Bytes int64  // that the file has when it is whole; 0 for a compressed archive, of which that is not known
	Err   error
}

func (e *SpaceError) Error() string {
	if e.Bytes == 0 {
		return fmt.Sprintf("%v: make room for %s, or write it elsewhere", e.Err, e.Path)
	}
	return fmt.Sprintf("%v: %s takes %s: make room for it, or write it elsewhere", e.Err, e.Path, device.ExactBytes(int(e.Bytes)))
}

// Unwrap is the error of the operating system.
func (e *SpaceError) Unwrap() error { return e.Err }

// fileName is what errors call a file.
func fileName(path string) string {
	if path == "" {
		return "npy"
	}
	return path
}

// inFile names the file in an error about its contents. Other errors pass as they are.
func inFile(err error, path string) error {
	var format *FormatError
	if errors.As(err, &format) {
		format.Path = path
	}
	var element *DTypeError
	if errors.As(err, &element) {
		element.Path = path
	}
	return err
}
