package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"time"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"

	"github.com/tare-go/tare/broadcast"
	"github.com/tare-go/tare/cmd/devbench/internal/formula"
	"github.com/tare-go/tare/cmd/devbench/internal/record"
	"github.com/tare-go/tare/device"
	"github.com/tare-go/tare/internal/ir"
	"github.com/tare-go/tare/npy"
	np "github.com/tare-go/tare/tensor"
)

// evalCommand evaluates an expression.
type evalCommand struct {
	Expr source `arg:"" help:"The expression, in Python's grammar and NumPy's names; lines name = expression may stand before it."`
	inputFlags
	evaluationFlags
	Out  string `placeholder:"FILE.npy" help:"Write the result to a file, and do not print it."`
	JSON bool   `name:"json" help:"Print the measurement as a line of JSON instead of the result."`
}

// Run evaluates the expression once. The result goes to standard output, or to --out; what it cost
// goes to standard error.
func (c *evalCommand) Run(ctx context.Context, s streams) error {
	dev, err := device.Open(c.Device)
	if err != nil {
		return err
	}
	inputs, err := c.tensors()
	if err != nil {
		return err
	}
	defer inputs.free()
	node, err := formula.Build(string(c.Expr), inputs.nodes())
	if err != nil {
		return err
	}
	e, err := c.evaluate(ctx, s, np.FromNode(node), inputs, c.options(dev), dev.Info().Kind != "cpu")
	if err != nil {
		return err
	}
	defer e.free()
	switch {
	case c.JSON:
		return record.Write(s.out, e.record(string(c.Expr), dev, inputs))
	case c.Out == "":
		if _, err := fmt.Fprintln(s.out, e.result); err != nil {
			return err
		}
	}
	return e.account(s.err)
}

// evaluate computes the result, at once and into memory if it fits. A result for a file that does not
// fit, or that goes through another device and is larger than a part, is computed and written a few rows at a time.
func (c *evalCommand) evaluate(ctx context.Context, s streams, expr *np.Expr, inputs tensors, opts []np.EvalOption, through bool) (*evaluation, error) {
	if node, err := expr.Node(); err == nil && through && c.Out != "" && !c.Eager && node.Bytes() > c.partBytes() {
		if parts, err := c.parts(expr, opts); err == nil {
			return stream(ctx, s, c.Out, expr, parts, inputs, opts)
		}
	}
	e, err := evaluate(ctx, expr, opts)
	var over *device.BudgetError
	if c.Out != "" && !c.Eager && errors.As(err, &over) {
		parts, none := c.parts(expr, opts)
		if none == nil {
			return stream(ctx, s, c.Out, expr, parts, inputs, opts)
		}
		return nil, &partsError{whole: err, none: none}
	}
	if err == nil {
		err = inputs.intact()
	}
	if err == nil && c.Out != "" {
		err = npy.SaveContext(ctx, c.Out, e.result)
	}
	if err != nil {
		e.free()
		return nil, err
	}
	return e, nil
}

// partsError is a result for a file that fits the budget neither as a whole nor in parts.
type partsError struct{ whole, none error }

// Error says what the smallest part needs or, of what has no parts, what the whole does.
func (e *partsError) Error() string { return e.Unwrap().Error() }

func (e *partsError) Unwrap() error {
	var row *device.BudgetError
	if errors.As(e.none, &row) {
		return e.none
	}
	return e.whole
}

// cachedPart is the most bytes that parts take if they can be as small: they then are in the caches when
// they are written, and few pages of the inputs are in memory at one time.
const cachedPart = 32 << 20

// parts cuts an expression for writing it a few rows at a time: within cachedPart or, where not even one
// row fits in it, within the budget.
func (c *evalCommand) parts(expr *np.Expr, opts []np.EvalOption) (*np.Chunked, error) {
	if c.Budget == nil || *c.Budget > cachedPart {
		if parts, err := expr.Chunked(append(slices.Clip(opts), np.Budget(cachedPart), np.Keep(1))...); err == nil {
			return parts, nil
		}
	}
	return expr.Chunked(append(slices.Clip(opts), np.Keep(1))...)
}

