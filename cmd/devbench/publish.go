package main

import (
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"github.com/tare-go/tare/cmd/devbench/internal/record"
	"github.com/tare-go/tare/cmd/devbench/internal/suite"
	"github.com/tare-go/tare/device"
	"github.com/tare-go/tare/dtype"
	"github.com/tare-go/tare/kernels/simd"
)

// page is the results as a page of Markdown.
func (c *runFlags) page(r results, against *peers) string {
	return strings.Join(slices.Concat(c.preface(r, against), r.tables(), r.losses(), r.footnotes()), "\n") + "\n"
}

// preface is the machine, the versions, and how the figures came about.
func (c *runFlags) preface(r results, against *peers) []string {
	lines := []string{
		"# Performance",
		"",
		fmt.Sprintf("Measured on %s with", time.Now().Format("2 January 2006")),
		"",
		"```sh",
		c.command(),
		"```",
		"",
		"TARE_PYTHON names an interpreter that has the Python libraries: `python3 -m venv peers && peers/bin/pip install numpy numexpr numba jax`.",
		"",
		"## Machine and versions",
		"",
	}
	for _, d := range device.List() {
		if d.Err == nil {
			lines = append(lines, fmt.Sprintf("- %s: %s, %d threads, %s of memory, %s", d.Name, d.Info.Model, d.Info.Workers, device.FormatBytes(d.Info.Memory), strings.Join(d.Info.Features, " ")))
		}
	}
	lines = append(lines, fmt.Sprintf("- kernels up to %s; %s, %s/%s; load of the machine over 1, 5 and 15 minutes %s before and %s after", simd.Level(), runtime.Version(), runtime.GOOS, runtime.GOARCH, r.load, loadOfMachine()))
	for _, line := range r.roofs() {
		lines = append(lines, "- "+line)
	}
	if revision := revision(); revision != "" {
		lines = append(lines, "- tare at "+revision)
	}
	for _, line := range against.lines() {
		lines = append(lines, "- "+strings.ReplaceAll(line, "\n", "\n  "))
	}
	return append(lines, strings.Split(method, "\n")...)
}

// method says what the figures mean.
const method = `
## How to read the tables

A peer's column says how many times as long it takes as tare: 2.0× is twice the time, and a figure below 1, in bold,
is a peer that is faster. It is the median over pairs of runs: tare and all peers run in turns, in one call, on the same
numbers, and each is timed by its own clock. A turn begins with runs off the clock for 20 ms, unless one takes longer:
after the runs of others, and the pause that the threads of some need to go to sleep, caches are cold and a virtual
processor is slow for 10 to 20 ms. Other work on the machine disturbs the pairs: a load above 1 before the start means that single figures can be far
off, most of all those of peers with several threads.

Every run makes a new result and releases it: tare takes its memory from a pool that keeps what was released, and the
others from their own allocators, for which the system has to find and clear fresh pages in each run of a large array:
that can be most of a peer's time. add_1000 and chain_1000 write into an array that is there, with Out and out=.
Expressions are compiled before the clock starts where an implementation can compile them (tare, numexpr, numba, jax);
add_100 is called as it is written. Results are compared, and a wrong one fails the command: max ulp is the greatest
difference to the first peer's, in units in the last place. Sums differ where they are added in another order, and by
many such units where a result is small because its terms cancel.

GB/s counts inputs read once and the result written once. Roof is the part of what the machine can do at most:
copying memory that is in no cache or, for products that need it more, multiply-adds in registers. The copy is measured
every few seconds, beside the workloads: a virtual machine's processors at times share a path to memory, and at times do
not. Reading alone can be faster than copying, and so can work in the caches; then it is above 100 %. A GPU's roof is a
copy within its memory.

A GPU is measured in two ways. With resident data the inputs are in its memory before the clock starts, the result stays
there, and the clock stops when all that was started has ended. End to end, e2e, starts with arrays in the processor's
pageable memory and ends when the result is there. Peers are those that compute on a GPU, on the same one, without TF32.`

// command is how the page was made.
func (c *runFlags) command() string {
	args := []string{"devbench run --peers", strings.Join(c.Peers, ",")}
	if len(c.Devices) > 0 {
		args = append(args, "--devices", strings.Join(c.Devices, ","))
	}
	if len(c.Workloads) > 0 {
		args = append(args, "--workloads", `"`+strings.Join(c.Workloads, ",")+`"`)
	}
	if !slices.Equal(c.DType, []string{"f32", "f64"}) {
		args = append(args, "--dtype", strings.Join(c.DType, ","))
	}
	if !slices.Equal(c.Data, []string{"resident", "e2e"}) {
		args = append(args, "--data", strings.Join(c.Data, ","))
	}
	if c.Time > 0 {
		args = append(args, "--time", c.Time.String())
	}
	return strings.Join(append(args, "--markdown", c.Markdown), " ")
}

