package ptx

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tare-go/tare/cuda/ptxsim"
	"github.com/tare-go/tare/dtype"
	"github.com/tare-go/tare/internal/canon"
	"github.com/tare-go/tare/internal/ir"
)

// mutation breaks a line of PTX, or gives "" where it does not apply.
type mutation struct {
	name   string
	change func(line string) string
	limit  int // sites of a kernel, evenly spread; 0 is all
}

func removed(part string) func(string) string {
	return func(line string) string {
		if !strings.Contains(line, part) {
			return ""
		}
		return "//"
	}
}

func replaced(pairs ...string) func(string) string {
	r := strings.NewReplacer(pairs...)
	return func(line string) string { return r.Replace(line) }
}

var (
	guardOf   = regexp.MustCompile(`^@!?%p\d+ `)
	sourcesOf = regexp.MustCompile(`^((?:@!?%p\d+ )?\S+ \S+, )([^,]+), ([^,;]+)(.*)$`)
	swappable = regexp.MustCompile(`^(@\S+ )?(sub|setp\.[lg]|shl|shr|div|selp)`)
	numberOf  = regexp.MustCompile(`^(.*[ ,+])(\d+)([\];].*)$`)
)

var mutations = []mutation{
	{"remove bar.sync", removed("bar.sync"), 0},
	{"remove bar.warp.sync", removed("bar.warp.sync"), 0},
	{"remove wait", removed("cp.async.wait"), 0},
	{"remove commit", removed("cp.async.commit"), 0},
	{"wait for one group fewer", replaced("wait_group 0;", "wait_group 1;", "wait_group 1;", "wait_group 2;", "wait_group 2;", "wait_group 3;", "wait_group 3;", "wait_group 4;"), 0},
	{"remove copy", removed("cp.async.c"), 3},
	{"remove store", removed("st."), 6},
	{"remove guard", func(line string) string { return guardOf.ReplaceAllString(line, "") }, 5},
	{"negate guard", replaced("@!%p", "@%p", "@%p", "@!%p"), 5},
	{"remove .rn", func(line string) string { return strings.ReplaceAll(line, ".rn", "") }, 2},
	{"swap operands", func(line string) string {
		if !swappable.MatchString(line) {
			return ""
		}
		return sourcesOf.ReplaceAllString(line, "${1}${3}, ${2}${4}")
	}, 8},
	{"other number", func(line string) string {
		if strings.Contains(line, "sync") || strings.Contains(line, "cp.async.wait") || strings.HasPrefix(line, ".") {
			return ""
		}
		return numberOf.ReplaceAllStringFunc(line, func(s string) string {
			m := numberOf.FindStringSubmatch(s)
			var v int
			fmt.Sscan(m[2], &v)
			return m[1] + fmt.Sprint(v+4) + m[3]
		})
	}, 16},
	{"other comparison", replaced("setp.lt", "setp.le", "setp.ge", "setp.gt", "setp.gt", "setp.ge"), 6},
	{"product for sum", replaced("mad.lo", "mul.lo", "mad.wide", "mul.wide"), 6},
}

// harmless are mutants that compute the same, and why. There are most of them at most, if that is not 0.
var harmless = []struct {
	subject, mutation, line, why string
	most                         int
}{
	{"tiles|mma", "other comparison", `setp.ge.u32 %p1, %r27, %r1;`, "a CTA that starts where the rows end stores nothing", 0},
	{"tiles|mma", "swap operands", `sub.u32 %r36, %r18, %r35;`, "there is one chunk of k, of which the number is 0 either way", 0},
	{"rows", "", `(shr.u32 %r\d+, %r2, [12]|@%p2 bra SLOW_1|setp.ne.u64 %p2, %rd6, 0|@!%p\d+ bra DONE_\d+|add.u32 %r11, %r11, 1024);`, "what is not copied in large pieces, or four at once, is copied by the loop after", 0},
	{"rows of CTAs", "", `(add.u32 %r\d+, %r2, 4095|setp.lt.u32 %p\d+, %r\d+, %r31|add.u32 %r33, %r33, 8);`, "a block of no elements changes nothing, and there are fewer blocks than warps", 0},
	{"scan", "other number", `setp.eq.u32 %p\d+, %r(10|25), \d+;`, "all lanes have the total, and there are fewer chunks than lanes", 0},
	{"scan", "other comparison", `setp.lt.u32 %p2, %r9, %r2;`, "there are fewer chunks than lanes", 1},
	{"scan", "other number", `mov.u32 %r33, 0;`, "whole segments are counted in steps of 128", 1},
	{"scan", "other number", `add.u32 %r38, %r38, 1;`, "only the last chunk has short segments, and its total is before nothing", 1},
	{"scan", "swap operands", `setp.lt.u32 %p7, %r38, %r39;`, "what is not taken four at once is taken by the loop after", 0},
	{"tiles", "other number", `mul.lo.u32 %r\d+, %r\d+, 32;`, "the column of warps, of which there is one", 0},
	{"rows of warps", "remove bar.warp.sync", `bar.warp.sync -1;`, "the last is for row values that are stored over what is loaded", 1},
	{"rows of CTAs", "other comparison", `setp.lt.u32 %p(3, %r11, %r9|5, %r21, %r2|17, %r115, %r113);`, "the loop is entered always", 3},
}

