package ptx

import "fmt"

// side is a factor of a product as tiles of it are brought to shared memory. A thread brings one element of each of
// several rows (or columns: what is said of rows of A holds for columns of B), and of each of several k.
type side struct {
	width   int  // rows of a tile
	depth   int  // its k
	alongK  bool // in global memory neighbours in k lie closer than rows, and so neighbouring threads take them
	byRows  bool // in shared memory k lies within rows; else rows within k
	pitch   int  // elements from a row of shared memory to the next
	size    int  // bytes of an element there
	at      int  // bytes from the start of a stage
	rows    int  // the passes over rows that a thread makes: threads/lanes apart
	ks      int  // the passes over k
	stepRow int  // rows from a pass to the next
	stepK   int

	shared string   // the address of the side in the first stage
	from   []string // the address in global memory of the first element, for each pass over rows
	gone   string   // bytes from there to that of the next tile
	k      string   // the k of the thread's first element within the tile
	to     string   // the address of that in the first stage
	on     stride   // from one k to the next
	step   string   // bytes from a pass over k to the next
	tile   string   // bytes from a tile to the next
	values []string // without asynchronous copies, the elements on their way
}

// pad is the elements between rows of a tile in shared memory: it spreads columns over banks.
const pad = 4

// newSide is how the threads of a CTA bring a factor: neighbouring threads take 32 bytes along k, or all rows.
// What the tensor cores read lies as it does in global memory; what goes to plain multiplications lies row by row.
func (w *tileWriter) newSide(x matrix, width int) *side {
	size, threads := w.o.Type.Size(), w.t.threads()
	s := &side{width: width, depth: w.t.depth, size: w.held.Size()}
	s.alongK = x.on != 0 && (x.across == 0 || abs(x.on) < abs(x.across))
	s.byRows = s.alongK && w.mma != ""
	s.pitch = width + pad
	if s.byRows {
		s.pitch = s.depth + pad
	}
	if !s.alongK {
		s.rows, s.stepRow, s.stepK = 1, width, threads/width
		s.ks = s.depth / s.stepK
		return s
	}
	s.stepK = min(s.depth, max(32/size, threads/width))
	if s.byRows {
		s.stepK = s.depth
	}
	s.stepRow = threads / s.stepK
	s.rows, s.ks = width/s.stepRow, s.depth/s.stepK
	return s
}

func abs(n int) int { return max(n, -n) }

// bytes is what a tile has in shared memory.
func (s *side) bytes() int {
	if s.byRows {
		return s.width * s.pitch * s.size
	}
	return s.depth * s.pitch * s.size
}

// offset is the bytes between elements in shared memory that are so many rows and k apart.
func (s *side) offset(rows, k int) int {
	if s.byRows {
		return (rows*s.pitch + k) * s.size
	}
	return (k*s.pitch + rows) * s.size
}

// prepare finds what a thread brings, from the given k on. Rows beyond the matrix are read as the last one: their
// results are not stored.
func (w *tileWriter) prepare(s *side, name, base string, x matrix, first, limit, from, memory string) {
	w.comment("%s: what the thread brings, %d rows by %d k", name, s.rows, s.ks)
	across, on := w.stride(x.across, x.across == w.o.Type.Size()), w.stride(x.on, x.on == w.o.Type.Size())
	inner := s.width
	if s.alongK {
		inner = s.stepK
	}
	row := w.to(b32, "and.b32", w.tid, fmt.Sprint(inner-1))
	s.k = w.to(b32, "shr.u32", w.tid, fmt.Sprint(log2(inner)))
	if s.alongK {
		row, s.k = s.k, row
	}
	last := w.to(b32, "sub.u32", limit, "1")
	start := w.advance(base, w.to(b32, "add.u32", from, s.k), on)
	firstRow := w.to(b32, "add.u32", first, row)
	for i := range s.rows {
		r := w.to(b32, "min.u32", w.plus(firstRow, i*s.stepRow), last)
		s.from = append(s.from, w.advance(start, r, across))
	}
	s.shared = w.to(b32, "add.u32", memory, fmt.Sprint(s.at))
	s.to = w.to(b32, "mad.lo.u32", row, fmt.Sprint(s.offset(1, 0)), s.shared)
	s.to = w.to(b32, "mad.lo.u32", s.k, fmt.Sprint(s.offset(0, 1)), s.to)
	s.on = on
	s.gone = w.to(b64, "mov.b64", "0")
	s.step, s.tile = w.bytesOf(on, s.stepK), w.bytesOf(on, s.depth)
}

// bytesOf is n steps of a stride, in the text if it is that of neighbours.
func (w *writer) bytesOf(s stride, n int) string {
	if s.unit || s.bytes == 0 {
		return fmt.Sprint(n * s.bytes)
	}
	return w.param("step", "u64", b64, Arg{Kind: Word, Value: int64(n * s.bytes), Size: 8})
}

// pass goes through the elements that a thread brings of a tile, and goes on to the next tile. bring has the address
// in global memory, the bytes from s.to in shared memory, and whether the k is in the chunk.
func (w *tileWriter) pass(s *side, bring func(from string, to int, inside string)) {
	rest := w.to(b32, "sub.s32", w.left, s.k)
	var from []string
	for _, first := range s.from {
		from = append(from, w.to(b64, "add.s64", first, s.gone))
	}
	for k := range s.ks {
		inside := w.to(pred, "setp.gt.s32", rest, fmt.Sprint(k*s.stepK))
		for r := range from {
			if k > 0 && !s.on.unit && s.on.bytes != 0 {
				from[r] = w.to(b64, "add.s64", from[r], s.step)
			}
			place := from[r]
			if s.on.unit {
				place = fmt.Sprintf("%s+%d", place, k*s.stepK*s.on.bytes)
			}
			bring(place, s.offset(r*s.stepRow, k*s.stepK), inside)
		}
	}
	w.emit("add.s64", s.gone, s.gone, s.tile)
}

// copy begins to copy a tile to a stage, past the registers. Elements beyond the chunk are +0, which changes no
// result: canon.Chain.
func (w *tileWriter) copy(s *side, stage string) {
	to := w.to(b32, "add.u32", s.to, stage)
	size := fmt.Sprint(s.size)
	count := map[string]string{}
	w.pass(s, func(from string, off int, inside string) {
		if count[inside] == "" {
			count[inside] = w.to(b32, "selp.b32", size, "0", inside)
		}
		w.emit("cp.async.ca.shared.global", fmt.Sprintf("[%s+%d]", to, off), "["+from+"]", size, count[inside])
	})
}

// fetch loads a tile into registers.
func (w *tileWriter) fetch(s *side) {
	i := 0
	w.pass(s, func(from string, _ int, inside string) {
		if i == len(s.values) {
			s.values = append(s.values, w.reg(machine[w.held].class))
		}
		w.move(w.held, s.values[i], w.constant(w.held, 0))
		w.when(inside, "ld.global."+machine[w.o.Type].mem, s.values[i], "["+from+"]")
		i++
	})
}

// keep stores it in shared memory.
func (w *tileWriter) keep(s *side, stage string) {
	to := w.to(b32, "add.u32", s.to, stage)
	for k := range s.ks {
		for r := range s.rows {
			w.emit("st.shared."+machine[w.held].mem, fmt.Sprintf("[%s+%d]", to, s.offset(r*s.stepRow, k*s.stepK)), s.values[k*s.rows+r])
		}
	}
}

func log2(n int) int {
	s := 0
	for 1<<s < n {
		s++
	}
	return s
}
