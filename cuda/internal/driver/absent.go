package driver

import (
	"fmt"
	"strings"
)

// Variable is the environment variable that names the driver's library. If it is set, no other is tried.
const Variable = "TARE_LIBCUDA"

// NotBuiltError is a program that was built without a way to a driver.
type NotBuiltError struct {
	Why string // "the build tag nocuda", "windows/amd64"
	Do  string
}

// Error says why, and what to do.
func (e *NotBuiltError) Error() string {
	return "this program was built without CUDA, because of " + e.Why + ": " + e.Do
}

// NoLibraryError is a machine without the driver's library.
type NoLibraryError struct {
	Tried []string // the names that were tried, in order
	Why   []string // what the loader said of each of them
}

// Error lists the names, what is wrong with those that are there, and what to do.
func (e *NoLibraryError) Error() string {
	var b strings.Builder
	b.WriteString("no CUDA driver: tried " + strings.Join(e.Tried, ", "))
	for i, why := range e.Why {
		if !strings.Contains(why, e.Tried[i]) || !strings.Contains(why, "No such file") {
			b.WriteString("; " + why)
		}
	}
	b.WriteString(": install NVIDIA's driver, or give the path of its libcuda.so.1 in " + Variable)
	return b.String()
}

// OldDriverError is a library that lacks entry points which tare calls.
type OldDriverError struct {
	Library string
	Lacks   []string // the entry points
}

// Error names the entry points and says what to do.
func (e *OldDriverError) Error() string {
	return fmt.Sprintf("%s lacks %s: the CUDA driver is too old: install version 450 (CUDA 11.0) or newer",
		e.Library, strings.Join(e.Lacks, ", "))
}

// InitError is a driver that does not start.
type InitError struct {
	Library string
	Err     *Error
}

// Error gives the driver's reason and says what to do.
func (e *InitError) Error() string {
	do := e.Err.Code.Do()
	if do == "" {
		do = "see whether nvidia-smi works, and what the system's log (dmesg) says of NVRM"
	}
	return fmt.Sprintf("%s does not start: %v: %s", e.Library, e.Err, do)
}

// Unwrap is the driver's error.
func (e *InitError) Unwrap() error { return e.Err }

// NoDeviceError is a driver that has no GPU to use.
type NoDeviceError struct {
	Library string
	Visible string // the environment variable CUDA_VISIBLE_DEVICES, if it is set: "CUDA_VISIBLE_DEVICES=3"
}

// Error says what to do.
func (e *NoDeviceError) Error() string {
	if e.Visible != "" {
		return e.Library + " finds no GPU: " + e.Visible + " leaves none: unset it"
	}
	return e.Library + " finds no GPU: see whether nvidia-smi lists one; a container must be given it (docker run --gpus all)"
}

// Is makes it a NoDevice.
func (e *NoDeviceError) Is(target error) bool { return target == NoDevice }
