package devicetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"unsafe"

	"github.com/tare-go/tare/device"
	"github.com/tare-go/tare/internal/ir"
)

// guard is the number of bytes on either side of a buffer that nobody may write.
const guard = 64

// poison fills memory that holds nothing: it is a NaN as a float of any size.
const poison = 0xFF

// guardByte fills guards.
const guardByte = 0xA5

// scratch is the workspace that programs with folds ask for, so that plans must provide one.
const scratch = 256

// StrictDevice is a device that forgives nothing. It has memory of its own that the processor cannot
// reach, with guards around each buffer, poisoned before use and after Free, and runs operations
// through the reference interpreter. Operands that are host memory, that belong to another device
// or are freed, that reach outside their buffer, wrong numbers of operands and spans outside of
// buffers are errors. Double frees and broken guards cannot be errors of a call: Errors lists them.
type StrictDevice struct {
	mu     sync.Mutex
	live   map[*strictBuffer]bool
	errs   []error
	closed atomic.Bool
}

// Strict makes a StrictDevice.
func Strict() *StrictDevice { return &StrictDevice{live: map[*strictBuffer]bool{}} }

// Info says that the device is no other.
func (s *StrictDevice) Info() device.Info {
	return device.Info{Name: "strict", Kind: "strict", Model: "reference interpreter", Workers: 1}
}

// Errors lists what was done wrong in calls that return no error.
func (s *StrictDevice) Errors() []error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]error(nil), s.errs...)
}

// Leaks lists the buffers that were not freed, each with the calls that allocated it.
func (s *StrictDevice) Leaks() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var leaks []string
	for b := range s.live {
		leaks = append(leaks, fmt.Sprintf("%d bytes allocated by\n%s", b.size, b.stack()))
	}
	return leaks
}

// Check fails the test for each of Errors and Leaks.
func (s *StrictDevice) Check(t testing.TB) {
	t.Helper()
	for _, err := range s.Errors() {
		t.Error(err)
	}
	for _, leak := range s.Leaks() {
		t.Error("leak: " + leak)
	}
}

func (s *StrictDevice) report(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.errs = append(s.errs, err)
}

func (s *StrictDevice) begin(ctx context.Context) error {
	if s.closed.Load() {
		return device.ErrClosed
	}
	return ctx.Err()
}

// Alloc allocates poisoned memory between guards.
func (s *StrictDevice) Alloc(ctx context.Context, size int) (device.Buffer, error) {
	if err := s.begin(ctx); err != nil {
		return nil, err
	}
	if size < 0 {
		return nil, &device.SizeError{Bytes: size}
	}
	b := &strictBuffer{dev: s, size: size, all: bytes.Repeat([]byte{guardByte}, size+2*guard), callers: make([]uintptr, 24)}
	fill(b.data(), poison)
	b.callers = b.callers[:runtime.Callers(2, b.callers)]
	s.mu.Lock()
	s.live[b] = true
	s.mu.Unlock()
	return b, nil
}

// Copy copies between buffers of the device, and from and to host memory.
func (s *StrictDevice) Copy(ctx context.Context, dst, src device.Span) error {
	if err := s.begin(ctx); err != nil {
		return err
	}
	if err := device.CheckCopy(dst, src); err != nil {
		return err
	}
	to, err := s.bytes(dst)
	if err != nil {
		return err
	}
	from, err := s.bytes(src)
	if err != nil {
		return err
	}
	copy(to, from)
	return nil
}

// bytes is the memory of a span, of the device or of the host.
func (s *StrictDevice) bytes(span device.Span) ([]byte, error) {
	if b, ok := span.Bytes(); ok {
		return b, nil
	}
	b, err := s.own(span.Buffer)
	if err != nil {
		return nil, fmt.Errorf("copy: %w", err)
	}
	return b.data()[span.Off : span.Off+span.Len], nil
}

// own is a buffer as one of the device's that is not freed.
func (s *StrictDevice) own(buffer device.Buffer) (*strictBuffer, error) {
	b, ok := buffer.(*strictBuffer)
	switch {
	case !ok || b.dev != s:
		return nil, fmt.Errorf("strict device: a %T is not memory of this device", buffer)
	case b.freed.Load():
		return nil, fmt.Errorf("%w, allocated by\n%s", device.ErrFreed, b.stack())
	}
	return b, nil
}

// Compile verifies the operation.
func (s *StrictDevice) Compile(op ir.Op) (device.Program, error) {
	if err := s.begin(context.Background()); err != nil {
		return nil, err
	}
	if err := ir.Verify(op); err != nil {
		return nil, err
	}
	return &strictProgram{dev: s, op: op}, nil
}

// Sync checks the guards of all buffers.
func (s *StrictDevice) Sync(ctx context.Context) error {
	if err := s.begin(ctx); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	var errs []error
	for b := range s.live {
		errs = append(errs, b.guards())
	}
	return errors.Join(errs...)
}

