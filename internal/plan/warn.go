package plan

import (
	"context"
	"fmt"
	"slices"

	"github.com/tare-go/tare/broadcast"
	"github.com/tare-go/tare/device"
	"github.com/tare-go/tare/dtype"
	"github.com/tare-go/tare/internal/ir"
)

// WarningKind says what a warning is about.
type WarningKind uint8

// The kinds of warning. Strict plans refuse the first three.
const (
	MutualExpansion WarningKind = iota // two operands are both broadcast
	SquareAlignment                    // a reduction without KeepDims meets another axis than the one it came from
	Promotion                          // operands of different types meet in a third
	Widening                           // the result takes more bytes an element than what it is made of
	Large                              // the results take much of the memory that there is
)

// String is the kind in words.
func (k WarningKind) String() string {
	return [...]string{"mutual expansion", "square alignment", "promotion", "widening", "large"}[k]
}

// Warning is something in an expression that may not be what was meant, or costs more than it seems.
type Warning struct {
	Kind WarningKind
	Text string
	Site uintptr
}

// StrictError is a plan that Strict refuses.
type StrictError struct{ Warning Warning }

func (e *StrictError) Error() string {
	where := ""
	if e.Warning.Site != 0 {
		where = device.Site(e.Warning.Site).String() + ": "
	}
	return where + "strict: " + e.Warning.Text
}

func refuse(ws []Warning) error {
	for _, w := range ws {
		if w.Kind < Widening {
			return &StrictError{w}
		}
	}
	return nil
}

// warnings looks through the expressions of the targets.
func warnings(targets []Target) []Warning {
	var ws []Warning
	seen := map[string]bool{}
	add := func(n *ir.Node, kind WarningKind, format string, args ...any) {
		w := Warning{kind, fmt.Sprintf(format, args...), n.Site}
		if !seen[w.Text] {
			seen[w.Text] = true
			ws = append(ws, w)
		}
	}
	for _, t := range targets {
		ir.Walk([]*ir.Node{t.Node}, func(n *ir.Node) {
			if n.Kind == ir.Map && len(n.Args) > 1 {
				warnExpansion(n, add)
				warnAlignment(n, add)
				warnPromotion(n, add)
			}
		})
		warnWidening(t.Node, add)
	}
	return ws
}

type warn func(n *ir.Node, kind WarningKind, format string, args ...any)

// warnExpansion notes operands that are both broadcast: the result is larger than either.
func warnExpansion(n *ir.Node, add warn) {
	for i, a := range n.Args {
		for _, b := range n.Args[:i] {
			both, err := broadcast.Shapes(b.Shape, a.Shape)
			if err == nil && product(both) > max(product(a.Shape), product(b.Shape)) {
				add(n, MutualExpansion, "%s: %s and %s are both broadcast, to %s: %d elements out of %d and %d",
					n.Name(), broadcast.FormatShape(b.Shape), broadcast.FormatShape(a.Shape), broadcast.FormatShape(both), product(both), product(b.Shape), product(a.Shape))
			}
		}
	}
}

// warnAlignment notes a reduction whose kept axis meets another axis of what was reduced, which works
// only because they have the same extent.
func warnAlignment(n *ir.Node, add warn) {
	for _, a := range n.Args {
		x, axes := foldUnder(a)
		if axes == nil || len(a.Shape) == 0 {
			continue
		}
		for _, b := range n.Args {
			if a == b || !slices.Equal(b.Shape, x) || !slices.Equal(n.Shape, x) {
				continue
			}
			if from, to, ok := shifted(len(x), axes); ok {
				add(n, SquareAlignment, "%s: the %s over axis %d, kept along axis %d, is being aligned with axis %d of %s: both have %d elements; say KeepDims if that is not meant (keepdims=True)",
					n.Name(), a.Name(), axes[0], from, to, broadcast.FormatShape(x), x[to])
			}
		}
	}
}

