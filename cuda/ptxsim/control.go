package ptxsim

// decodeBra is bra{.uni} label.
func decodeBra(d *decoder) exec {
	d.out.class = ControlClass
	uniform := d.maybe("uni") != ""
	d.count(1, 1)
	o := &d.operands[0]
	at, ok := d.scope.label(o.text)
	if o.kind != nameOperand || !ok {
		d.fail("no label %s", o.text)
	}
	d.out.flow = flowBranch
	d.out.target = int32(at)
	if uniform && d.guard != nil {
		d.fail("bra.uni under a predicate is not simulated")
	}
	return nil
}

func decodeExit(d *decoder) exec {
	d.out.class = ControlClass
	d.out.flow = flowExit
	d.maybe("uni")
	d.count(0, 0)
	return nil
}

func decodeTrap(d *decoder) exec {
	d.out.class = ControlClass
	d.count(0, 0)
	return func(w *warp, m uint32) { w.fault(Trap, lane(m), "") }
}
