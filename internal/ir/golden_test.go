package ir_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tare-go/tare/broadcast"
	"github.com/tare-go/tare/dtype"
	"github.com/tare-go/tare/internal/ir"
	"github.com/tare-go/tare/internal/ir/irtest"
	"github.com/tare-go/tare/internal/op"
)

func array(name string, t dtype.DType, shape ...int) *ir.Node {
	return ir.NewLeaf(&irtest.Array{Name: name, Type: t}, t, broadcast.Contiguous(shape, t.Size()))
}

func node(n *ir.Node, err error) *ir.Node {
	if err != nil {
		panic(err)
	}
	return n
}

func apply(c op.Code, args ...*ir.Node) *ir.Node { return node(ir.Elementwise(c, args...)) }

// centred is (x - mean) / std over axes.
func standard(x *ir.Node, r ir.Reduction) *ir.Node {
	return apply(op.Divide, apply(op.Subtract, x, node(ir.Mean(x, r))), node(ir.Std(x, r)))
}

// text lists what outputs are lowered to.
func text(low *ir.Lowered) string {
	var b strings.Builder
	for i, n := range low.Leaves {
		fmt.Fprintf(&b, "leaf%d = %s\n", i, irtest.Text(n))
	}
	for i, n := range low.Temps {
		fmt.Fprintf(&b, "temp%d = %s %v %s\n", i, n.Name(), n.Type, broadcast.FormatShape(n.Shape))
	}
	place := []string{"leaf", "temp", "out"}
	for _, c := range low.Calls {
		for i, r := range c.In {
			fmt.Fprintf(&b, "in%d=%s%d+%d ", i, place[r.Kind], r.Index, r.Off)
		}
		for i, r := range c.Out {
			fmt.Fprintf(&b, "out%d=%s%d+%d ", i, place[r.Kind], r.Index, r.Off)
		}
		b.WriteString("\n" + c.Op.String())
	}
	return b.String()
}

// TestLoweredText compares what expressions are lowered to with testdata/NAME.txt; run with
// TARE_UPDATE=1 to write the files anew.
func TestLoweredText(t *testing.T) {
	x := array("x", dtype.Float32, 200, 500)
	square := array("square", dtype.Float32, 200, 200)
	photo := array("photo", dtype.Uint8, 768, 1024, 3)
	keep := ir.Reduction{Axes: []int{1}, KeepDims: true}
	e := apply(op.Exp, apply(op.Subtract, x, node(ir.Max(x, keep))))
	for name, outs := range map[string][]*ir.Node{
		"chain":        {apply(op.Multiply, apply(op.Sqrt, apply(op.Add, apply(op.Multiply, x, x), x)), ir.NewWeak(dtype.Float64, 0x4000000000000000))},
		"center_rows":  {apply(op.Subtract, x, node(ir.Mean(x, keep)))},
		"zscore_rows":  {standard(x, keep)},
		"zscore_cols":  {standard(x, ir.Reduction{Axes: []int{0}})},
		"softmax_rows": {apply(op.Divide, e, node(ir.Sum(e, keep)))},
		"std_cols":     {node(ir.Std(x, ir.Reduction{Axes: []int{0}}))},
		"square":       {apply(op.Subtract, square, node(ir.Mean(square, ir.Reduction{Axes: []int{1}})))},
		"photo":        {standard(photo, ir.Reduction{Axes: []int{0, 1}})},
		"mean_and_std": {node(ir.Mean(x, ir.Reduction{})), node(ir.Std(x, ir.Reduction{}))},
		"sum_outer":    {node(ir.Sum(photo, ir.Reduction{Axes: []int{0, 2}}))},
		"matmul_bias":  {apply(op.Add, node(ir.MatrixProduct(x, node(ir.NewView(x, ir.View{Kind: ir.ViewTranspose})))), array("bias", dtype.Float32, 200))},
		"hoisted_exp":  {apply(op.Add, x, apply(op.Exp, array("b", dtype.Float32, 500)))},
		"reshaped":     {node(ir.Reshape(apply(op.Negative, node(ir.NewView(x, ir.View{Kind: ir.ViewTranspose}))), -1))},
	} {
		t.Run(name, func(t *testing.T) {
			var targets []ir.Output
			for _, n := range outs {
				targets = append(targets, ir.Output{Node: n, At: broadcast.Contiguous(n.Shape, n.Type.Size())})
			}
			got := text(ir.Lower(targets, ir.Options{}))
			file := filepath.Join("testdata", name+".txt")
			if os.Getenv("TARE_UPDATE") != "" {
				require.NoError(t, os.MkdirAll("testdata", 0o755))
				require.NoError(t, os.WriteFile(file, []byte(got), 0o644))
			}
			want, err := os.ReadFile(file)
			require.NoError(t, err)
			require.Equal(t, string(want), got)
		})
	}
}
