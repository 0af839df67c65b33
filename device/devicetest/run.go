package devicetest

import (
	"context"
	"errors"
	"testing"

	"github.com/tare-go/tare/device"
)

// Run tests that a device keeps its contract and computes what the reference interpreter does, bit
// for bit (a NaN is a NaN). It walks the operator table, all element types and layouts, folds,
// products and masks, so that a new operator is tested without new code. It closes the device. In
// short mode fewer sizes are tried.
func Run(t *testing.T, dev device.Device) {
	s := &suite{dev: dev}
	t.Run("contract", s.contract)
	t.Run("maps", s.maps)
	t.Run("casts", s.casts)
	t.Run("large", s.large)
	t.Run("masks", s.masks)
	t.Run("folds", s.folds)
	t.Run("folds of casts", s.castFolds)
	t.Run("masked folds", s.maskedFolds)
	t.Run("argfolds", s.argFolds)
	t.Run("stages", s.stages)
	t.Run("matmul", s.matMuls)
	t.Run("scan", s.scans)
	t.Run("concurrent", s.concurrent)
	t.Run("close", s.close)
}

type suite struct{ dev device.Device }

// check runs a trial on the device and compares it with the interpreter. It fails the test and
// returns false if they differ.
func (s *suite) check(t *testing.T, name string, tr *trial) bool {
	t.Helper()
	want, err := tr.interpreted()
	if err != nil {
		t.Errorf("%s: interpreter: %v\n%v", name, err, tr.op)
		return false
	}
	return s.compare(t, name, tr, want)
}

// compare is check with the wanted blocks known.
func (s *suite) compare(t *testing.T, name string, tr *trial, want [][]byte) bool {
	t.Helper()
	got, err := tr.on(context.Background(), s.dev)
	if err == nil {
		err = tr.differ(got, want)
	}
	if err != nil {
		t.Errorf("%s: %v\n%v", name, err, tr.op)
	}
	return err == nil
}

// checkSplittable is check for kernels that a device may want to be split.
func (s *suite) checkSplittable(t *testing.T, name string, tr *trial) bool {
	t.Helper()
	p, err := s.dev.Compile(tr.op)
	if errors.Is(err, device.ErrSplit) {
		t.Logf("%s: to be split", name)
		return true
	}
	if err == nil {
		err = p.Close()
	}
	if err != nil {
		t.Errorf("%s: compile and close: %v\n%v", name, err, tr.op)
		return false
	}
	return s.check(t, name, tr)
}
