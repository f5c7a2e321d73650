"""How much memory a stage may take: the `--memory` option and what a machine has."""

import os
import re

_UNITS = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40}
BASE = 250 << 20  # what Python, NumPy, Numba and their code take before any data


def memory_bytes(memory: "int | str | None") -> int:
    """Return a bound in bytes; None stands for half of what the machine has.

    >>> memory_bytes("1.5GB")
    1610612736
    """
    if memory is None:
        try:
            return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2
        except (AttributeError, ValueError, OSError):  # not a POSIX system
            return 4 << 30
    if isinstance(memory, int):
        size = memory
    else:
        match = re.fullmatch(r"\s*([0-9]+(?:\.[0-9]+)?)\s*([KMGT]?)i?B?\s*", memory, re.IGNORECASE)
        if not match:
            raise ValueError(f"memory must be a size such as 500MB or 4GB, got {memory!r}")
        size = int(float(match[1]) * _UNITS[match[2].upper()])
    if size < BASE + (50 << 20):
        raise ValueError(f"memory must be at least {(BASE >> 20) + 50} MB, got {memory!r}")
    return size
