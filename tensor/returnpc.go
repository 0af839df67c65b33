package tensor

// framed says that callerOfCaller finds what runtime.Callers finds. It takes a nanosecond, and runtime.Callers 150; but
// where frame pointers are is the compiler's business, so that it is looked at when the program starts.
var framed = probe()

//go:noinline
func probe() bool {
	a, b := probed()
	return a == b
}

//go:noinline
func probed() (a, b uintptr) { return callerOfCaller(), caller(1) }
