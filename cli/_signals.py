"""What signals do to a command: the first asks it to end cleanly, a second one ends it at once."""

import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Any, NoReturn

last_act: Callable[[], Any] | None = None  # what is done when a second signal ends the process
_ASKED: list[int] = []  # the signal that asked this process to end
_LATER: list[list[int]] = []  # for each `waiting`: signals that came in it
_PAUSE = 0.3  # seconds in which a second signal is an echo: `timeout` sends two
_AGAIN = 0.02  # seconds until a signal that nobody could see comes again
_show_lost = sys.unraisablehook


class Terminated(KeyboardInterrupt):
    """SIGTERM or SIGHUP: what a batch system, a container or a closed terminal sends."""


def exit_code() -> int:
    """Return what a shell expects of a process that a signal ended."""
    return 128 + (_ASKED[0] if _ASKED else signal.SIGINT)


def heed_signals() -> None:
    """Make a signal to end an exception in the main thread, and a second one the end."""
    for name in ("SIGINT", "SIGTERM", "SIGHUP"):
        number = getattr(signal, name, None)
        usual = (signal.SIG_DFL, signal.default_int_handler)
        if number is not None and signal.getsignal(number) in usual:  # not ignored, as by nohup
            signal.signal(number, _ask)
    sys.unraisablehook = _unraisable
    if os.name != "posix":
        return
    read, write = os.pipe()
    os.set_blocking(write, False)
    # told by the system at once, while Python itself may have to wait for a kernel to end
    signal.set_wakeup_fd(write, warn_on_full_buffer=False)
    threading.Thread(target=_watch, args=(read,), daemon=True).start()


@contextmanager
def waiting() -> Iterator[None]:
    """Let a signal wait until the block is done, which draws on a terminal, say."""
    _LATER.append([])
    try:
        yield
    finally:
        for number in _LATER.pop()[:1]:
            _ask(number, None)


def _ask(number: int, _: FrameType | None) -> None:
    if _LATER:
        _LATER[-1].append(number)
        return
    if _ASKED and os.name == "posix":
        return  # `_watch` sees to it
    _ASKED.append(number)
    raise KeyboardInterrupt if number == signal.SIGINT else Terminated


def _unraisable(lost: Any) -> None:
    """Let a signal come again that Python drops, because it came while garbage was collected."""
    if _ASKED and isinstance(lost.exc_value, KeyboardInterrupt):
        threading.Timer(_AGAIN, signal.raise_signal, [_ASKED.pop()]).start()
    else:
        _show_lost(lost)


def _watch(read: int) -> NoReturn:
    """In a thread: end the process at the second signal; workers end with it."""
    signal.pthread_sigmask(signal.SIG_BLOCK, _ends())
    first = None
    while True:
        number = os.read(read, 1)[0]
        if number not in _ends():
            continue
        if first is not None and time.monotonic() - first > _PAUSE:
            if last_act is not None:
                with suppress(OSError, ValueError):
                    last_act()
            os._exit(128 + number)
        first = first or time.monotonic()


def _ends() -> set[Any]:
    return {signal.SIGINT, signal.SIGTERM, signal.SIGHUP}
