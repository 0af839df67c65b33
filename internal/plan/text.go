package plan

import (
	"fmt"
	"strings"

	"github.com/tare-go/tare/broadcast"
	"github.com/tare-go/tare/device"
)

// String is the plan as a person reads it: operands, steps with their bytes, the peak, warnings.
func (p *Plan) String() string {
	var b strings.Builder
	info := p.Device.Info()
	mode := "fused"
	if p.Eager {
		mode = "eager"
	}
	fmt.Fprintf(&b, "plan on %s, %s: peak %s (%d bytes)\n", info.Name, mode, device.FormatBytes(p.PeakBytes), p.PeakBytes)
	for _, o := range p.Operands {
		mapped := ""
		if o.Mapped {
			mapped = ", mapped"
		}
		fmt.Fprintf(&b, "  operand %s %s %s: %s%s\n", o.Name, o.Type, broadcast.FormatShape(o.Shape), device.FormatBytes(o.Bytes), mapped)
	}
	live := 0
	for i, s := range p.Steps {
		text := ""
		switch s.Kind {
		case Run:
			text = p.Calls[s.Call].describe()
		case Alloc, Free:
			buf := p.Buffers[s.Buffer]
			change := buf.Class
			if s.Kind == Free {
				change = -change
			}
			live += change
			text = fmt.Sprintf("%-12s %-28s %10s   live %s", buf.Purpose, clip(buf.Name, 28), device.FormatBytes(buf.Class), device.FormatBytes(live))
		}
		fmt.Fprintf(&b, "  %2d %-5s %s\n", i+1, s.Kind, text)
	}
	fmt.Fprintf(&b, "  results %s, intermediates %s, workspace %s, launches %d, transfers 0\n",
		device.FormatBytes(p.ResultBytes), device.FormatBytes(p.IntermediateBytes), device.FormatBytes(p.WorkspaceBytes), len(p.Calls))
	for _, w := range p.Warnings {
		b.WriteString("  warning: ")
		if w.Site != 0 {
			fmt.Fprintf(&b, "%v: ", device.Site(w.Site))
		}
		b.WriteString(w.Text + "\n")
	}
	return b.String()
}

func clip(s string, n int) string {
	if r := []rune(s); len(r) > n {
		return string(r[:n-1]) + "…"
	}
	return s
}

// describe is the first line of the operation, and what it reads and writes.
func (c *Call) describe() string {
	cost := c.Op.Cost()
	text, _, _ := strings.Cut(c.Op.String(), "\n")
	return fmt.Sprintf("%-12s %s: reads %s, writes %s", clip(c.Name, 28), text, device.FormatBytes(cost.BytesIn), device.FormatBytes(cost.BytesOut))
}
