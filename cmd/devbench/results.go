package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"maps"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/klauspost/cpuid/v2"

	"github.com/tare-go/tare/cmd/devbench/internal/quantity"
	"github.com/tare-go/tare/cmd/devbench/internal/record"
	"github.com/tare-go/tare/cmd/devbench/internal/roof"
	"github.com/tare-go/tare/cmd/devbench/internal/suite"
	"github.com/tare-go/tare/cmd/devbench/internal/table"
	"github.com/tare-go/tare/device"
	"github.com/tare-go/tare/dtype"
)

// results are what a run measured.
type results struct {
	peers   []string
	moments []roof.Roof        // of the processor, as often as it was measured
	copies  map[string]float64 // bytes a second of a copy within the memory of a device, by its name, as measured last
	until   time.Time          // from when on the processor's is measured again
	load    string
	records []record.Record
	notes   []note
}

// comparison is a measurement of tare, with those of the peers beside it by name.
type comparison struct {
	tare  record.Record
	peers map[string]record.Record
}

// comparisons are the records, those of one workload together.
func (r results) comparisons() []comparison {
	var cs []comparison
	for _, rec := range r.records {
		if rec.Impl == "tare" {
			cs = append(cs, comparison{rec, map[string]record.Record{}})
			continue
		}
		cs[len(cs)-1].peers[rec.Impl] = rec
	}
	return cs
}

// measureRoofs measures what each device can do at most.
func (r *results) measureRoofs(ctx context.Context, devs []device.Device) error {
	r.copies = map[string]float64{}
	for _, dev := range devs {
		info := dev.Info()
		var err error
		if info.Kind == "cpu" {
			err = r.measureProcessor(ctx, dev)
		} else {
			r.copies[info.Name], err = roof.MeasureDevice(ctx, dev, roof.OptionsFor(info))
		}
		if err != nil {
			return fmt.Errorf("the roof of %s: %w", info.Name, err)
		}
	}
	return nil
}

// measureProcessor measures the roof of the processor, unless the last figure is still good: the system, or what is
// under a virtual one, moves threads between processors that share a path to memory and such as do not.
func (r *results) measureProcessor(ctx context.Context, dev device.Device) error {
	if time.Now().Before(r.until) {
		return nil
	}
	if err := device.Check(ctx, dev, "a copy beyond the caches", 2*roofOptions.Bytes, nil); err != nil {
		return err
	}
	moment, err := roof.Measure(ctx, dev, roofOptions)
	if err != nil {
		return err
	}
	r.moments, r.copies[dev.Info().Name], r.until = append(r.moments, moment), moment.Copy, time.Now().Add(roofLasts)
	_, err = device.Trim(ctx) // what was copied would count as used
	return err
}

// roofLasts is how long a roof of the processor is good for.
const roofLasts = 2 * time.Second

// roofOptions are those of the copy and the multiply-adds that measurements are held against.
var roofOptions = roof.Options{Bytes: max(128<<20, 2*cpuid.CPU.Cache.L3), Rounds: 7, Threads: runtime.GOMAXPROCS(0)}

// roofs are lines that say what was measured.
func (r results) roofs() []string {
	var lines []string
	for _, name := range slices.Sorted(maps.Keys(r.copies)) {
		if name == "cpu" {
			lines = append(lines, "roof: "+roof.Over(r.moments).String())
			continue
		}
		lines = append(lines, fmt.Sprintf("roof of %s: copy %s GB/s within its memory, read and written", name, significant(r.copies[name]/1e9)))
	}
	return lines
}

// write prints a line for each measurement of tare, with a column for each peer that says how many
// times as long it takes, and below it what the columns mean, at which size which is faster, and why a
// peer has no figure.
func (r results) write(w io.Writer) error {
	t := table.Table{Columns: []table.Column{
		{Heading: "workload"}, {Heading: "on"}, {Heading: "type"}, {Heading: "inputs"},
		{Heading: "median", Right: true}, {Heading: "rate", Right: true},
		{Heading: "roof", Right: true}, {Heading: "peak", Right: true},
	}}
	for _, name := range r.peers {
		t.Columns = append(t.Columns, table.Column{Heading: name, Right: true})
	}
	place := r.placing()
	for _, c := range r.comparisons() {
		cells := []string{c.tare.Workload, place(c.tare), short(c.tare.DType), shapes(c.tare.Shape), formatSeconds(c.tare.Seconds.Median),
			rate(c.tare), r.ofRoof(c.tare), device.FormatBytes(c.tare.PeakBytes)}
		for _, name := range r.peers {
			cells = append(cells, c.ratio(name))
		}
		t.Add(cells...)
	}
	if _, err := t.WriteTo(w); err != nil {
		return err
	}
	for _, lines := range [][]string{r.legend(), r.crossovers(), r.remarks()} {
		if len(lines) == 0 {
			continue
		}
		if _, err := fmt.Fprintln(w, "\n"+strings.Join(lines, "\n")); err != nil {
			return err
		}
	}
	return nil
}

