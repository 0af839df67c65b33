package ptxsim

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// instruction is a test of code that computes %d from %a, %b and %c, whose types are given in this order.
type instruction struct {
	code  string
	types string
	rows  [][]uint64 // a, b, c (as many as there are), then d
}

func fb(v float32) uint64 { return uint64(math.Float32bits(v)) }
func db(v float64) uint64 { return math.Float64bits(v) }

// n32 and n16 are the bits of negative numbers.
func n32(v int32) uint64 { return uint64(uint32(v)) }
func n16(v int16) uint64 { return uint64(uint16(v)) }
func n64(v int64) uint64 { return uint64(v) }

const header = ".version 7.8\n.target sm_90\n.address_size 64\n"

// kernelFor wraps code that computes d for each thread. Each thread reads and writes slots of eight bytes.
func kernelFor(code, types string) string {
	names := strings.Fields(types)
	var k strings.Builder
	k.WriteString(header + ".const .b32 table[4] = {10, 20, 30, -40};\n.global .u32 counter = 5;\n")
	k.WriteString(".visible .entry k(.param .u64 pin, .param .u64 pout)\n{\n\t.reg .b64 %in, %out, %x;\n\t.reg .b32 %t;\n\t.reg .pred %p, %q, %pa, %pb;\n\t.shared .align 16 .b8 sm[4096];\n")
	for i, t := range names {
		fmt.Fprintf(&k, "\t.reg .%s %%%s;\n", t, "dabc"[i:i+1])
	}
	k.WriteString("\tld.param.u64 %in, [pin];\n\tld.param.u64 %out, [pout];\n\tmov.u32 %t, %tid.x;\n")
	fmt.Fprintf(&k, "\tmad.wide.u32 %%in, %%t, %d, %%in;\n\tmad.wide.u32 %%out, %%t, 8, %%out;\n", 8*max(len(names)-1, 1))
	for i, t := range names[1:] {
		fmt.Fprintf(&k, "\tld.global.%s %%%s, [%%in+%d];\n", t, "abc"[i:i+1], 8*i)
	}
	fmt.Fprintf(&k, "\t%s\n\tst.global.%s [%%out], %%d;\n}\n", code, names[0])
	return k.String()
}

// compute runs code with the inputs of each thread.
func compute(t testing.TB, code, types string, threads int, inputs []uint64) ([]uint64, error) {
	module, err := Parse(kernelFor(code, types))
	if err != nil {
		return nil, err
	}
	var m Machine
	out, err := m.Alloc(8 * threads)
	require.NoError(t, err)
	require.NoError(t, m.Fill(out, 0, 8*threads))
	_, err = launch1(&m, module, 1, uint32(threads), pack(upload(t, &m, inputs), out))
	if err != nil {
		return nil, err
	}
	return download[uint64](t, &m, out, threads), nil
}

// check runs the rows on a full warp, and again on part of one, where the code takes other ways.
func (i instruction) check(t *testing.T) {
	in := len(strings.Fields(i.types)) - 1
	for _, threads := range []int{32, 21} {
		var inputs []uint64
		for l := range threads {
			inputs = append(inputs, i.rows[l%len(i.rows)][:in]...)
			if in == 0 {
				inputs = append(inputs, 0)
			}
		}
		got, err := compute(t, i.code, i.types, threads, inputs)
		require.NoError(t, err, i.code)
		for l := range threads {
			row := i.rows[l%len(i.rows)]
			if !assert.Equal(t, fmt.Sprintf("%x", row[in]), fmt.Sprintf("%x", got[l]), "%s of %x", i.code, row[:in]) {
				return
			}
		}
	}
}

const (
	inf32  = 0x7f800000
	qnan32 = 0x7fc00001
	inf64  = 0x7ff0000000000000
	qnan64 = 0x7ff8000000000001
	top32  = 0xffffffff
	top64  = 0xffffffffffffffff
	ninf32 = 0xff800000
	one32  = 0x3f800000
	neg032 = 0x80000000
	neg064 = 0x8000000000000000
)

// setp wraps a comparison: d is 1 where p holds.
func setp(code string) string { return code + " selp.u32 %d, 1, 0, %p;" }

