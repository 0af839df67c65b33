package device

import "context"

// tags are what a context carries for the ledger, in one value. They are immutable.
type tags struct {
	scope *Recorder
	key
	purpose  Purpose
	guards   guards
	tracer   *Tracer // for the device inside a ledger
	explicit bool    // the copies are what the user asked for by name
	own      bool    // the site is that of what is compiled, also when it is run from elsewhere
}

type tagsKey struct{}

// tagged is a context with tags. It is its own value, so that a tag costs one allocation.
type tagged struct {
	context.Context
	tags tags
}

// Value is the tagged context itself for the ledger, and for others what the context inside has.
func (c *tagged) Value(k any) any {
	if k == (tagsKey{}) {
		return c
	}
	return c.Context.Value(k)
}

// find is the innermost tagged context, or nil.
func find(ctx context.Context) *tagged {
	if c, ok := ctx.(*tagged); ok {
		return c
	}
	c, _ := ctx.Value(tagsKey{}).(*tagged)
	return c
}

func tagsOf(ctx context.Context) tags {
	if c := find(ctx); c != nil {
		return c.tags
	}
	return tags{}
}

// scopeOf is the innermost scope of a context, or nil.
func scopeOf(ctx context.Context) *Recorder {
	if c := find(ctx); c != nil {
		return c.tags.scope
	}
	return nil
}

// retagged is a context with the tags that it had, to be changed before anybody has it.
func retagged(ctx context.Context) *tagged {
	c := &tagged{Context: ctx}
	if was := find(ctx); was != nil {
		c.tags = was.tags
		if ctx == context.Context(was) {
			c.Context = was.Context
		}
	}
	return c
}

// WithPurpose says what the allocations made with the context are for.
func WithPurpose(ctx context.Context, p Purpose) context.Context {
	c := retagged(ctx)
	c.tags.purpose = p
	return c
}

// WithSite says which line of the user's program the context acts for: a program counter as
// runtime.Callers gives it.
func WithSite(ctx context.Context, pc uintptr) context.Context {
	c := retagged(ctx)
	c.tags.site = Site(pc)
	return c
}

// atSite is a context with a site, unless that is 0.
func atSite(ctx context.Context, site uintptr) context.Context {
	if site == 0 {
		return ctx
	}
	return WithSite(ctx, site)
}

// WithOwnSite is WithSite for Compile: the program counts there, whatever site the contexts of its runs have.
func WithOwnSite(ctx context.Context, pc uintptr) context.Context {
	c := retagged(ctx)
	c.tags.site, c.tags.own = Site(pc), true
	return c
}

// SiteOf is the site that WithSite gave to the context, or 0.
func SiteOf(ctx context.Context) Site { return tagsOf(ctx).site }

// WithOp says which operator the context acts for, as the ledger's account by operator names it:
// "subtract". Programs keep the operator that they were compiled with, so that a context for
// launches needs none; a program compiled without one is named after the operation.
func WithOp(ctx context.Context, op string) context.Context {
	c := retagged(ctx)
	c.tags.op = op
	return c
}

// OpOf is the operator that WithOp gave to the context, or "".
func OpOf(ctx context.Context) string { return tagsOf(ctx).op }

// Explicit says that the copies made with the context are what the user asked for by name, as To
// does, so that guards of implicit transfers pass them.
func Explicit(ctx context.Context) context.Context {
	c := retagged(ctx)
	c.tags.explicit = true
	return c
}
