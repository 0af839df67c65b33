"""Print programs as Python's own parser reads them, with every operation in parentheses.

Reads a JSON list of sources; writes a JSON list of {"text", "starts"}, or null where Python
refuses the source. starts holds the column of each operation, from 1, in the order of a walk
from the root.
"""
import ast
import json
import math
import sys
import warnings

warnings.simplefilter("ignore")
OPS = {
    "Add": "+", "Sub": "-", "Mult": "*", "MatMult": "@", "Div": "/", "FloorDiv": "//", "Mod": "%",
    "Pow": "**", "LShift": "<<", "RShift": ">>", "BitOr": "|", "BitXor": "^", "BitAnd": "&",
    "UAdd": "+", "USub": "-", "Invert": "~",
    "Eq": "==", "NotEq": "!=", "Lt": "<", "LtE": "<=", "Gt": ">", "GtE": ">=",
}


def op(n):
    return OPS[type(n).__name__]


def const(v):
    if v is Ellipsis:
        return "..."
    if isinstance(v, float) and math.isinf(v):
        return "1e309"
    return repr(v)


def receiver(n):
    if isinstance(n, ast.Constant) and type(n.value) in (int, float):
        return "(" + text(n) + ")"
    return text(n)


def items(n):
    """The items of a subscript: x[(a, b)] has the two of x[a, b]."""
    if not isinstance(n, ast.Tuple):
        return text(n)
    if not n.elts:
        return "()"
    if len(n.elts) == 1 and isinstance(n.elts[0], ast.Tuple):
        return text(n.elts[0]) + ","
    return ", ".join(map(text, n.elts))


def text(n):
    if n is None:
        return ""
    if isinstance(n, ast.Name):
        return n.id
    if isinstance(n, ast.Constant):
        return const(n.value)
    if isinstance(n, ast.UnaryOp):
        return "(" + op(n.op) + text(n.operand) + ")"
    if isinstance(n, ast.BinOp):
        return f"({text(n.left)} {op(n.op)} {text(n.right)})"
    if isinstance(n, ast.Compare):
        (o,), (y,) = n.ops, n.comparators
        return f"({text(n.left)} {op(o)} {text(y)})"
    if isinstance(n, ast.Attribute):
        return receiver(n.value) + "." + n.attr
    if isinstance(n, ast.Call):
        args = [text(a) for a in n.args] + [k.arg + "=" + text(k.value) for k in n.keywords]
        return receiver(n.func) + "(" + ", ".join(args) + ")"
    if isinstance(n, ast.Subscript):
        return receiver(n.value) + "[" + items(n.slice) + "]"
    if isinstance(n, ast.Slice):
        step = ":" + text(n.step) if n.step else ""
        return text(n.lower) + ":" + text(n.upper) + step
    if isinstance(n, ast.List):
        return "[" + ", ".join(map(text, n.elts)) + "]"
    if isinstance(n, ast.Tuple):
        return "(" + ", ".join(map(text, n.elts)) + ("," if len(n.elts) == 1 else "") + ")"
    raise ValueError(type(n).__name__)


def starts(n):
    """The columns of the operations of n, operands in order of the source."""
    out = []
    if isinstance(n, (ast.UnaryOp, ast.BinOp, ast.Compare, ast.Attribute, ast.Call, ast.Subscript)):
        out.append(n.col_offset + 1)
    for kid in ast.iter_child_nodes(n):
        out += starts(kid)
    return out


def program(source):
    *assigns, last = ast.parse(source).body
    lines = [f"{a.targets[0].id} = {text(a.value)}" for a in assigns]
    result = last.value
    return {"text": "\n".join(lines + [text(result)]), "starts": starts(result)}


def dump(source):
    try:
        return program(source)
    except (SyntaxError, ValueError, AttributeError):
        return None


print(json.dumps([dump(s) for s in json.load(sys.stdin)]))
