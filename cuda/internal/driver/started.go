//go:build linux && !android && (amd64 || arm64) && !nocuda && (!gorgonia || cgo)

package driver

import (
	"errors"
	"os"
)

// started is the error of a driver that was initialised and asked for its number of devices.
func started(library string, devices int, err error) error {
	var e *Error
	switch {
	case errors.Is(err, NoDevice), err == nil && devices == 0:
		return &NoDeviceError{Library: library, Visible: visible()}
	case errors.As(err, &e):
		return &InitError{Library: library, Err: e}
	}
	return err
}

// visible is the environment variable that hides devices, if it is set.
func visible() string {
	const name = "CUDA_VISIBLE_DEVICES"
	if value, set := os.LookupEnv(name); set {
		return name + "=" + value
	}
	return ""
}
