package ledger

import (
	"bufio"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strconv"
	"time"

	"github.com/tare-go/tare/device"
)

// WriteTrace writes a trace in Chrome's trace event format, which ui.perfetto.dev and chrome://tracing
// open. Each device is a process. It has a counter track "memory", with live and cached bytes, and
// tracks of slices: launches, compilations, each direction of transfers, allocations and waits, by the
// times of the calls, and one for each stream of the device, by the times of its own clock. Slices of a track that overlap, as those of
// several goroutines do, are spread over as many lanes as that takes. A slice's arguments are its
// bytes and the line of the user's program that asked for it. How many events were dropped because the
// trace was full is the field "dropped" of "otherData".
func WriteTrace(w io.Writer, t *device.Trace) error {
	dropped := t.Dropped() // before the events, so that none is both there and counted as dropped
	events := t.Events()
	out := bufio.NewWriter(w)
	fmt.Fprintf(out, `{"displayTimeUnit":"ns","otherData":{"version":"%d","events":"%d","dropped":"%d"},"traceEvents":[`, Version, len(events), dropped)
	for i, e := range chromeEvents(events) {
		text, err := json.Marshal(e)
		if err != nil {
			return err
		}
		if i > 0 {
			out.WriteByte(',')
		}
		out.WriteByte('\n')
		out.Write(text)
	}
	out.WriteString("\n]}\n")
	return out.Flush()
}

// chromeEvent is an event of the format. Times are in microseconds.
type chromeEvent struct {
	Name  string         `json:"name"`
	Phase string         `json:"ph"`
	Time  float64        `json:"ts"`
	Took  *float64       `json:"dur,omitempty"`
	PID   int            `json:"pid"`
	TID   int            `json:"tid"`
	Args  map[string]any `json:"args,omitempty"`
}

// The phases that are written.
const (
	complete = "X" // a slice
	counter  = "C"
	metadata = "M"
)

// memoryTrack is the name of the counter track.
const memoryTrack = "memory"

// tracks names the track of each kind of event that is a slice.
var tracks = map[device.EventKind]string{
	device.EventLaunch:  "launches",
	device.EventCompile: "compilations",
	device.EventH2D:     "host to device",
	device.EventD2H:     "device to host",
	device.EventD2D:     "on the device",
	device.EventHost:    "host to host",
	device.EventAlloc:   "allocations",
	device.EventSync:    "waits",
}

// chromeEvents is a trace as the format has it: a process for each device, in order of appearance.
func chromeEvents(events []device.Event) []chromeEvent {
	by := map[string][]device.Event{}
	var names []string
	for _, e := range events {
		if by[e.Device] == nil {
			names = append(names, e.Device)
		}
		by[e.Device] = append(by[e.Device], e)
	}
	var out []chromeEvent
	for i, name := range names {
		p := process{pid: i + 1}
		p.name("process_name", 0, name)
		p.memory(by[name])
		p.slices(by[name])
		out = append(out, p.out...)
	}
	return out
}

// process writes the events of one device.
type process struct {
	pid  int
	tids int
	out  []chromeEvent
}

// name names the process or a thread of it.
func (p *process) name(what string, tid int, name string) {
	p.out = append(p.out, chromeEvent{Name: what, Phase: metadata, PID: p.pid, TID: tid, Args: map[string]any{"name": name}})
}

// memory is the counter track: the device's bytes after each allocation and each Free.
func (p *process) memory(events []device.Event) {
	var counters []chromeEvent
	for _, e := range events {
		if e.Kind == device.EventAlloc || e.Kind == device.EventFree {
			counters = append(counters, chromeEvent{Name: memoryTrack, Phase: counter, Time: micros(e.Start + e.Took), PID: p.pid,
				Args: map[string]any{"live": e.Live, "cached": e.Cached}})
		}
	}
	slices.SortStableFunc(counters, func(a, b chromeEvent) int { return cmp.Compare(a.Time, b.Time) })
	p.out = append(p.out, counters...)
}

// slices is the other tracks, in the order of their names.
func (p *process) slices(events []device.Event) {
	by := map[string][]device.Event{}
	for _, e := range events {
		if track := cmp.Or(e.Track, tracks[e.Kind]); track != "" {
			by[track] = append(by[track], e)
		}
	}
	var names []string
	for name := range by {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		for i, lane := range lanes(by[name]) {
			p.tids++
			title := name
			if i > 0 {
				title += " " + strconv.Itoa(i+1)
			}
			p.name("thread_name", p.tids, title)
			p.lane(lane)
		}
	}
}

// lane is one thread of slices that do not overlap.
func (p *process) lane(events []device.Event) {
	for _, e := range events {
		took := micros(e.Took)
		args := map[string]any{"site": e.Site.String()}
		if e.Bytes != 0 {
			args["bytes"] = e.Bytes
		}
		p.out = append(p.out, chromeEvent{Name: cmp.Or(e.Op, e.Kind.String()), Phase: complete, Time: micros(e.Start), Took: &took, PID: p.pid, TID: p.tids, Args: args})
	}
}

// lanes spreads slices over as few lanes as it takes so that in none of them slices overlap, each in
// order of their starts.
func lanes(events []device.Event) [][]device.Event {
	slices.SortStableFunc(events, func(a, b device.Event) int { return cmp.Compare(a.Start, b.Start) })
	var all [][]device.Event
	for _, e := range events {
		i := slices.IndexFunc(all, func(lane []device.Event) bool {
			last := lane[len(lane)-1]
			return last.Start+last.Took <= e.Start
		})
		if i < 0 {
			i = len(all)
			all = append(all, nil)
		}
		all[i] = append(all[i], e)
	}
	return all
}

// micros is a time in microseconds, with nanoseconds as decimals.
func micros(d time.Duration) float64 { return float64(d.Nanoseconds()) / 1e3 }
