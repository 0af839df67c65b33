package plan_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/tare-go/tare/cpu"
	"github.com/tare-go/tare/device"
	"github.com/tare-go/tare/device/devicetest"
	"github.com/tare-go/tare/internal/ir"
	"github.com/tare-go/tare/internal/ir/irtest"
	"github.com/tare-go/tare/internal/op"
	"github.com/tare-go/tare/internal/plan"
)

// trial is an evaluation of which every call may fail.
type trial struct {
	c       *irtest.Case
	drawn   []plan.Target
	results [][]uint64
	after   map[*irtest.Array][]byte
	opt     plan.Options
	part    int  // of the intermediates that the budget leaves, in percent; 0 without a budget
	through bool // the device, from another where the arrays are, which does not fail
}

func newTrial(c *irtest.Case, drawn []plan.Target) *trial {
	tr := &trial{c: c, drawn: drawn, after: wanted(c, drawn)}
	for _, d := range drawn {
		tr.results = append(tr.results, ir.Evaluate(d.Node, irtest.Read))
	}
	return tr
}

// once evaluates on a device and leaves nothing behind. The error is the device's, or says what is
// wrong with the values.
func (tr *trial) once(dev device.Device) error {
	if !tr.through {
		return tr.at(dev, dev)
	}
	home := device.Ledger(device.Pool(cpu.New(1)))
	defer home.Close()
	err := tr.at(dev, home)
	if s := home.Stats(); s.Buffers != 0 || s.LiveBytes != 0 || s.Programs != 0 {
		return fmt.Errorf("left behind at home, after %v, are\n%v", err, s)
	}
	return err
}

// at evaluates on a device, with the arrays at home.
func (tr *trial) at(dev, home device.Device) error {
	b, err := put(tr.c, home)
	if err != nil {
		return err
	}
	defer b.free()
	p, err := tr.plan(dev, home, b.targets(tr.drawn))
	if err != nil {
		return err
	}
	defer p.Close()
	bufs, err := p.Run(background, plan.Bindings{}, nil)
	if err != nil {
		return err
	}
	for i, buf := range bufs {
		if buf != nil {
			defer buf.Free()
			if err == nil {
				err = tr.compare(i, home, buf)
			}
		}
	}
	return err
}

// plan is the plan of the trial, in its budget.
func (tr *trial) plan(dev, home device.Device, targets []plan.Target) (*plan.Plan, error) {
	opt := tr.opt
	opt.Device, opt.Home = dev, home
	p, err := plan.New(background, targets, opt)
	if err != nil || tr.part == 0 {
		return p, err
	}
	if tr.through {
		p.Close()
		return plan.New(device.WithBudgetOn(background, dev, p.PeakBytes*tr.part/100), targets, opt)
	}
	budget := p.ResultBytes + (p.PeakBytes-p.ResultBytes)*tr.part/100
	p.Close()
	return plan.New(device.WithBudget(background, budget), targets, opt)
}

func (tr *trial) compare(i int, dev device.Device, buf device.Buffer) error {
	n := tr.drawn[i].Node
	got, err := bytes(dev, buf, n.Bytes())
	if err == nil && differ(n.Type, tr.results[i], got) >= 0 {
		err = fmt.Errorf("wrong values of %s", irtest.Text(n))
	}
	return err
}

// eachFailure lets each call of the trial fail, once and from then on. The evaluation after a failure
// is right, or fails as the first did.
func (tr *trial) eachFailure(t *testing.T) {
	t.Helper()
	var strict *devicetest.StrictDevice
	open := func() device.Device {
		if strict != nil {
			strict.Check(t)
		}
		strict = devicetest.Strict()
		return strict
	}
	devicetest.EachFailure(t, open, func(dev device.Device) error {
		err := tr.once(dev)
		if err == nil {
			return nil
		}
		var injected *devicetest.InjectedError
		if next := tr.once(dev); next != nil && !errors.As(next, &injected) {
			t.Errorf("the evaluation after a failure: %v\n%s", next, describe(tr.drawn))
		}
		return err
	})
	strict.Check(t)
	if t.Failed() {
		t.Fatalf("failures of\n%s", describe(tr.drawn))
	}
}

