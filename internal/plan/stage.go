package plan

import (
	"cmp"
	"slices"

	"github.com/tare-go/tare/device"
	"github.com/tare-go/tare/dtype"
	"github.com/tare-go/tare/internal/ir"
)

// Evaluation through a device: operands and results are at home, in the host's memory, and the device computes from
// copies. What a section of calls reads is a few windows of each array: ranges of bytes, which are copied as they lie
// to buffers of the device, each once. What it writes comes back in the same way. A layout that is sparse,
// with less than half of the bytes of its window in use, is gathered at home before it is copied; one that has gaps, or that
// a mask says to write in part, comes to other memory at home, from which its elements are scattered.
//
// Of a section that is repeated, windows that stay where they are are copied once, by a section before it. Those
// that move on with each repetition have two buffers each, so that one can be copied while the other is used.

// ring is the number of buffers of a window that moves.
const ring = 2

// sparse is how many times as many bytes as its elements have the window of a layout takes that is gathered.
const sparse = 2

// Transfer is a copy between a window at home and a buffer of the device.
type Transfer struct {
	Name  string
	Up    bool // to the device
	Bytes int
	Site  uintptr

	home, dev slot
	early     bool // before anything is written at home
}

// window is bytes at home, and the buffers of the device that they are copied to.
type window struct {
	at    slot // of the first byte, in the first repetition
	bytes int
	size  int // of its elements
	dev   slot
	plain bool // of what is written: all of it comes home as it lies
	site  uintptr
}

// stay is what stays on the device for the sections to come.
type stay struct {
	windows  []window
	gathered []gathered
}

// stager puts what one section reads and writes on the device.
type stager struct {
	p       *Plan
	times   int
	calls   []Call
	written []window // by the section
	windows []window // that it reads
	kept    stay     // and what stays

	before, gathers, scatters []Call // at home: before the section, and at the ends of each repetition
	sent, sends, returns      []int  // transfers: before the section, and at the ends of each repetition
	gathered                  []gathered
	mayGather                 bool // what moves
}

// gathered is a sparse layout with its elements one after the other on the device.
type gathered struct {
	at     slot
	typ    dtype.DType
	layout ir.Layout
	dev    slot
}

// stage ends a section: the calls from a number on, which are repeated so often, or run once if that is 0. What
// stays is kept for the sections after it, if there can be some. It is false if something would have to be
// gathered again and again, and that is not allowed.
func (p *Plan) stage(from, times int, kept *stay) bool {
	if p.Home == nil {
		p.sections = append(p.sections, section{end: len(p.Calls), times: times})
		return true
	}
	s := &stager{p: p, times: times, calls: slices.Clone(p.Calls[from:]), mayGather: kept == nil || p.Chunks.Gathers}
	p.Calls = p.Calls[:from:from]
	if kept != nil {
		s.kept = *kept
	}
	for i := range s.calls {
		s.outputs(&s.calls[i])
	}
	if !s.inputs() {
		return false
	}
	if len(s.before)+len(s.sent) > 0 {
		p.Calls = append(p.Calls, s.before...)
		p.sections = append(p.sections, section{end: len(p.Calls), transfers: s.sent})
	}
	p.Calls = slices.Concat(p.Calls, s.gathers, s.calls, s.scatters)
	p.sections = append(p.sections, section{end: len(p.Calls), times: times, transfers: slices.Concat(s.sends, s.returns)})
	if kept != nil {
		*kept = s.kept
	}
	return true
}

// atHome reports whether a slot is memory at home.
func (p *Plan) atHome(s slot) bool {
	if s.array < 0 {
		return p.Buffers[s.buffer].Home
	}
	return p.sources[s.array].Device() == p.Home
}

// samePlace reports whether two slots are in the same memory, seen at the same time.
func samePlace(a, b slot) bool {
	return a.array == b.array && a.out == b.out && (a.array >= 0 || a.buffer == b.buffer)
}

// name is that of the memory of a slot.
func (p *Plan) name(s slot) string {
	if s.array < 0 {
		return p.Buffers[s.buffer].Name
	}
	return p.sources[s.array].SourceName()
}

// moves reports whether a slot is further on in each repetition.
func (s *stager) moves(at slot) bool { return s.times > 1 && at.step != 0 }

// device is a new buffer of the device, or as many as it takes if what is copied to it moves.
func (s *stager) device(name string, bytes int, site uintptr, moves bool) slot {
	b := Buffer{Name: name, Purpose: device.Workspace, Bytes: bytes, Site: site}
	at := slot{array: -1, buffer: s.p.buffer(b)}
	if moves {
		at.ring = ring
		for range ring - 1 {
			s.p.buffer(b)
		}
	}
	return at
}

// home is a new buffer at home.
func (s *stager) home(name string, bytes int, site uintptr) slot {
	return slot{array: -1, buffer: s.p.buffer(Buffer{Name: name, Purpose: device.Workspace, Bytes: bytes, Home: true, Site: site})}
}

