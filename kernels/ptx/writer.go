package ptx

import (
	"fmt"
	"strings"

	"github.com/tare-go/tare/internal/op"
)

// writer writes one kernel. Registers are typed by the letter of their name, and are assigned once but for
// those that loops carry.
type writer struct {
	name    string // the entry's base name
	args    []Arg
	params  strings.Builder // declarations
	loads   strings.Builder // what loads parameters, before all else
	shared  strings.Builder // declarations
	body    strings.Builder
	count   map[string]int // registers of each class, and labels
	loaded  map[string]string
	table   bool
	picks   [op.NumPick]bool
	ctas    int  // of which a multiprocessor should have the registers
	exact   bool // CTAs have as many threads as the first launch, else maxThreads at most
	isa     isa
	dynamic int // bytes of shared memory that are not declared, but asked for on launch
}

func newWriter(name string) *writer {
	return &writer{name: name, ctas: 1, isa: isaBase, count: map[string]int{}, loaded: map[string]string{}}
}

// The classes of registers.
const (
	pred = "p"
	b32  = "r"
	b64  = "rd"
	f32  = "f"
	f64  = "d"
)

// classes are the classes with the types under which their registers are declared.
var classes = []struct{ letter, typ string }{{pred, "pred"}, {b32, "b32"}, {b64, "b64"}, {f32, "f32"}, {f64, "f64"}}

// reg is a new register.
func (w *writer) reg(class string) string {
	w.count[class]++
	return fmt.Sprint("%", class, w.count[class])
}

// emit writes an instruction with its operands, the destination first.
func (w *writer) emit(instruction string, operands ...string) {
	if instruction == "" {
		return
	}
	w.body.WriteString("\t" + instruction)
	if len(operands) > 0 {
		w.body.WriteString(" " + strings.Join(operands, ", "))
	}
	w.body.WriteString(";\n")
}

// to writes an instruction whose destination is a new register.
func (w *writer) to(class, instruction string, operands ...string) string {
	d := w.reg(class)
	w.emit(instruction, append([]string{d}, operands...)...)
	return d
}

// when writes an instruction that is executed only where the predicate holds, or with ! where it does not.
func (w *writer) when(p, instruction string, operands ...string) {
	w.emit("@"+p+" "+instruction, operands...)
}

func (w *writer) comment(format string, args ...any) {
	fmt.Fprintf(&w.body, "\t// "+format+"\n", args...)
}

// label is a new label that starts with the given word.
func (w *writer) label(word string) string {
	w.count["label"]++
	return fmt.Sprint(word, "_", w.count["label"])
}

// place puts a label here.
func (w *writer) place(label string) { w.body.WriteString(label + ":\n") }

// param is a register with the value of a new parameter.
func (w *writer) param(name, typ, class string, a Arg) string {
	name = fmt.Sprintf("%s_%d", name, len(w.args))
	w.args = append(w.args, a)
	fmt.Fprintf(&w.params, "\t.param .%s %s,\n", typ, name)
	d := w.reg(class)
	fmt.Fprintf(&w.loads, "\tld.param.%s %s, [%s];\n", typ, d, name)
	return d
}

// word is a parameter of 32 bits whose value is known here.
func (w *writer) word(name string, v int) string {
	return w.param(name, "u32", b32, Arg{Kind: Word, Value: int64(v), Size: 4})
}

// address is a parameter with the global address of memory.
func (w *writer) address(name string, a array) string {
	key := fmt.Sprint(name, a)
	if d, ok := w.loaded[key]; ok {
		return d
	}
	d := w.param(name, "u64", b64, Arg{Kind: a.kind, Index: a.index, Value: int64(a.off), Size: 8})
	fmt.Fprintf(&w.loads, "\tcvta.to.global.u64 %s, %s;\n", d, d)
	w.loaded[key] = d
	return d
}

// special is a register with a special register's value.
func (w *writer) special(name string) string {
	if d, ok := w.loaded[name]; ok {
		return d
	}
	d := w.reg(b32)
	fmt.Fprintf(&w.loads, "\tmov.u32 %s, %%%s;\n", d, name)
	w.loaded[name] = d
	return d
}

// sharedBytes declares an array in shared memory.
func (w *writer) sharedBytes(name string, bytes int) string {
	name = fmt.Sprintf("%s_%d", name, w.count["shared"])
	w.count["shared"]++
	fmt.Fprintf(&w.shared, "\t.shared .align 16 .b8 %s[%d];\n", name, bytes)
	return name
}

// dynamicName is the shared memory whose size is that of the launch.
const dynamicName = "dynamic"

// sharedMemory is a register with the address of new shared memory: declared, or where that is too much, dynamic, of
// which there is only one.
func (w *writer) sharedMemory(name string, bytes int) string {
	if bytes <= maxShared {
		return w.to(b32, "mov.u32", w.sharedBytes(name, bytes))
	}
	w.dynamic = bytes
	return w.to(b32, "mov.u32", dynamicName)
}

// while writes a loop: as long as the comparison of i with end, such as lt.u32, holds, body runs, which changes i.
func (w *writer) while(compare, i, end string, body func()) {
	top, out := w.label("LOOP"), w.label("DONE")
	p := w.to(pred, "setp."+compare, i, end)
	w.when("!"+p, "bra", out)
	w.place(top)
	body()
	w.emit("setp."+compare, p, i, end)
	w.when(p, "bra", top)
	w.place(out)
}

// unless writes what runs only where p does not hold.
func (w *writer) unless(p string, body func()) {
	out := w.label("SKIP")
	w.when(p, "bra", out)
	body()
	w.place(out)
}

// where writes what runs only where p holds.
func (w *writer) where(p string, body func()) { w.unless("!"+p, body) }

// finish is the kernel's text after its name, for at most so many threads a CTA.
func (w *writer) finish(threads int) string {
	var b strings.Builder
	if !w.exact {
		threads = max(threads, maxThreads)
	}
	fmt.Fprintf(&b, "(\n%s\n)\n.maxntid %d, 1, 1\n.minnctapersm %d\n{\n", strings.TrimSuffix(w.params.String(), ",\n"), threads, w.ctas)
	for _, c := range classes {
		if n := w.count[c.letter]; n > 0 {
			fmt.Fprintf(&b, "\t.reg .%s %%%s<%d>;\n", c.typ, c.letter, n+1)
		}
	}
	b.WriteString(w.shared.String())
	b.WriteString(w.loads.String())
	b.WriteString(w.body.String())
	b.WriteString("\tret;\n}\n")
	return b.String()
}

// maxThreads is the most threads of a CTA in any launch.
const maxThreads = 256
