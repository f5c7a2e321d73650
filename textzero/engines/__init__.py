"""Engines: where shards are worked on. Threads or processes of this machine, or a Dask cluster."""

from typing import Any

from textzero._compat import has_package
from textzero.engines.base import Engine
from textzero.engines.local import Processes, Threads
from textzero.errors import ResourceError

__all__ = ["Engine", "Processes", "Threads", "as_engine"]


def as_engine(engine: Any = None, workers: int | None = None) -> Engine:
    """Return the engine that is meant.

    Args:
        engine: None or "threads"; "processes"; "dask://HOST:PORT", the address of a scheduler
            (tls://HOST:PORT with Dask's own settings of certificates); a
            `dask.distributed.Client`; or an `Engine`.
        workers: Threads or processes; None for one per processor. A cluster has its own number.

    Raises:
        ValueError: There is no such engine.
        ResourceError: The cluster does not answer, or `distributed` is not installed.
    """
    if isinstance(engine, Engine):
        return engine
    if engine is None or engine == "threads":
        return Threads(workers)
    if engine == "processes":
        return Processes(workers)
    if isinstance(engine, str) and not engine.startswith(("dask://", "tls://")):
        raise ValueError(f"engine must be threads, processes or dask://HOST:PORT, got {engine!r}")
    if not isinstance(engine, str) and not hasattr(engine, "scheduler"):
        raise TypeError(f"engine must be a name, a dask Client or an Engine, got {engine!r:.60}")
    if not has_package("distributed"):
        raise ResourceError("a Dask cluster needs distributed: pip install 'textzero[dask]'")
    from textzero.engines.dask import DaskEngine

    return DaskEngine(engine)
