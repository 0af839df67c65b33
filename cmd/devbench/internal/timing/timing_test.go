package timing

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// noting is a subject that notes its runs in order, and says that each takes that long.
func noting(order *[]string, name string, takes time.Duration) Subject {
	return Subject{Run: func(_ context.Context, repeats int) (time.Duration, error) {
		*order = append(*order, name)
		return takes * time.Duration(repeats), nil
	}}
}

func TestInterleaveTakesTurns(t *testing.T) {
	var order []string
	times, err := Interleave(t.Context(), Limits{Least: 2, Most: 9, Patience: time.Hour},
		[]Subject{noting(&order, "a", time.Second), noting(&order, "b", time.Minute)})
	require.NoError(t, err)
	assert.Equal(t, []string{"a", "b", "a", "b"}, order)
	assert.Equal(t, [][]time.Duration{{time.Second, time.Second}, {time.Minute, time.Minute}}, times)
}

func TestInterleaveStopsAtMost(t *testing.T) {
	var order []string
	times, err := Interleave(t.Context(), Limits{Time: time.Hour, Most: 5, Patience: time.Hour}, []Subject{noting(&order, "a", 0)})
	require.NoError(t, err)
	assert.Len(t, times[0], 5)
}

func TestOneLongRoundCanBeEnough(t *testing.T) {
	slow := Subject{Run: Loop(func(context.Context) error { time.Sleep(3 * time.Millisecond); return nil })}
	limits := Limits{Time: time.Millisecond, Least: 3, Most: 9, Patience: 2 * time.Millisecond}
	times, err := Interleave(t.Context(), limits, []Subject{slow})
	require.NoError(t, err)
	require.Len(t, times[0], 1)
	assert.GreaterOrEqual(t, times[0][0], 3*time.Millisecond)
}

func TestLeastRoundsAreRunWithinPatience(t *testing.T) {
	slow := Subject{Run: Loop(func(context.Context) error { time.Sleep(2 * time.Millisecond); return nil })}
	times, err := Interleave(t.Context(), Limits{Time: time.Millisecond, Least: 3, Most: 9, Patience: time.Hour}, []Subject{slow})
	require.NoError(t, err)
	assert.Len(t, times[0], 3)
}

func TestASlowSubjectIsLeftOutOfLaterRounds(t *testing.T) {
	var order []string
	times, err := Interleave(t.Context(), Limits{Least: 3, Most: 3, Patience: time.Hour, Share: time.Minute},
		[]Subject{noting(&order, "first", time.Hour), noting(&order, "slow", time.Hour), noting(&order, "quick", time.Second)})
	require.NoError(t, err)
	assert.Equal(t, []string{"first", "slow", "quick", "first", "quick", "first", "quick"}, order)
	assert.Equal(t, []int{3, 1, 3}, []int{len(times[0]), len(times[1]), len(times[2])})
}

func TestShortRunsAreRepeated(t *testing.T) {
	var repeated []int
	s := Subject{Run: func(_ context.Context, repeats int) (time.Duration, error) {
		repeated = append(repeated, repeats)
		return time.Duration(repeats) * time.Microsecond, nil
	}}
	times, err := Interleave(t.Context(), Limits{Least: 2, Most: 2, Patience: time.Hour, Batch: 3 * time.Millisecond}, []Subject{s})
	require.NoError(t, err)
	assert.Equal(t, []int{1, 10, 100, 1000, 10_000, 10_000, 10_000, 3000, 3000}, repeated)
	assert.Equal(t, []time.Duration{time.Microsecond, time.Microsecond}, times[0])
}

func TestAnInterruptedRunIsNotTheTimeOfTheWork(t *testing.T) {
	runs := 0
	s := Subject{Run: func(_ context.Context, repeats int) (time.Duration, error) {
		runs++
		if runs == 1 {
			return 10 * time.Millisecond, nil
		}
		return time.Duration(repeats) * time.Millisecond, nil
	}}
	times, err := Interleave(t.Context(), Limits{Least: 1, Most: 1, Batch: 4 * time.Millisecond}, []Subject{s})
	require.NoError(t, err)
	assert.Equal(t, []time.Duration{time.Millisecond}, times[0])
	assert.Equal(t, 6, runs, "1 interrupted, 1 at 1, 3 at 10, and the round")
}

func TestRunsSettle(t *testing.T) {
	s := Subject{Run: func(context.Context, int) (time.Duration, error) { return 0, nil }, Settle: 3 * time.Millisecond}
	start := time.Now()
	_, err := Interleave(t.Context(), Limits{Least: 2, Most: 2, Patience: time.Hour}, []Subject{s})
	require.NoError(t, err)
	assert.GreaterOrEqual(t, time.Since(start), 6*time.Millisecond)
}

func TestInterleaveEndsWithTheFirstError(t *testing.T) {
	broken := errors.New("broken")
	_, err := Interleave(t.Context(), Limits{Least: 1, Most: 1}, []Subject{{Run: Loop(func(context.Context) error { return broken })}})
	assert.ErrorIs(t, err, broken)
}

func TestInterleaveEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	stopping := Subject{Run: Loop(func(context.Context) error { cancel(); return nil })}
	_, err := Interleave(ctx, Limits{Time: time.Hour, Most: 9, Patience: time.Hour}, []Subject{stopping})
	assert.ErrorIs(t, err, context.Canceled)
}

func TestRatioIsTheMedianOverPairs(t *testing.T) {
	first := []time.Duration{10, 20, 30, 40}
	assert.Equal(t, 2.0, Ratio([]time.Duration{20, 40, 300}, first))
	assert.Equal(t, 2.5, Ratio([]time.Duration{20, 60}, first))
}

// A turn begins with runs off the clock where runs are short.
func TestWarmRunsAreOffTheClock(t *testing.T) {
	runs := map[time.Duration]int{}
	subject := func(takes time.Duration) Subject {
		return Subject{Run: func(context.Context, int) (time.Duration, error) {
			runs[takes]++
			time.Sleep(takes)
			return takes, nil
		}}
	}
	const short, long = time.Millisecond, 20 * time.Millisecond
	times, err := Interleave(t.Context(), Limits{Least: 2, Most: 2, Patience: time.Minute, Warm: 10 * time.Millisecond}, []Subject{subject(short), subject(long)})
	require.NoError(t, err)
	assert.Equal(t, []int{2, 2}, []int{len(times[0]), len(times[1])})
	assert.Equal(t, 3, runs[long], "one before its time is known")
	assert.GreaterOrEqual(t, runs[short], 4)
	assert.LessOrEqual(t, runs[short], 22)
}
