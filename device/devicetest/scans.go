package devicetest

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/tare-go/tare/dtype"
	"github.com/tare-go/tare/internal/ir"
	"github.com/tare-go/tare/internal/op"
)

// scanned are the spaces of scans to try, and the dimension that is scanned.
var scanned = []struct {
	space []int
	axis  int
}{
	{[]int{0}, 0}, {[]int{1}, 0}, {[]int{3, 0}, 0}, {[]int{127}, 0}, {[]int{128}, 0}, {[]int{129}, 0}, {[]int{640}, 0},
	{[]int{4097}, 0}, {[]int{3, 4100}, 1}, {[]int{9000}, 0}, {[]int{5, 130}, 1}, {[]int{130, 5}, 0}, {[]int{300, 40}, 0},
	{[]int{3, 140, 9}, 1}, {[]int{2, 3, 5}, 1}, {[]int{150, 600}, 0},
}

// scans tests running folds of every type in several layouts of each operand.
func (s *suite) scans(t *testing.T) {
	for _, to := range dtype.All() {
		t.Run(to.String(), func(t *testing.T) {
			r := rand.New(rand.NewPCG(19, 20))
			codes := []op.Code{op.Add, op.Multiply, op.Maximum, op.Minimum}
			if to == dtype.Bool {
				codes = []op.Code{op.LogicalAnd, op.LogicalOr}
			}
			for i, c := range scanned {
				if testing.Short() && len(c.space) == 1 && !to.IsFloat() {
					continue
				}
				for l := range 4 {
					o := &ir.Scan{Code: codes[(i+l)%len(codes)], Type: to, Space: c.space, Axis: c.axis}
					tr := &trial{op: o}
					o.From = tr.input(layouts[(l+i)%len(layouts)], to, c.space, 1, drawn(r, to, mixed))
					o.To = tr.output(layouts[l], to, c.space, 2)
					if !s.check(t, fmt.Sprintf("%s along %d of %v, %s", o.Code, c.axis, c.space, layouts[l].name), tr) {
						return
					}
				}
			}
		})
	}
}
