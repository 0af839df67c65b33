package device

import "time"

// EventKind says what happened.
type EventKind uint8

// The kinds of event. The first four are copies by direction.
const (
	EventH2D     EventKind = iota // a copy from host memory to the device
	EventD2H                      // a copy from the device to host memory
	EventD2D                      // a copy within the device, or between two
	EventHost                     // a copy from host memory to host memory
	EventAlloc                    // an allocation
	EventFree                     // the end of one
	EventCompile                  // an operation becomes a program
	EventClose                    // the end of a program
	EventLaunch                   // a run of a program
	EventSync                     // a wait for what was started

	eventKinds
)

// String is the kind's name.
func (k EventKind) String() string {
	if k >= eventKinds {
		return "unknown"
	}
	return [eventKinds]string{"host to device", "device to host", "on the device", "host to host",
		"allocate", "free", "compile", "close", "launch", "sync"}[k]
}

// event is something that a ledger counts.
type event struct {
	kind    EventKind
	purpose Purpose       // of an allocation
	bytes   int           // allocated or freed in size classes, or copied
	start   time.Duration // since the epoch
	took    time.Duration // spent in the call of the device
}

// epoch is when the clock of the events started.
var epoch = time.Now()

// clock is the time since the epoch: one reading of the monotonic clock.
func clock() time.Duration { return time.Since(epoch) }
