package ptxsim

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// faulty is a kernel that breaks a rule, and a change to its text that repairs it. %in has 256 words that count from 0,
// %out 256 words to be written once; %t is the thread, %g the thread of the grid, %v is free.
type faulty struct {
	name     string
	kind     Kind
	or       Kind // what it is if the warps run the other way round
	body     string
	bad      string // part of body
	good     string // in its place
	address  bool   // the fault has one
	blocks   uint32
	threads  uint32
	noOutput bool // the body stores to %out itself
}

var faults = []faulty{
	{name: "shared RAW", kind: UninitShared, or: RaceRAW, address: true, threads: 64, bad: "//bar", good: "bar.sync 0;",
		body: "st.shared.u32 [%s], %g;\n//bar\nxor.b32 %s, %s, 128; ld.shared.u32 %v, [%s];"},
	{name: "shared RAW in a warp", kind: RaceRAW, address: true, bad: "//bar", good: "bar.warp.sync -1;",
		body: "st.shared.u32 [%s], %g;\n//bar\nxor.b32 %s, %s, 4; ld.shared.u32 %v, [%s];"},
	{name: "barrier of half a warp", kind: RaceRAW, address: true, bad: "@%p bar.warp.sync 0xffff;", good: "bar.warp.sync -1;",
		body: "st.shared.u32 [%s], %g; setp.lt.u32 %p, %t, 16; @%p bar.warp.sync 0xffff; xor.b32 %s, %s, 64; ld.shared.u32 %v, [%s];"},
	{name: "shared WAR", kind: RaceRAW, or: RaceWAR, address: true, threads: 64, bad: "//bar", good: "bar.sync 0;",
		body: "st.shared.u32 [%s], %g; bar.sync 0; xor.b32 %s, %s, 128; ld.shared.u32 %v, [%s];\n//bar\nxor.b32 %s, %s, 128; st.shared.u32 [%s], 1;"},
	{name: "shared WAR in a warp", kind: RaceWAR, address: true, bad: "//bar", good: "bar.warp.sync -1;",
		body: "st.shared.u32 [%s], %g; bar.warp.sync -1; xor.b32 %s, %s, 4; ld.shared.u32 %v, [%s];\n//bar\nxor.b32 %s, %s, 4; st.shared.u32 [%s], 1;"},
	{name: "shared WAR by one of the readers", kind: RaceWAR, address: true, bad: "//bar", good: "bar.warp.sync -1;",
		body: "setp.eq.u32 %p, %t, 0; @%p st.shared.u32 [sm], %g; bar.sync 0; ld.shared.u32 %v, [sm]; setp.eq.u32 %p, %t, 31;\n//bar\n@%p st.shared.u32 [sm], 1;"},
	{name: "shared WAR by one of two warps", kind: RaceWAR, or: RaceRAW, address: true, threads: 64, bad: "//bar", good: "bar.sync 0;",
		body: "setp.eq.u32 %p, %t, 0; @%p st.shared.u32 [sm], %g; bar.sync 0; and.b32 %v, %t, 31; setp.eq.u32 %p, %v, 0; @%p ld.shared.u32 %v, [sm]; setp.eq.u32 %p, %t, 32;\n//bar\n@%p st.shared.u32 [sm], 1;"},
	{name: "global store and atomic", kind: RaceWAW, address: true, bad: "//bar", good: "bar.sync 0;",
		body: "setp.eq.u32 %p, %t, 0; @%p st.global.u32 [%first], 0;\n//bar\natom.global.add.u32 %v, [%first], 1;"},
	{name: "global atomic and load", kind: RaceRAW, address: true, bad: "//bar", good: "bar.sync 0;",
		body: "atom.global.add.u32 %v, [%first], 1;\n//bar\nld.global.u32 %v, [%first];"},
	{name: "shared WAW", kind: RaceWAW, address: true, threads: 64, bad: "//bar", good: "bar.sync 0;",
		body: "st.shared.u32 [%s], %g;\n//bar\nxor.b32 %s, %s, 128; st.shared.u32 [%s], 1;"},
	{name: "shared WAW in one store", kind: RaceWAW, address: true, bad: "0xfff0", good: "0xffff",
		body: "and.b32 %s, %s, 0xfff0; st.shared.u32 [%s], %g;"},
	{name: "shared atomic and load", kind: RaceRAW, address: true, bad: "//bar", good: "bar.sync 0;",
		body: "st.shared.u32 [%s], 0; bar.sync 0; atom.shared.add.u32 %v, [sm], 1;\n//bar\nld.shared.u32 %v, [sm];"},
	{name: "shared store and atomic", kind: RaceWAW, address: true, bad: "//bar", good: "bar.sync 0;",
		body: "st.shared.u32 [%s], 0;\n//bar\natom.shared.add.u32 %v, [sm], 1;"},
	{name: "global RAW", kind: RaceRAW, address: true, bad: "//bar", good: "bar.sync 0;", noOutput: true,
		body: "st.global.u32 [%out], %g;\n//bar\nxor.b64 %out, %out, 4; ld.global.u32 %v, [%out];"},
	{name: "global WAR", kind: RaceWAR, address: true, bad: "//bar", good: "bar.sync 0;",
		body: "ld.global.u32 %v, [%in];\n//bar\nxor.b64 %in, %in, 4; st.global.u32 [%in], 3;"},
	{name: "global WAW", kind: RaceWAW, address: true, bad: "//bar", good: "bar.sync 0;",
		body: "st.global.u32 [%in], 4;\n//bar\nxor.b64 %in, %in, 4; st.global.u32 [%in], 3;"},
	{name: "blocks write and read", kind: RaceCTA, address: true, blocks: 2, bad: "mov.u64 %x, %first", good: "mov.u64 %x, %in",
		body: "st.global.u32 [%in], 5; mov.u64 %x, %first; setp.eq.u32 %p, %t, 0; @%p ld.global.u32 %v, [%x];"},
	{name: "blocks write the same", kind: RaceCTA, address: true, blocks: 2, bad: "mov.u64 %x, %first", good: "mov.u64 %x, %in",
		body: "mov.u64 %x, %first; setp.eq.u32 %p, %t, 0; @%p st.global.u32 [%x], 5;"},
	{name: "uninitialised register", kind: UninitRegister, bad: "//init", good: "mov.u32 %v, 1;", body: "//init\nadd.u32 %v, %v, 1;"},
	{name: "register written by other lanes", kind: UninitRegister, bad: "//init", good: "@%p mov.u32 %v, 1;",
		body: "setp.ne.u32 %p, %t, 9; @!%p mov.u32 %v, 2;\n//init\nadd.u32 %v, %v, 1;"},
	{name: "uninitialised predicate", kind: UninitRegister, bad: "//init", good: "setp.eq.u32 %p, %t, 0;", body: "//init\n@%p mov.u32 %v, 1;"},
	{name: "uninitialised guard of selp", kind: UninitRegister, bad: "//init", good: "setp.eq.u32 %p, %t, 0;", body: "//init\nselp.u32 %v, 1, 2, %p;"},
	{name: "uninitialised carry", kind: UninitRegister, bad: "//init", good: "add.cc.u32 %v, 1, 2;", body: "//init\naddc.u32 %v, 1, 2;"},
	{name: "uninitialised shared", kind: UninitShared, address: true, bad: "//init", good: "st.shared.u32 [%s], 1;", body: "//init\nld.shared.u32 %v, [%s];"},
	{name: "half initialised shared", kind: UninitShared, address: true, bad: "st.shared.u8 [%s], 1;", good: "st.shared.u32 [%s], 1;", body: "st.shared.u8 [%s], 1;\nld.shared.u32 %v, [%s];"},
	{name: "uninitialised shared atomic", kind: UninitShared, address: true, bad: "//init", good: "st.shared.u32 [%s], 1;", body: "//init\natom.shared.add.u32 %v, [%s], 1;"},
	{name: "uninitialised global", kind: UninitGlobal, address: true, noOutput: true, bad: "//init", good: "st.global.u32 [%out], 1;", body: "//init\nld.global.u32 %v, [%out];\n@%p0 st.global.u32 [%out], 1;"},
	{name: "global out of bounds", kind: OutOfBounds, address: true, bad: "1024", good: "0", body: "ld.global.u32 %v, [%in+1024];"},
	{name: "global before the start", kind: OutOfBounds, address: true, bad: "-4", good: "+0", body: "ld.global.u32 %v, [%in-4];"},
	{name: "no allocation", kind: OutOfBounds, address: true, bad: "mov.u64 %x, 64;", good: "mov.u64 %x, %in;", body: "mov.u64 %x, 64; ld.global.u32 %v, [%x];"},
	{name: "shared out of bounds", kind: OutOfBounds, address: true, bad: "4096", good: "0", body: "st.shared.u32 [%s+4096], 1;"},
	{name: "const out of bounds", kind: OutOfBounds, address: true, bad: "8", good: "4", body: "ld.const.u32 %v, [table+8];"},
	{name: "store to const", kind: OutOfBounds, address: true, bad: "const", good: "shared", body: "{ .reg .b64 %z; cvta.const.u64 %x, 0; cvt.u64.u32 %z, %s; add.u64 %x, %x, %z; st.u32 [%x], 1; }"},
	{name: "misaligned global", kind: Misaligned, address: true, bad: "%in+2", good: "%in+4", body: "ld.global.u32 %v, [%in+2];"},
	{name: "misaligned shared", kind: Misaligned, address: true, bad: "[%s+2]", good: "[%s+4]", body: "st.shared.u32 [%s+2], 1;"},
	{name: "misaligned const", kind: Misaligned, address: true, bad: "table+2", good: "table+4", body: "ld.const.u32 %v, [table+2];"},
	{name: "divergent barrier", kind: DivergentBar, bad: "@%p bar.sync 0;", good: "bar.sync 0;", body: "setp.lt.u32 %p, %t, 16; @%p bar.sync 0;"},
	{name: "barrier in one branch", kind: DivergentBar, bad: "@%p bra SKIP;", good: "", body: "setp.lt.u32 %p, %t, 16; @%p bra SKIP; bar.sync 0; SKIP:"},
	{name: "barrier after exit", kind: ExitedBar, bad: "@%p exit;", good: "", body: "setp.eq.u32 %p, %t, 5; @%p exit; bar.sync 0;"},
	{name: "barrier after a warp's exit", kind: ExitedBar, threads: 64, bad: "@%p exit;", good: "", body: "setp.ge.u32 %p, %t, 32; @%p exit; bar.sync 0;"},
	{name: "different barriers", kind: Deadlock, threads: 64, bad: "bar.sync 1;", good: "bar.sync 0;", body: "setp.ge.u32 %p, %t, 32; @%p bra B; bar.sync 0; bra E; B: bar.sync 1; E:"},
	{name: "barrier of part of a block", kind: BadOperand, threads: 64, bad: "bar.sync 0, 32;", good: "bar.sync 0, 64;", body: "bar.sync 0, 32;"},
	{name: "partial shuffle", kind: PartialMask, bad: "@%p shfl", good: "shfl", body: "setp.lt.u32 %p, %t, 16; @%p shfl.sync.bfly.b32 %v, %t, 1, 31, -1;"},
	{name: "mask without a lane", kind: PartialMask, bad: "0xfffffffe", good: "-1", body: "shfl.sync.bfly.b32 %v, %t, 1, 31, 0xfffffffe;"},
	{name: "partial vote", kind: PartialMask, bad: "@%p vote", good: "vote", body: "setp.lt.u32 %p, %t, 16; @%p vote.sync.ballot.b32 %v, %p, -1;"},
	{name: "partial mma", kind: PartialMask, bad: "@%p mma", good: "mma", body: "{ .reg .f64 %f<2>; mov.f64 %f0, 1.0; mov.f64 %f1, 1.0; setp.lt.u32 %p, %t, 16; @%p mma.sync.aligned.m8n8k4.row.col.f64.f64.f64.f64 {%f0,%f1}, {%f0}, {%f1}, {%f0,%f1}; }"},
	{name: "partial warp barrier", kind: PartialMask, bad: "-1", good: "0xffff", body: "setp.lt.u32 %p, %t, 16; @%p bar.warp.sync -1;"},
	{name: "shuffle from an idle lane", kind: ReadsInactive, bad: ", 16, 31", good: ", 8, 31", body: "setp.lt.u32 %p, %t, 16; @%p shfl.sync.bfly.b32 %v, %t, 16, 31, 0xffff;"},
	{name: "copy not waited for", kind: InFlight, address: true, bad: "//wait", good: "cp.async.wait_group 0;",
		body: "cp.async.ca.shared.global [%s], [%in], 4; cp.async.commit_group;\n//wait\nld.shared.u32 %v, [%s];"},
	{name: "copy not committed", kind: InFlight, address: true, bad: "//commit", good: "cp.async.commit_group;",
		body: "cp.async.ca.shared.global [%s], [%in], 4;\n//commit\ncp.async.wait_group 0; ld.shared.u32 %v, [%s];"},
	{name: "last group in flight", kind: InFlight, address: true, bad: "wait_group 1", good: "wait_all",
		body: "cp.async.ca.shared.global [%s], [%in], 4; cp.async.commit_group; cp.async.wait_group 1; ld.shared.u32 %v, [%s];"},
	{name: "copy seen by others", kind: RaceRAW, address: true, bad: "//bar", good: "bar.sync 0;",
		body: "cp.async.ca.shared.global [%s], [%in], 4; cp.async.wait_all;\n//bar\nxor.b32 %s, %s, 4; ld.shared.u32 %v, [%s];"},
	{name: "copy over what others read", kind: RaceWAR, address: true, bad: "//bar", good: "bar.sync 0;",
		body: "st.shared.u32 [%s], 1; bar.sync 0; ld.shared.u32 %v, [%s];\n//bar\nxor.b32 %s, %s, 4; cp.async.ca.shared.global [%s], [%in], 4; cp.async.wait_all;"},
	{name: "store over a copy", kind: InFlight, address: true, bad: "//wait", good: "cp.async.wait_all;",
		body: "cp.async.ca.shared.global [%s], [%in], 4;\n//wait\nst.shared.u32 [%s], 1;"},
	{name: "misaligned copy", kind: Misaligned, address: true, bad: "%in+4", good: "%in+0", body: "and.b64 %in, %in, -16; shl.b32 %s, %t, 4; cp.async.cg.shared.global [%s], [%in+4], 16; cp.async.wait_all;"},
	{name: "copy of too much", kind: BadOperand, bad: "4, 5", good: "4, 3", body: "cp.async.ca.shared.global [%s], [%in], 4, 5; cp.async.wait_all;"},
	{name: "copy out of bounds", kind: OutOfBounds, address: true, bad: "16, 16", good: "16, 0", body: "shl.b32 %s, %t, 4; add.u64 %x, %first, 1024; cp.async.cg.shared.global [%s], [%x], 16, 16; cp.async.wait_all;"},
	{name: "written twice", kind: WrittenTwice, address: true, bad: "st.global.u32 [%out], 1;", good: "", body: "st.global.u32 [%out], 1;"},
	{name: "never written", kind: NeverWritten, address: true, noOutput: true, bad: "@%p st", good: "st", body: "setp.ne.u32 %p, %t, 7; @%p st.global.u32 [%out], 1;"},
	{name: "non-coherent load", kind: NonCoherent, address: true, bad: "ld.global.nc", good: "ld.global", body: "st.global.u32 [%in], 1; bar.sync 0; ld.global.nc.u32 %v, [%in];"},
	{name: "division by zero", kind: DivideByZero, bad: "%t, %t", good: "%t, 3", body: "div.u32 %v, %t, %t;"},
	{name: "endless loop", kind: OverBudget, bad: "bra L;", good: "", body: "L: mov.u32 %v, 1; bra L;"},
	{name: "trap", kind: Trap, bad: "9;", good: "99;", body: "setp.eq.u32 %p, %t, 9; @%p trap;"},
}

