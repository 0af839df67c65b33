package plan

import (
	"encoding/json"
	"strings"

	"github.com/tare-go/tare/device"
)

// reportVersion changes when a field of a report changes its meaning or goes; new fields do not change it.
const reportVersion = 1

// Report is a plan for programs to read. Its JSON names are stable within a version. Bytes are in the size classes of
// package device where they are allocated, and exact where they are read and written.
type Report struct {
	Version           int             `json:"version"`
	Device            string          `json:"device"`
	Home              string          `json:"home,omitempty"` // where operands and results are, if not on the device
	Eager             bool            `json:"eager"`
	PeakBytes         int             `json:"peak_bytes"`
	HomePeakBytes     int             `json:"home_peak_bytes,omitempty"`
	H2DBytes          int             `json:"h2d_bytes"`
	D2HBytes          int             `json:"d2h_bytes"`
	Transfers         int             `json:"transfers"`
	ResultBytes       int             `json:"result_bytes"`
	IntermediateBytes int             `json:"intermediate_bytes"`
	WorkspaceBytes    int             `json:"workspace_bytes"`
	Launches          int             `json:"launches"`
	PredictedSeconds  float64         `json:"predicted_seconds,omitempty"` // with a Roof
	Operands          []OperandReport `json:"operands"`
	Chunks            string          `json:"chunks,omitempty"`
	Calls             []CallReport    `json:"calls"`
	Steps             []StepReport    `json:"steps"`
	Warnings          []WarningReport `json:"warnings,omitempty"`
	Stepwise          *Totals         `json:"stepwise,omitempty"` // what evaluating an operator at a time takes
}

// Totals is what an evaluation takes in all.
type Totals struct {
	PeakBytes         int `json:"peak_bytes"`
	IntermediateBytes int `json:"intermediate_bytes"`
	Launches          int `json:"launches"`
}

// OperandReport is an array that the plan reads or writes and does not allocate.
type OperandReport struct {
	Name   string `json:"name"`
	Type   string `json:"type"`
	Shape  []int  `json:"shape"`
	Bytes  int    `json:"bytes"`
	Mapped bool   `json:"mapped,omitempty"`
}

// CallReport is one operation.
type CallReport struct {
	Name             string   `json:"name"`
	Site             string   `json:"site,omitempty"`
	Operation        []string `json:"operation"` // its text, by lines
	Path             string   `json:"path,omitempty"`
	Home             bool     `json:"home,omitempty"` // it runs where operands and results are
	Runs             int      `json:"runs"`
	BytesRead        int      `json:"bytes_read"` // by each run
	BytesWritten     int      `json:"bytes_written"`
	Flops            int      `json:"flops"`
	Workspace        int      `json:"workspace_bytes"`
	PredictedSeconds float64  `json:"predicted_seconds,omitempty"` // of all runs
}

// StepReport is one step, and what is live after it.
type StepReport struct {
	Step      string       `json:"step"`             // alloc, run, free, repeat, copy
	Buffer    string       `json:"buffer,omitempty"` // or what is copied
	Purpose   string       `json:"purpose,omitempty"`
	Direction string       `json:"direction,omitempty"` // of a copy: to device, back
	Home      bool         `json:"home,omitempty"`      // the buffer is not of the device
	Bytes     int          `json:"bytes,omitempty"`
	Call      int          `json:"call"` // of calls; -1 for other steps
	Times     int          `json:"times,omitempty"`
	Body      []StepReport `json:"body,omitempty"`
	LiveBytes int          `json:"live_bytes"`
}

// WarningReport is a warning and the call of the user's that it is about.
type WarningReport struct {
	Kind string `json:"kind"`
	Site string `json:"site,omitempty"`
	Text string `json:"text"`
}

// MarshalJSON is the plan's Report as JSON.
func (p *Plan) MarshalJSON() ([]byte, error) { return json.Marshal(p.Report()) }

