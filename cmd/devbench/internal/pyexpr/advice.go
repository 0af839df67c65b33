package pyexpr

// keywords are Python's reserved words. Those with a meaning here map to ""; the others to what
// to write instead.
var keywords = map[string]string{
	"True": "", "False": "", "None": "",

	"and":    "'and' asks for one truth value: use & as in NumPy, with each comparison in parentheses",
	"or":     "'or' asks for one truth value: use | as in NumPy, with each comparison in parentheses",
	"not":    "'not' asks for one truth value: use ~ as in NumPy, with the comparison in parentheses",
	"if":     "a condition has one truth value: use np.where(condition, a, b) as in NumPy",
	"else":   "a condition has one truth value: use np.where(condition, a, b) as in NumPy",
	"in":     "'in' asks for one truth value: write np.any(a == b)",
	"is":     "'is' compares objects, not elements: use ==, or np.isnan(x)",
	"lambda": "functions cannot be defined: name a value on a line of its own, as d = x - 1",
	"def":    "functions cannot be defined: name a value on a line of its own, as d = x - 1",
	"for":    "there are no loops: write the operation on whole arrays",
	"while":  "there are no loops: write the operation on whole arrays",
	"import": "nothing can be imported: NumPy's functions are there as np.name",
	"from":   "nothing can be imported: NumPy's functions are there as np.name",
	"return": "the value of the last line is the result: leave out 'return'",

	"as": statement, "assert": statement, "async": statement, "await": statement, "break": statement,
	"class": statement, "continue": statement, "del": statement, "elif": statement, "except": statement,
	"finally": statement, "global": statement, "nonlocal": statement, "pass": statement, "raise": statement,
	"try": statement, "with": statement, "yield": statement,
}

const statement = "this is a word of Python's statements: only lines name = expression, and an expression, can be written"

// lookalikes are characters that typesetting puts in the place of an operator.
var lookalikes = map[rune]string{
	'−': "-", '–': "-", '—': "-", '×': "*", '·': "*", '⋅': "*", '∗': "*", '÷': "/", '∕': "/",
	'≤': "<=", '≥': ">=", '≠': "!=", '²': "**2", '³': "**3", '“': `"`, '”': `"`, '‘': "'", '’': "'",
	'¬': "~", '∧': "&", '∨': "|", '√': "np.sqrt", '!': "~, or != for unequal", '…': "...", '\u00a0': "a space",
	'?': "np.where(condition, a, b)", '$': "the plain name", '`': "the name without quotes",
}

const chained = "comparisons cannot be chained on arrays: write (a < b) & (b < c); note that & and | bind tighter than comparisons, so each needs parentheses"

// operatorAdvice is said where one of these stands in the place of an operator between operands.
var operatorAdvice = map[string]string{
	":=": "use a line of its own: name = expression",
	"{":  "there are no sets and dictionaries",
	"->": "there are no annotations",
	":":  "a slice stands in a subscript only: x[1:5]",
	",":  "one array is the result, not a tuple: evaluate the values one by one",
}

// augmented are the assignments that change their target.
var augmented = map[string]bool{
	"+=": true, "-=": true, "*=": true, "/=": true, "//=": true, "%=": true, "@=": true, "**=": true,
	"&=": true, "|=": true, "^=": true, "<<=": true, ">>=": true,
}
