package broadcast

import (
	"cmp"
	"slices"
)

// term is coeff times an unknown from 0 to most; neither is negative.
type term struct{ coeff, most int }

// patience is how many partial sums a search tries before it gives up.
const patience = 20_000

// attains reports whether a sum of the terms lies in [lo,hi]; it is exact, or true once patience
// is at an end. Deciding this is as hard as the knapsack problem, but strides are mostly multiples
// of one another, and such terms merge.
func attains(terms []term, lo, hi int) bool {
	s := newSearch(merged(terms))
	return s.attains(0, lo, hi)
}

// merged has the same sums with fewer terms, the largest coefficients first. A term joins a
// smaller one if its coefficient is a multiple of that and no longer than its reach plus one step:
// the sums then are all the multiples up to the common reach.
func merged(terms []term) []term {
	terms = slices.Clone(terms)
	slices.SortFunc(terms, func(a, b term) int { return cmp.Compare(a.coeff, b.coeff) })
	var out []term
	for _, t := range terms {
		if t.coeff == 0 || t.most == 0 {
			continue
		}
		i := slices.IndexFunc(out, func(o term) bool {
			return t.coeff%o.coeff == 0 && t.coeff/o.coeff <= o.most+1
		})
		if i < 0 {
			out = append(out, t)
		} else {
			out[i].most += t.coeff / out[i].coeff * t.most
		}
	}
	slices.Reverse(out)
	return out
}

// search tries the unknowns one after the other, the largest coefficient first, where the terms
// left can still reach the range and their common divisor has a multiple in it.
type search struct {
	terms []term
	reach []int // reach[k] is the largest sum of terms[k:]
	gcd   []int // gcd[k] divides every sum of terms[k:]
	left  int   // of its patience
}

func newSearch(terms []term) *search {
	s := &search{terms: terms, reach: make([]int, len(terms)+1), gcd: make([]int, len(terms)+1), left: patience}
	for k := len(terms) - 1; k >= 0; k-- {
		s.reach[k] = s.reach[k+1] + terms[k].coeff*terms[k].most
		s.gcd[k] = gcd(terms[k].coeff, s.gcd[k+1])
	}
	return s
}

func gcd(a, b int) int {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}

// attains reports whether a sum of terms[k:] lies in [lo,hi].
func (s *search) attains(k, lo, hi int) bool {
	lo, hi = max(lo, 0), min(hi, s.reach[k])
	if lo > hi {
		return false
	}
	if lo == 0 {
		return true
	}
	if hi/s.gcd[k]*s.gcd[k] < lo {
		return false
	}
	if s.left--; k == len(s.terms)-1 || s.left <= 0 {
		return true
	}
	c := s.terms[k].coeff
	first := max(0, (lo-s.reach[k+1]+c-1)/c)
	for x := first; x <= min(s.terms[k].most, hi/c); x++ {
		if s.attains(k+1, lo-x*c, hi-x*c) {
			return true
		}
	}
	return false
}
