package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/tare-go/tare/cmd/devbench/internal/contract"
	"github.com/tare-go/tare/cmd/devbench/internal/formula"
	"github.com/tare-go/tare/cmd/devbench/internal/goloop"
	"github.com/tare-go/tare/cmd/devbench/internal/suite"
	"github.com/tare-go/tare/cmd/devbench/internal/table"
	"github.com/tare-go/tare/device"
	"github.com/tare-go/tare/dtype"
	np "github.com/tare-go/tare/tensor"
)

// selftestCommand checks that a device computes what it has to.
type selftestCommand struct {
	Device string `placeholder:"NAME" help:"The device. Default: the environment variable TARE_DEVICE, or cpu."`
	Short  bool   `help:"Leave out the larger sizes."`
	JSON   string `name:"json" placeholder:"FILE|-" help:"Write a line of JSON for each row to a file, or with - to standard output; the table then goes to standard error."`
}

// selftestRow is one check. Its JSON names are a promise to the programs that read them.
type selftestRow struct {
	Device  string  `json:"device"`
	On      string  `json:"on"`    // "silicon", "simulator" or "processor"
	Model   string  `json:"model"` // what the maker calls it, and the driver
	Group   string  `json:"group"`
	Name    string  `json:"name"`
	Result  string  `json:"result"` // PASS, FAIL, SKIP
	Seconds float64 `json:"seconds"`
	Detail  string  `json:"detail,omitempty"`
}

// errSelftest is a device that fails its checks.
var errSelftest = errors.New("the device computes something else than it has to: see the rows that say FAIL")

// Run runs the conformance suite, compares the workloads of the quick suite with the CPU bit for bit, and the ledger
// with what the driver says of its memory. It ends with a line for each group, also when it could not go on to its end.
func (c selftestCommand) Run(ctx context.Context, s streams) error {
	dev, err := device.OpenOwn(c.device())
	if err != nil {
		return err
	}
	info := dev.Info()
	lines, err := openLines(c.JSON, s.out)
	if err != nil {
		return errors.Join(err, dev.Close())
	}
	t := selftest{lines: lines, row: selftestRow{Device: info.Name, On: where(info), Model: strings.Join(slices.Concat([]string{info.Model}, info.Features), ", ")}}
	failed := t.all(ctx, c, dev)
	return errors.Join(t.write(c.text(s)), failed, lines.close())
}

// all runs all checks on a device, which it closes.
func (t *selftest) all(ctx context.Context, c selftestCommand, dev *device.Ledgered) error {
	err := t.add("memory", "ledger and driver", func() (string, error) { return memoryAgrees(ctx, dev) })
	if err := errors.Join(err, dev.Close()); err != nil {
		return err
	}
	if err := t.contract(ctx, c.device(), c.Short); err != nil {
		return err
	}
	return t.workloads(ctx, c.device())
}

func (c selftestCommand) device() string {
	if c.Device != "" {
		return c.Device
	}
	if name := os.Getenv(device.Variable); name != "" {
		return name
	}
	return device.Default
}

func (c selftestCommand) text(s streams) io.Writer {
	if c.JSON == "-" {
		return s.err
	}
	return s.out
}

// where is what the device runs on.
func where(info device.Info) string {
	switch info.Kind {
	case "sim":
		return "simulator"
	case "cpu":
		return "processor"
	}
	return "silicon"
}

// selftest collects rows, and writes them as they come.
type selftest struct {
	lines *lines
	row   selftestRow // what all rows share
	rows  []selftestRow
}

// add runs a check. One that says why it does not apply is skipped. The error is one of writing.
func (t *selftest) add(group, name string, check func() (skipped string, err error)) error {
	r := t.row
	r.Group, r.Name, r.Result = group, name, "PASS"
	start := time.Now()
	skipped, err := check()
	r.Seconds = time.Since(start).Seconds()
	switch {
	case err != nil:
		r.Result, r.Detail = "FAIL", err.Error()
	case skipped != "":
		r.Result, r.Detail = "SKIP", skipped
	}
	return t.append(r)
}

func (t *selftest) append(r selftestRow) error {
	t.rows = append(t.rows, r)
	return t.lines.encode(r)
}

// contract adds the rows of the conformance suite.
func (t *selftest) contract(ctx context.Context, name string, short bool) error {
	rows, err := contract.Run(ctx, name, short)
	for _, row := range rows {
		r := t.row
		r.Group, r.Name, r.Result, r.Seconds, r.Detail = "conformance", row.Name, row.Result, row.Seconds, row.Detail
		err = errors.Join(err, t.append(r))
	}
	return err
}

// selftestSize is the elements of the workloads that are compared: more than one block of any order.
const selftestSize = 1 << 16

// workloads compares the results of the quick suite with the CPU's.
func (t *selftest) workloads(ctx context.Context, name string) error {
	dev, err := device.Open(name)
	if err != nil {
		return err
	}
	host, err := device.Open("cpu")
	if err != nil {
		return err
	}
	for _, w := range suite.Quick() {
		if w.Product && w.Operations(selftestSize) > longLoop/4 {
			continue
		}
		for _, typ := range []dtype.DType{dtype.Float32, dtype.Float64} {
			err := t.add("workloads", fmt.Sprintf("%s %v", w.Name, typ), func() (string, error) {
				if typ == dtype.Float32 {
					return "", agrees[float32](ctx, w, dev, host)
				}
				return "", agrees[float64](ctx, w, dev, host)
			})
			if err := errors.Join(err, ctx.Err()); err != nil {
				return err
			}
		}
	}
	return nil
}

