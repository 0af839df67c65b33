package ptxsim

import (
	"math"
	"math/big"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tare-go/tare/internal/canon"
)

type float interface{ float32 | float64 }

func suffix[T float]() string {
	if sizeOf[T]() == 4 {
		return "_f32.ptx"
	}
	return "_f64.ptx"
}

func sizeOf[T float]() int { return len(bytesOf(make([]T, 1))) }

// bitsOf is the bits of a value; all NaNs are one.
func bitsOf[T float](v T) uint64 {
	if v != v {
		return qnan64
	}
	if sizeOf[T]() == 4 {
		return fb(float32(v))
	}
	return db(float64(v))
}

func requireBits[T float](t *testing.T, want, got []T, what ...any) {
	require.Len(t, got, len(want))
	for i := range want {
		require.Equal(t, bitsOf(want[i]), bitsOf(got[i]), append(what, i)...)
	}
}

// wide is n values over many binades, so that the order of sums shows.
func wide[T float](r *rand.Rand, n int) []T {
	x := make([]T, n)
	for i := range x {
		x[i] = T(math.Ldexp(r.NormFloat64(), r.IntN(30)))
	}
	return x
}

// fmaOf is an oracle for fma that has nothing from the simulator.
func fmaOf[T float](x, y, z T) T {
	if sizeOf[T]() == 4 {
		return T(exactFMA32(float32(x), float32(y), float32(z)))
	}
	return T(math.FMA(float64(x), float64(y), float64(z)))
}

// fold runs a kernel of blocks of 4096, and then the one for sums until one value is left.
func fold[T float](t *testing.T, m *Machine, kernel, sum *Module, x, y []T) T {
	for {
		n := canon.Blocks(len(x))
		args := []any{upload(t, m, x)}
		last := 0
		if y != nil {
			args = append(args, upload(t, m, y))
			if n == 1 {
				last = 1
			}
		}
		out := output[T](t, m, n)
		args = append(args, out, len(x), last)
		_, err := launch1(m, kernel, uint32(n+3)/4, 128, pack(args...))
		require.NoError(t, err)
		x, y, kernel = download[T](t, m, out, n), nil, sum
		for _, a := range args[:len(args)-2] {
			require.NoError(t, m.Free(a.(uint64)))
		}
		if n == 1 {
			return x[0]
		}
	}
}

func testFolds[T float](t *testing.T) {
	r := rand.New(rand.NewPCG(1, 3))
	sum, dot := parseFile(t, "sum"+suffix[T]()), parseFile(t, "dot"+suffix[T]())
	add := func(a, b T) T { return a + b }
	lanes, per16 := canon.Lanes(sizeOf[T]()), canon.Per16(sizeOf[T]())
	absent := T(math.Copysign(0, -1))
	var m Machine
	for _, n := range []int{1, 2, 5, 127, 128, 129, 500, 4095, 4096, 4097, 9000, 20000} {
		x, y := wide[T](r, n), wide[T](r, n)
		want := canon.LaneFold(n, func(i int) T { return x[i] }, absent, lanes, per16, add)
		require.Equal(t, bitsOf(want), bitsOf(fold(t, &m, sum, sum, x, nil)), n)
		if n > 5000 {
			continue // exact fmas are slow, and sums have tested the recursion
		}
		want = canon.Dot(n, func(acc T, i int) T { return fmaOf(x[i], y[i], acc) }, absent, 0, lanes, per16, add)
		require.Equal(t, bitsOf(want), bitsOf(fold(t, &m, dot, sum, x, y)), n)
	}
	assert.NoError(t, m.Close())
}

func TestCanonicalSums(t *testing.T) {
	t.Run("f32", testFolds[float32])
	t.Run("f64", testFolds[float64])
}

func testColumns[T float](t *testing.T) {
	r := rand.New(rand.NewPCG(2, 3))
	rows, pairs := parseFile(t, "rows"+suffix[T]()), parseFile(t, "pairs"+suffix[T]())
	var m Machine
	for _, n := range []int{1, 255, 257, 600, 1100} {
		const c = 37
		x := wide[T](r, n*c)
		chunks := canon.Chunks(n)
		src, dst := upload(t, &m, x), output[T](t, &m, chunks*c)
		grid := func(h int) [3]uint32 { return [3]uint32{(c + 127) / 128, uint32(h), 1} }
		_, err := m.Launch(t.Context(), rows, "rows", grid(chunks), [3]uint32{128, 1, 1}, 0, pack(src, dst, n, c))
		require.NoError(t, err)
		for chunks > 1 {
			half := (chunks + 1) / 2
			src, dst = dst, output[T](t, &m, half*c)
			_, err := m.Launch(t.Context(), pairs, "pairs", grid(half), [3]uint32{128, 1, 1}, 0, pack(src, dst, chunks, c))
			require.NoError(t, err)
			chunks = half
		}
		want := make([]T, c)
		for j := range want {
			want[j] = canon.ChunkFold(n, func(i int) T { return x[i*c+j] }, func(a, b T) T { return a + b })
		}
		requireBits(t, want, download[T](t, &m, dst, c), n)
	}
}

