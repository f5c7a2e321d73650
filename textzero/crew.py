"""Spawned processes that take tasks through pipes: started, watched, ended with their parent.

Each has a pipe of its own, so that what becomes of one harms no other, and it is known which task
it worked on.
"""

import atexit
import contextlib
import multiprocessing
import os
import pickle
import signal
import sys
import threading
import time
import traceback
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import connection, resource_tracker
from typing import Any


@dataclass
class Task:
    """A task, and whether a worker has died of it."""

    content: Any
    again: bool = False

    def parts(self, halve: Callable[[Any], Sequence[Any]] | None) -> "list[Task]":
        """Return it in parts, which have its history."""
        return [
            Task(part, self.again) for part in (halve(self.content) if halve else [self.content])
        ]


class WorkerTraceback(Exception):
    """Where in a worker process an error arose: the cause of the error that the caller sees."""

    def __str__(self) -> str:
        return f"in a worker process:\n{self.args[0]}"


class Worker:
    """A spawned process behind a pipe of its own: a death harms no other, and its task is known."""

    def __init__(self, number: int, job: tuple[Any, ...]) -> None:
        self.number, self.end, self.trace = number, "", ""
        self.tasks: deque[Task] = deque()  # sent; it works on the first
        context = multiprocessing.get_context("spawn")
        self.pipe, theirs = context.Pipe()
        in_main = threading.current_thread() is threading.main_thread()
        self.process = context.Process(
            target=_serve, args=(theirs, os.getpid() if in_main else None, *job)
        )
        self._theirs = theirs

    def start(self) -> None:
        """Start the process."""
        with _ctrl_c_waits():  # the process inherits that, until `_serve`
            self.process.start()
        self._theirs.close()

    def take(self, task: Task) -> bool:
        """Send it a task; not a large one while it is busy, when both might wait for each other."""
        content = pickle.dumps(task.content)
        if self.tasks and len(content) > 1 << 14:
            return False
        self.tasks.append(task)
        with contextlib.suppress(OSError):  # it is dead, which `receive` will find
            self.pipe.send_bytes(content)
        return True

    def receive(self) -> tuple[bool, Any, list[Task]]:
        """Return (True, result, ...), or (False, what was raised or None, tasks not done)."""
        try:
            done, value, self.trace = self.pipe.recv()
        except (EOFError, OSError):
            self.end = _end_of(self.process)
            return False, None, list(self.tasks)
        if done:
            self.tasks.popleft()
        return done, value, list(self.tasks)

    def obituary(self, lost: list[Task]) -> str:
        """Say which worker died of what on which task."""
        text = f"worker {self.number} (pid {self.process.pid}) {self.end}"
        if lost:
            text += f" while working on {lost[0].content}" + ", for the second time" * lost[0].again
        cause = "likely out of" if "SIGKILL" in text or "memory" in self.end else "if it is"
        return f"{text}; {cause} memory: try fewer --workers or a lower --memory"


class Crew:
    """The workers that are there."""

    def __init__(self, *job: Any) -> None:
        self.job, self.hired, self.dead = job, 0, 0
        self.workers: list[Worker] = []
        atexit.register(self.stop, 0.0)

    def is_busy(self) -> bool:
        """Whether somebody works."""
        return any(worker.tasks for worker in self.workers)

    def hand_out(self, waiting: deque[Task], size: int) -> None:
        """Start workers, as far as there is work; give each a task, and one more if many wait."""
        while len(self.workers) < min(size, len(waiting)):
            self.hired += 1
            self.workers.append(Worker(self.hired, self.job))
            self.workers[-1].start()
        for most in (1, 2):
            for worker in self.workers:
                enough = len(waiting) >= (1 if most == 1 else len(self.workers))
                if enough and len(worker.tasks) < most and worker.take(waiting[0]):
                    waiting.popleft()

    def ready(self) -> list[Worker]:
        """Wait until something comes from workers, or one is dead; soon, so that Ctrl-C is seen."""
        told = connection.wait([worker.pipe for worker in self.workers], 0.5)
        return [worker for worker in self.workers if worker.pipe in told]

    def dismiss(self, worker: Worker) -> None:
        """Do without a worker."""
        self.workers.remove(worker)
        self.dead += 1
        _stop([worker], 0.0)

    def stop(self, seconds: float) -> None:
        """End all workers; those that are idle may take some time to leave."""
        atexit.unregister(self.stop)
        _stop(self.workers, seconds)
        self.workers = []


