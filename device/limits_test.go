package device

import (
	"math"
	"os"
	"runtime"
	"strconv"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/assert"
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
