package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"
	"time"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"

	"github.com/tare-go/tare/cmd/devbench/internal/record"
	"github.com/tare-go/tare/cmd/devbench/internal/suite"
	"github.com/tare-go/tare/cmd/devbench/internal/timing"
	"github.com/tare-go/tare/device"
	"github.com/tare-go/tare/dtype"
	"github.com/tare-go/tare/kernels/simd"
)

// runFlags say what is measured, against what, and where the figures go.
type runFlags struct {
	Workloads []string      `placeholder:"NAME,…" help:"The workloads; * stands for any letters, as in gemm_*. Default: all."`
	DType     []string      `name:"dtype" placeholder:"f32,f64" default:"f32,f64" help:"The element types: f32, f64."`
	Devices   []string      `placeholder:"cpu,cuda:0" help:"The devices. Default: the environment variable TARE_DEVICE, or cpu."`
	Peers     []string      `placeholder:"NAME,…" default:"goloop" enum:"numpy,numexpr,numba,jax,torch,cupy,gonum,goloop,none" help:"What to compare with: numpy, numexpr, numba, jax, torch and cupy in Python, gonum, goloop (a plain Go loop on one thread), or none. On a GPU: torch, cupy and jax."`
	Python    string        `placeholder:"PATH" default:"python3" env:"TARE_PYTHON" help:"The interpreter that has the Python libraries. Default: the environment variable TARE_PYTHON, or python3."`
	Data      []string      `placeholder:"resident,e2e" default:"resident,e2e" enum:"resident,e2e" help:"Of a GPU: resident, with the data on it, or e2e, from the processor's memory to it and back. Default: both."`
	Time      time.Duration `placeholder:"2s" help:"How long each workload is measured, with all implementations together."`
	JSON      string        `name:"json" placeholder:"FILE|-" help:"Write a line of JSON for each measurement, as soon as it is made, to a file, or with - to standard output; the table then goes to standard error."`
	Markdown  string        `placeholder:"FILE" help:"Write the results with machine, versions and date to a file, as Markdown."`
}

// runCommand measures all workloads at sizes beyond the caches.
type runCommand struct {
	runFlags
	Size int `placeholder:"N" default:"10000000" help:"Elements of the largest input; some workloads have their size in their name. Default: ${default}."`
}

// Run measures every workload on every device in every element type, and ends with a table. A result
// that differs from a peer's is reported below it, and fails the run; a peer that is not installed
// does not.
func (c *runCommand) Run(ctx context.Context, s streams) error {
	return c.run(ctx, s, suite.All(), c.Size, fullLimits)
}

// quickCommand measures the quick suite.
type quickCommand struct {
	runFlags
	Size int `placeholder:"N" default:"1048576" help:"Elements of the largest input; matrix products have their size in their name. Default: ${default}."`
}

// Run is like that of runCommand, in less time.
func (c *quickCommand) Run(ctx context.Context, s streams) error {
	return c.run(ctx, s, suite.Quick(), c.Size, quickLimits)
}

// run measures the workloads that the flags select, or all. What it writes to is opened before anything is measured.
func (c *runFlags) run(ctx context.Context, s streams, workloads []suite.Workload, size int, limits timing.Limits) error {
	if c.Time > 0 {
		limits.Time, limits.Share, limits.Patience = c.Time, c.Time, min(limits.Patience, patient*c.Time)
	}
	devs, err := c.devices()
	if err != nil {
		return err
	}
	todo, err := c.measurements(workloads, size, limits, devs)
	if err != nil {
		return err
	}
	lines, err := openLines(c.JSON, s.out)
	if err != nil {
		return err
	}
	page, err := openPage(c.Markdown)
	if err != nil {
		return errors.Join(err, lines.close())
	}
	failed := c.measure(ctx, s, todo, devs, lines, page)
	return errors.Join(failed, lines.close(), page.close())
}

// patient is how many times --time a workload may take until it has had its least number of rounds.
const patient = 4

