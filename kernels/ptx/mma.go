package ptx

import (
	"fmt"

	"github.com/tare-go/tare/dtype"
)

// mmaShape is the rows and the k of the tensor cores' instruction; it has 8 columns. Lane 4g+t has of A the elements
// (g+8h, t+4u) with h counting fastest, of B (t+4u, g), and of the results (g+8h, 2t) and the next.
func (w *tileWriter) mmaShape() (rows, depth int) {
	if w.mma == "m8n8k4" {
		return 8, 4
	}
	return 16, 8
}

// warpTile is the rows and columns of a warp.
func (t tiling) warpTile() (rows, cols int) { return t.rows / t.warps[0], t.cols / t.warps[1] }

// lanesMMA finds the place of a warp and of a lane within the tile.
func (w *tileWriter) lanesMMA() (g, t string) {
	rows, cols := w.t.warpTile()
	w.comment("the results of the warp and the lane")
	lane, warp := w.lane(), w.to(b32, "shr.u32", w.tid, "5")
	g, t = w.to(b32, "shr.u32", lane, "2"), w.to(b32, "and.b32", lane, "3")
	down := w.to(b32, "div.u32", warp, fmt.Sprint(w.t.warps[1]))
	across := w.to(b32, "rem.u32", warp, fmt.Sprint(w.t.warps[1]))
	w.y = w.to(b32, "mad.lo.u32", down, fmt.Sprint(rows), g)
	w.x = w.to(b32, "mul.lo.u32", across, fmt.Sprint(cols))
	return g, t
}

// chainsMMA carries the chains through the chunk with the tensor cores: a chain of fused multiply-adds in ascending
// k, within an instruction as between them.
func (w *tileWriter) chainsMMA() {
	g, t := w.lanesMMA()
	height, depth := w.mmaShape()
	rows, cols := w.t.warpTile()
	w.clear(rows/8, cols/4) // two columns for each 8 rows and columns
	startA := w.elementAddress(w.a, w.y, t)
	startB := w.elementAddress(w.b, w.to(b32, "add.u32", w.x, g), t)
	w.x = w.to(b32, "mad.lo.u32", t, "2", w.x)
	w.comment("the first tiles")
	for s := range w.stages() - 1 {
		w.copyTiles(fmt.Sprint(s * w.stageBytes()))
	}
	stage, free := w.variable(dtype.Uint32, "0"), w.variable(dtype.Uint32, fmt.Sprint((w.stages()-1)*w.stageBytes()))
	w.loop(func() {
		w.emit("cp.async.wait_group", fmt.Sprint(w.stages()-2))
		w.emit("bar.sync", "0")
		w.copyTiles(free)
		w.next(free)
		atA, atB := w.to(b32, "add.u32", startA, stage), w.to(b32, "add.u32", startB, stage)
		for k := 0; k < w.t.depth; k += depth {
			w.comment("k %d to %d", k, k+depth-1)
			w.multiplyMMA(atA, atB, k, height, depth)
		}
		w.next(stage)
	})
}

// elementAddress is where an element is in the first stage.
func (w *tileWriter) elementAddress(s *side, row, k string) string {
	at := w.to(b32, "mad.lo.u32", row, fmt.Sprint(s.offset(1, 0)), s.shared)
	return w.to(b32, "mad.lo.u32", k, fmt.Sprint(s.offset(0, 1)), at)
}

// multiplyMMA carries all chains of the warp by the k of one instruction.
func (w *tileWriter) multiplyMMA(atA, atB string, k, height, depth int) {
	rows, cols := w.t.warpTile()
	halves := height / 8
	load := func(at string, s *side, row, k int) string {
		return w.to(f64, "ld.shared.f64", fmt.Sprintf("[%s+%d]", at, s.offset(row, k)))
	}
	a := make([][]string, rows/height)
	for i := range a {
		for u := range depth / 4 {
			for h := range halves {
				a[i] = append(a[i], load(atA, w.a, i*height+8*h, k+4*u))
			}
		}
	}
	for j := range cols / 8 {
		var b []string
		for u := range depth / 4 {
			b = append(b, load(atB, w.b, 8*j, k+4*u))
		}
		for i := range a {
			var c []string
			for h := range halves {
				c = append(c, w.acc[i*halves+h][2*j:2*j+2]...)
			}
			w.emit("mma.sync.aligned."+w.mma+".row.col.f64.f64.f64.f64", braced(c), braced(a[i]), braced(b), braced(c))
		}
	}
}

// runsMMA are the results of a lane by rows: two next to each other in each 8 columns.
func (w *tileWriter) runsMMA() []run {
	var all []run
	for i, row := range w.acc {
		for j := 0; j < len(row); j += 2 {
			all = append(all, run{8 * i, 4 * j, row[j : j+2]})
		}
	}
	return all
}
