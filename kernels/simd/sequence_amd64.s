//go:build amd64 && !purego

#include "go_asm.h"
#include "textflag.h"
#include "funcdata.h"

// Loops take their operands in R8 to R11 and a range of indices in AX and DX, leave the index at which they stopped in AX,
// and change no other general registers.

// func callLoop(loop func(), dst, a, b, c unsafe.Pointer, from, to int) int
TEXT ·callLoop(SB), 0, $8-64
	NO_LOCAL_POINTERS
	MOVQ loop+0(FP), BX
	MOVQ (BX), BX
	MOVQ dst+8(FP), R8
	MOVQ a+16(FP), R9
	MOVQ b+24(FP), R10
	MOVQ c+32(FP), R11
	MOVQ from+40(FP), AX
	MOVQ to+48(FP), DX
	CALL BX
	VZEROUPPER
	MOVQ AX, ret+56(FP)
	RET

// func callLoops(steps *Step, n, front, step, to, strip int) (endFront, endStep, at int)
TEXT ·callLoops(SB), 0, $24-72
	NO_LOCAL_POINTERS
	MOVQ  n+8(FP), R13
	MOVQ  front+16(FP), BX
	MOVQ  step+24(FP), R12
	MOVQ  to+32(FP), DI
	MOVQ  strip+40(FP), CX

	// The first step leaves the last strips to the others.
	LEAQ  -1(R13), AX
	IMULQ CX, AX
	ADDQ  DI, AX
	MOVQ  AX, last-16(SP)

	// SI is the index of the strip of the step at R12.
	MOVQ  R12, AX
	IMULQ CX, AX
	MOVQ  BX, SI
	SUBQ  AX, SI
	IMULQ $Step__size, R12
	ADDQ  steps+0(FP), R12
	IMULQ $Step__size, R13
	ADDQ  steps+0(FP), R13
	MOVQ  R13, end-8(SP)

step:
	CMPQ  R12, end-8(SP)
	JGE   next
	TESTQ SI, SI
	JLT   next
	CMPQ  SI, DI
	JGE   skip
	MOVQ  Step_code(R12), R13
	MOVQ  (R13), R13
	MOVQ  Step_Dst(R12), R8
	MOVQ  Step_A(R12), R9
	MOVQ  Step_B(R12), R10
	MOVQ  Step_C(R12), R11
	MOVQ  SI, AX
	LEAQ  (SI)(CX*1), DX
	CALL  R13
	CMPQ  AX, DX
	JNE   stopped

skip:
	ADDQ $Step__size, R12
	SUBQ CX, SI
	JMP  step

next:
	ADDQ CX, BX
	MOVQ BX, SI
	MOVQ steps+0(FP), R12
	CMPQ BX, last-16(SP)
	JLT  step
	MOVQ end-8(SP), R12

stopped:
	VZEROUPPER
	MOVQ BX, endFront+48(FP)
	MOVQ AX, at+64(FP)
	MOVQ R12, AX
	SUBQ steps+0(FP), AX
	XORL DX, DX
	MOVQ $Step__size, CX
	DIVQ CX
	MOVQ AX, endStep+56(FP)
	RET
