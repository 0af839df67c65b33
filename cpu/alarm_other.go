//go:build !linux

package cpu

import (
	"runtime"
	"sync"
)

// alarm wakes a helper.
type alarm struct {
	once sync.Once
	wake chan struct{} // holds a token while it rings; closed when it is over
}

func (a *alarm) tokens() chan struct{} {
	a.once.Do(func() { a.wake = make(chan struct{}, 1) })
	return a.wake
}

// begin is for the goroutine that will sleep.
func (a *alarm) begin() {}

// sleep waits until the alarm rings, and is false if it is over.
func (a *alarm) sleep() bool {
	_, ok := <-a.tokens()
	return ok
}

// ring wakes the one that sleeps, or will.
func (a *alarm) ring() {
	select {
	case a.tokens() <- struct{}{}:
	default: // it rings already
	}
}

// stop ends the alarm.
func (a *alarm) stop() { close(a.tokens()) }

// settled notes where the thread is.
func (a *alarm) settled() {}

// apart sees to it that the thread does not work on the caller's processor.
func (a *alarm) apart(bool) {}

// pause gives other goroutines a turn.
func (a *alarm) pause() { runtime.Gosched() }
