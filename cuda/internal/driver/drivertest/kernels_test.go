package drivertest_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tare-go/tare/cuda/internal/driver/drivertest"
	"github.com/tare-go/tare/cuda/ptxsim"
)

func TestTheModuleIsPTX(t *testing.T) {
	module, err := ptxsim.Parse(drivertest.PTX)
	require.NoError(t, err)
	assert.Equal(t, []string{"add", "parameters", "reverse", "stray"}, module.Kernels())
}
