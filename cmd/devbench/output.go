package main

import (
	"encoding/json"
	"io"
	"os"

	"github.com/tare-go/tare/cmd/devbench/internal/record"
)

// lines are where records and rows go, each as a line of JSON: a file, standard output or, for a writer of nil, nowhere.
type lines struct {
	w    io.Writer
	file *os.File // nil if there is nothing to close
}

// openLines makes the file of that name, - for standard output, "" for none.
func openLines(name string, stdout io.Writer) (*lines, error) {
	switch name {
	case "":
		return &lines{}, nil
	case "-":
		return &lines{w: stdout}, nil
	}
	f, err := os.Create(name)
	return &lines{f, f}, err
}

func (l *lines) write(records ...record.Record) error {
	if l.w == nil {
		return nil
	}
	return record.Write(l.w, records...)
}

// encode writes anything as a line.
func (l *lines) encode(v any) error {
	if l.w == nil {
		return nil
	}
	return json.NewEncoder(l.w).Encode(v)
}

func (l *lines) close() error {
	if l.file == nil {
		return nil
	}
	return l.file.Close()
}

// page is a file that is replaced at the end, or none. Until then it has what it had before.
type page struct{ file *os.File }

// openPage opens the file of that name, or makes it, so that a name that cannot be written to is seen at once.
func openPage(name string) (*page, error) {
	if name == "" {
		return &page{}, nil
	}
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE, 0o644)
	return &page{f}, err
}

func (p *page) write(text string) error {
	if p.file == nil {
		return nil
	}
	info, err := p.file.Stat()
	if err != nil {
		return err
	}
	if _, err := p.file.WriteString(text); err != nil || !info.Mode().IsRegular() {
		return err
	}
	return p.file.Truncate(int64(len(text)))
}

func (p *page) close() error {
	if p.file == nil {
		return nil
	}
	return p.file.Close()
}
