package device

import "sync/atomic"

// opener knows buffers as the device inside a decorator does.
type opener interface {
	open(op string, b Buffer) (Buffer, error)
}

// arguments is what a run passes on to the device inside.
type arguments []Arg

// open sets a to args with their buffers as the opener has them.
func (a *arguments) open(args []Arg, from opener) error {
	for i, arg := range args {
		b, err := from.open("run", arg.Buffer)
		if err != nil {
			return err
		}
		(*a)[i] = Arg{Buffer: b, Off: arg.Off, Bits: arg.Bits}
	}
	return nil
}

// argList keeps the arguments of one run for the next, so that a run allocates none. Of several at
// once, all but one allocate.
type argList struct{ kept atomic.Pointer[arguments] }

func (l *argList) take(n int) *arguments {
	a := l.kept.Swap(nil)
	if a == nil || cap(*a) < n {
		a = new(make(arguments, n))
	}
	*a = (*a)[:n]
	return a
}

func (l *argList) give(a *arguments) {
	clear(*a) // which may be the last to know the buffers
	l.kept.Store(a)
}
