package device

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestArgListsAreNotShared(t *testing.T) {
	var l argList
	a, b := l.take(2), l.take(2)
	assert.NotSame(t, a, b)
	(*a)[0].Bits = 5
	l.give(a)
	c := l.take(1)
	assert.Same(t, a, c, "what is given back is used again")
	assert.NotSame(t, c, l.take(1), "by one")
	assert.Equal(t, arguments{{}}, *c, "and has nothing of before")
	l.give(b)
	assert.Len(t, *l.take(3), 3, "also where more is wanted than before")
}
