package op

import "github.com/tare-go/tare/dtype"

// Pick is a list of constants of one type, of which PrimPick takes one. Its length is a power of two, such
// that it fits a few vector registers. Each is an array in zcoef.go of the name GoName.
type Pick uint8

// The picks.
const (
	PickLogInverse Pick = iota // reciprocals near which significands lie, see tabledLog
	PickLogHigh                // minus their logarithms, the leading bits
	PickLogLow                 // and what follows
	PickLogSum                 // the sum of both, rounded
	PickExpHalf                // 2^(i/16)/2, the leading bits
	PickExpLow                 // what they lack, divided by them
	PickTanhCentre             // of the intervals of tanh32
	PickTanh0                  // and the polynomials there
	PickTanh1
	PickTanh2
	PickTanh3
	PickTanh4
	PickTanh5
	NumPick
)

var picks = [NumPick]struct {
	name, goName string
	t            dtype.DType
	entries      []float64
}{
	PickLogInverse: {"log_inverse", "LogInverse", dtype.Float64, LogInverse[:]},
	PickLogHigh:    {"log_high", "LogHigh", dtype.Float64, LogHigh[:]},
	PickLogLow:     {"log_low", "LogLow", dtype.Float64, LogLow[:]},
	PickLogSum:     {"log_sum", "LogSum", dtype.Float64, LogSum[:]},
	PickExpHalf:    {"exp_half", "ExpHalf", dtype.Float64, ExpHalf[:]},
	PickExpLow:     {"exp_low", "ExpLow", dtype.Float64, ExpLow[:]},
	PickTanhCentre: {"tanh_centre", "TanhCentre", dtype.Float32, widened(TanhCentre[:])},
	PickTanh0:      {"tanh_0", "Tanh0", dtype.Float32, widened(Tanh0[:])},
	PickTanh1:      {"tanh_1", "Tanh1", dtype.Float32, widened(Tanh1[:])},
	PickTanh2:      {"tanh_2", "Tanh2", dtype.Float32, widened(Tanh2[:])},
	PickTanh3:      {"tanh_3", "Tanh3", dtype.Float32, widened(Tanh3[:])},
	PickTanh4:      {"tanh_4", "Tanh4", dtype.Float32, widened(Tanh4[:])},
	PickTanh5:      {"tanh_5", "Tanh5", dtype.Float32, widened(Tanh5[:])},
}

func widened(x []float32) []float64 {
	wide := make([]float64, len(x))
	for i, v := range x {
		wide[i] = float64(v)
	}
	return wide
}

// String is the table's name in printed programs.
func (t Pick) String() string { return picks[t].name }

// GoName is the name of this package's array with the entries.
func (t Pick) GoName() string { return picks[t].goName }

// Type is the type of the entries.
func (t Pick) Type() dtype.DType { return picks[t].t }

// Bits is the entries.
func (t Pick) Bits() []uint64 {
	bits := make([]uint64, len(picks[t].entries))
	for i, v := range picks[t].entries {
		bits[i] = BitsOf(t.Type(), v)
	}
	return bits
}