const faultHead = header + `.const .u32 table[2] = {1, 2};
.entry k(.param .u64 pin, .param .u64 pout) {
	.reg .b64 %in, %out, %first, %x; .reg .b32 %s, %v, %t, %c, %n, %g; .reg .pred %p, %p0, %table;
	.shared .align 16 .b8 sm[4096];
	ld.param.u64 %first, [pin]; ld.param.u64 %out, [pout];
	mov.u32 %t, %tid.x; mov.u32 %c, %ctaid.x; mov.u32 %n, %ntid.x; mad.lo.u32 %g, %c, %n, %t;
	setp.ge.u32 %p0, %t, 0x10000; setp.eq.u32 %table, %n, 32; shl.b32 %s, %t, 2;
	mad.wide.u32 %in, %g, 4, %first; mad.wide.u32 %out, %g, 4, %out;
`

// run launches the kernel, in one order or the other, and gives the text's part that is to blame.
func (f faulty) run(t *testing.T, body string, m *Machine) error {
	if !f.noOutput {
		body += "\nst.global.u32 [%out], %g;"
	}
	module, err := Parse(faultHead + body + "\n}\n")
	require.NoError(t, err)
	blocks, threads := max(f.blocks, 1), max(f.threads, 32)
	in := make([]uint32, 256)
	for i := range in {
		in[i] = uint32(i)
	}
	m.Budget = 1 << 16
	out := output[uint32](t, m, int(blocks*threads))
	_, err = launch1(m, module, blocks, threads, pack(upload(t, m, in), out))
	return err
}

