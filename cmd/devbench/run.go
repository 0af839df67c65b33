package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"

	"github.com/tare-go/tare/cmd/devbench/internal/record"
	"github.com/tare-go/tare/cmd/devbench/internal/suite"
	"github.com/tare-go/tare/device"
	"github.com/tare-go/tare/dtype"
)

// runCommand measures workloads.
type runCommand struct {
	Workloads []string `placeholder:"NAME,…" help:"The workloads; * stands for any letters, as in gemm_*. Default: all of the quick suite."`
	DType     []string `name:"dtype" placeholder:"f32,f64" default:"f32,f64" help:"The element types: f32, f64."`
	Size      int      `placeholder:"N" default:"1048576" help:"Elements of the largest input; matrix products have their size in their name. Default: ${default}."`
	Devices   []string `placeholder:"cpu,cuda:0" help:"The devices. Default: the environment variable TARE_DEVICE, or cpu."`
	Peers     []string `placeholder:"goloop" default:"goloop" enum:"goloop,none" help:"What to compare with: goloop, a plain Go loop on one thread, or none."`
	JSON      string   `name:"json" placeholder:"FILE|-" help:"Write a line of JSON for each measurement to a file, or with - to standard output; the table then goes to standard error."`
}

// Run measures every workload on every device in every element type, and ends with a table. A result
// that differs from the peer's is reported below it, and fails the run.
func (c *runCommand) Run(ctx context.Context, s streams) error {
	todo, err := c.measurements()
	if err != nil {
		return err
	}
	text := s.out
	if c.JSON == "-" {
		text = s.err
	}
	if err := c.heading(text, len(todo)); err != nil {
		return err
	}
	records, failed := perform(ctx, todo, progress(s.err, len(todo)))
	if err := writeResults(text, records); err != nil {
		return err
	}
	return errors.Join(failed, c.save(s.out, records))
}

// job is a measurement in one element type.
type job struct {
	measurement
	typ dtype.DType
}

func (j job) run(ctx context.Context) ([]record.Record, error) {
	if j.typ == dtype.Float32 {
		return measure[float32](ctx, j.measurement)
	}
	return measure[float64](ctx, j.measurement)
}

// measurements are what the flags ask for.
func (c *runCommand) measurements() ([]job, error) {
	if c.Size < 1 {
		return nil, usageError{fmt.Errorf("--size %d: at least one element is needed", c.Size)}
	}
	workloads := suite.All()
	if len(c.Workloads) > 0 {
		var err error
		if workloads, err = suite.Select(c.Workloads); err != nil {
			return nil, usageError{err}
		}
	}
	types, err := c.types()
	if err != nil {
		return nil, err
	}
	devs, err := c.devices()
	if err != nil {
		return nil, err
	}
	peers := len(c.Peers) > 0 && c.Peers[0] != "none"
	var jobs []job
	for _, dev := range devs {
		for _, t := range types {
			for _, w := range workloads {
				jobs = append(jobs, job{measurement{w, dev, c.Size, peers}, t})
			}
		}
	}
	return jobs, nil
}

func (c *runCommand) types() ([]dtype.DType, error) {
	var types []dtype.DType
	for _, name := range c.DType {
		t, err := dtype.Parse(name)
		if err == nil && !t.IsFloat() {
			err = fmt.Errorf("workloads are measured in f32 and f64")
		}
		if err != nil {
			return nil, usageError{fmt.Errorf("--dtype %s: %w", name, err)}
		}
		types = append(types, t)
	}
	return types, nil
}

func (c *runCommand) devices() ([]device.Device, error) {
	names := c.Devices
	if len(names) == 0 {
		names = []string{""}
	}
	var devs []device.Device
	for _, name := range names {
		dev, err := device.Open(name)
		if err != nil {
			return nil, err
		}
		devs = append(devs, dev)
	}
	return devs, nil
}

// heading says on what, and against what, the measurements are made.
func (c *runCommand) heading(w io.Writer, n int) error {
	if err := writeDevices(w, device.List()); err != nil {
		return err
	}
	peer := ""
	if len(c.Peers) > 0 && c.Peers[0] == "goloop" {
		peer = ", against plain Go loops on 1 thread"
	}
	_, err := fmt.Fprintf(w, "\n%d measurements with %d threads%s; %s %s/%s\n\n",
		n, runtime.GOMAXPROCS(0), peer, runtime.Version(), runtime.GOOS, runtime.GOARCH)
	return err
}

// perform runs the jobs. It goes on after a wrong result, and ends with any other failure; what was
// measured until then is returned with the errors.
func perform(ctx context.Context, jobs []job, bar *progressbar.ProgressBar) (records []record.Record, failed error) {
	defer bar.Finish()
	for _, j := range jobs {
		bar.Describe(fmt.Sprintf("%-13s %v", j.workload.Name, j.typ))
		rs, err := j.run(ctx)
		records = append(records, rs...)
		if err != nil {
			failed = errors.Join(failed, fmt.Errorf("%s in %v on %s: %w", j.workload.Name, j.typ, j.dev.Info().Name, err))
		}
		if rs == nil && err != nil {
			break
		}
		bar.Add(1)
	}
	return records, failed
}

// progress is a bar on a terminal, and nothing anywhere else.
func progress(w io.Writer, n int) *progressbar.ProgressBar {
	f, ok := w.(*os.File)
	return progressbar.NewOptions(n,
		progressbar.OptionSetWriter(w),
		progressbar.OptionSetVisibility(ok && term.IsTerminal(int(f.Fd()))),
		progressbar.OptionSetWidth(30),
		progressbar.OptionClearOnFinish(),
		progressbar.OptionSetPredictTime(false),
	)
}

// save writes the records where --json says.
func (c *runCommand) save(stdout io.Writer, records []record.Record) (err error) {
	switch c.JSON {
	case "":
		return nil
	case "-":
		return record.Write(stdout, records...)
	}
	f, err := os.Create(c.JSON)
	if err != nil {
		return err
	}
	return errors.Join(record.Write(f, records...), f.Close())
}
