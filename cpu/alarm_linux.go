package cpu

import (
	"runtime"
	"sync/atomic"
	"unsafe"

	"golang.org/x/sys/unix"
)

// alarm wakes a helper, which has a thread of its own. The thread sleeps in the kernel and not in Go's scheduler, and is
// told before it wakes to stay off the caller's processor: on a virtual machine the kernel takes a processor that sleeps
// for one that is gone, and puts a thread that it wakes behind the one that called it, where it would wait for that to
// be done. Two workers then took turns instead of working at once, for as long as jobs were short.
type alarm struct {
	word   atomic.Uint32 // silent, ringing or over
	thread atomic.Int32
	place  atomic.Int32 // the processor on which the thread last began to watch, plus 1
	_      [64]byte     // keeps the words of two helpers in different lines of the caches
}

// The states of an alarm.
const (
	silent uint32 = iota
	ringing
	over
)

// The operations of the futex system call.
const (
	futexWait = 0 | 128 // of this process alone
	futexWake = 1 | 128
)

// begin is for the goroutine that will sleep. Its thread ends with it.
func (a *alarm) begin() {
	runtime.LockOSThread()
	a.thread.Store(int32(unix.Gettid()))
}

// pause gives other goroutines a turn. It is for the goroutine itself, which may go on in another thread.
func (a *alarm) pause() {
	_ = unix.SchedSetaffinity(int(a.thread.Load()), &processors)
	runtime.UnlockOSThread()
	runtime.Gosched()
	a.begin()
	a.settled()
}

// sleep waits until the alarm rings, and is false if it is over.
func (a *alarm) sleep() bool {
	for {
		if a.word.CompareAndSwap(ringing, silent) {
			return true
		}
		if a.word.Load() == over {
			return false
		}
		unix.Syscall6(unix.SYS_FUTEX, uintptr(unsafe.Pointer(&a.word)), futexWait, uintptr(silent), 0, 0, 0)
	}
}

// ring wakes the one that sleeps, or will.
func (a *alarm) ring() {
	if a.word.CompareAndSwap(silent, ringing) {
		a.stir()
	}
}

func (a *alarm) stir() {
	unix.RawSyscall6(unix.SYS_FUTEX, uintptr(unsafe.Pointer(&a.word)), futexWake, 1, 0, 0, 0)
}

// stop ends the alarm.
func (a *alarm) stop() {
	a.word.Store(over)
	a.stir()
}

// processors are those that the process may use, as of its start.
var processors = func() (set unix.CPUSet) {
	_ = unix.SchedGetaffinity(0, &set) // an empty set means that nobody is sent away
	return set
}()

// settled notes where the thread is. It is for the thread itself.
func (a *alarm) settled() { a.place.Store(here() + 1) }

// apart sees to it that the thread does not work on the caller's processor: if it did so before, or sleeps and may be
// woken there, it is allowed all others. It is advice, and its errors change nothing.
func (a *alarm) apart(asleep bool) {
	at, thread := here(), a.thread.Load()
	if thread == 0 || at < 0 || processors.Count() < 2 || !asleep && a.place.Load() != at+1 {
		return
	}
	set := processors
	set.Clear(int(at))
	_ = unix.SchedSetaffinity(int(thread), &set)
}

// here is the processor of the thread that calls, -1 if that is unknown.
func here() int32 {
	var processor uint32
	if _, _, failed := unix.RawSyscall(unix.SYS_GETCPU, uintptr(unsafe.Pointer(&processor)), 0, 0); failed != 0 {
		return -1
	}
	return int32(processor)
}
