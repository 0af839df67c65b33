package cpu_test

import (
	"os"
	"testing"

	"github.com/tare-go/tare/device/devicetest"
)

func TestMain(m *testing.M) { os.Exit(devicetest.Main(m)) }
