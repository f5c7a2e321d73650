# ruff: noqa: ARG001
"""What the CUDA runtime says about the device. `memory` is how much it has; tests may change it."""

from cupy import arrays

memory = 2 << 30


class CUDARuntimeError(RuntimeError):
    pass


def getDeviceCount():
    return 1


def memGetInfo():
    return max(0, memory - arrays.alive), memory


def getDeviceProperties(device):
    return {"name": b"emulation by g++", "major": 8, "minor": 0, "totalGlobalMem": memory}


def deviceSynchronize():
    return None
