"""A Dask cluster: shards as tasks of `dask.distributed`; what they find stays in the store.

Dask itself runs the tasks of a dead worker again. Here is what it does not do: few tasks under way,
second copies of tasks that are late, an end to waiting, and errors in one sentence.
"""

import contextlib
import logging
import socket
import uuid
import weakref
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from distributed import Client, Security
from distributed.comm.addressing import parse_address, parse_host_port

from textzero.engines.base import Engine, Result, Task
from textzero.engines.dask_tasks import Run, pickled_job
from textzero.errors import InputError, ResourceError
from textzero.store import Store

CONNECT = 10.0  # seconds for the scheduler to answer at first
_ANSWER = 30.0  # seconds for the scheduler's answer
_LOG = logging.getLogger("textzero")


class DaskEngine(Engine):
    """The workers of a Dask cluster.

    Args:
        client: dask://HOST:PORT or tls://HOST:PORT of a scheduler, or a `Client`, which stays open.
        say: Called with a sentence when the run waits for workers.

    Attributes:
        close: Leaves a scheduler that was given by its address; so does the end of the object.

    Raises:
        ResourceError: No scheduler answers.
    """

    close: Callable[[], Any]

    def __init__(self, client: Any, say: Callable[[str], None] = _LOG.warning) -> None:
        if isinstance(client, str):
            address = client.replace("dask://", "tcp://", 1)
            secrets = Security().get_connection_args("client")
            if address.startswith("tls:") and not secrets.get("ssl_context"):
                raise ResourceError(
                    f"{client} needs certificates; name them in Dask's distributed.comm.tls"
                )
            try:
                # asked first: a client that has found nobody leaves a thread behind
                socket.create_connection(
                    parse_host_port(parse_address(address)[1]), CONNECT
                ).close()
                own = Client(address, timeout=CONNECT, set_as_default=False)
            except (OSError, ValueError) as error:
                raise ResourceError(f"no Dask scheduler answers at {client}: {error}") from error
            client = own
            self.close = weakref.finalize(self, _close, client)
        else:
            self.close = _nothing
        self.client, self.say = client, say
        self.address = client.scheduler.address
        self._seen: set[str] = set()  # addresses of stores that all workers see

    @property
    def workers(self) -> int:  # type: ignore[override]
        """Threads of all workers that are there now."""
        return sum(worker["nthreads"] for worker in self.cluster().values()) or 1

    def cluster(self) -> dict[str, dict[str, Any]]:
        """What the scheduler knows of each worker, by address."""
        return self.ask(self.client.scheduler.identity)["workers"]

    def ask(self, question: Callable[..., Any], **arguments: Any) -> Any:
        """Ask the scheduler; without an answer it is gone."""
        if self.client.status != "running":
            raise self.gone()
        try:
            return self.client.sync(question, callback_timeout=_ANSWER, **arguments)
        except (OSError, TimeoutError, RuntimeError) as error:
            raise self.gone() from error

    def gone(self) -> ResourceError:
        """The error of a lost scheduler."""
        return ResourceError(
            f"the Dask scheduler at {self.address} is gone; run the same command again: "
            "finished shards are kept"
        )

    def check_store(self, store: Store) -> None:
        """Raise ResourceError when a worker does not see what this process writes to `store`.

        `run` does so before the first task, for the stores that its tasks hold.
        """
        name, mark = f"probe-{uuid.uuid4().hex}", uuid.uuid4().bytes
        with store.create(name) as file:
            file.write(mark)
        try:
            answers = self.client.run(
                _read, store, name, on_error="return", callback_timeout=_ANSWER
            )
        except TimeoutError:  # of a worker that is cut off: nothing is known
            return
        except OSError as error:
            raise self.gone() from error
        finally:
            store.remove(name)
        for address, answer in answers.items():
            if answer != mark and not isinstance(answer, OSError):  # which a dead worker gives
                why = answer if isinstance(answer, Exception) else "it holds something else"
                raise ResourceError(
                    f"worker {address} does not see {store.address} as this process does ({why}); "
                    "name a folder or URL that all workers reach (--store)"
                )
        self._seen.add(store.address)

    def run(
        self, work: Callable[[Task], Result], tasks: Sequence[Task]
    ) -> Iterator[tuple[int, Result]]:
        """See `Engine.run`."""
        run = Run(self, work, tasks)
        stores: dict[str, Store] = {}
        for task in tasks[:1]:
            pickled_job((work, task), stores)
        for address, store in stores.items():
            if address not in self._seen:
                self.check_store(store)
        try:
            yield from run.results()
        finally:
            run.cancel(*run.copies)


def _nothing() -> None:
    """Leave a client of the caller's as it is."""


def _read(store: Store, name: str) -> bytes | Exception:
    """On a worker: the probe, or why it cannot be read."""
    try:
        return store.read(name)
    except (InputError, ResourceError) as error:
        return error


def _close(client: Any) -> None:
    if client.status != "running":  # it would log its tries to connect again, with tracebacks
        logging.getLogger("distributed.client").setLevel(logging.CRITICAL + 1)
    with contextlib.suppress(OSError, TimeoutError):
        client.close(timeout=5)
