package ir

import (
	"fmt"
	"strings"
)

// Share returns outs with equal subexpressions made one node: those with the same operators on the
// same arrays. Arrays are equal by identity, scalars by their slot or else by their bits. Labels and
// call sites do not tell nodes apart; the first met is kept.
func Share(outs []*Node) []*Node {
	s := sharer{node: map[*Node]*Node{}, id: map[*Node]int{}, byKey: map[string]*Node{}, source: map[Source]int{}, slot: map[*Slot]int{}}
	shared := make([]*Node, len(outs))
	Walk(outs, s.visit)
	for i, n := range outs {
		shared[i] = s.node[n]
	}
	return shared
}

type sharer struct {
	node   map[*Node]*Node // what stands for a node
	id     map[*Node]int   // numbers of those that stand for themselves
	byKey  map[string]*Node
	source map[Source]int
	slot   map[*Slot]int
}

func (s *sharer) visit(n *Node) {
	key := s.key(n)
	if same, ok := s.byKey[key]; ok {
		s.node[n] = same
		return
	}
	c := n
	for i, a := range n.Args {
		if s.node[a] != a {
			if c == n {
				copied := *n
				copied.Args = append([]*Node(nil), n.Args...)
				c = &copied
			}
			c.Args[i] = s.node[a]
		}
	}
	s.byKey[key], s.node[n], s.node[c] = c, c, c
	s.id[c] = len(s.id)
}

// key is equal for nodes that have the same value.
func (s *sharer) key(n *Node) string {
	var b strings.Builder
	fmt.Fprint(&b, n.Kind, n.Type, n.Shape)
	for _, a := range n.Args {
		fmt.Fprint(&b, " ", s.id[s.node[a]])
	}
	switch n.Kind {
	case Leaf:
		fmt.Fprint(&b, " ", number(s.source, n.Array), n.At.Strides, n.At.Offset)
	case Scalar:
		fmt.Fprint(&b, " ", n.Bits)
		if n.Array != nil {
			fmt.Fprint(&b, " at ", number(s.source, n.Array))
		}
		if n.Slot != nil {
			fmt.Fprint(&b, " slot ", number(s.slot, n.Slot))
		}
	case Map:
		fmt.Fprint(&b, " ", n.Code)
	case Reduce, ArgReduce, Scanned:
		fmt.Fprint(&b, " ", n.Code, n.Axes, n.Rule)
	case Product:
		fmt.Fprint(&b, " ", n.Split)
	case Viewed:
		fmt.Fprint(&b, " ", n.View.Kind, n.View.Ints, n.View.Index)
	}
	return b.String()
}

func number[K comparable](m map[K]int, k K) int {
	n, ok := m[k]
	if !ok {
		n = len(m)
		m[k] = n
	}
	return n
}
