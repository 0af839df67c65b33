package device_test

import (
	"math"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/tare-go/tare/device"
)

func TestFormatBytes(t *testing.T) {
	for bytes, text := range map[int]string{
		0:                 "0 B",
		-5:                "-5 B",
		999:               "999 B",
		1000:              "0.98 KiB",
		1023:              "1.00 KiB",
		1024:              "1.00 KiB",
		1536:              "1.50 KiB",
		10 << 10:          "10.0 KiB",
		100 << 10:         "100 KiB",
		1 << 20:           "1.00 MiB",
		8_000_000_000_000: "7.28 TiB",
		math.MaxInt:       "8.00 EiB",
		-3 << 30:          "-3.00 GiB",
	} {
		assert.Equal(t, text, device.FormatBytes(bytes))
	}
}

func TestExactBytes(t *testing.T) {
	assert.Equal(t, "0 bytes", device.ExactBytes(0))
	assert.Equal(t, "999 bytes", device.ExactBytes(999))
	assert.Equal(t, "4.00 KiB (4096 bytes)", device.ExactBytes(4096))
}