func TestCanonicalColumns(t *testing.T) {
	t.Run("f32", testColumns[float32])
	t.Run("f64", testColumns[float64])
}

func testChains[T float](t *testing.T) {
	r := rand.New(rand.NewPCG(4, 3))
	kernel := parseFile(t, "chain"+suffix[T]())
	for _, p := range []struct{ m, n, k int }{{3, 5, 0}, {7, 9, 33}, {2, 3, 2100}, {20, 13, 50}} {
		a, b := wide[T](r, max(1, p.m*p.k)), wide[T](r, max(1, p.n*p.k))
		for i := range a {
			if i%7 == 0 {
				a[i] = T(math.Ldexp(-1, -140)) // products underflow to -0
			}
		}
		s := canon.Product(p.m, p.n, p.k)
		var m Machine
		out := output[T](t, &m, p.m*p.n)
		// A is transposed, B is not
		_, err := launch1(&m, kernel, uint32(p.m*p.n+127)/128, 128, pack(upload(t, &m, a), upload(t, &m, b), out, p.m, p.n, p.k, 1, p.m, p.n, 1, s.Len))
		require.NoError(t, err)
		want := make([]T, p.m*p.n)
		for i := range want {
			want[i] = canon.Chain(s, p.k, func(acc T, k int) T { return fmaOf(a[k*p.m+i/p.n], b[k*p.n+i%p.n], acc) }, 0, 0, func(a, b T) T { return a + b })
		}
		requireBits(t, want, download[T](t, &m, out, p.m*p.n), p)
	}
}

func TestCanonicalProducts(t *testing.T) {
	t.Run("f32", testChains[float32])
	t.Run("f64", testChains[float64])
}

// expOracle is the body of exp_f32.ptx with exact fmas.
func expOracle(x float32) float32 {
	const magic = 0x1.8p23
	coefficients := []float32{0x1.6d1606p-10, 0x1.12106cp-7, 0x1.555516p-5, 0x1.5554d8p-3, 0.5}
	y := x
	if 89 < y {
		y = 89
	}
	if -104 > y {
		y = -104
	}
	t := exactFMA32(y, 0x1.715476p0, magic)
	n := t - magic
	r := exactFMA32(n, -0x1.62e4p-1, y)
	low := float32(n * -0x1.7f7d1cp-20)
	sum := r + low
	low = (r - sum) + low
	p := coefficients[0]
	for _, c := range coefficients[1:] {
		p = exactFMA32(p, sum, c)
	}
	q := exactFMA32(p, float32(sum*sum), low)
	a := 1 + sum
	v := a + ((1 - a + sum) + q)
	k := int32(math.Float32bits(t)) - int32(math.Float32bits(magic))
	half := k >> 1
	v *= math.Float32frombits(uint32(half+127) << 23)
	return v * math.Float32frombits(uint32(k-half+127)<<23)
}

func TestExp(t *testing.T) {
	x := []float32{0, 1, -1, 88.7, 88.8, 100, -87.4, -100, -103.9, -104, -200, 1e-40, float32(math.Inf(1)), float32(math.Inf(-1))}
	r := rand.New(rand.NewPCG(5, 3))
	for range 3000 {
		x = append(x, float32(r.Float64()*195-105))
	}
	want := make([]float32, len(x))
	for i := range x {
		want[i] = expOracle(x[i])
	}
	x, want = append(x, float32(math.NaN())), append(want, float32(math.NaN()))
	var m Machine
	out := output[float32](t, &m, len(x))
	stats, err := launch1(&m, parseFile(t, "exp_f32.ptx"), uint32(len(x)+127)/128, 128, pack(upload(t, &m, x), out, len(x)))
	require.NoError(t, err)
	requireBits(t, want, download[float32](t, &m, out, len(x)))
	assert.Equal(t, stats.GlobalLoad.Units, stats.GlobalLoad.Ideal)
	v, _ := new(big.Float).SetFloat64(float64(want[1])).Float64()
	assert.InDelta(t, math.E, v, 3e-7)
}

func BenchmarkElementwise(b *testing.B) {
	m := Machine{Workers: 1}
	module := parseFile(b, "exp_f32.ptx")
	in, out := upload(b, &m, make([]float32, 1<<17)), upload(b, &m, make([]float32, 1<<17))
	var n int64
	start := cpuTime()
	for b.Loop() {
		stats, err := launch1(&m, module, 1<<10, 128, pack(in, out, 1<<17))
		require.NoError(b, err)
		n += stats.LaneInstrs
	}
	b.ReportMetric(float64(n)/(cpuTime()-start).Seconds()/1e6, "Mlanes/s")
}