def _stop(workers: list[Worker], seconds: float) -> None:
    """Let workers leave, then ask them to by SIGTERM, then, after a second, no longer ask."""
    for worker in workers:
        worker.pipe.close()
    alive = [worker.process for worker in workers if worker.process.pid is not None]
    for end, wait in (("join", seconds), ("terminate", 1.0), ("kill", 5.0)):
        limit = time.monotonic() + wait
        for process in alive:
            getattr(process, end)(*([0] if end == "join" else []))
        for process in alive:
            process.join(max(0.0, limit - time.monotonic()))
        alive = [process for process in alive if process.exitcode is None]


def _end_of(process: Any) -> str:
    """Say how a process ended that closed its pipe."""
    process.join(5)
    code = process.exitcode
    if code is None:
        return "does not answer"
    if code >= 0:
        return f"exited with status {code}"
    with contextlib.suppress(ValueError):
        return f"was killed by signal {-code} ({signal.Signals(-code).name})"
    return f"was killed by signal {-code}"


@contextmanager
def _ctrl_c_waits() -> Iterator[None]:
    """Hold back what asks this process to end, and Ctrl-C from processes that it starts.

    The system may give a signal to any thread, and Python then raises in the main one: an
    interruption half way would leave a process that waits for what it is to do.
    """
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    held: list[int] = []
    handlers: dict[int, Any] = {}
    if threading.current_thread() is threading.main_thread():
        ends: tuple[int, ...] = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
        for number in ends:
            if callable(signal.getsignal(number)):
                handlers[number] = signal.signal(number, lambda told, _: held.append(told))
    resource_tracker.ensure_running()  # which would let Ctrl-C through again once it runs
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        for told, handler in handlers.items():
            signal.signal(told, handler)
        if held:
            handlers[held[0]](held[0], None)


def _serve(
    pipe: Any,
    parent: int | None,
    work: Callable[[Any], Any],
    setup: Callable[..., None] | None,
    arguments: tuple[Any, ...],
) -> None:
    """In a worker: do tasks until the pipe is closed. Ctrl-C is left to the parent."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    _die_with(parent)
    is_set_up = False
    while True:
        try:
            content = pipe.recv_bytes()
        except (EOFError, OSError):
            return
        try:
            if setup is not None and not is_set_up:
                setup(*arguments)
            is_set_up = True
            answer = (True, work(pickle.loads(content)), "")
            _send(pipe, answer)
        except BaseException as error:  # raised again where the result is awaited
            _send(pipe, (False, _sendable(error), traceback.format_exc()))


def _send(pipe: Any, answer: tuple[bool, Any, str]) -> None:
    try:
        pipe.send(answer)
    except OSError:  # nobody waits any more
        os._exit(1)


def _sendable(error: BaseException) -> BaseException:
    """The error, or what tells of it when it does not survive pickling."""
    try:
        pickle.loads(pickle.dumps(error))
    except Exception:  # whatever its class does
        return RuntimeError(f"{type(error).__name__}: {error}")
    return error


def _die_with(parent: int | None) -> None:
    """End this process when the one that started it is gone.

    Args:
        parent: Its number, when its main thread started us: Linux can tell of the end of a thread.
    """
    starter = multiprocessing.parent_process()
    if starter is not None:
        threading.Thread(target=_watch, args=(starter.sentinel,), daemon=True).start()
    if parent is not None and sys.platform == "linux":  # also while a tokenizer holds the GIL
        import ctypes

        set_death_signal = 1
        ctypes.CDLL(None).prctl(set_death_signal, signal.SIGKILL)
        if os.getppid() != parent:
            os._exit(1)


def _watch(starter: Any) -> None:
    connection.wait([starter])
    os._exit(1)
