//go:build !purego

#include "textflag.h"

// func callerOfCaller() uintptr
//
// The frame pointer is that of the calling function, and the return address of that function is beside it.
TEXT ·callerOfCaller(SB), NOSPLIT|NOFRAME, $0-8
	MOVQ 8(BP), AX
	MOVQ AX, ret+0(FP)
	RET