func TestFaults(t *testing.T) {
	for _, f := range faults {
		t.Run(f.name, func(t *testing.T) {
			require.Contains(t, f.body, f.bad)
			for _, reverse := range []bool{false, true} {
				err := f.run(t, f.body, &Machine{Reverse: reverse})
				var fault *Fault
				require.ErrorAs(t, err, &fault)
				if fault.Kind != f.or || f.or == NoFault {
					require.Equal(t, f.kind, fault.Kind, "%v", err)
				}
				assert.ErrorIs(t, err, &Fault{Kind: fault.Kind})
				assert.Equal(t, "k", fault.Kernel)
				assert.Equal(t, f.address, fault.Space != "", "%v", err)
				if f.kind != NeverWritten {
					lines := strings.Split(faultHead+f.body+"\nst.global.u32 [%out], %g;", "\n")
					assert.Contains(t, strings.Join(strings.Fields(lines[fault.Line-1]), " "), fault.PTX)
				}
				require.NoError(t, f.run(t, strings.Replace(f.body, f.bad, f.good, 1), &Machine{Reverse: reverse}))
			}
		})
	}
}

func TestEveryKindHasATest(t *testing.T) {
	tested := map[Kind]bool{NoFault: true, UseAfterFree: true, BadFree: true, Leak: true, BadLaunch: true, OrderDependent: true} // below
	for _, f := range faults {
		tested[f.kind], tested[f.or] = true, true
	}
	for k := range numKinds {
		assert.True(t, tested[k], k.String())
		assert.NotEmpty(t, k.String())
	}
}

