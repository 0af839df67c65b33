package broadcast

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tare-go/tare/internal/golden"
)

// numbers is int64 numbers in memory and a view of them.
type numbers struct {
	memory []int64
	view   View
	copied bool // whether the memory is not the first array's
}

// count is the first argument of a case.
func count(t *testing.T, c golden.Case) numbers {
	t.Helper()
	a, ok := golden.DecodeArray(c.A[0])
	require.True(t, ok, c.ID)
	n := numbers{view: Contiguous(a.Shape, 8)}
	for i := range a.Size() {
		n.memory = append(n.memory, a.Int(i))
	}
	return n
}

// values is the numbers that the view shows, in C order.
func (n numbers) values() []int64 {
	out := []int64{}
	for _, at := range modelOf(n.view).at {
		out = append(out, n.memory[at/8])
	}
	return out
}

// copy is the same numbers, in memory of their own, in C order.
func (n numbers) copy() numbers {
	return numbers{memory: n.values(), view: Contiguous(n.view.Shape, 8), copied: true}
}

// reshape is a view where there is one and else, as NumPy does, a copy.
func (n numbers) reshape(shape ...int) (numbers, error) {
	v, err := n.view.Reshape(8, shape...)
	var e *ReshapeError
	if errors.As(err, &e) && e.Problem == MustCopy {
		return n.copy().reshape(shape...)
	}
	n.view = v
	return n, err
}

func (n numbers) reshapeFortran(shape ...int) (numbers, error) {
	v, err := n.view.ReshapeFortran(8, shape...)
	var e *ReshapeError
	if errors.As(err, &e) && e.Problem == MustCopy {
		n.view = n.view.reversed()
		n = n.copy()
		n.view = n.view.reversed()
		return n.reshapeFortran(shape...)
	}
	n.view = v
	return n, err
}

// check compares the numbers, or the error, with the case.
func (n numbers) check(t *testing.T, c golden.Case, err error) {
	t.Helper()
	if c.E != "" {
		assert.Error(t, err, c.ID)
		return
	}
	if assert.NoError(t, err, c.ID) {
		assert.NoError(t, golden.Compare(c, golden.Of(n.view.Shape, n.values())))
	}
}

func TestGoldenBroadcast(t *testing.T) {
	for _, c := range golden.Cases(t, "broadcast.jsonl") {
		switch c.F {
		case "broadcast_shapes":
			checkShapes(t, c)
		case "broadcast_to":
			n := count(t, c)
			v, err := n.view.BroadcastTo(intsOf(t, c.A[1]))
			n.view = v
			n.check(t, c, err)
		default:
			t.Errorf("%s: no test for %s", c.ID, c.F)
		}
	}
}

func checkShapes(t *testing.T, c golden.Case) {
	var shapes [][]int
	require.NoError(t, json.Unmarshal(c.A[0], &shapes), c.ID)
	got, err := Shapes(shapes...)
	if c.E != "" {
		assert.Error(t, err, c.ID)
		return
	}
	require.NoError(t, err, c.ID)
	assert.True(t, slices.Equal(intsOf(t, c.R), got), "%s: got %v", c.ID, got)
}

func intsOf(t *testing.T, raw json.RawMessage) []int {
	t.Helper()
	list, ok := golden.DecodeInts(raw)
	require.True(t, ok, "%s", raw)
	return list
}

// The functions of manip.jsonl that make views, and reshape also where it copies.
func TestGoldenManip(t *testing.T) {
	functions := []string{"flip", "squeeze", "expand_dims", "moveaxis", "transpose", "reshape"}
	seen := map[string]bool{}
	for _, c := range golden.Cases(t, "manip.jsonl") {
		if !slices.Contains(functions, c.F) || (c.F == "expand_dims" && golden.IsNone(c.K["axis"])) {
			continue // to expand no axis is an error in NumPy, and here the view itself
		}
		seen[c.F] = true
		n, err := count(t, c).rearrange(t, c)
		n.check(t, c, err)
	}
	assert.Len(t, seen, len(functions))
}

// rearrange is the call of one of these functions.
func (n numbers) rearrange(t *testing.T, c golden.Case) (numbers, error) {
	var err error
	switch c.F {
	case "flip":
		n.view, err = n.view.Flip(axesOf(t, c)...)
	case "squeeze":
		n.view, err = n.view.Squeeze(axesOf(t, c)...)
	case "expand_dims":
		n.view, err = n.view.ExpandDims(axesOf(t, c)...)
	case "moveaxis":
		n.view, err = n.view.MoveAxis(intsOf(t, c.A[1]), intsOf(t, c.A[2]))
	case "transpose":
		var axes []int
		if len(c.A) > 1 {
			axes = intsOf(t, c.A[1])
		}
		n.view, err = n.view.Transpose(axes...)
	case "reshape":
		if order, _ := golden.DecodeString(c.K["order"]); order == "F" {
			return n.reshapeFortran(intsOf(t, c.A[1])...)
		}
		return n.reshape(intsOf(t, c.A[1])...)
	}
	return n, err
}

