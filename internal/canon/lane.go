package canon

// groups16 is the number of 16-byte groups of lanes: one for each thread of a warp.
const groups16 = LaneBytes / 16

// Lanes is the number of lanes for accumulators of elemSize bytes: 128 for float32, 64 for float64.
// The size is that of the accumulator's type: summing float32 elements in float64 uses 64 lanes.
func Lanes(elemSize int) int { return LaneBytes / elemSize }

// Per16 is the number of lanes in 16 bytes: 4 for float32, 2 for float64.
func Per16(elemSize int) int { return 16 / elemSize }

// Blocks is the number of blocks of n elements, and so of partial results. The last may be short.
func Blocks(n int) int { return (n + Block - 1) / Block }

// LaneFold folds n values with the lane rule, the slow obvious way.
//
// Within a block of 4096 values lane l folds the values l, l+lanes, l+2·lanes, … in order, starting
// from absent, and [LaneTree] folds the lanes. The results of the blocks are an array to which the
// rule applies again, until there is one block: its result is final. A block is complete in itself,
// so that it does not matter who folds it, nor when; only its place among the results does.
//
// A lane without values keeps absent, so absent must be neutral on both sides. No values fold to
// absent: the caller of an empty sum answers +0 instead (see the package comment).
//
// lanes and per16 are [Lanes] and [Per16] of the accumulator's size.
func LaneFold[T any](n int, at func(i int) T, absent T, lanes, per16 int, add func(a, b T) T) T {
	step := func(acc T, i int) T { return add(acc, at(i)) }
	return LaneSteps(n, step, absent, lanes, per16, add)
}

// LaneSteps is LaneFold with a lane step of its own at the first level: step folds the i-th element
// into acc. A dot product steps by fma(a[i], b[i], acc). Block results are folded by add.
func LaneSteps[T any](n int, step func(acc T, i int) T, absent T, lanes, per16 int, add func(a, b T) T) T {
	results := make([]T, 0, Blocks(n))
	for lo := 0; lo < n; lo += Block {
		results = append(results, laneBlock(lo, min(lo+Block, n), step, absent, lanes, per16, add))
	}
	switch len(results) {
	case 0:
		return absent
	case 1:
		return results[0]
	}
	return LaneFold(len(results), func(i int) T { return results[i] }, absent, lanes, per16, add)
}

// laneBlock folds the elements [lo, hi), at most a block.
func laneBlock[T any](lo, hi int, step func(acc T, i int) T, absent T, lanes, per16 int, add func(a, b T) T) T {
	acc := make([]T, lanes)
	for l := range acc {
		acc[l] = absent
	}
	for i := lo; i < hi; i++ {
		l := (i - lo) % lanes
		acc[l] = step(acc[l], i)
	}
	return LaneTree(acc, per16, add)
}

// LaneTree folds the accumulators of one block: first the lanes of each 16-byte group, adjacent
// pairs level by level ((a+b)+(c+d) for four, a+b for two), then group g with group g+16, then g+8,
// g+4, g+2, g+1. The result is what every thread of a warp holds after shuffles that exchange with
// the thread at distance 16, 8, 4, 2, 1, as addition commutes. acc is overwritten.
//
// On 32-byte registers, two groups each, the distances 16, 8, 4, 2 are between registers 8, 4, 2, 1
// apart, and the last is between the halves of the one register left.
func LaneTree[T any](acc []T, per16 int, add func(a, b T) T) T {
	for g := range groups16 {
		acc[g] = PairFold(acc[g*per16:(g+1)*per16], add)
	}
	for d := groups16 / 2; d > 0; d /= 2 {
		for g := range d {
			acc[g] = add(acc[g], acc[g+d])
		}
	}
	return acc[0]
}
