"""Work spread over threads (kernels that release the GIL) or processes (Python code).

Both take independent tasks whose results are merged in any order. The first error stops the rest
and reaches the caller. A killed process costs a second try in smaller parts, then is an error,
never a hang; no process outlives the one that started it.
"""

import gc
import os
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from threading import get_ident
from typing import Any, TypeVar

import numpy as np

from textzero._compat import Array
from textzero.crew import Crew, WorkerTraceback
from textzero.crew import Task as Sent
from textzero.errors import ResourceError

_collecting: set[int] = set()  # threads in which the garbage collector is at work


def _note_collector(  # its defaults: globals are gone at the end of the interpreter
    phase: str, _: Any, threads: set[int] = _collecting, me: Any = get_ident
) -> None:
    (threads.add if phase == "start" else threads.discard)(me())


gc.callbacks.append(_note_collector)

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


@contextmanager
def thread_pool(workers: int) -> Iterator[ThreadPoolExecutor]:
    """Threads for a generator: at its end their work is done, or has failed and begins no more.

    So it is when who reads its results fails: what the work writes to may be removed then. Only
    the garbage collector waits for none. It may drop a generator while this very thread starts
    another, under the lock that each thread takes when it ends: to wait for one would be for ever.
    """
    pool = ThreadPoolExecutor(workers)
    try:
        yield pool
    finally:
        pool.shutdown(wait=get_ident() not in _collecting, cancel_futures=True)


def ordered_threads(
    work: Callable[[Task], Result], tasks: Iterable[Task], workers: int
) -> Iterator[Result]:
    """Yield work(task) in the order of the tasks, from `workers` threads.

    At most two tasks a worker are ahead of the one that is yielded, so results do not pile up.
    """
    waiting: deque[Future[Result]] = deque()
    with thread_pool(workers) as pool:
        for task in tasks:
            waiting.append(pool.submit(work, task))
            if len(waiting) >= 2 * workers:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


def run_processes(
    work: Callable[[Task], Result],
    tasks: Sequence[Task],
    workers: int,
    *,
    halve: Callable[[Task], Sequence[Task]] | None = None,
    setup: Callable[..., None] | None = None,
    setup_arguments: tuple[Any, ...] = (),
) -> Iterator[Result]:
    """Yield `work(task)` for every task as results arrive, from `workers` spawned processes.

    `setup(*setup_arguments)` runs once in each process. A worker holds at most one task beside the
    one it works on, and waits until its results are taken, so they do not pile up.

    When a worker is killed, or memory runs out in it, the others go on without it. Its task is
    tried once more, by then in halves, and so is all that nobody has begun.

    Args:
        work: A function that processes can import.
        tasks: Small, and fit to be pickled.
        workers: How many processes.
        halve: Returns tasks that are one together, or that task alone when it cannot be divided.
        setup: What prepares a process.
        setup_arguments: For it.

    Raises:
        ResourceError: A worker was killed again; the message names its number, signal and task.
    """
    waiting = deque(Sent(content) for content in tasks)
    size = most = min(workers, len(waiting))
    crew = Crew(work, setup, setup_arguments)
    try:
        while waiting or crew.is_busy():
            crew.hand_out(waiting, size)
            for worker in crew.ready():
                done, value, lost = worker.receive()
                if done:
                    yield value
                    continue
                crew.dismiss(worker)
                if isinstance(value, MemoryError):
                    worker.end = "ran out of memory"
                elif value is not None:
                    raise value from WorkerTraceback(worker.trace)
                if (lost and lost[0].again) or crew.dead > most:
                    raise ResourceError(worker.obituary(lost)) from value
                size = max(1, size - 1)
                for task in lost[:1]:
                    task.again = True
                waiting = deque(part for task in (*lost, *waiting) for part in task.parts(halve))
    except BaseException:
        crew.stop(0.0)
        raise
    crew.stop(5.0)


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
