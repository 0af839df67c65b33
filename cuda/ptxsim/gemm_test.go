package ptxsim

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// tile is a tiled product kernel of testdata, described by its name.
type tile struct {
	file    string
	bm, bn  int
	threads uint32
	shared  int // dynamic
	wide    bool
}

func tiles(t testing.TB) (all []tile) {
	files, err := filepath.Glob(filepath.Join("testdata", "gemm_*.ptx"))
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, f := range files {
		k := tile{file: filepath.Base(f), wide: strings.HasPrefix(filepath.Base(f), "gemm_d")}
		_, err := fmt.Sscanf(k.file[6:], "%dx%dx", &k.bm, &k.bn)
		require.NoError(t, err)
		module := parseFile(t, k.file)
		kernel := module.kernels[module.order[0]]
		k.threads = kernel.maxThreads
		if kernel.dynamic {
			k.shared = 120 << 10
		}
		all = append(all, k)
	}
	return all
}

// matmul is C = A·B of random values. Rows of A are lda apart.
type matmul struct{ m, n, k, lda int }

func (p matmul) run(t testing.TB, machine *Machine, k tile, module *Module) (c []float64, stats Stats, err error) {
	if k.wide {
		return runProduct[float64](t, machine, k, module, p)
	}
	return runProduct[float32](t, machine, k, module, p)
}

// operands are random, with NaN between the rows of A, where nothing may be read.
func operands[T float32 | float64](p matmul) (a, b []T) {
	r := rand.New(rand.NewPCG(7, uint64(p.k)))
	a, b = wide[T](r, (p.m-1)*p.lda+p.k), wide[T](r, p.k*p.n)
	for i := range a {
		if i%p.lda >= p.k {
			a[i] = T(math.NaN())
		}
	}
	return a, b
}

func runProduct[T float32 | float64](t testing.TB, m *Machine, k tile, module *Module, p matmul) (c []float64, stats Stats, err error) {
	args, free := prepare[T](t, m, p)
	defer free()
	require.NoError(t, m.WriteOnce(args[2], p.m*p.n*len(bytesOf(make([]T, 1)))))
	if stats, err = p.launch(m, k, module, args); err == nil {
		for _, v := range download[T](t, m, args[2], p.m*p.n) {
			c = append(c, float64(v))
		}
	}
	return c, stats, err
}

// prepare allocates A, B and C.
func prepare[T float32 | float64](t testing.TB, m *Machine, p matmul) (args [3]uint64, free func()) {
	a, b := operands[T](p)
	c, err := m.Alloc(p.m * p.n * len(bytesOf(a[:1])))
	require.NoError(t, err)
	args = [3]uint64{upload(t, m, a), upload(t, m, b), c}
	return args, func() {
		for _, x := range args {
			require.NoError(t, m.Free(x))
		}
	}
}

func (p matmul) launch(m *Machine, k tile, module *Module, args [3]uint64) (Stats, error) {
	grid := [3]uint32{uint32(8 * ((p.n + k.bn - 1) / k.bn)), uint32(((p.m+k.bm-1)/k.bm + 7) / 8), 1}
	return m.Launch(context.Background(), module, module.Kernels()[0], grid, [3]uint32{k.threads, 1, 1}, k.shared,
		pack(args[0], args[1], args[2], p.m, p.n, p.k, p.lda, p.n, p.n))
}

// want is the fma chain of each element, in ascending k from +0.
func (p matmul) want(wide bool) []float64 {
	c := make([]float64, p.m*p.n)
	if wide {
		a, b := operands[float64](p)
		for i := range c {
			for k := range p.k {
				c[i] = math.FMA(a[i/p.n*p.lda+k], b[k*p.n+i%p.n], c[i])
			}
		}
		return c
	}
	a, b := operands[float32](p)
	for i := range c {
		var s float32
		for k := range p.k {
			s = exactFMA32(a[i/p.n*p.lda+k], b[k*p.n+i%p.n], s)
		}
		c[i] = float64(s)
	}
	return c
}

func TestTiledProducts(t *testing.T) {
	for _, k := range tiles(t) {
		t.Run(k.file, func(t *testing.T) {
			p := matmul{k.bm/2 + 17, k.bn/2 + 12, 45, 48}
			var m Machine
			got, stats, err := p.run(t, &m, k, parseFile(t, k.file))
			require.NoError(t, err)
			assert.Equal(t, p.want(k.wide), got)
			assert.NoError(t, m.Close())
			assert.Positive(t, stats.Class[AsyncClass])
		})
	}
}

// BenchmarkProduct gives lane instructions a second of one core, and multiply-adds for the kernels that use mma.
func BenchmarkProduct(b *testing.B) {
	for _, k := range tiles(b) {
		b.Run(k.file, func(b *testing.B) {
			m := Machine{Workers: 1}
			module := parseFile(b, k.file)
			p := matmul{k.bm, k.bn, 512, 512}
			prepared := prepare[float32]
			if k.wide {
				prepared = prepare[float64]
			}
			args, _ := prepared(b, &m, p)
			var n int64
			start := cpuTime()
			for b.Loop() {
				stats, err := p.launch(&m, k, module, args)
				require.NoError(b, err)
				n += stats.LaneInstrs
			}
			seconds := (cpuTime() - start).Seconds()
			b.ReportMetric(float64(n)/seconds/1e6, "Mlanes/s")
			b.ReportMetric(float64(p.m*p.n*p.k*b.N)/seconds/1e6, "Mfma/s")
		})
	}
}
