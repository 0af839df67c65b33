package ptxsim

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// declarations are registers for single instructions: %r 32 bits, %rd 64, %h 16, %b 8, %f, %d, %p, %u and %s with signs.
const declarations = ".reg .b32 %r<8>; .reg .b64 %rd<8>; .reg .b16 %h<4>; .reg .b8 %b<2>; .reg .f32 %f<8>; .reg .f64 %d<9>; .reg .pred %p<4>; .reg .u32 %u<4>; .reg .s32 %s<4>;\n.shared .align 16 .b8 sm[64];\n"

func parseBody(body string) error {
	_, err := Parse(header + ".global .align 16 .b8 gl[64];\n.const .f32 co[4];\n.entry k(.param .u64 pa, .param .u32 pb) {\n" + declarations + body + "\n}\n")
	return err
}

func TestParseRefuses(t *testing.T) {
	tests := []struct{ body, want string }{
		// instructions and modifiers
		{"frob.u32 %r1, %r2;", "unknown instruction frob"},
		{"ex2.approx.f32 %f1, %f2;", "unknown instruction ex2"},
		{"sin.approx.f32 %f1, %f2;", "unknown instruction"},
		{"add.rn.u32 %r1, %r2, %r3;", "expected .u16"},
		{"add.lo.u32 %r1, %r2, %r3;", "expected"},
		{"add.u32.rn %r1, %r2, %r3;", "misplaced modifier .rn"},
		{"add.u8 %b0, %b0, %b1;", "expected"},
		{"add.b32 %r1, %r2, %r3;", "expected"},
		{"mul.u32 %r1, %r2, %r3;", "expected .lo or .hi or .wide"},
		{"mul.wide.u64 %rd1, %rd2, %rd3;", "expected"},
		{"add.u32.foo %r1, %r2, %r3;", "misplaced modifier .foo"},
		{"ret.now;", "unknown or misplaced modifier .now"},
		{"min.NaN.f64 %d1, %d2, %d3;", "expected .f32"},
		{"shl.u32 %r1, %r2, 3;", "expected"},
		{"and.u32 %r1, %r2, 3;", "expected"},
		{"setp.lo.s32 %p1, %r1, %r2;", "expected"},
		{"setp.ltu.u32 %p1, %r1, %r2;", "expected"},
		{"setp.lt.b32 %p1, %r1, %r2;", "expected"},
		{"setp.lt.u8 %p1, %b0, %b1;", "type to compare"},
		{"setp.lt %p1, %r1, %r2;", "type to compare"},
		{"set.lt.u64.u32 %rd1, %r1, %r2;", "expected"},
		{"st.global.nc.u32 [%rd1], %r1;", "expected"},
		{"ld.shared.nc.u32 %r1, [%r1];", "expected"},
		{"ld.local.u32 %r1, [%rd1];", "expected"},
		{"st.param.u32 [pb], %r1;", "expected"},
		{"ld.global.v4.f64 {%d1,%d2,%d3,%d4}, [%rd1];", "at most 16 bytes"},
		{"ld.global.v3.u32 {%r1,%r2,%r3}, [%rd1];", "expected"},
		{"atom.global.add.f32 %f1, [%rd1], %f2;", "float atomics"},
		{"atom.global.add.s64 %rd2, [%rd1], %rd3;", "expected"},
		{"atom.add.u32 %r1, [%rd1], %r2;", "expected .global"},
		{"atom.relaxed.global.add.u32 %r1, [%rd1], %r2;", "expected .cta"},
		{"red.global.exch.b32 [%rd1], %r2;", "red has no .exch"},
		{"cp.async.cg.shared.global [%r1], [%rd1], 8;", "copies 16 bytes"},
		{"cp.async.ca.shared.global [%r1], [%rd1], 5;", "copies 16 bytes"},
		{"shfl.bfly.b32 %r1, %r2, 1, 31;", "expected .sync"},
		{"shfl.sync.bfly.b64 %rd1, %rd2, 1, 31, -1;", "expected .b32"},
		{"vote.sync.all.b32 %r1, %p1, -1;", "expected .pred"},
		{"match.any.sync.b32 %r1|%p1, %r2, -1;", "match.any has no predicate"},
		{"mma.sync.aligned.m8n8k4.row.row.f64.f64.f64.f64 {%d0,%d1}, {%d2}, {%d3}, {%d0,%d1};", "expected .col"},
		{"mma.sync.aligned.m8n8k4.row.col.f64.f64.f64.f64 {%d0,%d1}, %d2, {%d3}, {%d0,%d1};", "not a fragment"},
		{"barrier.sync 0;", "expected .aligned"},
		{"bar.sync 16;", "from 0 to 15"},
		{"bra.uni LOST;", "no label LOST"},
		{"@%p0 bra.uni L; L:", "bra.uni"},
		{"{ L: } bra L;", "no label L"},
		{"L: L: ret;", "label L is there already"},
		// rounding
		{"add.f32 %f1, %f2, %f3;", "say .rn"},
		{"sub.f64 %d1, %d2, %d3;", "say .rn"},
		{"mul.f32 %f1, %f2, %f3;", "say .rn"},
		{"fma.f32 %f1, %f2, %f3, %f4;", "say .rn"},
		{"mad.f32 %f1, %f2, %f3, %f4;", "say .rn"},
		{"div.f64 %d1, %d2, %d3;", "say .rn"},
		{"sqrt.f32 %f1, %f2;", "say .rn"},
		{"rcp.approx.f32 %f1, %f2;", ".approx is not simulated"},
		{"add.rz.f32 %f1, %f2, %f3;", ".rz is not simulated"},
		{"add.rn.ftz.f32 %f1, %f2, %f3;", "expected"},
		{"add.rn.sat.f32 %f1, %f2, %f3;", "expected"},
		{"cvt.s32.f32 %r1, %f1;", "needs .rzi"},
		{"cvt.rn.s32.f32 %r1, %f1;", "needs .rzi"},
		{"cvt.f32.s32 %f1, %r1;", "needs .rn"},
		{"cvt.f32.f64 %f1, %d1;", "needs .rn"},
		{"cvt.rzi.f32.s32 %f1, %r1;", "needs .rn"},
		{"cvt.rn.f64.f32 %d1, %f1;", "no rounding .rn"},
		{"cvt.rni.f64.f32 %d1, %f1;", "no rounding .rni"},
		{"cvt.rn.f32.f32 %f1, %f2;", "no rounding .rn"},
		{"cvt.rzi.u32.u64 %r1, %rd1;", "no rounding .rzi"},
		{"cvt.rz.f32.s32 %f1, %r1;", "only .rn"},
		{"cvt.rn.sat.f32.f64 %f1, %d1;", ".sat on floats"},
		// operands
		{"add.u32 %r1, %r2;", "2 operands, want 3"},
		{"add.u32 %r1, %r2, %r3, %r4;", "4 operands, want 3"},
		{"add.u32 %r1, %rd2, %r3;", "%rd2 is a .b64 register, not .u32"},
		{"add.u32 %f1, %r2, %r3;", "%f1 is a .f32 register"},
		{"add.u32 %r1, %f2, %r3;", "%f2 is a .f32 register"},
		{"add.rn.f32 %f1, %r2, %d3;", "%d3 is a .f64 register"},
		{"add.rn.f32 %f1, %u2, %f3;", "%u2 is a .u32 register"},
		{"add.rn.f32 %f1, %f2, 1;", "1 is not a .f32"},
		{"add.rn.f64 %d1, %d2, 0f3f800000;", "is not a .f64"},
		{"add.rn.f32 %f1, %f2, 0d3ff0000000000000;", "is not a .f32"},
		{"add.u32 %r1, %r2, 1.5;", "is not a .u32"},
		{"add.u32 %r1, %r2, 0x100000000;", "is not a .u32"},
		{"add.s16 %h1, %h2, -32769;", "is not a .s16"},
		{"add.u32 5, %r2, %r3;", "not a register to write to"},
		{"add.u32 %r1, %p1, %r3;", "%p1 is a .pred register"},
		{"add.u32 %r1, %tid.x, %r3;", "not a register or number"},
		{"add.u32 %r1, sm, %r3;", "not a register or number"},
		{"add.u32 %r9, %r1, %r3;", "%r9 is not declared"},
		{"add.u32 %r1, %r2, !%p1;", "%p1 is a .pred register"},
		{"add.u32 %r1, !%r2, 1;", "! is for predicates"},
		{"add.u32 %r1|%r2, %r2, 1;", "is a pair"},
		{"mov.u64 %rd1, %tid.x;", "is a .u32, not a .u64"},
		{"mov.u32 %r1, %clock;", "not declared"},
		{"mov.u32 %r1, gl;", "does not hold the address"},
		{"mov.u64 %rd1, pa;", "cannot be taken"},
		{"mov.b32 {%r1, %r2}, %r3;", "%r1 is a .b32 register, not .b16"},
		{"mov.u64 {%r1, %r2}, %rd3;", "do not make a .u64"},
		{"mov.b64 {%r1, %r2, %r3}, %rd3;", "do not make"},
		{"selp.u32 %r1, %r2, %r3, %r4;", "%r4 is not a predicate"},
		{"setp.eq.u32 %r1, %r2, %r3;", "%r1 is not a predicate"},
		{"setp.eq.u32 !%p1, %r2, %r3;", "not a predicate to write to"},
		{"@%r1 mov.u32 %r1, 1;", "%r1 is not a predicate"},
		{"@%p9 mov.u32 %r1, 1;", "%p9 is not a predicate"},
		{"mul.wide.u32 %r1, %r2, %r3;", "not .u64"},
		{"popc.b64 %rd1, %rd2;", "not .u32"},
		{"ld.global.u32 %r1, [%r2];", "not an address in global memory"},
		{"ld.global.u32 %r1, %rd2;", "not an address in brackets"},
		{"ld.global.u32 %r1, [sm];", "sm is in shared memory"},
		{"ld.global.u32 %r1, [64];", "a number is an address in shared memory only"},
		{"ld.global.u64 %r1, [%rd1];", "not .u64"},
		{"ld.global.f32 %u1, [%rd1];", "not .f32"},
		{"ld.global.f32 %d1, [%rd1];", "not .f32"},
		{"ld.global.b32 %d1, [%rd1];", "not .b32"},
		{"ld.global.v2.u32 %r1, [%rd1];", "not a vector of 2"},
		{"ld.global.v2.u32 {%r1,%r1}, [%rd1];", "there twice"},
		{"st.global.u32 [%rd1], {%r1,%r2};", "not a register"},
		{"ld.param.u64 %rd1, [pb];", "bytes at offset 8"},
		{"ld.param.u32 %r1, [pa+2];", "bytes at offset 2"},
		{"ld.param.u32 %r1, [%rd1];", "by name"},
		{"ld.global.u32 %r1, [%rd1+0x100000000];", "an offset has 32 bits"},
		{"lop3.b32 %r1, %r2, %r3, %r4, 256;", "from 0 to 255"},
		{"cp.async.wait_group %r1;", "%r1 is not a number"},
		{"bar.sync 0, %r1;", "%r1 is not a number"},
		// text
		{"add.u32 %r1, %r2, %r3", "expected \";\""},
		{"add.u32 %r1 %r2, %r3;", "expected \";\""},
		{"%r1 = 3;", "expected an instruction"},
		{"mov.u32 %r1, 0x;", "is not a number"},
		{"mov.f32 %f1, 0f3f8;", "is not a number"},
		{"mov.f32 %f1, -0f3f800000;", "is not a number"},
		{".reg .f16 %q;", "expected a type"},
		{".reg .b32 %r1;", "declared already"},
		{".reg .b32 %laneid;", "special register"},
		{".reg .b32 %q<70000>;", "at most 65536"},
		{".shared .b8 big[50000];", "ends at 49152 bytes"},
		{".shared .b8 none[];", "no length"},
		{".shared .b8 v[4] = {1};", "no initial values"},
		{".shared .align 3 .b8 v[4];", "power of two"},
		{"{ mov.u32 %r1, 1;", "the text ends here"},
	}
	for _, test := range tests {
		err := parseBody(test.body)
		var e *SyntaxError
		if assert.ErrorAs(t, err, &e, test.body) {
			assert.Contains(t, e.Message, test.want, test.body)
			assert.GreaterOrEqual(t, e.Line, 8, "%s: %v", test.body, err)
		}
	}
}

