package main

import (
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/tare-go/tare/cmd/devbench/internal/table"
	"github.com/tare-go/tare/device"
)

// devicesCommand lists devices.
type devicesCommand struct{}

// Run prints the devices; that some cannot be used is no failure.
func (devicesCommand) Run(s streams) error { return writeDevices(s.out, device.List()) }

// writeDevices prints a table of the devices that can be used, and below it why others cannot.
func writeDevices(w io.Writer, all []device.Status) error {
	t := table.Table{Columns: []table.Column{
		{Heading: "device"}, {Heading: "model"}, {Heading: "memory", Right: true}, {Heading: "workers", Right: true}, {Heading: "features"},
	}}
	var missing []string
	for _, d := range all {
		if d.Err != nil {
			missing = append(missing, d.Err.Error())
			continue
		}
		memory := ""
		if d.Info.Memory > 0 {
			memory = device.FormatBytes(d.Info.Memory)
		}
		t.Add(d.Name, d.Info.Model, memory, strconv.Itoa(d.Info.Workers), strings.Join(d.Info.Features, " "))
	}
	if _, err := t.WriteTo(w); err != nil {
		return err
	}
	for _, m := range missing {
		if _, err := fmt.Fprintln(w, "not available: "+m); err != nil {
			return err
		}
	}
	return nil
}
