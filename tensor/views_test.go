package tensor_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tare-go/tare/broadcast"
	"github.com/tare-go/tare/internal/golden"
	np "github.com/tare-go/tare/tensor"
)

// chain is an array under a chain of views: in memory, and as an expression whose views are lazy.
type chain struct {
	t      *testing.T
	base   *np.Tensor // whose memory x shares
	x      *np.Tensor
	lazy   *np.Expr
	copied bool // NumPy would have a copy here, and so have we, by asking for it
}

func newChain(t *testing.T, c golden.Case) *chain {
	a, ok := golden.DecodeArray(c.A[0])
	require.True(t, ok, c.ID)
	x := loaded(t, a)
	return &chain{t: t, base: x, x: x, lazy: np.Where(true, x, x)}
}

// TestViewsConform replays chains of views: shape, elements, strides, and whether memory is shared.
func TestViewsConform(t *testing.T) {
	r := &conformance{t: t, skipped: map[string]int{}}
	for _, c := range golden.Cases(t, "views.jsonl") {
		steps, ok := golden.DecodeList(c.A[1])
		require.True(t, ok, c.ID)
		if bytes.Contains(c.A[1], []byte(`"diagonal"`)) {
			r.skipped["no diagonal yet"]++
			continue
		}
		ch := newChain(t, c)
		var err error
		for _, s := range steps {
			if err = ch.apply(s); err != nil {
				break
			}
		}
		if c.E != "" && assert.Error(t, err, describe(c)) || c.E == "" && assert.NoError(t, err, describe(c)) && ch.check(c) {
			r.passed++
		}
	}
	r.report("views.jsonl")
}

// apply is one view of the chain. The lazy twin has to fail where the view fails.
func (ch *chain) apply(raw json.RawMessage) error {
	step, ok := golden.DecodeList(raw)
	require.True(ch.t, ok)
	name, _ := golden.DecodeString(step[0])
	var arg json.RawMessage
	if len(step) > 1 {
		arg = step[1]
	}
	x, lazy, err := ch.view(name, arg)
	var copies *broadcast.ReshapeError
	if errors.As(err, &copies) && copies.Problem == broadcast.MustCopy {
		assert.ErrorContains(ch.t, err, "Copy it first")
		if x, err = ch.x.Copy(ch.t.Context()); err == nil {
			ch.copied, ch.base, ch.x = true, x, x
			x, lazy, err = ch.view(name, arg)
		}
	}
	assert.Equal(ch.t, err != nil, lazy.Err() != nil, "%s %s: %v and %v", name, arg, err, lazy.Err())
	ch.x, ch.lazy = x, lazy
	return err
}

func (ch *chain) view(name string, arg json.RawMessage) (*np.Tensor, *np.Expr, error) {
	ints, _ := golden.DecodeInts(arg)
	var x *np.Tensor
	var lazy *np.Expr
	var err error
	switch name {
	case "getitem":
		ix := indexOf(ch.t, arg)
		x, err = ch.x.Slice(ix...)
		lazy = np.Slice(ch.lazy, ix...)
	case "transpose":
		x, err = ch.x.Transpose(ints...)
		lazy = np.Transpose(ch.lazy, ints...)
	case "flip":
		x, err = ch.x.Flip(ints...)
		lazy = np.Flip(ch.lazy, ints...)
	case "expand_dims":
		x, err = ch.x.ExpandDims(ints...)
		lazy = np.ExpandDims(ch.lazy, ints...)
	case "squeeze":
		x, err = ch.x.Squeeze()
		lazy = np.Squeeze(ch.lazy)
	case "broadcast_to":
		x, err = ch.x.BroadcastTo(ints...)
		lazy = np.BroadcastTo(ch.lazy, ints...)
	case "ravel": // NumPy copies what is not contiguous
		ints = []int{-1}
		if !ch.x.IsContiguous() {
			ch.base, err = ch.x.Copy(ch.t.Context())
			require.NoError(ch.t, err)
			ch.x, ch.copied = ch.base, true
		}
		fallthrough
	case "reshape":
		x, err = ch.x.Reshape(ints...)
		lazy = np.Reshape(ch.lazy, ints...)
	default:
		ch.t.Fatalf("no test of %s", name)
	}
	return x, lazy, err
}