// Close ends the device. A second Close does nothing.
func (s *StrictDevice) Close() error {
	s.closed.Store(true)
	return nil
}

// strictBuffer is a buffer between guards.
type strictBuffer struct {
	dev     *StrictDevice
	size    int
	all     []byte // guard, data, guard
	callers []uintptr
	freed   atomic.Bool
}

func (b *strictBuffer) data() []byte { return b.all[guard : guard+b.size : guard+b.size] }

// Size is the number of bytes asked for.
func (b *strictBuffer) Size() int { return b.size }

// Host is nil: the memory is the device's.
func (b *strictBuffer) Host() unsafe.Pointer { return nil }

// Free poisons the memory. A second one is recorded as an error.
func (b *strictBuffer) Free() {
	if b.freed.Swap(true) {
		b.dev.report(fmt.Errorf("strict device: freed twice: a buffer allocated by\n%s", b.stack()))
		return
	}
	b.dev.mu.Lock()
	delete(b.dev.live, b)
	b.dev.mu.Unlock()
	if err := b.guards(); err != nil {
		b.dev.report(err)
	}
	fill(b.all, poison)
}

// guards is an error if something was written outside of the buffer.
func (b *strictBuffer) guards() error {
	for i := range guard {
		if b.all[i] != guardByte || b.all[guard+b.size+i] != guardByte {
			return fmt.Errorf("strict device: written outside of a buffer of %d bytes allocated by\n%s", b.size, b.stack())
		}
	}
	return nil
}

// stack is the calls that allocated the buffer.
func (b *strictBuffer) stack() string {
	var text strings.Builder
	frames := runtime.CallersFrames(b.callers)
	for {
		f, more := frames.Next()
		fmt.Fprintf(&text, "  %s\n      %s:%d\n", f.Function, f.File, f.Line)
		if !more {
			return text.String()
		}
	}
}

func fill(b []byte, v byte) {
	for i := range b {
		b[i] = v
	}
}

type strictProgram struct {
	dev    *StrictDevice
	op     ir.Op
	closed atomic.Bool
}

// Workspace is something for kernels with folds, though nothing needs it.
func (p *strictProgram) Workspace() int {
	if k, ok := p.op.(*ir.Kernel); ok && k.Folds() {
		return scratch
	}
	return 0
}

// Run interprets the operation.
func (p *strictProgram) Run(ctx context.Context, args []device.Arg, work device.Span) error {
	if p.closed.Load() {
		return device.ErrClosed
	}
	if err := p.dev.begin(ctx); err != nil {
		return err
	}
	operands := append(append([]ir.Operand(nil), p.op.Inputs()...), p.op.Outputs()...)
	if want := len(operands) + len(p.op.Scalars()); len(args) != want {
		return fmt.Errorf("strict device: %d arguments, want %d, for\n%v", len(args), want, p.op)
	}
	if err := p.spoil(work); err != nil {
		return err
	}
	memory := make([]ir.Memory, len(operands))
	for i, o := range operands {
		m, err := p.memory(o, ir.Extents(p.op, i), args[i])
		if err != nil {
			return fmt.Errorf("%w: argument %d of\n%v", err, i, p.op)
		}
		memory[i] = m
	}
	scalars := make([]uint64, len(p.op.Scalars()))
	for i := range scalars {
		scalars[i] = args[len(operands)+i].Bits
	}
	return ir.Interpret(p.op, memory, scalars)
}

// spoil poisons the workspace, which may be anywhere but must be all there.
func (p *strictProgram) spoil(work device.Span) error {
	if p.Workspace() == 0 && work.Buffer == nil {
		return nil
	}
	if work.Len < p.Workspace() {
		return fmt.Errorf("strict device: workspace of %d bytes, want %d", work.Len, p.Workspace())
	}
	if err := device.CheckCopy(work, work); err != nil {
		return err
	}
	b, err := p.dev.own(work.Buffer)
	if err != nil {
		return err
	}
	fill(b.data()[work.Off:work.Off+work.Len], poison)
	return nil
}

// memory is an argument's memory, if every element that the operation touches is inside.
func (p *strictProgram) memory(o ir.Operand, space []int, a device.Arg) (ir.Memory, error) {
	b, err := p.dev.own(a.Buffer)
	if err != nil {
		return ir.Memory{}, err
	}
	low, high := o.Reach(space)
	if low < high && (a.Off+low < 0 || a.Off+high > b.size) {
		return ir.Memory{}, fmt.Errorf("strict device: bytes [%d, %d) of a buffer of %d", a.Off+low, a.Off+high, b.size)
	}
	return ir.Memory{Data: b.data(), Off: a.Off}, nil
}

// Close ends the program. A second Close does nothing.
func (p *strictProgram) Close() error {
	p.closed.Store(true)
	return nil
}
