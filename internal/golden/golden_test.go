package golden

import (
	"encoding/json"
	"math"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tare-go/tare/dtype"
)

// Every case has a result or an error, every value of a kind that we know decodes, and every
// result that is an array compares equal to itself.
func TestEveryCaseDecodes(t *testing.T) {
	files, err := selection.ReadDir("testdata")
	require.NoError(t, err)
	for _, f := range files {
		cases := Cases(t, f.Name())
		assert.Greater(t, len(cases), 30, f.Name())
		for _, c := range cases {
			assert.NotEqual(t, c.R == nil, c.E == "", "%s has one of r and e", c.ID)
			if len(c.Lacks()) > 0 {
				continue
			}
			for i, raw := range c.A {
				_, err := Decode(raw)
				assert.NoError(t, err, "%s argument %d", c.ID, i)
			}
			if want, err := result(c.R); err == nil {
				assert.NoError(t, Compare(c, want))
			}
		}
	}
}

func TestDecode(t *testing.T) {
	one, minus := 1, -2
	tests := []struct {
		raw  string
		want any
	}{
		{`null`, nil},
		{`true`, true},
		{`-7`, -7},
		{` 12`, 12},
		{`9223372036854775808`, new(big.Int).Lsh(big.NewInt(1), 63)},
		{`"same_kind"`, "same_kind"},
		{`{"f":"3ff8000000000000","r":"1.5"}`, 1.5},
		{`{"dt":"uint16"}`, dtype.Uint16},
		{`{"sl":[1,null,-2]}`, Slice{Start: &one, Step: &minus}},
		{`{"el":1}`, Ellipsis{}},
		{`[1,[null,{"el":1}]]`, []any{1, []any{nil, Ellipsis{}}}},
		{`{"d":"int16","s":[2],"v":[1,-2]}`, Array{dtype.Int16, []int{2}, []byte{1, 0, 0xfe, 0xff}}},
		{`{"d":"bool","s":[1,2],"v":[true,false]}`, Array{dtype.Bool, []int{1, 2}, []byte{1, 0}}},
		{`{"d":"uint64","s":[],"v":[18446744073709551615]}`, Of([]int{}, []uint64{math.MaxUint64})},
		{`{"d":"float32","s":[1],"x":"0000803f"}`, Of([]int{1}, []float32{1})},
		{`{"d":"int64","s":[0],"v":[]}`, Array{dtype.Int64, []int{0}, []byte{}}},
		{`{"g":"arange","d":"float64","s":[2,2]}`, Of([]int{2, 2}, []float64{0, 1, 2, 3})},
		{`{"g":"arange","d":"float32","s":[3]}`, Of([]int{3}, []float32{0, 1, 2})},
		{`{"recipe":"arange(3)"}`, Of([]int{3}, []int64{0, 1, 2})},
		{`{"recipe":"arange(4).reshape(2,2)/7"}`, Of([]int{2, 2}, []float64{0, 1. / 7, 2. / 7, 3. / 7})},
		{`{"g":"arange","d":"uint8","s":[3]}`, Of([]int{3}, []uint8{0, 1, 2})},
	}
	for _, tt := range tests {
		got, err := Decode(json.RawMessage(tt.raw))
		assert.NoError(t, err, tt.raw)
		assert.Equal(t, tt.want, got, tt.raw)
	}
}

func TestDecodeRefuses(t *testing.T) {
	for _, raw := range []string{
		``, `{`, `[1`, `{"seed":1}`, `{"dt":"float16"}`, `{"f":"3ff8"}`, `{"d":"int8","v":[1]}`,
		`{"d":"int8","s":[2],"v":[1]}`, `{"d":"float32","s":[1],"x":"00"}`, `{"d":"float32","s":[1],"x":"zz"}`,
		`{"d":"int8","s":[1],"v":[1.5]}`, `[{"f":""}]`, `{"recipe":"ones(3)"}`,
	} {
		_, err := Decode(json.RawMessage(raw))
		assert.Error(t, err, raw)
	}
}

