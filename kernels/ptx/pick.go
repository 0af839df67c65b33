package ptx

import (
	"fmt"
	"strings"

	"github.com/tare-go/tare/internal/op"
)

// pick is an element of a list of constants. Lists are in global memory, where each is a line or two, and not in
// constant memory, which serves one address of a warp at a time.
func (w *writer) pick(p op.Pick, index string) string {
	w.picks[p] = true
	m, size := machine[p.Type()], p.Type().Size()
	last := fmt.Sprint(len(p.Bits()) - 1)
	var at string
	if size == 8 {
		at = w.to(b64, "shl.b64", w.to(b64, "and.b64", index, last), "3")
	} else {
		at = w.to(b64, "mul.wide.u32", w.to(b32, "and.b32", index, last), "4")
	}
	at = w.to(b64, "add.u64", at, w.to(b64, "mov.u64", p.String()))
	return w.to(m.class, "ld.global.nc."+m.mem, fmt.Sprintf("[%s]", at))
}

// writePick writes a list of constants.
func writePick(b *strings.Builder, p op.Pick) {
	bits := p.Bits()
	size := p.Type().Size()
	text := make([]string, len(bits))
	for i, v := range bits {
		text[i] = fmt.Sprintf("\t0x%0*x", 2*size, v)
	}
	fmt.Fprintf(b, "\n.global .align 128 .b%d %v[%d] = {\n%s\n};\n", 8*size, p, len(bits), strings.Join(text, ",\n"))
}
