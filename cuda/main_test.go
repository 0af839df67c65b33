package cuda_test

import (
	"os"
	"testing"

	_ "github.com/tare-go/tare/cpu" // the device

	"github.com/tare-go/tare/device/devicetest"
)

func TestMain(m *testing.M) { os.Exit(devicetest.Main(m)) }