func TestUseAfterFree(t *testing.T) {
	var m Machine
	module, err := Parse(faultHead + "ld.global.u32 %v, [%in];\n}\n")
	require.NoError(t, err)
	in, out := upload(t, &m, make([]uint32, 32)), upload(t, &m, make([]uint32, 32))
	_, err = launch1(&m, module, 1, 32, pack(in, out))
	require.NoError(t, err)
	require.NoError(t, m.Free(in))
	_, err = launch1(&m, module, 1, 32, pack(in, out))
	assert.ErrorIs(t, err, &Fault{Kind: UseAfterFree})
	assert.ErrorContains(t, err, "ld.global.u32 %v, [%in];")
	assert.ErrorIs(t, m.Read(in, make([]byte, 4)), &Fault{Kind: UseAfterFree})
	assert.ErrorIs(t, m.Free(in), &Fault{Kind: BadFree})
	assert.ErrorIs(t, m.Free(out+4), &Fault{Kind: BadFree})
	assert.ErrorIs(t, m.Close(), &Fault{Kind: Leak})
	require.NoError(t, m.Free(out))
	assert.NoError(t, m.Close())
}

// lastBlock counts blocks with a ticket; the last one adds what all have stored.
const lastBlock = header + `.global .u32 ticket;
.entry k(.param .u64 parts, .param .u64 out) {
	.reg .b64 %p, %o, %x; .reg .b32 %t, %c, %n, %v, %i, %sum, %nt; .reg .pred %q;
	ld.param.u64 %p, [parts]; ld.param.u64 %o, [out];
	mov.u32 %t, %tid.x; mov.u32 %c, %ctaid.x; mov.u32 %n, %nctaid.x;
	setp.ne.u32 %q, %t, 0;
	@%q bra END;
	mad.wide.u32 %x, %c, 4, %p;
	add.u32 %v, %c, 1;
	st.global.u32 [%x], %v;
	membar.gl;
	atom.global.inc.u32 %v, [ticket], 0x7fffffff;
	add.u32 %v, %v, 1;
	setp.ne.u32 %q, %v, %n;
	@%q bra END;
	fence.acq_rel.gpu;
	mov.u32 %sum, 0; mov.u32 %i, 0;
LOOP:
	mad.wide.u32 %x, %i, 4, %p;
	ld.global.u32 %v, [%x];
	add.u32 %sum, %sum, %v;
	add.u32 %i, %i, 1;
	setp.lt.u32 %q, %i, %n;
	@%q bra LOOP;
	st.global.u32 [%o], %sum;
	st.global.u32 [ticket], 0;
END:
}`

