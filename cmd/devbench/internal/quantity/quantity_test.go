package quantity

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"pgregory.net/rapid"

	"github.com/tare-go/tare/dtype"
)

func TestParseBytes(t *testing.T) {
	for text, want := range map[string]int{
		"0": 0, "17": 17, "17B": 17, "2GiB": 2 << 30, "512MB": 512e6, "1.5 KiB": 1536, "64kib": 64 << 10,
		" 3kB ": 3000, "0.1B": 0, "1.0000000001GB": 1_000_000_000, "8191PiB": 8191 << 50, "1TB": 1e12,
	} {
		got, err := ParseBytes(text)
		assert.NoError(t, err, text)
		assert.Equal(t, want, got, text)
	}
}

func TestParseBytesRefuses(t *testing.T) {
	for text, want := range map[string]string{
		"":        "not a number of bytes",
		"GiB":     "not a number of bytes",
		"-1GiB":   "not a number of bytes",
		"1.2.3MB": "not a number of bytes",
		"2G":      "GB for a power of 1000 or GiB",
		"10k":     "KB for a power of 1000 or KiB",
		"2Gb/s":   "the units are",
		"8192PiB": "more than the bytes",
	} {
		_, err := ParseBytes(text)
		assert.ErrorContains(t, err, want, text)
	}
}

func TestParseArray(t *testing.T) {
	for text, want := range map[string]Array{
		"500x20:f64": {[]int{500, 20}, dtype.Float64},
		"7:uint8":    {[]int{7}, dtype.Uint8},
		"3x0x2":      {[]int{3, 0, 2}, dtype.Float64},
		":f32":       {[]int{}, dtype.Float32},
	} {
		got, err := ParseArray(text)
		assert.NoError(t, err, text)
		assert.Equal(t, want, got, text)
	}
}

func TestParseArrayRefuses(t *testing.T) {
	for text, want := range map[string]string{
		"":                          "500x20:f64",
		"5x:f64":                    "not a shape",
		"-5:f64":                    "not a shape",
		"5,4:f64":                   "not a shape",
		"5:f16":                     "unknown dtype",
		"5:":                        "unknown dtype",
		"4000000000x4000000000:f64": "too large",
		"3x99999999999999999999":    "the extent 99999999999999999999 is too large",
	} {
		_, err := ParseArray(text)
		assert.ErrorContains(t, err, want, text)
	}
}

func TestArraysPrintAsTheyAreRead(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := Array{
			Shape: rapid.SliceOfN(rapid.IntRange(0, 100), 0, 5).Draw(t, "shape"),
			Type:  rapid.SampledFrom(dtype.All()).Draw(t, "type"),
		}
		got, err := ParseArray(want.String())
		assert.NoError(t, err)
		assert.Equal(t, want, got)
	})
}

func TestNamed(t *testing.T) {
	var n Named
	assert.NoError(t, n.UnmarshalText([]byte("x_1=a=b.npy")))
	assert.Equal(t, Named{"x_1", "a=b.npy"}, n)
	for text, want := range map[string]string{
		"x": "name=value", "x=": "name=value", "=f.npy": "not a name", "1x=f.npy": "not a name",
		"x.y=f.npy": "not a name", "np=f.npy": "another name",
	} {
		assert.ErrorContains(t, n.UnmarshalText([]byte(text)), want, text)
	}
}