// placing is what stands in the column for devices: nothing where all records are of one device and have their data on it.
func (r results) placing() func(record.Record) string {
	places := map[string]bool{}
	for _, c := range r.comparisons() {
		places[placed(c.tare)] = true
	}
	if len(places) < 2 {
		return func(m record.Record) string { return strings.TrimSpace(strings.TrimPrefix(placed(m), m.Device)) }
	}
	return placed
}

// placed is where a measurement was made: cuda:0, or cuda:0 e2e with data that moves to it and back.
func placed(m record.Record) string {
	if m.Data == record.EndToEnd {
		return m.Device + " e2e"
	}
	return m.Device
}

// legend says what the columns mean, of those that are there.
func (r results) legend() []string {
	var lines []string
	has := func(f func(c comparison) bool) bool { return slices.ContainsFunc(r.comparisons(), f) }
	if has(func(c comparison) bool { return len(c.peers) > 0 }) {
		lines = append(lines, "peer columns: the peer's time as a multiple of tare's; below 1 it is faster")
	}
	if has(func(c comparison) bool { return r.ofRoof(c.tare) != "" }) {
		lines = append(lines, "roof: the part of what a copy moves; with fma, of what multiply-adds reach")
	}
	if len(r.moments) > 1 {
		all := roof.Over(r.moments)
		lines = append(lines, fmt.Sprintf("copies moved %.1f to %.1f GB/s, measured %d times during the run", all.Least/1e9, all.Most/1e9, len(r.moments)))
	}
	if has(func(c comparison) bool { return c.tare.Data == record.EndToEnd }) {
		lines = append(lines, "e2e: end to end, inputs copied to the device and the result back")
	}
	return lines
}

// rate is operations a second of a product, and bytes a second of all else.
func rate(m record.Record) string {
	if !suite.IsProduct(m.Workload) {
		return significant(float64(m.BytesMin)/m.Seconds.Median/1e9) + " GB/s"
	}
	flops := float64(m.Flops) / m.Seconds.Median
	if flops >= 1e12 {
		return significant(flops/1e12) + " Tf/s"
	}
	return significant(flops/1e9) + " Gf/s"
}

// ratio is how many times as long the peer takes, or nothing.
func (c comparison) ratio(peer string) string {
	r, ok := c.peers[peer]
	if !ok || r.Ratio == nil {
		return ""
	}
	return significant(*r.Ratio) + "×"
}

// ofRoof is how near a measurement on resident data comes to what the device can do: copy memory or, for products
// that need it more, multiply and add.
func (r results) ofRoof(m record.Record) string {
	copied := m.CopyBytesPerSecond
	if copied == 0 || m.Data == record.EndToEnd {
		return ""
	}
	least, of := float64(m.BytesMin)/copied, ""
	if suite.IsProduct(m.Workload) {
		if m.Device != "cpu" {
			return "" // the multiply-adds of a GPU are not known
		}
		t, err := dtype.Parse(m.DType)
		if err != nil {
			return ""
		}
		if fma := r.multiplyAdds(t); fma > 0 && float64(m.Flops)/fma > least {
			least, of = float64(m.Flops)/fma, " fma"
		}
	}
	return fmt.Sprintf("%.0f%%%s", 100*least/m.Seconds.Median, of)
}

// multiplyAdds is the most of them that the processor was seen to do, in floating-point operations a second.
func (r results) multiplyAdds(t dtype.DType) (most float64) {
	for _, moment := range r.moments {
		most = max(most, moment.FMA[t])
	}
	return most
}

// remarks are the notes, the same reason once for all workloads that it is given for.
func (r results) remarks() []string {
	var reasons []string
	of := map[string][]string{}
	for _, n := range r.notes {
		why := n.why.Error()
		if of[why] == nil {
			reasons = append(reasons, why)
		}
		if !slices.Contains(of[why], n.workload) {
			of[why] = append(of[why], n.workload)
		}
	}
	for i, why := range reasons {
		reasons[i] = strings.Join(of[why], ", ") + ": " + why
	}
	return reasons
}

