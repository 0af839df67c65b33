package plan_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tare-go/tare/broadcast"
	"github.com/tare-go/tare/device"
	"github.com/tare-go/tare/device/devicetest"
	"github.com/tare-go/tare/dtype"
	"github.com/tare-go/tare/internal/ir"
	"github.com/tare-go/tare/internal/op"
	"github.com/tare-go/tare/internal/plan"
)

func at(i int) broadcast.Index { return broadcast.At(i) }

// written is a plan to be printed.
type written struct {
	targets []plan.Target
	opt     plan.Options
	budget  int
}

func (w written) plan(t *testing.T) *plan.Plan {
	ctx := background
	if w.budget > 0 {
		ctx = device.WithBudget(ctx, w.budget)
	}
	return made(t, ctx, w.opt, w.targets...)
}

// plans are those whose text is in testdata. Strict devices want workspace for folds, null devices none.
func plans(null, strict device.Device) map[string]written {
	x, y := leaf(null, "x", dtype.Float64, 1000, 500), leaf(null, "y", dtype.Float32, 500)
	z := leaf(strict, "z", dtype.Float32, 300, 400)
	v, w := leaf(null, "v", dtype.Float64, 1001), leaf(null, "w", dtype.Float64, 500, 3)
	doubled := apply(op.Multiply, index(v, broadcast.To(1000)), number(2))
	mask := apply(op.Greater, index(v, broadcast.To(1000)), number(0))
	file := leaf(null, "features.npy", dtype.Float64, 1000, 500)
	file.Array.(*memory).mapped = true
	centred := apply(op.Subtract, x, node(ir.Mean(x, over(0))))
	through := plan.Options{Device: devicetest.NullOf(device.Info{Name: "gpu", Kind: "null", Workers: 1}), Home: null}
	wide := leaf(null, "wide", dtype.Float64, 1000, 4)
	return map[string]written{
		"chain":            {targets: fresh(apply(op.Sqrt, apply(op.Add, apply(op.Multiply, x, x), y)))},
		"zscore_cols":      {targets: fresh(standard(x, over(0)))},
		"zscore_eager":     {targets: fresh(standard(z, kept(1))), opt: plan.Options{Eager: true}},
		"workspace":        {targets: fresh(standard(z, over(0)))},
		"product":          {targets: fresh(node(ir.MatrixProduct(apply(op.Tanh, file), w)))},
		"activated":        {targets: fresh(apply(op.Tanh, apply(op.Add, node(ir.MatrixProduct(x, w)), index(w, at(0)))))},
		"two_results":      {targets: fresh(node(ir.Mean(x, over())), centred, node(ir.Mean(x, over(0))))},
		"in_place":         {targets: []plan.Target{{Node: apply(op.Add, x, number(1)), Out: x}}},
		"in_place_columns": {targets: []plan.Target{{Node: centred, Out: x}}},
		"out":              {targets: []plan.Target{{Node: transposed(apply(op.Exp, x)), Out: leaf(null, "out", dtype.Float64, 500, 1000)}}},
		"staged":           {targets: []plan.Target{{Node: doubled, Out: index(v, broadcast.From(1))}}},
		"staged_mask":      {targets: []plan.Target{{Node: doubled, Out: index(v, broadcast.From(1)), Mask: mask}}},
		"masked":           {targets: []plan.Target{{Node: doubled, Out: leaf(null, "out", dtype.Float64, 1000), Mask: mask}}},
		"empty":            {targets: fresh(apply(op.Exp, leaf(null, "nothing", dtype.Float64, 0, 5)))},
		"warned":           {targets: fresh(apply(op.Add, leaf(null, "column", dtype.Float32, 3, 1), leaf(null, "row", dtype.Int32, 4)))},
		"chunks":           {targets: fresh(node(ir.MatrixProduct(apply(op.Tanh, x), w))), budget: 1 << 20},
		"chunks_prelude":   {targets: fresh(node(ir.MatrixProduct(standard(x, over(0)), w))), budget: 1 << 20},
		"through":          {targets: fresh(centred), opt: through, budget: 6 << 20},
		"through_masked":   {targets: []plan.Target{{Node: apply(op.Multiply, index(x, broadcast.All(), broadcast.To(3)), number(2)), Out: index(wide, broadcast.All(), broadcast.To(3)), Mask: apply(op.Greater, index(x, broadcast.All(), broadcast.To(3)), number(0))}}, opt: through, budget: 100_000},
		"chunks_workspace": {targets: fresh(node(ir.MatrixProduct(standard(z, over(0)), transposed(index(z, broadcast.To(2)))))), budget: 100_000},
	}
}

