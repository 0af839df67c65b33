package canon

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"pgregory.net/rapid"
)

// The folds of these tests are over strings, so that the order itself is the result.

func name(i int) string         { return strconv.Itoa(i) }
func paren(a, b string) string  { return "(" + a + "+" + b + ")" }
func names(values []int) string { return strings.Trim(fmt.Sprint(values), "[]") }

// join folds to the elements met, in order, for folds where the shape of the tree is clear.
func join(a, b string) string { return strings.TrimSpace(a + " " + b) }

func addF64(a, b float64) float64 { return a + b }

var negZero = math.Copysign(0, -1)

func TestLaneConstants(t *testing.T) {
	assert.Equal(t, []int{128, 64}, []int{Lanes(4), Lanes(8)})
	assert.Equal(t, []int{4, 2}, []int{Per16(4), Per16(8)})
	assert.Equal(t, []int{0, 1, 1, 2}, []int{Blocks(0), Blocks(1), Blocks(4096), Blocks(4097)})
	assert.Equal(t, []int{0, 1, 1, 2}, []int{Chunks(0), Chunks(1), Chunks(256), Chunks(257)})
}

func TestLaneTreeFloat32(t *testing.T) {
	acc := make([]string, 128)
	for l := range acc {
		acc[l] = name(l)
	}
	group := func(g int) string {
		return fmt.Sprintf("((%d+%d)+(%d+%d))", 4*g, 4*g+1, 4*g+2, 4*g+3)
	}
	assert.Equal(t, lane32(group), LaneTree(acc, 4, paren))
}

func TestLaneTreeFloat64(t *testing.T) {
	acc := make([]string, 64)
	for l := range acc {
		acc[l] = name(l)
	}
	group := func(g int) string { return fmt.Sprintf("(%d+%d)", 2*g, 2*g+1) }
	assert.Equal(t, lane32(group), LaneTree(acc, 2, paren))
}

// lane32 is what thread 0 of a warp holds after exchanging at distances 16, 8, 4, 2, 1.
func lane32(group func(g int) string) string {
	var thread func(i, distance int) string
	thread = func(i, distance int) string {
		if distance == 32 {
			return group(i)
		}
		return paren(thread(i, 2*distance), thread(i+distance, 2*distance))
	}
	return thread(0, 1)
}

// Within a lane values are added in order of their index, and lane 1 is folded after lane 0.
func TestLaneFoldOrder(t *testing.T) {
	got := LaneFold(300, name, "", 128, 4, join)
	lanes := make([]string, 128)
	for l := range lanes {
		lanes[l] = names([]int{l, l + 128})
		if l+256 < 300 {
			lanes[l] = names([]int{l, l + 128, l + 256})
		}
	}
	assert.Equal(t, LaneTree(lanes, 4, join), got)
	assert.True(t, strings.HasPrefix(got, "0 128 256 1 129 257 2 130 258 3 131 259 64 192 65 193 "), got)
}

func TestLaneFoldAgainFoldsBlockResults(t *testing.T) {
	ones := func(int) float64 { return 1 }
	assert.Equal(t, 4096.0*4096+5, LaneFold(4096*4096+5, ones, negZero, 64, 2, addF64))

	const n = 2*4096 + 3
	at := func(i int) float64 { return math.Sin(float64(i)) * math.Exp2(float64(i%60)) }
	part := func(lo, hi int) float64 {
		return LaneFold(hi-lo, func(i int) float64 { return at(lo + i) }, negZero, 64, 2, addF64)
	}
	results := []float64{part(0, 4096), part(4096, 8192), part(8192, n)}
	// Three results lie in lanes 0, 1 and 2: the first two share 16 bytes.
	assert.Equal(t, (results[0]+results[1])+results[2], LaneFold(n, at, negZero, 64, 2, addF64))
}

func TestLaneFoldKeepsNegativeZero(t *testing.T) {
	at := func(int) float64 { return negZero }
	for _, n := range []int{1, 2, 63, 64, 65, 4096, 4097, 9000} {
		got := LaneFold(n, at, negZero, 64, 2, addF64)
		assert.Equal(t, math.Float64bits(negZero), math.Float64bits(got), "n = %d", n)
	}
	assert.Equal(t, math.Float64bits(negZero), math.Float64bits(LaneFold(0, at, negZero, 64, 2, addF64)))
}

// Few enough values that the lane rule is the plain order, by hand, for float32.
func TestLaneFoldShort(t *testing.T) {
	x := []float32{1e8, 1, -1e8, 1, 0.5}
	got := LaneFold(len(x), func(i int) float32 { return x[i] }, float32(negZero), 128, 4,
		func(a, b float32) float32 { return a + b })
	assert.Equal(t, float32(0.5), got) // ((1e8+1)+(-1e8+1)) is 0, then group 1 is added
}

// Blocks may be folded by anyone in any order.
func TestLaneBlocksAreIndependent(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 5*Block).Draw(t, "n")
		seed := rapid.Float64Range(-9, 9).Draw(t, "seed")
		at := func(i int) float64 { return math.Sin(float64(i)+seed) * math.Exp2(float64(i%90)) }
		results := make([]float64, Blocks(n))
		for _, b := range rapid.Permutation(indices(len(results))).Draw(t, "order") {
			lo := b * Block
			results[b] = LaneFold(min(n, lo+Block)-lo, func(i int) float64 { return at(lo + i) }, negZero, 64, 2, addF64)
		}
		want := LaneFold(n, at, negZero, 64, 2, addF64)
		got := LaneFold(len(results), func(i int) float64 { return results[i] }, negZero, 64, 2, addF64)
		assert.Equal(t, math.Float64bits(want), math.Float64bits(got))
	})
}

func indices(n int) []int {
	s := make([]int, n)
	for i := range s {
		s[i] = i
	}
	return s
}

func TestPairFold(t *testing.T) {
	for n, want := range map[int]string{
		1: "0",
		2: "(0+1)",
		3: "((0+1)+2)",
		5: "(((0+1)+(2+3))+4)",
		6: "(((0+1)+(2+3))+(4+5))",
		7: "(((0+1)+(2+3))+((4+5)+6))",
	} {
		values := make([]string, n)
		for i := range values {
			values[i] = name(i)
		}
		assert.Equal(t, want, PairFold(values, paren))
	}
}

func TestMergesFollowPairFold(t *testing.T) {
	for n := 1; n <= 200; n++ {
		values := make([]string, n)
		var stack []string
		for i := range values {
			values[i] = name(i)
			stack = append(stack, name(i))
			for range Merges(i, n) {
				top := len(stack) - 1
				stack = append(stack[:top-1], paren(stack[top-1], stack[top]))
			}
		}
		assert.Equal(t, []string{PairFold(values, paren)}, stack, "n = %d", n)
	}
}

func TestChunkFold(t *testing.T) {
	row := func(lo, hi int) string {
		s := name(lo)
		for i := lo + 1; i < hi; i++ {
			s = paren(s, name(i))
		}
		return s
	}
	assert.Equal(t, "0", ChunkFold(1, name, paren))
	assert.Equal(t, row(0, 256), ChunkFold(256, name, paren))
	assert.Equal(t, paren(row(0, 256), name(256)), ChunkFold(257, name, paren))
	assert.Equal(t, paren(paren(row(0, 256), row(256, 512)), row(512, 600)), ChunkFold(600, name, paren))
	assert.Panics(t, func() { ChunkFold(0, name, paren) })
}
