package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"

	"github.com/tare-go/tare/cmd/devbench/internal/gonum"
	"github.com/tare-go/tare/cmd/devbench/internal/pypeer"
	"github.com/tare-go/tare/device"
)

// peerNames are what tare can be compared with, in the order of the columns.
var peerNames = []string{"numpy", "numexpr", "numba", "jax", "torch", "cupy", "gonum", "goloop"}

// seat is a peer at a place: pypeer.CPU, or a GPU.
type seat struct{ name, place string }

// peers are what the measurements of a run are compared with.
type peers struct {
	names   []string        // those that are there, in the order of peerNames
	about   map[seat]string // their versions and threads
	order   []seat          // those of about
	python  map[seat]*pypeer.Process
	missing []error
	folder  string // for the arrays that Python reads and writes
}

// placeOf is where a peer computes that is compared with a device, "" if it is not compared with it. Beside a GPU that
// is simulated, libraries that can do so compute on the processor.
func placeOf(name string, info device.Info) string {
	processor, simulated := info.Kind == "cpu", info.Kind == "sim"
	switch name {
	case "torch", "jax":
		if processor || simulated {
			return pypeer.CPU
		}
		return info.Name
	case "cupy":
		switch {
		case processor:
			return ""
		case simulated:
			return "cuda:0"
		}
		return info.Name
	}
	if processor {
		return pypeer.CPU
	}
	return ""
}

// openPeers starts the peers of those names that are compared with one of the devices; none stands for nothing. One
// that is not installed is noted as missing, and is no error.
func openPeers(ctx context.Context, names []string, python string, devs []device.Device) (*peers, error) {
	p := &peers{about: map[seat]string{}, python: map[seat]*pypeer.Process{}}
	for _, name := range peerNames {
		if !slices.Contains(names, name) {
			continue
		}
		places := placesOf(name, devs)
		if len(places) == 0 {
			p.missing = append(p.missing, &idleError{name})
		}
		for _, place := range places {
			if err := p.open(ctx, seat{name, place}, python); err != nil {
				p.close()
				return nil, err
			}
		}
	}
	return p, nil
}

// placesOf are the places where a peer computes for those devices.
func placesOf(name string, devs []device.Device) []string {
	var places []string
	for _, dev := range devs {
		if place := placeOf(name, dev.Info()); place != "" && !slices.Contains(places, place) {
			places = append(places, place)
		}
	}
	return places
}

// idleError is a peer that computes on none of the devices that are measured.
type idleError struct{ peer string }

func (e *idleError) Error() string {
	if e.peer == "cupy" {
		return "cupy computes on GPUs, and none is measured: add one to --devices"
	}
	return e.peer + " computes on the processor, which is not measured: add cpu to --devices"
}

// open starts one peer.
func (p *peers) open(ctx context.Context, s seat, python string) error {
	threads := runtime.GOMAXPROCS(0)
	switch s.name {
	case "goloop":
		p.about[s] = fmt.Sprintf("plain Go loops, 1 thread, %s", runtime.Version())
	case "gonum":
		p.about[s] = fmt.Sprintf("%s, products on %d threads, all else on 1", gonum.Version(), threads)
	default:
		process, err := pypeer.Start(ctx, python, s.name, s.place, threads)
		var missing *pypeer.MissingError
		if errors.As(err, &missing) {
			p.missing = append(p.missing, err)
			return nil
		}
		if err != nil {
			return err
		}
		p.python[s] = process
		p.about[s] = fmt.Sprintf("%s, %s; Python %s", process.Version, process.About, process.Python)
	}
	p.order = append(p.order, s)
	if !slices.Contains(p.names, s.name) {
		p.names = append(p.names, s.name)
	}
	return nil
}

// beside are the names of the peers that are compared with a device.
func (p *peers) beside(info device.Info) []string {
	return slices.DeleteFunc(slices.Clone(p.names), func(name string) bool {
		_, ok := p.about[seat{name, placeOf(name, info)}]
		return !ok
	})
}

// process is the library that is compared with a device, nil if it is none in Python.
func (p *peers) process(name string, info device.Info) *pypeer.Process {
	return p.python[seat{name, placeOf(name, info)}]
}

// pythonBeside reports whether a library in Python is compared with a device.
func (p *peers) pythonBeside(info device.Info) bool {
	return slices.ContainsFunc(p.beside(info), func(name string) bool { return p.process(name, info) != nil })
}

// scratch is the folder for the arrays of Python, which is there from the first call until close.
func (p *peers) scratch() (string, error) {
	if p.folder != "" {
		return p.folder, nil
	}
	folder, err := os.MkdirTemp("", "devbench")
	p.folder = folder
	return folder, err
}

// file is a path in the folder.
func (p *peers) file(name string) string { return filepath.Join(p.folder, name+".npy") }

// lines say who the peers are, and who is missing.
func (p *peers) lines() []string {
	var lines []string
	for _, s := range p.order {
		lines = append(lines, s.name+" "+p.about[s])
	}
	for _, err := range p.missing {
		lines = append(lines, "not compared: "+err.Error())
	}
	return lines
}

// close ends the processes and deletes what they wrote.
func (p *peers) close() {
	for _, process := range p.python {
		_ = process.Close() // it has nothing left to say
	}
	if p.folder != "" {
		_ = os.RemoveAll(p.folder)
	}
}
