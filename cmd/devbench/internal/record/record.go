// Package record is the JSON that devbench writes: one object a measurement.
package record

import (
	"cmp"
	"encoding/json"
	"io"
	"slices"
	"time"
)

// Record is one measurement. Its JSON names are a promise to the programs that read them; all
// fields are always there.
type Record struct {
	Workload string  `json:"workload"`
	Device   string  `json:"device"`
	DType    string  `json:"dtype"`
	Shape    [][]int `json:"shape"` // of the inputs, in order of their names
	Impl     string  `json:"impl"`  // "tare", or the peer
	Data     string  `json:"data"`  // Resident or EndToEnd
	Runs     int     `json:"runs"`
	Seconds  Seconds `json:"seconds"`
	Flops    int     `json:"flops"`     // of one run; a function counts as one
	BytesMin int     `json:"bytes_min"` // inputs read once and the result written once

	AllocBytes         int `json:"alloc_bytes"`          // allocated by one run, in all
	PeakBytes          int `json:"peak_bytes"`           // most that was allocated at one time
	PredictedPeakBytes int `json:"predicted_peak_bytes"` // by the plan, which does not know of inputs and results moved end to end
	IntermediateBytes  int `json:"intermediate_bytes"`   // values stored between steps
	H2DBytes           int `json:"h2d_bytes"`
	D2HBytes           int `json:"d2h_bytes"`
	Launches           int `json:"launches"`

	Parts    int      `json:"parts"`     // in which the result was computed and written; 1 if at once
	PartRows int      `json:"part_rows"` // of the result in each part, but for the last; 0 if it was computed at once
	Warnings []string `json:"warnings"`  // of the plan

	MaxULP *float64 `json:"max_ulp"` // greatest difference of tare's result to the peer's (the first peer's, for tare); null without a peer
	Ratio  *float64 `json:"ratio"`   // of a peer: its time to tare's, the median over pairs of runs; null for tare

	CopyBytesPerSecond float64 `json:"copy_bytes_per_second"` // read and written, of a copy within the device's memory, measured shortly before; 0 if it was not measured
}

// Where the data of a measurement is.
const (
	Resident = "resident"   // the inputs are on the device, and the result stays there
	EndToEnd = "end to end" // the inputs are in the processor's memory, and so is the result
)

// Seconds are the times of the runs.
type Seconds struct {
	Min    float64 `json:"min"`
	Median float64 `json:"median"`
	Max    float64 `json:"max"`
}

// SecondsOf sums up the times of at least one run.
func SecondsOf(times []time.Duration) Seconds {
	s := slices.Sorted(slices.Values(times))
	n := len(s)
	return Seconds{
		Min:    s[0].Seconds(),
		Median: (s[(n-1)/2] + s[n/2]).Seconds() / 2,
		Max:    s[n-1].Seconds(),
	}
}

// Write writes each record as one line of JSON. One that does not say where its data is has it on the device, and one
// that does not say in how many parts it was computed was so at once.
func Write(w io.Writer, records ...Record) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false) // a workload can be an expression with < and &
	for _, r := range records {
		r.Data, r.Parts = cmp.Or(r.Data, Resident), cmp.Or(r.Parts, 1)
		if r.Warnings == nil {
			r.Warnings = []string{}
		}
		if err := enc.Encode(r); err != nil {
			return err
		}
	}
	return nil
}
