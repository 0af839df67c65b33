package tensor_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"testing"

	"github.com/tare-go/tare/dtype"
	np "github.com/tare-go/tare/tensor"
)

// FuzzCalls reads bytes as a program of calls: of creators, views, functions, reductions, products,
// writes and frees, with wrong arguments among the right ones. No program may panic; every error has
// its place; and what evaluates has the same bits fused and step by step.
func FuzzCalls(f *testing.F) {
	for i := range 64 {
		program := make([]byte, 40+i)
		for j := range program {
			program[j] = byte(j*j*(i+3) + 7*i)
		}
		f.Add(program)
	}
	f.Fuzz(func(t *testing.T, program []byte) {
		if len(program) > 200 {
			return
		}
		m := &machine{t: t, in: program}
		for len(m.in) > 0 {
			m.step()
		}
		m.finish()
	})
}

// machine runs a program. Arrays and expressions are kept while they are small.
type machine struct {
	t       *testing.T
	in      []byte
	tensors []*np.Tensor
	exprs   []*np.Expr
}

func (m *machine) byte() int {
	if len(m.in) == 0 {
		return 0
	}
	b := m.in[0]
	m.in = m.in[1:]
	return int(b)
}

// int is a small number mostly, and now and then one that no array has.
func (m *machine) int() int {
	odd := []int{-1, -2, -3, 33, math.MinInt, math.MaxInt, 1 << 62, -1 << 40}
	b := m.byte()
	if b >= 240 {
		return odd[b%len(odd)]
	}
	return b % 5
}

func (m *machine) ints() []int {
	n := m.byte()
	if n == 255 {
		n = 34
	} else {
		n %= 4
	}
	out := make([]int, n)
	for i := range out {
		out[i] = m.int()
	}
	return out
}

func (m *machine) dtype() dtype.DType {
	b := m.byte()
	if b > 250 {
		return dtype.DType(b)
	}
	all := dtype.All()
	return all[b%len(all)]
}

func (m *machine) index() []np.Index {
	ix := make([]np.Index, m.byte()%4)
	for i := range ix {
		switch m.byte() % 8 {
		case 0:
			ix[i] = np.At(m.int())
		case 1:
			ix[i] = np.Range(m.int(), m.int())
		case 2:
			ix[i] = np.RangeStep(m.int(), m.int(), m.int())
		case 3:
			ix[i] = np.Step(-m.int())
		case 4:
			ix[i] = np.NewAxis
		case 5:
			ix[i] = np.Ellipsis
		case 6:
			ix[i] = np.From(m.int())
		default:
			ix[i] = np.Whole()
		}
	}
	return ix
}

// expr is an operand: one that there is, or a number, or nothing.
func (m *machine) expr() *np.Expr {
	b := m.byte()
	switch all := len(m.exprs) + len(m.tensors); {
	case b >= 250:
		return nil
	case b >= 230 || all == 0:
		return np.Scalar(b - 240)
	case b%all < len(m.exprs):
		return m.exprs[b%all]
	default:
		return np.E(m.tensors[b%all-len(m.exprs)])
	}
}

func (m *machine) tensor() *np.Tensor {
	b := m.byte()
	if b >= 250 || len(m.tensors) == 0 {
		return nil
	}
	return m.tensors[b%len(m.tensors)]
}

// failed checks an error, and reports whether there is one.
func (m *machine) failed(err error) bool {
	var e *np.Error
	if err != nil && (!errors.As(err, &e) || e.Site == 0 || e.Op == "") {
		m.t.Errorf("an error without a place: %v", err)
	}
	return err != nil
}

func small(shape []int) bool {
	n := 1
	for _, d := range shape {
		if d > 64 || n*d > 4096 {
			return false
		}
		n *= d
	}
	return true
}

func (m *machine) keep(e *np.Expr) {
	_ = e.String()
	if !m.failed(e.Err()) && small(e.Shape()) {
		m.exprs = append(m.exprs, e)
	}
}

func (m *machine) keepTensor(x *np.Tensor, err error) {
	_ = fmt.Sprint(x.Shape(), x.Strides(), x.NBytes())
	if !m.failed(err) && small(x.Shape()) {
		m.tensors = append(m.tensors, x)
	}
}

