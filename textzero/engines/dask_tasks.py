"""The tasks of one call on a Dask cluster: few under way, late ones sent twice, lost ones again."""

import contextlib
import functools
import io
import pickle
import queue
import statistics
import threading
import time
import uuid
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import cloudpickle
from distributed import KilledWorker, get_worker

from textzero.engines.base import pickled
from textzero.errors import ResourceError, TextzeroError
from textzero.store import Store
from textzero.version import __version__

if TYPE_CHECKING:
    from textzero.engines.dask import DaskEngine

ATTEMPTS = 3  # of a task whose workers die, each of them of as many workers as Dask allows
LATE, SOON = 3.0, 5.0  # a task is late after LATE times the median of those done, at least SOON s
SILENT = 10.0  # seconds without a sign of life after which a worker may be cut off
SAY, PATIENCE = 5.0, 300.0  # seconds without any worker until that is told, and until it is over
_LOOK = 1.0  # seconds between two looks at the cluster


class Run:
    """Tasks of one call of `run`: numbers that wait, copies under way, numbers that are done."""

    def __init__(
        self, engine: "DaskEngine", work: Callable[[Any], Any], tasks: Sequence[Any]
    ) -> None:
        self.engine, self.client, self.work, self.tasks = engine, engine.client, work, tasks
        function = work.func if isinstance(work, functools.partial) else work
        name = getattr(function, "__name__", type(function).__name__).strip("_<>")
        self.name = f"{name}-{uuid.uuid4().hex}"
        self.waiting = deque(range(len(tasks)))
        self.done: set[int] = set()
        self.copies: dict[int, dict[str, Any]] = {}  # number -> key -> future
        self.begun: dict[int, float] = {}  # number -> when its last copy was sent
        self.sent: Counter[int] = Counter()
        self.lost: Counter[int] = Counter()
        self.seconds: list[float] = []
        self.arrived: queue.SimpleQueue[tuple[int, Any, str, Any]] = queue.SimpleQueue()
        self.room = 0
        self.answering: list[str] = []  # workers, when some do not answer
        self.deserted: float | None = None  # since when there are no workers
        self.waited = 0.0

    def results(self) -> Iterator[tuple[int, Any]]:
        """Yield (number, result) as they come."""
        looked = 0.0
        while len(self.done) < len(self.tasks):
            if time.monotonic() - looked > _LOOK:
                self.look()
                looked = time.monotonic()
            while self.waiting and len(self.copies) < self.room:
                self.send(self.waiting.popleft())
            with contextlib.suppress(queue.Empty):
                number, future, status, outcome = self.arrived.get(timeout=_LOOK)
                if future.key not in self.copies.get(number, ()):
                    continue  # another copy was faster
                del self.copies[number][future.key]
                if status != "finished":
                    self.fail(number, status, outcome)
                    continue
                seconds, result = outcome
                self.cancel(number)
                self.done.add(number)
                if isinstance(result, TextzeroError):
                    raise result
                self.seconds.append(seconds)
                yield number, result

    def send(self, number: int, workers: Sequence[str] = ()) -> None:
        """Send a copy of a task, if can be to some workers, or to those that answer."""
        self.sent[number] += 1
        workers = workers or self.answering
        wishes = {"workers": list(workers), "allow_other_workers": True} if workers else {}
        job = pickled_job((self.work, self.tasks[number]), {})
        future = self.client.submit(
            _run, __version__, job, pure=False,
            key=f"{self.name}-{number}-{self.sent[number]}", **wishes,
        )  # fmt: skip
        self.copies.setdefault(number, {})[future.key] = future
        self.begun[number] = time.monotonic()
        future.add_done_callback(functools.partial(self.arrive, number))

    def arrive(self, number: int, future: Any) -> None:
        """Fetch a result at once, not when the caller has time: its worker may die or fall silent.

        In a thread of its own, as the next result may be on a worker that answers.
        """
        threading.Thread(target=self.fetch, args=(number, future), daemon=True).start()

    def fetch(self, number: int, future: Any) -> None:
        """Put a result, or why there is none, where `results` waits for it."""
        try:
            outcome = future.result(timeout=SILENT)
            self.arrived.put((number, future, "finished", outcome))
        except BaseException as error:  # handed to `fail`
            status = "error" if future.status == "error" else "lost"
            self.arrived.put((number, future, status, error))

    def fail(self, number: int, status: str, error: Any) -> None:
        """Send a task again whose workers died; raise what it raised itself."""
        if isinstance(error, ModuleNotFoundError):
            raise ResourceError(
                f"a worker cannot import {error.name}; install the same packages on all of them"
            ) from error
        if status == "error" and not isinstance(error, KilledWorker):
            raise error
        if self.client.status != "running":
            raise self.engine.gone() from error
        self.lost[number] += 1
        if self.lost[number] >= ATTEMPTS and not self.copies[number]:
            last = f", at last {error.last_worker.address}" if status == "error" else ""
            raise ResourceError(
                f"task {number} ({self.tasks[number]!s:.200}) lost its workers again and "
                f"again{last}; if their memory ran out, give them more of it, or fewer threads"
            ) from error
        if not self.copies[number]:
            self.send(number)

    def cancel(self, *numbers: int) -> None:
        """Forget the copies of tasks; those that run end unheard. Waits for nobody."""
        for future in [f for number in numbers for f in self.copies.pop(number, {}).values()]:
            with contextlib.suppress(RuntimeError):  # the client is closed
                future.release()

    def look(self) -> None:
        """Look at the cluster: how many tasks it takes, and which are late."""
        cluster = self.engine.cluster()
        threads = sum(worker["nthreads"] for worker in cluster.values())
        self.room = threads + threads // 8 + 1
        if not cluster:
            self.wait_for_workers()
            return
        self.deserted, self.waited = None, 0.0
        now, latest = time.monotonic(), max(w["last_seen"] for w in cluster.values())
        silent = {a for a, w in cluster.items() if latest - w["last_seen"] > SILENT}
        fit = sorted(a for a, w in cluster.items() if w["status"] == "running" and a not in silent)
        self.answering = fit if silent else []
        limit = max(LATE * statistics.median(self.seconds), SOON) if self.seconds else float("inf")
        late = [n for n, at in self.begun.items() if n in self.copies and now - at > limit]
        if not late and not silent:
            return
        busy = self.engine.ask(self.client.scheduler.processing, workers=None)
        holders = {key: address for address, keys in busy.items() for key in keys}
        idle = [a for a in fit for _ in range(cluster[a]["nthreads"] - len(busy.get(a, ())))]
        for number, copies in list(self.copies.items()):
            where = {holders.get(key) for key in copies}
            others = [a for a in idle if a not in where]
            if number in late and others:
                idle.remove(others[0])
                self.send(number, others[:1])
            elif where <= silent and fit:
                self.send(number)

    def wait_for_workers(self) -> None:
        """Say that there are none; raise ResourceError when that lasts."""
        now = time.monotonic()
        self.deserted = self.deserted or now
        waited, self.waited = self.waited, now - self.deserted
        if waited <= SAY < self.waited:
            self.engine.say(
                f"the Dask cluster at {self.engine.address} has no workers; "
                f"waiting {PATIENCE:.0f} s for some"
            )
        if self.waited > PATIENCE:
            raise ResourceError(
                f"the Dask cluster at {self.engine.address} had no workers for {PATIENCE:.0f} s; "
                "start some and run the same command again: finished shards are kept"
            )


class _Pickler(cloudpickle.Pickler):
    """Pickles, and remembers the stores that it meets."""

    def __init__(self, file: io.BytesIO, stores: dict[str, Store]) -> None:
        super().__init__(file)
        self.stores = stores

    def reducer_override(self, value: Any) -> Any:
        if isinstance(value, Store):
            self.stores[value.address] = value
        return super().reducer_override(value)


def pickled_job(job: Any, stores: dict[str, Store]) -> bytes:
    """Return a job pickled, and put the stores that it holds into `stores`, by address."""
    file = io.BytesIO()
    pickled(_Pickler(file, stores).dump, job)
    return file.getvalue()


def _run(version: str, job: bytes) -> tuple[float, Any]:
    """On a worker: (seconds, result). An error of ours is a result: nothing broke."""
    begun = time.monotonic()
    try:
        if version != __version__:
            raise ResourceError(
                f"worker {get_worker().address} has textzero {__version__}, this process has "
                f"{version}; install the same version everywhere"
            )
        work, task = pickle.loads(job)
        result = work(task)
    except TextzeroError as error:
        result = error
    return time.monotonic() - begun, result
