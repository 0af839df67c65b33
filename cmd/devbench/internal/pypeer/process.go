// Package pypeer runs workloads in Python libraries: each library in a process of its own, which is
// asked for one run at a time, so that its runs can be interleaved with others. The script that runs
// there is part of the binary.
//
// The two sides exchange a JSON object a line; arrays go through .npy files.
package pypeer

import (
	"bufio"
	"bytes"
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"time"
)

//go:embed peer.py
var script string

// Names are the libraries, as they are imported.
var Names = []string{"numpy", "numexpr", "numba", "jax", "torch", "cupy"}

// packageOf is what pip calls a library for a place.
func packageOf(peer, place string) string {
	switch {
	case peer == "cupy":
		return "cupy-cuda12x"
	case peer == "jax" && place != CPU:
		return "'jax[cuda12]'"
	}
	return peer
}

// CPU is the place of libraries that compute on the processor. Others are GPUs: "cuda:0" and the like.
const CPU = "cpu"

// MissingError is a library that cannot be used, and how to install it.
type MissingError struct {
	Peer, Place, Python, Why string
}

// Error says what to do.
func (e *MissingError) Error() string {
	return fmt.Sprintf("%s is not there (%s: %s): install it with\n    python3 -m venv peers && peers/bin/pip install %s\n  and add --python peers/bin/python",
		e.Peer, e.Python, e.Why, packageOf(e.Peer, e.Place))
}

// UnsupportedError is work that a library does not have.
type UnsupportedError struct{ Peer, Why string }

func (e *UnsupportedError) Error() string { return e.Peer + " does not have it: " + e.Why }

// Process is a library that runs.
type Process struct {
	Peer    string
	Version string
	About   string        // threads, and the libraries below it
	Python  string        // the version of the interpreter
	Place   string        // CPU, or the GPU that it computes on
	Settle  time.Duration // for how long its threads keep a processor busy after a run of what is loaded

	cmd     *exec.Cmd
	in      io.WriteCloser
	out     *bufio.Reader
	grumble *bytes.Buffer // what it wrote to standard error
}

// Start starts a library under an interpreter, at a place, with a number of threads. A library or an
// interpreter that is not there, or a library that does not compute at that place, is a *MissingError.
// The process ends with ctx, or with Close.
func Start(ctx context.Context, python, peer, place string, threads int) (*Process, error) {
	p := &Process{Peer: peer, Place: place, cmd: exec.CommandContext(ctx, python, "-c", script), grumble: &bytes.Buffer{}}
	p.cmd.Env = environment(os.Environ(), threads)
	p.cmd.Stderr = p.grumble
	p.cmd.WaitDelay = time.Second
	var err error
	if p.in, err = p.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	p.out = bufio.NewReader(out)
	if err := p.cmd.Start(); err != nil {
		return nil, &MissingError{peer, place, python, err.Error()}
	}
	if err := p.hello(python, threads); err != nil {
		return nil, errors.Join(err, p.Close())
	}
	return p, nil
}

func (p *Process) hello(python string, threads int) error {
	a, err := p.ask(request{Do: "hello", Peer: p.Peer, Place: p.Place, Threads: threads})
	if err != nil {
		return err
	}
	if a.Missing != "" {
		return &MissingError{p.Peer, p.Place, python, a.Missing}
	}
	p.Version, p.About, p.Python = a.Version, a.About, a.Python
	return nil
}

// threadVariables say how many threads the libraries below the peers use.
var threadVariables = []string{
	"OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "BLIS_NUM_THREADS",
	"NUMEXPR_NUM_THREADS", "NUMEXPR_MAX_THREADS", "NUMBA_NUM_THREADS", "NPROC",
}

// handicaps are variables that make a library use another kernel than its best for the machine.
var handicaps = []string{"OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE", "NPY_DISABLE_CPU_FEATURES", "NPY_ENABLE_CPU_FEATURES"}

// plainGPU are variables for libraries on a GPU: products in float32 are not rounded to fewer bits, and no library takes
// most of the memory for itself.
var plainGPU = []string{"NVIDIA_TF32_OVERRIDE=0", "CUPY_TF32=0", "XLA_PYTHON_CLIENT_PREALLOCATE=false"}