// partBytes is about what a part may take.
func (c *evalCommand) partBytes() int {
	if c.Budget == nil {
		return cachedPart
	}
	return min(int(*c.Budget), cachedPart)
}

// stream computes the parts of an expression and writes them to a file, which appears when it is whole.
func stream(ctx context.Context, s streams, path string, expr *np.Expr, parts *np.Chunked, inputs tensors, opts []np.EvalOption) (*evaluation, error) {
	node, err := expr.Node()
	if err != nil {
		return nil, err
	}
	whole, err := expr.Plan(opts...)
	if err != nil {
		return nil, err
	}
	defer whole.Close()
	w, err := npy.Create(path, node.Type, node.Shape, false)
	if err != nil {
		return nil, err
	}
	defer w.Abort()
	bar := writingProgress(s.err, node.Bytes())
	defer bar.Close()
	scoped, stats := ledger(ctx, whole)
	start := time.Now()
	p := pipeline{write: func(part *np.Tensor) error { return writePart(ctx, w, part, inputs, bar) }}
	defer p.wait()
	for part, err := range parts.Eval(scoped) {
		if err != nil {
			return nil, err
		}
		if err := p.next(part); err != nil {
			return nil, err
		}
	}
	if err := p.wait(); err != nil {
		return nil, err
	}
	if err := w.Commit(); err != nil {
		return nil, err
	}
	return &evaluation{node: node, plan: whole, parts: parts, stats: stats(), took: time.Since(start)}, nil
}

// ledger opens a scope, and gives what is counted in it: on all devices, but for the peak, which is that of the one that
// computes, as the plan's is.
func ledger(ctx context.Context, p *np.Plan) (scoped context.Context, stats func() device.Stats) {
	ctx, all := device.Record(ctx)
	ctx, own := device.RecordOn(ctx, p.Device)
	return ctx, func() device.Stats {
		s := all.Stats()
		s.PeakBytes = own.Stats().PeakBytes
		return s
	}
}

// pipeline writes a part while the next is computed.
type pipeline struct {
	write   func(*np.Tensor) error
	writing *np.Tensor // nil for none
	done    chan error // of the part that is being written
}

// next begins to write a part, which it takes over, when the one before is written and freed.
func (p *pipeline) next(part *np.Tensor) error {
	if err := p.wait(); err != nil {
		part.Free()
		return err
	}
	done := make(chan error, 1)
	p.writing, p.done = part, done
	go func() { done <- p.write(part) }()
	return nil
}

// wait waits until no part is being written.
func (p *pipeline) wait() error {
	if p.writing == nil {
		return nil
	}
	err := <-p.done
	p.writing.Free()
	p.writing = nil
	return err
}

// writePart writes a part, if the files that it was computed from are still whole.
func writePart(ctx context.Context, w *npy.Writer, part *np.Tensor, inputs tensors, bar *progressbar.ProgressBar) error {
	if err := inputs.intact(); err != nil {
		return err
	}
	if err := w.WriteTensor(ctx, part); err != nil {
		return err
	}
	_ = bar.Add(part.NBytes()) // the picture of progress is no reason to end
	return nil
}

// writingProgress is a bar on a terminal of bytes that are written: how many of them, how fast, and how
// long the rest takes.
func writingProgress(w io.Writer, bytes int) *progressbar.ProgressBar {
	f, ok := w.(*os.File)
	bar := progressbar.NewOptions64(int64(bytes),
		progressbar.OptionSetWriter(w),
		progressbar.OptionSetVisibility(ok && term.IsTerminal(int(f.Fd()))),
		progressbar.OptionSetDescription("writing"),
		progressbar.OptionSetWidth(30),
		progressbar.OptionShowBytes(true),
		progressbar.OptionUseIECUnits(true),
		progressbar.OptionShowCount(),
		progressbar.OptionSetPredictTime(true),
		progressbar.OptionThrottle(100*time.Millisecond),
		progressbar.OptionClearOnFinish(),
	)
	bar.StartWithoutRender() // the first part takes time, too
	return bar
}

