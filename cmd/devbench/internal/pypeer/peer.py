"""The Python side of devbench's comparisons: one library in one process.

It reads requests from standard input and answers on standard output, one JSON object a line. A request
has "do": hello, load, time, or drop. An answer has "error", or "unsupported" where the library does not
have the work, or what was asked for.

Libraries that compute on GPUs are told where: "cpu", or "cuda:0" and the like. Work is timed with its inputs
on the device, where its result stays, or end to end: from arrays of the processor's memory to one there.
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


class Missing(Exception):
    """Why a library that is installed cannot be used where it was asked for."""


RESIDENT, END_TO_END = "resident", "end to end"


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
    """A library. prepare returns a function without arguments for each way to run the work: one run, with its result."""

    def __init__(self, threads, place):
        import numpy as np

        if place != "cpu" and not isinstance(self, Placed):
            raise Missing("it computes on the processor only")
        self.np, self.threads, self.place = np, threads, place

    def prepare(self, work, inputs):
        return {RESIDENT: self.on_processor(work, inputs)}

    def wait(self, y):
        """Returns when all that was started has ended; y is the last result."""

    def host(self, y):
        """A result as NumPy's array."""
        if isinstance(y, float):  # Numba's scalars are Python's
            y = self.type(y)
        return self.np.ascontiguousarray(y)

    def drop(self):
        """Gives back memory that the library keeps."""

    def about(self):
        return "%d threads" % self.threads

    def settle(self, work):
        """Seconds for which its threads keep a processor busy after a run."""
        return 0.01


class NumPy(Peer):
    def __init__(self, threads, place):
        super().__init__(threads, place)
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

    def on_processor(self, work, inputs):
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

    def __init__(self, threads, place):
        super().__init__(threads, place)
        import numexpr

        self.ne, self.version = numexpr, numexpr.__version__
        numexpr.set_num_threads(threads)

    def about(self):
        vml = "with VML" if self.ne.use_vml else "without VML"
        return "%s, %d threads" % (vml, self.threads)

    def on_processor(self, work, inputs):
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

    def __init__(self, threads, place):
        super().__init__(threads, place)
        import numba

        self.numba, self.version = numba, numba.__version__
        numba.set_num_threads(threads)

    def on_processor(self, work, inputs):
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


class Placed(Peer):
    """A library whose arrays are on a device. np is what programs call np."""

    texts = {}  # of programs that the library's users write in another way
    settled = 0.01

    def settle(self, work):
        return self.settled if self.place == "cpu" else 0.0

    def about(self):
        return super().about() if self.place == "cpu" else "on %s, %s" % (self.place, self.model())

    def number(self):
        return int(self.place.split(":")[1])

    def function(self, work, inputs):
        """The work as a function of arrays on the device."""
        if work["call"] == "transferred":
            return lambda x: x
        text = self.texts.get(work["text"], work["text"])
        return self.compiled(function(text, list(inputs), self.scope()), work)

    def scope(self):
        return {"np": self.module}

    def compiled(self, f, work):
        return f

    def prepare(self, work, inputs):
        f, arrays = self.function(work, inputs), list(inputs.values())
        runs = {}
        if self.place != "cpu":
            runs[END_TO_END] = lambda: self.download(f(*[self.upload(a) for a in arrays]))
        if work["call"] != "transferred":
            values = [self.upload(a) for a in arrays]
            reused = self.reused(work, list(inputs), values) if work["into"] else None
            runs[RESIDENT] = reused or (lambda: f(*values))
        return runs

    def reused(self, work, names, values):
        """The work into an array that is there."""
        out, t, u = (self.module.empty_like(values[0]) for _ in range(3))
        g = procedure(work["into"], names + ["out", "t", "u"], self.scope())

        def run():
            g(*values, out, t, u)
            return out

        return run

    def host(self, y):
        return super().host(y if isinstance(y, self.np.ndarray) else self.download(y))


class Jax(Placed):
    def __init__(self, threads, place):
        super().__init__(threads, place)
        import jax

        jax.config.update("jax_enable_x64", True)
        jax.config.update("jax_default_matmul_precision", "highest")  # no TF32
        jax.config.update("jax_platforms", "cpu" if place == "cpu" else "cuda")
        self.device = jax.devices()[0 if place == "cpu" else self.number()]
        self.jax, self.module, self.version = jax, jax.numpy, jax.__version__

    def model(self):
        return self.device.device_kind

    def compiled(self, f, work):
        f = f if work["call"] == "written" else self.jax.jit(f)
        if self.place != "cpu":
            return f
        return lambda *values: f(*values).block_until_ready()

    def reused(self, work, names, values):
        return None  # its arrays are never written

    def upload(self, a):
        return self.jax.device_put(a, self.device)

    def download(self, y):
        return self.np.asarray(y)

    def wait(self, y):
        if y is not None and not isinstance(y, self.np.ndarray):
            y.block_until_ready()


