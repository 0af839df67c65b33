//go:build !purego

#include "textflag.h"

// func returnPC(frames int) uintptr
//
// The frame pointer is that of the calling function: it points to the one of the function above, and beside that is where
// the calling function returns to.
TEXT ·returnPC(SB), NOSPLIT|NOFRAME, $0-16
	MOVQ frames+0(FP), CX
	MOVQ BP, AX

up:
	SUBQ $1, CX
	JLT  found
	MOVQ (AX), AX
	JMP  up

found:
	MOVQ 8(AX), AX
	MOVQ AX, ret+8(FP)
	RET
