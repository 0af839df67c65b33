package formula

import (
	"errors"
	"math"
)

// Python's numbers are computed here, so that 1/3 stays a number that takes the type of the array
// it meets, and -1 can be an axis.

var (
	errTooLarge = errors.New("the result needs more than 64 bits: write one of the numbers as a float")
	errByZero   = errors.New("division by zero")
)

// signed is op applied to one Python number; ok is false if there is no such operation.
func signed(op string, v value) (r value, ok bool, err error) {
	if b, isBool := v.(boolean); isBool {
		v = integer(asInt(b))
	}
	switch x := v.(type) {
	case integer:
		switch op {
		case "+":
			return x, true, nil
		case "~":
			return ^x, true, nil
		}
		if x == math.MinInt64 {
			return nil, true, errTooLarge
		}
		return -x, true, nil
	case floating:
		if op == "-" {
			x = -x
		}
		return x, op != "~", nil
	}
	return nil, false, nil
}

// computed is op applied to two Python numbers; ok is false if one is no number, or there is no
// such operation.
func computed(op string, a, b value) (r value, ok bool, err error) {
	x, xInt, xOK := pythonNumber(a)
	y, yInt, yOK := pythonNumber(b)
	switch {
	case !xOK || !yOK:
		return nil, false, nil
	case comparisons[op] != nil:
		if xInt && yInt {
			return boolean(compareInts(op, asInteger(a), asInteger(b))), true, nil
		}
		return boolean(comparisons[op](x, y)), true, nil
	case !xInt || !yInt || op == "/" || op == "**" && y < 0:
		return floats(op, x, y)
	}
	r, err = integers(op, asInteger(a), asInteger(b))
	return r, r != nil || err != nil, err
}

// pythonNumber is v as a float, and whether it is an integer or a bool.
func pythonNumber(v value) (x float64, isInt, ok bool) {
	switch v := v.(type) {
	case boolean, integer:
		return float64(asInteger(v)), true, true
	case floating:
		return float64(v), false, true
	}
	return 0, false, false
}

func asInteger(v value) int64 {
	if b, ok := v.(boolean); ok {
		return asInt(b)
	}
	return int64(v.(integer))
}

var comparisons = map[string]func(x, y float64) bool{
	"==": func(x, y float64) bool { return x == y },
	"!=": func(x, y float64) bool { return x != y },
	"<":  func(x, y float64) bool { return x < y },
	"<=": func(x, y float64) bool { return x <= y },
	">":  func(x, y float64) bool { return x > y },
	">=": func(x, y float64) bool { return x >= y },
}

// compareInts compares without rounding: the order of x and y is that of a difference's sign.
func compareInts(op string, x, y int64) bool {
	order := 0.0
	if x < y {
		order = -1
	} else if x > y {
		order = 1
	}
	return comparisons[op](order, 0)
}

func floats(op string, x, y float64) (value, bool, error) {
	switch op {
	case "+":
		return floating(x + y), true, nil
	case "-":
		return floating(x - y), true, nil
	case "*":
		return floating(x * y), true, nil
	case "**":
		if x == 0 && y < 0 {
			return nil, true, errByZero
		}
		return floating(math.Pow(x, y)), true, nil
	case "/", "//", "%":
		if y == 0 {
			return nil, true, errByZero
		}
	}
	switch op {
	case "/":
		return floating(x / y), true, nil
	case "//":
		q, _ := divmod(x, y)
		return floating(q), true, nil
	case "%":
		_, r := divmod(x, y)
		return floating(r), true, nil
	}
	return nil, false, nil
}

// divmod is Python's: the remainder has the divisor's sign, and the quotient is rounded from what
// is left without it.
func divmod(x, y float64) (q, r float64) {
	r = math.Mod(x, y)
	q = (x - r) / y
	if r != 0 && (r < 0) != (y < 0) {
		r += y
		q--
	}
	if r == 0 {
		r = math.Copysign(0, y)
	}
	if q == 0 {
		return math.Copysign(0, x/y), r
	}
	if floor := math.Floor(q); q-floor > 0.5 {
		return floor + 1, r
	} else {
		return floor, r
	}
}

func integers(op string, x, y int64) (value, error) {
	switch op {
	case "+":
		s := x + y
		return fitting(s, (s > x) == (y > 0))
	case "-":
		d := x - y
		return fitting(d, (d < x) == (y > 0))
	case "*":
		return product(x, y)
	case "**":
		return power(x, y)
	case "//", "%":
		return floored(op, x, y)
	case "<<", ">>":
		return shifted(op, x, y)
	case "&":
		return integer(x & y), nil
	case "|":
		return integer(x | y), nil
	case "^":
		return integer(x ^ y), nil
	}
	return nil, nil
}

func fitting(v int64, ok bool) (value, error) {
	if !ok {
		return nil, errTooLarge
	}
	return integer(v), nil
}

func product(x, y int64) (value, error) {
	p := x * y
	return fitting(p, x == 0 || p/x == y && !(x == -1 && y == math.MinInt64))
}

// power is x to the power of y, which is not negative.
func power(x, y int64) (value, error) {
	switch {
	case y == 0, x == 1, x == -1 && y%2 == 0:
		return integer(1), nil
	case x == 0, x == -1:
		return integer(x), nil
	}
	r := x
	for ; y > 1; y-- {
		p, err := product(r, x)
		if err != nil {
			return nil, err
		}
		r = int64(p.(integer))
	}
	return integer(r), nil
}

// floored is Python's // and %: rounded down, and with the divisor's sign.
func floored(op string, x, y int64) (value, error) {
	switch {
	case y == 0:
		return nil, errByZero
	case y == -1 && op == "//":
		return fitting(-x, x != math.MinInt64)
	case y == -1:
		return integer(0), nil
	}
	q, r := x/y, x%y
	if r != 0 && (r < 0) != (y < 0) {
		q, r = q-1, r+y
	}
	if op == "//" {
		return integer(q), nil
	}
	return integer(r), nil
}

func shifted(op string, x, y int64) (value, error) {
	switch {
	case y < 0:
		return nil, errors.New("a shift by a negative number")
	case op == ">>":
		return integer(x >> min(y, 63)), nil
	case y > 63:
		return fitting(0, x == 0)
	}
	return fitting(x<<y, x<<y>>y == x)
}
