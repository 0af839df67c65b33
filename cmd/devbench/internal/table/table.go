// Package table writes rows of text in columns for people to read.
package table

import (
	"io"
	"strings"
	"unicode/utf8"
)

// Column is a heading and how the cells below stand.
type Column struct {
	Heading string
	Right   bool // numbers stand to the right
}

// Table is headings and rows. Columns without any text in their cells are left out.
type Table struct {
	Columns []Column
	rows    [][]string
}

// Add appends a row, which has a cell for each column.
func (t *Table) Add(cells ...string) {
	if len(cells) != len(t.Columns) {
		panic("BUG: table: a row needs a cell for each column")
	}
	t.rows = append(t.rows, cells)
}

// WriteTo writes the headings and the rows, two spaces between columns.
func (t *Table) WriteTo(w io.Writer) (int64, error) {
	widths := t.widths()
	var b strings.Builder
	headings := make([]string, len(t.Columns))
	for i, c := range t.Columns {
		headings[i] = c.Heading
	}
	for _, row := range append([][]string{headings}, t.rows...) {
		b.WriteString(t.line(row, widths) + "\n")
	}
	n, err := io.WriteString(w, b.String())
	return int64(n), err
}

// widths are those of the columns, in characters; 0 for a column that is left out.
func (t *Table) widths() []int {
	widths := make([]int, len(t.Columns))
	for _, row := range t.rows {
		for i, cell := range row {
			widths[i] = max(widths[i], utf8.RuneCountInString(cell))
		}
	}
	for i, c := range t.Columns {
		if widths[i] > 0 {
			widths[i] = max(widths[i], utf8.RuneCountInString(c.Heading))
		}
	}
	return widths
}

func (t *Table) line(row []string, widths []int) string {
	var b strings.Builder
	for i, cell := range row {
		if widths[i] == 0 {
			continue
		}
		if b.Len() > 0 {
			b.WriteString("  ")
		}
		pad := strings.Repeat(" ", widths[i]-utf8.RuneCountInString(cell))
		if t.Columns[i].Right {
			cell = pad + cell
		} else {
			cell += pad
		}
		b.WriteString(cell)
	}
	return strings.TrimRight(b.String(), " ")
}