func TestDecodeKinds(t *testing.T) {
	raw := func(s string) json.RawMessage { return json.RawMessage(s) }

	ints, ok := DecodeInts(raw(`[2,-1]`))
	assert.True(t, ok)
	assert.Equal(t, []int{2, -1}, ints)
	ints, ok = DecodeInts(raw(`3`))
	assert.True(t, ok)
	assert.Equal(t, []int{3}, ints)
	_, ok = DecodeInts(raw(`[2,null]`))
	assert.False(t, ok)

	f, ok := DecodeFloat(raw(`3`))
	assert.True(t, ok)
	assert.Equal(t, 3.0, f)
	_, ok = DecodeFloat(raw(`"3"`))
	assert.False(t, ok)

	d, ok := DecodeDType(raw(`"int32"`))
	assert.True(t, ok)
	assert.Equal(t, dtype.Int32, d)
	_, ok = DecodeDType(raw(`3`))
	assert.False(t, ok)

	items, ok := DecodeList(raw(`[1,[2]]`))
	assert.True(t, ok)
	assert.Len(t, items, 2)
	_, ok = DecodeList(raw(`null`))
	assert.False(t, ok)

	_, ok = DecodeArray(raw(`3`))
	assert.False(t, ok)
	s, ok := DecodeSlice(raw(`{"sl":[null,4,null]}`))
	assert.True(t, ok)
	assert.Equal(t, 4, *s.Stop)
	b, ok := DecodeBool(raw(`true`))
	assert.True(t, ok && b)
	i, ok := DecodeInt(raw(`-4`))
	assert.True(t, ok)
	assert.Equal(t, -4, i)
	str, ok := DecodeString(raw(`"x"`))
	assert.True(t, ok)
	assert.Equal(t, "x", str)

	assert.True(t, IsNone(nil))
	assert.True(t, IsNone(raw(`null`)))
	assert.False(t, IsNone(raw(`0`)))
}

func TestElements(t *testing.T) {
	a := Of([]int{3}, []int16{-1, 2, math.MinInt16})
	assert.Equal(t, []int64{-1, 2, math.MinInt16}, []int64{a.Int(0), a.Int(1), a.Int(2)})
	assert.Equal(t, -1.0, a.Float(0))
	u := Of([]int{1}, []uint64{math.MaxUint64})
	assert.Equal(t, 0x1p64, u.Float(0))
	assert.Equal(t, "18446744073709551615", u.text(0))
	f := Of([]int{1}, []float32{2.75})
	assert.Equal(t, int64(2), f.Int(0))
	assert.Equal(t, "2.75", f.text(0))
	assert.Equal(t, Of([]int{2}, []int64{1, -2}), Of([]int{2}, []int{1, -2}))
	assert.Equal(t, Of([]int{1}, []uint64{3}), Of([]int{1}, []uint{3}))
}

// asRaw writes an array as a case would.
func asRaw(t *testing.T, a Array) json.RawMessage {
	t.Helper()
	raw, err := json.Marshal(map[string]any{"d": a.DType.String(), "s": a.Shape, "x": hexOf(a.Data)})
	require.NoError(t, err)
	return raw
}

func hexOf(b []byte) string {
	const digits = "0123456789abcdef"
	var s strings.Builder
	for _, c := range b {
		s.WriteByte(digits[c>>4])
		s.WriteByte(digits[c&15])
	}
	return s.String()
}

func TestCompareFloats(t *testing.T) {
	next := func(x float64, n int) float64 { return math.Float64frombits(math.Float64bits(x) + uint64(n)) }
	negZero, inf, nan := math.Copysign(0, -1), math.Inf(1), math.NaN()
	tests := []struct {
		name      string
		c         Case
		want, got float64
		equal     bool
	}{
		{"same", Case{}, 1.5, 1.5, true},
		{"1 ulp, none allowed", Case{}, 1.5, next(1.5, 1), false},
		{"2 ulp, 2 allowed", Case{T: 2}, 1.5, next(1.5, 2), true},
		{"3 ulp, 2 allowed", Case{T: 2}, 1.5, next(1.5, 3), false},
		{"ulps across zero", Case{T: 4}, 5e-324, -3 * 5e-324, true},
		{"too many ulps across zero", Case{T: 3}, 5e-324, -3 * 5e-324, false},
		{"from end to end", Case{T: math.MaxInt64}, math.MaxFloat64, -math.MaxFloat64, false},
		{"NaN payloads", Case{}, nan, math.Float64frombits(0xfff8000000000123), true},
		{"NaN for a number", Case{T: 9, AT: 9}, 1, nan, false},
		{"NaN next to infinity", Case{T: 9, AT: 9}, inf, next(inf, 1), false},
		{"number for NaN", Case{T: 9, AT: 9}, nan, 1, false},
		{"sign of zero", Case{}, 0, negZero, false},
		{"sign of zero is free", Case{Z: 1}, 0, negZero, true},
		{"sign of zero with ulps", Case{T: 1}, negZero, 0, true},
		{"absolute difference", Case{AT: 0.25}, 1, 1.25, true},
		{"too large a difference", Case{AT: 0.2}, 1, 1.25, false},
		{"infinities", Case{AT: 1, T: 4}, inf, -inf, false},
	}
	for _, tt := range tests {
		tt.c.R = asRaw(t, Of([]int{1}, []float64{tt.want}))
		err := Compare(tt.c, Of([]int{1}, []float64{tt.got}))
		assert.Equal(t, tt.equal, err == nil, "%s: %v", tt.name, err)
	}
}

