package plan

import "github.com/tare-go/tare/device"

// schedule puts each buffer's allocation before the first call that touches it and its release after
// the last, and adds up the bytes. Results are not released. The workspace lives around the calls
// that need it.
func (p *Plan) schedule() {
	first, last := p.lifetimes()
	for i, b := range p.Buffers {
		if b.Purpose == device.Result && first[i] < 0 { // no elements: no call writes it
			p.Steps = append(p.Steps, Step{Kind: Alloc, Buffer: i})
		}
	}
	for c := range p.Calls {
		for b := range p.Buffers {
			if first[b] == c {
				p.Steps = append(p.Steps, Step{Kind: Alloc, Buffer: b})
			}
		}
		p.Steps = append(p.Steps, Step{Kind: Run, Call: c})
		for b := range p.Buffers {
			if last[b] == c && p.Buffers[b].Purpose != device.Result {
				p.Steps = append(p.Steps, Step{Kind: Free, Buffer: b})
			}
		}
	}
	p.account()
}

// lifetimes are the first and last calls that touch each buffer, -1 for none.
func (p *Plan) lifetimes() (first, last []int) {
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
	for c, call := range p.Calls {
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

func (p *Plan) account() {
	live := 0
	for _, s := range p.Steps {
		switch s.Kind {
		case Alloc:
			b := p.Buffers[s.Buffer]
			live += b.Class
			switch b.Purpose {
			case device.Result:
				p.ResultBytes += b.Class
			case device.Intermediate:
				p.IntermediateBytes += b.Class
			case device.Workspace:
				p.WorkspaceBytes += b.Class
			}
		case Free:
			live -= p.Buffers[s.Buffer].Class
		}
		p.PeakBytes = max(p.PeakBytes, live)
	}
}
