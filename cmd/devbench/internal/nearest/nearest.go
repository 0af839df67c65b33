// Package nearest finds the name that was meant by one that is not known.
package nearest

import "strings"

// To is the candidate with the fewest edits (a letter added, dropped, changed, or two exchanged)
// from word, or "" if none is near: at most a third of the letters, and at least one, may be wrong.
// Case does not count. Of equally near candidates it is the first.
func To(word string, candidates []string) string {
	best, found := max(1, len(word)/3), ""
	for _, c := range candidates {
		d := distance(strings.ToLower(word), strings.ToLower(c))
		if d < best || d == best && found == "" {
			best, found = d, c
		}
	}
	return found
}

// DidYouMean is "; did you mean name?" for the nearest candidate, or "".
func DidYouMean(word string, candidates []string) string {
	if name := To(word, candidates); name != "" {
		return "; did you mean " + name + "?"
	}
	return ""
}

// distance is the number of edits from a to b: the optimal string alignment distance.
func distance(a, b string) int {
	x, y := []rune(a), []rune(b)
	before, last := make([]int, len(y)+1), make([]int, len(y)+1)
	for j := range last {
		last[j] = j
	}
	for i := range x {
		row := make([]int, len(y)+1)
		row[0] = i + 1
		for j := range y {
			row[j+1] = min(last[j+1], row[j]) + 1
			if x[i] == y[j] {
				row[j+1] = min(row[j+1], last[j])
			} else {
				row[j+1] = min(row[j+1], last[j]+1)
			}
			if i > 0 && j > 0 && x[i] == y[j-1] && x[i-1] == y[j] {
				row[j+1] = min(row[j+1], before[j-1]+1)
			}
		}
		before, last = last, row
	}
	return last[len(y)]
}
