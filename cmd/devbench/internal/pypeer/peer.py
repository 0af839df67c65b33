"""The Python side of devbench's comparisons: one library in one process.

It reads requests from standard input and answers on standard output, one JSON object a line. A request
has "do": hello, load, time, or drop. An answer has "error", or "unsupported" where the library does not
have the work, or what was asked for.
"""

import ctypes
import glob
import importlib
import json
import os
import platform
import sys
import time


class Unsupported(Exception):
    pass


def function(text, names, scope):
    """The program as a function of its inputs: its last line is the result."""
    *before, last = text.strip().split("\n")
    body = "".join("    %s\n" % line for line in before) + "    return %s\n" % last
    source = "def work(%s):\n%s" % (", ".join(names), body)
    made = {}
    exec(source, scope, made)
    return made["work"]


def procedure(text, names, scope):
    """The program as a function of its inputs that returns nothing."""
    source = "def work(%s):\n%s" % (", ".join(names), "".join("    %s\n" % line for line in text.split("\n")))
    made = {}
    exec(source, scope, made)
    return made["work"]


class Peer:
    """A library. prepare returns a function without arguments: one run of the work, with its result."""

    def __init__(self, threads):
        import numpy as np

        self.np, self.threads = np, threads

    def about(self):
        return "%d threads" % self.threads

    def settle(self, work):
        """Seconds for which its threads keep a processor busy after a run."""
        return 0.01


class NumPy(Peer):
    def __init__(self, threads):
        super().__init__(threads)
        self.version = self.np.__version__

    def about(self):
        config = self.np.show_config(mode="dicts")
        blas = config["Build Dependencies"]["blas"]
        simd = config["SIMD Extensions"].get("found") or ["baseline"]
        return "kernels up to %s, %s %s%s; products on %s threads, all else on 1" % (
            simd[-1], blas["name"], blas["version"], self.core(), self.blas_threads())

    def settle(self, work):
        return 0.12 if " @ " in work["text"] else 0.0  # threads of OpenBLAS spin for 2**28 ticks

    def library(self):
        folder = os.path.join(os.path.dirname(self.np.__file__), "..", "numpy.libs")
        for path in glob.glob(os.path.join(folder, "*openblas*")):
            return ctypes.CDLL(path)
        return None

    def ask(self, name, kind):
        lib = self.library()
        for symbol in ("scipy_%s64_", "scipy_%s", "%s64_", "%s"):
            f = getattr(lib, symbol % name, None) if lib else None
            if f:
                f.restype = kind
                return f()
        return None

    def core(self):
        name = self.ask("openblas_get_corename", ctypes.c_char_p)
        return " for " + name.decode() if name else ""

    def blas_threads(self):
        return self.ask("openblas_get_num_threads", ctypes.c_int) or self.threads

    def prepare(self, work, inputs):
        names, values = list(inputs), list(inputs.values())
        f = function(work["text"], names, {"np": self.np})
        if not work["into"]:
            return lambda: f(*values)
        out, t, u = (self.np.empty_like(values[0]) for _ in range(3))
        g = procedure(work["into"], names + ["out", "t", "u"], {"np": self.np})

        def run():
            g(*values, out, t, u)
            return out

        return run


class NumExpr(Peer):
    def settle(self, work):
        return 0.0  # its threads sleep at once

    texts = {
        "x.sum()": "sum(x)", "x.sum(axis=0)": "sum(x, axis=0)", "x.sum(axis=1)": "sum(x, axis=1)",
        "x.max()": "max(x)", "np.where(np.isnan(x), 0.0, x)": "where(x != x, zero, x)", "x * 2.5": "x * factor",
    }
    elementwise = ("x + y", "np.sqrt(x)", "np.exp(x)", "np.log(x)", "np.sin(x)", "np.tanh(x)", "x ** y", "x > y",
                   "a + b", "np.sqrt(a*a + b*b) * np.exp(-a)")

    def __init__(self, threads):
        super().__init__(threads)
        import numexpr

        self.ne, self.version = numexpr, numexpr.__version__
        numexpr.set_num_threads(threads)

    def about(self):
        vml = "with VML" if self.ne.use_vml else "without VML"
        return "%s, %d threads" % (vml, self.threads)

    def prepare(self, work, inputs):
        text = self.texts.get(work["text"])
        if text is None:
            if work["text"] not in self.elementwise:
                raise Unsupported("it has element-wise work and full reductions")
            text = work["text"].replace("np.", "")
        values = dict(inputs)
        t = next(iter(values.values())).dtype.type
        values.update(zero=t(0), factor=t(2.5))
        out = self.np.empty_like(next(iter(inputs.values()))) if work["into"] else None
        if work["call"] == "written":
            return lambda: self.ne.evaluate(text, local_dict=values, global_dict={})
        self.ne.validate(text, local_dict=values, global_dict={}, out=out)
        return lambda: self.ne.re_evaluate(local_dict=values, global_dict={})


