package ptxsim

// together faults unless the lanes that execute are those of the mask operand that have not exited.
func (w *warp) together(mask int, m uint32) {
	w.need(mask, m)
	for r := m; r != 0; r &= r - 1 {
		l := lane(r)
		if named := uint32(w.regs[mask][l]); named&w.live != m {
			w.fault(PartialMask, l, "lanes %08x execute, the mask names %08x of %08x", m, named, w.live)
		}
	}
}

// collective decodes .sync, which the forms without are not.
func (d *decoder) collective(version int) {
	d.out.class = CollectiveClass
	d.must("sync")
	d.since(version, 70)
}

// shuffles give the lane to read from, and whether it is in range, after the pseudocode of the ISA.
var shuffles = map[string]func(l, b, low, high, segment int) (from int, ok bool){
	"up":   func(l, b, _, high, _ int) (int, bool) { return l - b, l-b >= high },
	"down": func(l, b, _, high, _ int) (int, bool) { return l + b, l+b <= high },
	"bfly": func(l, b, _, high, _ int) (int, bool) { return l ^ b, l^b <= high },
	"idx":  func(_, b, low, high, segment int) (int, bool) { from := low | b&^segment; return from, from <= high },
}

// decodeShfl is shfl.sync.mode.b32 d{|p}, a, b, c, mask.
func decodeShfl(d *decoder) exec {
	d.collective(60)
	mode := shuffles[d.must("up", "down", "bfly", "idx")]
	d.typ(B32)
	d.count(5, 5)
	o, p := d.operands, -1
	dst, a, b, c, mask := d.dest(&o[0], B32), d.source(&o[1], B32), d.source(&o[2], B32), d.source(&o[3], B32), d.source(&o[4], B32)
	if o[0].pair != nil {
		p = d.predDest(o[0].pair)
	}
	return func(w *warp, m uint32) {
		w.together(mask, m)
		w.need(a, m)
		w.need(b, m)
		w.need(c, m)
		var v vec
		var in uint32
		for r := m; r != 0; r &= r - 1 {
			l := lane(r)
			from, ok := w.shuffleSource(mode, l, int(w.regs[b][l]&31), int(w.regs[c][l]))
			if m>>from&1 == 0 {
				w.fault(ReadsInactive, l, "lane %d reads lane %d", l, from)
			}
			if ok {
				in |= 1 << l
			}
			v[l] = w.regs[a][from]
		}
		w.put(dst, m, &v)
		w.setPred(p, m, in)
	}
}

func (w *warp) shuffleSource(mode func(l, b, low, high, segment int) (int, bool), l, b, c int) (int, bool) {
	clamp, segment := c&31, c>>8&31
	low := l & segment
	from, ok := mode(l, b, low, low|clamp&^segment, segment)
	if !ok {
		return l, false
	}
	return from, true
}

// decodeVote is vote.sync.{all,any,uni}.pred and .ballot.b32.
func decodeVote(d *decoder) exec {
	d.collective(60)
	mode := d.must("all", "any", "uni", "ballot")
	t := d.typ(map[bool]Type{true: B32, false: Pred}[mode == "ballot"])
	d.count(3, 3)
	o := d.operands
	a, mask := d.predicate(&o[1]), d.source(&o[2], B32)
	if mode == "ballot" {
		dst := d.dest(&o[0], t)
		return func(w *warp, m uint32) {
			w.together(mask, m)
			w.splat(dst, m, uint64(w.test(a, m)))
		}
	}
	p := d.predDest(&o[0])
	return func(w *warp, m uint32) {
		w.together(mask, m)
		yes := w.test(a, m)
		if mode == "all" && yes == m || mode == "any" && yes != 0 || mode == "uni" && (yes == m || yes == 0) {
			w.setPred(p, m, m)
		} else {
			w.setPred(p, m, 0)
		}
	}
}

// splat writes one value to all lanes of m.
func (w *warp) splat(r int, m uint32, v uint64) {
	var all vec
	for l := range all {
		all[l] = v
	}
	w.put(r, m, &all)
}

