package format

import (
	"iter"
	"strconv"
	"strings"
	"unicode/utf8"
)

// axis is what is shown of one axis: its first head and last tail positions with a gap between, or
// all of it.
type axis struct {
	length     int
	head, tail int
	gap        bool
}

// view says what of an array of that shape is shown. A summary always has the last position of
// each axis, even where no edge items were asked for.
func view(shape []int, o Options) []axis {
	summary, edge := count(shape) > o.Threshold, max(o.EdgeItems, 0)
	all := make([]axis, len(shape))
	for i, length := range shape {
		all[i] = axis{length: length, tail: length}
		if summary && edge < length-edge {
			all[i] = axis{length: length, head: edge, tail: max(edge, 1), gap: true}
		}
	}
	return all
}

// positions yields the shown positions in order, and -1 where the gap is.
func (x axis) positions() iter.Seq[int] {
	return func(yield func(int) bool) {
		for i := range x.head {
			if !yield(i) {
				return
			}
		}
		if x.gap && !yield(-1) {
			return
		}
		for i := x.length - x.tail; i < x.length; i++ {
			if !yield(i) {
				return
			}
		}
	}
}

// shown reads the elements that are shown, in C order.
func shown(a Source, axes []axis) []uint64 {
	var bits []uint64
	index := make([]int, len(axes))
	var walk func(depth int)
	walk = func(depth int) {
		if depth == len(axes) {
			bits = append(bits, a.At(index))
			return
		}
		for i := range axes[depth].positions() {
			if i >= 0 {
				index[depth] = i
				walk(depth + 1)
			}
		}
	}
	walk(0)
	return bits
}

// body is the bracketed elements of an array, which stand after the text before and between which
// goes separator. Lines hold width characters.
func body(a Source, o Options, separator, before string, width int) string {
	shape := a.Shape()
	if count(shape) == 0 {
		return "[]"
	}
	p := page{axes: view(shape, o), separator: separator}
	p.words = words(a.DType(), shown(a, p.axes), len(shape), o)
	p.block(0, len(before)+1, width-1)
	return string(p.text)
}

// page lays out words in nested brackets.
type page struct {
	axes      []axis
	words     []string // those not yet written, in C order
	separator string
	text      []byte
}

const ellipsis = "..."

// block writes the elements below one position of the axes before depth. Its lines start with
// indent spaces, and their elements end at column width.
func (p *page) block(depth, indent, width int) {
	if depth == len(p.axes) {
		p.text = append(p.text, p.next()...)
		return
	}
	p.text = append(p.text, '[')
	if depth == len(p.axes)-1 {
		p.row(indent, width)
	} else {
		p.blocks(depth, indent, width)
	}
	p.text = append(p.text, ']')
}

// blocks writes the blocks along an axis that is not the last: each on a line of its own, with one
// more blank line between them for each axis further in.
func (p *page) blocks(depth, indent, width int) {
	between := strings.TrimRight(p.separator, " ") +
		strings.Repeat("\n", len(p.axes)-1-depth) + strings.Repeat(" ", indent)
	first := true
	for i := range p.axes[depth].positions() {
		if !first {
			p.text = append(p.text, between...)
		}
		first = false
		if i < 0 {
			p.text = append(p.text, ellipsis...)
		} else {
			p.block(depth+1, indent+1, width-1)
		}
	}
}

// row writes the elements along the last axis. A word that would pass column width goes on a new
// line, unless it is the first of its line.
func (p *page) row(indent, width int) {
	column := indent
	first := true
	for i := range p.axes[len(p.axes)-1].positions() {
		if !first {
			p.text = append(p.text, p.separator...)
			column += len(p.separator)
		}
		first = false
		word := ellipsis
		if i >= 0 {
			word = p.next()
		}
		length := utf8.RuneCountInString(word)
		if column+length > width && column > indent {
			p.newLine(indent)
			column = indent
		}
		p.text = append(p.text, word...)
		column += length
	}
}

// newLine ends a line, without the spaces at its end.
func (p *page) newLine(indent int) {
	for p.text[len(p.text)-1] == ' ' {
		p.text = p.text[:len(p.text)-1]
	}
	p.text = append(p.text, '\n')
	p.text = append(p.text, strings.Repeat(" ", indent)...)
}

// next takes the next word.
func (p *page) next() string {
	word := p.words[0]
	p.words = p.words[1:]
	return word
}

// shapeText is a shape as Python writes a tuple: (), (3,), (3, 4).
func shapeText(shape []int) string {
	if len(shape) == 1 {
		return "(" + strconv.Itoa(shape[0]) + ",)"
	}
	lengths := make([]string, len(shape))
	for i, length := range shape {
		lengths[i] = strconv.Itoa(length)
	}
	return "(" + strings.Join(lengths, ", ") + ")"
}