func TestParseRefusesModules(t *testing.T) {
	tests := []struct{ text, want string }{
		{"", "expected \".version\""},
		{".version 5.0\n", "6.0 to 9.9"},
		{".version x\n", "6.0 to 9.9"},
		{".version 7.0\n.target sm_60\n", "from sm_70"},
		{".version 6.0\n.target sm_80\n", "sm_80 needs .version 7.0"},
		{".version 7.0\n.target sm_70\n.address_size 32\n", "64-bit"},
		{header + ".func f() {}", "functions are not simulated"},
		{header + ".entry k() {} .entry k() {}", "kernel k is there already"},
		{header + ".entry k(.param .u64 a, .param .u32 a) {}", "declared already"},
		{header + ".entry k(.param .b8 a[5000]) {}", "ends at 4096"},
		{header + ".entry k(.param .pred a) {}", "expected the type"},
		{header + ".entry k() .maxntid 2048 {}", "at most 1024"},
		{header + ".entry k() .maxntid 512, 4 {}", "1 to 1024 threads"},
		{header + ".entry k {", "the text ends here"},
		{header + ".shared .b8 s[4];", "inside the kernel"},
		{header + ".const .b8 c[70000];", "ends at 65536"},
		{header + ".shared .b8 s[];", "no length"},
		{header + ".extern .global .b8 s[];", "no length"},
		{header + ".extern .global .b8 s[4];", "no length"},
		{header + ".extern .entry k() {}", "from elsewhere"},
		{header + ".entry k(.param .b8 0x) {}", "expected a name"},
		{header + ".entry k() { .reg .b32 %r; ld.shared.u32 %r, [-1]; }", "not an address"},
		{header + ".entry k() { .reg .b32 %r; ld.shared.u32 %r, [k]; }", "expected an address"},
		{header + ".entry k() { .reg .b32 %r; ld.shared.v2.u32 {%r, [4]}, [4]; }", "in a vector"},
		{header + ".entry k() { add; }", "expected"},
		{header + ".const .u32 c[2] = {1, 2, 3};", "one too many"},
		{header + ".const .u32 c = 1.5;", "not a u32"},
		{header + ".const .u32 c[];", "no length"},
		{header + ".global .u32 c[0];", "1 to"},
		{header + "/* open", ""},
	}
	for _, test := range tests {
		_, err := Parse(test.text)
		if test.want == "" {
			assert.NoError(t, err)
		} else {
			assert.ErrorContains(t, err, test.want)
		}
	}
}

