package ptxsim

import "math"

// mmaShape is the rows and depth of a product; it has 8 columns.
type mmaShape struct{ m, k int }

var mmaShapes = map[string]mmaShape{"m8n8k4": {8, 4}, "m16n8k4": {16, 4}, "m16n8k8": {16, 8}, "m16n8k16": {16, 16}}

// decodeMMA is mma.sync.aligned.shape.row.col{.rn}.f64.f64.f64.f64 d, a, b, c.
func decodeMMA(d *decoder) exec {
	d.out.class = MMAClass
	d.must("sync")
	d.must("aligned")
	shape := mmaShapes[d.must("m8n8k4", "m16n8k4", "m16n8k8", "m16n8k16")]
	d.must("row")
	d.must("col")
	d.maybe("rn")
	for range 4 {
		d.typ(F64)
	}
	if shape.m == 8 {
		d.since(70, 80)
	} else {
		d.since(78, 90)
	}
	d.count(4, 4)
	var r [4][]int
	for i, n := range []int{shape.m / 4, shape.m * shape.k / 32, shape.k / 4, shape.m / 4} {
		for _, o := range d.fragment(&d.operands[i], n) {
			if i == 0 {
				r[i] = append(r[i], d.dest(&o, F64))
			} else {
				r[i] = append(r[i], d.source(&o, F64))
			}
		}
	}
	return func(w *warp, m uint32) {
		if m != allLanes {
			w.fault(PartialMask, lane(m), "lanes %08x", m)
		}
		for _, list := range r[1:] {
			for _, x := range list {
				w.need(x, m)
			}
		}
		w.multiply(shape, r[0], r[1], r[2], r[3])
	}
}

// fragment is the registers of an operand, in braces even if there is one.
func (d *decoder) fragment(o *operand, n int) []operand {
	if o.kind != vectorOperand || len(o.list) != n {
		d.fail("%s is not a fragment of %d registers", o.text, n)
	}
	return o.list
}

// multiply is D = A·B + C, where each element is a chain of fmas in ascending k. Lane 4g+t has of A the elements
// (g+8h, t+4u) with h counting fastest, of B (t+4u, g), and of C and D (g+8h, 2t+i) with i fastest.
func (w *warp) multiply(s mmaShape, dst, ra, rb, rc []int) {
	var a [16][16]float64
	var b [8][16]float64 // by columns
	half := s.m / 8
	for l := range 32 {
		g, t := l>>2, l&3
		for i, r := range ra {
			a[g+8*(i%half)][t+4*(i/half)] = f64(w.regs[r][l])
		}
		for u, r := range rb {
			b[g][t+4*u] = f64(w.regs[r][l])
		}
	}
	for l := range 32 {
		g, t := l>>2, l&3
		var out [4]uint64
		for i, r := range rc {
			out[i] = chain(a[g+8*(i>>1)][:s.k], b[2*t+i&1][:s.k], f64(w.regs[r][l]))
		}
		for i, r := range dst {
			w.regs[r][l] = out[i]
		}
	}
	for _, r := range dst {
		w.init[r] = allLanes
	}
}

func chain(a, b []float64, sum float64) uint64 {
	for k := range a {
		sum = math.FMA(a[k], b[k], sum)
	}
	return bits64(sum)
}