// TestPlanText compares plans with testdata/NAME.txt; run with TARE_UPDATE=1 to write the files anew.
func TestPlanText(t *testing.T) {
	for name, w := range plans(devicetest.Null(), devicetest.Strict()) {
		t.Run(name, func(t *testing.T) {
			got := w.plan(t).String()
			file := filepath.Join("testdata", name+".txt")
			if os.Getenv("TARE_UPDATE") != "" {
				require.NoError(t, os.MkdirAll("testdata", 0o755))
				require.NoError(t, os.WriteFile(file, []byte(got), 0o644))
			}
			want, err := os.ReadFile(file)
			require.NoError(t, err)
			require.Equal(t, string(want), got)
		})
	}
}

// walker follows the steps of a plan and keeps what is live.
type walker struct {
	t    *testing.T
	p    *plan.Plan
	live map[int]bool
	held int
	peak int
	runs int
	home int // what is live there
	sums map[device.Purpose]int
}

// at is where a buffer counts.
func (w *walker) at(b plan.Buffer) *int {
	if b.Home {
		return &w.home
	}
	return &w.held
}

func (w *walker) steps(steps []plan.Step) {
	for _, s := range steps {
		b := plan.Buffer{}
		if s.Kind == plan.Alloc || s.Kind == plan.Free {
			b = w.p.Buffers[s.Buffer]
		}
		switch s.Kind {
		case plan.Alloc:
			assert.False(w.t, w.live[s.Buffer], "%s is allocated twice", b.Name)
			w.live[s.Buffer] = true
			*w.at(b) += b.Class
			w.sums[b.Purpose] += b.Class
		case plan.Free:
			assert.True(w.t, w.live[s.Buffer], "%s is freed and not there", b.Name)
			delete(w.live, s.Buffer)
			*w.at(b) -= b.Class
		case plan.Run:
			w.runs++
		case plan.Repeat:
			for range s.Count {
				w.steps(s.Body)
			}
		}
		w.peak = max(w.peak, w.held)
	}
}

// TestStepsKeepTheBooks walks the steps of each plan and adds up for itself.
func TestStepsKeepTheBooks(t *testing.T) {
	for name, c := range plans(devicetest.Null(), devicetest.Strict()) {
		t.Run(name, func(t *testing.T) {
			p := c.plan(t)
			w := &walker{t: t, p: p, live: map[int]bool{}, sums: map[device.Purpose]int{}}
			w.steps(p.Steps)
			assert.Equal(t, p.PeakBytes, w.peak)
			assert.Equal(t, p.ResultBytes, w.held+w.home, "what is left is results")
			assert.Equal(t, p.ResultBytes, w.sums[device.Result])
			assert.Equal(t, p.IntermediateBytes, w.sums[device.Intermediate])
			assert.Equal(t, p.WorkspaceBytes, w.sums[device.Workspace])
			assert.Equal(t, p.Launches(), w.runs)
			for i, b := range p.Buffers {
				assert.Equal(t, device.SizeClass(b.Bytes), b.Class, b.Name)
				assert.Equal(t, b.Purpose == device.Result, w.live[i], b.Name)
			}
		})
	}
}

func TestPlansOfTerabytes(t *testing.T) {
	dev := device.Ledger(devicetest.Null())
	x := leaf(dev, "x", dtype.Float64, 1<<20, 1<<20)
	x.Array.(*memory).buf = device.HostBuffer(nil)
	p := made(t, background, plan.Options{}, plan.Target{Node: standard(x, over(0))})
	ctx, rec := device.Record(background)
	bufs, err := p.Run(ctx, plan.Bindings{}, nil)
	require.NoError(t, err)
	assert.Equal(t, 8<<40+2*8<<20, p.PeakBytes)
	assert.Equal(t, p.PeakBytes, rec.Stats().PeakBytes)
	bufs[0].Free()
	require.NoError(t, p.Close())
	assert.Zero(t, dev.Stats().LiveBytes+dev.Stats().Programs)
}

// Steps that free a buffer as soon as the last call that needs it has run.
func TestIntermediatesAreFreedEarly(t *testing.T) {
	dev := devicetest.Null()
	x := leaf(dev, "x", dtype.Float64, 100, 100)
	n := x
	for range 5 {
		n = node(ir.MatrixProduct(n, x))
	}
	p := made(t, background, plan.Options{}, plan.Target{Node: n})
	size := device.SizeClass(80_000)
	assert.Equal(t, 4*size, p.IntermediateBytes)
	assert.Equal(t, 2*size, p.PeakBytes, "never more than what one product reads and writes")
}
