package ledger

import (
	"cmp"
	"io"
	"runtime"
	"strings"
	"time"

	"github.com/google/pprof/profile"

	"github.com/tare-go/tare/device"
)

// module is the start of the names of tare's own functions.
const module = "github.com/tare-go/tare/"

// WriteProfile writes what devices allocated, all that are open if none is named, as a profile with the
// sample types of Go's heap profile: alloc_objects, alloc_space, inuse_objects and inuse_space, which
// is the default. Bytes are in size classes. The innermost frame is the line of the user's program for
// which the memory was allocated; above it is the stack that led there, if device.CaptureStacks was on
// at the time. Each sample is labelled with its device and, if there is one, its operator:
//
//	go tool pprof -top -lines tare.pb.gz
//	go tool pprof -top -tagfocus device=cuda:0 -sample_index alloc_space tare.pb.gz
//
// It is compressed with gzip, as pprof has it.
func WriteProfile(w io.Writer, devices ...*device.Ledgered) error {
	if len(devices) == 0 {
		devices = device.Opened()
	}
	return profileOf(devices).Write(w)
}

func profileOf(devices []*device.Ledgered) *profile.Profile {
	b := builder{
		p: &profile.Profile{
			SampleType: []*profile.ValueType{
				{Type: "alloc_objects", Unit: "count"},
				{Type: "alloc_space", Unit: "bytes"},
				{Type: "inuse_objects", Unit: "count"},
				{Type: "inuse_space", Unit: "bytes"},
			},
			DefaultSampleType: "inuse_space",
			PeriodType:        &profile.ValueType{Type: "space", Unit: "bytes"},
			Period:            1,
			TimeNanos:         time.Now().UnixNano(),
		},
		functions: map[place]*profile.Function{},
		locations: map[place]*profile.Location{},
	}
	for _, dev := range devices {
		for _, s := range dev.Stacks() {
			b.sample(dev.Info().Name, s)
		}
	}
	return b.p
}

// place is a function, of line 0, or a line in one.
type place struct {
	function, file string
	line           int
}

// unknown is where memory was allocated of which nobody knows.
var unknown = place{function: "(unknown site)"}

// builder makes a profile. Functions and lines are in it once each.
type builder struct {
	p         *profile.Profile
	functions map[place]*profile.Function
	locations map[place]*profile.Location
}

// sample adds a stack and what was allocated by way of it.
func (b *builder) sample(dev string, s device.StackStats) {
	sample := &profile.Sample{
		Value: []int64{int64(s.Allocs), int64(s.AllocBytes), int64(s.Buffers), int64(s.LiveBytes)},
		Label: map[string][]string{"device": {dev}},
	}
	if s.Op != "" {
		sample.Label["op"] = []string{s.Op}
	}
	for _, at := range stack(s) {
		sample.Location = append(sample.Location, b.location(at))
	}
	b.p.Sample = append(b.p.Sample, sample)
}

// location is a line in the profile.
func (b *builder) location(at place) *profile.Location {
	l := b.locations[at]
	if l == nil {
		l = &profile.Location{ID: uint64(len(b.locations) + 1), Line: []profile.Line{{Function: b.function(at), Line: int64(at.line)}}}
		b.locations[at] = l
		b.p.Location = append(b.p.Location, l)
	}
	return l
}

// function is the function of a line in the profile.
func (b *builder) function(at place) *profile.Function {
	at.line = 0
	f := b.functions[at]
	if f == nil {
		f = &profile.Function{ID: uint64(len(b.functions) + 1), Name: at.function, SystemName: at.function, Filename: at.file}
		b.functions[at] = f
		b.p.Function = append(b.p.Function, f)
	}
	return f
}

// stack is the lines that led to an allocation, the innermost first: the line that it was for, then the
// calls that led there, without tare's own.
func stack(s device.StackStats) []place {
	var calls []place
	if len(s.PCs) > 0 {
		frames := runtime.CallersFrames(s.PCs)
		for more := true; more; {
			var f runtime.Frame
			f, more = frames.Next()
			if f.Function != "" && (len(calls) > 0 || !ours(f)) {
				calls = append(calls, placeOf(f))
			}
		}
	}
	if s.Site != 0 {
		if site := placeOf(s.Site.Frame()); len(calls) == 0 || calls[0] != site {
			calls = append([]place{site}, calls...)
		}
	}
	if len(calls) == 0 {
		return []place{unknown}
	}
	return calls
}

func placeOf(f runtime.Frame) place {
	return place{cmp.Or(f.Function, unknown.function), f.File, f.Line}
}

// ours reports whether a function is tare's, and not a test of it.
func ours(f runtime.Frame) bool {
	return strings.HasPrefix(f.Function, module) && !strings.HasSuffix(f.File, "_test.go")
}