// axesOf is the keyword axis; None is no axes.
func axesOf(t *testing.T, c golden.Case) []int {
	t.Helper()
	if golden.IsNone(c.K["axis"]) {
		return nil
	}
	return intsOf(t, c.K["axis"])
}

// Chains of view operations: values, strides, flags, and where NumPy makes a view so do we.
func TestGoldenViews(t *testing.T) {
	for _, c := range golden.Cases(t, "views.jsonl") {
		n := count(t, c)
		steps, ok := golden.DecodeList(c.A[1])
		require.True(t, ok, c.ID)
		var err error
		for _, s := range steps {
			step, ok := golden.DecodeList(s)
			require.True(t, ok, c.ID)
			name, _ := golden.DecodeString(step[0])
			if n, err = n.apply(t, name, step[1]); err != nil {
				break
			}
		}
		if c.E != "" {
			assert.Error(t, err, c.ID)
			continue
		}
		if assert.NoError(t, err, c.ID) {
			n.checkChain(t, c)
		}
	}
}

// apply is one operation of a chain.
func (n numbers) apply(t *testing.T, name string, arg json.RawMessage) (numbers, error) {
	var err error
	switch name {
	case "getitem":
		return n.getitem(t, arg)
	case "transpose":
		n.view, err = n.view.Transpose(intsOf(t, arg)...)
	case "flip":
		n.view, err = n.view.Flip(intsOf(t, arg)...)
	case "expand_dims":
		n.view, err = n.view.ExpandDims(intsOf(t, arg)...)
	case "squeeze":
		n.view, err = n.view.Squeeze()
	case "broadcast_to":
		n.view, err = n.view.BroadcastTo(intsOf(t, arg))
	case "diagonal":
		d := intsOf(t, arg)
		n.view, err = n.view.Diagonal(d[0], d[1], d[2])
	case "reshape":
		return n.reshape(intsOf(t, arg)...)
	case "ravel": // NumPy copies whatever is not contiguous
		if !n.view.IsContiguous(8) {
			n = n.copy()
		}
		return n.reshape(-1)
	default:
		t.Fatalf("no operation %q", name)
	}
	return n, err
}

// getitem is basic indexing. Without an ellipsis NumPy makes a scalar, a copy, of a single element.
func (n numbers) getitem(t *testing.T, arg json.RawMessage) (numbers, error) {
	t.Helper()
	entries, ok := golden.DecodeList(arg)
	require.True(t, ok)
	ix, hasEllipsis := make([]Index, len(entries)), false
	for i, raw := range entries {
		v, err := golden.Decode(raw)
		require.NoError(t, err)
		switch v := v.(type) {
		case nil:
			ix[i] = NewAxis
		case int:
			ix[i] = At(v)
		case golden.Ellipsis:
			ix[i], hasEllipsis = Ellipsis, true
		case golden.Slice:
			ix[i] = SliceOf(v.Start, v.Stop, v.Step)
		default:
			t.Fatalf("no index %s", raw)
		}
	}
	var err error
	n.view, err = n.view.Index(ix...)
	if err == nil && n.view.NDim() == 0 && !hasEllipsis {
		n = n.copy()
	}
	return n, err
}

// checkChain compares with the result of a chain. Strides are in elements, and count only for
// extents above 1; a result without elements is neither view nor copy.
func (n numbers) checkChain(t *testing.T, c golden.Case) {
	t.Helper()
	var want struct {
		Shape   []int
		Values  json.RawMessage
		Strides []int
		View    *bool
		CContig bool `json:"c_contig"`
		FContig bool `json:"f_contig"`
	}
	require.NoError(t, json.Unmarshal(c.R, &want), c.ID)
	require.True(t, slices.Equal(want.Shape, n.view.Shape), "%s: got shape %v, want %v", c.ID, n.view.Shape, want.Shape)
	assert.Equal(t, want.CContig, n.view.IsContiguous(8), c.ID)
	assert.Equal(t, want.FContig, n.view.IsFortran(8), c.ID)
	if hash, ok := hashed(want.Values); ok {
		assert.Equal(t, hash, hashOf(n.values()), c.ID)
	} else {
		var values []int64
		require.NoError(t, json.Unmarshal(want.Values, &values), c.ID)
		assert.Equal(t, values, n.values(), c.ID)
	}
	if want.View == nil {
		return
	}
	assert.Equal(t, *want.View, !n.copied, "%s: view or copy", c.ID)
	for i, d := range n.view.Shape {
		if d > 1 {
			assert.Equal(t, want.Strides[i]*8, n.view.Strides[i], "%s: stride of axis %d", c.ID, i)
		}
	}
}

// hashed is the hash that stands for the values of a large array.
func hashed(raw json.RawMessage) (string, bool) {
	var h struct{ SHA256 string }
	ok := bytes.HasPrefix(raw, []byte("{")) && json.Unmarshal(raw, &h) == nil
	return h.SHA256, ok
}

func hashOf(values []int64) string {
	b, err := binary.Append(nil, binary.LittleEndian, values)
	if err != nil {
		panic(fmt.Sprint("BUG: ", err))
	}
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}
