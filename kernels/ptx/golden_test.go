package ptx

import (
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tare-go/tare/device"
	"github.com/tare-go/tare/dtype"
	"github.com/tare-go/tare/internal/canon"
	"github.com/tare-go/tare/internal/ir"
	"github.com/tare-go/tare/internal/op"
)

// TestGoldenText compares kernels with testdata/NAME.ptx; run with TARE_UPDATE=1 to write the files anew.
func TestGoldenText(t *testing.T) {
	all := catalogue()
	for _, name := range []string{
		"map_add_float32", "map_scaled", "map_exp_float32", "map_strided", "map_masked", "map_photo", "sum_rows_float32",
		"sum_all_float64", "centre_rows_float32", "sum_tall_columns_float32", "dot_float64", "cumsum_float32",
		"tile_sm_70_float32_32x32_0", "tile_sm_80_float32_32x32_0", "tile_sm_90_float64_mma_32x32_2", "staged_sm_80_softmax_1000",
	} {
		t.Run(name, func(t *testing.T) {
			f, ok := all[name]
			require.True(t, ok)
			m, err := f.lower()
			require.NoError(t, err)
			file := filepath.Join("testdata", name+".ptx")
			if os.Getenv("TARE_UPDATE") != "" {
				require.NoError(t, os.WriteFile(file, []byte(m.PTX), 0o644))
			}
			want, err := os.ReadFile(file)
			require.NoError(t, err)
			assert.Equal(t, string(want), m.PTX)
		})
	}
}

// textOf is the text of an operation.
func textOf(t *testing.T, o ir.Op) string {
	m, err := Lower(o, Target{})
	require.NoError(t, err)
	return m.PTX
}

func transposed(n, m int) ir.Op {
	c := flat(n, m)
	c.store(c.apply(op.Add, c.load(dtype.Float32, 1, n), c.load(dtype.Float32, 0, 1)))
	return &c.Kernel
}

func cumsum(t dtype.DType, axis int, space ...int) ir.Op {
	o := operand(t, space, nil)
	return &ir.Scan{Code: op.Add, Type: t, Space: space, Axis: axis, From: o, To: o}
}

// One text serves all shapes of a class.
func TestTextIsThatOfAClass(t *testing.T) {
	f32 := dtype.Float32
	for name, class := range map[string][]ir.Op{
		"flat map":     {unary(op.Exp, f32, 5), unary(op.Exp, f32, 70_001), unary(op.Exp, f32, 30, 40)},
		"transposed":   {transposed(30, 40), transposed(70, 9000)},
		"rows":         {sum(f32, canon.Lane, 1, 2, 3, 50), sum(f32, canon.Lane, 1, 2, 900, 4096), sum(f32, canon.Lane, 1, 2, 2, 100)},
		"long rows":    {sum(f32, canon.Lane, 1, 2, 3, 9000), sum(f32, canon.Lane, 1, 2, 3000, 400_000)},
		"cut rows":     {sum(f32, canon.Lane, 1, 2, 3, 100_000), sum(f32, canon.Lane, 1, 2, 2, 1<<22)},
		"softmax":      {softmax(f32, canon.Lane, 1, 2, 20, 30), softmax(f32, canon.Lane, 1, 2, 3, 3000)},
		"narrow rows":  {sum(f32, canon.Lane, 1, 2, 5, 3), sum(f32, canon.Lane, 1, 2, 1<<20, 4)},
		"columns":      {sum(f32, canon.Chunk, 0, 1, 3, 50), sum(f32, canon.Chunk, 0, 1, 256, 5000)},
		"tall columns": {sum(f32, canon.Chunk, 0, 1, 257, 50), sum(f32, canon.Chunk, 0, 1, 4096, 5000)},
		"matmul":       {matmul(f32, 3, 4, 5), matmul(f32, 100, 200, 900)},
		"split matmul": {matmul(f32, 3, 4, 5000), matmul(f32, 30, 20, 9000)},
		"dot":          {matmul(f32, 1, 1, 50), matmul(f32, 1, 1, 4000)},
		"scan":         {cumsum(f32, 0, 5000), cumsum(f32, 0, 1<<20)},
	} {
		for _, o := range class[1:] {
			assert.Equal(t, textOf(t, class[0]), textOf(t, o), "%s: %v", name, o)
		}
	}
	assert.NotEqual(t, textOf(t, transposed(30, 40)), textOf(t, unary(op.Exp, f32, 5)))
}

// Nothing to compute is no launch; rows without elements have a result.
func TestEmpty(t *testing.T) {
	for _, o := range []ir.Op{
		unary(op.Exp, dtype.Float32, 0), sum(dtype.Float32, canon.Lane, 1, 2, 0, 5), matmul(dtype.Float32, 0, 3, 4), cumsum(dtype.Float32, 0, 0),
	} {
		m, err := Lower(o, Target{})
		require.NoError(t, err)
		assert.Empty(t, m.Launches)
		assert.Empty(t, m.PTX)
	}
	m, err := Lower(sum(dtype.Float32, canon.Lane, 1, 2, 3, 0), Target{})
	require.NoError(t, err)
	assert.Len(t, m.Launches, 1)
}

