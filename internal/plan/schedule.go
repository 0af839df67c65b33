package plan

import (
	"context"
	"slices"

	"github.com/tare-go/tare/device"
)

// section is the calls from the end of the section before up to but without end.
type section struct {
	end       int
	times     int   // they are repeated; 0 if they are not
	transfers []int // of Plan.Transfers
}

// schedule compiles the calls and makes steps of the sections. A buffer is allocated before the first call that touches
// it, and released after the last; one that several sections touch lives from the first of those to the
// last. Results are not released; where there are chunks, they are allocated first. The bytes are added up.
func (p *Plan) schedule(ctx context.Context) error {
	if err := p.compile(ctx); err != nil {
		return err
	}
	p.Steps = nil
	first, last := p.sectionsOf()
	for i, b := range p.Buffers {
		if b.Purpose == device.Result && (p.Chunks != nil || first[i] < 0) { // without elements no call writes it
			p.Steps = append(p.Steps, Step{Kind: Alloc, Buffer: i})
		}
	}
	from := 0
	for i, s := range p.sections {
		w := &sectionSteps{p: p, section: s, from: from, beyond: func(b int) bool {
			return first[b] < last[b] || p.Chunks != nil && p.Buffers[b].Purpose == device.Result
		}}
		w.each(Alloc, func(b int) bool { return first[b] == i && first[b] < last[b] })
		w.write()
		w.each(Free, func(b int) bool { return last[b] == i && first[b] < last[b] })
		p.Steps = append(p.Steps, w.steps...)
		from = s.end
	}
	p.account()
	return nil
}

// sectionsOf are the first and last section that touches each buffer, -1 for none. Workspace and results are no section's.
func (p *Plan) sectionsOf() (first, last []int) {
	first, last = untouched(len(p.Buffers)), untouched(len(p.Buffers))
	from := 0
	for i, s := range p.sections {
		used, _ := p.lifetimes(from, s)
		for b := range p.Buffers {
			if used[b] < 0 || b == p.work {
				continue
			}
			if last[b] = i; first[b] < 0 || p.Buffers[b].Purpose == device.Result {
				first[b] = i
			}
		}
		from = s.end
	}
	return first, last
}

func untouched(n int) []int {
	all := make([]int, n)
	for i := range all {
		all[i] = -1
	}
	return all
}

// lifetimes are the first and last of a section's calls that touch each buffer, or beside which it is copied, -1 for none.
func (p *Plan) lifetimes(from int, s section) (first, last []int) {
	first, last = untouched(len(p.Buffers)), untouched(len(p.Buffers))
	for c := from; c < s.end; c++ {
		p.touched(&p.Calls[c], func(b int) {
			if first[b] < 0 {
				first[b] = c
			}
			last[b] = c
		})
	}
	for _, t := range s.transfers {
		at := p.beside(p.Transfers[t], from, s.end, first, last)
		for _, place := range []slot{p.Transfers[t].home, p.Transfers[t].dev} {
			place.each(func(b int) {
				if first[b] < 0 {
					first[b] = at
				}
				first[b], last[b] = min(first[b], at), max(last[b], at)
			})
		}
	}
	return first, last
}

// beside is the call of a section before which something is copied to the device, or after which it is copied back. What no
// call of the section needs is copied after all.
func (p *Plan) beside(t Transfer, from, end int, first, last []int) int {
	at := first[t.dev.buffer]
	switch {
	case !t.Up:
		return last[t.dev.buffer]
	case t.early:
		return from
	case at < 0:
		return end
	}
	return at
}

// each calls do with the buffers that a slot stands for.
func (s slot) each(do func(buffer int)) {
	if s.array < 0 {
		for i := range max(s.ring, 1) {
			do(s.buffer + i)
		}
	}
}

// touched calls do with the buffers that a call uses.
func (p *Plan) touched(c *Call, do func(buffer int)) {
	for _, s := range c.in {
		s.each(do)
	}
	for _, s := range c.out {
		s.each(do)
	}
	switch {
	case c.Program.Workspace() == 0:
	case c.Home:
		do(c.work)
	default:
		do(p.work)
	}
}

// sectionSteps writes the steps of a section.
type sectionSteps struct {
	p *Plan
	section
	from   int
	beyond func(buffer int) bool // that it is allocated and released by others
	steps  []Step
}

// each adds a step for each buffer of which something is true.
func (w *sectionSteps) each(kind StepKind, is func(buffer int) bool) {
	for b := range w.p.Buffers {
		if is(b) {
			w.steps = append(w.steps, Step{Kind: kind, Buffer: b})
		}
	}
}

// copies adds the transfers in one direction of which something is true.
func (w *sectionSteps) copies(up bool, is func(t Transfer) bool) {
	for _, t := range w.transfers {
		if w.p.Transfers[t].Up == up && is(w.p.Transfers[t]) {
			w.steps = append(w.steps, Step{Kind: Copy, Transfer: t})
		}
	}
}

