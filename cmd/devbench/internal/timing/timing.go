// Package timing runs implementations of the same work in turns and times them.
package timing

import (
	"context"
	"time"
)

// Subject is one implementation: a run of the work, and what is done after it off the clock.
type Subject struct {
	Run   func(ctx context.Context) error
	After func() error // nil for nothing
}

// Limits say how long to go on.
type Limits struct {
	Time        time.Duration // of all runs together; no round above Least starts later
	Least, Most int           // rounds
	Patience    time.Duration // after this long one round is enough
}

// Interleave runs the subjects in turns, so that what slows the machine for a while slows all of
// them, and returns the times of each. It ends early with the first error, or with ctx.
func Interleave(ctx context.Context, limits Limits, subjects []Subject) ([][]time.Duration, error) {
	times := make([][]time.Duration, len(subjects))
	start := time.Now()
	for round := 0; round < limits.Most; round++ {
		spent := time.Since(start)
		if round >= limits.Least && spent >= limits.Time || round > 0 && spent >= limits.Patience {
			break
		}
		for i, s := range subjects {
			took, err := once(ctx, s)
			if err != nil {
				return nil, err
			}
			times[i] = append(times[i], took)
		}
	}
	return times, nil
}

// once is one run of a subject on the clock.
func once(ctx context.Context, s Subject) (time.Duration, error) {
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	start := time.Now()
	err := s.Run(ctx)
	took := time.Since(start)
	if err == nil && s.After != nil {
		err = s.After()
	}
	return took, err
}
