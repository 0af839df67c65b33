// Package ir is what an expression becomes: a graph of nodes, the operations that it is lowered to,
// and the reference meaning of both.
//
// A [Node] is a value: a shape, an element type and a recipe. Graphs are immutable and shared
// freely; shapes and types are known, and mistakes reported, when a node is made. [Lower] groups the
// nodes that outputs need into operations ([Kernel], [MatMul], [Scan]) over leaves, temporaries and outputs.
// [Evaluate] gives the meaning of a graph and [Interpret] that of an operation, one element at a
// time: what runs fast is compared with what is obvious.
//
// The package knows no devices, no addresses and no budgets.
package ir
