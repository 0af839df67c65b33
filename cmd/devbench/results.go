package main

import (
	"fmt"
	"io"
	"slices"
	"strings"

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
	roof    roof.Roof
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

// write prints a line for each measurement of tare, with a column for each peer that says how many
// times as long it takes, and below it why a peer has no figure.
func (r results) write(w io.Writer) error {
	t := table.Table{Columns: []table.Column{
		{Heading: "workload"}, {Heading: "device"}, {Heading: "dtype"}, {Heading: "inputs"},
		{Heading: "median", Right: true}, {Heading: "GB/s", Right: true}, {Heading: "Gflop/s", Right: true},
		{Heading: "roof", Right: true}, {Heading: "peak", Right: true},
	}}
	for _, name := range r.peers {
		t.Columns = append(t.Columns, table.Column{Heading: name, Right: true})
	}
	for _, c := range r.comparisons() {
		cells := []string{c.tare.Workload, c.tare.Device, short(c.tare.DType), shapes(c.tare.Shape), formatSeconds(c.tare.Seconds.Median),
			significant(float64(c.tare.BytesMin) / c.tare.Seconds.Median / 1e9), significant(float64(c.tare.Flops) / c.tare.Seconds.Median / 1e9),
			r.ofRoof(c.tare), device.FormatBytes(c.tare.PeakBytes)}
		for _, name := range r.peers {
			cells = append(cells, c.ratio(name))
		}
		t.Add(cells...)
	}
	if _, err := t.WriteTo(w); err != nil {
		return err
	}
	for _, line := range append(r.crossovers(), r.remarks()...) {
		if _, err := fmt.Fprintln(w, line); err != nil {
			return err
		}
	}
	return nil
}

// ratio is how many times as long the peer takes, or nothing.
func (c comparison) ratio(peer string) string {
	r, ok := c.peers[peer]
	if !ok || r.Ratio == nil {
		return ""
	}
	return significant(*r.Ratio) + "×"
}

// ofRoof is how near the measurement comes to what the machine can do: copy memory or, for products
// that need it more, multiply and add.
func (r results) ofRoof(m record.Record) string {
	if m.Device != "cpu" || r.roof.Copy == 0 {
		return ""
	}
	t, err := dtype.Parse(m.DType)
	if err != nil {
		return ""
	}
	least, of := float64(m.BytesMin)/r.roof.Copy, "copy"
	if fma := r.roof.FMA[t]; fma > 0 && suite.IsProduct(m.Workload) && float64(m.Flops)/fma > least {
		least, of = float64(m.Flops)/fma, "fma"
	}
	return fmt.Sprintf("%.0f %% %s", 100*least/m.Seconds.Median, of)
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

// crossovers say from which size on tare takes less time than a plain Go loop, for what is measured
// at several sizes.
func (r results) crossovers() []string {
	var lines []string
	type key struct{ family, typ, device string }
	first, losing := map[key]string{}, map[key]int{}
	var order []key
	for _, c := range r.comparisons() {
		family, n, ok := suite.BySize(c.tare.Workload)
		loop, compared := c.peers["goloop"]
		if !ok || !compared {
			continue
		}
		k := key{family, c.tare.DType, c.tare.Device}
		if _, seen := first[k]; !seen {
			order, first[k] = append(order, k), ""
		}
		switch {
		case *loop.Ratio < 1:
			first[k], losing[k] = "", n
		case first[k] == "":
			first[k] = fmt.Sprint(n)
		}
	}
	for _, k := range order {
		text := "is faster than a plain Go loop at every size measured"
		switch {
		case first[k] == "":
			text = "is slower than a plain Go loop at every size measured, up to " + fmt.Sprint(losing[k])
		case losing[k] > 0:
			text = fmt.Sprintf("is faster than a plain Go loop from %s elements on, and slower at %d", first[k], losing[k])
		}
		lines = append(lines, fmt.Sprintf("%s in %s %s", k.family, short(k.typ), text))
	}
	return lines
}

// shapes are those of the inputs; inputs of one shape are said once.
func shapes(all [][]int) string {
	text := ""
	for i, s := range all {
		one := quantity.FormatShape(s)
		if i > 0 && one != quantity.FormatShape(all[0]) {
			text += " " + one
		} else if i == 0 {
			text = one
		}
	}
	return text
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
