package plan

import (
	"context"
	"slices"
	"sync"
)

// tokens are buffers that one stage of a pipeline has done with, and another may use.
type tokens chan struct{}

func newTokens(n int) tokens {
	t := make(tokens, ring)
	for range n {
		t <- struct{}{}
	}
	return t
}

// pipeline repeats a body with copies in it: while the device computes a repetition, one goroutine copies to the device
// for the next ones, and another brings home what the ones before have computed. The buffers of a repetition are used
// again ring repetitions later, and by nobody before that. Nothing goes on any more when it returns.
func (r *run) pipeline(ctx context.Context, s Step) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	var failure error
	var once sync.Once
	stage := func(steps []Step, take, give []tokens) {
		if err := r.stage(ctx, s.Count, steps, take, give); err != nil {
			once.Do(func() { failure = err; stop() })
		}
	}
	send, compute, bring := r.p.phases(s.Body)
	idle, sent, computed, empty := newTokens(ring), newTokens(0), newTokens(0), newTokens(ring)
	var others sync.WaitGroup
	others.Go(func() { stage(send, []tokens{idle}, []tokens{sent}) })
	others.Go(func() { stage(bring, []tokens{computed}, []tokens{empty}) })
	stage(compute, []tokens{sent, empty}, []tokens{idle, computed})
	others.Wait()
	return failure
}

// stage repeats steps, each time with tokens from the stages beside it, which it then gives on.
func (r *run) stage(ctx context.Context, count int, steps []Step, take, give []tokens) error {
	for i := range count {
		for _, t := range take {
			select {
			case <-t:
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := r.steps(ctx, steps, i); err != nil {
			return err
		}
		for _, t := range give {
			t <- struct{}{}
		}
	}
	return nil
}

// phases are the parts of a body: what brings operands to the device, what the device does, and what brings results home.
func (p *Plan) phases(body []Step) (send, compute, bring []Step) {
	own := func(s Step) bool { return s.Kind != Copy && !(s.Kind == Run && p.Calls[s.Call].Home) }
	from := slices.IndexFunc(body, own)
	to := len(body)
	for !own(body[to-1]) {
		to--
	}
	return body[:from], body[from:to], body[to:]
}
