package device

import (
	"fmt"
	"io/fs"
	"math"
	"os"
	"runtime/debug"
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

	mu   sync.Mutex
	at   time.Time
	last reading
}

// reading is what the limits were at one time.
type reading struct {
	left     int    // bytes, unlimited if nothing is known
	why      string // where left comes from
	resident int    // anonymous memory of the process, unlimited if unknown
}

// NewLimits makes Limits that read the files proc/… and sys/… of root; os.DirFS("/") on a real
// machine. Where those do not exist the operating system is asked for what it tells, which may be
// nothing.
func NewLimits(root fs.FS) *Limits {
	return &Limits{root: root, machine: machineMemory, goLimit: goMemoryLimit}
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
	r := reading{left: unlimited, resident: l.resident()}
	lower := func(left int, why string) {
		if why != "" && left < r.left {
			r.left, r.why = max(left, 0), why
		}
	}
	lower(l.machineLeft())
	for _, c := range l.cgroups() {
		lower(c.left(), c.why())
	}
	if limit := l.goLimit(); limit != math.MaxInt && r.resident != unlimited {
		lower(limit-r.resident, fmt.Sprintf("GOMEMLIMIT (%s)", FormatBytes(limit)))
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
		return kib << 10, "MemAvailable of the machine"
	}
	return (info["MemFree:"] + info["Cached:"] + info["Buffers:"]) << 10, "free memory of the machine"
}

// resident is the anonymous memory of the process: resident pages without those of files.
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
	if err1 != nil || err2 != nil {
		return unlimited
	}
	return (all - shared) * os.Getpagesize()
}

// goMemoryLimit is GOMEMLIMIT, or what debug.SetMemoryLimit set; math.MaxInt without one.
func goMemoryLimit() int { return int(debug.SetMemoryLimit(-1)) }

// fields finds the numbers that follow the given names at the start of lines.
func fields(text string, names ...string) map[string]int {
	found := map[string]int{}
	for line := range strings.Lines(text) {
		words := strings.Fields(line)
		for _, name := range names {
			if len(words) < 2 || words[0] != name {
				continue
			}
			if n, err := strconv.Atoi(words[1]); err == nil {
				found[name] = n
			}
		}
	}
	return found
}