// agrees compares the bits of a workload's results on two devices.
func agrees[T goloop.Float](ctx context.Context, w suite.Workload, dev, host device.Device) error {
	values := goloop.Inputs[T](w, selftestSize)
	got, err := resultOn(ctx, w, dev, values)
	if err != nil {
		return err
	}
	want, err := resultOn(ctx, w, host, values)
	if err != nil {
		return err
	}
	if at := firstDifference(got, want); at >= 0 {
		return fmt.Errorf("element %d is not the CPU's", at)
	}
	return nil
}

// firstDifference is the index of the first element that differs in its bits, -1 for none. A NaN is as good as another.
func firstDifference(a, b any) int {
	switch a := a.(type) {
	case []float32:
		return differing(a, b.([]float32), func(x, y float32) bool {
			return math.Float32bits(x) == math.Float32bits(y) || x != x && y != y
		})
	case []float64:
		return differing(a, b.([]float64), func(x, y float64) bool {
			return math.Float64bits(x) == math.Float64bits(y) || x != x && y != y
		})
	case []int64:
		return differing(a, b.([]int64), func(x, y int64) bool { return x == y })
	}
	return differing(a.([]bool), b.([]bool), func(x, y bool) bool { return x == y })
}

func differing[T any](a, b []T, same func(x, y T) bool) int {
	for i := range max(len(a), len(b)) {
		if i >= len(a) || i >= len(b) || !same(a[i], b[i]) {
			return i
		}
	}
	return -1
}

// resultOn is the elements of a workload's result on a device.
func resultOn[T goloop.Float](ctx context.Context, w suite.Workload, dev device.Device, values []goloop.Matrix[T]) (any, error) {
	m := measurement{workload: w, dev: dev, size: selftestSize}
	in, err := suiteOperands(ctx, m, values)
	if err != nil {
		return nil, err
	}
	defer in.free()
	node, err := formula.Build(w.Text, in.there.nodes())
	if err != nil {
		return nil, err
	}
	y, err := np.FromNode(node).Eval(ctx, np.On(dev))
	if err != nil {
		return nil, err
	}
	defer y.Free()
	return elements(ctx, y)
}

// memorySlack is how far the driver's count may be from the ledger's: drivers hand out memory in pages of 2 MiB.
const memorySlack = 4 << 20

// memoryAgrees allocates a quarter of a gigabyte and compares what the driver says is gone with the ledger.
func memoryAgrees(ctx context.Context, dev *device.Ledgered) (skipped string, err error) {
	reporter, ok := device.Reporter(dev)
	if !ok || dev.Info().Kind == "cpu" {
		return "the device does not count its memory apart", nil
	}
	before, _ := reporter.MemoryLeft()
	buf, err := dev.Alloc(ctx, 256<<20)
	if err != nil {
		return "", err
	}
	after, _ := reporter.MemoryLeft()
	ledger := dev.Stats().LiveBytes
	buf.Free()
	if off := before - after - ledger; off < -memorySlack || off > memorySlack {
		return "", fmt.Errorf("the ledger has %d bytes, and the driver %d", ledger, before-after)
	}
	return "", nil
}

// write prints a line for each part of each group, and then what failed. It is an error if something did.
func (t *selftest) write(w io.Writer) error {
	out := table.Table{Columns: []table.Column{{Heading: "group"}, {Heading: "part"}, {Heading: "pass", Right: true}, {Heading: "fail", Right: true}, {Heading: "skip", Right: true}, {Heading: "seconds", Right: true}}}
	type part struct{ group, name string }
	var order []part
	counts := map[part]map[string]int{}
	seconds := map[part]float64{}
	failed := 0
	for _, r := range t.rows {
		p := part{r.Group, ""}
		if before, _, inner := strings.Cut(r.Name, "/"); inner {
			p.name = before
		}
		if counts[p] == nil {
			order, counts[p] = append(order, p), map[string]int{}
		}
		counts[p][r.Result]++
		seconds[p] += r.Seconds
		if r.Result == "FAIL" {
			failed++
		}
	}
	for _, p := range order {
		n := counts[p]
		out.Add(p.group, p.name, fmt.Sprint(n["PASS"]), fmt.Sprint(n["FAIL"]), fmt.Sprint(n["SKIP"]), fmt.Sprintf("%.2f", seconds[p]))
	}
	if _, err := fmt.Fprintf(w, "%s on %s: %s\n\n", t.row.Device, t.row.On, t.row.Model); err != nil {
		return err
	}
	if _, err := out.WriteTo(w); err != nil {
		return err
	}
	for _, r := range t.rows {
		if r.Result == "FAIL" {
			if _, err := fmt.Fprintf(w, "\nFAIL %s: %s: %s\n", r.Group, r.Name, r.Detail); err != nil {
				return err
			}
		}
	}
	if failed > 0 {
		return errSelftest
	}
	return nil
}
