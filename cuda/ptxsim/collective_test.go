package ptxsim

import (
	"math"
	"math/rand/v2"
	"strconv"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// lanes runs code on a full warp, in which lane l has a = values[l], and gives each lane's d.
func lanes(t *testing.T, code, types string, value func(l int) uint64) []uint64 {
	inputs := make([]uint64, 32)
	for l := range inputs {
		inputs[l] = value(l)
	}
	got, err := compute(t, code, types, 32, inputs)
	require.NoError(t, err, code)
	return got
}

func TestShuffle(t *testing.T) {
	tests := []struct {
		code string
		from func(l int) int // the lane read
		in   func(l int) bool
	}{
		{"shfl.sync.bfly.b32 %d|%p, %a, 16, 31, -1;", func(l int) int { return l ^ 16 }, func(int) bool { return true }},
		{"shfl.sync.up.b32 %d|%p, %a, 3, 0, -1;", func(l int) int { return l - 3 }, func(l int) bool { return l >= 3 }},
		{"shfl.sync.down.b32 %d|%p, %a, 5, 31, -1;", func(l int) int { return l + 5 }, func(l int) bool { return l+5 <= 31 }},
		{"shfl.sync.idx.b32 %d|%p, %a, 7, 31, 0xffffffff;", func(int) int { return 7 }, func(int) bool { return true }},
		{"shfl.sync.idx.b32 %d|%p, %a, 5, 0x181f, -1;", func(l int) int { return l&^7 | 5 }, func(int) bool { return true }},    // segments of 8
		{"shfl.sync.down.b32 %d|%p, %a, 2, 0x1c1f, -1;", func(l int) int { return l + 2 }, func(l int) bool { return l&3 < 2 }}, // of 4
		{"shfl.sync.up.b32 %d|%p, %a, 1, 0x1e00, -1;", func(l int) int { return l - 1 }, func(l int) bool { return l&1 == 1 }},  // of 2
		{"shfl.sync.idx.b32 %d|%p, %a, 20, 15, -1;", func(int) int { return 0 }, func(int) bool { return false }},               // beyond the clamp
		{"shfl.sync.bfly.b32 %d|%p, %a, 8, 15, -1;", func(l int) int { return l ^ 8 }, func(l int) bool { return l^8 <= 15 }},
	}
	for _, test := range tests {
		code := test.code + " @!%p add.u32 %d, %d, 1000;"
		got := lanes(t, code, "u32 u32", func(l int) uint64 { return uint64(100 + l) })
		for l, d := range got {
			want := 1100 + l
			if test.in(l) {
				want = 100 + test.from(l)
			}
			assert.Equal(t, uint64(want), d, "%s lane %d", test.code, l)
		}
	}
}

func TestVotes(t *testing.T) {
	odd := func(l int) uint64 { return uint64(l & 1) }
	one := func(int) uint64 { return 1 }
	zero := func(int) uint64 { return 0 }
	tests := []struct {
		mode            string
		odd, ones, zero uint64
	}{{"all", 0, 1, 0}, {"any", 1, 1, 0}, {"uni", 0, 1, 1}}
	for _, test := range tests {
		code := setp("setp.ne.u32 %pa, %a, 0; vote.sync." + test.mode + ".pred %p, %pa, -1;")
		assert.Equal(t, test.odd, lanes(t, code, "u32 u32", odd)[0], test.mode)
		assert.Equal(t, test.ones, lanes(t, code, "u32 u32", one)[31], test.mode)
		assert.Equal(t, test.zero, lanes(t, code, "u32 u32", zero)[31], test.mode)
	}
	ballot := "setp.ne.u32 %p, %a, 0; vote.sync.ballot.b32 %d, !%p, -1;"
	assert.Equal(t, uint64(0x55555555), lanes(t, ballot, "b32 u32", odd)[9])
	half := "setp.ne.u32 %p, %a, 0; mov.b32 %d, 0; @%p vote.sync.ballot.b32 %d, %p, 0xaaaaaaaa; @%p activemask.b32 %t; @%p xor.b32 %d, %d, %t;"
	assert.Equal(t, make([]uint64, 32), lanes(t, half, "b32 u32", odd))
}

func TestMatchAndRedux(t *testing.T) {
	third := func(l int) uint64 { return uint64(l % 3) }
	got := lanes(t, "match.any.sync.b32 %d, %a, -1;", "b32 b32", third)
	assert.Equal(t, uint64(0x49249249), got[0])
	assert.Equal(t, uint64(0x92492492), got[4])
	assert.Equal(t, uint64(0), lanes(t, "match.all.sync.b64 %d|%p, %a, -1; @%p mov.b32 %d, 7;", "b32 b64", third)[3])
	assert.Equal(t, uint64(top32), lanes(t, "match.all.sync.b32 %d, %a, -1;", "b32 b32", func(int) uint64 { return 5 })[3])
	signed := func(l int) uint64 { return n32(int32(l - 7)) }
	for code, want := range map[string]uint64{
		"add.s32": n32(31*16 - 7*32), "min.s32": n32(-7), "max.s32": 24, "max.u32": top32, "and.b32": 0, "or.b32": top32, "xor.b32": 0,
	} {
		w := want
		if code == "xor.b32" {
			for l := range 32 {
				w ^= signed(l)
			}
		}
		assert.Equal(t, w, lanes(t, "redux.sync."+code+" %d, %a, -1;", "b32 b32", signed)[5], code)
	}
}

func TestSpecialRegisters(t *testing.T) {
	const text = header + `.entry k(.param .u64 pout) { .reg .b64 %o; .reg .b32 %i, %v, %n; .reg .b32 %t<20>;
		ld.param.u64 %o, [pout];
		mov.u32 %t0, %tid.x; mov.u32 %t1, %tid.y; mov.u32 %t2, %tid.z; mov.u32 %t3, %ntid.x; mov.u32 %t4, %ntid.y; mov.u32 %t5, %ntid.z;
		mov.u32 %t6, %ctaid.x; mov.u32 %t7, %ctaid.y; mov.u32 %t8, %ctaid.z; mov.u32 %t9, %nctaid.x; mov.u32 %t10, %nctaid.y; mov.u32 %t11, %nctaid.z;
		mov.u32 %t12, %laneid; mov.u32 %t13, %warpid; mov.u32 %t14, %nwarpid;
		mov.u32 %t15, %lanemask_eq; mov.u32 %t16, %lanemask_lt; mov.u32 %t17, %lanemask_le; mov.u32 %t18, %lanemask_gt; mov.u32 %t19, %lanemask_ge;
		mad.lo.u32 %i, %t8, %t10, %t7; mad.lo.u32 %i, %i, %t9, %t6;
		mul.lo.u32 %n, %t3, %t4; mul.lo.u32 %n, %n, %t5; mul.lo.u32 %i, %i, %n;
		mul.lo.u32 %v, %t2, %t4; add.u32 %v, %v, %t1; mad.lo.u32 %v, %v, %t3, %t0; add.u32 %i, %i, %v;
		mad.wide.u32 %o, %i, 80, %o;
		st.global.v4.b32 [%o], {%t0, %t1, %t2, %t3}; st.global.v4.b32 [%o+16], {%t4, %t5, %t6, %t7};
		st.global.v4.b32 [%o+32], {%t8, %t9, %t10, %t11}; st.global.v4.b32 [%o+48], {%t12, %t13, %t14, %t15};
		st.global.v4.b32 [%o+64], {%t16, %t17, %t18, %t19}; }`
	module, err := Parse(text)
	require.NoError(t, err)
	var m Machine
	grid, block := [3]uint32{2, 3, 2}, [3]uint32{5, 4, 3}
	out := output[uint32](t, &m, 12*60*20)
	_, err = m.Launch(t.Context(), module, "k", grid, block, 0, pack(out))
	require.NoError(t, err)
	got := download[uint32](t, &m, out, 12*60*20)
	at := 0
	for cta := range uint32(12) {
		for thread := range uint32(60) {
			l := thread % 32
			want := []uint32{thread % 5, thread / 5 % 4, thread / 20, 5, 4, 3, cta % 2, cta / 2 % 3, cta / 6, 2, 3, 2, l, thread / 32, 2,
				1 << l, 1<<l - 1, 1<<l - 1 + 1<<l, ^(1<<l - 1 + 1<<l), ^(1<<l - 1)}
			require.Equal(t, want, got[at:at+20])
			at += 20
		}
	}
}

// TestMMAFragments multiplies with each shape, by the layout of fragments that the ISA draws, written down here once more.
func TestMMAFragments(t *testing.T) {
	for name, s := range map[string]struct{ m, k int }{"m8n8k4": {8, 4}, "m16n8k4": {16, 4}, "m16n8k8": {16, 8}, "m16n8k16": {16, 16}} {
		a, b, c := fragmentsOf(s.m, s.k)
		module, err := Parse(mmaKernel(name, s.m, s.k))
		require.NoError(t, err)
		var m Machine
		out := output[float64](t, &m, s.m*8)
		_, err = launch1(&m, module, 1, 32, pack(upload(t, &m, a), upload(t, &m, b), upload(t, &m, c), out))
		require.NoError(t, err, name)
		got := download[float64](t, &m, out, s.m*8)
		for i := range got {
			want := c[i]
			for k := range s.k {
				want = math.FMA(a[i/8*s.k+k], b[k*8+i%8], want)
			}
			assert.Equal(t, math.Float64bits(want), math.Float64bits(got[i]), "%s %d", name, i)
		}
	}
}

func fragmentsOf(m, k int) (a, b, c []float64) {
	r := rand.New(rand.NewPCG(1, 2))
	random := func(n int) (x []float64) {
		for range n {
			x = append(x, r.NormFloat64()*math.Ldexp(1, r.IntN(60)))
		}
		return x
	}
	return random(m * k), random(k * 8), random(m * 8)
}

// mmaKernel loads row-major A, B and C of one warp's product. Element i of a thread's part of A is, with group g of four lanes
// and thread t in it, at row g + 8·(i odd, if m is 16) and column t + 4·(i/2, or i if m is 8); of C at row g + 8·(i/2)
// and column 2t + i mod 2.
func mmaKernel(name string, m, k int) string {
	text := header + `.entry k(.param .u64 pa, .param .u64 pb, .param .u64 pc, .param .u64 pd) {
	.reg .f64 %a<8>, %b<4>, %c<4>; .reg .b64 %pa, %pb, %pc, %pd, %x; .reg .b32 %l, %g, %t, %i;
	ld.param.u64 %pa, [pa]; ld.param.u64 %pb, [pb]; ld.param.u64 %pc, [pc]; ld.param.u64 %pd, [pd];
	mov.u32 %l, %laneid; shr.u32 %g, %l, 2; and.b32 %t, %l, 3;
`
	at := func(base, row, col string, rows, cols, pitch int) string {
		return "mul.lo.u32 %i, " + row + ", " + strconv.Itoa(pitch) + "; add.u32 %i, %i, " + col + "; add.u32 %i, %i, " + strconv.Itoa(rows*pitch+cols) +
			"; mad.wide.u32 %x, %i, 8, " + base + ";\n"
	}
	half := m / 8
	list := func(p string, n int) string {
		s := "{"
		for i := range n {
			if i > 0 {
				s += ","
			}
			s += p + strconv.Itoa(i)
		}
		return s + "}"
	}
	for i := range m * k / 32 {
		text += at("%pa", "%g", "%t", 8*(i%half), 4*(i/half), k) + "ld.global.f64 %a" + strconv.Itoa(i) + ", [%x];\n"
	}
	for i := range k / 4 {
		text += at("%pb", "%t", "%g", 4*i, 0, 8) + "ld.global.f64 %b" + strconv.Itoa(i) + ", [%x];\n"
	}
	text += "shl.b32 %t, %t, 1;\n"
	for i := range m / 4 {
		text += at("%pc", "%g", "%t", 8*(i/2), i%2, 8) + "ld.global.f64 %c" + strconv.Itoa(i) + ", [%x];\n"
	}
	c := list("%c", m/4)
	text += "mma.sync.aligned." + name + ".row.col.f64.f64.f64.f64 " + c + ", " + list("%a", m*k/32) + ", " + list("%b", k/4) + ", " + c + ";\n"
	for i := range m / 4 {
		text += at("%pd", "%g", "%t", 8*(i/2), i%2, 8) + "st.global.f64 [%x], %c" + strconv.Itoa(i) + ";\n"
	}
	return text + "}\n"
}

// TestAtomics does each operation once a lane, in both orders of lanes.
func TestAtomics(t *testing.T) {
	ops := []struct {
		op, t       string
		start, want uint64
		b, c        string
	}{
		{"add", "u32", 5, 5 + 31*16, "%l", ""}, {"add", "s32", top32, 31*16 - 1, "%l", ""}, {"add", "u64", top64, 31*16 - 1, "%x", ""},
		{"min", "s32", 9, n32(-31), "%n", ""}, {"min", "u32", 9, 0, "%l", ""}, {"max", "s32", n32(-40), 0, "%n", ""}, {"max", "u64", 3, 31, "%x", ""},
		{"min", "s64", 3, 0, "%x", ""}, {"and", "b32", 0xff, 0, "%l", ""}, {"or", "b32", 0x100, 0x11f, "%l", ""}, {"xor", "b64", 0, 0, "%x", ""},
		{"inc", "u32", 0, 32 % 8, "7", ""}, {"dec", "u32", 0, 4, "8", ""}, {"cas", "b32", 0, 1, "0", "1"}, {"exch", "b32", 1, 4, "4", ""},
		{"cas", "b64", 8, 8, "0", "1"}, {"cas", "b16", 0, 1, "0", "1"},
	}
	for _, o := range ops {
		for _, space := range []string{"global", "shared"} {
			for _, reverse := range []bool{false, true} {
				assert.Equal(t, o.want, runAtomic(t, space, o.op, o.t, o.start, o.b, o.c, reverse), "%s.%s %s", o.op, o.t, space)
			}
		}
	}
}

func runAtomic(t *testing.T, space, op, typ string, start uint64, b, c string, reverse bool) uint64 {
	address := map[string]string{"global": "%o", "shared": "sm"}[space]
	bits := "b" + typ[1:]
	old := map[string]string{"16": "%h", "32": "%w", "64": "%y"}[typ[1:]]
	if c != "" {
		c = ", " + c
	}
	text := header + `.entry k(.param .u64 po, .param .u64 start) { .reg .b64 %o, %x, %y, %s; .reg .b32 %l, %n, %w; .reg .b16 %h; .reg .pred %p; .shared .b64 sm[1];
	ld.param.u64 %o, [po]; ld.param.u64 %s, [start]; mov.u32 %l, %laneid; cvt.u64.u32 %x, %l; neg.s32 %n, %l; setp.eq.u32 %p, %l, 0;
	@%p st.` + space + `.u64 [` + address + `], %s;
	bar.sync 0;
	atom.` + space + "." + op + "." + typ + " " + old + ", [" + address + "], " + b + c + `;
	bar.sync 0;
	@%p ld.` + space + "." + bits + " " + old + ", [" + address + `];
	bar.sync 0;
	@%p st.global.u64 [%o], 0;
	@%p st.global.` + bits + " [%o], " + old + "; }"
	module, err := Parse(text)
	require.NoError(t, err, text)
	m := Machine{Reverse: reverse}
	out := upload(t, &m, []uint64{0})
	_, err = launch1(&m, module, 1, 32, pack(out, start))
	require.NoError(t, err)
	return download[uint64](t, &m, out, 1)[0]
}

func TestAtomicReturnsOldValues(t *testing.T) {
	code := "mov.u32 %d, 100; { .reg .pred %z; setp.eq.u32 %z, %t, 0; @%z st.shared.u32 [sm], %a; } bar.sync 0; atom.shared.add.u32 %d, [sm], 2; red.shared.add.u32 [sm], 1;"
	got := lanes(t, code, "u32 u32", func(int) uint64 { return 10 })
	for l, d := range got {
		assert.Equal(t, uint64(10+2*l), d)
	}
}