// evaluation is what one evaluation gave, said and took.
type evaluation struct {
	node   *ir.Node
	result *np.Tensor  // nil if it went to a file in parts
	plan   *np.Plan    // of the whole
	parts  *np.Chunked // nil if it was computed at once
	stats  device.Stats
	took   time.Duration
}

// free releases the result, if there is one.
func (e *evaluation) free() {
	if e != nil && e.result != nil {
		e.result.Free()
	}
}

// predicted is the peak that the plan that ran said.
func (e *evaluation) predicted() int {
	if e.parts != nil {
		return e.parts.PeakBytes()
	}
	return e.plan.PeakBytes
}

// evaluate plans and runs an expression once, with the ledger open.
func evaluate(ctx context.Context, expr *np.Expr, opts []np.EvalOption) (*evaluation, error) {
	node, err := expr.Node()
	if err != nil {
		return nil, err
	}
	p, err := np.Prepare(expr, opts...)
	if err != nil {
		return nil, err
	}
	defer p.Close()
	scoped, stats := ledger(ctx, p.Plan())
	start := time.Now()
	result, err := p.Eval(scoped)
	if err != nil {
		return nil, err
	}
	return &evaluation{node: node, result: result, plan: p.Plan(), stats: stats(), took: time.Since(start)}, nil
}

// account writes a line about the result and what it took, and the plan's warnings.
func (e *evaluation) account(w io.Writer) error {
	for _, warning := range e.plan.Warnings {
		fmt.Fprintf(w, "warning: %s\n", warning.Text)
	}
	if e.parts != nil {
		rows := "1 row"
		if n := e.parts.Rows(); n > 1 {
			rows = fmt.Sprintf("%d rows", n)
		}
		fmt.Fprintf(w, "computed and written in %d parts of %s, as the whole does not fit in the budget\n", e.parts.Parts(), rows)
	}
	_, err := fmt.Fprintf(w, "%v %s, %s; peak %s predicted, %s measured; intermediates %s; moved %s; %d launches; %s\n",
		e.node.Type, broadcast.FormatShape(e.node.Shape), device.FormatBytes(e.node.Bytes()),
		device.FormatBytes(e.predicted()), device.FormatBytes(e.stats.PeakBytes), device.FormatBytes(e.stats.IntermediateBytes),
		device.FormatBytes(e.stats.Transfers().Bytes), e.stats.Launches, formatSeconds(e.took.Seconds()))
	return err
}

// record is the evaluation as a measurement; the workload is the expression itself.
func (e *evaluation) record(source string, dev device.Device, inputs tensors) record.Record {
	r := record.Record{
		Workload: source, Device: dev.Info().Name, DType: e.node.Type.String(), Shape: [][]int{}, Impl: "tare", Runs: 1,
		Seconds: record.SecondsOf([]time.Duration{e.took}),
	}
	for _, in := range inputs {
		r.Shape = append(r.Shape, in.array.Shape())
		r.BytesMin += in.array.NBytes()
	}
	r.BytesMin += e.node.Bytes()
	for _, c := range e.plan.Calls {
		r.Flops += c.Op.Cost().Flops
	}
	counted(&r, e.stats, e.plan)
	r.PredictedPeakBytes = e.predicted()
	for _, w := range e.plan.Warnings {
		r.Warnings = append(r.Warnings, w.Text)
	}
	if e.parts != nil {
		r.Parts, r.PartRows = e.parts.Parts(), e.parts.Rows()
	}
	return r
}

// counted writes what a ledger counted and a plan said into a record.
func counted(r *record.Record, s device.Stats, p *np.Plan) {
	r.AllocBytes, r.PeakBytes, r.IntermediateBytes = s.AllocBytes, s.PeakBytes, s.IntermediateBytes
	r.H2DBytes, r.D2HBytes, r.Launches = s.H2D.Bytes, s.D2H.Bytes, s.Launches
	r.PredictedPeakBytes = p.PeakBytes
}
