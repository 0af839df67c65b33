package nearest

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"pgregory.net/rapid"
)

func TestTo(t *testing.T) {
	names := []string{"sqrt", "square", "sum", "mean", "argmax", "exp", "exp2"}
	for word, want := range map[string]string{
		"sqr": "sqrt", "sqtr": "sqrt", "Mean": "mean", "maen": "mean", "agrmax": "argmax", "exp1": "exp",
		"zscore": "", "x": "", "": "",
	} {
		assert.Equal(t, want, To(word, names), word)
	}
}

func TestDidYouMean(t *testing.T) {
	assert.Equal(t, "; did you mean sum?", DidYouMean("sun", []string{"sum"}))
	assert.Empty(t, DidYouMean("median", []string{"sum"}))
}

func TestDistanceIsAMetricForOneEdit(t *testing.T) {
	word := rapid.StringMatching(`[a-e]{0,8}`)
	rapid.Check(t, func(t *rapid.T) {
		a, b := word.Draw(t, "a"), word.Draw(t, "b")
		assert.Equal(t, distance(a, b), distance(b, a))
		assert.Equal(t, a == b, distance(a, b) == 0)
		i := rapid.IntRange(0, len(a)).Draw(t, "i")
		assert.Equal(t, 1, distance(a, a[:i]+"z"+a[i:]))
	})
}
