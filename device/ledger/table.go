package ledger

import (
	"fmt"
	"io"
	"strings"

	"github.com/tare-go/tare/device"
)

// WriteTable writes an account for people: the totals, then a line for each line of the user's
// program, those that hold most first, and for each operator, those that took most time first. Bytes
// of allocations are in size classes, bytes of copies those that were moved.
func WriteTable(w io.Writer, a Account) error {
	var b strings.Builder
	if i := info(a); i.Name != "" {
		b.WriteString(strings.TrimSpace(i.Name+"  "+i.Model) + "\n")
	}
	fmt.Fprint(&b, a.Stats())
	if sites := a.Sites(); len(sites) > 0 {
		b.WriteString("\nby line\n" + device.SiteTable(sites))
	}
	if ops := a.Ops(); len(ops) > 0 {
		b.WriteString("\nby operator\n" + device.OpTable(ops))
	}
	_, err := io.WriteString(w, b.String())
	return err
}