// transfer is a new transfer, none if it has no bytes.
func (s *stager) transfer(list *[]int, t Transfer) {
	if t.Bytes > 0 {
		s.p.Transfers = append(s.p.Transfers, t)
		*list = append(*list, len(s.p.Transfers)-1)
	}
}

// outputs has a call write to the device what it writes at home.
func (s *stager) outputs(c *Call) {
	for k := range len(c.out) {
		if s.p.atHome(c.out[k]) {
			s.output(c, k)
		}
	}
}

// output has a call write its k-th output to the device, from which it comes back.
func (s *stager) output(c *Call, k int) {
	i := len(c.in) + k
	o, extents, at := c.Op.Outputs()[k], ir.Extents(c.Op, i), c.out[k]
	low, high := o.Reach(extents)
	l := landing{at: at, typ: o.Type, layout: o.Layout(extents), bytes: high - low, low: low, site: c.Site}
	l.from = l.layout.Strides
	used := l.layout.Len() * o.Type.Size()
	gaps := low < high && used < l.bytes
	if gaps && l.bytes > sparse*used && !s.readBack(at) {
		c.Op = ir.With(c.Op, i, o.Dense(extents))
		l.from, l.bytes, l.low = l.layout.Dense(o.Type.Size()), used, 0
	}
	home, mask := at, ir.MaskOf(c.Op, k) != nil
	home.off += low
	w := window{at: home, bytes: l.bytes, size: o.Type.Size(), plain: !mask && l.bytes == high-low}
	dev, again := s.rewritten(w)
	if !again {
		dev = s.device(s.p.name(at), l.bytes, c.Site, s.times > 1)
		w.dev = dev
		s.written = append(s.written, w)
	}
	c.out[k] = dev
	c.out[k].off = -l.low
	switch {
	case mask || gaps:
		home = s.scatter(c, k, l, mask)
	case again: // it comes home when the last call has written it
		return
	}
	s.transfer(&s.returns, Transfer{Name: s.p.name(at), Bytes: l.bytes, Site: c.Site, home: home, dev: dev})
}

// rewritten is the buffer of what the section has written at the same place before: what is read there is what was
// written last.
func (s *stager) rewritten(w window) (slot, bool) {
	for _, before := range s.written {
		if w.plain && before.plain && before.at == w.at && before.bytes == w.bytes && before.size == w.size {
			return before.dev, true
		}
	}
	return slot{}, false
}

// landing is an output that has come home, and where its elements belong.
type landing struct {
	at         slot
	typ        dtype.DType
	layout     ir.Layout
	from       []int // strides of what has come
	bytes, low int   // of that, and where it begins, from its element at index 0
	site       uintptr
}

// scatter brings the elements of an output from memory at home, which it returns, to where they belong.
func (s *stager) scatter(c *Call, k int, l landing, masked bool) slot {
	name := s.p.name(l.at)
	here := s.home(name, l.bytes, l.site)
	first := here
	first.off = -l.low
	call := Call{Name: "scatter " + name, Home: true, Site: l.site, in: []slot{first}, out: []slot{l.at}}
	var mask []int
	if masked {
		mask = l.layout.Dense(1)
		call.in = append(call.in, s.mask(c, k, l.layout.Len(), name))
	}
	call.Op = ir.CopyKernel(l.typ, l.layout.Extents, l.from, l.layout.Strides, mask)
	s.scatters = append(s.scatters, call)
	return here
}

// mask has a call write all of its k-th output, and the mask beside it, which comes home.
func (s *stager) mask(c *Call, k, bytes int, name string) slot {
	c.Op = c.Op.(*ir.Kernel).Unmasked(k)
	name = "mask of " + name
	dev, here := s.device(name, bytes, c.Site, s.times > 1), s.home(name, bytes, c.Site)
	c.out = append(c.out, dev)
	s.transfer(&s.returns, Transfer{Name: name, Bytes: bytes, Site: c.Site, home: here, dev: dev})
	return here
}

// readBack reports whether a call of the section reads what is written at a place.
func (s *stager) readBack(at slot) bool {
	return slices.ContainsFunc(s.calls, func(c Call) bool {
		return slices.ContainsFunc(c.in, func(in slot) bool { return samePlace(in, at) })
	})
}

// own reports whether a slot is what the section has written, or will.
func (s *stager) own(in slot) bool { return in.out || in.array < 0 }

// inputs has the calls read from the device what is at home. It is false if that cannot be.
func (s *stager) inputs() bool {
	var reads []window
	possible := true
	s.eachRead(func(c *Call, j int, o ir.Operand, extents []int) {
		low, high := o.Reach(extents)
		in, layout := c.in[j], o.Layout(extents)
		switch {
		case s.own(in):
		case high-low <= sparse*layout.Len()*o.Type.Size():
			in.off += low
			reads = append(reads, window{at: in, bytes: high - low, size: o.Type.Size(), site: c.Site})
		case s.moves(in) && !s.mayGather:
			possible = false
		default:
			c.in[j], c.Op = s.gather(c, o, layout, in), ir.With(c.Op, j, o.Dense(extents))
		}
	})
	if !possible {
		return false
	}
	s.open(reads)
	s.eachRead(func(c *Call, j int, o ir.Operand, extents []int) {
		low, high := o.Reach(extents)
		c.in[j] = s.staged(c.in[j], low, high-low, o.Type.Size())
	})
	return true
}