class Numba(Peer):
    # Numbers of the type of x, which they take in NumPy by themselves.
    typed = {
        "x * 2.5": "x * x.dtype.type(2.5)",
        "np.where(np.isnan(x), 0.0, x)": "np.where(np.isnan(x), x.dtype.type(0), x)",
    }
    # What its parallel compiler does not take as it is written, as a user of it writes it.
    texts = {
        "center_rows": """
def work(x):
    out = np.empty_like(x)
    for i in numba.prange(x.shape[0]):
        out[i] = x[i] - x[i].mean()
    return out
""",
        "zscore_cols": """
def work(x):
    n, m = x.shape
    mean, std = np.zeros(m), np.zeros(m)
    for i in range(n):
        mean += x[i]
    mean /= n
    for i in range(n):
        std += (x[i] - mean)**2
    std = np.sqrt(std / n)
    out = np.empty_like(x)
    for i in numba.prange(n):
        for j in range(m):
            out[i, j] = (x[i, j] - mean[j]) / std[j]
    return out
""",
        "softmax_rows": """
def work(x):
    out = np.empty_like(x)
    for i in numba.prange(x.shape[0]):
        e = np.exp(x[i] - x[i].max())
        out[i] = e / e.sum()
    return out
""",
    }

    def __init__(self, threads):
        super().__init__(threads)
        import numba

        self.numba, self.version = numba, numba.__version__
        numba.set_num_threads(threads)

    def prepare(self, work, inputs):
        names, values = list(inputs), list(inputs.values())
        if " @ " in work["text"]:
            raise Unsupported("its products are those of NumPy's BLAS")
        scope = {"np": self.np, "numba": self.numba}
        if work["name"] in self.texts:
            made = {}
            exec(self.texts[work["name"]], scope, made)
            f = made["work"]
        elif work["text"] in self.typed:
            f = function(self.typed[work["text"]], names, scope)
        elif work["into"]:
            f = procedure("out[:] = " + work["text"], names + ["out"], scope)
            out = self.np.empty_like(values[0])
            values.append(out)
        else:
            f = function(work["text"], names, scope)
        large = max(v.size for v in values) > 50000
        f = self.numba.njit(parallel=large)(f)
        try:
            f(*values)
        except self.numba.core.errors.NumbaError as e:
            raise Unsupported("its compiler refuses the expression: " + str(e).strip().split("\n")[0])
        if not work["into"]:
            return lambda: f(*values)

        def run():
            f(*values)
            return out

        return run

    def about(self):
        return "%d threads, %s" % (self.threads, self.layer())

    def layer(self):
        self.numba.njit(parallel=True)(lambda x: x + 1)(self.np.zeros(100000))
        return "threading layer " + self.numba.threading_layer()


class Jax(Peer):
    def __init__(self, threads):
        super().__init__(threads)
        import jax

        jax.config.update("jax_enable_x64", True)
        jax.config.update("jax_platforms", "cpu")
        self.jax, self.version = jax, jax.__version__

    def prepare(self, work, inputs):
        values = [self.jax.numpy.asarray(v) for v in inputs.values()]
        f = function(work["text"], list(inputs), {"np": self.jax.numpy})
        if work["call"] != "written":
            f = self.jax.jit(f)
        return lambda: f(*values).block_until_ready()


PEERS = {"numpy": NumPy, "numexpr": NumExpr, "numba": Numba, "jax": Jax}


class Server:
    def __init__(self):
        self.peer = self.run = None

    def hello(self, request):
        try:
            importlib.import_module(request["peer"])
            self.peer = PEERS[request["peer"]](request["threads"])
        except ImportError as e:
            return {"missing": str(e)}
        return {"version": self.peer.version, "about": self.peer.about(), "python": platform.python_version()}

    def load(self, request):
        """Prepares the work, runs it once, and writes its result to a file."""
        np = self.peer.np
        inputs = {name: np.load(path) for name, path in request["inputs"].items()}
        self.run = self.peer.prepare(request["work"], inputs)
        y = self.run()
        if isinstance(y, float):  # Numba's scalars are Python's
            y = next(iter(inputs.values())).dtype.type(y)
        y = np.ascontiguousarray(y)
        np.save(request["result"], y)
        return {"bytes": y.nbytes, "settle": self.peer.settle(request["work"])}

    def time(self, request):
        run, repeats = self.run, range(request["repeats"])
        start = time.perf_counter_ns()
        for _ in repeats:
            run()
        return {"ns": time.perf_counter_ns() - start}

    def drop(self, request):
        self.run = None
        return {}

    def answer(self, request):
        try:
            return getattr(self, request["do"])(request)
        except Unsupported as e:
            return {"unsupported": str(e)}
        except Exception as e:
            return {"error": "%s: %s" % (type(e).__name__, e)}


def main():
    # What a library prints must not stand between the answers.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    server = Server()
    for line in sys.stdin:
        answers.write(json.dumps(server.answer(json.loads(line))) + "\n")
        answers.flush()


if __name__ == "__main__":
    main()
