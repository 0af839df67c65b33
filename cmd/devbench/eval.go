package main

import (
	"context"
	"fmt"
	"io"
	"time"

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
	Expr string `arg:"" help:"The expression, in Python's grammar and NumPy's names; lines name = expression may stand before it."`
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
	inputs, err := c.tensors(ctx, dev)
	if err != nil {
		return err
	}
	defer inputs.free()
	node, err := formula.Build(c.Expr, inputs.nodes())
	if err != nil {
		return err
	}
	e, err := evaluate(c.limited(ctx), np.FromNode(node), c.options(dev))
	if err != nil {
		return err
	}
	defer e.result.Free()
	if c.Out != "" {
		if err := npy.SaveContext(ctx, c.Out, e.result); err != nil {
			return err
		}
	}
	switch {
	case c.JSON:
		return record.Write(s.out, e.record(c.Expr, dev, inputs))
	case c.Out == "":
		if _, err := fmt.Fprintln(s.out, e.result); err != nil {
			return err
		}
	}
	return e.account(s.err)
}

// evaluation is what one evaluation gave, said and took.
type evaluation struct {
	node   *ir.Node
	result *np.Tensor
	plan   *np.Plan
	stats  device.Stats
	took   time.Duration
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
	scoped, ledger := device.Record(ctx)
	start := time.Now()
	result, err := p.Eval(scoped)
	if err != nil {
		return nil, err
	}
	return &evaluation{node, result, p.Plan(), ledger.Stats(), time.Since(start)}, nil
}

// account writes a line about the result and what it took, and the plan's warnings.
func (e *evaluation) account(w io.Writer) error {
	for _, warning := range e.plan.Warnings {
		fmt.Fprintf(w, "warning: %s\n", warning.Text)
	}
	_, err := fmt.Fprintf(w, "%v %s, %s; peak %s predicted, %s measured; intermediates %s; moved %s; %d launches; %s\n",
		e.result.DType(), broadcast.FormatShape(e.result.Shape()), device.FormatBytes(e.result.NBytes()),
		device.FormatBytes(e.plan.PeakBytes), device.FormatBytes(e.stats.PeakBytes), device.FormatBytes(e.stats.IntermediateBytes),
		device.FormatBytes(e.stats.Transfers().Bytes), e.stats.Launches, formatSeconds(e.took.Seconds()))
	return err
}

// record is the evaluation as a measurement; the workload is the expression itself.
func (e *evaluation) record(source string, dev device.Device, inputs tensors) record.Record {
	r := record.Record{
		Workload: source, Device: dev.Info().Name, DType: e.result.DType().String(), Shape: [][]int{}, Impl: "tare", Runs: 1,
		Seconds: record.SecondsOf([]time.Duration{e.took}),
	}
	for _, in := range inputs {
		r.Shape = append(r.Shape, in.array.Shape())
		r.BytesMin += in.array.NBytes()
	}
	r.BytesMin += e.result.NBytes()
	for _, c := range e.plan.Calls {
		r.Flops += c.Op.Cost().Flops
	}
	counted(&r, e.stats, e.plan)
	return r
}

// counted writes what a ledger counted and a plan said into a record.
func counted(r *record.Record, s device.Stats, p *np.Plan) {
	r.AllocBytes, r.PeakBytes, r.IntermediateBytes = s.AllocBytes, s.PeakBytes, s.IntermediateBytes
	r.H2DBytes, r.D2HBytes, r.Launches = s.H2D.Bytes, s.D2H.Bytes, s.Launches
	r.PredictedPeakBytes = p.PeakBytes
}
