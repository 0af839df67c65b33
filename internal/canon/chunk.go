package canon

import "math/bits"

// Chunks is the number of chunks of n rows, and so of partial results. The last may be short.
func Chunks(n int) int { return (n + ChunkRows - 1) / ChunkRows }

// ChunkFold folds n values, one column of the rows, with the chunk rule, the slow obvious way. Each
// chunk of 256 rows starts at its first row and adds the others in order; the results of the chunks
// are folded by [PairFold]. The rule is the same for every column, so rows are added whole.
//
// n is at least 1: an empty fold is the caller's to answer.
func ChunkFold[T any](n int, at func(i int) T, add func(a, b T) T) T {
	if n < 1 {
		panic("BUG: canon: ChunkFold of no rows")
	}
	results := make([]T, 0, Chunks(n))
	for lo := 0; lo < n; lo += ChunkRows {
		acc := at(lo)
		for i := lo + 1; i < min(lo+ChunkRows, n); i++ {
			acc = add(acc, at(i))
		}
		results = append(results, acc)
	}
	return PairFold(results, add)
}

// PairFold folds adjacent pairs, level by level: (0,1), (2,3), …; an odd last passes up as it is.
// There is at least one value; they are overwritten.
//
// The order is also that of a stack of complete subtrees, merged like the carries of a binary
// counter and at the end from the smallest to the largest, so that a worker which meets the values
// in order needs only about log2(len) of them at a time: see [Merges].
func PairFold[T any](values []T, add func(a, b T) T) T {
	for n := len(values); n > 1; n = (n + 1) / 2 {
		for i := 0; i < n/2; i++ {
			values[i] = add(values[2*i], values[2*i+1])
		}
		if n%2 == 1 {
			values[n/2] = values[n-1]
		}
	}
	return values[0]
}

// Merges says how many times the top two of a stack of partial results are merged, below added to
// top, after value i (from 0) of a [PairFold] of n was pushed. Following it leaves one result.
func Merges(i, n int) int {
	merges := bits.TrailingZeros(uint(i + 1))
	if i == n-1 { // the subtrees left, one for each bit of n, from the smallest
		merges += bits.OnesCount(uint(n)) - 1
	}
	return merges
}
