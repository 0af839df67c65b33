package ptx

import (
	"encoding/binary"
	"fmt"
	"math"
	"strings"

	"github.com/tare-go/tare/internal/canon"
	"github.com/tare-go/tare/internal/op"
)

// Target is the GPU for which an operation is lowered. It never decides bits, only forms.
type Target struct {
	SMs  int // multiprocessors; 0 counts as 64
	Arch int // compute capability: 90 for sm_90; 0 is the lowest there is, 70

	// NoMMA keeps float64 products from the tensor cores: for devices on which they fail MMACheck.
	NoMMA bool

	limit int     // the most indices of a launch, if not 0: tests make it small
	tile  *tiling // how products are cut, if not nil: for tests
}

// maxIndex is the most elements of a launch: indices and twice their value fit in 32 bits.
const maxIndex = math.MaxInt32

func (t Target) indices() int {
	if t.limit == 0 {
		return maxIndex
	}
	return t.limit
}

func (t Target) processors() int {
	if t.SMs == 0 {
		return 64
	}
	return t.SMs
}

// Module is an operation in PTX.
type Module struct {
	PTX       string   // the text; equal for operations that differ only in what launches pass; empty where there are no launches
	Launches  []Launch // run in order, each after the one before; none where there is nothing to compute
	Workspace int      // bytes that the launches share, with undefined contents at first
}

// Launch is one launch of an entry of the module.
type Launch struct {
	Kernel string    // the entry
	Grid   [3]uint32 // CTAs
	Block  [3]uint32 // threads
	Shared int       // bytes of dynamic shared memory
	Args   []Arg     // the parameters, in order
}

// ArgKind says what is passed for a parameter.
type ArgKind uint8

// The kinds of parameters.
const (
	Operand ArgKind = iota // the address of the operation's operand Index, inputs first, plus Value bytes
	Scratch                // the address of the workspace plus Value bytes
	Scalar                 // the low Size bytes of the operation's scalar Index
	Word                   // the low Size bytes of Value
)

// Arg is one parameter of a launch. It lies at a multiple of its Size in the packed buffer.
type Arg struct {
	Kind  ArgKind
	Index int
	Value int64
	Size  int // 1, 2, 4 or 8 bytes; addresses have 8
}

// MaxParams is the most bytes of parameters that an entry can have.
const MaxParams = 4096

// Pack appends the launch's parameters to buf, which is empty at first: one packed buffer, as the driver takes
// it. operands are the addresses of the inputs and then the outputs, scalars the bits of the scalars, work the
// address of the workspace.
func (l *Launch) Pack(buf []byte, operands, scalars []uint64, work uint64) []byte {
	for _, a := range l.Args {
		for len(buf)%a.Size != 0 {
			buf = append(buf, 0)
		}
		var v uint64
		switch a.Kind {
		case Operand:
			v = operands[a.Index] + uint64(a.Value)
		case Scratch:
			v = work + uint64(a.Value)
		case Scalar:
			v = scalars[a.Index]
		case Word:
			v = uint64(a.Value)
		}
		var word [8]byte
		binary.LittleEndian.PutUint64(word[:], v)
		buf = append(buf, word[:a.Size]...)
	}
	return buf
}

// module is a Module that is being made.
type module struct {
	target   Target
	entries  []entry
	launches []Launch
	table    bool             // an entry reads the bits of 2/π
	picks    [op.NumPick]bool // that entries read
	dynamic  bool             // an entry has more shared memory than may be declared
	isa      isa
	work     int
	refused  bool
}

// entry is a kernel's text without its name.
type entry struct{ name, text string }

// isa is a version of PTX, times 10, and the compute capability that it is written for.
type isa struct{ version, target int }

// The least that is asked for; asynchronous copies and the small multiplication of matrices; the large one.
var (
	isaBase  = isa{63, 70}
	isaAsync = isa{70, 80}
	isaMMA   = isa{78, 90}
)

// with is what serves for both.
func (i isa) with(j isa) isa { return isa{max(i.version, j.version), max(i.target, j.target)} }

// launch adds a launch of the kernel in w: so many CTAs, of block threads each.
func (m *module) launch(w *writer, ctas int, block int) {
	text := w.finish(block)
	m.table = m.table || w.table
	for p := range w.picks {
		m.picks[p] = m.picks[p] || w.picks[p]
	}
	m.dynamic = m.dynamic || w.dynamic > 0
	m.isa = m.isa.with(w.isa)
	m.launches = append(m.launches, Launch{
		Kernel: m.entry(w.name, text),
		Grid:   [3]uint32{uint32(ctas), 1, 1},
		Block:  [3]uint32{uint32(block), 1, 1},
		Shared: w.dynamic,
		Args:   w.args,
	})
}

// entry is the name of the kernel with that text: the base name, or with a number where another has that.
func (m *module) entry(base, text string) string {
	n := 1
	for _, e := range m.entries {
		if e.text == text {
			return e.name
		}
		if strings.TrimRight(e.name, "0123456789") == base {
			n++
		}
	}
	name := base
	if n > 1 {
		name = fmt.Sprint(base, n)
	}
	m.entries = append(m.entries, entry{name, text})
	return name
}

// reserve is the offset of bytes of workspace.
func (m *module) reserve(bytes int) int {
	at := m.work
	m.work += (bytes + canon.LaneBytes - 1) / canon.LaneBytes * canon.LaneBytes
	return at
}

// finish is the module with all that was added.
func (m *module) finish() *Module {
	out := &Module{Launches: m.launches, Workspace: m.work}
	if len(m.entries) == 0 {
		return out
	}
	var b strings.Builder
	fmt.Fprintf(&b, ".version %d.%d\n.target sm_%d\n.address_size 64\n", m.isa.version/10, m.isa.version%10, m.isa.target)
	if m.dynamic {
		fmt.Fprintf(&b, "\n.extern .shared .align 16 .b8 %s[];\n", dynamicName)
	}
	if m.table {
		writeTable(&b)
	}
	for p, read := range m.picks {
		if read {
			writePick(&b, op.Pick(p))
		}
	}
	for _, e := range m.entries {
		fmt.Fprintf(&b, "\n.visible .entry %s%s", e.name, e.text)
	}
	out.PTX = b.String()
	return out
}
