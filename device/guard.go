package device

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
)

// Direction says between which memories a copy moves bytes.
type Direction uint8

// The directions. Memory that the processor can reach is host memory.
const (
	H2D      Direction = iota // from host memory to the device
	D2H                       // from the device to host memory
	D2D                       // within the device, or between two
	HostOnly                  // from host memory to host memory, which is no transfer
)

// String is the direction in words.
func (d Direction) String() string { return EventKind(d & 3).String() }

// direction is that of a copy.
func direction(dst, src Span) Direction {
	toHost, fromHost := dst.Buffer.Host() != nil, src.Buffer.Host() != nil
	switch {
	case toHost && fromHost:
		return HostOnly
	case fromHost:
		return H2D
	case toHost:
		return D2H
	}
	return D2D
}

// Policy is what a guard does with a transfer.
type Policy uint8

// The policies.
const (
	Allow Policy = iota + 1 // it happens
	Log                     // it happens, and Logger writes it with the user's line
	Deny                    // it does not happen, and is a *GuardError
)

// guards is a policy for each direction and for explicit and implicit transfers, 2 bits each, 0 where
// none is set.
type guards uint16

// place is where the policy of a direction is.
func (g guards) place(d Direction, explicit bool) int {
	at := int(d) * 4
	if explicit {
		at += 2
	}
	return at
}

func (g guards) policy(d Direction, explicit bool) Policy {
	return Policy(g >> g.place(d, explicit) & 3)
}

func (g guards) with(p Policy, explicit bool, directions []Direction) guards {
	if len(directions) == 0 {
		directions = []Direction{H2D, D2H, D2D}
	}
	for _, d := range directions {
		if d < HostOnly {
			at := g.place(d, explicit)
			g = g&^(3<<at) | guards(p&3)<<at
		}
	}
	return g
}

// Guard says what becomes of transfers with the context, in some directions or, if none is given, in
// all three. Guards nest, and for each direction the innermost decides, so that a scope in which
// nothing may move can have one in which it may:
//
//	ctx = device.Guard(ctx, device.Deny)             // the loop moves nothing,
//	edge := device.Guard(ctx, device.Allow, device.D2H) // but for its results
//
// Copies from host memory to host memory are no transfers, so that nothing is guarded on a CPU. A call
// without a context is not in the scope: for those, guard the device (Ledgered.Guard).
func Guard(ctx context.Context, p Policy, directions ...Direction) context.Context {
	c := retagged(ctx)
	c.tags.guards = c.tags.guards.with(p, true, directions).with(p, false, directions)
	return c
}

// GuardImplicit is Guard for transfers that nobody asked for by name. Those made by To and other calls
// whose purpose is to move, which mark them with Explicit, pass as they did before.
func GuardImplicit(ctx context.Context, p Policy, directions ...Direction) context.Context {
	c := retagged(ctx)
	c.tags.guards = c.tags.guards.with(p, false, directions)
	return c
}

// Guard says what becomes of transfers on the device with contexts that have no guard of their own, in
// some directions or, if none is given, in all three.
func (l *Ledgered) Guard(p Policy, directions ...Direction) {
	l.reguard(func(g guards) guards { return g.with(p, true, directions).with(p, false, directions) })
}

// GuardImplicit is Guard for transfers that nobody asked for by name: see the function GuardImplicit.
func (l *Ledgered) GuardImplicit(p Policy, directions ...Direction) {
	l.reguard(func(g guards) guards { return g.with(p, false, directions) })
}

// reguard changes the device's guards.
func (l *Ledgered) reguard(change func(guards) guards) {
	for {
		old := l.guards.Load()
		if l.guards.CompareAndSwap(old, uint32(change(guards(old)))) {
			return
		}
	}
}

// guard applies the context's guard to a copy that is about to happen, or the device's if it has none.
func (l *Ledgered) guard(ctx context.Context, t *tags, d Direction, bytes int) error {
	if d == HostOnly {
		return nil
	}
	policy := t.guards.policy(d, t.explicit)
	if policy == 0 {
		policy = guards(l.guards.Load()).policy(d, t.explicit)
	}
	switch policy {
	case Log:
		Logger().LogAttrs(ctx, slog.LevelInfo, "tare: transfer", slog.String("direction", d.String()), slog.Int("bytes", bytes),
			slog.String("site", t.site.String()), slog.String("op", t.op), slog.String("device", l.name), slog.Bool("explicit", t.explicit))
	case Deny:
		return &GuardError{Direction: d, Bytes: bytes, Site: t.site, Device: l.name, Explicit: t.explicit}
	}
	return nil
}

// ErrDenied is a transfer that a guard denied.
var ErrDenied = errors.New("device: a guard denies the transfer")

// GuardError is an ErrDenied that says what would have moved. Nothing was copied.
type GuardError struct {
	Direction Direction
	Bytes     int
	Site      Site // the line that asked for it, as far as that is known
	Device    string
	Explicit  bool // it was asked for by name
}

// Error names direction and bytes, and the ways out. The line is said by what asked for the transfer, as package tensor
// does of all its errors.
func (e *GuardError) Error() string {
	kind, cure := "an implicit", "move the array with To before the scope begins"
	if e.Explicit {
		kind, cure = "a", "move it before the scope begins"
	}
	return fmt.Sprintf("%s transfer of %s, %v (%s), is denied by a guard: %s, or allow it there with device.Guard(ctx, device.Allow)",
		kind, ExactBytes(e.Bytes), e.Direction, e.Device, cure)
}

// Is makes it an ErrDenied.
func (e *GuardError) Is(target error) bool { return target == ErrDenied }