// Report is the plan for programs to read.
func (p *Plan) Report() *Report {
	r := &Report{
		Version: reportVersion, Device: p.Device.Info().Name, Eager: p.Eager,
		PeakBytes: p.PeakBytes, HomePeakBytes: p.HomePeakBytes, H2DBytes: p.H2D.Bytes, D2HBytes: p.D2H.Bytes, Transfers: p.H2D.Count + p.D2H.Count,
		ResultBytes: p.ResultBytes, IntermediateBytes: p.IntermediateBytes, WorkspaceBytes: p.WorkspaceBytes,
		Launches: p.Launches(), PredictedSeconds: p.Seconds(), Stepwise: p.Stepwise, Operands: []OperandReport{}, Calls: []CallReport{},
	}
	if p.Home != nil {
		r.Home = p.Home.Info().Name
	}
	for _, o := range p.Operands {
		r.Operands = append(r.Operands, OperandReport(o))
	}
	if p.Chunks != nil {
		r.Chunks = p.Chunks.String()
	}
	runs := p.runs()
	for i := range p.Calls {
		r.Calls = append(r.Calls, p.call(i, runs[i]))
	}
	live := 0
	r.Steps = p.stepReports(p.Steps, &live)
	for _, w := range p.Warnings {
		r.Warnings = append(r.Warnings, WarningReport{Kind: w.Kind.String(), Site: site(w.Site), Text: w.Text})
	}
	return r
}

func (p *Plan) call(i, runs int) CallReport {
	c := &p.Calls[i]
	cost := c.Op.Cost()
	return CallReport{
		Name: c.Name, Site: site(c.Site), Operation: strings.Split(strings.TrimSpace(c.Op.String()), "\n"), Path: c.Path, Home: c.Home,
		Runs: runs, BytesRead: cost.BytesIn, BytesWritten: cost.BytesOut, Flops: cost.Flops, Workspace: c.workspace,
		PredictedSeconds: p.seconds(c) * float64(runs),
	}
}

func site(pc uintptr) string {
	if pc == 0 {
		return ""
	}
	return device.Site(pc).String()
}

// stepReports are the reports of steps; live is what is live before them, and then after them.
func (p *Plan) stepReports(steps []Step, live *int) []StepReport {
	reports := make([]StepReport, len(steps))
	for i, s := range steps {
		r := StepReport{Step: s.Kind.String(), Call: -1}
		switch s.Kind {
		case Run:
			r.Call = s.Call
		case Repeat:
			r.Times = s.Count
			r.Body = p.stepReports(s.Body, live)
		case Copy:
			t := &p.Transfers[s.Transfer]
			r.Buffer, r.Bytes, r.Direction = t.Name, t.Bytes, t.direction()
		default:
			b := p.Buffers[s.Buffer]
			r.Buffer, r.Purpose, r.Bytes, r.Home = b.Name, b.Purpose.String(), b.Class, b.Home
			switch {
			case b.Home:
			case s.Kind == Free:
				*live -= b.Class
			default:
				*live += b.Class
			}
		}
		r.LiveBytes = *live
		reports[i] = r
	}
	return reports
}

// runs is how often each call is run.
func (p *Plan) runs() []int {
	n := make([]int, len(p.Calls))
	var count func(steps []Step, times int)
	count = func(steps []Step, times int) {
		for _, s := range steps {
			switch s.Kind {
			case Run:
				n[s.Call] += times
			case Repeat:
				count(s.Body, times*s.Count)
			}
		}
	}
	count(p.Steps, 1)
	return n
}

// Seconds is the least time that the plan takes under its Roof, 0 without one.
func (p *Plan) Seconds() float64 {
	total := 0.0
	for i, n := range p.runs() {
		total += p.seconds(&p.Calls[i]) * float64(n)
	}
	return total
}

// seconds is that of one run of a call.
func (p *Plan) seconds(c *Call) float64 {
	if p.Roof == nil {
		return 0
	}
	if c.Home {
		return 0
	}
	return p.Roof.Seconds(c.Op)
}

// Totals is what an evaluation takes in all.
func (p *Plan) Totals() Totals { return Totals{p.PeakBytes, p.IntermediateBytes, p.launches} }

// Explain notes by which path each call runs, as far as its program says.
func (p *Plan) Explain() {
	for i := range p.Calls {
		p.Calls[i].Path = device.Explain(p.Calls[i].Program)
	}
}