// indexOf is a basic index.
func indexOf(t *testing.T, raw json.RawMessage) []np.Index {
	ix, ok := basicIndex(raw)
	require.True(t, ok, "%s", raw)
	return ix
}

// basicIndex is an index of integers, slices, None and Ellipsis; false for others.
func basicIndex(raw json.RawMessage) ([]np.Index, bool) {
	entries, ok := golden.DecodeList(raw)
	if !ok {
		entries = []json.RawMessage{raw}
	}
	ix := make([]np.Index, len(entries))
	for i, e := range entries {
		v, err := golden.Decode(e)
		if err != nil {
			return nil, false
		}
		switch v := v.(type) {
		case nil:
			ix[i] = np.NewAxis
		case int:
			ix[i] = np.At(v)
		case golden.Ellipsis:
			ix[i] = np.Ellipsis
		case golden.Slice:
			ix[i] = sliceOf(v)
		default:
			return nil, false
		}
	}
	return ix, true
}

// sliceOf writes a slice with the functions that a user has.
func sliceOf(s golden.Slice) np.Index {
	switch {
	case s.Start == nil && s.Stop == nil && s.Step == nil:
		return np.Whole()
	case s.Start == nil && s.Stop == nil:
		return np.Step(*s.Step)
	case s.Step == nil && s.Stop == nil:
		return np.From(*s.Start)
	case s.Step == nil && s.Start == nil:
		return np.To(*s.Stop)
	case s.Step == nil:
		return np.Range(*s.Start, *s.Stop)
	case s.Start != nil && s.Stop != nil:
		return np.RangeStep(*s.Start, *s.Stop, *s.Step)
	}
	return broadcast.SliceOf(s.Start, s.Stop, s.Step)
}

// check compares the end of a chain with NumPy's.
func (ch *chain) check(c golden.Case) bool {
	var want struct {
		Shape   []int
		Values  json.RawMessage
		Strides []int
		View    *bool
		CContig bool `json:"c_contig"`
	}
	require.NoError(ch.t, json.Unmarshal(c.R, &want), c.ID)
	got, err := taken(ch.x)
	lazy, errLazy := computed(ch.lazy)
	ok := assert.NoError(ch.t, err, describe(c)) && assert.NoError(ch.t, errLazy, describe(c)) &&
		assert.Equal(ch.t, got, lazy, describe(c)) &&
		assert.True(ch.t, slices.Equal(want.Shape, got.Shape), "%s: got %v, want %v", describe(c), got.Shape, want.Shape) &&
		assert.Equal(ch.t, want.CContig, ch.x.IsContiguous(), describe(c)) && sameValues(ch.t, c, want.Values, got)
	if want.View == nil || !ok {
		return ok
	}
	if *want.View {
		ok = assert.False(ch.t, ch.copied, describe(c))
	}
	for i, n := range ch.x.Shape() {
		if n > 1 {
			ok = assert.Equal(ch.t, want.Strides[i]*8, ch.x.Strides()[i], "%s: axis %d", describe(c), i) && ok
		}
	}
	return ch.shares(c) && ok
}

func sameValues(t *testing.T, c golden.Case, raw json.RawMessage, got golden.Array) bool {
	var hash struct{ SHA256 string }
	if json.Unmarshal(raw, &hash) == nil && hash.SHA256 != "" {
		sum := sha256.Sum256(got.Data)
		return assert.Equal(t, hash.SHA256, hex.EncodeToString(sum[:]), describe(c))
	}
	var values []int64
	require.NoError(t, json.Unmarshal(raw, &values), c.ID)
	return assert.True(t, bytes.Equal(golden.Of(got.Shape, values).Data, got.Data), describe(c))
}

