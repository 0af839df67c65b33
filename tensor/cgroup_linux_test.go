package tensor_test

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime/debug"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/tare-go/tare/device"
	np "github.com/tare-go/tare/tensor"
)

// insideGroup is the variable that says, to the test that runs once more, in which control group it does.
const insideGroup = "TARE_TEST_CGROUP"

// groupLimit is the limit of memory of that group's parent.
const groupLimit = 128 << 20

// A program that says nothing of a budget stays within the limit of its control group, here one above it:
// what does not fit is cut, or an error, and the kernel has no reason to kill.
func TestProgramsFitTheirControlGroup(t *testing.T) {
	if group := os.Getenv(insideGroup); group != "" {
		programInAGroup(t, group)
		return
	}
	parent, child := newGroups(t)
	self := exec.Command("sh", "-c", `echo $$ >"$0/cgroup.procs" && exec "$@"`, child,
		os.Args[0], "-test.run", "^"+t.Name()+"$", "-test.v")
	self.Env = append(os.Environ(), insideGroup+"="+parent)
	said, err := self.CombinedOutput()
	require.NoError(t, err, "%s", said)
}

// programInAGroup needs 245 MiB for a product that is summed, and then as many for one that is the result.
func programInAGroup(t *testing.T, parent string) {
	debug.FreeOSMemory() // what Go keeps and could give back is charged, too
	left, why := device.ProcessLimits().Available()
	assert.Contains(t, why, parent)
	assert.InDelta(t, groupLimit-charged(t, parent), left, 4<<20)

	a, b := ones(t, np.Float32, 8000, 16), ones(t, np.Float32, 16, 8000)
	sum := np.Sum(np.MatMul(a, b))
	plan, err := sum.Plan()
	require.NoError(t, err)
	assert.NotNil(t, plan.Chunks)
	assert.Less(t, plan.PeakBytes, groupLimit)
	r, err := sum.Eval(t.Context())
	require.NoError(t, err)
	n, err := np.Item[float32](r)
	require.NoError(t, err)
	assert.EqualValues(t, 16*8000*8000, n)

	_, err = np.MatMul(a, b).Eval(t.Context())
	var over *device.BudgetError
	require.ErrorAs(t, err, &over)
	assert.Contains(t, err.Error(), parent)
}

// charged is what is charged to a group, without pages of files.
func charged(t *testing.T, group string) int {
	usage := groupNumber(t, group, "memory.current", "memory.usage_in_bytes")
	stat, err := os.ReadFile(filepath.Join(group, "memory.stat"))
	require.NoError(t, err)
	pages := regexp.MustCompile(`(?m)^total_(?:in)?active_file (\d+)$`).FindAllStringSubmatch(string(stat), -1)
	if pages == nil {
		pages = regexp.MustCompile(`(?m)^(?:in)?active_file (\d+)$`).FindAllStringSubmatch(string(stat), -1)
	}
	require.Len(t, pages, 2)
	for _, p := range pages {
		n, err := strconv.Atoi(p[1])
		require.NoError(t, err)
		usage -= n
	}
	return usage
}

// groupNumber reads the first of some files of a group that is there.
func groupNumber(t *testing.T, group string, names ...string) int {
	for _, name := range names {
		if text, err := os.ReadFile(filepath.Join(group, name)); err == nil {
			n, err := strconv.Atoi(strings.TrimSpace(string(text)))
			require.NoError(t, err)
			return n
		}
	}
	t.Fatalf("%s has none of %v", group, names)
	return 0
}

// newGroups makes a control group with a limit, and one in it without, in the one of this process.
func newGroups(t *testing.T) (parent, child string) {
	own, err := os.ReadFile("/proc/self/cgroup")
	if err != nil {
		t.Skip("no control groups here:", err)
	}
	for _, h := range []struct{ line, mount, limit string }{
		{`(?m)^0::(.*)$`, "/sys/fs/cgroup", "memory.max"},
		{`(?m)^\d+:(?:[^:]*,)?memory(?:,[^:]*)?:(.*)$`, "/sys/fs/cgroup/memory", "memory.limit_in_bytes"},
	} {
		group := regexp.MustCompile(h.line).FindStringSubmatch(string(own))
		if group == nil {
			continue
		}
		parent := filepath.Join(h.mount, group[1], fmt.Sprintf("tare-test-%d", os.Getpid()))
		child := filepath.Join(parent, "program")
		if os.Mkdir(parent, 0o755) != nil {
			continue
		}
		t.Cleanup(func() { os.Remove(child); os.Remove(parent) })
		_ = set(parent, "cgroup.subtree_control", "+memory") // v2 alone has and needs it
		if set(parent, h.limit, strconv.Itoa(groupLimit)) == nil && os.Mkdir(child, 0o755) == nil {
			return parent, child
		}
	}
	t.Skip("no control group with a limit of memory can be made here")
	return "", ""
}

// set writes to a file of a group, which has to be there.
func set(group, file, value string) error {
	f, err := os.OpenFile(filepath.Join(group, file), os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = f.WriteString(value)
	return errors.Join(err, f.Close())
}
