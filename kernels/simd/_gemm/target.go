package main

import (
	"github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// isa is a set of vector instructions.
type isa struct {
	name  string
	bytes int // of a register
	rows  int // of a tile; a tile is two registers wide
	regs  []reg.VecPhysical
}

var (
	avx2   = isa{"AVX2", 32, 6, vectors(16, 32)}
	avx512 = isa{"AVX512", 64, 12, vectors(32, 64)}
)

// vectors are the first n vector registers, of a number of bytes.
func vectors(n, bytes int) []reg.VecPhysical {
	regs := make([]reg.VecPhysical, n)
	for i := range regs {
		spec := reg.S256
		if bytes == 64 {
			spec = reg.S512
		}
		regs[i] = reg.Vector.Lookup(reg.Index(i), spec).(reg.VecPhysical)
	}
	return regs
}

// element is a type of elements, and the instructions for it.
type element struct {
	name, goType   string
	size           int
	fma, add, mask func(c *build.Context, ops ...operand.Op)
	broadcast      func(c *build.Context, ops ...operand.Op)
	fmaEach        func(c *build.Context, ops ...operand.Op)  // of one element in memory with all
	load, store    func(c *build.Context, x, k, y operand.Op) // of the elements that an opmask has
}

var float32s = element{
	name: "F32", goType: "float32", size: 4,
	fma:       func(c *build.Context, ops ...operand.Op) { c.VFMADD231PS(ops...) },
	add:       func(c *build.Context, ops ...operand.Op) { c.VADDPS(ops...) },
	mask:      func(c *build.Context, ops ...operand.Op) { c.VMASKMOVPS(ops[0], ops[1], ops[2]) },
	broadcast: func(c *build.Context, ops ...operand.Op) { c.VBROADCASTSS(ops...) },
	fmaEach:   func(c *build.Context, ops ...operand.Op) { c.VFMADD231PS_BCST(ops[0], ops[1], ops[2]) },
	load:      func(c *build.Context, x, k, y operand.Op) { c.VMOVUPS_Z(x, k, y) },
	store:     func(c *build.Context, x, k, y operand.Op) { c.VMOVUPS(x, k, y) },
}

var float64s = element{
	name: "F64", goType: "float64", size: 8,
	fma:       func(c *build.Context, ops ...operand.Op) { c.VFMADD231PD(ops...) },
	add:       func(c *build.Context, ops ...operand.Op) { c.VADDPD(ops...) },
	mask:      func(c *build.Context, ops ...operand.Op) { c.VMASKMOVPD(ops[0], ops[1], ops[2]) },
	broadcast: func(c *build.Context, ops ...operand.Op) { c.VBROADCASTSD(ops...) },
	fmaEach:   func(c *build.Context, ops ...operand.Op) { c.VFMADD231PD_BCST(ops[0], ops[1], ops[2]) },
	load:      func(c *build.Context, x, k, y operand.Op) { c.VMOVUPD_Z(x, k, y) },
	store:     func(c *build.Context, x, k, y operand.Op) { c.VMOVUPD(x, k, y) },
}
