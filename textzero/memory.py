"""How much memory a stage may take, what there is, and what a run with its processes has taken."""

import contextlib
import os
import re
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_UNITS = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40}
BASE = 250 << 20  # what Python, NumPy, Numba and their code take before any data
_LEAST = BASE + (50 << 20)
_MOST = 1 << 60  # sums of a few such bounds are int64


def memory_bytes(memory: "int | str | None") -> int:
    """Return a bound in bytes; None stands for half of what there is.

    >>> memory_bytes("1.5GB")
    1610612736
    """
    if memory is None:
        return max((memory_there() or 8 << 30) // 2, _LEAST)
    pattern = r"\s*([0-9]+(?:\.[0-9]+)?)\s*([KMGT]?)i?B?\s*"
    match = re.fullmatch(pattern, str(memory), re.IGNORECASE)
    if not match:
        raise ValueError(f"memory must be a size such as 500MB or 4GB, got {memory!r}")
    size = float(match[1]) * _UNITS[match[2].upper()]
    if size < _LEAST:
        unit = "; give it a unit, such as 4GB" if str(memory).strip().isdigit() else ""
        raise ValueError(f"memory must be at least {_LEAST >> 20} MB, got {memory!r}{unit}")
    if size > _MOST:
        raise ValueError(f"memory must be at most {_MOST >> 40:,} TB, got {memory!r:.40}")
    return int(size)


def memory_warning(memory: "int | str | None") -> str:
    """Say that a bound is more than there is, or ""; a machine elsewhere may have more."""
    there = memory_there()
    if not there or memory_bytes(memory) <= there:
        return ""
    return (
        f"memory {memory} is more than the {there >> 20} MB that there are here; "
        "a run that needs them will be killed or swap"
    )


def memory_there() -> int:
    """Return the bytes that this process may take: the machine's, or less (0 where unknown).

    Less is what a control group of version 1 or 2 (a container, a batch system) or a limit of
    address space allows.
    """
    sizes = _group_limits(Path("/"))
    with contextlib.suppress(AttributeError, ValueError, OSError):  # not a POSIX system
        sizes.append(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))
    with contextlib.suppress(ImportError, ValueError, OSError):
        import resource

        limit = resource.getrlimit(resource.RLIMIT_AS)[0]
        sizes += [limit] if limit != resource.RLIM_INFINITY else []
    return min(sizes, default=0)


def _group_limits(root: Path) -> list[int]:
    """The limits of the control groups that this process is in, and of those above them."""
    limits = []
    for line in _lines(root / "proc/self/cgroup"):
        _, controllers, path = line.split(":", 2)
        if controllers == "":
            top, name = root / "sys/fs/cgroup", "memory.max"
        elif "memory" in controllers.split(","):
            top, name = root / "sys/fs/cgroup/memory", "memory.limit_in_bytes"
        else:
            continue
        group = Path(path.lstrip("/"))  # in a container it may be the host's, and not there
        for folder in (group, *group.parents):
            limits += [int(text) for text in _lines(top / folder / name) if text.isdigit()]
    return limits


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="utf-8", errors="surrogateescape").splitlines()
    except OSError:
        return []


class TreePeak:
    """The largest memory that this process and those below it have taken together, in bytes."""

    def __init__(self) -> None:
        self.bytes = 0

    def look(self) -> None:
        """Look once."""
        self.bytes = max(self.bytes, tree_memory())


@contextmanager
def watched_tree(seconds: float = 0.2) -> Iterator[TreePeak]:
    """Look every so many seconds what this process and those below it take; 0 bytes if unknown."""
    peak, stop = TreePeak(), threading.Event()

    def watch() -> None:
        while not stop.wait(seconds):
            peak.look()

    watcher = threading.Thread(target=watch, daemon=True)
    peak.look()
    watcher.start()
    try:
        yield peak
    finally:
        stop.set()
        watcher.join()
        peak.look()


def tree_memory(pid: int | None = None) -> int:
    """Return what a process (this one) and all below it take now, in bytes; 0 where unknown.

    Pages that several of them share count once (proportional set size), where the system tells.
    """
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").glob("[0-9]*"):
        stat = " ".join(_lines(entry / "stat")).rpartition(")")[2].split()
        if stat:
            children.setdefault(int(stat[1]), []).append(int(entry.name))
    waiting, total = [os.getpid() if pid is None else pid], 0
    while waiting:
        process = waiting.pop()
        waiting += children.get(process, [])
        total += _resident(Path("/proc") / str(process))
    return total


def _resident(process: Path) -> int:
    for name, field in (("smaps_rollup", "Pss:"), ("status", "VmRSS:")):
        for line in _lines(process / name):
            if line.startswith(field):
                return int(line.split()[1]) << 10
    return 0


def keep_heap_small() -> None:
    """Let this process give back each large array at once (glibc): many sizes leave holes.

    Merging pairs of 1.2 GB of text took 341 MB so, and 485 MB with its holes, for 7 % more time.
    """
    if sys.platform != "linux":
        return
    import ctypes

    m_mmap_threshold = -3
    with contextlib.suppress(OSError, AttributeError):  # another C library
        ctypes.CDLL(None).mallopt(m_mmap_threshold, 1 << 17)
