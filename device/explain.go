package device

// Explainer is an optional extra of a Program: it says in a few words by which path it runs, and what keeps it from a
// faster one.
type Explainer interface {
	Explain() string
}

// Explain is what the program inside the ledger and the pool says of itself, "" if nothing.
func Explain(p Program) string {
	for {
		switch outer := p.(type) {
		case *countedProgram:
			p = outer.Program
		case *pooledProgram:
			p = outer.Program
		case Explainer:
			return outer.Explain()
		default:
			return ""
		}
	}
}
