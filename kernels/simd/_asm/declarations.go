package main

import (
	"fmt"
	"go/format"
	"io"
	"slices"
	"strings"

	"github.com/tare-go/tare/dtype"
	"github.com/tare-go/tare/internal/op"
)

// declarations is the text of the Go file: what Go must know of the assembly, and which loops it serves.
func (c *catalogue) declarations() ([]byte, error) {
	var b strings.Builder
	b.WriteString(notice + "\n\n//go:build amd64 && !purego\n\npackage simd\n\n")
	b.WriteString("import (\n\"unsafe\"\n\n\"github.com/tare-go/tare/dtype\"\n\"github.com/tare-go/tare/internal/op\"\n)\n")
	for _, k := range c.kernels {
		fmt.Fprintf(&b, "\nfunc %s()\n", k.name)
		if k.passes() {
			fmt.Fprintf(&b, "\nfunc %s()\n", k.pastName())
		}
	}
	for _, f := range c.folds {
		f.declare(&b)
	}
	for _, d := range finds {
		fmt.Fprintf(&b, "\n//go:noescape\nfunc %s(x, v unsafe.Pointer, n int) int\n", c.findName(d))
	}
	if c.target == avx2 {
		fmt.Fprintf(&b, "\nfunc fence%s()\n", c.suffix)
		fmt.Fprintf(&b, "\nfunc prefetch%s(at uintptr, lines int)\n", c.suffix)
	}
	c.writeOperators(&b)
	if c.target == avx2 {
		c.writeMixed(&b)
	}
	c.writeCasts(&b)
	c.writePairs(&b)
	c.writeFolds(&b)
	c.writeFinds(&b)
	if c.masks > 0 {
		c.declareScans(&b)
	}
	return format.Source([]byte(b.String()))
}

// entry is a kernel with what its caller must know of it.
func (k *kernel) entry() string {
	more := ""
	if k.steps == 1 && k.target == avx2 {
		more = ", pad: true"
	}
	if k.passes() {
		more += ", past: " + k.pastName()
	}
	return fmt.Sprintf("{loop: %s, step: %d, sizes: [4]uint8{%s}%s}", k.name, k.lanes*k.steps,
		strings.ReplaceAll(strings.Trim(fmt.Sprint(k.sizes), "[]"), " ", ", "), more)
}

// mixed reports whether the loop is in the table of mixed loops.
func (l loop) mixed() bool {
	return l.operator && len(l.types) == 2 && l.types[0] != l.types[1]
}

func (c *catalogue) writeOperators(b *strings.Builder) {
	fmt.Fprintf(b, "\nvar %sOperators = [op.Count][dtype.Count]Loop{\n", c.name)
	for code := range op.Code(op.Count) {
		var entries []string
		for _, l := range c.loops {
			if l.operator && l.code == code && !l.mixed() && l.kernel != nil {
				entries = append(entries, fmt.Sprintf("dtype.%s: %s,\n", title(l.types[len(l.types)-1].String()), l.kernel.entry()))
			}
		}
		if entries != nil {
			fmt.Fprintf(b, "op.%s: {\n%s},\n", code.Row().GoName, strings.Join(entries, ""))
		}
	}
	fmt.Fprint(b, "}\n")
}

// writeMixed writes the loops of int64 with uint64, then of uint64 with int64.
func (c *catalogue) writeMixed(b *strings.Builder) {
	fmt.Fprint(b, "\nvar avx2Mixed = [op.Count][2]Loop{\n")
	for code := range op.Code(op.Count) {
		var entries [2]string
		for _, l := range c.loops {
			if l.mixed() && l.code == code && l.kernel != nil {
				entries[l.types[0]/dtype.Uint64] = l.kernel.entry()
			}
		}
		if entries[0] != "" {
			fmt.Fprintf(b, "op.%s: {\n%s,\n%s,\n},\n", code.Row().GoName, entries[0], entries[1])
		}
	}
	fmt.Fprint(b, "}\n")
}

