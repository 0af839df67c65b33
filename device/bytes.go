package device

import (
	"fmt"
	"strconv"
)

// FormatBytes writes a number of bytes for people, in binary units and three digits: "7.28 TiB".
func FormatBytes(bytes int) string {
	const units = "KMGTPE"
	v, unit := float64(bytes), -1
	for ; (v >= 999.5 || v <= -999.5) && unit < len(units)-1; unit++ {
		v /= 1024
	}
	if unit < 0 {
		return strconv.Itoa(bytes) + " B"
	}
	return threeDigits(v) + " " + units[unit:unit+1] + "iB"
}

func threeDigits(v float64) string {
	abs := max(v, -v)
	switch {
	case abs < 9.995:
		return strconv.FormatFloat(v, 'f', 2, 64)
	case abs < 99.95:
		return strconv.FormatFloat(v, 'f', 1, 64)
	}
	return strconv.FormatFloat(v, 'f', 0, 64)
}

// ExactBytes is FormatBytes with the number itself where they differ: "4.00 KiB (4096 bytes)".
func ExactBytes(bytes int) string {
	if bytes == 1 {
		return "1 byte"
	}
	if -999 <= bytes && bytes <= 999 {
		return strconv.Itoa(bytes) + " bytes"
	}
	return fmt.Sprintf("%s (%d bytes)", FormatBytes(bytes), bytes)
}
