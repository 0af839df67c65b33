package main

import (
	"fmt"
	"io"

	"github.com/tare-go/tare/cmd/devbench/internal/quantity"
	"github.com/tare-go/tare/cmd/devbench/internal/record"
	"github.com/tare-go/tare/cmd/devbench/internal/table"
	"github.com/tare-go/tare/device"
	"github.com/tare-go/tare/dtype"
)

// writeResults prints a line for each measurement of tare, with the peer's beside it.
func writeResults(w io.Writer, records []record.Record) error {
	t := table.Table{Columns: []table.Column{
		{Heading: "workload"}, {Heading: "device"}, {Heading: "dtype"}, {Heading: "inputs"},
		{Heading: "median", Right: true}, {Heading: "GB/s", Right: true}, {Heading: "Gflop/s", Right: true},
		{Heading: "peak", Right: true}, {Heading: "goloop", Right: true}, {Heading: "speed", Right: true},
	}}
	for i, r := range records {
		if r.Impl != "tare" {
			continue
		}
		loop, ratio := "", ""
		if i+1 < len(records) && records[i+1].Impl == "goloop" {
			loop = formatSeconds(records[i+1].Seconds.Median)
			ratio = significant(records[i+1].Seconds.Median/r.Seconds.Median) + "×"
		}
		t.Add(r.Workload, r.Device, short(r.DType), shapes(r.Shape), formatSeconds(r.Seconds.Median),
			significant(float64(r.BytesMin)/r.Seconds.Median/1e9), significant(float64(r.Flops)/r.Seconds.Median/1e9),
			device.FormatBytes(r.PeakBytes), loop, ratio)
	}
	_, err := t.WriteTo(w)
	return err
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