// shares writes through the view and looks in the base: what the view shows has changed there, and
// nothing else has. A view that shows an element twice cannot be written.
func (ch *chain) shares(c golden.Case) bool {
	before, err := taken(ch.base)
	require.NoError(ch.t, err)
	shown, err := taken(ch.x)
	require.NoError(ch.t, err)
	if ch.x != ch.base {
		assert.Same(ch.t, ch.base, ch.x.Base(), describe(c))
	}
	seen := map[int64]bool{}
	for i := range shown.Size() {
		seen[shown.Int(i)] = true
	}
	err = np.Assign(ch.t.Context(), ch.x, -1)
	if len(seen) < shown.Size() {
		return assert.ErrorContains(ch.t, err, "overlaps itself", describe(c))
	}
	after, errRead := taken(ch.base)
	ok := assert.NoError(ch.t, err, describe(c)) && assert.NoError(ch.t, errRead, describe(c))
	for i := range before.Size() {
		was, is := before.Int(i), after.Int(i)
		if seen[was] {
			was = -1
		}
		ok = ok && assert.Equal(ch.t, was, is, describe(c))
	}
	return ok
}

// TestBroadcastingConforms replays broadcast_to, and broadcast_shapes as the shapes of sums of views
// that take no memory.
func TestBroadcastingConforms(t *testing.T) {
	r := &conformance{t: t, skipped: map[string]int{}}
	one, err := np.Ones(nil)
	require.NoError(t, err)
	for _, c := range golden.Cases(t, "broadcast.jsonl") {
		ok := false
		switch c.F {
		case "broadcast_to":
			ok = r.one(c, func(a *arguments) *np.Expr { return np.BroadcastTo(a.array(c.A[0]), a.ints(c.A[1])...) })
		case "broadcast_shapes":
			ok = r.shapes(c, one)
		default:
			t.Errorf("%s: no test of %s", c.ID, c.F)
		}
		if ok {
			r.passed++
		}
	}
	r.report("broadcast.jsonl")
}

func (r *conformance) shapes(c golden.Case, one *np.Tensor) bool {
	var shapes [][]int
	require.NoError(r.t, json.Unmarshal(c.A[0], &shapes), c.ID)
	sum := np.E(one)
	for _, s := range shapes {
		v, err := one.BroadcastTo(s...)
		require.NoError(r.t, err, c.ID)
		sum = np.Add(sum, v)
	}
	if c.E != "" {
		return assert.Error(r.t, sum.Err(), describe(c))
	}
	want, ok := golden.DecodeInts(c.R)
	require.True(r.t, ok, c.ID)
	return assert.NoError(r.t, sum.Err(), describe(c)) && assert.True(r.t, slices.Equal(want, sum.Shape()), "%s: %v", describe(c), sum.Shape())
}

// missingManipulations are the functions of manip.jsonl that tare does not have yet.
var missingManipulations = []string{
	"argsort", "array_split", "bincount", "column_stack", "concatenate", "convolve", "diff", "digitize", "dstack", "histogram",
	"hstack", "interp", "isin", "outer", "pad", "partition", "quantile", "repeat", "roll", "rot90", "sort", "split", "stack",
	"tile", "trace", "unique_all", "vstack",
}

// TestManipulationsConform replays the functions of views. A reshape that NumPy copies for is an error
// of an array in memory, and of an expression it is not.
func TestManipulationsConform(t *testing.T) {
	r := &conformance{t: t, skipped: map[string]int{}}
	for _, c := range golden.Cases(t, "manip.jsonl") {
		order, _ := golden.DecodeString(c.K["order"])
		list, _ := golden.DecodeList(c.A[min(1, len(c.A)-1)])
		switch {
		case slices.Contains(missingManipulations, c.F):
			r.skipped["no such function yet"]++
		case c.F == "reshape" && order == "F":
			r.skipped["no reshape in Fortran order"]++
		case c.F == "moveaxis" && list != nil && c.A[1][0] == '[':
			r.skipped["moveaxis moves one axis, not several"]++
		case c.F == "expand_dims" && golden.IsNone(c.K["axis"]):
			r.skipped["expand_dims of no axes is the array itself"]++
		default:
			if r.one(c, manipulate) {
				r.passed++
			}
		}
	}
	r.report("manip.jsonl")
}