var instructions = []instruction{
	// integers
	{"add.u32 %d, %a, %b;", "u32 u32 u32", [][]uint64{{1, 2, 3}, {top32, 2, 1}}},
	{"add.s32 %d, %a, -5;", "s32 s32", [][]uint64{{1, n32(-4)}, {5, 0}}},
	{"add.u16 %d, %a, %b;", "u16 u16 u16", [][]uint64{{0xffff, 2, 1}}},
	{"add.s64 %d, %a, %b;", "s64 s64 s64", [][]uint64{{top64, 2, 1}, {1 << 62, 1 << 62, 1 << 63}}},
	{"add.sat.s32 %d, %a, %b;", "s32 s32 s32", [][]uint64{{0x7fffffff, 1, 0x7fffffff}, {neg032, n32(-1), neg032}, {1, 2, 3}}},
	{"sub.sat.s32 %d, %a, %b;", "s32 s32 s32", [][]uint64{{neg032, 1, neg032}, {5, 7, n32(-2)}}},
	{"sub.u64 %d, %a, %b;", "u64 u64 u64", [][]uint64{{0, 1, top64}}},
	{"sub.s16 %d, %a, %b;", "s16 s16 s16", [][]uint64{{0, 1, 0xffff}}},
	{"add.cc.u32 %t, %a, %b; addc.u32 %d, %c, 0;", "u32 u32 u32 u32", [][]uint64{{top32, 1, 7, 8}, {1, 1, 7, 7}}},
	{"sub.cc.u32 %t, %a, %b; subc.cc.u32 %d, %c, 1; subc.u32 %t, 0, 0; add.u32 %d, %d, %t;", "u32 u32 u32 u32", [][]uint64{{0, 1, 7, 5}, {1, 1, 0, n32(-2)}}},
	{"add.cc.u64 %x, %a, %b; addc.u64 %d, %c, %c;", "u64 u64 u64 u64", [][]uint64{{top64, 1, 7, 15}, {top64, 0, 7, 14}}},
	{"mul.lo.u32 %d, %a, %b;", "u32 u32 u32", [][]uint64{{0x10001, 0x10001, 0x20001}}},
	{"mul.hi.u32 %d, %a, %b;", "u32 u32 u32", [][]uint64{{top32, top32, 0xfffffffe}}},
	{"mul.hi.s32 %d, %a, %b;", "s32 s32 s32", [][]uint64{{top32, top32, 0}, {top32, 5, top32}, {neg032, neg032, 0x40000000}}},
	{"mul.hi.u64 %d, %a, %b;", "u64 u64 u64", [][]uint64{{top64, top64, top64 - 1}}},
	{"mul.hi.s64 %d, %a, %b;", "s64 s64 s64", [][]uint64{{top64, top64, 0}, {top64, 3, top64}, {3, top64, top64}}},
	{"mul.hi.s16 %d, %a, %b;", "s16 s16 s16", [][]uint64{{0xffff, 2, 0xffff}, {0x4000, 8, 2}}},
	{"mul.hi.u16 %d, %a, %b;", "u16 u16 u16", [][]uint64{{0xffff, 0xffff, 0xfffe}}},
	{"mul.lo.s64 %d, %a, %b;", "s64 s64 s64", [][]uint64{{top64, 7, n64(-7)}}},
	{"mul.lo.u16 %d, %a, %b;", "u16 u16 u16", [][]uint64{{0x101, 0x101, 0x201}}},
	{"mul.wide.u32 %d, %a, %b;", "u64 u32 u32", [][]uint64{{top32, top32, 0xfffffffe00000001}}},
	{"mul.wide.s32 %d, %a, %b;", "s64 s32 s32", [][]uint64{{top32, 7, n64(-7)}}},
	{"mul.wide.u16 %d, %a, %b;", "u32 u16 u16", [][]uint64{{0xffff, 0xffff, 0xfffe0001}}},
	{"mul.wide.s16 %d, %a, %b;", "s32 s16 s16", [][]uint64{{0xffff, 7, n32(-7)}}},
	{"mad.lo.u32 %d, %a, %b, %c;", "u32 u32 u32 u32", [][]uint64{{3, 5, 7, 22}, {top32, 2, 2, 0}}},
	{"mad.lo.s64 %d, %a, %b, %c;", "s64 s64 s64 s64", [][]uint64{{top64, 5, 7, 2}}},
	{"mad.hi.u32 %d, %a, %b, %c;", "u32 u32 u32 u32", [][]uint64{{top32, top32, 3, 1}}},
	{"mad.hi.sat.s32 %d, %a, %b, %c;", "s32 s32 s32 s32", [][]uint64{{0x7fffffff, 0x7fffffff, 0x7fffffff, 0x7fffffff}, {0x7fffffff, 4, 3, 4}}},
	{"mad.wide.u32 %d, %a, %b, %c;", "u64 u32 u32 u64", [][]uint64{{top32, 2, 1 << 40, 1<<40 + 0x1fffffffe}}},
	{"mad.wide.s32 %d, %a, %b, %c;", "s64 s32 s32 s64", [][]uint64{{top32, 2, 5, 3}}},
	{"mad.wide.s16 %d, %a, %b, %c;", "s32 s16 s16 s32", [][]uint64{{0xffff, 2, 1, top32}}},
	{"div.s32 %d, %a, %b;", "s32 s32 s32", [][]uint64{{n32(-7), 2, n32(-3)}, {neg032, top32, neg032}, {7, n32(-2), n32(-3)}}},
	{"div.u32 %d, %a, %b;", "u32 u32 u32", [][]uint64{{n32(-7), 2, 0x7ffffffc}}},
	{"div.s64 %d, %a, %b;", "s64 s64 s64", [][]uint64{{n64(-7), 2, n64(-3)}, {neg064, top64, neg064}}},
	{"div.u16 %d, %a, %b;", "u16 u16 u16", [][]uint64{{0xfffe, 2, 0x7fff}}},
	{"rem.s32 %d, %a, %b;", "s32 s32 s32", [][]uint64{{n32(-7), 2, top32}, {7, n32(-2), 1}, {neg032, top32, 0}}},
	{"rem.u64 %d, %a, %b;", "u64 u64 u64", [][]uint64{{top64, 10, 5}}},
	{"rem.s16 %d, %a, %b;", "s16 s16 s16", [][]uint64{{n16(-7), 4, n16(-3)}}},
	{"abs.s32 %d, %a;", "s32 s32", [][]uint64{{n32(-7), 7}, {7, 7}, {neg032, neg032}}},
	{"abs.s64 %d, %a;", "s64 s64", [][]uint64{{n64(-7), 7}}},
	{"neg.s32 %d, %a;", "s32 s32", [][]uint64{{7, n32(-7)}, {0, 0}}},
	{"neg.s16 %d, %a;", "s16 s16", [][]uint64{{7, n16(-7)}}},
	{"min.s32 %d, %a, %b;", "s32 s32 s32", [][]uint64{{n32(-7), 2, n32(-7)}, {3, 2, 2}}},
	{"min.u32 %d, %a, %b;", "u32 u32 u32", [][]uint64{{n32(-7), 2, 2}}},
	{"max.s64 %d, %a, %b;", "s64 s64 s64", [][]uint64{{n64(-7), 2, 2}, {5, 2, 5}}},
	{"max.u16 %d, %a, %b;", "u16 u16 u16", [][]uint64{{n16(-7), 2, n16(-7)}}},
	{"max.s16 %d, %a, %b;", "s16 s16 s16", [][]uint64{{n16(-7), 2, 2}}},
	{"sad.s32 %d, %a, %b, %c;", "s32 s32 s32 s32", [][]uint64{{n32(-7), 2, 1, 10}, {3, 1, 1, 3}}},
	{"sad.u32 %d, %a, %b, %c;", "u32 u32 u32 u32", [][]uint64{{1, top32, 0, 0xfffffffe}}},
	// bits
	{"and.b32 %d, %a, %b;", "b32 b32 b32", [][]uint64{{0xf0f0, 0xff00, 0xf000}}},
	{"or.b64 %d, %a, %b;", "b64 b64 b64", [][]uint64{{1 << 63, 1, 1<<63 | 1}}},
	{"xor.b16 %d, %a, %b;", "b16 b16 b16", [][]uint64{{0xffff, 0x0ff0, 0xf00f}}},
	{"not.b32 %d, %a;", "b32 b32", [][]uint64{{0, top32}}},
	{"not.b16 %d, %a;", "b16 b16", [][]uint64{{1, 0xfffe}}},
	{"cnot.b32 %d, %a;", "b32 b32", [][]uint64{{0, 1}, {4, 0}}},
	{"shl.b32 %d, %a, %b;", "b32 b32 u32", [][]uint64{{1, 31, neg032}, {1, 32, 0}, {1, top32, 0}, {3, 31, neg032}}},
	{"shl.b64 %d, %a, %b;", "b64 b64 u32", [][]uint64{{1, 40, 1 << 40}, {1, 64, 0}}},
	{"shl.b16 %d, %a, %b;", "b16 b16 u32", [][]uint64{{0x8001, 1, 2}, {1, 16, 0}}},
	{"shr.u32 %d, %a, %b;", "u32 u32 u32", [][]uint64{{neg032, 31, 1}, {neg032, 32, 0}}},
	{"shr.s32 %d, %a, %b;", "s32 s32 u32", [][]uint64{{neg032, 31, top32}, {neg032, 99, top32}, {8, 1, 4}, {8, 40, 0}}},
	{"shr.s64 %d, %a, 4;", "s64 s64", [][]uint64{{n64(-32), n64(-2)}}},
	{"shr.b16 %d, %a, 4;", "b16 b16", [][]uint64{{0x8000, 0x800}}},
	{"shr.s16 %d, %a, 4;", "s16 s16", [][]uint64{{0x8000, 0xf800}}},
	{"shf.l.clamp.b32 %d, %a, %b, %c;", "b32 b32 b32 u32", [][]uint64{{0x80000001, 2, 1, 5}, {7, 9, 32, 7}, {7, 9, 77, 7}, {7, 9, 0, 9}}},
	{"shf.l.wrap.b32 %d, %a, %b, %c;", "b32 b32 b32 u32", [][]uint64{{0x80000001, 2, 33, 5}, {7, 9, 32, 9}}},
	{"shf.r.wrap.b32 %d, %a, %b, %c;", "b32 b32 b32 u32", [][]uint64{{2, 1, 1, 0x80000001}, {2, 1, 33, 0x80000001}, {7, 9, 0, 7}}},
	{"shf.r.clamp.b32 %d, %a, %b, %c;", "b32 b32 b32 u32", [][]uint64{{7, 9, 40, 9}}},
	{"lop3.b32 %d, %a, %b, %c, 0x96;", "b32 b32 b32 b32", [][]uint64{{1, 2, 4, 7}, {7, 1, 7, 1}}},
	{"lop3.b32 %d, %a, %b, %c, 0xca;", "b32 b32 b32 b32", [][]uint64{{0xff00, 0x1234, 0xabcd, 0x12cd}}},
	{"prmt.b32 %d, %a, %b, %c;", "b32 b32 b32 b32", [][]uint64{{0x33221100, 0x77665544, 0x7531, 0x77553311}, {0x33228100, 0, 0x4449, 0xff}, {0x33221100, 0, 0x1230, 0x11223300}}},
	{"prmt.b32.f4e %d, %a, %b, %c;", "b32 b32 b32 b32", [][]uint64{{0x33221100, 0x77665544, 1, 0x44332211}}},
	{"prmt.b32.b4e %d, %a, %b, %c;", "b32 b32 b32 b32", [][]uint64{{0x33221100, 0x77665544, 1, 0x66770011}}},
	{"prmt.b32.rc8 %d, %a, %b, %c;", "b32 b32 b32 b32", [][]uint64{{0x33221100, 0, 2, 0x22222222}}},
	{"prmt.b32.ecl %d, %a, %b, %c;", "b32 b32 b32 b32", [][]uint64{{0x33221100, 0, 1, 0x33221111}}},
	{"prmt.b32.ecr %d, %a, %b, %c;", "b32 b32 b32 b32", [][]uint64{{0x33221100, 0, 1, 0x11111100}}},
	{"prmt.b32.rc16 %d, %a, %b, %c;", "b32 b32 b32 b32", [][]uint64{{0x33221100, 0, 1, 0x33223322}}},
	{"bfe.u32 %d, %a, %b, %c;", "u32 u32 u32 u32", [][]uint64{{0xabcd1234, 8, 8, 0x12}, {0xabcd1234, 28, 8, 0xa}, {5, 40, 8, 0}, {5, 0, 0, 0}, {top32, 0, 32, top32}}},
	{"bfe.s32 %d, %a, %b, %c;", "s32 s32 u32 u32", [][]uint64{{0xabcd1234, 16, 8, n32(-51)}, {0xabcd1234, 28, 8, n32(-6)}, {neg032, 40, 8, top32}, {neg032, 0, 0, 0}}},
	{"bfe.s64 %d, %a, %b, %c;", "s64 s64 u32 u32", [][]uint64{{0x80, 4, 4, n64(-8)}, {neg064, 60, 8, n64(-8)}}},
	{"bfe.u64 %d, %a, %b, %c;", "u64 u64 u32 u32", [][]uint64{{top64, 60, 8, 15}, {top64, 0, 255, top64}}},
	{"bfi.b32 %d, %a, 0, %b, %c;", "b32 b32 u32 u32", [][]uint64{{0x1ff, 4, 8, 0xff0}, {0xff, 28, 8, 0xf0000000}, {1, 32, 8, 0}, {1, 3, 0, 0}}},
	{"bfi.b64 %d, %a, %b, 32, 16;", "b64 b64 b64", [][]uint64{{0x1ffff, 5, 0xffff00000005}}},
	{"popc.b32 %d, %a;", "u32 b32", [][]uint64{{0xf1, 5}, {0, 0}}},
	{"popc.b64 %d, %a;", "u32 b64", [][]uint64{{top64, 64}}},
	{"clz.b32 %d, %a;", "u32 b32", [][]uint64{{0, 32}, {1, 31}, {neg032, 0}}},
	{"clz.b64 %d, %a;", "u32 b64", [][]uint64{{0, 64}, {1, 63}}},
	{"brev.b32 %d, %a;", "b32 b32", [][]uint64{{1, neg032}, {0x12, 0x48000000}}},
	{"brev.b64 %d, %a;", "b64 b64", [][]uint64{{1, neg064}}},
	{"bfind.u32 %d, %a;", "u32 u32", [][]uint64{{0, top32}, {5, 2}}},
	{"bfind.s32 %d, %a;", "u32 s32", [][]uint64{{top32, top32}, {n32(-5), 2}}},
	{"bfind.shiftamt.u64 %d, %a;", "u32 u64", [][]uint64{{1, 63}, {0, top32}}},
	// predicates
	{setp("setp.ne.u32 %pa, %a, 0; setp.ne.u32 %pb, %b, 0; and.pred %p, %pa, %pb;"), "u32 u32 u32", [][]uint64{{1, 1, 1}, {1, 0, 0}}},
	{setp("setp.ne.u32 %pa, %a, 0; setp.ne.u32 %pb, %b, 0; or.pred %p, %pa, !%pb;"), "u32 u32 u32", [][]uint64{{0, 1, 0}, {0, 0, 1}}},
	{setp("setp.ne.u32 %pa, %a, 0; setp.ne.u32 %pb, %b, 0; xor.pred %p, %pa, %pb;"), "u32 u32 u32", [][]uint64{{1, 1, 0}, {0, 1, 1}}},
	{setp("setp.ne.u32 %pa, %a, 0; not.pred %pb, %pa; mov.pred %p, %pb;"), "u32 u32", [][]uint64{{1, 0}, {0, 1}}},
	{setp("setp.lt.s32 %p, %a, %b;"), "u32 s32 s32", [][]uint64{{top32, 0, 1}, {0, 0, 0}}},
	{setp("setp.lt.u32 %p, %a, %b;"), "u32 u32 u32", [][]uint64{{top32, 0, 0}, {0, 1, 1}}},
	{setp("setp.lo.u64 %p, %a, %b;"), "u32 u64 u64", [][]uint64{{top64, 0, 0}, {0, 1, 1}}},
	{setp("setp.ls.u16 %p, %a, %b;"), "u32 u16 u16", [][]uint64{{0xffff, 0, 0}, {1, 1, 1}}},
	{setp("setp.hi.u32 %p, %a, %b;"), "u32 u32 u32", [][]uint64{{top32, 0, 1}, {1, 1, 0}}},
	{setp("setp.hs.u32 %p, %a, %b;"), "u32 u32 u32", [][]uint64{{0, top32, 0}, {1, 1, 1}}},
	{setp("setp.le.s64 %p, %a, %b;"), "u32 s64 s64", [][]uint64{{top64, 0, 1}, {1, 0, 0}}},
	{setp("setp.ge.s16 %p, %a, %b;"), "u32 s16 s16", [][]uint64{{0xffff, 0, 0}, {1, 0, 1}}},
	{setp("setp.gt.s32 %p, %a, %b;"), "u32 s32 s32", [][]uint64{{1, top32, 1}}},
	{setp("setp.eq.b64 %p, %a, %b;"), "u32 b64 b64", [][]uint64{{1 << 40, 1 << 40, 1}, {1 << 40, 0, 0}}},
	{setp("setp.ne.b16 %p, %a, %b;"), "u32 b16 b16", [][]uint64{{3, 4, 1}}},
	{setp("setp.eq.f32 %p, %a, %b;"), "u32 f32 f32", [][]uint64{{0, neg032, 1}, {qnan32, qnan32, 0}}},
	{setp("setp.ne.f32 %p, %a, %b;"), "u32 f32 f32", [][]uint64{{0, neg032, 0}, {qnan32, qnan32, 0}, {one32, 0, 1}}},
	{setp("setp.neu.f32 %p, %a, %b;"), "u32 f32 f32", [][]uint64{{0, neg032, 0}, {qnan32, qnan32, 1}, {one32, 0, 1}}},
	{setp("setp.equ.f32 %p, %a, %b;"), "u32 f32 f32", [][]uint64{{0, neg032, 1}, {qnan32, 0, 1}, {one32, 0, 0}}},
	{setp("setp.lt.f32 %p, %a, %b;"), "u32 f32 f32", [][]uint64{{ninf32, 0, 1}, {qnan32, 0, 0}, {0, qnan32, 0}}},
	{setp("setp.ltu.f64 %p, %a, %b;"), "u32 f64 f64", [][]uint64{{db(-1), 0, 1}, {qnan64, 0, 1}, {db(1), 0, 0}}},
	{setp("setp.leu.f64 %p, %a, %b;"), "u32 f64 f64", [][]uint64{{db(1), db(1), 1}, {qnan64, 0, 1}, {db(1), 0, 0}}},
	{setp("setp.gtu.f64 %p, %a, %b;"), "u32 f64 f64", [][]uint64{{db(1), 0, 1}, {0, qnan64, 1}, {0, 0, 0}}},
	{setp("setp.geu.f64 %p, %a, %b;"), "u32 f64 f64", [][]uint64{{0, 0, 1}, {0, qnan64, 1}, {db(-1), 0, 0}}},
	{setp("setp.ge.f64 %p, %a, %b;"), "u32 f64 f64", [][]uint64{{0, 0, 1}, {0, qnan64, 0}}},
	{setp("setp.num.f32 %p, %a, %b;"), "u32 f32 f32", [][]uint64{{0, 0, 1}, {0, qnan32, 0}}},
	{setp("setp.nan.f32 %p, %a, %b;"), "u32 f32 f32", [][]uint64{{0, 0, 0}, {0, qnan32, 1}, {inf32, 0, 0}}},
	{setp("setp.eq.u32 %pa, %c, 1; setp.lt.and.u32 %p, %a, %b, %pa;"), "u32 u32 u32 u32", [][]uint64{{1, 2, 1, 1}, {1, 2, 0, 0}, {2, 1, 1, 0}}},
	{setp("setp.eq.u32 %pa, %c, 1; setp.lt.or.u32 %p, %a, %b, !%pa;"), "u32 u32 u32 u32", [][]uint64{{2, 1, 1, 0}, {2, 1, 0, 1}}},
	{setp("setp.eq.u32 %pa, %c, 1; setp.lt.xor.u32 %p, %a, %b, %pa;"), "u32 u32 u32 u32", [][]uint64{{1, 2, 1, 0}, {2, 1, 1, 1}}},
	{setp("setp.lt.u32 %q|%p, %a, %b;"), "u32 u32 u32", [][]uint64{{1, 2, 0}, {2, 1, 1}}},
	{setp("setp.eq.u32 %pa, %c, 1; setp.lt.and.u32 %q|%p, %a, %b, %pa;"), "u32 u32 u32 u32", [][]uint64{{1, 2, 1, 0}, {2, 1, 1, 1}, {2, 1, 0, 0}}},
	{"set.lt.u32.s32 %d, %a, %b;", "u32 s32 s32", [][]uint64{{top32, 0, top32}, {0, 0, 0}}},
	{"set.gtu.f32.f32 %d, %a, %b;", "f32 f32 f32", [][]uint64{{qnan32, 0, one32}, {0, 0, 0}}},
	{"setp.ne.u32 %p, %c, 0; selp.b64 %d, %a, %b, %p;", "b64 b64 b64 u32", [][]uint64{{1, 2, 1, 1}, {1, 2, 0, 2}}},
	{"setp.ne.u32 %p, %c, 0; selp.f32 %d, %a, 0f3f800000, %p;", "f32 f32 u32 u32", [][]uint64{{5, 0, 1, 5}, {5, 0, 0, one32}}},
	{"slct.u32.s32 %d, %a, %b, %c;", "u32 u32 u32 s32", [][]uint64{{1, 2, 0, 1}, {1, 2, top32, 2}}},
	{"slct.u32.f32 %d, %a, %b, %c;", "u32 u32 u32 f32", [][]uint64{{1, 2, neg032, 1}, {1, 2, qnan32, 2}, {1, 2, ninf32, 2}}},
	{setp("testp.finite.f32 %p, %a;"), "u32 f32", [][]uint64{{0, 1}, {inf32, 0}, {qnan32, 0}}},
	{setp("testp.infinite.f64 %p, %a;"), "u32 f64", [][]uint64{{inf64, 1}, {qnan64, 0}, {0, 0}}},
	{setp("testp.number.f32 %p, %a;"), "u32 f32", [][]uint64{{inf32, 1}, {qnan32, 0}}},
	{setp("testp.notanumber.f64 %p, %a;"), "u32 f64", [][]uint64{{inf64, 0}, {qnan64, 1}}},
	{setp("testp.normal.f32 %p, %a;"), "u32 f32", [][]uint64{{1, 0}, {0x00800000, 1}, {0, 0}, {inf32, 0}}},
	{setp("testp.subnormal.f32 %p, %a;"), "u32 f32", [][]uint64{{1, 1}, {0x00800000, 0}, {0, 0}, {neg032 | 1, 1}}},
	// floats
	{"add.rn.f32 %d, %a, %b;", "f32 f32 f32", [][]uint64{{fb(1), fb(2), fb(3)}, {fb(1), fb(0x1p-24), fb(1)}, {fb(1 + 0x1p-23), fb(0x1p-24), fb(1 + 0x1p-22)}, {1, 1, 2}, {inf32, ninf32, nan32}, {neg032, 0, 0}, {neg032, neg032, neg032}}},
	{"sub.rn.f32 %d, %a, %b;", "f32 f32 f32", [][]uint64{{fb(1), fb(2), fb(-1)}, {0x00800000, 1, 0x007fffff}}},
	{"mul.rn.f32 %d, %a, %b;", "f32 f32 f32", [][]uint64{{fb(3), fb(-2), fb(-6)}, {fb(0x1p-100), fb(0x1p-49), 1}, {fb(0x1p-100), fb(0x1p-50), 0}, {0, inf32, nan32}, {qnan32, fb(1), nan32}}},
	{"fma.rn.f32 %d, %a, %b, %c;", "f32 f32 f32 f32", [][]uint64{{fb(1 + 0x1p-12), fb(1 + 0x1p-12), fb(0x1p-60), 0x3f801001}, {fb(2), fb(3), fb(4), fb(10)}, {fb(0x1p-75), fb(-0x1p-75), 0, neg032}, {0, inf32, 0, nan32}}},
	{"mad.rn.f32 %d, %a, %b, %c;", "f32 f32 f32 f32", [][]uint64{{fb(1 + 0x1p-12), fb(1 + 0x1p-12), fb(0x1p-60), 0x3f801001}}},
	{"div.rn.f32 %d, %a, %b;", "f32 f32 f32", [][]uint64{{fb(1), fb(3), 0x3eaaaaab}, {fb(1), 0, inf32}, {0, 0, nan32}, {1, fb(2), 0}, {3, fb(2), 2}}},
	{"sqrt.rn.f32 %d, %a;", "f32 f32", [][]uint64{{fb(2), 0x3fb504f3}, {fb(-1), nan32}, {neg032, neg032}, {1, 0x1a3504f3}}},
	{"rcp.rn.f32 %d, %a;", "f32 f32", [][]uint64{{fb(3), 0x3eaaaaab}, {neg032, ninf32}}},
	{"add.rn.f64 %d, %a, %b;", "f64 f64 f64", [][]uint64{{db(1), db(0x1p-53), db(1)}, {1, 1, 2}, {inf64, inf64, inf64}, {inf64, 1<<63 | inf64, nan64}}},
	{"sub.rn.f64 %d, %a, %b;", "f64 f64 f64", [][]uint64{{db(1), db(2), db(-1)}}},
	{"mul.rn.f64 %d, %a, %b;", "f64 f64 f64", [][]uint64{{db(0x1p-1000), db(0x1p-74), 1}}},
	{"fma.rn.f64 %d, %a, %b, %c;", "f64 f64 f64 f64", [][]uint64{{db(1 + 0x1p-52), db(1 + 0x1p-52), db(-1), db(0x1p-51 + 0x1p-104)}}},
	{"mad.rn.f64 %d, %a, %b, %c;", "f64 f64 f64 f64", [][]uint64{{db(2), db(3), db(4), db(10)}}},
	{"div.rn.f64 %d, %a, %b;", "f64 f64 f64", [][]uint64{{db(1), db(3), 0x3fd5555555555555}}},
	{"sqrt.rn.f64 %d, %a;", "f64 f64", [][]uint64{{db(2), 0x3ff6a09e667f3bcd}, {db(-1), nan64}}},
	{"rcp.rn.f64 %d, %a;", "f64 f64", [][]uint64{{db(3), 0x3fd5555555555555}}},
	{"abs.f32 %d, %a;", "f32 f32", [][]uint64{{fb(-1), one32}, {neg032, 0}}},
	{"abs.f64 %d, %a;", "f64 f64", [][]uint64{{db(-1), db(1)}}},
	{"neg.f32 %d, %a;", "f32 f32", [][]uint64{{0, neg032}, {fb(2), fb(-2)}}},
	{"neg.f64 %d, %a;", "f64 f64", [][]uint64{{0, neg064}}},
	{"min.f32 %d, %a, %b;", "f32 f32 f32", [][]uint64{{fb(1), fb(2), fb(1)}, {qnan32, fb(2), fb(2)}, {fb(2), qnan32, fb(2)}, {qnan32, qnan32, nan32}, {0, neg032, neg032}, {neg032, 0, neg032}}},
	{"max.f32 %d, %a, %b;", "f32 f32 f32", [][]uint64{{fb(1), fb(2), fb(2)}, {qnan32, fb(2), fb(2)}, {0, neg032, 0}, {neg032, 0, 0}}},
	{"min.NaN.f32 %d, %a, %b;", "f32 f32 f32", [][]uint64{{qnan32, fb(2), nan32}, {fb(2), qnan32, nan32}, {0, neg032, neg032}, {fb(3), fb(2), fb(2)}}},
	{"max.NaN.f32 %d, %a, %b;", "f32 f32 f32", [][]uint64{{qnan32, fb(2), nan32}, {0, neg032, 0}, {fb(3), fb(2), fb(3)}}},
	{"min.f64 %d, %a, %b;", "f64 f64 f64", [][]uint64{{db(1), qnan64, db(1)}, {0, neg064, neg064}, {db(3), db(2), db(2)}}},
	{"max.f64 %d, %a, %b;", "f64 f64 f64", [][]uint64{{qnan64, qnan64, nan64}, {0, neg064, 0}, {db(3), db(2), db(3)}}},
	{"copysign.f32 %d, %a, %b;", "f32 f32 f32", [][]uint64{{neg032, fb(2), fb(-2)}, {0, fb(-2), fb(2)}}},
	{"copysign.f64 %d, %a, %b;", "f64 f64 f64", [][]uint64{{neg064, db(2), db(-2)}}},
	{"add.rn.f32 %d, %a, 0.5;", "f32 f32", [][]uint64{{fb(1), fb(1.5)}}},
	{"add.rn.f64 %d, %a, -2.5e1;", "f64 f64", [][]uint64{{db(1), db(-24)}}},
	// conversions
	{"cvt.u64.u32 %d, %a;", "u64 u32", [][]uint64{{top32, top32}}},
	{"cvt.s64.s32 %d, %a;", "s64 s32", [][]uint64{{top32, top64}}},
	{"cvt.u32.u64 %d, %a;", "u32 u64", [][]uint64{{0x123456789a, 0x3456789a}}},
	{"cvt.s32.s8 %d, %a;", "s32 u16", [][]uint64{{0x1280, n32(-128)}, {0x7f, 127}}},
	{"cvt.u32.u8 %d, %a;", "u32 u32", [][]uint64{{0x1280, 0x80}}},
	{"cvt.s8.s32 %d, %a;", "s32 s32", [][]uint64{{0x180, n32(-128)}}},
	{"cvt.u8.u32 %d, %a;", "u32 u32", [][]uint64{{0x180, 0x80}}},
	{"cvt.u16.s8 %d, %a;", "u32 s16", [][]uint64{{0x80, 0xff80}}},
	{"cvt.sat.u8.s32 %d, %a;", "u32 s32", [][]uint64{{n32(-5), 0}, {300, 255}, {77, 77}}},
	{"cvt.sat.s8.s32 %d, %a;", "s32 s32", [][]uint64{{n32(-500), n32(-128)}, {300, 127}, {n32(-3), n32(-3)}}},
	{"cvt.sat.s32.u32 %d, %a;", "s32 u32", [][]uint64{{top32, 0x7fffffff}, {5, 5}}},
	{"cvt.sat.u32.s64 %d, %a;", "u32 s64", [][]uint64{{top64, 0}, {1 << 40, top32}}},
	{"cvt.rzi.s32.f32 %d, %a;", "s32 f32", [][]uint64{{fb(-1.9), n32(-1)}, {fb(3e9), 0x7fffffff}, {fb(-3e9), neg032}, {qnan32, 0}, {inf32, 0x7fffffff}}},
	{"cvt.rni.s32.f32 %d, %a;", "s32 f32", [][]uint64{{fb(2.5), 2}, {fb(3.5), 4}, {fb(-2.5), n32(-2)}}},
	{"cvt.rmi.s32.f32 %d, %a;", "s32 f32", [][]uint64{{fb(-2.5), n32(-3)}, {fb(2.9), 2}}},
	{"cvt.rpi.s32.f32 %d, %a;", "s32 f32", [][]uint64{{fb(-2.5), n32(-2)}, {fb(2.1), 3}}},
	{"cvt.rzi.u32.f32 %d, %a;", "u32 f32", [][]uint64{{fb(-1), 0}, {fb(5e9), top32}, {fb(3e9), 3000000000}, {qnan32, 0}}},
	{"cvt.rzi.s64.f32 %d, %a;", "s64 f32", [][]uint64{{qnan32, neg064}, {fb(-7.5), n64(-7)}, {fb(1e30), 0x7fffffffffffffff}}},
	{"cvt.rzi.u64.f64 %d, %a;", "u64 f64", [][]uint64{{qnan64, neg064}, {db(1e19), 10000000000000000000}, {db(2e19), top64}, {db(-1), 0}}},
	{"cvt.rzi.s64.f64 %d, %a;", "s64 f64", [][]uint64{{qnan64, neg064}, {db(-0x1p63), neg064}, {db(0x1p63), 0x7fffffffffffffff}}},
	{"cvt.rzi.s32.f64 %d, %a;", "s32 f64", [][]uint64{{qnan64, neg032}, {db(-2.7), n32(-2)}, {db(2147483647.5), 0x7fffffff}}},
	{"cvt.rzi.u8.f32 %d, %a;", "u32 f32", [][]uint64{{fb(300), 255}, {fb(-3), 0}, {fb(77.7), 77}, {qnan32, 0}}},
	{"cvt.rzi.s8.f32 %d, %a;", "s32 f32", [][]uint64{{fb(-300), n32(-128)}, {fb(-3.9), n32(-3)}}},
	{"cvt.rzi.s16.f64 %d, %a;", "s32 f64", [][]uint64{{db(-40000), n32(-32768)}, {qnan64, n32(-32768)}}},
	{"cvt.rn.f32.s32 %d, %a;", "f32 s32", [][]uint64{{n32(-7), fb(-7)}, {0x1000001, fb(0x1000000)}, {0x1000003, fb(0x1000004)}}},
	{"cvt.rn.f32.u64 %d, %a;", "f32 u64", [][]uint64{{0x8000008000000001, fb(0x800001p40)}, {0x8000008000000000, fb(0x800000p40)}, {0, 0}}},
	{"cvt.rn.f32.s64 %d, %a;", "f32 s64", [][]uint64{{neg064, fb(-0x1p63)}, {n64(-3), fb(-3)}}},
	{"cvt.rn.f32.u8 %d, %a;", "f32 u32", [][]uint64{{0x1ff, fb(255)}}},
	{"cvt.rn.f32.s8 %d, %a;", "f32 u32", [][]uint64{{0x1ff, fb(-1)}}},
	{"cvt.rn.f64.s64 %d, %a;", "f64 s64", [][]uint64{{n64(-5), db(-5)}, {1<<53 + 1, db(1 << 53)}}},
	{"cvt.rn.f64.u32 %d, %a;", "f64 u32", [][]uint64{{top32, db(top32)}}},
	{"cvt.rn.f64.u64 %d, %a;", "f64 u64", [][]uint64{{top64, db(0x1p64)}}},
	{"cvt.f64.f32 %d, %a;", "f64 f32", [][]uint64{{fb(1.5), db(1.5)}, {1, db(0x1p-149)}, {qnan32, nan64}}},
	{"cvt.rn.f32.f64 %d, %a;", "f32 f64", [][]uint64{{db(1 + 0x1p-24), fb(1)}, {db(0x1p-149), 1}, {db(0x1p-150), 0}, {db(1e300), inf32}, {qnan64, nan32}}},
	{"cvt.rni.f32.f32 %d, %a;", "f32 f32", [][]uint64{{fb(2.5), fb(2)}, {fb(-0.3), neg032}}},
	{"cvt.rpi.f64.f64 %d, %a;", "f64 f64", [][]uint64{{db(2.5), db(3)}, {db(-0.3), neg064}}},
	{"cvt.rmi.f64.f64 %d, %a;", "f64 f64", [][]uint64{{db(-2.5), db(-3)}}},
	{"cvt.rzi.f32.f32 %d, %a;", "f32 f32", [][]uint64{{fb(-2.5), fb(-2)}}},
	{"cvt.f32.f32 %d, %a;", "f32 f32", [][]uint64{{fb(-2.5), fb(-2.5)}}},
	// moves
	{"mov.u32 %d, %a;", "u32 u32", [][]uint64{{7, 7}}},
	{"mov.b32 %d, %a;", "b32 f32", [][]uint64{{one32, one32}}},
	{"mov.f64 %d, 0d3ff8000000000000;", "f64", [][]uint64{{db(1.5)}}},
	{"mov.f32 %d, 0f3fc00000;", "f32", [][]uint64{{fb(1.5)}}},
	{"mov.u16 %d, 0xffff;", "u16", [][]uint64{{0xffff}}},
	{"mov.s64 %d, -0x10;", "s64", [][]uint64{{n64(-16)}}},
	{"mov.u32 %d, 017;", "u32", [][]uint64{{15}}},
	{"mov.u32 %d, 0b101U;", "u32", [][]uint64{{5}}},
	{"mov.b64 %d, {%a, %b};", "b64 b32 b32", [][]uint64{{1, 2, 2<<32 | 1}}},
	{"mov.b32 %d, {%a, %b};", "b32 b16 b16", [][]uint64{{1, 2, 2<<16 | 1}}},
	{"{ .reg .b32 %lo, %hi; mov.b64 {%lo, %hi}, %a; mov.b64 %d, {%hi, %lo}; }", "f64 f64", [][]uint64{{2<<32 | 1, 1<<32 | 2}}},
	{"mov.b64 {_, %d}, %a;", "b32 b64", [][]uint64{{2<<32 | 1, 2}}},
	{"{ .reg .b16 %h<4>; mov.b64 {%h0, %h1, %h2, %h3}, %a; mov.b64 %d, {%h3, %h2, %h1, %h0}; }", "b64 b64", [][]uint64{{0x1111222233334444, 0x4444333322221111}}},
	{"mov.u32 %d, %ntid.y;", "u32", [][]uint64{{1}}},
	{"{ .reg .u64 %g; cvta.shared.u64 %x, %a; cvta.to.shared.u64 %d, %x; }", "u64 u64", [][]uint64{{64, 64}}},
	{setp("cvta.const.u64 %x, table; isspacep.const %p, %x;"), "u32", [][]uint64{{1}}},
	{setp("isspacep.global %p, %in;"), "u32", [][]uint64{{1}}},
	{setp("isspacep.shared %p, %in;"), "u32", [][]uint64{{0}}},
	// memory
	{"ld.const.u32 %d, [table+8];", "u32", [][]uint64{{30}}},
	{"mov.u64 %x, table; ld.const.s32 %d, [%x+12];", "s64", [][]uint64{{n64(-40)}}},
	{"cvta.const.u64 %x, table; ld.u32 %d, [%x+4];", "u32", [][]uint64{{20}}},
	{"ld.global.u32 %d, [counter];", "u32", [][]uint64{{5}}},
	{"mov.u64 %x, counter; ld.global.u32 %d, [%x];", "u32", [][]uint64{{5}}},
	{"ld.u32 %d, [%in];", "u32 u32", [][]uint64{{9, 9}}},
	{"ld.global.nc.L1::no_allocate.L2::128B.u8 %d, [%in+1];", "u32 u32", [][]uint64{{0x8081, 0x80}}},
	{"ld.global.s8 %d, [%in+1];", "s32 u32", [][]uint64{{0x8081, n32(-128)}}},
	{"ld.volatile.global.s16 %d, [%in];", "s64 u32", [][]uint64{{0x8081, n64(-0x7f7f)}}},
	{"ld.relaxed.gpu.global.b32 %d, [%in];", "b64 u32", [][]uint64{{0x8081, 0x8081}}},
	{"ld.global.cg.nc.v2.u16 {%d, _}, [%in];", "u16 u32", [][]uint64{{0x20001, 1}}},
	{"{ .reg .u32 %v<4>; ld.global.v2.u32 {%v0, %v1}, [%in]; add.u32 %d, %v0, %v1; }", "u32 u64", [][]uint64{{2<<32 | 1, 3}}},
	{"{ .reg .f32 %v<4>; .reg .b32 %s; shl.b32 %t, %t, 4; mov.u32 %s, sm; add.u32 %s, %s, %t; st.shared.v4.f32 [%s], {0f00000001, %a, %a, 2.0}; ld.shared.v4.f32 {%v0, %v1, %v2, _}, [%s+0]; mov.b32 %d, %v2; }", "b32 f32", [][]uint64{{77, 77}}},
	{"shl.b32 %t, %t, 3; st.shared.u64 [%t], %a; ld.shared.u8 %d, [%t+7];", "u32 u64", [][]uint64{{0xab00000000000000, 0xab}}},
	{"mul.wide.u32 %x, %t, 4; st.shared.u16 [%x], %a; st.shared.u8 [%x+2], 255; ld.shared.u16 %d, [%x+0];", "u32 u32", [][]uint64{{0x12345, 0x2345}}},
	{"mul.wide.u32 %x, %t, 8; cvta.shared.u64 %x, %x; st.b64 [%x], %a; ld.b64 %d, [%x];", "b64 b64", [][]uint64{{77, 77}}},
	// control
	{"setp.eq.u32 %p, %a, 0; @%p bra ZERO; mov.u32 %d, 1; bra END; ZERO: mov.u32 %d, 2; END:", "u32 u32", [][]uint64{{0, 2}, {7, 1}}},
	{"mov.u32 %d, 0; LOOP: setp.ge.u32 %p, %d, %a; @%p bra END; add.u32 %d, %d, 1; bra.uni LOOP; END:", "u32 u32", [][]uint64{{0, 0}, {7, 7}, {3, 3}}},
	{"mov.u32 %d, 5; setp.ne.u32 %p, %a, 0; @!%p mov.u32 %d, 6;", "u32 u32", [][]uint64{{0, 6}, {7, 5}}},
	{"setp.eq.u32 %p, %a, 1; st.global.u32 [%out], 3; @%p exit; mov.u32 %d, 4;", "u32 u32", [][]uint64{{1, 3}, {0, 4}}},
	{"setp.eq.u32 %p, %a, 9; @%p trap; { bra L; mov.u32 %d, 0; L: } mov.u32 %d, 4; bra L; L:", "u32 u32", [][]uint64{{0, 4}}},
	{".pragma \"nounroll\"; mov.u32 %d, 4; // comment\n /* another\n */", "u32", [][]uint64{{4}}},
	{"membar.cta; membar.gl; fence.acq_rel.gpu; fence.sc.sys; fence.cta; mov.u32 %d, 4;", "u32", [][]uint64{{4}}},
}

func TestInstructions(t *testing.T) {
	for _, i := range instructions {
		t.Run(i.code, func(t *testing.T) { i.check(t) })
	}
}