func isHarmless(seen map[int]int, subject, mutation, line string) bool {
	for i, h := range harmless {
		if (h.mutation == "" || h.mutation == mutation) && regexp.MustCompile(h.subject).MatchString(subject) && regexp.MustCompile("^(?:"+h.line+")$").MatchString(line) {
			seen[i]++
			return h.most == 0 || seen[i] <= h.most
		}
	}
	return false
}

// mutants are the changed texts of a kernel, with the line that was changed.
func (m mutation) mutants(text string) (texts, lines []string) {
	all := strings.Split(text, "\n")
	var sites []int
	for i, line := range all {
		line = strings.TrimSpace(line)
		if c := m.change(line); c != "" && c != line && strings.HasSuffix(line, ";") && !strings.HasPrefix(line, ".") {
			sites = append(sites, i)
		}
	}
	step := 1.0
	if m.limit > 0 && len(sites) > m.limit {
		step = float64(len(sites)) / float64(m.limit)
	}
	for at := 0.0; int(at) < len(sites); at += step {
		i := sites[int(at)]
		broken := append([]string(nil), all...)
		lines = append(lines, strings.TrimSpace(all[i]))
		broken[i] = m.change(lines[len(lines)-1])
		texts = append(texts, strings.Join(broken, "\n"))
	}
	return texts, lines
}

// patient is operations that have one text, of which the runs together reach all of it.
type patient struct {
	name   string
	target Target
	trials []*trial
}

// tighten cuts off what follows the last element of each operand.
func (tr *trial) tighten() {
	for i, o := range append(append([]ir.Operand(nil), tr.op.Inputs()...), tr.op.Outputs()...) {
		_, high := reach(o, spaceOf(tr.op, i))
		tr.blocks[i] = tr.blocks[i][:tr.args[i].off+high]
	}
}

// hollow makes what is between and around the elements of a product's matrices NaN, where nothing may be read.
func (tr *trial) hollow() {
	m := tr.op.(*ir.MatMul)
	for i, o := range m.Inputs() {
		size, space := o.Type.Size(), spaceOf(m, i)
		old := tr.blocks[i]
		tr.blocks[i] = bytes.Repeat([]byte{0xff}, len(old))
		for e := range extent(space) {
			at, rest := tr.args[i].off, e
			for d := len(space) - 1; d >= 0; d-- {
				at += rest % space[d] * o.Strides[d]
				rest /= space[d]
			}
			copy(tr.blocks[i][at:at+size], old[at:])
		}
	}
}