func (m *machine) options() []np.ReduceOption {
	var opts []np.ReduceOption
	for b := m.byte() % 64; b > 0; b /= 2 {
		switch b % 7 {
		case 1:
			opts = append(opts, np.Axis(m.ints()...))
		case 2:
			opts = append(opts, np.KeepDims)
		case 3:
			opts = append(opts, np.DType(m.dtype()))
		case 4:
			opts = append(opts, np.Initial(m.int()))
		case 5:
			opts = append(opts, np.DDof(float64(m.int())))
		case 6:
			opts = append(opts, np.WhereMask(np.NotEqual(m.expr(), 0)))
		}
	}
	return opts
}

// named picks an entry of a table, in the order of the names.
func named[F any](m *machine, table map[string]F) F {
	names := slices.Sorted(maps.Keys(table))
	return table[names[m.byte()%len(names)]]
}

func (m *machine) step() {
	ctx := context.Background()
	switch m.byte() % 20 {
	case 0:
		m.keepTensor(np.FromFunc(m.ints(), func(ix []int) float64 { return float64(m.byte()) - 100 }))
	case 1:
		m.keepTensor(np.Full(m.ints(), m.int(), np.DType(m.dtype())))
	case 2:
		m.keepTensor(np.Arange(m.int(), m.byte(), m.int(), np.DType(m.dtype())))
	case 3:
		m.keepTensor(np.Eye(m.int()%99, m.int()%99, m.int(), np.DType(m.dtype())))
	case 4, 5:
		m.keep(named(m, unaryOps)(m.expr()))
	case 6, 7, 8:
		m.keep(named(m, binaryOps)(m.expr(), m.expr()))
	case 9:
		m.keep(np.Where(m.expr(), m.expr(), m.expr()))
	case 10, 11:
		m.keep(named(m, foldOps)(m.expr(), m.options()...))
	case 12:
		m.keep(np.MatMul(m.expr(), m.expr()))
	case 13:
		m.keep(np.AsType(m.expr(), m.dtype()))
	case 14:
		m.keep(m.lazyView(m.expr()))
	case 15:
		m.keepTensor(m.view(m.tensor()))
	case 16:
		m.failed(np.Assign(ctx, m.tensor(), m.expr()))
	case 17:
		_, err := m.expr().Eval(ctx, np.Out(m.tensor()), np.WhereMask(np.Greater(m.expr(), m.expr())))
		m.failed(err)
	case 18:
		m.keepTensor(m.expr().Eval(ctx, np.Out(m.tensor())))
	case 19:
		if m.byte() > 200 {
			m.tensor().Free()
			return
		}
		m.keepTensor(m.expr().Eval(ctx))
	}
}

func (m *machine) lazyView(e *np.Expr) *np.Expr {
	switch m.byte() % 8 {
	case 0:
		return np.Slice(e, m.index()...)
	case 1:
		return np.Reshape(e, m.ints()...)
	case 2:
		return np.Transpose(e, m.ints()...)
	case 3:
		return np.BroadcastTo(e, m.ints()...)
	case 4:
		return np.Flip(e, m.ints()...)
	case 5:
		return np.Squeeze(e, m.ints()...)
	case 6:
		return np.ExpandDims(e, m.ints()...)
	}
	return np.MoveAxis(e, m.int(), m.int())
}

func (m *machine) view(x *np.Tensor) (*np.Tensor, error) {
	switch m.byte() % 9 {
	case 0:
		return x.Slice(m.index()...)
	case 1:
		return x.Reshape(m.ints()...)
	case 2:
		return x.Transpose(m.ints()...)
	case 3:
		return x.BroadcastTo(m.ints()...)
	case 4:
		return x.Flip(m.ints()...)
	case 5:
		return x.Squeeze(m.ints()...)
	case 6:
		return x.ExpandDims(m.ints()...)
	case 7:
		return x.Copy(context.Background())
	}
	return x.MoveAxis(m.int(), m.int())
}

// finish evaluates what is left in both ways.
func (m *machine) finish() {
	for _, e := range m.exprs {
		if _, err := e.Plan(); m.failed(err) {
			continue
		}
		if _, err := computed(e); err != nil && m.failed(err) && !isFreed(err) {
			m.t.Errorf("%v: %v", e, err)
		}
	}
	for _, x := range m.tensors {
		_ = x.String()
	}
}
