package tensor

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/tare-go/tare/device"
	"github.com/tare-go/tare/dtype"
	"github.com/tare-go/tare/internal/ir"
)

// Expr is a recipe for an array. Its shape and type are known; its elements are computed by Eval,
// from what its operands hold at that time. Expressions are immutable and safe to share.
type Expr struct {
	n   *ir.Node
	err error
}

// Array is a *Tensor or an *Expr.
type Array interface {
	// expr is the array as an expression.
	expr() *Expr
}

func (t *Tensor) expr() *Expr {
	if t == nil {
		return &Expr{err: errNil}
	}
	return &Expr{n: t.node()}
}

func (e *Expr) expr() *Expr {
	if e == nil {
		return &Expr{err: errNil}
	}
	return e
}

// NilError is a nil where an array or something else is needed.
type NilError struct{ What string }

func (e *NilError) Error() string {
	switch e.What {
	case "context":
		return "a nil context: give context.Background() if there is none"
	case "function":
		return "a nil function"
	}
	return "a nil " + e.What + ": was the error of the call that made it looked at?"
}

var errNil = &NilError{"array"}

// E is a as an expression.
func E(a Array) *Expr {
	if a == nil {
		return &Expr{err: errNil}
	}
	return a.expr()
}

// FromNode is the expression of a node. It is for the commands of this module: nodes cannot be made
// outside it.
func FromNode(n *ir.Node) *Expr { return &Expr{n: n} }

// Node is the expression's node, or its error.
func (e *Expr) Node() (*ir.Node, error) {
	e = e.expr()
	return e.n, e.err
}

// Shape is the extent of each dimension of the result; nil if the expression has an error.
func (e *Expr) Shape() []int {
	if e = e.expr(); e.err != nil {
		return nil
	}
	return slices.Clone(e.n.Shape)
}

// NDim is the number of dimensions of the result.
func (e *Expr) NDim() int { return len(e.Shape()) }

// DType is the type of the result's elements; Invalid if the expression has an error.
func (e *Expr) DType() dtype.DType {
	if e = e.expr(); e.err != nil {
		return dtype.Invalid
	}
	return e.n.Type
}

// Err is the first mistake that was made in the expression, or nil.
func (e *Expr) Err() error { return e.expr().err }

// Error is a mistake in an expression: which function was called, and where.
type Error struct {
	Op   string
	Site device.Site
	Err  error
}

// Error is the place, the function unless what follows begins with it, and the mistake.
func (e *Error) Error() string {
	text := e.Err.Error()
	if strings.HasPrefix(text, e.Op+":") || strings.HasPrefix(text, e.Op+" ") {
		return fmt.Sprintf("%v: %s", e.Site, text)
	}
	return fmt.Sprintf("%v: %s: %s", e.Site, e.Op, text)
}

// Unwrap is the mistake itself.
func (e *Error) Unwrap() error { return e.Err }

// placed says which call of the user's an error is of; one that has its place keeps it.
func placed(op string, site uintptr, err error) error {
	if err == nil { // before e, which takes memory
		return nil
	}
	var e *Error
	if errors.As(err, &e) {
		return err
	}
	return &Error{Op: op, Site: device.Site(site), Err: err}
}

// made is the expression of a node that a call made, or of its error.
func made(op string, site uintptr, n *ir.Node, err error) *Expr {
	if err != nil {
		return &Expr{err: placed(op, site, err)}
	}
	return &Expr{n: n.WithSite(site)}
}
