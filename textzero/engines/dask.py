"""A Dask cluster: shards as tasks of `dask.distributed`; results of any size stay in the store."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from distributed import Client, as_completed

from textzero.engines.base import Engine, Result, Task
from textzero.errors import ResourceError


class DaskEngine(Engine):
    """The workers of a Dask cluster."""

    def __init__(self, client: Any) -> None:
        if isinstance(client, str):
            try:
                client = Client(client.replace("dask://", "tcp://", 1), timeout=10)
            except OSError as error:
                raise ResourceError(f"no Dask scheduler answers at {client}: {error}") from error
        self.client = client

    @property
    def workers(self) -> int:  # type: ignore[override]
        """Threads of all workers that are there now."""
        return sum(self.client.nthreads().values()) or 1

    def run(
        self, work: Callable[[Task], Result], tasks: Sequence[Task]
    ) -> Iterator[tuple[int, Result]]:
        """See `Engine.run`."""
        futures = {self.client.submit(work, t, pure=False): n for n, t in enumerate(tasks)}
        for future in as_completed(futures):
            yield futures[future], future.result()
