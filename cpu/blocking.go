package cpu

import "github.com/klauspost/cpuid/v2"

// blocking is how a product is cut, in elements. A task computes a block of rows by cols results.
// Its operands come to it deep indices of k at a time: a strip of B stays in the first cache while high rows
// of A, which stay in the second one, are multiplied by it.
//
// A is packed if k is not contiguous in it, or if the rows of a strip compete for the same lines of the first cache:
// else a kernel reads its rows side by side at full speed, however far apart they are. B is packed unless the rows
// that a block needs fit in half of the second cache where they lie, with all that is between them.
type blocking struct {
	rows, cols int
	deep       int
	high       int
	directA    bool // A is read where it lies
	directB    bool // so is B, but for a strip that is not full
	vector     bool // B is one column, and packed without gaps
	stream     bool // the results go past the caches, which they exceed
	ahead      bool // A is read once, as one piece: strips ask for those that follow
	next       bool // blocks are small matrices without gaps, read in parts: they ask for the next ones
}

// caches are the bytes of the first and of the second cache of a core.
func caches() (l1, l2 int) {
	l1, l2 = cpuid.CPU.Cache.L1D, cpuid.CPU.Cache.L2
	if l1 <= 0 {
		l1 = 32 << 10
	}
	if l2 <= 0 {
		l2 = 256 << 10
	}
	return l1, l2
}

// Limits of the blocking. Steps are multiplications: 32 in a nanosecond at most.
const (
	mostRows   = 1024    // of a block, if the columns of B stay packed for the next one
	mostDeep   = 1024    // indices of k, which is a chunk of a long chain
	wideBytes  = 8 << 10 // of the rows of a block with which a map goes on: a row is a tile of the map
	mostPacked = 4 << 20 // bytes of B that are packed at a time
	setBytes   = 4096    // lines of the first cache so far apart go to the same set, of eight or twelve lines
	setRows    = 8       // of A that a set has room for
	fewStrips  = 8       // of B, for which A is not packed if it need not be
	shareSteps = 1 << 18 // of a share, at least
	offerSteps = 1 << 16 // of a share, at least, where there are few
	wakeSteps  = 1 << 20 // in float64, of a product for which helpers are woken, at least
	groupSteps = 1 << 19 // of a task that takes several blocks, at most
)

// orient takes the product of the transposed matrices instead where that is less work: it has the
// same bits.
func (p *matMulProgram) orient() {
	swapped := matMulProgram{
		m: p.m, kernel: p.kernel, size: p.size, height: p.width, width: p.height,
		a: p.b.transposed(), b: p.a.transposed(), c: p.c.transposed(),
	}
	if swapped.work() < p.work() {
		p.swapped = true
		p.then.transpose()
		p.a, p.b, p.c = swapped.a, swapped.b, swapped.c
		p.height, p.width = swapped.height, swapped.width
	}
}

// work is about how long a product takes, in steps of a kernel. What is not contiguous along columns
// has to be moved element by element.
func (p *matMulProgram) work() int {
	size, half := p.m.Type.Size(), max(1, p.kernel.NR/2)
	steps := max(4, p.height) * ceilDiv(p.width, half) * p.m.K
	if p.b.col != size && p.width > 1 {
		steps += 2 * p.width * p.m.K
	}
	if p.c.col != p.size && p.width > 1 {
		steps += 2 * p.height * p.width
	}
	return steps
}

// flatten makes one product of a batch in which only the rows differ.
func (p *matMulProgram) flatten() {
	if len(p.b.batch) > 1 || len(p.b.batch) == 1 && p.b.batch[0].stride != 0 || p.batches == 1 {
		return
	}
	rows := func(o operand) []dim { return merge(append(append([]dim(nil), o.batch...), dim{p.height, o.row})) }
	whole := func(o operand) bool {
		r := rows(o)
		return len(r) == 1 && r[0].n == p.batches*p.height
	}
	if !whole(p.a) || !whole(p.c) || !p.then.all(whole) {
		return
	}
	a, c := rows(p.a), rows(p.c)
	p.then.flatten(rows)
	p.height, p.batches = a[0].n, 1
	p.a, p.b, p.c = operand{nil, a[0].stride, p.a.col}, operand{nil, p.b.row, p.b.col}, operand{nil, c[0].stride, p.c.col}
}

// plan chooses the blocking.
func (p *matMulProgram) plan() {
	size := p.m.Type.Size()
	_, l2 := caches()
	mr := p.kernel.MR
	p.vector = p.width == 1
	p.staged = p.c.col != size && p.width > 1 || p.then != nil
	p.sizeBlocks()
	p.shareOut()
	p.high = min(ceilDiv(p.rows, mr)*mr, max(1, l2*3/8/(p.deep*size)/mr)*mr)
	p.directA = p.readsA()
	p.directB = !p.vector && p.b.col == size && (p.readsOfB() <= 4*mr || reach(p.b.row, 0)*p.deep <= l2/2)
	if p.update.scales {
		p.directA, p.directB = p.directA && !p.swapped, p.directB && p.swapped
	}
	p.askFor()
}

// sizeBlocks is how large blocks are, at most.
func (p *matMulProgram) sizeBlocks() {
	size := p.m.Type.Size()
	_, l2 := caches()
	mr, nr := p.kernel.MR, p.kernel.NR
	length := max(1, min(p.split.Len, p.m.K))
	p.deep = ceilDiv(length, ceilDiv(length, max(16, min(mostDeep, l2/8/(nr*size)))))
	p.rows = p.height
	p.cols = min(p.width, max(1, mostPacked/(p.deep*size)/nr)*nr)
	if p.deep >= p.m.K {
		p.rows = min(p.rows, mostRows)
	}
	switch {
	case p.staged && p.then == nil || p.split.Chunks > 1:
		p.rows, p.cols = min(p.rows, 256), min(p.cols, 256)
	case p.then != nil && p.deep < p.m.K: // B is packed again for each block of rows
		p.rows, p.cols = min(p.rows, mostRows), min(p.cols, 256)
	case p.then != nil:
		p.cols = min(p.cols, max(1, wideBytes/size/nr)*nr)
		p.rows = min(p.rows, max(1, l2*3/8/(p.cols*size)/mr)*mr)
	}
}

