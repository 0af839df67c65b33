package device

import (
	"errors"
	"fmt"
	"strings"
)

// Errors that a caller may test for with errors.Is.
var (
	// ErrSplit is Compile's answer to an operation that the device cannot run in one piece, such as
	// a row that does not fit in its fast memory. Cut the operation at its folds and ask again.
	ErrSplit = errors.New("device: the operation must be split")
	// ErrFreed is the use of a buffer after its Free.
	ErrFreed = errors.New("device: buffer used after Free")
	// ErrClosed is the use of a device or a program after its Close.
	ErrClosed = errors.New("device: used after Close")
)

// FreedError is an ErrFreed that says what was tried with which buffer.
type FreedError struct {
	Op   string // "copy", "run"
	Site Site   // where the buffer was allocated
}

// Error names the operation and the buffer.
func (e *FreedError) Error() string {
	return fmt.Sprintf("%s: the buffer allocated at %v was freed before: keep it until its last use, or do not call Free and leave it to the collector", e.Op, e.Site)
}

// Is makes it an ErrFreed.
func (e *FreedError) Is(target error) bool { return target == ErrFreed }

// MismatchError is an operation whose operands are on two devices. Nothing moves between devices
// unless asked: the cure is to ask.
type MismatchError struct {
	Op    string // the operation: "add", "copy"
	A, B  string // names of the devices; the operand on A is the one that is cheaper to move
	Bytes int    // what moving it to B moves, 0 if unknown
}

// Error names the To to add, and what it moves.
func (e *MismatchError) Error() string {
	move := "this moves " + ExactBytes(e.Bytes)
	if e.Bytes == 0 {
		move = "its bytes are then counted as a transfer"
	}
	return fmt.Sprintf("%s: operands on two devices, %s and %s; nothing moves unless asked: use x.To(ctx, dev) with the device %s on the operand that is on %s (%s)",
		e.Op, e.A, e.B, e.B, e.A, move)
}

// TransferError is more transfers in a scope than it should have.
type TransferError struct {
	Max   int
	Got   Transfer
	Sites []Holder // who moved how many bytes
}

// Error gives the numbers and the call sites.
func (e *TransferError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d transfers of %s, at most %d wanted; moved by:", e.Got.Count, ExactBytes(e.Got.Bytes), e.Max)
	for _, s := range e.Sites {
		fmt.Fprintf(&b, "\n  %10s  %v", FormatBytes(s.Bytes), s.Site)
	}
	return b.String()
}

// SpanError is a part of a buffer that cannot be copied.
type SpanError struct {
	Span Span
	Side string // "source" or "destination"
	Why  string
	Want int // the size of the buffer, or the length of the other side
}

// Error gives offset, length and what they should have been.
func (e *SpanError) Error() string {
	return fmt.Sprintf("copy: %s of %d bytes at offset %d: %s (%d bytes)", e.Side, e.Span.Len, e.Span.Off, e.Why, e.Want)
}

// SizeError is an allocation of a negative number of bytes: a product of extents overflowed.
type SizeError struct{ Bytes int }

// Error gives the number.
func (e *SizeError) Error() string {
	return fmt.Sprintf("alloc: %d bytes: the size of an array is not negative and fits in 63 bits", e.Bytes)
}

// Holder is a call site and what its allocations hold.
type Holder struct {
	Site  Site
	Bytes int
}

// BudgetError is work that does not fit and that cannot be cut. Nothing was allocated for it.
type BudgetError struct {
	Op      string // the operation, "" if unknown
	Need    int    // bytes that it allocates
	Budget  int    // bytes that it may allocate
	Why     string // where the budget comes from
	Holders []Holder
	Plan    fmt.Stringer // the steps that need the bytes, nil for a single allocation
}

// Error says what is needed, what there is and why, who holds memory, and the ways out.
func (e *BudgetError) Error() string {
	var b strings.Builder
	if e.Op != "" {
		b.WriteString(e.Op + ": ")
	}
	fmt.Fprintf(&b, "needs %s, and the budget is %s", ExactBytes(e.Need), ExactBytes(e.Budget))
	if e.Why != "" {
		b.WriteString(": " + e.Why)
	}
	if len(e.Holders) > 0 {
		b.WriteString("\nheld now by:")
		for _, h := range e.Holders {
			fmt.Fprintf(&b, "\n  %10s  %v", FormatBytes(h.Bytes), h.Site)
		}
	}
	b.WriteString("\nways out: write into an array that exists or a file (Out), compute in float32, a smaller axis at a time, Free what is no longer needed, or raise the budget (Budget)")
	return b.String()
}