// patients are kernels of the forms in which shared memory is filled while it is read.
func patients() (all []patient) {
	add := func(name string, target Target, ops ...ir.Op) {
		p := patient{name: name, target: target}
		for i, o := range ops {
			p.trials = append(p.trials, trialOf(rand.New(rand.NewPCG(22, uint64(i))), o, i%2, false))
			p.trials[i].tighten()
		}
		all = append(all, p)
	}
	small4, small8, mma := tilings4[3], tilings8[1], tilingsMMA[2]
	for _, c := range []struct {
		name string
		arch int
		typ  dtype.DType
		tile *tiling
		// the layout of the matrices
		layout int
	}{
		{"tiles in registers", 70, dtype.Float32, &small4, 5}, {"tiles", 80, dtype.Float32, &small4, 5}, {"tiles across", 80, dtype.Float64, &small8, 6},
		{"mma 8x8x4", 80, dtype.Float64, &mma, 5}, {"mma 16x8x8", 90, dtype.Float64, &mma, 6},
	} {
		var ops []ir.Op
		for _, e := range [][3]int{{75, 36, 75}, {39, 35, 70}, {3, 28, 5}, {51, 40, 33}, {29, 24, 18}, {22, 34, 66}, {60, 20, 7}, {13, 29, 41}, {45, 8, 3}, {5, 16, 12}} {
			ops = append(ops, laidOut(c.typ, e[0], e[1], e[2], c.layout, 1, false))
		}
		for k := 1; k < 80; k++ { // k that ends at each place of each stage
			ops = append(ops, laidOut(c.typ, 1+k%33, 1+7*k%35, k, c.layout, 1, false))
		}
		add(c.name, Target{Arch: c.arch, tile: c.tile}, ops...)
		for _, tr := range all[len(all)-1].trials {
			tr.hollow()
		}
	}
	f32, f64 := dtype.Float32, dtype.Float64
	rowsOf := func(rows, n int) ir.Op { return standard(f32, canon.Lane, 1, 2, rows, n) }
	add("rows of warps", Target{Arch: 80, SMs: 1}, rowsOf(3, 131), rowsOf(3, 111), rowsOf(3, 233), rowsOf(3, 645), rowsOf(3, 652), rowsOf(33, 20), rowsOf(2, 1030), rowsOf(2, 2203), rowsOf(3, 2494))
	ctaOf := func(n int) ir.Op { return centre(f64, canon.Lane, 1, 2, 2, n) }
	add("rows of CTAs", Target{Arch: 90}, ctaOf(4500), ctaOf(4501), ctaOf(4696), ctaOf(5697), ctaOf(5696), ctaOf(5025))
	add("scan", Target{Arch: 80, SMs: 1}, cumsum(f32, 1, 2, 4196), cumsum(f32, 1, 9, 8296), cumsum(f32, 1, 3, 4096+128+80), cumsum(f32, 1, 2, 4096+35), cumsum(f32, 1, 2, 8192))
	return all
}

// doctor is a testing.T for runs that may fail.
type doctor struct{ said string }

func (d *doctor) Errorf(format string, args ...any) { d.said = fmt.Sprintf(format, args...) }
func (d *doctor) FailNow()                          { panic(d) }

// outcome runs a trial with a text in place of the operation's own; failed says why it did not end.
func (p *patient) outcome(tr *trial, own string, text *ptxsim.Module) (blocks [][]byte, failed bool) {
	d := newSimulated(formAuto, p.target)
	d.machine.Budget = 1 << 18
	d.machine.Workers = 1
	if text != nil {
		d.modules[own] = text
	}
	defer func() {
		if r := recover(); r != nil {
			if _, ok := r.(*doctor); !ok {
				panic(r)
			}
			failed = true
		}
	}()
	return tr.run(&doctor{}, d), false
}

// caught reports whether a text of a patient does not parse, faults or has other results.
func (p *patient) caught(own, text string, want [][][]byte) bool {
	module, err := ptxsim.Parse(text)
	if err != nil {
		return true
	}
	for i, tr := range p.trials {
		got, failed := p.outcome(tr, own, module)
		if failed {
			return true
		}
		for b := range got {
			if !bytes.Equal(got[b], want[i][b]) {
				return true
			}
		}
	}
	return false
}

// TestMutations breaks the kernels that fill shared memory in many small ways: of the broken ones at least 95 % must
// show, and each that does not must be explained.
func TestMutations(t *testing.T) {
	if testing.Short() {
		t.Skip("hundreds of kernels")
	}
	total, caught, seen := 0, 0, map[int]int{}
	for _, p := range patients() {
		own := ""
		var want [][][]byte
		for _, tr := range p.trials {
			m, err := Lower(tr.op, p.target)
			require.NoError(t, err)
			if own != "" {
				require.Equal(t, own, m.PTX, "%s: one text", p.name)
			}
			own = m.PTX
			blocks, failed := p.outcome(tr, own, nil)
			require.False(t, failed, p.name)
			want = append(want, blocks)
		}
		for _, m := range mutations {
			texts, lines := m.mutants(own)
			for i, text := range texts {
				total++
				if p.caught(own, text, want) {
					caught++
				} else if !isHarmless(seen, p.name, m.name, lines[i]) {
					t.Errorf("%s: %s: %s: not caught", p.name, m.name, lines[i])
				}
			}
		}
	}
	t.Logf("%d of %d mutants caught (%.1f %%)", caught, total, 100*float64(caught)/float64(total))
	assert.Greater(t, float64(caught), 0.95*float64(total))
}
