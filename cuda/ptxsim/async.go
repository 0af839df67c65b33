package ptxsim

// asyncCopy is a cp.async of a warp that has not been waited for.
type asyncCopy struct {
	lanes uint32
	group [32]uint32 // by lane: the number of groups committed before it
	to    vec
	size  int
	data  [32][16]byte
}

// decodeAsync is cp.async, its commit_group, wait_group and wait_all.
func decodeAsync(d *decoder) exec {
	d.out.class = AsyncClass
	d.must("async")
	d.since(70, 80)
	switch d.must("ca", "cg", "commit_group", "wait_group", "wait_all") {
	case "commit_group":
		d.count(0, 0)
		return (*warp).commit
	case "wait_all":
		d.count(0, 0)
		return func(w *warp, m uint32) {
			w.commit(m)
			w.wait(m, 0)
		}
	case "wait_group":
		d.count(1, 1)
		keep := uint32(d.immediate(&d.operands[0], 1<<20))
		return func(w *warp, m uint32) { w.wait(m, keep) }
	}
	return d.decodeCopy(d.mods[1] == "cg")
}

// decodeCopy is cp.async.ca or .cg [dst], [src], size{, bytes to read}; the rest of size is filled with zeros.
func (d *decoder) decodeCopy(large bool) exec {
	d.must("shared", "shared::cta")
	d.must("global")
	d.hints(true)
	d.count(3, 4)
	o := d.operands
	to, from := d.place(&o[0], sharedSpace), d.place(&o[1], globalSpace)
	size := int(d.immediate(&o[2], 16))
	if size != 16 && (large || size != 4 && size != 8) {
		d.fail("cp.async copies 16 bytes, and .ca 4 or 8 too")
	}
	read, smallest := d.constant(uint64(size)), size
	if len(o) == 4 {
		read, smallest = d.source(&o[3], U32), 4
	}
	d.note(sharedSpace, size)
	d.note(globalSpace, smallest)
	d.out.class = AsyncClass
	return func(w *warp, m uint32) {
		w.need(read, m)
		w.copyAsync(&to, &from, m, size, &w.regs[read])
	}
}

func (w *warp) copyAsync(to, from *place, m uint32, size int, read *vec) {
	w.copies = append(w.copies, asyncCopy{})
	c := &w.copies[len(w.copies)-1]
	c.lanes, c.group, c.size = m, w.groups, size
	var at vec
	w.addresses(to, m, &c.to)
	w.addresses(from, m, &at)
	var reads uint32
	for r := m; r != 0; r &= r - 1 {
		l := lane(r)
		if read[l] > uint64(size) {
			w.fault(BadOperand, l, "%d bytes to read of %d", read[l], size)
		}
		if read[l] > 0 {
			reads |= 1 << l
			w.copySource(at[l], int(read[l]), size, l, c.data[l][:])
		}
		w.sharedClaim(c.to[l], size, l, w.sharedStamp|stamp(l))
		w.mark(c.to[l], size, w.sharedStamp&^(sharedInit<<blockShift)|sharedInFlight<<blockShift|stamp(l))
	}
	w.cta.stats.GlobalLoad.countSectors(&at, reads, size)
	w.cta.stats.SharedStore.countWavefronts(&c.to, m, size)
}

// copySource reads n bytes from an address that is aligned to size.
func (w *warp) copySource(address uint64, n, size, l int, data []byte) {
	if address%uint64(size) != 0 {
		w.faultAt(Misaligned, l, globalSpace, address, "%d bytes", size)
	}
	for i := 0; i < n; {
		step := size // the largest power of two in the rest
		for step > n-i {
			step /= 2
		}
		copy(data[i:], w.global(address+uint64(i), step, l, readAccess))
		i += step
	}
}

// mark stamps shared memory without a check.
func (w *warp) mark(address uint64, n int, s stamp) {
	shift := w.cta.sharedShift
	for g := address >> shift; g < (address+uint64(n))>>shift; g++ {
		w.cta.shadow[g].writer = s
	}
}

// commit ends a group of copies.
func (w *warp) commit(m uint32) {
	for ; m != 0; m &= m - 1 {
		w.groups[lane(m)]++
	}
}

// wait lets the copies of all but the last keep groups arrive, as late as a device may.
func (w *warp) wait(m, keep uint32) {
	left := w.copies[:0]
	for i := range w.copies {
		c := &w.copies[i]
		for r := m & c.lanes; r != 0; r &= r - 1 {
			if l := lane(r); c.group[l]+keep < w.groups[l] {
				w.arrive(c, l)
			}
		}
		if c.lanes != 0 {
			left = append(left, *c)
		}
	}
	w.copies = left
}

func (w *warp) arrive(c *asyncCopy, l int) {
	c.lanes &^= 1 << l
	copy(w.cta.shared[c.to[l]:], c.data[l][:c.size])
	w.mark(c.to[l], c.size, w.sharedStamp|stamp(l))
}
