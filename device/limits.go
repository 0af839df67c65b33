package device

import (
	"fmt"
	"io/fs"
	"math"
	"os"
	"runtime/debug"
	"runtime/metrics"
	"strconv"
	"strings"
	"sync"
	"time"
)

// unlimited is the number of bytes where no limit is known.
const unlimited = math.MaxInt

// rereadAfter is how long a reading of the limits serves.
const rereadAfter = time.Second

// Limits reads how much memory the process may still take before something ends it: from its cgroups
// (v1 and v2, and all their ancestors), from the machine, and from GOMEMLIMIT if that is set. The
// smallest counts. Pages of files are not counted as used, since the kernel drops them on demand.
type Limits struct {
	root    fs.FS // holds proc/ and sys/
	machine func() (left int, why string)
	goLimit func() int
	goUse   func() int // bytes that count against goLimit

	mu   sync.Mutex
	at   time.Time
	last reading
}

// reading is what the limits were at one time.
type reading struct {
	left    int    // bytes, unlimited if nothing is known
	why     string // where left comes from
	counted int    // left lacks tare's own memory up to that many bytes, unlimited if all of it
}

// NewLimits makes Limits that read the files proc/… and sys/… of root; os.DirFS("/") on a real
// machine. Where those do not exist the operating system is asked for what it tells, which may be
// nothing.
func NewLimits(root fs.FS) *Limits {
	return &Limits{root: root, machine: machineMemory, goLimit: goMemoryLimit, goUse: goMemoryUse}
}

var processLimits = NewLimits(os.DirFS("/"))

// ProcessLimits are the limits of this process.
func ProcessLimits() *Limits { return processLimits }

// Available is the number of bytes left and where the number comes from: math.MaxInt and "" if
// nothing is known. It is read at most once a second.
func (l *Limits) Available() (left int, why string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.at.IsZero() || time.Since(l.at) > rereadAfter {
		l.last, l.at = l.read(), time.Now()
	}
	return l.last.left, l.last.why
}

// read reads all limits.
func (l *Limits) read() reading {
	resident := l.resident()
	r := reading{left: unlimited, counted: resident}
	lower := func(left int, why string) bool {
		if why == "" || left >= r.left {
			return false
		}
		r.left, r.why = max(left, 0), why
		return true
	}
	lower(l.machineLeft())
	for _, c := range l.cgroups() {
		lower(c.left(), c.why())
	}
	if limit := l.goLimit(); limit != math.MaxInt {
		used, why := l.goUse(), fmt.Sprintf("GOMEMLIMIT (%s)", FormatBytes(limit))
		if resident != unlimited {
			lower(limit-max(used, resident), why)
		} else if lower(limit-used, why) {
			r.counted = 0 // what Go uses is not what tare holds
		}
	}
	return r
}

// machineLeft is what the machine has left without swapping.
func (l *Limits) machineLeft() (int, string) {
	text, err := fs.ReadFile(l.root, "proc/meminfo")
	if err != nil {
		return l.machine()
	}
	info := fields(string(text), "MemAvailable:", "MemFree:", "Cached:", "Buffers:")
	if kib, ok := info["MemAvailable:"]; ok {
		return scaled(kib, 1<<10), "MemAvailable of the machine"
	}
	if _, ok := info["MemFree:"]; !ok {
		return l.machine()
	}
	left := 0
	for _, kib := range info {
		left += min(scaled(kib, 1<<10), unlimited-left)
	}
	return left, "free memory of the machine"
}

// resident is the anonymous memory of the process: resident pages without those of files. It is
// unlimited if that is unknown.
func (l *Limits) resident() int {
	text, err := fs.ReadFile(l.root, "proc/self/statm")
	if err != nil {
		return unlimited
	}
	pages := strings.Fields(string(text))
	if len(pages) < 3 {
		return unlimited
	}
	all, err1 := strconv.Atoi(pages[1])
	shared, err2 := strconv.Atoi(pages[2])
	if err1 != nil || err2 != nil || shared < 0 || all < shared {
		return unlimited
	}
	return scaled(all-shared, os.Getpagesize())
}

// own is what the process uses, as far as is known.
func (l *Limits) own() int {
	if resident := l.resident(); resident != unlimited {
		return resident
	}
	return l.goUse()
}

// scaled is n units, or unlimited where that is no int.
func scaled(n, unit int) int {
	if n > unlimited/unit {
		return unlimited
	}
	return n * unit
}

// goMemoryLimit is GOMEMLIMIT, or what debug.SetMemoryLimit set; math.MaxInt without one.
func goMemoryLimit() int { return int(debug.SetMemoryLimit(-1)) }

// goMemoryUse is what Go counts against that limit: its heap, in use or kept, and all else that the
// runtime has. Memory of devices is not in it.
func goMemoryUse() int {
	samples := []metrics.Sample{{Name: "/memory/classes/total:bytes"}, {Name: "/memory/classes/heap/released:bytes"}}
	metrics.Read(samples)
	return int(samples[0].Value.Uint64() - samples[1].Value.Uint64())
}

// fields finds the numbers of 0 and more that follow the given names at the start of lines.
func fields(text string, names ...string) map[string]int {
	found := map[string]int{}
	for line := range strings.Lines(text) {
		words := strings.Fields(line)
		for _, name := range names {
			if len(words) < 2 || words[0] != name {
				continue
			}
			if n, err := strconv.Atoi(words[1]); err == nil && n >= 0 {
				found[name] = n
			}
		}
	}
	return found
}
