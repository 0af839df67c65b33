package ptxsim

import "math/bits"

// Class is a kind of instruction, for counting.
type Class uint8

// The classes.
const (
	MoveClass Class = iota
	IntegerClass
	FloatClass
	CompareClass
	ConvertClass
	ParamClass
	GlobalClass
	SharedClass
	ConstClass
	AtomicClass
	AsyncClass
	BarrierClass
	CollectiveClass // shfl, vote, match, redux
	MMAClass
	ControlClass
	NumClasses // the number of classes, for arrays indexed by one
)

var classNames = [NumClasses]string{"move", "integer", "float", "compare", "convert", "param", "global", "shared", "const", "atomic",
	"async", "barrier", "collective", "mma", "control"}

// String is the name of the class.
func (c Class) String() string { return classNames[c] }

// Traffic counts what warps asked of a memory. For global memory Units are 32-byte sectors touched by each request, and
// Ideal what its distinct bytes fill. For shared memory Units are wavefronts, and Ideal those without bank
// conflicts. Units above Ideal is speed lost on a device; the figures are upper bounds.
type Traffic struct{ Requests, Units, Ideal int64 }

// Stats counts what a launch did. It is the same in every run of a kernel that has no atomics.
type Stats struct {
	CTAs        int64
	WarpInstrs  int64             // instructions issued to warps
	LaneInstrs  int64             // threads that executed them
	Class       [NumClasses]int64 // LaneInstrs by class
	Barriers    int64             // bar.sync, once a block
	GlobalLoad  Traffic           // with the sources of cp.async
	ModuleLoad  Traffic           // of the module's own variables, which stay in the caches
	GlobalStore Traffic
	SharedLoad  Traffic
	SharedStore Traffic // with the targets of cp.async
}

func (t *Traffic) add(u Traffic) {
	t.Requests += u.Requests
	t.Units += u.Units
	t.Ideal += u.Ideal
}

func (s *Stats) add(u *Stats) {
	s.CTAs += u.CTAs
	s.WarpInstrs += u.WarpInstrs
	s.LaneInstrs += u.LaneInstrs
	for c, n := range u.Class {
		s.Class[c] += n
	}
	s.Barriers += u.Barriers
	s.GlobalLoad.add(u.GlobalLoad)
	s.ModuleLoad.add(u.ModuleLoad)
	s.GlobalStore.add(u.GlobalStore)
	s.SharedLoad.add(u.SharedLoad)
	s.SharedStore.add(u.SharedStore)
}

// sector is the unit of traffic between global memory and caches.
const sector = 32

// countSectors adds a request of n bytes at each lane's address, at multiples of n.
func (t *Traffic) countSectors(addresses *vec, m uint32, n int) {
	if m == 0 {
		return
	}
	var distinct, sectors int64
	last := ^uint64(0)
	for r := m; r != 0; r &= r - 1 {
		a := addresses[bits.TrailingZeros32(r)]
		if a < last && last != ^uint64(0) {
			distinct, sectors = distinctOf(addresses, m, 1), distinctOf(addresses, m, sector)
			break
		}
		if a != last {
			distinct++
			if last == ^uint64(0) || a/sector != last/sector {
				sectors++
			}
		}
		last = a
	}
	t.Requests++
	t.Units += sectors
	t.Ideal += (distinct*int64(n) + sector - 1) / sector
}

// distinctOf is the number of different addresses divided by unit.
func distinctOf(addresses *vec, m uint32, unit uint64) (n int64) {
	for r := m; r != 0; r &= r - 1 {
		if first(addresses, m, bits.TrailingZeros32(r), unit) {
			n++
		}
	}
	return n
}

// first reports whether no lane of m below l has the same address divided by unit.
func first(addresses *vec, m uint32, l int, unit uint64) bool {
	for r := m & (1<<l - 1); r != 0; r &= r - 1 {
		if addresses[bits.TrailingZeros32(r)]/unit == addresses[l]/unit {
			return false
		}
	}
	return true
}

// countWavefronts adds a request of n bytes at each lane's address in shared memory, which has 32 banks of 4 bytes.
// Accesses of 8 and 16 bytes go in halves and quarters of a warp.
func (t *Traffic) countWavefronts(addresses *vec, m uint32, n int) {
	unit := max(n, 4)
	lanes := min(128/unit, 32)
	for at := 0; at < 32; at += lanes {
		part := m & (^uint32(0) >> (32 - lanes) << at)
		if part != 0 {
			t.Units += int64(conflicts(addresses, part, uint64(unit)))
			t.Ideal++
		}
	}
	t.Requests++
}

// conflicts is the largest number of different units that fall on one bank.
func conflicts(addresses *vec, m uint32, unit uint64) (most int8) {
	shift := uint(bits.TrailingZeros64(unit))
	var head, count [32]int8 // by bank: a lane + 1 of a list of lanes with different units, and its length
	var next [32]int8
	banks := 128 / unit
	for r := m; r != 0; r &= r - 1 {
		l := bits.TrailingZeros32(r)
		u := addresses[l] >> shift
		bank := u & (banks - 1)
		at := head[bank]
		for at != 0 && addresses[at-1]>>shift != u {
			at = next[at-1]
		}
		if at == 0 {
			next[l], head[bank] = head[bank], int8(l)+1
			count[bank]++
			most = max(most, count[bank])
		}
	}
	return most
}
