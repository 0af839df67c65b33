package device

import (
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"
)

// cgroup is the memory controller of one control group, with a limit.
type cgroup struct {
	dir   string // "/sys/fs/cgroup/a/b"
	file  string // the file of the limit: "memory.max"
	limit int
	used  int // bytes, without pages of files
}

func (c cgroup) left() int { return c.limit - c.used }

func (c cgroup) why() string {
	return fmt.Sprintf("%s of the cgroup %s (%s)", c.file, c.dir, FormatBytes(c.limit))
}

// hierarchy says how one version of cgroups names its files.
type hierarchy struct {
	fstype                string
	limit, usage          string
	activeFile, inactFile string // keys of memory.stat
}

var (
	cgroupV1 = hierarchy{"cgroup", "memory.limit_in_bytes", "memory.usage_in_bytes", "total_active_file", "total_inactive_file"}
	cgroupV2 = hierarchy{"cgroup2", "memory.max", "memory.current", "active_file", "inactive_file"}
)

// noLimitV1 is from where on a limit of v1 means none: the largest int64, rounded down to a page.
const noLimitV1 = 1 << 62

// cgroups lists the control groups of the process and all their ancestors that have a limit.
func (l *Limits) cgroups() []cgroup {
	member, err := fs.ReadFile(l.root, "proc/self/cgroup")
	if err != nil {
		return nil
	}
	var list []cgroup
	mounts := l.cgroupMounts()
	for line := range strings.Lines(string(member)) {
		h, group, ok := membership(strings.TrimSuffix(line, "\n"))
		if !ok {
			continue
		}
		for _, m := range mounts {
			if m.fstype == h.fstype {
				list = append(list, l.ancestors(h, m, group)...)
			}
		}
	}
	return list
}

// membership reads a line of /proc/self/cgroup, hierarchy:controllers:path.
func membership(line string) (h hierarchy, group string, ok bool) {
	parts := strings.SplitN(line, ":", 3)
	if len(parts) < 3 {
		return h, "", false
	}
	switch {
	case parts[0] == "0" && parts[1] == "":
		return cgroupV2, parts[2], true
	case slices.Contains(strings.Split(parts[1], ","), "memory"):
		return cgroupV1, parts[2], true
	}
	return h, "", false
}

// mount is a place where a hierarchy of control groups can be read.
type mount struct {
	root   string // the group that is seen at point
	point  string
	fstype string
}

// cgroupMounts lists the mounts that can have a memory controller.
func (l *Limits) cgroupMounts() []mount {
	text, err := fs.ReadFile(l.root, "proc/self/mountinfo")
	if err != nil {
		return nil
	}
	var mounts []mount
	for line := range strings.Lines(string(text)) {
		before, after, ok := strings.Cut(line, " - ")
		left, right := strings.Fields(before), strings.Fields(after)
		if !ok || len(left) < 5 || len(right) < 3 {
			continue
		}
		v1 := right[0] == cgroupV1.fstype && slices.Contains(strings.Split(right[2], ","), "memory")
		if v1 || right[0] == cgroupV2.fstype {
			mounts = append(mounts, mount{unescape(left[3]), unescape(left[4]), right[0]})
		}
	}
	return mounts
}

// unescape undoes mountinfo's octal escapes of blanks and backslashes.
func unescape(s string) string {
	return strings.NewReplacer(`\040`, " ", `\011`, "\t", `\012`, "\n", `\134`, `\`).Replace(s)
}

// ancestors lists the group and what is above it as far as the mount shows, where there is a limit.
func (l *Limits) ancestors(h hierarchy, m mount, group string) []cgroup {
	var list []cgroup
	for rel := m.rel(group); ; rel = path.Dir(rel) {
		if c, ok := l.cgroup(h, path.Join(m.point, rel)); ok {
			list = append(list, c)
		}
		if rel == "/" {
			return list
		}
	}
}

// rel is the path of a group under the mount point. A group that the mount does not show is, in a
// container, the mount's own.
func (m mount) rel(group string) string {
	root, group := path.Clean("/"+m.root), path.Clean("/"+group)
	if root == "/" {
		return group
	}
	if rest, ok := strings.CutPrefix(group, root); ok && (rest == "" || rest[0] == '/') {
		return path.Clean("/" + rest)
	}
	return "/"
}

// cgroup reads one group. It is not ok without a limit.
func (l *Limits) cgroup(h hierarchy, dir string) (c cgroup, ok bool) {
	limit, ok := l.number(dir, h.limit)
	if !ok || limit >= noLimitV1 {
		return c, false
	}
	used, ok := l.number(dir, h.usage)
	if !ok {
		used = l.own()
	}
	stat, _ := fs.ReadFile(l.root, fsPath(dir, "memory.stat"))
	pages := fields(string(stat), h.activeFile, h.inactFile)
	used -= min(used, pages[h.activeFile])
	used -= min(used, pages[h.inactFile])
	return cgroup{dir: dir, file: h.limit, limit: limit, used: used}, true
}

// number reads a file that holds one of 0 and more; "max" is none.
func (l *Limits) number(dir, file string) (int, bool) {
	text, err := fs.ReadFile(l.root, fsPath(dir, file))
	if err != nil {
		return 0, false
	}
	n, err := strconv.Atoi(strings.TrimSpace(string(text)))
	return n, err == nil && n >= 0
}

// fsPath is an absolute path as package fs writes it.
func fsPath(dir, file string) string { return strings.TrimPrefix(path.Join(dir, file), "/") }
