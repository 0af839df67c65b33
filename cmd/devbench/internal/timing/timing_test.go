package timing

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// noting is a subject that notes its runs in order.
func noting(order *[]string, name string) Subject {
	return Subject{
		Run:   func(context.Context) error { *order = append(*order, name); return nil },
		After: func() error { *order = append(*order, "after "+name); return nil },
	}
}

func TestInterleaveTakesTurns(t *testing.T) {
	var order []string
	times, err := Interleave(context.Background(), Limits{Least: 2, Most: 9, Patience: time.Hour}, []Subject{noting(&order, "a"), noting(&order, "b")})
	require.NoError(t, err)
	assert.Equal(t, []string{"a", "after a", "b", "after b", "a", "after a", "b", "after b"}, order)
	require.Len(t, times, 2)
	assert.Len(t, times[0], 2)
	assert.Len(t, times[1], 2)
}

func TestInterleaveStopsAtMost(t *testing.T) {
	var order []string
	times, err := Interleave(context.Background(), Limits{Time: time.Hour, Most: 5, Patience: time.Hour}, []Subject{noting(&order, "a")})
	require.NoError(t, err)
	assert.Len(t, times[0], 5)
}

func TestOneLongRoundCanBeEnough(t *testing.T) {
	slow := Subject{Run: func(context.Context) error { time.Sleep(3 * time.Millisecond); return nil }}
	limits := Limits{Time: time.Millisecond, Least: 3, Most: 9, Patience: 2 * time.Millisecond}
	times, err := Interleave(context.Background(), limits, []Subject{slow})
	require.NoError(t, err)
	require.Len(t, times[0], 1)
	assert.GreaterOrEqual(t, times[0][0], 3*time.Millisecond)
}

func TestLeastRoundsAreRunWithinPatience(t *testing.T) {
	slow := Subject{Run: func(context.Context) error { time.Sleep(2 * time.Millisecond); return nil }}
	times, err := Interleave(context.Background(), Limits{Time: time.Millisecond, Least: 3, Most: 9, Patience: time.Hour}, []Subject{slow})
	require.NoError(t, err)
	assert.Len(t, times[0], 3)
}

func TestInterleaveEndsWithTheFirstError(t *testing.T) {
	broken := errors.New("broken")
	for _, s := range []Subject{
		{Run: func(context.Context) error { return broken }},
		{Run: func(context.Context) error { return nil }, After: func() error { return broken }},
	} {
		_, err := Interleave(context.Background(), Limits{Least: 1, Most: 1}, []Subject{s})
		assert.ErrorIs(t, err, broken)
	}
}

func TestInterleaveEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	stopping := Subject{Run: func(context.Context) error { cancel(); return nil }}
	_, err := Interleave(ctx, Limits{Time: time.Hour, Most: 9, Patience: time.Hour}, []Subject{stopping})
	assert.ErrorIs(t, err, context.Canceled)
}