func (c *catalogue) writeCasts(b *strings.Builder) {
	fmt.Fprintf(b, "\nvar %sCasts = [dtype.Count][dtype.Count]Loop{\n", c.name)
	for _, from := range dtype.All() {
		fmt.Fprintf(b, "dtype.%s: {\n", title(from.String()))
		for _, l := range c.loops {
			if !l.operator && l.pair == nil && l.types[0] == from && l.kernel != nil {
				fmt.Fprintf(b, "dtype.%s: %s,\n", title(l.types[1].String()), l.kernel.entry())
			}
		}
		fmt.Fprint(b, "},\n")
	}
	fmt.Fprint(b, "}\n")
}

// writePairs writes the loops of pairs, which have the order of op.Pairs.
func (c *catalogue) writePairs(b *strings.Builder) {
	fmt.Fprintf(b, "\nvar %sPairs = [op.PairCount][dtype.Count]Loop{\n", c.name)
	for i := range op.Pairs {
		fmt.Fprint(b, "{\n")
		for _, l := range c.loops {
			if l.pair == &op.Pairs[i] && l.kernel != nil {
				fmt.Fprintf(b, "dtype.%s: %s,\n", title(l.types[0].String()), l.kernel.entry())
			}
		}
		fmt.Fprint(b, "},\n")
	}
	fmt.Fprint(b, "}\n")
}

// writeFolds writes the folds, which are in the order of their operators.
func (c *catalogue) writeFolds(b *strings.Builder) {
	fmt.Fprintf(b, "\nvar %sFolds = [op.Count][dtype.Count]Fold{\n", c.name)
	for code := range op.Code(op.Count) {
		var entries []string
		for _, f := range c.folds {
			if f.code == code {
				for _, t := range f.types {
					entries = append(entries, fmt.Sprintf("dtype.%s: %s,\n", title(t.String()), f.entry()))
				}
			}
		}
		if entries != nil {
			fmt.Fprintf(b, "op.%s: {\n%s},\n", code.Row().GoName, strings.Join(entries, ""))
		}
	}
	fmt.Fprint(b, "}\n")
}

// foldSignatures are the parameters of a fold's functions, by the start of their names.
var foldSignatures = []struct{ name, parameters string }{
	{"blocks", "dst, src unsafe.Pointer, blocks int"}, {"rows", "acc, src unsafe.Pointer, rows int"},
	{"tree", "dst, acc unsafe.Pointer"}, {"eight", "acc, src unsafe.Pointer, stride, n int"},
	{"squares", "acc, src, from unsafe.Pointer, rows int"}, {"eightSquares", "acc, src, from unsafe.Pointer, stride, n int"},
}

// declare declares the functions that a fold has.
func (f *fold) declare(b *strings.Builder) {
	for _, s := range foldSignatures {
		if f.has(s.name) {
			fmt.Fprintf(b, "\n//go:noescape\nfunc %s%s(%s)\n", s.name, f.name, s.parameters)
		}
	}
}

// entry is the functions of a fold: those of AVX2 where it has none, nil where neither has.
func (f *fold) entry() string {
	names := make([]string, len(foldSignatures))
	for i, s := range foldSignatures {
		names[i] = s.name + f.name
		switch {
		case strings.Contains(strings.ToLower(s.name), "squares") && !f.squares():
			names[i] = "nil"
		case !f.has(s.name):
			names[i] = strings.TrimSuffix(names[i], avx512.suffix) + avx2.suffix
		}
	}
	return "{" + strings.Join(names, ", ") + "}"
}

// has reports whether a fold has one of the functions.
func (f *fold) has(name string) bool {
	switch {
	case name == "squares" || name == "eightSquares":
		return f.squares()
	case f.target == avx2 || name == "eight":
		return true
	case f.code == op.Add:
		return false
	}
	return name == "rows"
}

// writeLeftOut lists the loops that have no kernel, by reason.
func (c *catalogue) writeLeftOut(w io.Writer) {
	loops := map[string][]string{}
	for _, l := range c.loops {
		if l.kernel == nil {
			name := "cast"
			switch {
			case l.operator:
				name = l.code.String()
			case l.pair != nil:
				name = l.pair.String()
			}
			loops[l.reason] = append(loops[l.reason], fmt.Sprint(name, l.types))
		}
	}
	var reasons []string
	for r := range loops {
		reasons = append(reasons, r)
	}
	slices.Sort(reasons)
	for _, r := range reasons {
		fmt.Fprintf(w, "%s: %s\n", r, strings.Join(loops[r], ", "))
	}
}
