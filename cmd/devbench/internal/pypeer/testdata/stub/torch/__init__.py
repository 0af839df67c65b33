"""What the script calls of PyTorch, in NumPy: for tests on machines without a GPU. There is one GPU, and waiting for it
takes a while."""

import time

import numpy as _np
from numpy import *

__version__ = "2.0"


class version:
    cuda = "12.4"


class Tensor(_np.ndarray):
    def to(self, place):
        return self if place == "cpu" else _np.array(self).view(Tensor)

    def cpu(self):
        return _np.array(self).view(Tensor)

    def numpy(self):
        return _np.asarray(self)

    def std(self, dim=None, correction=1):
        return _np.asarray(_np.std(_np.asarray(self), axis=dim, ddof=correction)).view(Tensor)


def from_numpy(a):
    return a.view(Tensor)


def softmax(x, dim):
    e = _np.exp(x - x.max(axis=dim, keepdims=True))
    return e / e.sum(axis=dim, keepdims=True)


def set_num_threads(n):
    pass


def set_grad_enabled(on):
    pass


class cuda:
    @staticmethod
    def is_available():
        return True

    @staticmethod
    def device_count():
        return 1

    @staticmethod
    def set_device(number):
        pass

    @staticmethod
    def get_device_name(number):
        return "Imagined GPU"

    @staticmethod
    def synchronize():
        time.sleep(0.002)

    @staticmethod
    def empty_cache():
        pass


class backends:
    class cuda:
        class matmul:
            allow_tf32 = True

    class cudnn:
        allow_tf32 = True