// decodeMatch is match.any.sync d, a, mask: the lanes with the same value; match.all: all lanes or none.
func decodeMatch(d *decoder) exec {
	all := d.must("any", "all") == "all"
	d.collective(60)
	t := d.typ(B32, B64)
	d.count(3, 3)
	o, p := d.operands, -1
	dst, a, mask := d.dest(&o[0], B32), d.source(&o[1], t), d.source(&o[2], B32)
	if o[0].pair != nil {
		if !all {
			d.fail("match.any has no predicate")
		}
		p = d.predDest(o[0].pair)
	}
	return func(w *warp, m uint32) {
		w.together(mask, m)
		w.need(a, m)
		var v vec
		for r := m; r != 0; r &= r - 1 {
			v[lane(r)] = uint64(w.equals(a, m, lane(r)))
		}
		var same uint32
		if v[lane(m)] == uint64(m) {
			same = m
		}
		if all && same == 0 {
			v = vec{}
		}
		w.put(dst, m, &v)
		w.setPred(p, m, same)
	}
}

// equals is the lanes of m that have the value of lane l.
func (w *warp) equals(a int, m uint32, l int) (same uint32) {
	for r := m; r != 0; r &= r - 1 {
		if w.regs[a][lane(r)] == w.regs[a][l] {
			same |= 1 << lane(r)
		}
	}
	return same
}

// decodeRedux is redux.sync.op.type d, a, mask.
func decodeRedux(d *decoder) exec {
	d.collective(70)
	d.since(70, 80)
	name := d.must("add", "min", "max", "and", "or", "xor")
	options := []Type{U32, S32}
	if name == "and" || name == "or" || name == "xor" {
		options = []Type{B32}
	}
	t, op := d.typ(options...), atomicOps[name]
	d.count(3, 3)
	o := d.operands
	dst, a, mask := d.dest(&o[0], t), d.source(&o[1], t), d.source(&o[2], B32)
	return func(w *warp, m uint32) {
		w.together(mask, m)
		w.need(a, m)
		v := t.extend(w.regs[a][lane(m)])
		for r := m & (m - 1); r != 0; r &= r - 1 {
			v = op(t, v, t.extend(w.regs[a][lane(r)]), 0)
		}
		w.splat(dst, m, v&t.mask())
	}
}

func decodeActivemask(d *decoder) exec {
	d.out.class = CollectiveClass
	d.since(62, 70)
	d.typ(B32)
	d.count(1, 1)
	dst := d.dest(&d.operands[0], B32)
	return func(w *warp, m uint32) { w.splat(dst, m, uint64(m)) }
}

// decodeBar is bar.sync and barrier.sync.aligned for all threads of a block, and bar.warp.sync.
func decodeBar(d *decoder) exec {
	d.out.class = BarrierClass
	d.maybe("cta")
	if d.name == "bar" && d.maybe("warp") != "" {
		return d.decodeWarpBar()
	}
	d.must("sync")
	if d.name == "barrier" {
		d.must("aligned")
	}
	d.count(1, 2)
	d.out.flow = flowBarrier
	d.out.target = int32(d.immediate(&d.operands[0], 15))
	threads := uint32(0)
	if len(d.operands) == 2 {
		threads = uint32(d.immediate(&d.operands[1], maxBlock))
	}
	return func(w *warp, m uint32) {
		if w.live != w.lanes {
			w.fault(ExitedBar, lane(w.lanes&^w.live), "lanes %08x have exited", w.lanes&^w.live)
		}
		if m != w.live {
			w.fault(DivergentBar, lane(w.live&^m), "lanes %08x of %08x are here", m, w.live)
		}
		if threads != 0 && threads != w.cta.launch.threads {
			w.fault(BadOperand, lane(m), "a barrier for %d threads in a block of %d is not simulated", threads, w.cta.launch.threads)
		}
	}
}

// decodeWarpBar orders the accesses of a warp. With part of the warp it waits, and orders nothing.
func (d *decoder) decodeWarpBar() exec {
	d.collective(60)
	d.out.class = BarrierClass
	d.count(1, 1)
	mask := d.source(&d.operands[0], B32)
	return func(w *warp, m uint32) {
		w.together(mask, m)
		if m == w.live {
			w.sub++
			w.restamp()
		}
	}
}
