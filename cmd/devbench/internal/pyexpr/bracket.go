package pyexpr

import "fmt"

// opened moves past an opening bracket and remembers it.
func (p *parser) opened() error {
	p.stack = append(p.stack, p.tok)
	return p.advance()
}

// closed moves past the closing bracket, or fails at what stands in its place.
func (p *parser) closed(bracket string) error {
	if !p.tok.is(bracket) {
		return p.unexpected("',' or '" + bracket + "'")
	}
	p.stack = p.stack[:len(p.stack)-1]
	return p.advance()
}

// items parses items with commas between them, and perhaps one behind the last, up to the closing
// bracket, which it moves past. comma reports whether there was any.
func (p *parser) items(bracket string, item func() error) (comma bool, err error) {
	if err := p.opened(); err != nil {
		return false, err
	}
	for !p.tok.is(bracket) {
		if err := item(); err != nil {
			return comma, err
		}
		if !p.tok.is(",") {
			break
		}
		comma = true
		if err := p.advance(); err != nil {
			return comma, err
		}
	}
	return comma, p.closed(bracket)
}

// into is an item parser that collects expressions.
func (p *parser) into(nodes *[]Node) func() error {
	return func() error {
		n, err := p.expression(0)
		*nodes = append(*nodes, n)
		return err
	}
}

// parenthesised parses (a), which is a itself, or a tuple.
func (p *parser) parenthesised() (Node, error) {
	start := p.tok.pos
	var nodes []Node
	comma, err := p.items(")", p.into(&nodes))
	if err != nil {
		return nil, err
	}
	if len(nodes) == 1 && !comma {
		return nodes[0], nil
	}
	b, err := p.base(start, nodes...)
	return &Tuple{b, nodes}, err
}

func (p *parser) list() (Node, error) {
	start := p.tok.pos
	var nodes []Node
	if _, err := p.items("]", p.into(&nodes)); err != nil {
		return nil, err
	}
	b, err := p.base(start, nodes...)
	return &List{b, nodes}, err
}

// subscript parses [items]
func (p *parser) subscript(start Pos, x Node) (Node, error) {
	at := p.tok.pos
	var nodes []Node
	comma, err := p.items("]", func() error {
		n, err := p.subscriptItem()
		nodes = append(nodes, n)
		return err
	})
	if err != nil {
		return nil, err
	}
	if len(nodes) == 0 {
		return nil, p.fail(at, "a subscript was expected between the brackets")
	}
	if t, ok := nodes[0].(*Tuple); ok && len(nodes) == 1 && !comma {
		nodes = t.Items
	}
	b, err := p.base(start, append([]Node{x}, nodes...)...)
	return &Subscript{b, x, nodes}, err
}

// subscriptItem parses an expression or a slice.
func (p *parser) subscriptItem() (Node, error) {
	start := p.tok.pos
	var parts [3]Node
	colons := 0
	for {
		if !p.tok.is(":") && !(colons > 0 && (p.tok.is(",") || p.tok.is("]"))) {
			n, err := p.expression(0)
			if err != nil {
				return nil, err
			}
			parts[colons] = n
		}
		if !p.tok.is(":") || colons == 2 {
			break
		}
		colons++
		if err := p.advance(); err != nil {
			return nil, err
		}
	}
	if colons == 0 {
		return parts[0], nil
	}
	b, err := p.base(start, parts[:]...)
	return &Slice{b, parts[0], parts[1], parts[2]}, err
}

// call parses (arguments)
func (p *parser) call(start Pos, fn Node) (Node, error) {
	c := &Call{Fn: fn}
	if _, err := p.items(")", func() error { return p.argument(c) }); err != nil {
		return nil, err
	}
	kids := append([]Node{fn}, c.Args...)
	for _, k := range c.Keywords {
		kids = append(kids, k.Value)
	}
	var err error
	c.base, err = p.base(start, kids...)
	return c, err
}

// argument parses value or name=value into c.
func (p *parser) argument(c *Call) error {
	if p.tok.is("*") || p.tok.is("**") {
		return p.fail(p.tok.pos, "arguments cannot be unpacked: write them out")
	}
	start := p.tok
	value, err := p.argumentValue()
	if err != nil {
		return err
	}
	if p.tok.is("=") {
		return p.keyword(c, start, value)
	}
	if len(c.Keywords) > 0 {
		return p.fail(start.pos, "an argument without a name cannot follow one with a name")
	}
	c.Args = append(c.Args, value)
	return nil
}

// keyword parses the value after name= and adds it to c.
func (p *parser) keyword(c *Call, start token, key Node) error {
	if !isPlainName(key, start) {
		return p.fail(start.pos, "a name was expected before '=': use == to compare")
	}
	for _, k := range c.Keywords {
		if k.Name == start.text {
			return p.fail(start.pos, fmt.Sprintf("%s is given twice", start.text))
		}
	}
	if err := p.advance(); err != nil {
		return err
	}
	value, err := p.argumentValue()
	c.Keywords = append(c.Keywords, Keyword{start.pos, start.text, value})
	return err
}

// argumentValue parses an expression, or a string on its own.
func (p *parser) argumentValue() (Node, error) {
	if p.tok.kind != str {
		return p.expression(0)
	}
	s := &String{base{p.tok.pos, 1}, p.tok.text}
	return s, p.advance()
}
