package main

import (
	"go/types"

	"github.com/mmcloughlin/avo/gotypes"
)

// simd is the package that the functions are in, as far as their parameters need it.
var simd = types.NewPackage("github.com/tare-go/tare/kernels/simd", "simd")

// The types of parameters.
var (
	number         = types.Type(types.Typ[types.Int])
	word           = types.Type(types.Typ[types.Uintptr])
	address        = types.Type(types.Typ[types.UnsafePointer])
	pointerToPanel = types.Type(types.NewPointer(
		types.NewNamed(types.NewTypeName(0, simd, "GemmPanel", nil), types.NewStruct(nil, nil), nil)))
)

// signature is that of a function without results; names of parameters and types take turns.
func signature(params ...any) *gotypes.Signature {
	var vars []*types.Var
	for i := 0; i < len(params); i += 2 {
		vars = append(vars, types.NewParam(0, simd, params[i].(string), params[i+1].(types.Type)))
	}
	return gotypes.NewSignature(simd, types.NewSignatureType(nil, nil, nil, types.NewTuple(vars...), nil, false))
}
