package driver_test

import (
	"errors"
	"os"
	"os/exec"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tare-go/tare/cuda/internal/driver"
	"github.com/tare-go/tare/cuda/internal/driver/drivertest"
)

// required is the environment variable that makes it an error if there is no driver to test.
const required = "TARE_TEST_GPU"

// load is the driver of this machine.
func load(t *testing.T) driver.Table {
	t.Helper()
	table, err := driver.Load()
	if absent(err) && os.Getenv(required) == "" {
		t.Skipf("there is no GPU to test with: %v", err)
	}
	require.NoError(t, err)
	version, err := table.Version()
	require.NoError(t, err)
	name, err := table.DeviceName(0)
	require.NoError(t, err)
	t.Logf("%s, CUDA %d.%d, %s", table.Binding(), version/1000, version%1000/10, name)
	return table
}

// absent reports whether an error says that this is not a machine with a GPU.
func absent(err error) bool {
	var notBuilt *driver.NotBuiltError
	var library *driver.NoLibraryError
	return errors.As(err, &notBuilt) || errors.As(err, &library) || errors.Is(err, driver.NoDevice)
}

func TestDriver(t *testing.T) { drivertest.Run(t, load(t)) }

// TestDriverFault runs in a process of its own, whose primary context it spoils.
func TestDriverFault(t *testing.T) {
	const child = "TARE_TEST_FAULT"
	table := load(t)
	if os.Getenv(child) != "" {
		drivertest.RunFault(t, table)
		return
	}
	command := exec.Command(os.Args[0], "-test.run=^TestDriverFault$", "-test.v")
	command.Env = append(os.Environ(), child+"=1")
	out, err := command.CombinedOutput()
	t.Logf("%s", out)
	require.NoError(t, err)
}