func TestVersionsAndTargets(t *testing.T) {
	parse := func(version, target, body string) error {
		_, err := Parse(".version " + version + "\n.target " + target + "\n.address_size 64\n.entry k() {\n" + declarations + body + "\n}")
		return err
	}
	tests := []struct{ body, version, target, tooOld, tooSmall string }{
		{"cp.async.wait_all;", "7.0", "sm_80", "6.3", "sm_75"},
		{"min.NaN.f32 %f1, %f2, %f3;", "7.0", "sm_80", "", "sm_70"},
		{"redux.sync.add.u32 %r1, %r2, -1;", "7.0", "sm_80", "", "sm_75"},
		{"activemask.b32 %r1;", "6.2", "sm_70", "6.0", ""},
		{"ld.global.L1::no_allocate.u32 %r1, [%rd1];", "7.4", "sm_70", "7.3", ""},
		{"ld.global.L2::256B.u32 %r1, [%rd1];", "7.4", "sm_80", "7.3", "sm_75"},
		{"mma.sync.aligned.m8n8k4.row.col.f64.f64.f64.f64 {%d0,%d1}, {%d2}, {%d3}, {%d0,%d1};", "7.0", "sm_80", "", "sm_75"},
		{"mma.sync.aligned.m16n8k4.row.col.rn.f64.f64.f64.f64 {%d0,%d1,%d2,%d3}, {%d4,%d5}, {%d6}, {%d0,%d1,%d2,%d3};", "7.8", "sm_90", "", "sm_80"},
	}
	for _, test := range tests {
		assert.NoError(t, parse(test.version, test.target, test.body))
		if test.tooOld != "" {
			assert.ErrorContains(t, parse(test.tooOld, "sm_70", test.body), "needs .version", test.body)
		}
		if test.tooSmall != "" {
			assert.ErrorContains(t, parse("7.8", test.tooSmall, test.body), "needs .version", test.body)
		}
	}
}