// contest is who won at which sizes.
type contest struct {
	from   int // the size from which on tare won, 0 if it lost at the last
	losing int // the largest size at which it lost, 0 if it never did
	won    bool
}

// add takes sizes from small to large.
func (c *contest) add(n int, won bool) {
	switch {
	case !won:
		c.from, c.losing = 0, n
	case c.from == 0:
		c.from, c.won = n, true
	}
}

// against says how it went.
func (c contest) against(what string) string {
	switch {
	case c.from == 0 && c.won:
		return fmt.Sprintf("is faster than %s at some sizes, and slower at %d", what, c.losing)
	case c.from == 0:
		return fmt.Sprintf("is slower than %s at every size measured, up to %d", what, c.losing)
	case c.losing > 0:
		return fmt.Sprintf("is faster than %s from %d elements on, and slower at %d", what, c.from, c.losing)
	}
	return fmt.Sprintf("is faster than %s at every size measured", what)
}

// crossovers say, for what is measured at several sizes, from which size on tare takes less time than a plain Go loop,
// and from which on a GPU takes less than the processor.
func (r results) crossovers() []string {
	type key struct{ subject, against string }
	contests := map[key]*contest{}
	var order []key
	add := func(subject, against string, n int, won bool) {
		k := key{subject, against}
		if contests[k] == nil {
			order, contests[k] = append(order, k), &contest{}
		}
		contests[k].add(n, won)
	}
	for _, c := range r.comparisons() {
		family, n, ok := suite.BySize(c.tare.Workload)
		if !ok {
			continue
		}
		subject := family + " in " + short(c.tare.DType)
		if loop, compared := c.peers["goloop"]; compared {
			add(subject, "a plain Go loop", n, *loop.Ratio >= 1)
		}
		if cpu, measured := r.onProcessor(c.tare); measured {
			add(fmt.Sprintf("%s on %s, %s,", subject, c.tare.Device, cmp.Or(c.tare.Data, record.Resident)), "tare on the processor", n, c.tare.Seconds.Median <= cpu.Seconds.Median)
		}
	}
	var lines []string
	for _, k := range order {
		lines = append(lines, k.subject+" "+contests[k].against(k.against))
	}
	return lines
}

// onProcessor is the measurement of tare's CPU device that belongs to one of another device.
func (r results) onProcessor(m record.Record) (record.Record, bool) {
	i := slices.IndexFunc(r.records, func(c record.Record) bool {
		return c.Impl == "tare" && c.Device == "cpu" && c.Workload == m.Workload && c.DType == m.DType
	})
	if i < 0 || m.Device == "cpu" {
		return record.Record{}, false
	}
	return r.records[i], true
}

// shapes are those of the inputs; inputs of one shape are said once.
func shapes(all [][]int) string {
	text := ""
	for i, s := range all {
		one := extents(s)
		if i > 0 && one != extents(all[0]) {
			text += " " + one
		} else if i == 0 {
			text = one
		}
	}
	return text
}

// extents are those of a shape: 1000x32, or 1e6x32 where that is shorter.
func extents(shape []int) string {
	texts := make([]string, len(shape))
	for i, n := range shape {
		texts[i] = strconv.Itoa(n)
		if digits := strings.TrimRight(texts[i], "0"); len(digits) == 1 && len(texts[i]) > 5 {
			texts[i] = fmt.Sprintf("%se%d", digits, len(texts[i])-1)
		}
	}
	return strings.Join(texts, "x")
}

// formatSeconds writes a time with three digits and its unit.
func formatSeconds(s float64) string {
	switch {
	case s >= 1:
		return significant(s) + " s"
	case s >= 1e-3:
		return significant(s*1e3) + " ms"
	case s >= 1e-6:
		return significant(s*1e6) + " µs"
	}
	return significant(s*1e9) + " ns"
}

// significant writes a number with three digits, of which at most three behind the point.
func significant(v float64) string {
	decimals := 0
	for _, limit := range []float64{99.95, 9.995, 0.9995} {
		if v < limit {
			decimals++
		}
	}
	return fmt.Sprintf("%.*f", decimals, v)
}

// short is the name of an element type in the table.
func short(name string) string {
	t, err := dtype.Parse(name)
	if err != nil {
		return name
	}
	return quantity.ShortType(t)
}