// environment is that of a peer: equal threads, and no variable that slows it down.
func environment(base []string, threads int) []string {
	drop := map[string]bool{"XLA_FLAGS": true}
	for _, entry := range plainGPU {
		name, _, _ := strings.Cut(entry, "=")
		drop[name] = true
	}
	for _, name := range append(handicaps, threadVariables...) {
		drop[name] = true
	}
	var env []string
	for _, entry := range base {
		if name, _, _ := strings.Cut(entry, "="); !drop[name] {
			env = append(env, entry)
		}
	}
	for _, name := range threadVariables {
		env = append(env, name+"="+strconv.Itoa(threads))
	}
	env = append(env, plainGPU...)
	return append(env, fmt.Sprintf("XLA_FLAGS=--xla_cpu_multi_thread_eigen=%v", threads > 1))
}

// request and answer are the lines that go to and fro.
type request struct {
	Do      string            `json:"do"`
	Peer    string            `json:"peer,omitempty"`
	Place   string            `json:"place,omitempty"`
	Threads int               `json:"threads,omitempty"`
	Work    *Work             `json:"work,omitempty"`
	Inputs  map[string]string `json:"inputs,omitempty"`
	Result  string            `json:"result,omitempty"`
	Data    string            `json:"data,omitempty"`
	Repeats int               `json:"repeats,omitempty"`
}

type answer struct {
	Error       string   `json:"error"`
	Unsupported string   `json:"unsupported"`
	Missing     string   `json:"missing"`
	Version     string   `json:"version"`
	About       string   `json:"about"`
	Python      string   `json:"python"`
	Settle      float64  `json:"settle"`
	NS          int64    `json:"ns"`
	Bytes       int      `json:"bytes"`
	Ways        []string `json:"ways"`
}

// Work is a workload as the script needs it.
type Work struct {
	Name string `json:"name"`
	Text string `json:"text"`
	Into string `json:"into"`
	Call string `json:"call"` // prepared, written, reused or transferred
}

// Loaded is what a library says of work that it has prepared.
type Loaded struct {
	Bytes int      // of the result
	Ways  []string // to run it, by where its data is: as record.Resident and record.EndToEnd have it
}

// Load gives the library its inputs, by name the paths of .npy files, prepares the work, runs it once in each way and
// writes the result to the path.
func (p *Process) Load(w Work, inputs map[string]string, result string) (Loaded, error) {
	a, err := p.ask(request{Do: "load", Work: &w, Inputs: inputs, Result: result})
	p.Settle = time.Duration(a.Settle * float64(time.Second))
	return Loaded{a.Bytes, a.Ways}, err
}

// Time is a run of the loaded work in one of its ways: it runs it repeats times until all of it has ended, and says how
// long that took by the library's own clock.
func (p *Process) Time(data string) func(ctx context.Context, repeats int) (time.Duration, error) {
	return func(_ context.Context, repeats int) (time.Duration, error) {
		a, err := p.ask(request{Do: "time", Data: data, Repeats: repeats})
		return time.Duration(a.NS), err
	}
}

// Drop releases the memory of the loaded work.
func (p *Process) Drop() error {
	_, err := p.ask(request{Do: "drop"})
	return err
}

// Close ends the process.
func (p *Process) Close() error {
	p.in.Close()
	return p.cmd.Wait()
}

// ask sends a request and waits for its answer.
func (p *Process) ask(r request) (answer, error) {
	var a answer
	line, err := json.Marshal(r)
	if err != nil {
		panic("BUG: pypeer: " + err.Error())
	}
	if _, err := p.in.Write(append(line, '\n')); err != nil {
		return a, p.died(err)
	}
	line, err = p.out.ReadBytes('\n')
	if err != nil {
		return a, p.died(err)
	}
	switch err := json.Unmarshal(line, &a); {
	case err != nil:
		return a, fmt.Errorf("%s: not an answer: %q", p.Peer, line)
	case a.Unsupported != "":
		return a, &UnsupportedError{p.Peer, a.Unsupported}
	case a.Error != "":
		return a, fmt.Errorf("%s: %s", p.Peer, a.Error)
	}
	return a, nil
}

// DiedError is a process that ended before it answered.
type DiedError struct {
	Peer, Said string
	Err        error
}

func (e *DiedError) Error() string {
	return fmt.Sprintf("%s ended: %v %s", e.Peer, e.Err, e.Said)
}

// Unwrap is what reading or writing failed with.
func (e *DiedError) Unwrap() error { return e.Err }

// died says what the process wrote last.
func (p *Process) died(err error) error {
	p.in.Close()
	_ = p.cmd.Wait() // its standard error is complete then; err says that it ended
	said := strings.TrimSpace(p.grumble.String())
	return &DiedError{p.Peer, said[max(0, len(said)-500):], err}
}
