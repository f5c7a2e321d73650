# ruff: noqa: ARG001, ARG002
"""Device arrays: NumPy arrays that NumPy may not touch, with a fence around their memory."""

import numpy as np

FENCE = 64  # bytes on each side that a kernel must leave alone
_POST = 0xA5
_GARBAGE = 0xCD  # what uninitialised memory holds
alive = 0  # bytes of arrays that were asked for and still exist


class Memory:
    """The bytes of one array between two fences."""

    def __init__(self, size):
        global alive
        self.bytes = np.full(size + 2 * FENCE + 64, _GARBAGE, np.uint8)
        self.start = FENCE + -(self.bytes.ctypes.data + FENCE) % 64
        self.size = size
        self.bytes[: self.start] = self.bytes[self.start + size :] = _POST
        alive += size

    def __del__(self):
        global alive
        alive -= self.size

    def is_whole(self):
        before, after = self.bytes[: self.start], self.bytes[self.start + self.size :]
        return bool((before == _POST).all() and (after == _POST).all())


def host(value):
    """The NumPy value inside; what belongs to the host is refused, as by CuPy."""
    if isinstance(value, ndarray):
        return value.array
    if isinstance(value, np.ndarray) and value.ndim:
        raise TypeError(f"Unsupported type {type(value)}: an array of the host among the device's")
    if isinstance(value, tuple | list):
        return type(value)(host(part) for part in value)
    if isinstance(value, slice):
        return slice(host(value.start), host(value.stop), host(value.step))
    return value


def device(value):
    if isinstance(value, tuple | list):
        return type(value)(device(part) for part in value)
    if isinstance(value, np.ndarray | np.generic):
        if isinstance(value, np.ndarray) and value.base is not None:
            return ndarray(value)
        made = empty(value.shape, value.dtype)
        made.array[...] = value
        return made
    return value


def function(call):
    def wrapped(*args, out=None, **named):
        named = {name: host(value) for name, value in named.items()}
        with np.errstate(all="ignore"):  # a card does not warn
            if out is not None:
                call(*host(args), out=host(out), **named)
                return out
            return device(call(*host(args), **named))

    wrapped.__name__ = getattr(call, "__name__", "function")
    return wrapped


class ndarray:
    """An array of the device. `array` is for the emulation alone."""

    __array_ufunc__ = None
    __hash__ = None

    def __init__(self, array, memory=None):
        self.array, self.memory = array, memory

    def __array__(self, *args, **named):
        raise TypeError("Implicit conversion to a NumPy array is not allowed; use .get()")

    def __getattr__(self, name):
        if name in {"shape", "dtype", "size", "ndim", "nbytes", "itemsize", "strides", "flags"}:
            return getattr(self.array, name)
        if name == "T":
            return ndarray(self.array.T, self.memory)
        if name in _METHODS:
            return function(getattr(self.array, name))
        if name in {"reshape", "ravel", "view", "transpose"}:
            method = getattr(self.array, name)
            return lambda *args: ndarray(method(*args), self.memory)
        raise AttributeError(f"the emulated ndarray has no {name!r}; add it if CuPy has it")

    def __len__(self):
        return len(self.array)

    def __getitem__(self, key):
        found = self.array[host(key)]
        if isinstance(found, np.ndarray) and np.shares_memory(found, self.array):
            return ndarray(found, self.memory)
        return device(np.asarray(found))

    def __setitem__(self, key, value):
        self.array[host(key)] = host(value)

    def __bool__(self):
        return bool(self.array)

    def __int__(self):
        return int(self.array)

    def __float__(self):
        return float(self.array)

    def get(self, stream=None, order="C", out=None, blocking=True):
        if out is None:
            return self.array.copy(order)
        out[...] = self.array
        return out

    def set(self, arr, stream=None):
        if not isinstance(arr, np.ndarray) or arr.dtype != self.dtype or arr.shape != self.shape:
            raise ValueError(f"Shape or dtype mismatch: {self.dtype} {self.shape}")
        self.array[...] = arr

    def item(self):
        return self.array.item()

    def tolist(self):
        return self.array.tolist()

    def fill(self, value):
        self.array.fill(host(value))

    def sort(self):
        self.array.sort(kind="stable")

    def argsort(self):
        return device(self.array.argsort(kind="stable"))


_METHODS = {
    "all",
    "any",
    "astype",
    "clip",
    "copy",
    "cumsum",
    "dot",
    "max",
    "mean",
    "min",
    "nonzero",
}
_METHODS |= {"sum", "take"}


def _operator(name):
    def method(self, *others):
        with np.errstate(all="ignore"):
            return device(np.asarray(getattr(np.ndarray, name)(self.array, *host(others))))

    return method


def _in_place(name):
    def method(self, other):
        with np.errstate(all="ignore"):
            getattr(np.ndarray, name)(self.array, host(other))
        return self

    return method


_BOTH = ("add", "sub", "mul", "truediv", "floordiv", "mod", "and", "or", "xor", "lshift", "rshift")
for _name in (*_BOTH, "pow", "matmul"):
    setattr(ndarray, f"__{_name}__", _operator(f"__{_name}__"))
    setattr(ndarray, f"__r{_name}__", _operator(f"__r{_name}__"))
for _name in _BOTH:
    setattr(ndarray, f"__i{_name}__", _in_place(f"__i{_name}__"))
for _name in ("lt", "le", "eq", "ne", "gt", "ge", "neg", "invert", "abs"):
    setattr(ndarray, f"__{_name}__", _operator(f"__{_name}__"))


def empty(shape, dtype=float):
    dtype = np.dtype(dtype)
    size = int(np.prod(shape)) * dtype.itemsize
    memory = Memory(size)
    inside = memory.bytes[memory.start : memory.start + size]
    return ndarray(inside.view(dtype).reshape(shape), memory)


def asarray(a, dtype=None):
    """A copy on the device of a host array; a device array of the same dtype itself."""
    if isinstance(a, ndarray):
        return a if dtype is None or a.dtype == dtype else a.astype(dtype)
    made = np.asarray(a, dtype)
    copy = empty(made.shape, made.dtype)
    copy.array[...] = made
    return copy


def asnumpy(a, stream=None, out=None):
    return a.get(out=out) if isinstance(a, ndarray) else np.asarray(a)
