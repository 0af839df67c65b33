package pyexpr

import (
	"fmt"
	"strings"
	"unicode"
)

// SyntaxError is a text that is not an expression of the grammar, or not one that arrays have a
// meaning for; Msg then says how to write it.
type SyntaxError struct {
	Line, Col int
	Msg       string
	Source    string // the whole text
}

// Error is the message, the line of the source, and a caret below the mistake.
func (e *SyntaxError) Error() string {
	at := Pos{e.Line, e.Col}
	return fmt.Sprintf("%v: %s\n%s", at, e.Msg, Excerpt(e.Source, at))
}

// String is "line 1, column 5".
func (p Pos) String() string { return fmt.Sprintf("line %d, column %d", p.Line, p.Col) }

// excerptWidth is the number of characters of a line that an Excerpt shows.
const excerptWidth = 100

// Excerpt is the line of src at p and, on the next line, a caret below the column. Of a long line
// it shows the part around the column.
func Excerpt(src string, p Pos) string {
	line := []rune(sourceLine(src, p.Line))
	col := min(max(p.Col-1, 0), len(line))
	if from := col - excerptWidth/2; from > 0 && len(line) > excerptWidth {
		line, col = append([]rune("…"), line[from:]...), col-from+1
	}
	if len(line) > excerptWidth {
		line = append(line[:excerptWidth:excerptWidth], '…')
	}
	return "    " + strings.Map(printable, string(line)) + "\n    " + strings.Map(blank, string(line[:col])) + "^"
}

// sourceLine is line number n, from 1, without its end.
func sourceLine(src string, n int) string {
	for ; n > 1; n-- {
		_, src, _ = strings.Cut(src, "\n")
	}
	line, _, _ := strings.Cut(src, "\n")
	return strings.TrimSuffix(line, "\r")
}

// printable keeps control characters of a hostile source from the terminal.
func printable(r rune) rune {
	if r != '\t' && !unicode.IsPrint(r) {
		return '?'
	}
	return r
}

// blank turns a character into space of the same width.
func blank(r rune) rune {
	if r == '\t' {
		return r
	}
	return ' '
}
