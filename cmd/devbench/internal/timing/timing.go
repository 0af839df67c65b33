// Package timing runs implementations of the same work in turns and times them.
package timing

import (
	"context"
	"math"
	"time"
)

// Subject is one implementation. Run does the work repeats times and says how long that took; what it
// does besides is off the clock.
type Subject struct {
	Run func(ctx context.Context, repeats int) (time.Duration, error)
	// Settle is the pause after a run: how long threads that wait for more work keep a processor busy.
	Settle time.Duration
}

// Limits say how long to go on.
type Limits struct {
	Time        time.Duration // of all runs together; no round above Least starts later
	Least, Most int           // rounds
	Patience    time.Duration // after this long one round is enough
	Share       time.Duration // a subject that took this long is left out of later rounds; 0 for never
	Batch       time.Duration // a short run is repeated until it takes this long
	// Warm is how long a turn begins with runs off the clock, unless one takes longer: after a pause, or after the runs
	// of others, the caches have other things in them, threads sleep, and the processor is slow for some time.
	Warm time.Duration
}

// Loop is the Run of a function: the time is that of all calls.
func Loop(f func(ctx context.Context) error) func(context.Context, int) (time.Duration, error) {
	return func(ctx context.Context, repeats int) (time.Duration, error) {
		start := time.Now()
		for range repeats {
			if err := f(ctx); err != nil {
				return 0, err
			}
		}
		return time.Since(start), nil
	}
}

// turn is a subject with what is known of it.
type turn struct {
	Subject
	repeats int
	spent   time.Duration
	last    time.Duration // of all repetitions
	times   []time.Duration
}

// Interleave runs the subjects in turns, so that what slows the machine for a while slows all of
// them, and returns the times of one repetition of each, in order of the rounds. The first subject is
// in every round. It ends early with the first error, or with ctx.
func Interleave(ctx context.Context, limits Limits, subjects []Subject) ([][]time.Duration, error) {
	turns := make([]turn, len(subjects))
	for i, s := range subjects {
		turns[i] = turn{Subject: s, repeats: 1}
		if err := turns[i].calibrate(ctx, limits.Batch); err != nil {
			return nil, err
		}
	}
	start := time.Now()
	for round := 0; round < limits.Most; round++ {
		spent := time.Since(start)
		if round >= limits.Least && spent >= limits.Time || round > 0 && spent >= limits.Patience {
			break
		}
		for i := range turns {
			if i > 0 && round > 0 && limits.Share > 0 && turns[i].spent >= limits.Share {
				continue
			}
			if err := turns[i].once(ctx, limits.Warm); err != nil {
				return nil, err
			}
		}
	}
	times := make([][]time.Duration, len(turns))
	for i, t := range turns {
		times[i] = t.times
	}
	return times, nil
}

// mostRepeats bounds what a wrong guess of a run's time can cost.
const mostRepeats = 100_000

// calibrate finds how often the run is repeated to take as long as a batch. It does nothing for a
// batch of 0.
func (t *turn) calibrate(ctx context.Context, batch time.Duration) error {
	for t.repeats = 1; batch > 0; t.repeats = min(mostRepeats, t.repeats*10) {
		took, err := t.quickest(ctx, batch/2)
		if err != nil {
			return err
		}
		if took >= batch/2 || t.repeats == mostRepeats {
			scale := float64(batch) / float64(max(took, 1))
			t.repeats = max(1, min(mostRepeats, int(math.Ceil(scale*float64(t.repeats)))))
			return nil
		}
	}
	return nil
}

// quickest is the least time of three runs, or of the first that takes less than enough: one that was
// interrupted must not pass for the time that the work takes.
func (t *turn) quickest(ctx context.Context, enough time.Duration) (time.Duration, error) {
	least := time.Duration(math.MaxInt64)
	for range 3 {
		took, err := t.run(ctx)
		if err != nil {
			return 0, err
		}
		least = min(least, took)
		if least < enough || least > 20*enough {
			break
		}
	}
	return least, nil
}

// once is one turn on the clock, after runs off it.
func (t *turn) once(ctx context.Context, warm time.Duration) error {
	if err := t.warmUp(ctx, warm); err != nil {
		return err
	}
	took, err := t.run(ctx)
	if err != nil {
		return err
	}
	t.spent += took
	t.times = append(t.times, took/time.Duration(t.repeats))
	return nil
}

// warmUp runs off the clock for so long, unless a run takes longer.
func (t *turn) warmUp(ctx context.Context, warm time.Duration) error {
	for start := time.Now(); time.Since(start) < warm && t.last < warm; {
		if err := ctx.Err(); err != nil {
			return err
		}
		took, err := t.Run(ctx, t.repeats)
		if err != nil {
			return err
		}
		t.last = took
	}
	return nil
}

func (t *turn) run(ctx context.Context) (time.Duration, error) {
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	took, err := t.Run(ctx, t.repeats)
	t.last = took
	if t.Settle > 0 {
		time.Sleep(t.Settle)
	}
	return took, err
}

// Ratio is the median over rounds of a subject's time to the first one's: how many times as long it
// takes. Both have at least one round.
func Ratio(subject, first []time.Duration) float64 {
	ratios := make([]float64, min(len(subject), len(first)))
	for i := range ratios {
		ratios[i] = float64(subject[i]) / float64(max(first[i], 1))
	}
	return Median(ratios)
}