// readsOfB is the rows for which the columns of a block serve, once they are packed.
func (p *matMulProgram) readsOfB() int {
	if p.then != nil && p.deep >= p.m.K {
		return p.height
	}
	return p.rows
}

// readsA reports whether A is read where it lies.
func (p *matMulProgram) readsA() bool {
	size, mr, nr := p.m.Type.Size(), p.kernel.MR, p.kernel.NR
	l1, _ := caches()
	switch {
	case p.a.col == size:
		return p.cols < fewStrips*nr || mr <= setRows || p.a.row%setBytes != 0
	case p.a.row == size && reach(p.a.col, 0)*p.deep <= l1:
		return true
	}
	return p.cols <= 2*nr
}

// askFor decides what memory is asked for, and where results go.
func (p *matMulProgram) askFor() {
	size := p.m.Type.Size()
	once := p.deep >= p.m.K && p.split.Chunks == 1 && p.m.K > 0
	lines := p.c.row%alignment == 0 && p.width%p.kernel.NR == 0
	for _, d := range p.c.batch {
		lines = lines && d.stride%alignment == 0
	}
	p.stream = once && lines && !p.staged && !p.update.starts && p.results()*size >= max(cpuid.CPU.Cache.L3, 8<<20)
	p.ahead = once && p.directA && p.a.row == p.m.K*size && p.across == 1 && p.cols <= 4*p.kernel.NR
	l1, l2 := caches()
	if p.cols > p.kernel.NR {
		p.ahead = p.ahead && p.batches*p.height*p.a.row > l2
	}
	if p.ahead && p.cols > p.kernel.NR { // A is read again for each strip of columns, from the first cache
		p.high = max(1, min(p.high, l1/2/(p.deep*size))/p.kernel.MR) * p.kernel.MR
	}
	p.next = once && p.cols > p.kernel.NR && p.down*p.across == 1 && p.cols*p.deep*size <= 32<<10 && p.asks()
}

// asks reports whether the matrices of a batch are rows without gaps, which are read and written where they lie,
// and more than the second cache holds.
func (p *matMulProgram) asks() bool {
	size := p.m.Type.Size()
	tight := func(o operand, cols int) bool { return o.col == size && o.row == cols*size }
	_, l2 := caches()
	return p.kernel.Ask != nil && p.batches > 1 && p.batches*p.height*p.c.row > l2/3 &&
		p.directA && p.directB && !p.staged && tight(p.a, p.m.K) && tight(p.b, p.width) && tight(p.c, p.width)
}

// shareOut makes the blocks of a product smaller until there are some for each worker, and tasks of
// several blocks where these are very small. Columns are cut into ranges and rows into as many parts that the workers,
// each with some rows of a range, read as little of A and B as they can; and the rows of each once more, so that those
// who are done can help others.
func (p *matMulProgram) shareOut() {
	mr, nr := p.kernel.MR, p.kernel.NR
	steps := p.height * p.width * p.steps
	workers := p.pool.workers
	all := p.batches * steps
	p.short = all*p.m.Type.Size() < wakeSteps*8
	want := max(1, min(4*workers, all/shareSteps), min(workers, all/offerSteps))
	if workers == 1 {
		want = 1
	}
	p.cut()
	if p.blocks() < want {
		p.cols = min(p.cols, ceilDiv(ceilDiv(p.width, p.ranges(want)), nr)*nr)
		p.cut()
		rows := ceilDiv(p.height*p.batches*p.across, want)
		if p.deep < p.m.K { // B is packed again for each block of rows
			rows = max(rows, min(mostRows, p.height/ceilDiv(workers, p.batches*p.across)))
		}
		p.rows = min(p.rows, ceilDiv(rows, mr)*mr)
		p.cut()
	}
	p.shares = p.split.Chunks > 1 && p.blocks() < 2*workers && workers > 1
	p.group = max(1, min(groupSteps/max(1, p.rows*p.cols*p.steps), p.blocks()/want))
}

// ranges is the number of ranges of columns in which a product is cut. Each worker reads the columns of a range and some
// of the rows: as there are as many rows as columns in what it reads, it reads least. A small left operand may be read by
// all.
func (p *matMulProgram) ranges(want int) int {
	strips := ceilDiv(p.width, p.kernel.NR)
	_, l2 := caches()
	small := p.height*p.m.K*p.m.Type.Size() <= l2/4
	for n := min(want, strips); n > 1; n-- {
		even := strips%n == 0 || strips >= 8*n
		if even && (small || n*n*p.height <= 2*p.pool.workers*p.width) {
			return n
		}
	}
	return 1
}

// cut counts the blocks of a product.
func (p *matMulProgram) cut() {
	p.down, p.across = ceilDiv(p.height, p.rows), ceilDiv(p.width, p.cols)
}

// bytesB is the size of the packed columns of B.
func (p *matMulProgram) bytesB() int {
	size, nr := p.m.Type.Size(), p.kernel.NR
	switch {
	case p.vector:
		return (p.deep + nr) * size
	case !p.directB:
		return ceilDiv(p.cols, nr) * nr * p.deep * size
	case p.width%nr != 0:
		return nr * p.deep * size
	}
	return 0
}
