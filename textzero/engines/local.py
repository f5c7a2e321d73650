"""Threads and processes of this machine."""

import pickle
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from typing import Any

from textzero.engines.base import Engine, Result, Task, pickled
from textzero.parallel import run_processes, thread_pool, worker_count


class Threads(Engine):
    """Threads of this process."""

    shares_memory = True

    def __init__(self, workers: int | None = None) -> None:
        self.workers = worker_count(workers)

    def run(
        self, work: Callable[[Task], Result], tasks: Sequence[Task]
    ) -> Iterator[tuple[int, Result]]:
        """See `Engine.run`."""
        waiting = iter(enumerate(tasks))
        running: dict[Future[Result], int] = {}
        with thread_pool(self.workers) as pool:
            while True:
                while len(running) < 2 * self.workers and (entry := next(waiting, None)):
                    running[pool.submit(work, entry[1])] = entry[0]
                if not running:
                    return
                for future in wait(running, return_when=FIRST_COMPLETED).done:
                    yield running.pop(future), future.result()


class Processes(Engine):
    """Spawned processes of this machine."""

    def __init__(self, workers: int | None = None) -> None:
        self.workers = worker_count(workers)

    def run(
        self, work: Callable[[Task], Result], tasks: Sequence[Task]
    ) -> Iterator[tuple[int, Result]]:
        """See `Engine.run`."""
        numbered = list(enumerate(tasks))
        pickled(pickle.dumps, (work, numbered[:1]))
        yield from run_processes(_Numbered(work), numbered, self.workers)


class _Numbered:
    def __init__(self, work: Callable[[Any], Any]) -> None:
        self.work = work

    def __call__(self, numbered: tuple[int, Any]) -> tuple[int, Any]:
        number, task = numbered
        return number, self.work(task)