func TestLastBlock(t *testing.T) {
	run := func(text string, m *Machine) ([]uint32, error) {
		module, err := Parse(text)
		require.NoError(t, err)
		parts, err := m.Alloc(4 * 10)
		require.NoError(t, err)
		out := output[uint32](t, m, 1)
		if _, err = launch1(m, module, 10, 32, pack(parts, out)); err != nil {
			return nil, err
		}
		return download[uint32](t, m, out, 1), nil
	}
	got, err := run(lastBlock, &Machine{BothOrders: true})
	require.NoError(t, err)
	assert.Equal(t, []uint32{55}, got)
	strong := strings.NewReplacer("membar.gl;", "", "fence.acq_rel.gpu;", "", "atom.global", "atom.acq_rel.gpu.global")
	got, err = run(strong.Replace(lastBlock), &Machine{})
	require.NoError(t, err)
	assert.Equal(t, []uint32{55}, got)
	for _, fence := range []string{"membar.gl;", "fence.acq_rel.gpu;"} {
		_, err = run(strings.Replace(lastBlock, fence, "", 1), &Machine{})
		assert.ErrorIs(t, err, &Fault{Kind: RaceCTA}, fence)
	}
	_, err = run(strings.Replace(lastBlock, "membar.gl", "membar.cta", 1), &Machine{})
	assert.ErrorIs(t, err, &Fault{Kind: RaceCTA})
}

