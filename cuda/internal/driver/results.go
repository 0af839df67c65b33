//go:build linux && !android && (amd64 || arm64) && !nocuda && (!gorgonia || cgo)

package driver

import "errors"

// withLog adds the compiler's logs to an error of the driver.
func withLog(err error, info, failures []byte) error {
	var e *Error
	if errors.As(err, &e) {
		e.Log = textOf(failures)
		if e.Log == "" {
			e.Log = textOf(info)
		}
	}
	return err
}

// passed is what a query says.
func passed(err error) (bool, error) {
	if errors.Is(err, NotReady) {
		return false, nil
	}
	return err == nil, err
}
