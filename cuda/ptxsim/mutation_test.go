package ptxsim

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// subject is a kernel to break, and a run of it that gives the bits of its results.
type subject struct {
	file string
	run  func(t *testing.T, module *Module, quick bool) ([]uint64, error) // quick is the first few inputs
}

// mutation breaks a line, or gives "" if it does not apply.
type mutation struct {
	name   string
	change func(line string) string
	limit  int // sites of a kernel, evenly spread; 0 is all
}

var (
	guardPattern  = regexp.MustCompile(`^@!?%p\d+ `)
	sourcePattern = regexp.MustCompile(`^((?:@!?%p\d+ )?\S+ \S+, )([^,]+), ([^,;]+)(.*)$`) // op d, a, b
	numberPattern = regexp.MustCompile(`^(.*[ ,+])(\d+)([\];].*)$`)
)

func remove(part string) func(string) string {
	return func(line string) string {
		if !strings.Contains(line, part) {
			return ""
		}
		return "//"
	}
}

var mutations = []mutation{
	{"remove bar.sync", remove("bar.sync"), 0},
	{"remove wait", remove("cp.async.wait"), 0},
	{"remove commit", remove("cp.async.commit"), 0},
	{"remove shfl", remove("shfl"), 0},
	{"remove store", remove("st.global"), 6},
	{"wait for one group fewer", func(line string) string {
		return changed(line, strings.NewReplacer("wait_group 0;", "wait_group 1;", "wait_group 1;", "wait_group 2;"))
	}, 0},
	{"remove guard", func(line string) string { return guardPattern.ReplaceAllString(line, "") }, 8},
	{"negate guard", func(line string) string {
		return changed(line, strings.NewReplacer("@!%p", "@%p", "@%p", "@!%p"))
	}, 6},
	{"remove .rn", func(line string) string { return changed(line, strings.NewReplacer(".rn", "")) }, 8},
	{"approximate", func(line string) string { return changed(line, strings.NewReplacer(".rn", ".rz")) }, 2},
	{"swap operands", func(line string) string {
		if !regexp.MustCompile(`^(@\S+ )?(sub|setp\.[lg]|shl|shr|div|rem|selp)`).MatchString(line) {
			return ""
		}
		return sourcePattern.ReplaceAllString(line, "${1}${3}, ${2}${4}")
	}, 8},
	{"swap factor and sum", func(line string) string {
		if !strings.Contains(line, "fma") {
			return ""
		}
		return regexp.MustCompile(`^(\S+ \S+), (\S+), (\S+), (\S+);`).ReplaceAllString(line, "$1, $4, $3, $2;")
	}, 8},
	{"other number", func(line string) string {
		if strings.Contains(line, "bar.sync") || strings.Contains(line, "wait_group") || strings.HasPrefix(line, ".") {
			return ""
		}
		return numberPattern.ReplaceAllStringFunc(line, func(s string) string {
			m := numberPattern.FindStringSubmatch(s)
			var v int
			fmt.Sscan(m[2], &v)
			return m[1] + fmt.Sprint(v+4) + m[3]
		})
	}, 12},
	{"other comparison", func(line string) string {
		return changed(line, strings.NewReplacer("setp.lt", "setp.le", "setp.ge", "setp.gt", "setp.gt", "setp.ge"))
	}, 8},
	{"product for sum", func(line string) string {
		return changed(line, strings.NewReplacer("mad.lo", "mul.lo", "add.rn", "sub.rn"))
	}, 8},
	{"wrong width", func(line string) string {
		return changed(line, strings.NewReplacer("v4.f32", "v2.f64", "mul.wide.u32", "mul.lo.u32", "shl.b64", "shl.b32"))
	}, 6},
	{"signed for unsigned", func(line string) string { return changed(line, strings.NewReplacer("shr.u32", "shr.s64")) }, 4},
}

func changed(line string, r *strings.Replacer) string { return r.Replace(line) }

// harmless has the mutants that compute the same, by kernel, line and mutation, and why. A * in the kernel stands for anything.
var harmless = []struct{ file, mutation, line, why string }{
	{"gemm_*", "remove wait", `cp.async.wait_group 0;`, "nothing reads shared memory after the loop"},
	{"gemm_*", "wait for one group fewer", `cp.async.wait_group 0;`, "the same"},
	{"gemm_*", "other comparison", `setp.ge.u32 %p1, %r10, %r1;`, "a block that starts at the end of the rows has all its guards false"},
	{"gemm_*", "other number", `add.u32 %r\d+, %r3, (7|15);`, "one more tile of zeros: fma(0, 0, c) is c"},
	{"gemm_s64*", "other number", `mul.lo.u32 %r52, %r48, 64;`, "%r48 is the column of warps, of which there is one"},
	{"gemm_d*", "other number", `max.s32 %r\d+, %r\d+, 0;`, "half a number from the row's padding, a subnormal, times the zeros of B"},
	{"*_f??.ptx", "other number", `setp.eq.u32 %p1, %r6, 0;`, "after the butterfly all lanes have the sum, so another may store it"},
	{"*_f??.ptx", "other number", `add.u32 %r11, %r8, 4096;`, "a full last block goes the way of the tail, which gives the same bits"},
	{"*_f??.ptx", "other comparison", `setp.gt.u32 %p1, %r11, %r1;`, "the same"},
	{"*_f??.ptx", "other comparison", `setp.lt.u32 %p1, %r12, %r11;`, "one more row of absent elements, which change no bits"},
	{"exp_f32.ptx", "other comparison", `setp.[lg]t.f32 %p[23], %f[23], %f1;`, "at the bound itself, clamping changes nothing"},
}

