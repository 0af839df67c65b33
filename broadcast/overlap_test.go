package broadcast

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// drawTangle draws a view with any strides at all.
func drawTangle(t *rapid.T) View {
	v := View{Shape: drawShape(t, "shape"), Offset: rapid.IntRange(-40, 40).Draw(t, "offset")}
	for range v.Shape {
		stride := rapid.OneOf(rapid.IntRange(-20, 20), rapid.SampledFrom([]int{4, 8, 12, 16, 24, 32, 64}))
		v.Strides = append(v.Strides, stride.Draw(t, "stride"))
	}
	return v
}

func TestExtentAgainstModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		v, item := drawTangle(t), rapid.IntRange(1, 8).Draw(t, "itemsize")
		lo, hi := v.Extent(item)
		at := modelOf(v).at
		if len(at) == 0 {
			require.Equal(t, []int{v.Offset, v.Offset}, []int{lo, hi})
			return
		}
		require.Equal(t, []int{slices.Min(at), slices.Max(at) + item}, []int{lo, hi})
	})
}

func TestSelfOverlapsAgainstModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		v, item := drawTangle(t), rapid.IntRange(1, 8).Draw(t, "itemsize")
		want := false
		for _, n := range modelOf(v).bytes(item) {
			want = want || n > 1
		}
		require.Equal(t, want, v.SelfOverlaps(item))
	})
}

// Every layout of three short axes, the strides up to 10 bytes and elements of one and two.
func TestSelfOverlapsExhaustively(t *testing.T) {
	for shape := range indices([]int{6, 6, 3}) {
		v := View{Shape: []int{shape[0] + 1, shape[1] + 1, shape[2] + 1}}
		for strides := range indices([]int{11, 11, 11}) {
			v.Strides = strides
			for item := 1; item <= 2; item++ {
				if want := v.collides(item); v.SelfOverlaps(item) != want {
					t.Fatalf("%v, items of %d: want %v", v, item, want)
				}
			}
		}
	}
}

// collides marks the bytes of a view of three axes in a bit set, and says whether one is marked twice.
func (v View) collides(item int) bool {
	var marked [2]uint64
	for i := range v.Shape[0] {
		for j := range v.Shape[1] {
			for k := range v.Shape[2] {
				at := i*v.Strides[0] + j*v.Strides[1] + k*v.Strides[2]
				for b := at; b < at+item; b++ {
					bit := uint64(1) << (b % 64)
					if marked[b/64]&bit != 0 {
						return true
					}
					marked[b/64] |= bit
				}
			}
		}
	}
	return false
}

func TestMergedTerms(t *testing.T) {
	contiguous := []term{{96, 1}, {32, 2}, {8, 3}}
	assert.Equal(t, []term{{8, 23}}, merged(contiguous))
	assert.Equal(t, []term{{8, 46}}, merged(append(contiguous, contiguous...)))
	assert.Equal(t, []term{{24, 2}, {8, 1}}, merged([]term{{8, 1}, {24, 2}}), "a gap after two steps of 8")
	assert.Equal(t, []term{{12, 5}, {8, 7}}, merged([]term{{8, 1}, {12, 5}, {16, 3}, {4, 0}, {0, 9}}))
}

func TestOverlapsAgainstModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, aItem := drawTangle(t), rapid.IntRange(1, 8).Draw(t, "aItem")
		b, bItem := drawTangle(t), rapid.IntRange(1, 8).Draw(t, "bItem")
		want := false
		touched := modelOf(b).bytes(bItem)
		for at := range modelOf(a).bytes(aItem) {
			want = want || touched[at] > 0
		}
		require.Equal(t, want, Overlaps(a, aItem, b, bItem))
		require.Equal(t, want, Overlaps(b, bItem, a, aItem))
	})
}

// Views of one large array, as programs make them: the answers are exact, and at once.
func TestOverlapsOfLargeViews(t *testing.T) {
	x := Contiguous([]int{50000, 5000}, 8)
	view := func(ix ...Index) View { return must(x.Index(ix...)) }
	tests := []struct {
		name string
		a, b View
		want bool
	}{
		{"halves", view(To(25000)), view(From(25000)), false},
		{"halves with a row in common", view(To(25001)), view(From(25000)), true},
		{"left and right", view(All(), To(2500)), view(All(), From(2500)), false},
		{"a column in common", view(All(), To(2501)), view(All(), From(2500)), true},
		{"even and odd columns", view(All(), Step(2)), view(All(), RangeStep(1, 5000, 2)), false},
		{"even and every third row", view(Step(2)), view(RangeStep(1, 50000, 3)), true},
		{"backwards", x, must(x.Flip()), true},
		{"the transpose", x, must(x.Transpose()), true},
		{"a column and the row beneath", view(Range(0, 10), At(0)), view(At(10)), false},
		{"quarters", view(To(25000), From(2500)), must(view(From(25000), To(2500)).Transpose()), false},
	}
	for _, tt := range tests {
		assert.Equal(t, tt.want, Overlaps(tt.a, 8, tt.b, 8), tt.name)
		assert.False(t, tt.a.SelfOverlaps(8), tt.name)
	}
	assert.True(t, must(Contiguous([]int{5000}, 8).BroadcastTo([]int{50000, 5000})).SelfOverlaps(8))
	windows := View{Shape: []int{1000000, 16}, Strides: []int{8, 8}}
	assert.True(t, windows.SelfOverlaps(8))
	assert.False(t, View{Shape: []int{1000000, 16}, Strides: []int{128, 8}}.SelfOverlaps(8))
}

// Where deciding would take long the answer is yes, soon; where it would not, it is exact.
func TestOverlapGivesUp(t *testing.T) {
	terms := []term{{107, 1}, {103, 1}, {101, 1}} // 205 is no sum of these
	assert.False(t, attains(terms, 205, 205))
	hurried := newSearch(terms)
	hurried.left = 1
	assert.True(t, hurried.attains(0, 205, 205))

	// A knapsack of 30 odd sizes near 2⁴⁰ in no pattern, and a byte that hardly any sum hits.
	tangled, state := View{}, uint64(1)
	for range MaxDims - 2 {
		state = state*6364136223846793005 + 1442695040888963407
		tangled.push(2, int(state>>24)|1)
	}
	_, hi := tangled.Extent(1)
	s := newSearch(merged(steps(tangled)))
	assert.True(t, s.attains(0, hi/2, hi/2))
	assert.LessOrEqual(t, s.left, 0)
	assert.True(t, Overlaps(tangled, 1, View{Offset: hi / 2}, 1))
}

func BenchmarkOverlaps(b *testing.B) {
	x := Contiguous([]int{50000, 5000}, 8)
	left, right := must(x.Index(All(), To(2500))), must(x.Index(All(), From(2500)))
	for b.Loop() {
		Overlaps(left, 8, right, 8)
	}
}

func BenchmarkSelfOverlaps(b *testing.B) {
	x := Contiguous([]int{10, 20, 30, 40}, 8)
	for b.Loop() {
		x.SelfOverlaps(8)
	}
}
