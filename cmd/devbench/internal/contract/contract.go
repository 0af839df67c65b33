// Package contract runs the conformance suite of devices outside go test: what a device must do, for
// every operator, element type and layout, bit for bit.
package contract

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/tare-go/tare/device"
	"github.com/tare-go/tare/device/devicetest"
)

// Row is one test of the suite.
type Row struct {
	Name    string
	Result  string // PASS, FAIL, SKIP
	Seconds float64
	Detail  string // what a failed test said
}

// ended is what the testing package writes at the end of a test.
var ended = regexp.MustCompile(`^--- (PASS|FAIL|SKIP): (\S+) \((\S+)s\)$`)

// The environment variables that make a process the one that runs the suite: the device's name, and whether to leave
// out the larger sizes.
const (
	deviceVariable = "DEVBENCH_CONTRACT_DEVICE"
	shortVariable  = "DEVBENCH_CONTRACT_SHORT"
)

// Main runs the suite and ends the process, if Run started it for that; else it returns. Programs that call Run call it
// first. The suite has a process of its own because the testing package can only take over a whole one, and because a
// device that fails may end it.
func Main(open func(name string) (device.Device, error)) {
	name, ok := os.LookupEnv(deviceVariable)
	if !ok {
		return
	}
	os.Args = []string{os.Args[0], "-test.v", "-test.short=" + os.Getenv(shortVariable), "-test.timeout=1h"}
	all := func(string, string) (bool, error) { return true, nil }
	testing.Init()
	testing.Main(all, []testing.InternalTest{{Name: root, F: func(t *testing.T) {
		dev, err := open(name)
		if err != nil {
			t.Fatal(err)
		}
		devicetest.Run(t, dev)
	}}}, nil, nil)
}

// Run runs the suite on a device in a process of its own. Only the tests that stand for themselves are rows: those that
// have tests of their own are not. short leaves out the larger sizes. A process that ends before it is through is an
// error beside the rows.
func Run(ctx context.Context, name string, short bool) ([]Row, error) {
	program, err := os.Executable()
	if err != nil {
		return nil, err
	}
	c := exec.CommandContext(ctx, program)
	c.Env = append(os.Environ(), deviceVariable+"="+name, shortVariable+"="+strconv.FormatBool(short))
	out, err := c.StdoutPipe()
	if err != nil {
		return nil, err
	}
	var stderr strings.Builder
	c.Stderr = &stderr
	if err := c.Start(); err != nil {
		return nil, err
	}
	rows := read(out)
	err = c.Wait()
	var ended *exec.ExitError
	failed := slices.ContainsFunc(rows, func(r Row) bool { return r.Result == "FAIL" })
	if errors.As(err, &ended) && ended.ExitCode() == 1 && failed { // which the rows say better
		return rows, nil
	}
	if err != nil {
		err = fmt.Errorf("the conformance suite on %s: %w\n%s", name, err, strings.TrimSpace(stderr.String()))
	}
	return rows, err
}

const root = "device"

// read makes rows of the testing package's lines. What failed tests say stands with each of them: a test's lines are
// before its end, and so are those of others.
func read(r io.Reader) []Row {
	var rows []Row
	var said []string
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		line := strings.TrimSpace(lines.Text())
		m := ended.FindStringSubmatch(line)
		switch {
		case m != nil:
			seconds, _ := strconv.ParseFloat(m[3], 64)
			if name, inner := strings.CutPrefix(m[2], root+"/"); inner {
				rows = append(rows, Row{Name: strings.ReplaceAll(name, "_", " "), Result: m[1], Seconds: seconds})
			}
		case !strings.HasPrefix(line, "===") && line != "PASS" && line != "FAIL":
			said = append(said, line)
		}
	}
	all := slices.Clone(rows)
	rows = slices.DeleteFunc(rows, func(r Row) bool { return hasInner(all, r.Name) })
	for i := range rows {
		if rows[i].Result == "FAIL" {
			rows[i].Detail = strings.Join(said, "\n")
		}
	}
	return rows
}

// hasInner reports whether a test has tests of its own.
func hasInner(rows []Row, name string) bool {
	for _, r := range rows {
		if strings.HasPrefix(r.Name, name+"/") {
			return true
		}
	}
	return false
}
