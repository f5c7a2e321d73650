"""Work spread over threads (kernels that release the GIL) or processes (Python code).

Both take independent tasks whose results are merged in any order. The first error stops the rest
and reaches the caller; a killed process is an error, never a hang.
"""

import multiprocessing
import os
import signal
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import (
    FIRST_COMPLETED,
    Future,
    ProcessPoolExecutor,
    ThreadPoolExecutor,
    wait,
)
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from typing import Any, TypeVar

import numpy as np

from textzero._compat import Array
from textzero.errors import ResourceError

Task = TypeVar("Task")
State = TypeVar("State")
Result = TypeVar("Result")


def worker_count(workers: int | None) -> int:
    """Return `workers`, or the number of processors this process may use."""
    if workers is None:
        if hasattr(os, "sched_getaffinity"):
            return len(os.sched_getaffinity(0))
        return os.cpu_count() or 1
    if workers < 1:
        raise ValueError(f"workers must be at least 1, got {workers}")
    return workers


def run_threads(
    work: Callable[[State, Task], None],
    tasks: Iterable[Task],
    make_state: Callable[[], State],
    workers: int,
) -> list[State]:
    """Run `work(state, task)` for every task, each thread with a state of its own.

    Returns:
        The states of the threads that were used, in no meaningful order.
    """
    source, lock = iter(tasks), threading.Lock()
    states: list[State] = []
    failures: list[BaseException] = []
    stop = threading.Event()

    def loop() -> None:
        try:
            state: State | None = None
            while not stop.is_set():
                with lock:
                    task = next(source, None)
                if task is None:
                    break
                if state is None:
                    state = make_state()
                work(state, task)
            if state is not None:
                states.append(state)
        except BaseException as error:  # handed to the caller below
            failures.append(error)
            stop.set()

    threads = [threading.Thread(target=loop, daemon=True) for _ in range(workers)]
    for thread in threads:
        thread.start()
    try:
        for thread in threads:
            while thread.is_alive():
                thread.join(0.2)  # short, so that Ctrl-C is seen
    except BaseException:
        stop.set()
        raise
    if failures:
        raise failures[0]
    return states


def ordered_threads(
    work: Callable[[Task], Result], tasks: Iterable[Task], workers: int
) -> Iterator[Result]:
    """Yield work(task) in the order of the tasks, from `workers` threads.

    At most two tasks a worker are ahead of the one that is yielded, so results do not pile up.
    """
    source = iter(tasks)
    pool = ThreadPoolExecutor(workers)
    waiting: deque[Future[Result]] = deque()
    try:
        for task in source:
            waiting.append(pool.submit(work, task))
            if len(waiting) >= 2 * workers:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def run_processes(
    work: Callable[[Task], Result],
    tasks: Sequence[Task],
    workers: int,
    *,
    setup: Callable[..., None] | None = None,
    setup_arguments: tuple[Any, ...] = (),
) -> Iterator[Result]:
    """Yield `work(task)` for every task as results arrive, from `workers` spawned processes.

    `setup(*setup_arguments)` runs once in each process. At most two tasks a worker are under way,
    so results that the caller has not taken do not pile up.

    Raises:
        ResourceError: A worker was killed; the message names its number, pid, signal and task.
    """
    if not tasks:
        return
    context = multiprocessing.get_context("spawn")
    workers = min(workers, len(tasks))
    pids = context.RawArray("q", len(tasks))  # of the worker that began each task
    pool = ProcessPoolExecutor(
        workers, mp_context=context, initializer=_start, initargs=(pids, setup, setup_arguments)
    )
    waiting = deque(enumerate(tasks))
    running: dict[Future[Result], int] = {}
    crew: dict[int, Any] = {}
    try:
        while waiting or running:
            while waiting and len(running) < 2 * workers:
                number, task = waiting.popleft()
                with _ctrl_c_waits():  # a worker that starts inherits that, until `_start`
                    running[pool.submit(_run, work, number, task)] = number
                    crew.update(getattr(pool, "_processes", None) or {})
            done, _ = wait(running, return_when=FIRST_COMPLETED)
            for future in done:
                yield future.result()
                del running[future]
    except BrokenProcessPool as error:
        begun = {pids[number]: tasks[number] for number in sorted(running.values())}
        raise ResourceError(_obituary(crew, begun)) from error
    except BaseException:
        for process in crew.values():
            process.terminate()
        raise
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


@contextmanager
def _ctrl_c_waits() -> Iterator[None]:
    """Hold back Ctrl-C from this thread, and from processes that it starts, where that can be."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


_PIDS: list[Any] = []  # in a worker: the array that all processes share


def _start(pids: Any, setup: Callable[..., None] | None, arguments: tuple[Any, ...]) -> None:
    """Leave Ctrl-C to the parent, which ends its workers itself."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    _PIDS.append(pids)
    if setup is not None:
        setup(*arguments)


def _run(work: Callable[[Task], Result], number: int, task: Task) -> Result:
    """In a worker: sign for the task, then do it."""
    _PIDS[-1][number] = os.getpid()
    return work(task)


def _obituary(crew: dict[int, Any], begun: dict[int, Any]) -> str:
    """Say which worker died of what on which task; the pool itself ends the others by SIGTERM."""
    for process in crew.values():
        process.join(5)
        for _ in range(50):  # the pool's own thread may have taken the exit code a moment before us
            if process.exitcode is not None:
                break
            time.sleep(0.02)
    ends = [(number, p) for number, p in enumerate(crew.values(), 1) if p.exitcode]
    ends.sort(key=lambda entry: entry[1].exitcode == -signal.SIGTERM)
    if not ends:
        return "a worker process ended; try again with fewer --workers"
    number, process = ends[0]
    where = f" while working on {begun[process.pid]}" if process.pid in begun else ""
    if process.exitcode < 0:
        name = signal.Signals(-process.exitcode).name
        how = f"was killed by signal {-process.exitcode} ({name})"
    else:
        how = f"exited with status {process.exitcode}"
    return (
        f"worker {number} (pid {process.pid}) {how}{where}; if memory ran out, try fewer --workers"
    )


def ranges_of(sizes: Array, most: int) -> list[tuple[int, int]]:
    """Cut 0 ... n into ranges whose sizes sum to at most `most`, or that are one entry."""
    sums = np.cumsum(sizes)
    ranges, start = [], 0
    while start < sizes.size:
        before = int(sums[start - 1]) if start else 0
        stop = max(int(np.searchsorted(sums, before + most, side="right")), start + 1)
        ranges.append((start, stop))
        start = stop
    return ranges
