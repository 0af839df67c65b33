package device

import (
	"context"
	"fmt"
)

// whyContext is the reason for a budget that a context brings.
const whyContext = "the one that was asked for, less what it holds"

// WithBudget bounds what is allocated with the context: at no time more than that many bytes are
// live of it, in size classes. It takes the place of the default of 80 % of what the process may
// take, all of which can then be used. Budgets nest, and the smallest rest decides.
func WithBudget(ctx context.Context, bytes int) context.Context {
	ctx, rec := Record(ctx)
	rec.limit = max(bytes, 0)
	return ctx
}

// WithBudgetOn is WithBudget for what is allocated on one device.
func WithBudgetOn(ctx context.Context, dev Device, bytes int) context.Context {
	ctx, rec := RecordOn(ctx, dev)
	rec.limit = max(bytes, 0)
	return ctx
}

// Beside is a context for what is done on a device beside so many bytes that are allocated on another: budgets of the
// context that are about all devices are that much smaller.
func Beside(ctx context.Context, dev Device, bytes int) context.Context {
	room, limited := scopeOf(ctx).room(nil)
	if !limited {
		return ctx
	}
	return WithBudgetOn(ctx, dev, room-bytes)
}

// Budget is the number of bytes that may be allocated now on the device with the context, and where
// it comes from. What the pool keeps counts as free. It is math.MaxInt where no limit is known.
func Budget(ctx context.Context, dev Device) (bytes int, why string) {
	bytes, asked, limited := left(ctx, dev)
	if asked {
		return bytes, whyContext
	}
	return bytes, limitOf(dev, share(limited))
}

// left is what may be allocated now, whether that is what is left of a budget of the context, and whether there is such a
// budget.
func left(ctx context.Context, dev Device) (bytes int, asked, limited bool) {
	own, limited := scopeOf(ctx).room(innermost(dev))
	bytes = room(dev, share(limited))
	return max(min(bytes, own), 0), own < bytes, limited
}

// LastingBudget is Budget, less a sixteenth where it comes from the memory that is left: what other parts of the program
// and other programs take changes that while an evaluation runs, and what was cut to fill it would fail on the way.
func LastingBudget(ctx context.Context, dev Device) int {
	bytes, asked, _ := left(ctx, dev)
	if asked || bytes == unlimited {
		return bytes
	}
	return bytes - bytes/16
}

// Check says whether an operation that needs that many bytes at once, in size classes, fits in the
// budget: nil, or a *BudgetError with the plan, which may be nil. Nothing is allocated or released.
// Without a budget in the context up to 1 MiB always fits.
func Check(ctx context.Context, dev Device, op string, need int, plan fmt.Stringer) error {
	if need <= seldom && !scopeOf(ctx).limits(dev) {
		return nil
	}
	if bytes, _, _ := left(ctx, dev); need <= bytes {
		return nil
	}
	budget, why := Budget(ctx, dev)
	if need <= budget { // others released some
		return nil
	}
	e := &BudgetError{Op: op, Need: need, Budget: budget, Why: why, Plan: plan}
	if l, ok := dev.(*Ledgered); ok {
		e.Holders = l.Holders(5)
	}
	return e
}

// share is the part of the memory that may be taken, in percent.
func share(limited bool) int {
	if limited {
		return fullShare
	}
	return defaultShare
}

// room is what the device's memory allows, apart from budgets of a context.
func room(dev Device, share int) int {
	if p := poolOf(dev); p != nil {
		return p.room(share)
	}
	g := gauge{dev: dev}
	return g.limit(share, 0, unlimited)
}

// limitOf is where that comes from.
func limitOf(dev Device, share int) string {
	if p := poolOf(dev); p != nil {
		return p.why(share)
	}
	g := gauge{dev: dev}
	g.limit(share, 0, unlimited)
	return g.explain(share)
}

// poolOf is the pool of a device, nil if it has none.
func poolOf(dev Device) *Pooled {
	for d := dev; d != nil; d = unwrap(d) {
		if p, ok := d.(*Pooled); ok {
			return p
		}
	}
	return nil
}