class Torch(Placed):
    texts = {
        "x.std()": "x.std(correction=0)",
        "x - x.mean(axis=1, keepdims=True)": "x - x.mean(dim=1, keepdim=True)",
        "(x - x.mean(axis=0)) / x.std(axis=0)": "(x - x.mean(dim=0)) / x.std(dim=0, correction=0)",
        "e = np.exp(x - x.max(axis=1, keepdims=True))\ne / e.sum(axis=1, keepdims=True)": "np.softmax(x, dim=1)",
        "np.cumsum(x)": "np.cumsum(x.reshape(-1), dim=0)",
        "np.cumsum(x, axis=0)": "np.cumsum(x, dim=0)", "np.cumsum(x, axis=1)": "np.cumsum(x, dim=1)",
    }

    def __init__(self, threads, place):
        super().__init__(threads, place)
        import torch

        self.torch, self.module, self.version = torch, torch, torch.__version__
        torch.set_num_threads(threads)
        torch.set_grad_enabled(False)
        if place == "cpu":
            return
        torch.backends.cuda.matmul.allow_tf32 = False
        torch.backends.cudnn.allow_tf32 = False
        if not torch.cuda.is_available() or self.number() >= torch.cuda.device_count():
            raise Missing("%s: it finds no such GPU" % place)
        torch.cuda.set_device(self.number())

    def model(self):
        return "%s, CUDA %s, eager" % (self.torch.cuda.get_device_name(self.number()), self.torch.version.cuda)

    def about(self):
        return super().about() + (", eager" if self.place == "cpu" else "")

    def upload(self, a):
        return self.torch.from_numpy(a).to(self.place)

    def download(self, y):
        return y.cpu().numpy()

    def wait(self, y):
        if self.place != "cpu":
            self.torch.cuda.synchronize()

    def drop(self):
        if self.place != "cpu":
            self.torch.cuda.empty_cache()


class CuPy(Placed):
    def __init__(self, threads, place):
        super().__init__(threads, place)
        import cupy

        if place == "cpu":
            raise Missing("it computes on GPUs only")
        self.module, self.version = cupy, cupy.__version__
        self.device = cupy.cuda.Device(self.number())
        self.device.use()
        cupy.zeros(1)

    def model(self):
        name = self.module.cuda.runtime.getDeviceProperties(self.number())["name"]
        return "%s, CUDA runtime %s" % (name.decode(), self.module.cuda.runtime.runtimeGetVersion())

    def upload(self, a):
        return self.module.asarray(a)

    def download(self, y):
        return self.module.asnumpy(y)

    def wait(self, y):
        self.device.synchronize()

    def drop(self):
        self.module.get_default_memory_pool().free_all_blocks()


PEERS = {"numpy": NumPy, "numexpr": NumExpr, "numba": Numba, "jax": Jax, "torch": Torch, "cupy": CuPy}


class Server:
    def __init__(self):
        self.peer, self.runs = None, {}

    def hello(self, request):
        try:
            importlib.import_module(request["peer"])
            self.peer = PEERS[request["peer"]](request["threads"], request["place"])
        except (ImportError, Missing) as e:
            return {"missing": str(e)}
        except Exception as e:  # what libraries raise where they find no GPU differs
            if request["place"] == "cpu":
                raise
            return {"missing": ("%s: %s %s" % (request["place"], type(e).__name__, e)).strip()}
        return {"version": self.peer.version, "about": self.peer.about(), "python": platform.python_version()}

    def load(self, request):
        """Prepares the work, runs it once in each way, and writes its result to a file."""
        peer, np = self.peer, self.peer.np
        inputs = {name: np.load(path) for name, path in request["inputs"].items()}
        peer.type = next(iter(inputs.values())).dtype.type
        self.runs = peer.prepare(request["work"], inputs)
        if not self.runs:
            raise Unsupported("there is nothing to do on %s" % peer.place)
        for run in self.runs.values():
            y = run()
            peer.wait(y)
        y = peer.host(y)
        np.save(request["result"], y)
        return {"bytes": y.nbytes, "ways": list(self.runs), "settle": peer.settle(request["work"])}

    def time(self, request):
        run, repeats, y = self.runs[request["data"]], range(request["repeats"]), None
        self.peer.wait(y)
        start = time.perf_counter_ns()
        for _ in repeats:
            y = run()
        self.peer.wait(y)
        return {"ns": time.perf_counter_ns() - start}

    def drop(self, request):
        self.runs = {}
        self.peer.drop()
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