func explained(file, mutation, line string) bool {
	for _, h := range harmless {
		ok, err := filepath.Match(h.file, file)
		if err == nil && ok && h.mutation == mutation && regexp.MustCompile("^"+h.line+"$").MatchString(line) {
			return true
		}
	}
	return false
}

// mutants are the changed texts of a kernel, with the line that was changed.
func mutants(text string, m mutation) (texts, lines []string) {
	all := strings.Split(text, "\n")
	var sites []int
	for i, line := range all {
		trimmed := strings.TrimSpace(line)
		if c := m.change(trimmed); c != "" && c != trimmed && strings.HasSuffix(trimmed, ";") && !strings.HasPrefix(trimmed, ".") {
			sites = append(sites, i)
		}
	}
	step := 1.0
	if slow {
		m.limit = 1
	}
	if m.limit > 0 && len(sites) > m.limit {
		step = float64(len(sites)) / float64(m.limit)
	}
	for at := 0.0; int(at) < len(sites); at += step {
		i := sites[int(at)]
		broken := append([]string(nil), all...)
		broken[i] = m.change(strings.TrimSpace(all[i]))
		texts, lines = append(texts, strings.Join(broken, "\n")), append(lines, strings.TrimSpace(all[i]))
	}
	return texts, lines
}

// TestMutations breaks kernels in many small ways, and counts what Parse, a fault or a wrong result gives away.
func TestMutations(t *testing.T) {
	if testing.Short() {
		t.Skip("a thousand kernels")
	}
	total, caught, silent := 0, 0, 0
	ways := map[string]int{}
	for i, s := range subjects(t) {
		if slow && i%3 != 0 {
			continue
		}
		text, err := os.ReadFile(filepath.Join("testdata", s.file))
		require.NoError(t, err)
		want, err := s.run(t, parseFile(t, s.file), false)
		require.NoError(t, err)
		for _, m := range mutations {
			texts, lines := mutants(string(text), m)
			for i, broken := range texts {
				total++
				known := explained(s.file, m.name, lines[i])
				way := judge(t, s, broken, want, known)
				ways[way]++
				if way != "" {
					caught++
				} else if !known {
					silent++
					t.Errorf("%s: %s: %s: not caught", s.file, m.name, lines[i])
				}
			}
		}
	}
	t.Logf("%d of %d mutants caught (%.1f %%), %d harmless: %v", caught, total, 100*float64(caught)/float64(total), total-caught-silent, ways)
	assert.Greater(t, float64(caught), 0.95*float64(total))
}

// judge says how a broken kernel shows, or "".
func judge(t *testing.T, s subject, text string, want []uint64, quick bool) string {
	module, err := Parse(text)
	if err != nil {
		return "parse"
	}
	got, err := s.run(t, module, quick)
	if err != nil {
		return err.(*Fault).Kind.String()
	}
	for i := range got {
		if want[i] != got[i] {
			return "result"
		}
	}
	return ""
}

// subjects are the kernels of testdata with inputs that reach all their code.
func subjects(t *testing.T) (all []subject) {
	for _, k := range tiles(t) {
		all = append(all, subject{k.file, func(t *testing.T, module *Module, quick bool) (bits []uint64, err error) {
			shapes := shapesOf(k)
			if quick {
				shapes = shapes[:2]
			}
			for _, p := range shapes {
				var c []float64
				m := Machine{Budget: 1 << 16}
				if c, _, err = p.run(t, &m, k, module); err != nil {
					return nil, err
				}
				for _, v := range c {
					bits = append(bits, db(v))
				}
			}
			return bits, nil
		}})
	}
	return append(append(all, floatSubjects[float32]()...), append(floatSubjects[float64](), expSubject())...)
}

// shapesOf are products with tails in all directions, and small ones that end in each row and column of threads.
func shapesOf(k tile) []matmul {
	shapes := []matmul{{k.bm/2 + 17, k.bn/2 + 12, 45, 48}, {k.bm + 5, k.bn + 4, 61, 64}}
	for i := range 60 {
		step := 1 + i%15
		m, n := k.bm/16*step+(i+i/4)%4, k.bn/16*step+k.bn/32
		shapes = append(shapes, matmul{m, n &^ 3, []int{3, 19, 35, 51}[i/15] + i%8*2, 68})
	}
	return shapes
}

// call is one launch of a kernel with two or three arrays.
type call[T float] struct {
	in   [][]T
	n    int // elements of the output
	grid [3]uint32
	args []any
}