// measure makes the measurements. The records go to lines as they come, the table to standard output unless those do,
// and the page at the end.
func (c *runFlags) measure(ctx context.Context, s streams, todo []job, devs []device.Device, lines *lines, page *page) error {
	text := s.out
	if c.JSON == "-" {
		text = s.err
	}
	against, err := openPeers(ctx, c.Peers, c.Python, devs)
	if err != nil {
		return err
	}
	defer against.close()
	results := results{peers: against.names, load: loadOfMachine()}
	if err := results.measureRoofs(ctx, devs); err != nil {
		return err
	}
	if err := heading(text, len(todo), devs, against, results.roofs()); err != nil {
		return err
	}
	failed := results.perform(ctx, todo, against, progress(s.err, len(todo)), lines.write)
	if err := results.write(text); err != nil {
		return err
	}
	return errors.Join(failed, page.write(c.page(results, against)))
}

// job is a measurement in one element type.
type job struct {
	measurement
	typ dtype.DType
}

func (j job) run(ctx context.Context) ([]record.Record, []note, error) {
	if j.typ == dtype.Float32 {
		return measure[float32](ctx, j.measurement)
	}
	return measure[float64](ctx, j.measurement)
}

// measurements are what the flags ask for, on those devices.
func (c *runFlags) measurements(workloads []suite.Workload, size int, limits timing.Limits, devs []device.Device) ([]job, error) {
	if size < 1 {
		return nil, usageError{fmt.Errorf("--size %d: at least one element is needed", size)}
	}
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
	var jobs []job
	for _, dev := range devs {
		for _, t := range types {
			for _, w := range workloads {
				m := measurement{workload: w, dev: dev, size: size, limits: limits, data: c.Data}
				if len(m.ways()) > 0 {
					jobs = append(jobs, job{m, t})
				}
			}
		}
	}
	if len(jobs) == 0 {
		return nil, usageError{errors.New("nothing to measure: transfer is from the processor to a GPU and back, and needs one among --devices, and e2e in --data")}
	}
	return jobs, nil
}

func (c *runFlags) types() ([]dtype.DType, error) {
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

func (c *runFlags) devices() ([]device.Device, error) {
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
func heading(w io.Writer, n int, devs []device.Device, against *peers, roofs []string) error {
	if err := writeDevices(w, device.List()); err != nil {
		return err
	}
	var names []string
	for _, dev := range devs {
		names = append(names, dev.Info().Name)
	}
	text := fmt.Sprintf("\n%d measurements on %s, %d threads, kernels up to %s; %s %s/%s\n", n, strings.Join(names, " and "), runtime.GOMAXPROCS(0), simd.Level(), runtime.Version(), runtime.GOOS, runtime.GOARCH)
	for _, line := range append(roofs, against.lines()...) {
		text += line + "\n"
	}
	_, err := fmt.Fprintln(w, text)
	return err
}

// perform runs the jobs, and hands the records of each to write. It goes on after a wrong result, and ends with any
// other failure; what was measured until then is kept.
func (r *results) perform(ctx context.Context, jobs []job, against *peers, bar *progressbar.ProgressBar, write func(...record.Record) error) (failed error) {
	defer bar.Finish()
	for _, j := range jobs {
		bar.Describe(fmt.Sprintf("%-13s %v", j.workload.Name, j.typ))
		records, notes, err := r.beside(ctx, j, against)
		if j.dev.Info().Kind != "cpu" {
			err = errors.Join(err, j.dev.Close()) // what its pool keeps is there for the peers then
		}
		r.records, r.notes = append(r.records, records...), append(r.notes, notes...)
		if err != nil {
			failed = errors.Join(failed, fmt.Errorf("%s in %v on %s: %w", j.workload.Name, j.typ, j.dev.Info().Name, err))
		}
		if err := write(records...); err != nil {
			return errors.Join(failed, err)
		}
		if records == nil && err != nil {
			break
		}
		bar.Add(1)
	}
	return failed
}

// beside is a job, with what the processor can do measured beside it.
func (r *results) beside(ctx context.Context, j job, against *peers) ([]record.Record, []note, error) {
	if j.dev.Info().Kind == "cpu" {
		if err := r.measureProcessor(ctx, j.dev); err != nil {
			return nil, nil, err
		}
	}
	j.peers, j.copyRates = against, r.copies
	return j.run(ctx)
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
