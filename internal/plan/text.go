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
	if p.Home != nil {
		fmt.Fprintf(&b, "plan through %s, %s: peak %s (%d bytes), and on %s %s (%d bytes)\n", info.Name, mode,
			device.FormatBytes(p.PeakBytes), p.PeakBytes, p.Home.Info().Name, device.FormatBytes(p.HomePeakBytes), p.HomePeakBytes)
	} else {
		fmt.Fprintf(&b, "plan on %s, %s: peak %s (%d bytes)\n", info.Name, mode, device.FormatBytes(p.PeakBytes), p.PeakBytes)
	}
	for _, o := range p.Operands {
		mapped := ""
		if o.Mapped {
			mapped = ", mapped"
		}
		fmt.Fprintf(&b, "  operand %s %s %s: %s%s\n", o.Name, o.Type, broadcast.FormatShape(o.Shape), device.FormatBytes(o.Bytes), mapped)
	}
	if p.Chunks != nil {
		fmt.Fprintf(&b, "  in %v\n", p.Chunks)
	}
	w := stepWriter{p: p, b: &b}
	w.steps(p.Steps, "  ")
	fmt.Fprintf(&b, "  results %s, intermediates %s, workspace %s, launches %d, transfers %s\n",
		device.FormatBytes(p.ResultBytes), device.FormatBytes(p.IntermediateBytes), device.FormatBytes(p.WorkspaceBytes), p.Launches(), p.moved())
	if s := p.Stepwise; s != nil && !p.Eager {
		fmt.Fprintf(&b, "  an operator at a time: peak %s, intermediates %s, launches %d\n",
			device.FormatBytes(s.PeakBytes), device.FormatBytes(s.IntermediateBytes), s.Launches)
	}
	if p.Roof != nil {
		fmt.Fprintf(&b, "  at least %s, at %.1f GB/s and %.1f Gflop/s\n", duration(p.Seconds()), p.Roof.BytesPerSecond/1e9, p.Roof.FlopsPerSecond/1e9)
	}
	for _, w := range p.Warnings {
		b.WriteString("  warning: ")
		if w.Site != 0 {
			fmt.Fprintf(&b, "%v: ", device.Site(w.Site))
		}
		b.WriteString(w.Text + "\n")
	}
	return b.String()
}

// moved is the transfers in words.
func (p *Plan) moved() string {
	if p.H2D.Count+p.D2H.Count == 0 {
		return "0"
	}
	return fmt.Sprintf("%d: %s to the device in %d, %s back in %d", p.H2D.Count+p.D2H.Count,
		device.FormatBytes(p.H2D.Bytes), p.H2D.Count, device.FormatBytes(p.D2H.Bytes), p.D2H.Count)
}

// stepWriter lists steps, with the bytes that are live after each.
type stepWriter struct {
	p    *Plan
	b    *strings.Builder
	n    int
	live int
}

func (w *stepWriter) steps(steps []Step, indent string) {
	for _, s := range steps {
		w.n++
		fmt.Fprintf(w.b, "%s%2d %-6s ", indent, w.n, s.Kind)
		switch s.Kind {
		case Run:
			c := &w.p.Calls[s.Call]
			w.b.WriteString(c.describe())
			if c.Home {
				fmt.Fprintf(w.b, ", on %s", w.p.Home.Info().Name)
			}
			if w.p.Roof != nil {
				fmt.Fprintf(w.b, ", at least %s", duration(w.p.seconds(c)))
			}
			if c.Path != "" {
				fmt.Fprintf(w.b, "\n%s             by %s", indent, c.Path)
			}
		case Repeat:
			fmt.Fprintf(w.b, "%d times\n", s.Count)
			w.steps(s.Body, indent+"   ")
			continue
		case Copy:
			t := &w.p.Transfers[s.Transfer]
			fmt.Fprintf(w.b, "%-12s %-28s %10s", t.direction(), clip(t.Name, 28), device.FormatBytes(t.Bytes))
		default:
			w.buffer(s)
		}
		w.b.WriteByte('\n')
	}
}

// buffer writes what a step allocates or releases.
func (w *stepWriter) buffer(s Step) {
	buf := w.p.Buffers[s.Buffer]
	fmt.Fprintf(w.b, "%-12s %-28s %10s   ", buf.Purpose, clip(buf.Name, 28), device.FormatBytes(buf.Class))
	if buf.Home {
		fmt.Fprintf(w.b, "on %s", w.p.Home.Info().Name)
		return
	}
	change := buf.Class
	if s.Kind == Free {
		change = -change
	}
	w.live += change
	fmt.Fprintf(w.b, "live %s", device.FormatBytes(w.live))
}

// direction is where a transfer goes.
func (t *Transfer) direction() string {
	if t.Up {
		return "to device"
	}
	return "back"
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
