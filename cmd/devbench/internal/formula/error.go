package formula

import (
	"errors"
	"fmt"
	"strings"

	"github.com/tare-go/tare/broadcast"
	"github.com/tare-go/tare/cmd/devbench/internal/pyexpr"
)

// Error is an expression that has no value: a name that nobody gave, a function that there is not,
// shapes that do not broadcast. Err is what an operation said, if one did.
type Error struct {
	Pos    pyexpr.Pos
	Msg    string
	Source string
	Err    error
}

// Error is the message, the line of the source, and a caret below the operator or the function.
func (e *Error) Error() string {
	return fmt.Sprintf("%v: %s\n%s", e.Pos, e.Msg, pyexpr.Excerpt(e.Source, e.Pos))
}

// Unwrap is the error of the operation.
func (e *Error) Unwrap() error { return e.Err }

// fail makes an Error of a message.
func (e *evaluator) fail(at pyexpr.Pos, format string, args ...any) error {
	return &Error{Pos: at, Msg: fmt.Sprintf(format, args...), Source: e.source}
}

// wrap makes an Error of an operation's error; one that has a place already keeps it.
func (e *evaluator) wrap(at pyexpr.Pos, err error) error {
	var placed *Error
	if err == nil || errors.As(err, &placed) {
		return err
	}
	return &Error{Pos: at, Msg: err.Error(), Source: e.source, Err: err}
}

// clash is wrap for an operator between operands x and y: where one came from a reduction that
// dropped an axis, it says to keep it.
func (e *evaluator) clash(at pyexpr.Pos, err error, x, y pyexpr.Node) error {
	var shapes *broadcast.ShapeError
	if !errors.As(err, &shapes) || shapes.Problem != broadcast.Clashing || shapes.Fit == nil {
		return e.wrap(at, err)
	}
	fit := broadcast.FormatShape(shapes.Fit)
	advice := fmt.Sprintf("did you mean %s, by keepdims=True or a None in a subscript?", fit)
	if call := e.dropsAxis([]pyexpr.Node{x, y}[shapes.FitOf]); call != nil {
		advice = fmt.Sprintf("did you mean %s, whose shape is %s?", withKeepdims(call), fit)
	}
	return &Error{Pos: at, Msg: describe(shapes) + "; " + advice, Source: e.source, Err: err}
}

// describe says which shapes clash, and where.
func describe(s *broadcast.ShapeError) string {
	a, b := s.Shapes[0], s.Shapes[1]
	var axes []string
	for _, c := range s.Clashes {
		n := max(len(a), len(b)) - c.Axis // counted from the end
		axes = append(axes, fmt.Sprintf("axis %d is %d against %d", c.Axis, a[len(a)-n], b[len(b)-n]))
	}
	return fmt.Sprintf("shapes %s and %s do not broadcast: %s",
		broadcast.FormatShape(a), broadcast.FormatShape(b), strings.Join(axes, ", "))
}

// dropsAxis is the call of a reduction without keepdims that n is, itself or by name, or nil.
func (e *evaluator) dropsAxis(n pyexpr.Node) *pyexpr.Call {
	if name, ok := n.(*pyexpr.Name); ok {
		n = e.defined[name.ID]
	}
	call, ok := n.(*pyexpr.Call)
	if !ok {
		return nil
	}
	fn, ok := call.Fn.(*pyexpr.Attribute)
	if !ok || !takesKeepdims(fn.Name) {
		return nil
	}
	for _, k := range call.Keywords {
		if k.Name == "keepdims" {
			return nil
		}
	}
	return call
}

// withKeepdims is the text of the call with keepdims=True added.
func withKeepdims(call *pyexpr.Call) string {
	c := *call
	c.Keywords = append(c.Keywords[:len(c.Keywords):len(c.Keywords)], pyexpr.Keyword{Name: "keepdims", Value: &pyexpr.Bool{Value: true}})
	return c.String()
}