// foldUnder is the shape that a value is reduced from, and the axes of that which are gone; nil if the
// value is no reduction, or has axes of its own. A reduction is a chain of folds.
func foldUnder(n *ir.Node) (shape, axes []int) {
	for (n.Kind == ir.Map || n.Kind == ir.Convert) && len(n.Args) > 0 && slices.Equal(n.Args[0].Shape, n.Shape) {
		n = n.Args[0]
	}
	if n.Kind != ir.Reduce {
		return nil, nil
	}
	axes = n.Axes
	for x := n.Args[0]; ; x = x.Args[0] {
		if x.Kind != ir.Reduce {
			return x.Shape, axes
		}
		axes = joined(x.Axes, axes)
	}
}

// joined is the axes that are gone after a fold of some and then, of what is left, of others.
func joined(first, then []int) []int {
	all := slices.Clone(first)
	left := 0
	for d := 0; left <= slices.Max(then); d++ {
		if slices.Contains(first, d) {
			continue
		}
		if slices.Contains(then, left) {
			all = append(all, d)
		}
		left++
	}
	slices.Sort(all)
	return all
}

// shifted is the first kept axis of a reduction without KeepDims that broadcasting aligns with
// another axis.
func shifted(rank int, folded []int) (from, to int, ok bool) {
	to = len(folded)
	for from = range rank {
		if slices.Contains(folded, from) {
			continue
		}
		if from != to {
			return from, to, true
		}
		to++
	}
	return 0, 0, false
}

// warnPromotion notes operands that meet in a type that none of them has.
func warnPromotion(n *ir.Node, add warn) {
	var own []dtype.DType
	for _, a := range n.Args {
		for a.Kind == ir.Convert {
			a = a.Args[0]
		}
		if a.Kind != ir.Scalar {
			own = append(own, a.Type)
		}
	}
	in := n.Args[len(n.Args)-1].Type
	if len(own) > 1 && !slices.Contains(own, in) {
		add(n, Promotion, "%s: %v and %v meet in %v; convert one explicitly (astype) if that is meant", n.Name(), own[0], own[len(own)-1], in)
	}
}

// warnWidening notes results of more bytes an element than any array operand of the same size.
func warnWidening(n *ir.Node, add warn) {
	widest, from := 0, dtype.Invalid
	ir.Walk([]*ir.Node{n}, func(a *ir.Node) {
		if a.Kind == ir.Leaf && a.Len() >= n.Len() && a.Type.Size() > widest {
			widest, from = a.Type.Size(), a.Type
		}
	})
	if widest > 0 && n.Type.Size() > widest && n.Bytes() > 1<<20 {
		save := ""
		if n.Type == dtype.Float64 {
			save = fmt.Sprintf("; in float32 it would take %s", device.FormatBytes(n.Bytes()/2))
		}
		add(n, Widening, "%s: %v becomes %v, %d× the bytes: %s%s", n.Name(), from, n.Type, n.Type.Size()/widest, device.FormatBytes(n.Bytes()), save)
	}
}

// largeShare is the part of the budget, in percent, from which results are worth a word.
const largeShare = 10

// warnLarge notes results of over a tenth of what may be allocated. Limits are not read for small ones.
func (p *Plan) warnLarge(ctx context.Context) {
	if p.ResultBytes <= 1<<20 {
		return
	}
	budget, why := device.Budget(ctx, p.host())
	if p.ResultBytes < budget/100*largeShare {
		return
	}
	p.large = &Warning{Kind: Large, Text: fmt.Sprintf("%s: the result takes %s, over %d %% of the budget of %s (%s)",
		p.title, device.FormatBytes(p.ResultBytes), largeShare, device.FormatBytes(budget), why)}
	p.Warnings = append(p.Warnings, *p.large)
}

func product(dims []int) int {
	n := 1
	for _, d := range dims {
		n *= d
	}
	return n
}
