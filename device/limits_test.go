package device

import (
	"math"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strconv"
	"testing"
	"testing/fstest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// machine is a fake root of a file system: path to content.
type machine map[string]string

// limits reads the fake machine, on which nothing else is known.
func (m machine) limits() *Limits {
	files := fstest.MapFS{}
	for name, text := range m {
		files[name] = &fstest.MapFile{Data: []byte(text)}
	}
	l := NewLimits(files)
	l.machine = func() (int, string) { return unlimited, "" }
	l.goLimit = func() int { return math.MaxInt }
	l.goUse = func() int { return 0 }
	return l
}

const (
	meminfo    = "MemTotal:       16000000 kB\nMemFree:         1000000 kB\nMemAvailable:    8000000 kB\n"
	mountsV2   = "25 1 0:22 / /proc rw - proc proc rw\n30 25 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n"
	mountsV1   = "33 25 0:29 / /sys/fs/cgroup/memory rw shared:9 - cgroup cgroup rw,memory\n34 25 0:30 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu,cpuacct\n"
	unlimited1 = "9223372036854771712\n"
)

func TestLimitsOfTheMachineAlone(t *testing.T) {
	left, why := machine{"proc/meminfo": meminfo}.limits().Available()
	assert.Equal(t, 8000000<<10, left)
	assert.Equal(t, "MemAvailable of the machine", why)
}

func TestLimitsOfAnOldKernel(t *testing.T) {
	left, _ := machine{"proc/meminfo": "MemFree: 10 kB\nBuffers: 20 kB\nCached: 30 kB\n"}.limits().Available()
	assert.Equal(t, 60<<10, left)
}

func TestLimitsUnknown(t *testing.T) {
	left, why := machine{}.limits().Available()
	assert.Equal(t, math.MaxInt, left)
	assert.Empty(t, why)
}

func TestLimitsOfNestedGroupsV2(t *testing.T) {
	m := machine{
		"proc/meminfo":                                       meminfo,
		"proc/self/cgroup":                                   "0::/user.slice/app/worker\n",
		"proc/self/mountinfo":                                mountsV2,
		"sys/fs/cgroup/user.slice/memory.max":                "4000000000\n",
		"sys/fs/cgroup/user.slice/memory.current":            "3500000000\n",
		"sys/fs/cgroup/user.slice/memory.stat":               "anon 1\nactive_file 300000000\ninactive_file 200000000\nfile 77\n",
		"sys/fs/cgroup/user.slice/app/memory.max":            "max\n",
		"sys/fs/cgroup/user.slice/app/worker/memory.max":     "2000000000\n",
		"sys/fs/cgroup/user.slice/app/worker/memory.current": "100000000\n",
		"sys/fs/cgroup/user.slice/app/worker/memory.stat":    "",
	}
	left, why := m.limits().Available()
	assert.Equal(t, 1000000000, left, "the grandparent's limit, with pages of files counted as free")
	assert.Equal(t, "memory.max of the cgroup /sys/fs/cgroup/user.slice (3.73 GiB)", why)

	m["sys/fs/cgroup/user.slice/memory.current"] = "500000000\n"
	left, why = m.limits().Available()
	assert.Equal(t, 1900000000, left)
	assert.Contains(t, why, "app/worker")

	m["sys/fs/cgroup/user.slice/app/worker/memory.current"] = "2500000000\n"
	left, _ = m.limits().Available()
	assert.Zero(t, left, "over the limit is nothing left")
}

func TestLimitsOfNestedGroupsV1(t *testing.T) {
	m := machine{
		"proc/meminfo":        meminfo,
		"proc/self/cgroup":    "5:cpu,cpuacct:/job\n4:memory:/batch/job\n0::/\n",
		"proc/self/mountinfo": mountsV1,
		"sys/fs/cgroup/memory/memory.limit_in_bytes":           unlimited1,
		"sys/fs/cgroup/memory/memory.usage_in_bytes":           "9000000000\n",
		"sys/fs/cgroup/memory/batch/memory.limit_in_bytes":     "3000000000\n",
		"sys/fs/cgroup/memory/batch/memory.usage_in_bytes":     "2000000000\n",
		"sys/fs/cgroup/memory/batch/memory.stat":               "active_file 1\ninactive_file 1\ntotal_active_file 400000000\ntotal_inactive_file 100000000\n",
		"sys/fs/cgroup/memory/batch/job/memory.limit_in_bytes": unlimited1,
	}
	left, why := m.limits().Available()
	assert.Equal(t, 1500000000, left)
	assert.Equal(t, "memory.limit_in_bytes of the cgroup /sys/fs/cgroup/memory/batch (2.79 GiB)", why)
}

func TestNoLimitIsNoLimit(t *testing.T) {
	left, why := machine{
		"proc/self/cgroup":                           "4:memory:/\n0::/\n",
		"proc/self/mountinfo":                        mountsV1 + mountsV2,
		"sys/fs/cgroup/memory/memory.limit_in_bytes": unlimited1,
		"sys/fs/cgroup/memory.max":                   "max\n",
	}.limits().Available()
	assert.Equal(t, math.MaxInt, left)
	assert.Empty(t, why)
}

func TestLimitsInAContainer(t *testing.T) {
	// The container sees its own group at the mount point, under the path that the host has for it.
	for name, mounts := range map[string]string{
		"the group's path is the mount's root": "30 25 0:26 /docker/abc /sys/fs/cgroup ro - cgroup2 cgroup rw\n",
		"the path is outside of the mount":     "30 25 0:26 /../../.. /sys/fs/cgroup ro - cgroup2 cgroup rw\n",
		"a mount point with a blank":           "30 25 0:26 /docker/abc /sys/fs\\040x/cgroup ro - cgroup2 cgroup rw\n",
	} {
		m := machine{"proc/self/cgroup": "0::/docker/abc\n", "proc/self/mountinfo": mounts}
		for _, dir := range []string{"sys/fs/cgroup", "sys/fs x/cgroup"} {
			m[dir+"/memory.max"], m[dir+"/memory.current"] = "1000000\n", "400000\n"
		}
		left, _ := m.limits().Available()
		assert.Equal(t, 600000, left, name)
	}
}

func TestLimitOfGo(t *testing.T) {
	page := os.Getpagesize()
	l := machine{"proc/meminfo": meminfo, "proc/self/statm": "99999 3000 1000 5 0 700 0\n"}.limits()
	l.goLimit = func() int { return 1 << 30 }
	left, why := l.Available()
	assert.Equal(t, 1<<30-2000*page, left)
	assert.Equal(t, "GOMEMLIMIT (1.00 GiB)", why)
}

// What Go uses counts where the process's memory is not known, and where it is more than that.
func TestLimitOfGoCountsWhatGoUses(t *testing.T) {
	l := machine{"proc/meminfo": meminfo}.limits()
	l.goLimit = func() int { return 1 << 30 }
	l.goUse = func() int { return 300 << 20 }
	left, why := l.Available()
	assert.Equal(t, 724<<20, left)
	assert.Equal(t, "GOMEMLIMIT (1.00 GiB)", why)

	g := gauge{dev: named{info: Info{Kind: "cpu"}}, limits: l}
	assert.Equal(t, 724<<20, g.limit(fullShare, 500<<20, seldom), "what tare holds is no part of what Go uses, and is not added to what is left")

	l = machine{"proc/meminfo": meminfo, "proc/self/statm": "9 2 1"}.limits()
	l.goLimit = func() int { return 1 << 30 }
	l.goUse = func() int { return 2 << 30 }
	left, _ = l.Available()
	assert.Zero(t, left, "over the limit is nothing left")
}

// The real thing: memory on the Go heap is memory that a plan may not take.
func TestTheGoHeapCounts(t *testing.T) {
	l := NewLimits(os.DirFS("/"))
	debug.FreeOSMemory() // or the heap below may take what is free already
	used := max(l.own(), goMemoryUse())
	defer debug.SetMemoryLimit(debug.SetMemoryLimit(int64(used + 512<<20)))
	heap := make([]byte, 64<<20)
	for i := 0; i < len(heap); i += 1024 {
		heap[i] = 1
	}
	g := gauge{dev: named{info: Info{Kind: "cpu"}}, limits: l}
	limit := g.limit(defaultShare, 0, unlimited)
	assert.LessOrEqual(t, limit, (512-60)<<20*defaultShare/100, g.explain(defaultShare))
	assert.Positive(t, limit)
	assert.Contains(t, g.why, "GOMEMLIMIT", "the smallest limit of this machine, unless that has less than 512 MiB left")
	runtime.KeepAlive(heap)
}

func TestLimitsAreReadOnceASecond(t *testing.T) {
	m := machine{"proc/meminfo": meminfo}
	l := m.limits()
	before, _ := l.Available()
	l.root = fstest.MapFS{"proc/meminfo": &fstest.MapFile{Data: []byte("MemAvailable: 1 kB\n")}}
	after, _ := l.Available()
	assert.Equal(t, before, after)
	l.at = l.at.Add(-2 * rereadAfter)
	after, _ = l.Available()
	assert.Equal(t, 1024, after)
}

func TestProcessLimits(t *testing.T) {
	left, why := ProcessLimits().Available()
	if runtime.GOOS != "linux" {
		t.Skip("what is known differs")
	}
	assert.Positive(t, left)
	assert.Less(t, left, math.MaxInt)
	assert.NotEmpty(t, why)
}

func TestGaugeKeepsItsShare(t *testing.T) {
	m := machine{"proc/meminfo": "MemAvailable: 1000 kB\n", "proc/self/statm": "9999999 9999999 0"}
	g := gauge{dev: named{info: Info{Kind: "cpu"}}, limits: m.limits()}
	assert.Equal(t, 800<<10, g.limit(defaultShare, 0, seldom))
	assert.Equal(t, 800<<10, g.limit(defaultShare, 500<<10, seldom), "what was taken since is known")

	g.at = g.at.Add(-2 * rereadAfter)
	g.limits = machine{"proc/meminfo": "MemAvailable: 400 kB\n", "proc/self/statm": "9999999 9999999 0"}.limits()
	assert.Equal(t, 800<<10, g.limit(defaultShare, 600<<10, seldom), "80 % of what is left and held, again and again")
	assert.Equal(t, 1000<<10, g.limit(fullShare, 600<<10, seldom))
	assert.Equal(t, "80 % of the 0.98 MiB that tare can have, by MemAvailable of the machine, less what it holds", g.explain(defaultShare))
}

func TestGaugeDoesNotTrustUntouchedMemory(t *testing.T) {
	resident := 100 * os.Getpagesize()
	m := machine{"proc/meminfo": "MemAvailable: 1000 kB\n", "proc/self/statm": "500 " + strconv.Itoa(100) + " 0"}
	g := gauge{dev: named{info: Info{Kind: "cpu"}}, limits: m.limits()}
	g.limit(fullShare, 1<<30, seldom)
	assert.Equal(t, 1000<<10+resident, g.base, "1 GiB is held, of which little is resident")
}

// group is the files of a machine with one control group of version 2, with the limit in a file.
func group(limit string) machine {
	return machine{
		"proc/meminfo": meminfo, "proc/self/cgroup": "0::/job\n", "proc/self/mountinfo": mountsV2,
		"sys/fs/cgroup/job/memory.max": limit, "sys/fs/cgroup/job/memory.current": "1000\n",
	}
}

// in writes the machine's files to a folder, and reads the limits from there.
func (m machine) in(t *testing.T, folder string) *Limits {
	t.Helper()
	for name, text := range m {
		file := filepath.Join(folder, filepath.FromSlash(name))
		require.NoError(t, os.MkdirAll(filepath.Dir(file), 0o777))
		require.NoError(t, os.WriteFile(file, []byte(text), 0o666))
	}
	l := m.limits()
	l.root = os.DirFS(folder)
	return l
}

const machineHas = 8000000 << 10

func TestLimitFiles(t *testing.T) {
	for limit, want := range map[string]int{
		"5000\n": 4000, "5000": 4000, " 5000 \n\n": 4000, "0\n": 0, "1000\n": 0, "999\n": 0,
		"max\n": machineHas, "": machineHas, "\n": machineHas, "-1\n": machineHas, "5e9\n": machineHas, "0x100\n": machineHas,
		"18446744073709551615\n": machineHas, "99999999999999999999999\n": machineHas, unlimited1: machineHas,
		"5000 6000\n": machineHas, "\x00\xff\n": machineHas, "limit\n": machineHas,
	} {
		left, why := group(limit).in(t, t.TempDir()).Available()
		assert.Equal(t, want, left, "%q", limit)
		assert.NotEmpty(t, why)
	}
}

func TestLimitFilesThatCannotBeRead(t *testing.T) {
	for name, spoil := range map[string]func(dir string) error{
		"no limit file": func(dir string) error { return os.Remove(filepath.Join(dir, "memory.max")) },
		"no group":      os.RemoveAll,
		"a folder for the limit": func(dir string) error {
			os.Remove(filepath.Join(dir, "memory.max"))
			return os.Mkdir(filepath.Join(dir, "memory.max"), 0o777)
		},
	} {
		root := t.TempDir()
		l := group("5000\n").in(t, root)
		require.NoError(t, spoil(filepath.Join(root, "sys", "fs", "cgroup", "job")), name)
		left, why := l.Available()
		assert.Equal(t, machineHas, left, name)
		assert.Equal(t, "MemAvailable of the machine", why, name)
	}
	left, why := machine{}.in(t, filepath.Join(t.TempDir(), "none")).Available()
	assert.Equal(t, math.MaxInt, left)
	assert.Empty(t, why)
}

// Where a group does not tell what it uses, what the process uses counts.
func TestUsageThatIsNotTold(t *testing.T) {
	for _, usage := range []string{"", "unknown\n", "-5\n", "99999999999999999999999\n"} {
		m := group("5000\n")
		m["sys/fs/cgroup/job/memory.current"] = usage
		l := m.limits()
		l.goUse = func() int { return 700 }
		left, _ := l.Available()
		assert.Equal(t, 4300, left, "%q", usage)
	}
}

func TestOddMeminfo(t *testing.T) {
	for text, want := range map[string]int{
		"":                                       unlimited, // and the operating system knows nothing
		"garbage":                                unlimited,
		"MemAvailable:":                          unlimited,
		"MemAvailable: many kB\n":                unlimited,
		"MemAvailable: -4 kB\n":                  unlimited,
		"MemAvailable: 0 kB\n":                   0,
		"MemAvailable: 9223372036854775807 kB\n": unlimited,
		"MemFree: 9223372036854775807 kB\nCached: 9223372036854775807 kB\n": unlimited,
		"Cached: 5 kB\n": unlimited,
	} {
		left, _ := machine{"proc/meminfo": text}.limits().Available()
		assert.Equal(t, want, left, "%q", text)
	}
}

func TestOddStatm(t *testing.T) {
	for text, want := range map[string]int{
		"": unlimited, "1 2": unlimited, "a b c": unlimited, "9 -1 0": unlimited, "9 5 7": unlimited, "9 5 -1": unlimited,
		"9 9223372036854775807 0": unlimited, "9 7 5": 2 * os.Getpagesize(), "9 0 0": 0,
	} {
		assert.Equal(t, want, machine{"proc/self/statm": text}.limits().resident(), "%q", text)
	}
}

// FuzzLimits reads files with anything in them: what is left is never negative, and a number has a
// reason.
func FuzzLimits(f *testing.F) {
	f.Add(meminfo, "0::/job\n", mountsV2, "max\n", "1\n", "inactive_file 5\n", "9 7 5")
	f.Add("MemFree: 1 kB", "4:memory:/\n", mountsV1, unlimited1, "x", "", "")
	f.Add("MemAvailable: 9223372036854775807 kB", "0::/../..\n", "30 25 0:26 /a\\040b / - cgroup2 c rw\n", "-1", "-1", "active_file -1", "1 1 2")
	f.Fuzz(func(t *testing.T, meminfo, cgroup, mounts, limit, usage, stat, statm string) {
		m := machine{"proc/meminfo": meminfo, "proc/self/cgroup": cgroup, "proc/self/mountinfo": mounts, "proc/self/statm": statm}
		for _, dir := range []string{"sys/fs/cgroup/", "sys/fs/cgroup/job/", "sys/fs/cgroup/memory/", ""} {
			m[dir+"memory.max"], m[dir+"memory.current"], m[dir+"memory.stat"] = limit, usage, stat
			m[dir+"memory.limit_in_bytes"], m[dir+"memory.usage_in_bytes"] = limit, usage
		}
		l := m.limits()
		left, why := l.Available()
		assert.GreaterOrEqual(t, left, 0)
		if why == "" {
			assert.Equal(t, unlimited, left, "a number has a reason")
		}
		g := gauge{dev: named{info: Info{Kind: "cpu"}}, limits: l}
		for _, held := range []int{0, 1 << 40} {
			g.at = time.Time{}
			assert.GreaterOrEqual(t, g.limit(defaultShare, held, unlimited), 0)
		}
	})
}