func manipulate(a *arguments) *np.Expr {
	x := a.array(a.c.A[0])
	var axes []int
	if raw := a.c.K["axis"]; !golden.IsNone(raw) {
		axes = a.ints(raw)
	}
	switch a.c.F {
	case "flip":
		return np.Flip(x, axes...)
	case "squeeze":
		return np.Squeeze(x, axes...)
	case "expand_dims":
		return np.ExpandDims(x, axes...)
	case "moveaxis":
		return np.MoveAxis(x, a.ints(a.c.A[1])[0], a.ints(a.c.A[2])[0])
	case "transpose":
		if len(a.c.A) > 1 {
			axes = a.ints(a.c.A[1])
		}
		return np.Transpose(x, axes...)
	case "reshape":
		return np.Reshape(np.Where(true, x, x), a.ints(a.c.A[1])...)
	}
	return nil
}

// TestIndexingConforms replays basic indexing, reading and writing. Indexing by arrays is not there
// yet.
func TestIndexingConforms(t *testing.T) {
	r := &conformance{t: t, skipped: map[string]int{}}
	for _, c := range golden.Cases(t, "index.jsonl") {
		ix, basic := []np.Index(nil), false
		if c.F == "getitem" || c.F == "setitem" {
			ix, basic = basicIndex(c.A[1])
		}
		ok := false
		switch {
		case c.F == "where" && len(c.A) == 3:
			ok = r.one(c, func(a *arguments) *np.Expr { return np.Where(a.array(c.A[0]), a.array(c.A[1]), a.array(c.A[2])) })
		case !basic:
			r.skipped["no indexing by arrays yet"]++
		case c.F == "getitem":
			ok = r.one(c, func(a *arguments) *np.Expr { return np.Slice(a.array(c.A[0]), ix...) })
		case c.F == "setitem":
			ok = r.sets(c, ix)
		}
		if ok {
			r.passed++
		}
	}
	r.report("index.jsonl")
}

// sets is a[index] = value.
func (r *conformance) sets(c golden.Case, ix []np.Index) bool {
	a, ok := golden.DecodeArray(c.A[0])
	require.True(r.t, ok, c.ID)
	x := loaded(r.t, a)
	view, err := x.Slice(ix...)
	if err == nil {
		err = r.assign(c, view)
	}
	var got golden.Array
	if err == nil {
		got, err = taken(x)
	}
	return assert.NoError(r.t, verdict(c, got, err), describe(c))
}

func (r *conformance) assign(c golden.Case, view *np.Tensor) error {
	v, err := golden.Decode(c.A[2])
	require.NoError(r.t, err, c.ID)
	switch v := v.(type) {
	case golden.Array:
		return np.Assign(r.t.Context(), view, loaded(r.t, v))
	case int:
		return np.Assign(r.t.Context(), view, v)
	case float64:
		return np.Assign(r.t.Context(), view, v)
	}
	return np.Assign(r.t.Context(), view, v.(bool))
}

// A caller's slice of axes or extents is his own again after the call.
func TestArgumentsAreNotKept(t *testing.T) {
	x, err := np.Arange(0, 6, 1)
	require.NoError(t, err)
	shape, axes, ix := []int{2, 3}, []int{1, 0}, []np.Index{np.At(0)}
	y := np.Reshape(np.Negative(x), shape...)
	z := np.Slice(np.Transpose(np.BroadcastTo(y, shape...), axes...), ix...)
	option := np.Axis(axes...)
	shape[0], shape[1], axes[0], axes[1], ix[0] = 77, 77, 77, 77, np.At(77)
	got, err := computed(z)
	require.NoError(t, err)
	assert.Equal(t, golden.Of([]int{2}, []int64{0, -3}), got)
	assert.NoError(t, np.Sum(y, option).Err())

	w, err := np.Zeros([]int{2, 3})
	require.NoError(t, err)
	w.Shape()[0], w.Strides()[0], y.Shape()[0] = 9, 9, 9
	assert.Equal(t, []int{2, 3}, w.Shape())
	assert.Equal(t, []int{24, 8}, w.Strides())
	assert.Equal(t, []int{2, 3}, y.Shape())
}