// TestEveryCallOfRandomPlansMayFail is for plans of all kinds: with Outs, masks, steps and budgets.
func TestEveryCallOfRandomPlansMayFail(t *testing.T) {
	n := 200
	if testing.Short() {
		n = 30
	}
	for seed := range n {
		drawTrial.Example(seed).eachFailure(t)
	}
	for seed := range n / 3 {
		tr := drawTrial.Example(seed)
		tr.through = true
		tr.eachFailure(t)
	}
}

// drawTrial draws plans of few elements.
var drawTrial = rapid.Custom(func(t *rapid.T) *trial {
	c := irtest.Draw(t, 4)
	for c.Outs[0].Len() > 500 {
		c = irtest.Draw(t, 4)
	}
	drawn := drawTargets(t, c)
	if refused(c, drawn) { // two results in the same memory
		drawn = fresh(c.Outs...)
	}
	tr := newTrial(c, drawn)
	tr.opt.Eager = rapid.IntRange(0, 4).Draw(t, "eager") == 0
	return tr
})

// refused reports whether there is no plan of the targets.
func refused(c *irtest.Case, drawn []plan.Target) bool {
	dev := devicetest.Null()
	b := &bench{c: c, dev: dev, mem: map[*irtest.Array]*memory{}, node: map[*ir.Node]*ir.Node{}}
	for _, a := range c.Arrays {
		b.mem[a] = &memory{name: a.Name, dev: dev}
	}
	_, err := plan.New(background, b.targets(drawn), plan.Options{Device: dev})
	return err != nil
}

// TestFailuresFreeOnce is without the ledger, which would make light of a second Free.
func TestFailuresFreeOnce(t *testing.T) {
	c := &irtest.Case{}
	x, w := filled(c, "x", 7, 40), filled(c, "w", 40, 2)
	tr := newTrial(c, fresh(large["standard"](x, w), large["twice"](x, w)))
	for k := 1; ; k++ {
		strict := devicetest.Strict()
		dev := devicetest.FailAt(strict, k)
		err := tr.once(dev)
		strict.Check(t)
		if !dev.Failed() {
			require.NoError(t, err)
			return
		}
		require.ErrorAs(t, err, new(*devicetest.InjectedError))
	}
}

// TestEveryCallOfChunkedPlansMayFail is for plans in budgets, which try many sizes of chunks.
func TestEveryCallOfChunkedPlansMayFail(t *testing.T) {
	for name, expression := range large {
		t.Run(name, func(t *testing.T) {
			c := &irtest.Case{}
			n := expression(filled(c, "x", 7, 40), filled(c, "w", 40, 2))
			tr := newTrial(c, fresh(n))
			tr.part = 50
			b, err := put(c, devicetest.Strict())
			require.NoError(t, err)
			p, err := tr.plan(b.dev, b.dev, b.targets(tr.drawn))
			require.NoError(t, err)
			require.NotNil(t, p.Chunks)
			tr.eachFailure(t)
		})
	}
}

// TestEveryCallThroughADeviceMayFail is for plans whose operands and results are copied, in chunks and in goroutines.
func TestEveryCallThroughADeviceMayFail(t *testing.T) {
	for name, expression := range through {
		t.Run(name, func(t *testing.T) {
			c := &irtest.Case{}
			n := expression(filled(c, "x", 60, 40), filled(c, "w", 40, 3))
			drawn := fresh(n)
			if len(n.Shape) > 0 {
				drawn = append(drawn, plan.Target{Node: n, Out: gapped(c, n), Mask: apply(op.Greater, filled(c, "mask", n.Shape...), number(0))})
			}
			tr := newTrial(c, drawn)
			tr.through, tr.part = true, 60
			tr.eachFailure(t)
		})
	}
}
