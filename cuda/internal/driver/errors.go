package driver

import (
	"errors"
	"strings"
)

// Error is a call that the driver refused. It works with errors.Is and the constants of Code.
type Error struct {
	Entry string // the entry point: "cuMemAlloc_v2"
	Code  Code
	Name  string // the driver's name of the code
	Text  string // the driver's words for it
	Log   string // of LoadModule: what the compiler said
}

// NewError is an Error with the name and text that this package has for the code.
func NewError(entry string, code Code) *Error {
	return &Error{Entry: entry, Code: code, Name: code.Name(), Text: code.Text()}
}

// Error gives the entry point, code, name and text, and the compiler's log.
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString(e.Entry + ": " + e.Name + ": " + e.Text)
	if e.Log != "" {
		b.WriteString("\n" + e.Log)
	}
	return b.String()
}

// Unwrap is the code.
func (e *Error) Unwrap() error { return e.Code }

// Faulted reports whether a kernel failed in such a way that nothing works any more in its context.
func Faulted(err error) bool { return traitOf(err) == faulted }

// Lost reports whether the context or its device is gone, for a reason outside of the process's kernels.
func Lost(err error) bool { return traitOf(err) == lost }

// Sticky reports whether nothing more can be done with the context: it is Faulted or Lost.
func Sticky(err error) bool { return traitOf(err) != passing }

// traitOf is the trait of the code in an error.
func traitOf(err error) trait {
	var code Code
	if !errors.As(err, &code) {
		return passing
	}
	return facts[code].trait
}

// UnsupportedError is a call that a binding does not have.
type UnsupportedError struct {
	Binding string
	Call    string // the method of Table, and with what
	Do      string // what to do instead
}

// Error names the call and says what to do.
func (e *UnsupportedError) Error() string {
	return "the binding " + e.Binding + " has no " + e.Call + ": " + e.Do
}

// Is makes it an errors.ErrUnsupported.
func (e *UnsupportedError) Is(target error) bool { return target == errors.ErrUnsupported }
