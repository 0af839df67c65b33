package canon

// The constants of the matrix product.
const (
	SplitK     = 1024    // k elements of a chain from which another chunk is worth having
	SplitWork  = 1 << 20 // results times chunks never exceed this, unless there is one chunk
	SplitAlign = 16      // chunk lengths are multiples of it
)

// Split is how the k elements of each result of a matrix product are cut.
//
// When Lane is set (M = N = 1: a dot product) there are no chunks: the result is [Dot]. Otherwise
// chunk i covers k in [i·Len, min((i+1)·Len, K)); see [Chain] for the order. The last chunk may be
// short, and no chunk is empty unless K is 0, which is one chunk of length 0.
type Split struct {
	Lane   bool
	Chunks int
	Len    int // elements of a chunk, a multiple of 16
}

// Product is the split of one logical product of an M by K with a K by N matrix, batch excluded. It
// is symmetric in M and N, so that a product and its transpose have the same bits.
//
// With S = max(1, min(⌈K/1024⌉, ⌊2²⁰/(M·N)⌋)), the length is ⌈K/S⌉ rounded up to 16. The rounding
// can leave fewer than S chunks; empty ones would add +0 to a result to which +0 is added anyway.
func Product(M, N, K int) Split {
	if M == 1 && N == 1 {
		return Split{Lane: true}
	}
	if K == 0 || M == 0 || N == 0 {
		return Split{Chunks: 1, Len: (K + SplitAlign - 1) / SplitAlign * SplitAlign}
	}
	s := max(1, min(ceilDiv(K, SplitK), SplitWork/(M*N)))
	length := ceilDiv(ceilDiv(K, s), SplitAlign) * SplitAlign
	return Split{Chunks: ceilDiv(K, length), Len: length}
}

func ceilDiv(a, b int) int { return (a + b - 1) / b }

// Chain is one result of a matrix product, the slow obvious way. step(acc, k) is fma(a[k], b[k],
// acc). The first chunk's chain starts from start: +0, or fl(beta·c) where c is read. The other chains
// start from zero, +0. Chunk results are added left to right, and zero is added at the end.
//
// The last addition turns -0 into +0 and changes nothing else. It makes padding of k with zeros at
// the end of a chunk invisible, as fma(+0, +0, -0) is +0: a chain can reach -0 by underflow or from
// start. Both operands must be padded, because +0 times an infinity is NaN. Padding in front of a
// chunk, or of the elements of start, is never invisible.
func Chain[T any](s Split, K int, step func(acc T, k int) T, start, zero T, add func(a, b T) T) T {
	if s.Lane {
		panic("BUG: canon: Chain of a dot product")
	}
	sum := chain(0, min(s.Len, K), step, start)
	for lo := s.Len; lo < K; lo += s.Len {
		sum = add(sum, chain(lo, min(lo+s.Len, K), step, zero))
	}
	return add(sum, zero)
}

func chain[T any](lo, hi int, step func(acc T, k int) T, acc T) T {
	for k := lo; k < hi; k++ {
		acc = step(acc, k)
	}
	return acc
}

// Dot is the product where M = N = 1, the slow obvious way: the lane rule with step(acc, k) =
// fma(a[k], b[k], acc), lanes starting from absent, -0.0, block results added by the lane rule, and
// zero, +0, added at the end as in [Chain]: no product is -0, and an empty one is +0.
//
// Padding with zeros is as invisible as in Chain.
func Dot[T any](K int, step func(acc T, k int) T, absent, zero T, lanes, per16 int, add func(a, b T) T) T {
	return add(LaneSteps(K, step, absent, lanes, per16, add), zero)
}