// TestFenceAfterBarrier: what other threads stored before a barrier is published by the fence of the thread that does the
// atomic, or by their own.
func TestFenceAfterBarrier(t *testing.T) {
	const text = header + `.global .u32 ticket;
.entry k(.param .u64 parts) {
	.reg .b64 %p, %x; .reg .b32 %t, %c, %v, %last; .reg .pred %q, %z; .shared .u32 flag;
	ld.param.u64 %p, [parts]; mov.u32 %t, %tid.x; mov.u32 %c, %ctaid.x;
	mad.wide.u32 %x, %c, 4, %p; setp.eq.u32 %q, %t, 33; setp.eq.u32 %z, %t, 0;
	@%q st.global.u32 [%x], %c;
	//own
	bar.sync 0;
	//others
	@%z atom.global.add.u32 %v, [ticket], 1;
	@%z st.shared.u32 [flag], %v;
	//acquire
	bar.sync 0;
	ld.shared.u32 %last, [flag];
	setp.eq.and.u32 %q, %last, 1, %q;
	@%q ld.global.u32 %v, [%p];
}`
	for fences, ok := range map[string]bool{"": false, "own": false, "acquire": false, "own acquire": true, "others acquire": true, "others": false} {
		changed := text
		for _, f := range strings.Fields(fences) {
			changed = strings.Replace(changed, "//"+f, "fence.acq_rel.gpu;", 1)
		}
		module, err := Parse(changed)
		require.NoError(t, err)
		var m Machine
		parts, err := m.Alloc(8)
		require.NoError(t, err)
		_, err = launch1(&m, module, 2, 64, pack(parts))
		assert.Equal(t, !ok, errors.Is(err, &Fault{Kind: RaceCTA}), "%q: %v", fences, err)
		assert.Equal(t, ok, err == nil, "%q: %v", fences, err)
	}
}

func TestOrderDependent(t *testing.T) {
	const text = header + ".global .u32 next; .entry k(.param .u64 out) { .reg .b64 %o; .reg .b32 %v, %c; ld.param.u64 %o, [out];\n" +
		"atom.global.add.u32 %v, [next], 1; mov.u32 %c, %ctaid.x; mad.wide.u32 %o, %v, 4, %o; st.global.u32 [%o], %c; }"
	module, err := Parse(text)
	require.NoError(t, err)
	for _, both := range []bool{false, true} {
		m := Machine{BothOrders: both}
		_, err = launch1(&m, module, 4, 1, pack(output[uint32](t, &m, 4)))
		if both {
			assert.ErrorIs(t, err, &Fault{Kind: OrderDependent})
		} else {
			assert.NoError(t, err)
		}
	}
}