// tables are one for each element type, and one for what is measured at several sizes.
func (r results) tables() []string {
	var lines []string
	for _, t := range []dtype.DType{dtype.Float64, dtype.Float32} {
		lines = append(lines, r.table("## "+t.String(), func(c comparison) bool {
			_, _, bySize := suite.BySize(c.tare.Workload)
			return c.tare.DType == t.String() && !bySize
		})...)
	}
	lines = append(lines, r.table("## By size", func(c comparison) bool {
		_, _, bySize := suite.BySize(c.tare.Workload)
		return bySize
	})...)
	for _, line := range r.crossovers() {
		lines = append(lines, "- "+line)
	}
	return lines
}

// table is a heading and the comparisons that are chosen, or nothing.
func (r results) table(heading string, chosen func(comparison) bool) []string {
	lines := []string{"", heading, "", "| workload | on | inputs | dtype | tare | GB/s | Gflop/s | roof | " + strings.Join(r.peers, " | ") + " | max ulp |"}
	lines = append(lines, "|---|---|---|---|"+strings.Repeat("--:|", 5+len(r.peers)))
	n := 0
	for _, c := range r.comparisons() {
		if chosen(c) {
			lines = append(lines, r.row(c))
			n++
		}
	}
	if n == 0 {
		return nil
	}
	return append(lines, "")
}

func (r results) row(c comparison) string {
	cells := []string{
		c.tare.Workload, placed(c.tare), shapes(c.tare.Shape), short(c.tare.DType), formatSeconds(c.tare.Seconds.Median),
		significant(float64(c.tare.BytesMin) / c.tare.Seconds.Median / 1e9), significant(float64(c.tare.Flops) / c.tare.Seconds.Median / 1e9),
		r.ofRoof(c.tare),
	}
	for _, name := range r.peers {
		cells = append(cells, c.plain(name))
	}
	ulp := ""
	if c.tare.MaxULP != nil {
		ulp = fmt.Sprintf("%.4g", *c.tare.MaxULP)
	}
	return "| " + strings.Join(append(cells, ulp), " | ") + " |"
}

// plain is the ratio of a peer, in bold where the peer is faster.
func (c comparison) plain(peer string) string {
	text := c.ratio(peer)
	if r, ok := c.peers[peer]; ok && *r.Ratio < 1 {
		return "**" + text + "**"
	}
	return text
}

// losses lists what a peer is faster at.
func (r results) losses() []string {
	lines := []string{"", "## Where tare is slower", ""}
	for _, name := range r.peers {
		var lost []string
		for _, c := range r.comparisons() {
			if p, ok := c.peers[name]; ok && *p.Ratio < 1 {
				lost = append(lost, strings.TrimSuffix(fmt.Sprintf("%s %s %s", c.tare.Workload, short(c.tare.DType), elsewhere(c.tare)), " ")+" ("+c.ratio(name)+")")
			}
		}
		if len(lost) == 0 {
			lost = []string{"at nothing measured"}
		}
		lines = append(lines, "- than "+name+": "+strings.Join(lost, ", "))
	}
	return lines
}

// elsewhere is where a measurement was made, unless that is the processor.
func elsewhere(m record.Record) string {
	if m.Device == "cpu" {
		return ""
	}
	return "on " + placed(m)
}

// footnotes say why a peer has no figure.
func (r results) footnotes() []string {
	if len(r.notes) == 0 {
		return nil
	}
	lines := []string{"", "## Not compared", ""}
	for _, line := range r.remarks() {
		lines = append(lines, "- "+line)
	}
	return lines
}

// loadOfMachine is the load averages of the last 1, 5 and 15 minutes, where the system tells.
func loadOfMachine() string {
	text, err := os.ReadFile("/proc/loadavg")
	fields := strings.Fields(string(text))
	if err != nil || len(fields) < 3 {
		return "unknown"
	}
	return strings.Join(fields[:3], " ")
}

// revision is the commit that this binary was built from, where the build knows it.
func revision() string {
	info, _ := debug.ReadBuildInfo()
	if info == nil {
		return ""
	}
	settings := map[string]string{}
	for _, s := range info.Settings {
		settings[s.Key] = s.Value
	}
	commit := settings["vcs.revision"]
	if commit != "" && settings["vcs.modified"] == "true" {
		return commit[:min(12, len(commit))] + ", with changes"
	}
	return commit[:min(12, len(commit))]
}
