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
)

// peerNames are what tare can be compared with, in the order of the columns.
var peerNames = []string{"numpy", "numexpr", "numba", "jax", "gonum", "goloop"}

// peers are what the measurements of a run are compared with.
type peers struct {
	names   []string          // those that are there, in the order of peerNames
	about   map[string]string // their versions and threads
	python  map[string]*pypeer.Process
	missing []error
	folder  string // for the arrays that Python reads and writes
}

// openPeers starts the peers of those names; none stands for nothing. One that is not installed is
// noted as missing, and is no error.
func openPeers(ctx context.Context, names []string, python string) (*peers, error) {
	p := &peers{about: map[string]string{}, python: map[string]*pypeer.Process{}}
	for _, name := range peerNames {
		if !slices.Contains(names, name) {
			continue
		}
		if err := p.open(ctx, name, python); err != nil {
			p.close()
			return nil, err
		}
	}
	return p, nil
}

// open starts one peer.
func (p *peers) open(ctx context.Context, name, python string) error {
	threads := runtime.GOMAXPROCS(0)
	switch name {
	case "goloop":
		p.about[name] = fmt.Sprintf("plain Go loops, 1 thread, %s", runtime.Version())
	case "gonum":
		p.about[name] = fmt.Sprintf("%s, products on %d threads, all else on 1", gonum.Version(), threads)
	default:
		process, err := pypeer.Start(ctx, python, name, threads)
		var missing *pypeer.MissingError
		if errors.As(err, &missing) {
			p.missing = append(p.missing, err)
			return nil
		}
		if err != nil {
			return err
		}
		p.python[name] = process
		p.about[name] = fmt.Sprintf("%s, %s; Python %s", process.Version, process.About, process.Python)
	}
	p.names = append(p.names, name)
	return nil
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
	for _, name := range p.names {
		lines = append(lines, name+" "+p.about[name])
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
