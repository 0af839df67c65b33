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
		fmt.Fprintf(&b, "\n//go:noescape\nfunc %s(dst, a, b, c unsafe.Pointer, n int) int\n", k.name)
	}
	for _, f := range c.folds {
		fmt.Fprintf(&b, "\n//go:noescape\nfunc blocks%s(dst, src unsafe.Pointer, blocks int)\n", f.name)
		fmt.Fprintf(&b, "\n//go:noescape\nfunc rows%s(acc, src unsafe.Pointer, rows int)\n", f.name)
		fmt.Fprintf(&b, "\n//go:noescape\nfunc tree%s(dst, acc unsafe.Pointer)\n", f.name)
	}
	c.writeOperators(&b)
	c.writeMixed(&b)
	c.writeCasts(&b)
	c.writeFolds(&b)
	return format.Source([]byte(b.String()))
}

// entry is a kernel with what its caller must know of it.
func (k *kernel) entry() string {
	pad := ""
	if k.steps == 1 {
		pad = ", pad: true"
	}
	return fmt.Sprintf("{loop: %s, step: %d, sizes: [4]uint8{%s}%s}", k.name, k.lanes*k.steps,
		strings.ReplaceAll(strings.Trim(fmt.Sprint(k.sizes), "[]"), " ", ", "), pad)
}

// mixed reports whether the loop is in the table of mixed loops.
func (l loop) mixed() bool {
	return l.operator && len(l.types) == 2 && l.types[0] != l.types[1]
}

func (c *catalogue) writeOperators(b *strings.Builder) {
	fmt.Fprint(b, "\nvar avx2Operators = [op.Count][dtype.Count]assembly{\n")
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
	fmt.Fprint(b, "\nvar avx2Mixed = [op.Count][2]assembly{\n")
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
	fmt.Fprint(b, "\nvar avx2Casts = [dtype.Count][dtype.Count]assembly{\n")
	for _, from := range dtype.All() {
		fmt.Fprintf(b, "dtype.%s: {\n", title(from.String()))
		for _, l := range c.loops {
			if !l.operator && l.types[0] == from && l.kernel != nil {
				fmt.Fprintf(b, "dtype.%s: %s,\n", title(l.types[1].String()), l.kernel.entry())
			}
		}
		fmt.Fprint(b, "},\n")
	}
	fmt.Fprint(b, "}\n")
}

// writeFolds writes the folds, which are in the order of their operators.
func (c *catalogue) writeFolds(b *strings.Builder) {
	fmt.Fprint(b, "\nvar avx2Folds = [op.Count][dtype.Count]Fold{\n")
	for code := range op.Code(op.Count) {
		var entries []string
		for _, f := range c.folds {
			if f.code == code {
				for _, t := range f.types {
					entries = append(entries, fmt.Sprintf("dtype.%s: {blocks%s, rows%s, tree%s},\n", title(t.String()), f.name, f.name, f.name))
				}
			}
		}
		if entries != nil {
			fmt.Fprintf(b, "op.%s: {\n%s},\n", code.Row().GoName, strings.Join(entries, ""))
		}
	}
	fmt.Fprint(b, "}\n")
}

// writeLeftOut lists the loops that have no kernel, by reason.
func (c *catalogue) writeLeftOut(w io.Writer) {
	loops := map[string][]string{}
	for _, l := range c.loops {
		if l.kernel == nil {
			name := "cast"
			if l.operator {
				name = l.code.String()
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