// eachRead calls do with each operand that is at home.
func (s *stager) eachRead(do func(c *Call, j int, o ir.Operand, extents []int)) {
	for i := range s.calls {
		c := &s.calls[i]
		for j, in := range c.in {
			if s.p.atHome(in) {
				do(c, j, c.Op.Inputs()[j], ir.Extents(c.Op, j))
			}
		}
	}
}

// gather copies the elements of a sparse operand at home, one after the other, and from there to the device.
func (s *stager) gather(c *Call, o ir.Operand, layout ir.Layout, in slot) slot {
	for _, g := range slices.Concat(s.kept.gathered, s.gathered) {
		if g.at == in && g.typ == o.Type && slices.Equal(g.layout.Extents, layout.Extents) && slices.Equal(g.layout.Strides, layout.Strides) {
			return g.dev
		}
	}
	size, name := o.Type.Size(), s.p.name(in)
	bytes := layout.Len() * size
	here, dev := s.home(name, bytes, c.Site), s.device(name, bytes, c.Site, s.moves(in))
	call := Call{Name: "gather " + name, Home: true, Site: c.Site, in: []slot{in}, out: []slot{here}}
	call.Op = ir.CopyKernel(o.Type, layout.Extents, layout.Strides, layout.Dense(size), nil)
	calls, sends, list := &s.gathers, &s.sends, &s.gathered
	if s.times > 1 && !s.moves(in) {
		calls, sends, list = &s.before, &s.sent, &s.kept.gathered
	}
	*calls = append(*calls, call)
	s.transfer(sends, Transfer{Name: name, Up: true, Bytes: bytes, Site: c.Site, home: here, dev: dev})
	*list = append(slices.Clip(*list), gathered{in, o.Type, layout, dev})
	return dev
}

// open makes windows of ranges that are read: one of those that overlap or touch, none of what a window that is kept
// covers.
func (s *stager) open(reads []window) {
	slices.SortStableFunc(reads, func(a, b window) int {
		return cmp.Or(cmp.Compare(abs(a.at.step), abs(b.at.step)), cmp.Compare(a.at.step, b.at.step), cmp.Compare(a.at.array, b.at.array), cmp.Compare(a.size, b.size), cmp.Compare(a.at.off, b.at.off))
	})
	for len(reads) > 0 {
		w := reads[0]
		n := 1
		for n < len(reads) && w.meets(reads[n]) {
			w.bytes = max(w.bytes, reads[n].at.off+reads[n].bytes-w.at.off)
			n++
		}
		reads = reads[n:]
		if _, ok := s.within(s.kept.windows, w); !ok {
			s.send(w)
		}
	}
}

// meets reports whether the range of another window of the same array, which does not begin before this one, overlaps or
// touches it, and moves with it.
func (w window) meets(v window) bool {
	return samePlace(w.at, v.at) && w.at.step == v.at.step && w.size == v.size && v.at.off <= w.at.off+w.bytes
}

// send copies a window to the device.
func (s *stager) send(w window) {
	name, moves := s.p.name(w.at), s.moves(w.at)
	w.dev = s.device(name, w.bytes, w.site, moves)
	sends := &s.sends
	switch {
	case s.times > 1 && !moves:
		s.kept.windows, sends = append(slices.Clip(s.kept.windows), w), &s.sent
	default:
		s.windows = append(s.windows, w)
	}
	early := slices.ContainsFunc(s.written, func(out window) bool { return out.at.array == w.at.array })
	s.transfer(sends, Transfer{Name: name, Up: true, Bytes: w.bytes, Site: w.site, home: w.at, dev: w.dev, early: early})
}

// within finds the window that covers a range in all repetitions, and where it is there.
func (s *stager) within(windows []window, r window) (slot, bool) {
	travel := max(s.times-1, 0) * r.at.step
	for _, w := range windows {
		if !samePlace(w.at, r.at) || w.size != r.size {
			continue
		}
		off, step, far := r.at.off-w.at.off, r.at.step, travel
		if w.dev.ring > 0 { // it moves, too
			if w.at.step != step {
				continue
			}
			step, far = 0, 0
		}
		if off+min(far, 0) >= 0 && off+max(far, 0)+r.bytes <= w.bytes {
			return slot{array: -1, buffer: w.dev.buffer, ring: w.dev.ring, off: off, step: step}, true
		}
	}
	return slot{}, false
}

// staged is where an operand is on the device, whose bytes begin low bytes from its element at index 0.
func (s *stager) staged(in slot, low, bytes, size int) slot {
	at := in
	at.off += low
	for _, windows := range [][]window{s.kept.windows, s.windows, s.written} {
		if dev, ok := s.within(windows, window{at: at, bytes: bytes, size: size}); ok {
			dev.off -= low
			return dev
		}
	}
	panic("BUG: plan: an operand is in no window")
}

func abs(n int) int { return max(n, -n) }
