// Package ptx writes operations as PTX, the assembly of NVIDIA GPUs, and says how to launch them.
//
// [Lower] turns an operation into a [Module]: text with one entry or more, and the launches that run it, in
// order. Extents, strides and counts are parameters of the kernels and not in their text, so that one text,
// compiled once, serves all shapes of a class: the text is the key of a cache. A class is what an operation
// computes, how many dimensions are left once neighbours are merged, which operands are contiguous or
// broadcast along which of them, and a few choices of form.
//
// Every float instruction says .rn, none .approx or .ftz: a multiplication and an addition without .rn are made
// one by the assembler. The orders are those of package canon: a warp is the 512 bytes of lanes, and its
// shuffles at distance 16, 8, 4, 2, 1 are the tree.
//
// # Forms
//
//   - A map is tiles of 256 threads. A tile that is whole and aligned moves 16 bytes a thread; others, and those
//     of arrays with strides, go element by element. Operands that lie across each other go in tiles of 32 by 32.
//   - A fold by the lane rule is a thread per row up to 16 elements, a warp per row up to one block of 4096, a CTA
//     per row for longer ones, and where rows are few and long a warp per block, with the results of blocks in the
//     workspace: then as many more launches as the rule has levels. What is computed from the fold of a row, and what
//     is stored for its elements, is part of the same launch, or a map of its own after the last level. What several
//     stages of a row use lies in shared memory, if a CTA can have so much, and is read once.
//   - A fold by the chunk rule is a thread per column, for each chunk where there is more than one. Results of
//     chunks are joined 16 at a time.
//   - A product is tiles of 256 by 128 results down to 32 by 32, or 64 by 8 where there are few rows or columns,
//     chosen by shape and multiprocessors. From sm_80 on tiles of the factors are copied to shared memory past the
//     registers, several ahead. Products of float64 use the tensor cores of sm_80 and sm_90, which compute the same
//     chains; [MMACheck] is how a device finds out. Where k is cut, a launch adds the chunks; a product of a row with
//     a column is a fold.
//   - A scan along contiguous lines is a warp per chunk of 4096, which has it in shared memory, a lane per segment;
//     with several chunks a line, twice, with what is before each chunk in between. Other scans are a thread per
//     segment, twice.
//
// The package knows no driver and no memory: a launch names operands and workspace, and whoever runs it packs
// their addresses.
package ptx