func (c call[T]) run(t *testing.T, module *Module) (bits []uint64, err error) {
	m := Machine{Budget: 1 << 16}
	var args []any
	for _, x := range c.in {
		args = append(args, upload(t, &m, x))
	}
	out := output[T](t, &m, c.n)
	args = append(append(args, out), c.args...)
	if _, err := m.Launch(context.Background(), module, module.Kernels()[0], c.grid, [3]uint32{128, 1, 1}, 0, pack(args...)); err != nil {
		return nil, err
	}
	for _, v := range download[T](t, &m, out, c.n) {
		bits = append(bits, bitsOf(v))
	}
	return bits, nil
}

func subjectOf[T float](name string, calls ...call[T]) subject {
	return subject{name, func(t *testing.T, module *Module, _ bool) (bits []uint64, err error) {
		for _, c := range calls {
			b, err := c.run(t, module)
			if err != nil {
				return nil, err
			}
			bits = append(bits, b...)
		}
		return bits, nil
	}}
}

func floatSubjects[T float]() []subject {
	r := rand.New(rand.NewPCG(8, 9))
	negative := make([]T, 5)
	for i := range negative {
		negative[i] = T(math.Copysign(0, -1))
	}
	x, y := wide[T](r, 9000), wide[T](r, 9000)
	flat := make([]T, 255)
	for i := range flat {
		flat[i] = T(r.NormFloat64())
	}
	tiny := []T{T(math.Ldexp(-1, 360-120*sizeOf[T]())), T(math.Ldexp(1, 360-120*sizeOf[T]()))} // the product underflows
	ones := []T{1, 1, 1, 1, 1}
	one := [3]uint32{1, 1, 1}
	end := suffix[T]()
	chain := make([]T, 33*9)
	for i := range chain {
		chain[i] = x[i]
		if i%9 == 4 {
			chain[i] = T(math.Copysign(0, -1))
		}
	}
	return []subject{
		subjectOf("sum"+end, call[T]{in: [][]T{x}, n: 3, grid: one, args: []any{9000, 0}}, call[T]{in: [][]T{x[:8192]}, n: 2, grid: one, args: []any{8192, 0}},
			call[T]{in: [][]T{negative}, n: 1, grid: one, args: []any{5, 0}}, call[T]{in: [][]T{negative}, n: 1, grid: one, args: []any{5, 1}},
			call[T]{in: [][]T{flat[:130]}, n: 1, grid: one, args: []any{130, 0}}, call[T]{in: [][]T{flat}, n: 1, grid: one, args: []any{255, 0}}),
		subjectOf("dot"+end, call[T]{in: [][]T{x, y}, n: 3, grid: one, args: []any{9000, 0}}, call[T]{in: [][]T{x[:4096], y[:4096]}, n: 1, grid: one, args: []any{4096, 1}},
			call[T]{in: [][]T{negative, ones}, n: 1, grid: one, args: []any{5, 0}}, call[T]{in: [][]T{negative, ones}, n: 1, grid: one, args: []any{5, 1}},
			call[T]{in: [][]T{flat[:130], flat[125:]}, n: 1, grid: one, args: []any{130, 0}}, call[T]{in: [][]T{flat, y[:255]}, n: 1, grid: one, args: []any{255, 0}}),
		subjectOf("rows"+end, call[T]{in: [][]T{x[:600*13]}, n: 3 * 13, grid: [3]uint32{1, 3, 1}, args: []any{600, 13}}, call[T]{in: [][]T{x[:3*150]}, n: 150, grid: [3]uint32{2, 1, 1}, args: []any{3, 150}}),
		subjectOf("pairs"+end, call[T]{in: [][]T{x[:5*150]}, n: 3 * 150, grid: [3]uint32{2, 3, 1}, args: []any{5, 150}}),
		subjectOf("chain"+end, call[T]{in: [][]T{x[:7*33], chain}, n: 7 * 9, grid: one, args: []any{7, 9, 33, 1, 7, 9, 1, 16}},
			call[T]{in: [][]T{x[:20*2], y[:10*2]}, n: 200, grid: [3]uint32{2, 1, 1}, args: []any{20, 10, 2, 2, 1, 1, 2, 16}}, call[T]{in: [][]T{ones, ones}, n: 4, grid: one, args: []any{2, 2, 0, 0, 0, 0, 0, 16}},
			call[T]{in: [][]T{tiny[:1], tiny[1:]}, n: 1, grid: one, args: []any{1, 1, 1, 1, 1, 1, 1, 16}}),
	}
}

func expSubject() subject {
	x := []float32{0, 1, -1, 88.7, 100, -87.4, -100, -200, 1e-40, float32(math.NaN()), float32(math.Inf(1))}
	for i := range 300 {
		x = append(x, float32(i)*0.63-104)
	}
	return subjectOf("exp_f32.ptx", call[float32]{in: [][]float32{x}, n: len(x), grid: [3]uint32{3, 1, 1}, args: []any{len(x)}})
}
