"""What the script calls of CuPy, in NumPy: for tests on machines without a GPU. There is one GPU, and waiting for it
takes a while."""

import time

import numpy as _np
from numpy import *

__version__ = "1.0"


def asarray(a):
    return _np.array(a)


def asnumpy(a):
    return _np.array(a)


class cuda:
    class runtime:
        class CUDARuntimeError(RuntimeError):
            pass

        @staticmethod
        def getDeviceProperties(number):
            return {"name": b"Imagined GPU"}

        @staticmethod
        def runtimeGetVersion():
            return 12040

    class Device:
        def __init__(self, number):
            self.number = number

        def use(self):
            if self.number != 0:
                raise cuda.runtime.CUDARuntimeError("cudaErrorInvalidDevice: invalid device ordinal")

        def synchronize(self):
            time.sleep(0.002)


class _Pool:
    def free_all_blocks(self):
        pass


def get_default_memory_pool():
    return _Pool()
