package ptx

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/tare-go/tare/dtype"
	"github.com/tare-go/tare/internal/ir"
	"github.com/tare-go/tare/internal/op"
)

// Lines of one chunk and several, more than a warp joins at once, aligned and not, in place too.
func TestChunkScans(t *testing.T) {
	for _, arch := range []int{70, 90} {
		d := newSimulated(formAuto, Target{Arch: arch})
		d.machine.BothOrders = true
		for i, space := range [][]int{{512}, {3, 513}, {1000}, {2, 4097}, {9001}, {33*4096 + 200}} {
			if space[0] > 10_000 && (testing.Short() || arch < 90) {
				continue
			}
			for j, typ := range []dtype.DType{dtype.Float32, dtype.Float64, dtype.Int8, dtype.Uint16, dtype.Bool} {
				if space[0] > 10_000 && j > 0 {
					continue
				}
				o := &ir.Scan{Code: []op.Code{op.Add, op.Multiply, op.Maximum}[(i+j)%3], Type: typ, Space: space, Axis: len(space) - 1}
				if typ == dtype.Bool {
					o.Code = op.LogicalOr
				}
				o.From, o.To = operand(typ, space, nil), operand(typ, space, nil)
				tr := trialOf(rand.New(rand.NewPCG(21, uint64(i))), o, i%2, i%3 == 1)
				tr.check(t, d, fmt.Sprint(typ, space))
				tr.args[1] = tr.args[0]
				tr.check(t, d, fmt.Sprint("in place ", typ, space))
			}
		}
	}
}
