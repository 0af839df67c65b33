package ptxsim

import (
	"encoding/binary"
	"strings"
)

// parseVariable reads the declaration of a variable, from its space on.
func (p *parser) parseVariable() {
	where := map[string]space{".shared": sharedSpace, ".const": constSpace, ".global": globalSpace}[p.next()]
	v := p.declarator(where, p.parseAlign())
	if p.accept("=") {
		p.parseInit(v)
	}
	p.allocate(v)
	p.expect(";")
}

// parseAlign reads .align and its number, or gives 0.
func (p *parser) parseAlign() int {
	if !p.accept(".align") {
		return 0
	}
	n := p.integer(256)
	if n == 0 || n&(n-1) != 0 {
		p.fail("an alignment is a power of two")
	}
	return n
}

// declarator reads type, name and length.
func (p *parser) declarator(where space, align int) *variable {
	v := &variable{space: where, align: align}
	if t, ok := typeNames[strings.TrimPrefix(p.peek(), ".")]; ok && t != Pred {
		p.at++
		v.typ = t
	} else {
		p.fail("expected the type of a variable")
	}
	v.name = p.name()
	v.align = max(v.align, v.typ.Size())
	v.size = v.typ.Size()
	for p.accept("[") {
		if p.accept("]") {
			v.size = 0
			break
		}
		v.size *= p.integer(maxGlobal)
		p.expect("]")
		if v.size == 0 || v.size > maxGlobal {
			p.fail("an array of 1 to %d bytes", maxGlobal)
		}
	}
	if p.scope.vars[v.name] != nil || p.scope.regs[v.name] != nil {
		p.fail("%s is declared already", v.name)
	}
	p.scope.vars[v.name] = v
	return v
}

// allocate gives a variable its place.
func (p *parser) allocate(v *variable) {
	switch {
	case v.space == sharedSpace && v.init != nil:
		p.fail("shared memory has no initial values")
	case (v.size == 0) != (p.linkage == ".extern") || v.size == 0 && v.space != sharedSpace:
		p.fail("only .extern .shared arrays outside kernels have no length")
	case v.space == sharedSpace && p.insideKernel():
		p.kernel.static = p.place(v, p.kernel.static, maxStatic)
	case v.space == sharedSpace && v.size > 0:
		p.fail("declare shared memory inside the kernel that uses it")
	case v.space == constSpace:
		end := p.place(v, len(p.module.consts), maxConst)
		p.module.consts = append(p.module.consts, make([]byte, end-len(p.module.consts))...)
		copy(p.module.consts[v.offset:], v.init)
	case v.space == globalSpace:
		p.module.global = p.place(v, p.module.global, maxGlobal)
		p.module.globals = append(p.module.globals, v)
	}
}

func (p *parser) insideKernel() bool { return p.scope.parent != nil }

// place sets the offset of v, the first aligned one from end on, and returns the new end.
func (p *parser) place(v *variable, end, limit int) int {
	v.offset = (end + v.align - 1) &^ (v.align - 1)
	if v.offset+v.size > limit || v.size == 0 {
		p.fail("%s: the %s memory of a kernel ends at %d bytes", v.name, v.space, limit)
	}
	return v.offset + v.size
}

// parseInit reads a number, or numbers in braces, and fills up with zeros.
func (p *parser) parseInit(v *variable) {
	v.init = make([]byte, v.size)
	if !p.accept("{") {
		p.storeInit(v, 0)
		return
	}
	for at := 0; ; at += v.typ.Size() {
		p.storeInit(v, at)
		if !p.accept(",") {
			p.expect("}")
			return
		}
	}
}

func (p *parser) storeInit(v *variable, at int) {
	bits, ok := p.number().as(v.typ)
	if !ok || at >= v.size {
		p.at--
		p.fail("not a %s, or one too many, for %s", v.typ, v.name)
	}
	var b [8]byte
	binary.LittleEndian.PutUint64(b[:], bits)
	copy(v.init[at:], b[:v.typ.Size()])
}
