"""One run at a time: a lock is a small file that names the process that holds it.

A lock is broken only when its process is known to be dead: on this host, by process number and the
time that process began. Of another host, or another container, nothing is known.
"""

import contextlib
import json
import os
import platform
import sys
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path

from textzero.disk import disk
from textzero.errors import OutputExistsError


@dataclass(frozen=True)
class Holder:
    """Who holds a lock.

    Attributes:
        pid: The process.
        began: When it began, in the system's own count since the boot ("" where unknown).
        host: Its machine's name.
        machine: What else tells machines apart: the machine's id.
        boot: Which boot of the machine ("" where unknown).
        space: Which space of process numbers, such as a container's ("" where unknown).
        since: When the lock was taken, in local time, for people.
        command: What it was called as, for people.
    """

    pid: int
    began: str
    host: str
    machine: str
    boot: str
    space: str
    since: str
    command: str

    def __str__(self) -> str:
        return f"pid {self.pid} on host {self.host} since {self.since} ({self.command})"

    @classmethod
    def here(cls) -> "Holder":
        """This process."""
        host, machine, boot, space = _place()
        since = datetime.now().astimezone().isoformat(sep=" ", timespec="seconds")
        command = " ".join([Path(sys.argv[0]).name, *sys.argv[1:]])[:200]
        pid = os.getpid()
        return cls(pid, _state(pid)[1], host, machine, boot, space, since, command)

    def is_dead(self) -> bool:
        """Whether the process is known to be gone; False when that cannot be known."""
        host, machine, boot, space = _place()
        if (self.host, self.machine) != (host, machine):
            return False
        if self.boot != boot:  # machines without an id may share their name
            return bool(self.boot and boot and machine)
        if self.space != space:
            return False
        if not is_alive(self.pid):
            return True
        state, began = _state(self.pid)  # another user's may be hidden
        return state in ("Z", "X") or (began != "" != self.began and began != self.began)


def holder_of(path: Path) -> Holder | None:
    """Return who holds a lock; None when there is no lock, or none that can be read."""
    try:
        facts = json.loads(path.read_bytes())
        holder = Holder(**facts)
    except (OSError, ValueError, TypeError):
        return None
    names = [value for name, value in asdict(holder).items() if name != "pid"]
    readable = type(holder.pid) is int and all(isinstance(value, str) for value in names)
    return holder if readable and 0 < holder.pid < 1 << 31 else None


class Lock:
    """A lock that one process holds; it is given up by `release`, or when the process is dead."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.held = False
        self._me: Holder | None = None

    def acquire(self, what: str) -> None:
        """Take the lock on `what`.

        Raises:
            OutputExistsError: Another process holds it; the message names it.
            FileNotFoundError: The folder of the lock is gone.
        """
        patience = 10
        while not self.held:
            if self._created():
                self.held = True
                return
            holder = holder_of(self.path)
            if holder is None and not self.path.exists():
                continue  # given up a moment ago
            if holder is None and patience:  # without hard links it may still be written
                patience -= 1
                time.sleep(0.05)
                continue
            if holder is None:
                raise OutputExistsError(
                    f"{what} is locked by {self.path}, which cannot be read; "
                    "if no other run is at work, remove it"
                )
            if not holder.is_dead():
                raise OutputExistsError(
                    f"{what} is locked by {holder}; wait for it, or choose another name"
                )
            self._broken(holder)

    def release(self) -> None:
        """Give the lock up; nothing when it is not held."""
        if self.held:
            self.held = False
            # somebody may have removed it, and another taken it; a fork has it from its parent
            if self._me and self._me.pid == os.getpid() and holder_of(self.path) == self._me:
                try:
                    disk().remove(self.path)
                except OSError:  # once more: who is alive keeps its lock
                    disk().remove(self.path)

    def _created(self) -> bool:
        beside = self.path.with_name(f"{self.path.name}.{uuid.uuid4().hex}.{os.getpid()}.partial")
        self._me = Holder.here()
        content = json.dumps(asdict(self._me)).encode()
        try:
            with disk().create(beside) as file:
                file.write(content)
                disk().flush(file)
            try:
                disk().link(beside, self.path)
            except FileExistsError:
                return False
            except OSError:  # a file system without hard links
                return self._created_exclusively(content)
            return True
        finally:
            with contextlib.suppress(
                OSError
            ):  # the lock may be ours by now; it goes with the folder
                disk().remove(beside)

    def _created_exclusively(self, content: bytes) -> bool:
        try:
            with disk().create(self.path, "xb") as file:
                file.write(content)
                disk().flush(file)
        except FileExistsError:
            return False
        except BaseException:
            disk().remove(self.path)
            raise
        return True

    def _broken(self, dead: Holder) -> None:
        """Remove the lock of a dead process, unless another run has done so and taken it."""
        with _one_at_a_time(self.path.parent):
            if holder_of(self.path) == dead:
                disk().remove(self.path)


@contextmanager
def _one_at_a_time(folder: Path) -> Iterator[None]:
    """Let one process of this host after the other through, where the system can."""
    try:
        import fcntl
    except ImportError:  # Windows
        yield
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        with contextlib.suppress(OSError):  # a file system without such locks
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _place() -> tuple[str, str, str, str]:
    """(host, machine, boot, space of process numbers)."""
    return (
        platform.node(),
        _first_line("/etc/machine-id"),
        _first_line("/proc/sys/kernel/random/boot_id"),
        _link("/proc/self/ns/pid"),
    )


def _first_line(path: str) -> str:
    try:
        return Path(path).read_text().strip()
    except (OSError, ValueError):
        return ""


def _link(path: str) -> str:
    try:
        return os.readlink(path)
    except OSError:
        return ""


def _state(pid: int) -> tuple[str, str]:
    """(state, when it began in clock ticks since the boot) of a process; "" where unknown.

    Numbers of processes are used again; one in state Z is dead, and nobody has asked how it ended.
    """
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return fields[0], fields[19]
    except (OSError, ValueError, IndexError):
        return "", ""


def is_alive(pid: int) -> bool:
    """Whether this host has a process of that number."""
    if os.name != "posix":
        return _is_alive_on_windows(pid)
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # another user's
        return True
    return True


def _is_alive_on_windows(pid: int) -> bool:
    import ctypes

    synchronize, waiting = 0x00100000, 0x00000102
    kernel32 = ctypes.windll.kernel32  # type: ignore[attr-defined]
    handle = kernel32.OpenProcess(synchronize, False, pid)
    if not handle:
        return False
    try:
        return kernel32.WaitForSingleObject(handle, 0) == waiting
    finally:
        kernel32.CloseHandle(handle)