func TestScopes(t *testing.T) {
	assert.NoError(t, parseBody("{ .reg .f32 %r1; mov.f32 %r1, 1.0; bra L; L: } { bra L; L: } mov.u32 %r1, 2; bra L; { bra L; } L:"))
	assert.Error(t, parseBody("{ .reg .b32 %in; } mov.u32 %in, 2;"))
}

func TestSyntaxErrorPlace(t *testing.T) {
	err := parseBody("mov.u32 %r1, 1; /*\n\n*/\n  add.f32 %f1, /* a */ %f2, // b\n %f3;")
	var e *SyntaxError
	require.ErrorAs(t, err, &e)
	assert.Equal(t, 12, e.Line)
	assert.Contains(t, e.Text, "add.f32 %f1,")
	assert.Equal(t, "ptxsim: line 12: say .rn, or the assembler may fuse or approximate: "+e.Text, err.Error())
}

// FuzzParse: no text may crash the parser, and what it accepts has a place to go for each branch.
func FuzzParse(f *testing.F) {
	files, err := filepath.Glob(filepath.Join("testdata", "*.ptx"))
	require.NoError(f, err)
	for _, name := range files {
		if text, err := os.ReadFile(name); assert.NoError(f, err) && len(text) < 4000 {
			f.Add(string(text))
		}
	}
	for _, i := range instructions {
		f.Add(kernelFor(i.code, i.types))
	}
	f.Add(strings.Replace(lastBlock, "inc", "cas", 1))
	f.Fuzz(func(t *testing.T, text string) {
		m, err := Parse(text)
		if err != nil {
			assert.IsType(t, (*SyntaxError)(nil), err)
			return
		}
		for _, k := range m.kernels {
			for i := range k.code {
				in := &k.code[i]
				assert.True(t, in.flow != flowBranch || int(in.target) < len(k.code))
				assert.True(t, in.run != nil || in.flow == flowBranch || in.flow == flowExit, in.text)
			}
		}
	})
}

func TestKernelInfo(t *testing.T) {
	m, err := Parse(header + ".entry k(.param .u32 a, .param .u64 b, .param .align 8 .b8 c[12], .param .f32 d) .maxntid 64 { .shared .align 16 .b8 s[20], .b8; }")
	require.Error(t, err, "one variable a declaration")
	require.Nil(t, m)
	m, err = Parse(header + ".entry k(.param .u32 a, .param .u64 b, .param .align 8 .b8 c[12], .param .f32 d) .maxntid 64 { .shared .b8 r[3]; .shared .align 16 .b8 s[20]; }")
	require.NoError(t, err)
	info, ok := m.Kernel("k")
	require.True(t, ok)
	assert.Equal(t, KernelInfo{[]Param{{0, 4}, {8, 8}, {16, 12}, {28, 4}}, 32, 36, 64}, info)
	_, ok = m.Kernel("none")
	assert.False(t, ok)
}
