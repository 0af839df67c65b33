// Package timeline draws what is live during a plan, step by step.
package timeline

import (
	"fmt"
	"io"
	"math"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgsvg"

	"github.com/tare-go/tare/device"
	"github.com/tare-go/tare/internal/plan"
)

// Point is what is live after a step.
type Point struct {
	Step string
	Live int // bytes
}

// Of is the steps of a report; of those that are repeated, one repetition.
func Of(r *plan.Report) []Point {
	points := []Point{{Step: "start"}}
	var walk func([]plan.StepReport)
	walk = func(steps []plan.StepReport) {
		for _, s := range steps {
			switch s.Step {
			case "repeat":
				walk(s.Body)
				continue
			case "run":
				points = append(points, Point{r.Calls[s.Call].Name, s.LiveBytes})
			default:
				points = append(points, Point{s.Step + " " + s.Buffer, s.LiveBytes})
			}
		}
	}
	walk(r.Steps)
	return points
}

// The size of the picture.
const (
	width, height = 24 * vg.Centimeter, 12 * vg.Centimeter
	margin        = vg.Centimeter / 3
)

// WriteSVG draws the bytes that are live as steps, with the names of the calls where they run, the peak and, if the
// report has it, the peak of evaluating an operator at a time.
func WriteSVG(w io.Writer, r *plan.Report) error {
	p := plot.New()
	p.Title.Text = fmt.Sprintf("live bytes on %s: peak %s", r.Device, device.FormatBytes(r.PeakBytes))
	p.X.Label.Text, p.Y.Label.Text = "step", "bytes"
	p.Y.Tick.Marker = byteTicks{}
	p.Y.Min = 0
	points := Of(r)
	line, err := plotter.NewLine(xys(points))
	if err != nil {
		return err
	}
	line.StepStyle = plotter.PostStep
	line.Width = vg.Points(1.5)
	p.Add(plotter.NewGrid(), line)
	if err := addCalls(p, r, points); err != nil {
		return err
	}
	if r.Stepwise != nil {
		if err := addStepwise(p, r.Stepwise.PeakBytes); err != nil {
			return err
		}
	}
	canvas := vgsvg.New(width, height)
	p.Draw(draw.Crop(draw.New(canvas), margin, -2*margin, margin, -margin))
	_, err = canvas.WriteTo(w)
	return err
}

// addStepwise draws the peak of evaluating an operator at a time, with a text on the line.
func addStepwise(p *plot.Plot, peak int) error {
	level := plotter.NewFunction(func(float64) float64 { return float64(peak) })
	level.Dashes = []vg.Length{vg.Points(4), vg.Points(4)}
	labels, err := plotter.NewLabels(plotter.XYLabels{
		XYs:    plotter.XYs{{X: 0, Y: float64(peak)}},
		Labels: []string{"peak, an operator at a time: " + device.FormatBytes(peak)},
	})
	if err != nil {
		return err
	}
	labels.Offset = vg.Point{X: vg.Points(4), Y: vg.Points(4)}
	p.Add(level, labels)
	p.Y.Max = max(p.Y.Max, float64(peak)*1.15)
	return nil
}

func xys(points []Point) plotter.XYs {
	at := make(plotter.XYs, len(points))
	for i, p := range points {
		at[i].X, at[i].Y = float64(i), float64(p.Live)
	}
	return at
}

// addCalls writes the names of calls above where they run.
func addCalls(p *plot.Plot, r *plan.Report, points []Point) error {
	names := map[string]bool{}
	for _, c := range r.Calls {
		names[c.Name] = true
	}
	var at plotter.XYLabels
	for i, point := range points {
		if names[point.Step] {
			at.XYs = append(at.XYs, plotter.XY{X: float64(i), Y: float64(point.Live)})
			at.Labels = append(at.Labels, point.Step)
		}
	}
	if len(at.XYs) == 0 {
		return nil
	}
	labels, err := plotter.NewLabels(at)
	if err != nil {
		return err
	}
	labels.Offset.Y = vg.Points(4)
	p.Add(labels)
	return nil
}

// byteTicks are at most eight, at multiples of a power of two.
type byteTicks struct{}

func (byteTicks) Ticks(lo, hi float64) []plot.Tick {
	step := 1.0
	for (hi-lo)/step > 8 {
		step *= 2
	}
	var ticks []plot.Tick
	for v := math.Ceil(lo/step) * step; v <= hi; v += step {
		ticks = append(ticks, plot.Tick{Value: v, Label: device.FormatBytes(int(v))})
	}
	return ticks
}
