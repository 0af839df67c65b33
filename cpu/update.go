package cpu

import (
	"context"
	"unsafe"

	"github.com/tare-go/tare/device"
	"github.com/tare-go/tare/dtype"
	"github.com/tare-go/tare/internal/ir"
)

// update says what a product does besides: scales, that the right operand is multiplied by alpha as it is
// packed; starts, that chains start from beta times C. The factors themselves are those of a run.
type update struct{ scales, starts bool }

// factors are alpha and beta; a float32 is exact in them.
type factors struct{ alpha, beta float64 }

// updater is a program of a product, which can also be computed in place: C = alpha·A·B + beta·C.
type updater interface {
	device.Program
	apply(a, b, c, work unsafe.Pointer, f factors)
}

// compileUpdate makes a program of the kind that suits the product.
func compileUpdate(p *pool, m *ir.MatMul, u update) updater {
	if isDot(m) {
		return compileDot(p, m, u)
	}
	if g := compileGemv(p, m, u); g != nil {
		return g
	}
	return compileProduct(p, m, u)
}

// isDot reports whether a product is a dot product, for which the lane rule holds.
func isDot(m *ir.MatMul) bool { return m.M == 1 && m.N == 1 && m.Order().Lane }

// productRun is one run of a product: bind points it to the operands, as the caller has them, and the
// workspace.
type productRun interface {
	launched
	bind(a, b, c, work unsafe.Pointer, f factors)
}

// startProduct binds a run of a device's program, which needs so many bytes of workspace.
func startProduct(r productRun, need int, args []device.Arg, work device.Span) error {
	var at [3]unsafe.Pointer
	if err := addresses(at[:], args); err != nil {
		return err
	}
	scratch, err := workspace(work, need)
	if err != nil {
		return err
	}
	r.bind(at[0], at[1], at[2], scratch, factors{})
	return nil
}

// applyOnce runs a product for which there is no context.
func applyOnce[T any, R interface {
	*T
	productRun
}](runs *freeList[T], fresh func() *T, a, b, c, work unsafe.Pointer, f factors) {
	t := runs.get()
	if t == nil {
		t = fresh()
	}
	r := R(t)
	r.bind(a, b, c, work, f)
	err := r.run(context.Background())
	r.reset()
	runs.put(t)
	if err != nil {
		panic("BUG: cpu: a product that nobody can cancel: " + err.Error())
	}
}

// scaleBy multiplies n elements of a floating-point type, side by side.
func scaleBy(t dtype.DType, v unsafe.Pointer, n int, by float64) {
	if t == dtype.Float32 {
		scale[float32](v, n, by)
	} else {
		scale[float64](v, n, by)
	}
}

func scale[T float32 | float64](v unsafe.Pointer, n int, by float64) {
	f, x := T(by), unsafe.Slice((*T)(v), n)
	for ; len(x) >= 4; x = x[4:] {
		x[0], x[1], x[2], x[3] = x[0]*f, x[1]*f, x[2]*f, x[3]*f
	}
	for i := range x {
		x[i] *= f
	}
}
