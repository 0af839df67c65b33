// Package op is the operator table: one row holds all there is to know of an element-wise
// operator, and everything else derives from it. A row's body is a [Program] over a small set of
// primitives ([Prim]): IEEE operations that round correctly, compares, selects, conversions,
// integer and bit operations. The same body becomes pure Go, vector instructions and PTX, and
// [Program.Eval] is the oracle that all of them equal bit for bit.
//
// To add an operator, write its row in one of the rows_*.go files and run "go generate ./...".
//
// The package must not know of arrays, devices or memory.
package op

//go:generate go run ./gen
