package cpu

// boxes computes the boxes from lo up to hi, in the order of groups outer, a and b.
func (f *frame) boxes(lo, hi int) {
	p := f.p
	st := &p.stages[0]
	f.enter(st)
	across, down := p.across, p.down
	j, i, o := 0, 0, 0
	if lo > 0 {
		j, i, o = lo%across, lo/across%down, lo/across/down
	}
	for n := lo; n < hi && o < p.no; n++ {
		bx := box{o: o, a: i * p.rows, b: j * p.cols}
		bx.na, bx.nb = min(p.rows, p.na-bx.a), min(p.cols, p.nb-bx.b)
		f.compute(st, bx)
		if j++; j == across {
			j = 0
			if i++; i == down {
				i, o = 0, o+1
			}
		}
	}
}