func TestCompareFloat32Ulps(t *testing.T) {
	c := Case{R: asRaw(t, Of([]int{2}, []float32{1, -1})), T: 1}
	assert.NoError(t, Compare(c, Of([]int{2}, []float32{1 + 0x1p-23, -1 - 0x1p-23})))
	err := Compare(c, Of([]int{2}, []float32{1 + 0x1p-22, -1}))
	assert.ErrorContains(t, err, "element 0 is 1.0000002, want 1 (2 ulp apart); 1 of 2 differ")
}

func TestCompareOthers(t *testing.T) {
	c := Case{ID: "x", F: "f", R: json.RawMessage(`{"d":"int8","s":[2],"v":[1,-2]}`)}
	assert.NoError(t, Compare(c, Of([]int{2}, []int8{1, -2})))
	assert.ErrorContains(t, Compare(c, Of([]int{2}, []int8{1, 2})), "x (f): element 1 is 2, want -2; 1 of 2 differ")
	assert.ErrorContains(t, Compare(c, Of([]int{2}, []int8{3, 4})), "element 0 is 3, want 1; 2 of 2 differ")
	assert.ErrorContains(t, Compare(c, Of([]int{1, 2}, []int8{1, -2})), "shape")
	assert.ErrorContains(t, Compare(c, Of([]int{2}, []uint8{1, 2})), "uint8")
	assert.ErrorContains(t, Compare(c, Array{DType: dtype.Int8, Shape: []int{2}}), "bytes")
	assert.Error(t, Compare(Case{R: json.RawMessage(`"text"`)}, Of([]int{}, []bool{true})))
	assert.NoError(t, Compare(Case{R: json.RawMessage(`true`)}, Of([]int{}, []bool{true})))
	assert.Error(t, Compare(Case{R: json.RawMessage(`3`)}, Of([]int{}, []int{4})))
	assert.NoError(t, Compare(Case{R: json.RawMessage(`{"f":"3ff8000000000000"}`)}, Of([]int{}, []float64{1.5})))
}

func TestCompareAll(t *testing.T) {
	one, two := Of([]int{1}, []float64{1}), Of([]int{}, []float64{2})
	c := Case{ID: "x", R: json.RawMessage(`[` + string(asRaw(t, one)) + `,` + string(asRaw(t, two)) + `]`)}
	assert.NoError(t, CompareAll(c, []Array{one, two}))
	assert.ErrorContains(t, CompareAll(c, []Array{one}), "got 1 arrays, want 2")
	assert.ErrorContains(t, CompareAll(c, []Array{one, one}), "result 1")
	assert.Error(t, CompareAll(Case{R: json.RawMessage(`1`)}, nil))
}

func TestLacks(t *testing.T) {
	assert.Empty(t, Case{Needs: []string{"uint16", "int8"}}.Lacks())
	assert.Equal(t, []string{"float16"}, Case{Needs: []string{"float16", "int8"}}.Lacks())
}

// The selection serves where there is neither a full set beside the checkout nor a variable.
func TestSourceOfCases(t *testing.T) {
	line := `{"id":"x","f":"f","a":[],"r":1}` + "\n"
	dir := t.TempDir()
	t.Setenv(Variable, "")

	t.Chdir(dir)
	_, source, err := load("views.jsonl")
	require.NoError(t, err)
	assert.Contains(t, source, "selection")
	_, _, err = load("nothing.jsonl")
	assert.Error(t, err)

	full := filepath.Join(dir, "shared", "conformance", "numpy")
	checkout := filepath.Join(dir, "checkout", "package")
	require.NoError(t, os.MkdirAll(full, 0o755))
	require.NoError(t, os.MkdirAll(checkout, 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(full, "views.jsonl"), []byte(line), 0o644))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "checkout", "go.mod"), nil, 0o644))
	t.Chdir(checkout)
	data, source, err := load("views.jsonl")
	require.NoError(t, err)
	assert.Contains(t, source, "full set")
	assert.Equal(t, line, string(data))

	t.Setenv(Variable, full)
	data, _, err = load("views.jsonl")
	require.NoError(t, err)
	assert.Equal(t, line, string(data))
	_, _, err = load("reduce.jsonl")
	assert.ErrorContains(t, err, Variable)
}

func TestParseNamesTheLine(t *testing.T) {
	_, err := parse([]byte("{}\n{]\n"))
	assert.ErrorContains(t, err, "line 2")
}
