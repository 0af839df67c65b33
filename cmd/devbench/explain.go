package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/tare-go/tare/cmd/devbench/internal/formula"
	"github.com/tare-go/tare/cmd/devbench/internal/timeline"
	"github.com/tare-go/tare/device"
	"github.com/tare-go/tare/internal/ir"
	np "github.com/tare-go/tare/tensor"
)

// explainCommand prints the plan of an expression.
type explainCommand struct {
	Expr source `arg:"" help:"The expression, in Python's grammar and NumPy's names; lines name = expression may stand before it."`
	inputFlags
	evaluationFlags
	Predict bool   `help:"Measure what the device can do at most, which takes a moment and 128 MiB, and predict times from it."`
	Analyze bool   `help:"Evaluate the expression too, and print what was measured beside what is predicted. It implies --predict."`
	JSON    string `name:"json" placeholder:"FILE|-" help:"Write the plan as JSON to a file, or with - to standard output instead of the text."`
	SVG     string `name:"svg" placeholder:"FILE" help:"Draw what is live after each step."`
}

// Run plans the expression and says whether it fits. Without --predict and --analyze nothing is allocated: inputs are
// shapes only.
func (c *explainCommand) Run(ctx context.Context, s streams) error {
	dev, err := device.Open(c.Device)
	if err != nil {
		return err
	}
	opts := c.options(dev)
	if c.Predict || c.Analyze {
		roof, err := np.MeasureRoof(ctx, dev)
		if err != nil {
			return err
		}
		opts = append(opts, np.Under(roof))
	}
	inputs, free, err := c.inputs()
	if err != nil {
		return err
	}
	defer free()
	node, err := formula.Build(string(c.Expr), inputs)
	if err != nil {
		return err
	}
	expr := np.FromNode(node)
	plan, err := expr.Plan(opts...)
	if err != nil {
		return err
	}
	ctx = c.limited(ctx, dev)
	if err := c.show(ctx, s, dev, plan); err != nil {
		return err
	}
	if err := plan.Check(ctx); err != nil || !c.Analyze {
		return err
	}
	analysis, err := expr.ExplainAnalyze(ctx, opts...)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(c.text(s), "\n%v", analysis)
	return err
}

// inputs are the arrays of the flags: as outlines or, to analyze, with their elements.
func (c *explainCommand) inputs() (nodes map[string]*ir.Node, free func(), err error) {
	if !c.Analyze {
		nodes, err = c.outlines()
		return nodes, func() {}, err
	}
	arrays, err := c.tensors()
	if err != nil {
		return nil, nil, err
	}
	return arrays.nodes(), arrays.free, nil
}

// text is where words go: not among JSON.
func (c *explainCommand) text(s streams) io.Writer {
	if c.JSON == "-" {
		return s.err
	}
	return s.out
}

// show prints the plan and the budget, and writes the files that are asked for.
func (c *explainCommand) show(ctx context.Context, s streams, dev device.Device, plan *np.Plan) error {
	report := func(w io.Writer) error {
		enc := json.NewEncoder(w)
		enc.SetIndent("", "  ")
		return enc.Encode(plan)
	}
	budget, why := device.Budget(ctx, dev)
	text := fmt.Sprintf("%v  budget %s (%d bytes): %s\n", plan, device.FormatBytes(budget), budget, why)
	if c.SVG != "" {
		if err := written(c.SVG, func(w io.Writer) error { return timeline.WriteSVG(w, plan.Report()) }); err != nil {
			return err
		}
	}
	switch c.JSON {
	case "":
	case "-":
		return report(s.out)
	default:
		if err := written(c.JSON, report); err != nil {
			return err
		}
	}
	_, err := fmt.Fprint(s.out, text)
	return err
}

// written makes a file of what is written.
func written(path string, write func(io.Writer) error) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	return errors.Join(write(f), f.Close())
}

// options are those of the evaluation: arrays are in the host's memory or in files, and stay there.
func (f evaluationFlags) options(dev device.Device) []np.EvalOption {
	opts := []np.EvalOption{np.Through(dev)}
	if f.Eager {
		opts = append(opts, np.Stepwise)
	}
	if f.Strict {
		opts = append(opts, np.Strict)
	}
	if f.Budget != nil {
		opts = append(opts, np.Budget(int(*f.Budget)))
	}
	return opts
}

// limited is the context with the budget that was asked for, which is the device's.
func (f evaluationFlags) limited(ctx context.Context, dev device.Device) context.Context {
	if f.Budget == nil {
		return ctx
	}
	return device.WithBudgetOn(ctx, dev, int(*f.Budget))
}
