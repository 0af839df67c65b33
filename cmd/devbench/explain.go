package main

import (
	"context"
	"fmt"

	"github.com/tare-go/tare/cmd/devbench/internal/formula"
	"github.com/tare-go/tare/device"
	np "github.com/tare-go/tare/tensor"
)

// explainCommand prints the plan of an expression.
type explainCommand struct {
	Expr source `arg:"" help:"The expression, in Python's grammar and NumPy's names; lines name = expression may stand before it."`
	inputFlags
	evaluationFlags
}

// Run plans the expression and says whether it fits. Nothing is allocated: inputs are shapes only.
func (c *explainCommand) Run(ctx context.Context, s streams) error {
	dev, err := device.Open(c.Device)
	if err != nil {
		return err
	}
	inputs, err := c.outlines(dev)
	if err != nil {
		return err
	}
	node, err := formula.Build(string(c.Expr), inputs)
	if err != nil {
		return err
	}
	plan, err := np.FromNode(node).Plan(c.options(dev)...)
	if err != nil {
		return err
	}
	defer plan.Close()
	ctx = c.limited(ctx)
	budget, why := device.Budget(ctx, dev)
	if _, err := fmt.Fprintf(s.out, "%v  budget %s (%d bytes): %s\n", plan, device.FormatBytes(budget), budget, why); err != nil {
		return err
	}
	return plan.Check(ctx)
}

// options are those of the evaluation.
func (f evaluationFlags) options(dev device.Device) []np.EvalOption {
	opts := []np.EvalOption{np.On(dev)}
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

// limited is the context with the budget that was asked for.
func (f evaluationFlags) limited(ctx context.Context) context.Context {
	if f.Budget == nil {
		return ctx
	}
	return device.WithBudget(ctx, int(*f.Budget))
}
