package simd

import (
	"github.com/tare-go/tare/dtype"
	"github.com/tare-go/tare/internal/op"
)

// KernelLevel is the name of the level whose function Kernel gives for a loop: the active one, or one below it which
// has a function where it has none.
func KernelLevel(c op.Code, loop []dtype.DType) string {
	return origin(func(l *level) bool {
		first, last := loop[0], loop[len(loop)-1]
		switch {
		case first == dtype.Int64 && last == dtype.Uint64:
			return l.mixed[c][0] != nil
		case first == dtype.Uint64 && last == dtype.Int64:
			return l.mixed[c][1] != nil
		}
		return l.kernels[c][last] != nil
	})
}

// CastLevel is that of Cast.
func CastLevel(from, to dtype.DType) string {
	return origin(func(l *level) bool { return l.casts[from][to] != nil })
}

// FoldLevel is that of FoldOf.
func FoldLevel(c op.Code, t dtype.DType) string {
	return origin(func(l *level) bool { return l.folds[c][t].Blocks != nil })
}

// origin is the highest level, of the active one and those below it, that has something.
func origin(has func(*level) bool) string {
	name, active := levels[0].name, Level()
	for i := range levels {
		if has(&levels[i]) {
			name = levels[i].name
		}
		if levels[i].name == active {
			break
		}
	}
	return name
}
