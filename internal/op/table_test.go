package op

import (
	"go/token"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/tare-go/tare/dtype"
)

func TestTableIsComplete(t *testing.T) {
	require.Len(t, Table, Count, "run go generate ./...")
	goNames := map[string]bool{}
	names := map[string]bool{}
	for i := range Table {
		r := Code(i).Row()
		assert.True(t, token.IsExported(r.GoName), r.Name)
		assert.False(t, goNames[r.GoName], "%s twice", r.GoName)
		goNames[r.GoName] = true
		for _, n := range append(r.Aliases, r.Name) {
			assert.False(t, names[n], "%s twice", n)
			names[n] = true
			c, ok := Lookup(n)
			assert.True(t, ok && c == Code(i), n)
		}
		assert.True(t, strings.HasSuffix(r.Doc, "."), "%s: the doc is sentences", r.Name)
		assert.True(t, r.Arity >= 1 && r.Arity <= MaxArity, r.Name)
		assert.NotNil(t, r.Rule, r.Name)
		assert.NotNil(t, r.Body, r.Name)
		assert.NotNil(t, r.Ref, r.Name)
		assert.Equal(t, r.Big != nil, r.ULP32 > 0 && r.ULP64 > 0, "%s: bounds belong to bodies that round more than once", r.Name)
		if r.Domain != nil {
			assert.Len(t, r.Domain, r.Arity, r.Name)
		}
	}
	_, ok := Lookup("no such operator")
	assert.False(t, ok)
}

func TestEveryLoopHasABody(t *testing.T) {
	for c := range Code(Count) {
		loops := c.Loops()
		require.NotEmpty(t, loops, c)
		for _, loop := range loops {
			p := c.Program(loop)
			require.NoError(t, verify(p), "%v%v", c, loop)
			assert.Equal(t, loop, p.Args)
			assert.Same(t, p, c.Program(loop), "built once")
		}
	}
}

func TestResultTypeIsTheBodys(t *testing.T) {
	for c := range Code(Count) {
		for _, loop := range c.Loops() {
			args := make([]dtype.Arg, len(loop))
			for i, d := range loop {
				args[i].Type = d
			}
			again, out, err := c.Resolve(args...)
			require.NoError(t, err, "%v%v", c, loop)
			assert.Equal(t, loop, again[:len(loop)], "%v: operands of a loop resolve to it", c)
			assert.Equal(t, out, c.Program(loop).Type(), "%v%v", c, loop)
		}
	}
}

// An identity changes no element: floats not even in the sign of zero.
func TestIdentities(t *testing.T) {
	for c := range Code(Count) {
		for _, loop := range c.Loops() {
			p := c.Program(loop)
			id, ok := c.IdentityBits(p.Type())
			if !ok || p.Type() != loop[0] {
				continue
			}
			for _, x := range specials(loop[0]) {
				assert.True(t, equalBits(p.Type(), x, p.Eval(id, x)), "%v%v of the identity and %#x", c, loop, x)
				assert.True(t, equalBits(p.Type(), x, p.Eval(x, id)), "%v%v of %#x and the identity", c, loop, x)
			}
		}
	}
	_, ok := Maximum.IdentityBits(dtype.Int32)
	assert.False(t, ok)
}

// References agree with bodies where these are exact, and within the bound of float32 elsewhere.
func TestReferencesAgree(t *testing.T) {
	for c := range Code(Count) {
		r := c.Row()
		for _, loop := range c.Loops() {
			if loop[len(loop)-1] == dtype.Float64 {
				checkReference(t, c, r, loop)
			}
		}
	}
}

func checkReference(t *testing.T, c Code, r *Row, loop []dtype.DType) {
	p := c.Program(loop)
	eachTuple(loop, func(x []uint64) {
		v := make([]float64, len(x))
		for i := range x {
			v[i] = floatValue(loop[i], x[i])
		}
		got, want := floatValue(p.Type(), p.Eval(x...)), r.Ref(v...)
		if r.Big == nil {
			assert.True(t, got == want || got != got && want != want, "%v%v: got %v, want %v", c, v, got, want)
			return
		}
		assert.True(t, closeTo(got, want), "%v%v: got %v, want about %v", c, v, got, want)
	})
}
