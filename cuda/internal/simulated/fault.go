package simulated

import (
	"errors"

	"github.com/tare-go/tare/cuda/internal/driver"
	"github.com/tare-go/tare/cuda/ptxsim"
)

// failed is the error of a call. detail is what the simulator said, "" for nothing.
func failed(call string, code driver.Code, detail string) *driver.Error {
	e := driver.NewError(call, code)
	switch {
	case detail == "":
	case code == driver.InvalidPTX:
		e.Log = detail
	default:
		e.Text += ": " + detail
	}
	return e
}

// again is the error of a call in a context that was lost by another one.
func again(lost *driver.Error, call string) *driver.Error {
	e := *lost
	e.Entry = call
	return &e
}

// codeOf is what the driver says of a fault of the simulator.
func codeOf(err error) driver.Code {
	var fault *ptxsim.Fault
	switch {
	case !errors.As(err, &fault):
		return driver.LaunchFailed
	case fault.Kind == ptxsim.OutOfBounds, fault.Kind == ptxsim.UseAfterFree:
		return driver.IllegalAddress
	case fault.Kind == ptxsim.Misaligned:
		return driver.MisalignedAddress
	}
	return driver.LaunchFailed
}