// Large spaces are cut so that every launch has indices of 32 bits.
func TestLargeSpacesAreCut(t *testing.T) {
	m, err := Lower(unary(op.Negative, dtype.Float32, 3<<31), Target{})
	require.NoError(t, err)
	require.Len(t, m.Launches, 4)
	covered := int64(0)
	for _, l := range m.Launches {
		assert.Equal(t, "map", l.Kernel)
		assert.Equal(t, 4*covered, l.Args[0].Value, "the launch begins where the one before ended")
		covered += l.Args[2].Value
	}
	assert.EqualValues(t, 3<<31, covered)
}

// What launches pass lies as parameters do: each at a multiple of its size.
func TestPack(t *testing.T) {
	l := Launch{Args: []Arg{
		{Kind: Word, Value: 7, Size: 4}, {Kind: Operand, Index: 1, Value: 16, Size: 8}, {Kind: Scalar, Index: 0, Size: 1},
		{Kind: Word, Value: -2, Size: 2}, {Kind: Scratch, Value: 256, Size: 8},
	}}
	got := l.Pack(nil, []uint64{1, 0x1000}, []uint64{0xAB}, 0x2000)
	assert.Equal(t, []byte{7, 0, 0, 0, 0, 0, 0, 0, 0x10, 0x10, 0, 0, 0, 0, 0, 0, 0xAB, 0, 0xFE, 0xFF, 0, 0, 0, 0, 0, 0x21, 0, 0, 0, 0, 0, 0}, got)
}

// Every primitive is written for every type for which package op defines it: a row of a table or a function.
func TestInstructionsAreComplete(t *testing.T) {
	for g := range groups {
		for p := range op.NumPrim {
			if instructions[g][p] != "" || expansions[p] != nil {
				continue
			}
			switch {
			case p == op.PrimConst || p == op.PrimArg || p == op.PrimConvert || p == op.PrimBitcast || p == op.PrimPick || p == op.PrimRare:
			case g == bools, g == integers && (p >= op.PrimSqrt && p <= op.PrimFMA || p >= op.PrimRint && p <= op.PrimCeil), g == floats && p >= op.PrimAnd && p <= op.PrimNot:
			default:
				t.Errorf("primitive %v of group %d has no instructions", p, g)
			}
		}
	}
}

// Division by multiplication is exact for all indices that there are: it can only fail next to multiples.
func TestMagicDivision(t *testing.T) {
	const top = 1<<31 - 1
	divisors := []int{1, 2, 3, 5, 7, 10, 31, 32, 33, 641, 4095, 4096, 65537, 1<<30 - 1, 1 << 30, 1<<30 + 1, top - 1, top}
	r := rand.New(rand.NewPCG(1, 1))
	for range 2000 {
		divisors = append(divisors, 1+r.IntN(1<<(1+r.IntN(31))-1))
	}
	for _, d := range divisors {
		magic, shift := magicOf(d)
		for _, q := range []int{0, 1, 2, 1000, top / d / 2, top/d - 1, top / d} {
			for n := max(q*d-1, 0); n <= min(q*d+1, top); n++ {
				got := int(uint32(uint64(n)*uint64(magic)>>32)+uint32(n)) >> shift
				require.Equal(t, n/d, got, "%d / %d", n, d)
			}
		}
	}
}

// More operands than a launch has parameters, and rows of which the elements cannot be numbered, are for the planner.
func TestSplit(t *testing.T) {
	many := flat(2, 3, 4, 5, 6)
	x := many.load(dtype.Float32)
	for i := range 200 {
		x = many.apply(op.Add, x, many.load(dtype.Float32, 1000*i, 200*i+7, 50*i+1, 9*i+1, 2*i+1))
	}
	many.store(x)
	for _, o := range []ir.Op{&many.Kernel, sum(dtype.Float32, canon.Chunk, 0, 1, 1<<31, 40)} {
		_, err := Lower(o, Target{})
		assert.ErrorIs(t, err, device.ErrSplit)
	}
}

// No float operation leaves rounding to the assembler.
func TestEveryFloatOperationSaysHowItRounds(t *testing.T) {
	for name, f := range catalogue() {
		m, err := f.lower()
		require.NoError(t, err)
		assert.NotRegexp(t, `\b(add|sub|mul|div|sqrt|fma|mad)\.f(32|64)|\.(ftz|approx|sat)\b|(add|sub|mul|div|sqrt|fma)\.r[zmp]`, m.PTX, name)
	}
}
