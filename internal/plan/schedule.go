package plan

import (
	"slices"

	"github.com/tare-go/tare/device"
)

// schedule puts each buffer's allocation before the first call that touches it and its release after
// the last, and adds up the bytes. Results are not released. The workspace lives around the calls
// that need it.
func (p *Plan) schedule() {
	first, _ := p.lifetimes(0, len(p.Calls))
	for i, b := range p.Buffers {
		if b.Purpose == device.Result && first[i] < 0 { // no elements: no call writes it
			p.Steps = append(p.Steps, Step{Kind: Alloc, Buffer: i})
		}
	}
	p.Steps = append(p.Steps, p.section(0, len(p.Calls), func(int) bool { return false })...)
	p.account()
}

// section is the steps of the calls [from, to). Buffers that live beyond it are allocated and released by others;
// results are not released.
func (p *Plan) section(from, to int, beyond func(buffer int) bool) []Step {
	first, last := p.lifetimes(from, to)
	var steps []Step
	for c := from; c < to; c++ {
		for b := range p.Buffers {
			if first[b] == c && !beyond(b) {
				steps = append(steps, Step{Kind: Alloc, Buffer: b})
			}
		}
		steps = append(steps, Step{Kind: Run, Call: c})
		for b, buf := range p.Buffers {
			if last[b] == c && !beyond(b) && buf.Purpose != device.Result {
				steps = append(steps, Step{Kind: Free, Buffer: b})
			}
		}
	}
	return steps
}

// lifetimes are the first and last of the calls [from, to) that touch each buffer, -1 for none.
func (p *Plan) lifetimes(from, to int) (first, last []int) {
	first, last = make([]int, len(p.Buffers)), make([]int, len(p.Buffers))
	for b := range first {
		first[b], last[b] = -1, -1
	}
	touch := func(b, c int) {
		if first[b] < 0 {
			first[b] = c
		}
		last[b] = c
	}
	for c := from; c < to; c++ {
		call := p.Calls[c]
		for _, s := range append(call.in[:len(call.in):len(call.in)], call.out...) {
			if s.array < 0 {
				touch(s.buffer, c)
			}
		}
		if call.Program.Workspace() > 0 {
			touch(p.work, c)
		}
	}
	return first, last
}

// account adds up the bytes of all steps, and finds the most that is live at one time.
func (p *Plan) account() {
	live := 0
	p.PeakBytes, p.ResultBytes, p.IntermediateBytes, p.WorkspaceBytes, p.launches = 0, 0, 0, 0, 0
	var walk func(steps []Step, times int)
	walk = func(steps []Step, times int) {
		for _, s := range steps {
			switch s.Kind {
			case Alloc:
				class := p.Buffers[s.Buffer].Class
				live += class
				*p.total(p.Buffers[s.Buffer].Purpose) += class * times
			case Free:
				live -= p.Buffers[s.Buffer].Class
			case Run:
				p.launches += times
			case Repeat:
				walk(s.Body, times*s.Count)
			}
			p.PeakBytes = max(p.PeakBytes, live)
		}
	}
	walk(p.Steps, 1)
	p.uses()
}

// uses notes what the calls do with each source, and how many arguments they have.
func (p *Plan) uses() {
	p.use = make([]access, len(p.sources))
	p.noResults = make([]device.Buffer, len(p.targets))
	for _, c := range p.Calls {
		p.args = max(p.args, len(c.in)+len(c.out)+len(c.scalars))
		for _, s := range slices.Concat(c.in, c.out) {
			if s.array >= 0 {
				u := &p.use[s.array]
				u.read, u.written = u.read || !s.out, u.written || s.out
			}
		}
	}
}

// total is where the bytes of a purpose are added up.
func (p *Plan) total(purpose device.Purpose) *int {
	switch purpose {
	case device.Result:
		return &p.ResultBytes
	case device.Intermediate:
		return &p.IntermediateBytes
	}
	return &p.WorkspaceBytes
}
