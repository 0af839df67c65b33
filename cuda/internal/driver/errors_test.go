package driver_test

import (
	"errors"
	"fmt"
	"os"
	"regexp"
	"strconv"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tare-go/tare/cuda/internal/driver"
)

func TestErrorsAreTheirCodes(t *testing.T) {
	err := fmt.Errorf("cuda:0: %w", driver.NewError("cuMemAlloc_v2", driver.OutOfMemory))
	assert.ErrorIs(t, err, driver.OutOfMemory)
	assert.NotErrorIs(t, err, driver.InvalidValue)
	assert.Equal(t, "cuda:0: cuMemAlloc_v2: CUDA_ERROR_OUT_OF_MEMORY: out of memory", err.Error())
	var code driver.Code
	require.ErrorAs(t, err, &code)
	assert.Equal(t, driver.OutOfMemory, code)
}

func TestErrorsHaveTheLog(t *testing.T) {
	err := driver.NewError("cuModuleLoadDataEx", driver.InvalidPTX)
	err.Log = "line 7: no"
	assert.Equal(t, "cuModuleLoadDataEx: CUDA_ERROR_INVALID_PTX: the PTX does not compile\nline 7: no", err.Error())
}

func TestWhatAnErrorSaysOfItsContext(t *testing.T) {
	const none, faulted, lost = "none", "faulted", "lost"
	for code, want := range map[driver.Code]string{
		driver.InvalidValue: none, driver.OutOfMemory: none, driver.InvalidPTX: none, driver.UnsupportedPTXVersion: none,
		driver.NotFound: none, driver.NotReady: none, driver.LaunchOutOfResources: none, driver.InvalidHandle: none,
		driver.NotSupported: none, 4711: none, 0: none,
		driver.IllegalAddress: faulted, driver.LaunchTimeout: faulted, driver.Assert: faulted,
		driver.MisalignedAddress: faulted, driver.LaunchFailed: faulted, 714: faulted, 715: faulted, 717: faulted, 718: faulted,
		driver.DeviceUnavailable: lost, driver.NoDevice: lost, driver.ContextIsDestroyed: lost, driver.InvalidContext: lost,
		driver.ECCUncorrectable: lost, driver.NVLinkUncorrectable: lost, driver.Deinitialized: lost, driver.Unknown: lost,
		driver.SystemNotReady: lost,
	} {
		err := fmt.Errorf("wrapped: %w", driver.NewError("cuStreamSynchronize", code))
		assert.Equal(t, want == faulted, driver.Faulted(err), "%v", err)
		assert.Equal(t, want == lost, driver.Lost(err), "%v", err)
		assert.Equal(t, want != none, driver.Sticky(err), "%v", err)
	}
	for _, err := range []error{nil, errors.New("of another kind"), &driver.NoLibraryError{}} {
		assert.False(t, driver.Sticky(err))
	}
}

func TestCodesWithoutAName(t *testing.T) {
	assert.Equal(t, "CUDA error 4711 (a code that tare does not know)", driver.Code(4711).Error())
	assert.Equal(t, "CUDA_ERROR_NOT_FOUND (no such name)", driver.NotFound.Error())
}

func TestWhyThereIsNoDriver(t *testing.T) {
	unsupported := &driver.UnsupportedError{Binding: "a binding", Call: "AllowShared above 48 KiB", Do: "take another"}
	assert.ErrorIs(t, unsupported, errors.ErrUnsupported)
	for err, parts := range map[error][]string{
		&driver.NotBuiltError{Why: "the build tag nocuda", Do: "build without it"}:                        {"nocuda", "build without it"},
		&driver.NoLibraryError{Tried: []string{"a", "b"}, Why: []string{"a: No such file", "b: bad ELF"}}: {"tried a, b; b: bad ELF: install"},
		&driver.NoLibraryError{Tried: []string{"a"}, Why: []string{"needed: No such file"}}:               {"tried a; needed: No such file: install"},
		&driver.OldDriverError{Library: "libcuda.so.1", Lacks: []string{"cuX", "cuY"}}:                    {"libcuda.so.1 lacks cuX, cuY", "450"},
		&driver.InitError{Library: "libcuda.so.1", Err: driver.NewError("cuInit", driver.StubLibrary)}:    {"libcuda.so.1 does not start", "STUB_LIBRARY", "LD_LIBRARY_PATH"},
		&driver.InitError{Library: "libcuda.so.1", Err: driver.NewError("cuInit", driver.InvalidHandle)}:  {"nvidia-smi"},
		&driver.NoDeviceError{Library: "libcuda.so.1"}:                                                    {"libcuda.so.1 finds no GPU", "docker"},
		&driver.NoDeviceError{Library: "libcuda.so.1", Visible: "CUDA_VISIBLE_DEVICES="}:                  {"CUDA_VISIBLE_DEVICES= leaves none"},
		unsupported: {"the binding a binding has no AllowShared above 48 KiB", "take another"},
	} {
		for _, part := range parts {
			assert.Contains(t, err.Error(), part)
		}
	}
}

// TestCodesAgreeWithTheHeader reads NVIDIA's cuda.h, of any version, which the environment variable CUDA_HEADER names.
func TestCodesAgreeWithTheHeader(t *testing.T) {
	path := os.Getenv("CUDA_HEADER")
	if path == "" {
		t.Skip("CUDA_HEADER does not name a cuda.h")
	}
	header, err := os.ReadFile(path)
	require.NoError(t, err)
	lines := regexp.MustCompile(`(?m)^\s+(CUDA_ERROR_[A-Z0-9_]+)\s*= (\d+)`).FindAllStringSubmatch(string(header), -1)
	require.Greater(t, len(lines), 60)
	for _, line := range lines {
		number, err := strconv.Atoi(line[2])
		require.NoError(t, err)
		assert.Equal(t, line[1], driver.Code(number).Name())
	}
}
