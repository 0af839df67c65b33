// Package quantity reads the sizes that a command line gives: numbers of bytes ("2GiB", "512MB")
// and arrays ("500x20:f64").
package quantity

import (
	"fmt"
	"math"
	"math/big"
	"strings"
)

// units are the factors of the units of bytes, in lower case.
var units = map[string]int64{
	"": 1, "b": 1,
	"kb": 1e3, "mb": 1e6, "gb": 1e9, "tb": 1e12, "pb": 1e15,
	"kib": 1 << 10, "mib": 1 << 20, "gib": 1 << 30, "tib": 1 << 40, "pib": 1 << 50,
}

// Bytes is a number of bytes on a command line. It implements encoding.TextUnmarshaler.
type Bytes int

// UnmarshalText is ParseBytes.
func (b *Bytes) UnmarshalText(text []byte) error {
	n, err := ParseBytes(string(text))
	*b = Bytes(n)
	return err
}

// ParseBytes reads a number of bytes: digits, perhaps with a fraction, and a unit. KB, MB, GB, TB
// and PB count in thousands, KiB to PiB in 1024; without a unit the number is bytes. A part of a
// byte is dropped.
func ParseBytes(text string) (int, error) {
	s := strings.TrimSpace(text)
	digits := len(s) - len(strings.TrimLeft(s, "0123456789."))
	unit := strings.ToLower(strings.TrimSpace(s[digits:]))
	factor, known := units[unit]
	if !known {
		return 0, unitError(text, unit)
	}
	value, ok := new(big.Rat).SetString(s[:digits])
	if !ok {
		return 0, fmt.Errorf("%q is not a number of bytes: write it as 2GiB, 512MB or 1000000", text)
	}
	value.Mul(value, new(big.Rat).SetInt64(factor))
	n := new(big.Int).Quo(value.Num(), value.Denom())
	if !n.IsInt64() || n.Int64() > math.MaxInt {
		return 0, fmt.Errorf("%q is more than the bytes that an address can reach", text)
	}
	return int(n.Int64()), nil
}

// unitError says which units there are. A lone letter is refused: it is 1000 to some and 1024 to
// others.
func unitError(text, unit string) error {
	if len(unit) == 1 && strings.Contains("kmgtp", unit) {
		u := strings.ToUpper(unit)
		return fmt.Errorf("%q: write %sB for a power of 1000 or %siB for a power of 1024", text, u, u)
	}
	return fmt.Errorf("%q is not a number of bytes: the units are B, KB, MB, GB, TB, PB and KiB, MiB, GiB, TiB, PiB", text)
}