// write adds the steps of the section.
func (w *sectionSteps) write() {
	first, last := w.p.lifetimes(w.from, w.section)
	switch {
	case w.times == 0:
		w.once(first, last)
	case len(w.transfers) == 0:
		body := *w
		body.steps = nil
		body.once(first, last)
		w.steps = append(w.steps, Step{Kind: Repeat, Count: w.times, Body: body.steps})
	default:
		w.pipeline(first, last)
	}
}

// once runs the calls. What they need is copied before the first of them that needs it, and what they give after the last
// that touches it.
func (w *sectionSteps) once(first, last []int) {
	p := w.p
	for c := w.from; c <= w.end; c++ {
		here := func(t Transfer) bool { return p.beside(t, w.from, w.end, first, last) == c }
		w.each(Alloc, func(b int) bool { return first[b] == c && !w.beyond(b) })
		w.copies(true, here)
		if c < w.end {
			w.steps = append(w.steps, Step{Kind: Run, Call: c})
		}
		w.copies(false, here)
		w.each(Free, func(b int) bool { return last[b] == c && !w.beyond(b) && p.Buffers[b].Purpose != device.Result })
	}
}

// pipeline repeats the calls with copies to the device before and from it after them. The buffers of what goes on at the
// same time as the calls are there all the time.
func (w *sectionSteps) pipeline(first, last []int) {
	around := w.around()
	within := func(b int) bool { return around[b] && !w.beyond(b) }
	all := func(Transfer) bool { return true }
	inner := func(b int) bool { return around[b] || w.beyond(b) }
	from, to := w.onDevice()
	body := &sectionSteps{p: w.p, section: w.section}
	body.run(w.from, from)
	body.copies(true, all)
	compute := &sectionSteps{p: w.p, section: section{end: to}, from: from, beyond: inner}
	compute.once(first, last)
	body.steps = append(body.steps, compute.steps...)
	body.copies(false, all)
	body.run(to, w.end)
	w.each(Alloc, within)
	w.steps = append(w.steps, Step{Kind: Repeat, Count: w.times, Body: body.steps})
	w.each(Free, within)
}

// around are the buffers of what goes on beside the calls on the device: of transfers, and of calls at home.
func (w *sectionSteps) around() []bool {
	around := make([]bool, len(w.p.Buffers))
	note := func(b int) { around[b] = true }
	for _, t := range w.transfers {
		w.p.Transfers[t].home.each(note)
		w.p.Transfers[t].dev.each(note)
	}
	for c := w.from; c < w.end; c++ {
		if w.p.Calls[c].Home {
			w.p.touched(&w.p.Calls[c], note)
		}
	}
	return around
}

// onDevice are the calls that are not at home, which stand between those that gather and those that scatter.
func (w *sectionSteps) onDevice() (from, to int) {
	from, to = w.from, w.end
	for w.p.Calls[from].Home {
		from++
	}
	for w.p.Calls[to-1].Home {
		to--
	}
	return from, to
}

// run adds calls.
func (w *sectionSteps) run(from, to int) {
	for c := from; c < to; c++ {
		w.steps = append(w.steps, Step{Kind: Run, Call: c})
	}
}

// account adds up the bytes of all steps, and finds the most that is live at one time.
func (p *Plan) account() {
	live, home := 0, 0
	p.PeakBytes, p.HomePeakBytes, p.ResultBytes, p.IntermediateBytes, p.WorkspaceBytes, p.launches = 0, 0, 0, 0, 0, 0
	p.H2D, p.D2H = device.Transfer{}, device.Transfer{}
	var walk func(steps []Step, times int)
	walk = func(steps []Step, times int) {
		for _, s := range steps {
			switch s.Kind {
			case Alloc:
				b := p.Buffers[s.Buffer]
				*p.liveAt(b, &live, &home) += b.Class
				*p.total(b.Purpose) += b.Class * times
			case Free:
				b := p.Buffers[s.Buffer]
				*p.liveAt(b, &live, &home) -= b.Class
			case Run:
				p.launches += times
			case Copy:
				t := p.Transfers[s.Transfer]
				sum := &p.D2H
				if t.Up {
					sum = &p.H2D
				}
				sum.Count, sum.Bytes = sum.Count+times, sum.Bytes+t.Bytes*times
			case Repeat:
				walk(s.Body, times*s.Count)
			}
			p.PeakBytes, p.HomePeakBytes = max(p.PeakBytes, live), max(p.HomePeakBytes, home)
		}
	}
	walk(p.Steps, 1)
	p.uses()
}

// liveAt is which of two sums a buffer counts in.
func (p *Plan) liveAt(b Buffer, dev, home *int) *int {
	if b.Home {
		return home
	}
	return dev
}

// uses notes what is done with each source, and how many arguments calls have.
func (p *Plan) uses() {
	p.use = make([]access, len(p.sources))
	note := func(s slot) {
		if s.array >= 0 {
			u := &p.use[s.array]
			u.read, u.written = u.read || !s.out, u.written || s.out
		}
	}
	for _, c := range p.Calls {
		p.args = max(p.args, len(c.in)+len(c.out)+len(c.scalars))
		for _, s := range slices.Concat(c.in, c.out) {
			note(s)
		}
	}
	for _, t := range p.Transfers {
		note(t.home)
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
