package ledger

import (
	"encoding/json"
	"io"
	"time"

	"github.com/tare-go/tare/device"
)

// Version is that of Document. Fields may be added to a version, and keep their names and meaning.
const Version = 1

// Document is an account as WriteJSON writes it.
type Document struct {
	Version int     `json:"version"`
	Device  *Device `json:"device,omitempty"` // absent for a scope
	Total   Counts  `json:"total"`
	Sites   []Site  `json:"sites"` // by line of the user's program, those that hold most first
	Ops     []Op    `json:"ops"`   // by operator, those that took most time first
}

// Device describes the device of an account.
type Device struct {
	Name        string `json:"name"` // as given to device.Open
	Kind        string `json:"kind"`
	Model       string `json:"model,omitempty"`
	MemoryBytes int    `json:"memory_bytes,omitempty"` // absent if unknown
}

// Site is the account of a line of the user's program.
type Site struct {
	Site     string `json:"site"`               // folder, file and line: "app/main.go:42"
	Function string `json:"function,omitempty"` // with its package
	Counts
}

// Op is the account of an operator.
type Op struct {
	Op string `json:"op"` // "" for what no operator did
	Counts
}

// Counts are the numbers of an account. Bytes of allocations are in size classes, bytes of copies
// those that were moved. Seconds were spent in calls of the device, summed over goroutines.
type Counts struct {
	Allocs            int     `json:"allocs"`
	AllocBytes        int     `json:"alloc_bytes"` // the next four are its parts
	ResultBytes       int     `json:"result_bytes"`
	IntermediateBytes int     `json:"intermediate_bytes"`
	WorkspaceBytes    int     `json:"workspace_bytes"`
	OperandBytes      int     `json:"operand_bytes"`
	Intermediates     int     `json:"intermediates"`
	AllocSeconds      float64 `json:"alloc_seconds"`

	Buffers     int `json:"buffers"` // not freed yet
	LiveBytes   int `json:"live_bytes"`
	PeakBytes   int `json:"peak_bytes"`
	CachedBytes int `json:"cached_bytes"` // of a device only

	H2DCount    int     `json:"h2d_count"` // from host memory to the device
	H2DBytes    int     `json:"h2d_bytes"`
	H2DSeconds  float64 `json:"h2d_seconds"`
	D2HCount    int     `json:"d2h_count"` // from the device to host memory
	D2HBytes    int     `json:"d2h_bytes"`
	D2HSeconds  float64 `json:"d2h_seconds"`
	D2DCount    int     `json:"d2d_count"` // within the device
	D2DBytes    int     `json:"d2d_bytes"`
	D2DSeconds  float64 `json:"d2d_seconds"`
	HostCount   int     `json:"host_count"` // within host memory
	HostBytes   int     `json:"host_bytes"`
	HostSeconds float64 `json:"host_seconds"`

	Launches       int     `json:"launches"`
	LaunchSeconds  float64 `json:"launch_seconds"`
	Compiles       int     `json:"compiles"`
	CompileSeconds float64 `json:"compile_seconds"`
	Programs       int     `json:"programs"` // not closed yet
	SyncSeconds    float64 `json:"sync_seconds"`
	Seconds        float64 `json:"seconds"` // in all
}

// CountsOf is what was counted, with the names that JSON has.
func CountsOf(s device.Stats) Counts {
	return Counts{
		Allocs: s.Allocs, AllocBytes: s.AllocBytes, ResultBytes: s.ResultBytes, IntermediateBytes: s.IntermediateBytes,
		WorkspaceBytes: s.WorkspaceBytes, OperandBytes: s.OperandBytes, Intermediates: s.Intermediates, AllocSeconds: s.AllocTime.Seconds(),
		Buffers: s.Buffers, LiveBytes: s.LiveBytes, PeakBytes: s.PeakBytes, CachedBytes: s.CachedBytes,
		H2DCount: s.H2D.Count, H2DBytes: s.H2D.Bytes, H2DSeconds: s.H2DTime.Seconds(),
		D2HCount: s.D2H.Count, D2HBytes: s.D2H.Bytes, D2HSeconds: s.D2HTime.Seconds(),
		D2DCount: s.D2D.Count, D2DBytes: s.D2D.Bytes, D2DSeconds: s.D2DTime.Seconds(),
		HostCount: s.Host.Count, HostBytes: s.Host.Bytes, HostSeconds: s.HostTime.Seconds(),
		Launches: s.Launches, LaunchSeconds: s.LaunchTime.Seconds(),
		Compiles: s.Compiles, CompileSeconds: s.CompileTime.Seconds(), Programs: s.Programs,
		SyncSeconds: s.SyncTime.Seconds(), Seconds: s.Time.Seconds(),
	}
}

// DocumentOf is an account as JSON has it.
func DocumentOf(a Account) Document {
	d := Document{Version: Version, Total: CountsOf(a.Stats()), Sites: []Site{}, Ops: []Op{}}
	if i := info(a); i.Name != "" {
		d.Device = &Device{Name: i.Name, Kind: i.Kind, Model: i.Model, MemoryBytes: i.Memory}
	}
	for _, s := range a.Sites() {
		d.Sites = append(d.Sites, Site{s.Site.String(), s.Site.Frame().Function, CountsOf(s.Stats)})
	}
	for _, o := range a.Ops() {
		d.Ops = append(d.Ops, Op{o.Op, CountsOf(o.Stats)})
	}
	return d
}

// WriteJSON writes an account as a Document, indented.
func WriteJSON(w io.Writer, a Account) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	return e.Encode(DocumentOf(a))
}

// Var is the totals of devices as expvar wants them:
//
//	expvar.Publish("tare", ledger.Var{})
//
// Nothing is published unless a program says so, and this package does not import expvar, which would
// add net/http and a handler to every program that exports.
type Var struct {
	Devices []*device.Ledgered // all that are open, if none is named
}

// String is JSON: for each device by name the total of its Document, as it is now.
func (v Var) String() string {
	devices := v.Devices
	if len(devices) == 0 {
		devices = device.Opened()
	}
	totals := map[string]any{"version": Version, "time": time.Now().UTC().Format(time.RFC3339)}
	by := map[string]Counts{}
	for _, dev := range devices {
		by[dev.Info().Name] = CountsOf(dev.Stats())
	}
	totals["devices"] = by
	text, err := json.Marshal(totals)
	if err != nil {
		panic("BUG: ledger: counts that are no JSON: " + err.Error())
	}
	return string(text)
}