func TestBadLaunches(t *testing.T) {
	const text = header + ".extern .shared .align 8 .b8 dyn[];\n.entry k(.param .u64 p) .maxntid 64, 1, 1 { .shared .b8 s[40000]; .reg .b32 %r; mov.u32 %r, dyn; }\n" +
		".entry exact() .reqntid 8, 4 { ret; }"
	module, err := Parse(text)
	require.NoError(t, err)
	assert.Equal(t, []string{"k", "exact"}, module.Kernels())
	type dims = [3]uint32
	one := dims{1, 1, 1}
	tests := []struct {
		kernel      string
		grid, block dims
		shared      int
		params      int
		why         string
	}{
		{"none", one, one, 0, 0, "no such kernel"},
		{"k", dims{0, 1, 1}, one, 0, 8, "at least 1"},
		{"k", one, dims{1, 0, 1}, 0, 8, "at least 1"},
		{"k", dims{1, 65536, 1}, one, 0, 8, "65535"},
		{"k", dims{1, 1, 65536}, one, 0, 8, "65535"},
		{"k", dims{1 << 31, 1, 1}, one, 0, 8, "2147483647"},
		{"k", dims{1 << 30, 1, 1}, one, 0, 8, "the simulator"},
		{"k", one, dims{1025, 1, 1}, 0, 8, "1024"},
		{"k", one, dims{32, 32, 2}, 0, 8, "1024"},
		{"k", one, dims{1, 1, 65}, 0, 8, "64 in z"},
		{"k", one, dims{65, 1, 1}, 0, 8, ".maxntid 64"},
		{"k", one, one, 200000, 8, "240000 bytes"},
		{"k", one, one, -1, 8, "shared"},
		{"k", one, one, 0, 7, "the kernel has 8"},
		{"exact", one, dims{32, 1, 1}, 0, 0, ".reqntid [8 4 1]"},
		{"k", one, dims{64, 1, 1}, 190000, 8, ""},
		{"exact", dims{3, 1, 1}, dims{8, 4, 1}, 0, 0, ""},
	}
	for _, test := range tests {
		var m Machine
		stats, err := m.Launch(context.Background(), module, test.kernel, test.grid, test.block, test.shared, make([]byte, test.params))
		if test.why == "" {
			assert.NoError(t, err)
			assert.Equal(t, int64(test.grid[0]), stats.CTAs)
			continue
		}
		assert.ErrorIs(t, err, &Fault{Kind: BadLaunch})
		assert.ErrorContains(t, err, test.why)
	}
}

func TestFaultIs(t *testing.T) {
	f := &Fault{Kind: Misaligned, Kernel: "k", Line: 3}
	assert.ErrorIs(t, f, &Fault{Kind: Misaligned})
	assert.False(t, errors.Is(f, &Fault{Kind: OutOfBounds}))
	assert.False(t, errors.Is(f, context.Canceled))
	assert.False(t, errors.Is(f, &Fault{Kind: Misaligned, Line: 4}))
}

// Dynamic shared memory begins where that which is declared ends, at a multiple of 16 bytes.
func TestDynamicSharedMemoryComesAfterStatic(t *testing.T) {
	const text = header + ".extern .shared .align 8 .b8 dyn[];\n.entry k(.param .u64 p) { .shared .b8 s[20]; .reg .b32 %a, %b, %v; .reg .b64 %p;\n" +
		"mov.u32 %a, s; mov.u32 %b, dyn; st.shared.u32 [%a], 7; st.shared.u32 [%b], 9; st.shared.u32 [dyn+4], 11; ld.shared.u32 %v, [%a]; add.u32 %b, %b, %v;\n" +
		"ld.param.u64 %p, [p]; st.global.u32 [%p], %b; }"
	module, err := Parse(text)
	require.NoError(t, err)
	var m Machine
	out := output[uint32](t, &m, 1)
	_, err = m.Launch(context.Background(), module, "k", [3]uint32{1, 1, 1}, [3]uint32{1, 1, 1}, 8, pack(out))
	require.NoError(t, err)
	assert.Equal(t, []uint32{32 + 7}, download[uint32](t, &m, out, 1))
	_, err = m.Launch(context.Background(), module, "k", [3]uint32{1, 1, 1}, [3]uint32{1, 1, 1}, 4, pack(out))
	assert.ErrorIs(t, err, &Fault{Kind: OutOfBounds})
}
