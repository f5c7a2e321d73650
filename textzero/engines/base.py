"""Engine: what works on shards.

A shard is a pure function of its task: it writes what it finds to a store, whole, and returns
something small. It may be run twice; whoever comes second writes the same bytes.
"""

import pickle
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar

Task = TypeVar("Task")
Result = TypeVar("Result")


class Engine(ABC):
    """What works on shards.

    Attributes:
        workers: How many shards are worked on at once.
        shares_memory: Whether shards run in this process, and may share what is in its memory.
    """

    workers: int
    shares_memory = False

    @abstractmethod
    def run(
        self, work: Callable[[Task], Result], tasks: Sequence[Task]
    ) -> Iterator[tuple[int, Result]]:
        """Yield (number of the task, work(task)) as results come.

        `work`, tasks and results can be pickled, but for `Threads`; all of them are small.

        Raises:
            TypeError: Work or task cannot be pickled.
            ResourceError: A task killed its worker again and again.
            TextzeroError: What `work` raised.
        """


def pickled(dumps: Callable[[Any], Result], work: Any) -> Result:
    """Return what `dumps` makes of work that is to be sent.

    Raises:
        TypeError: It cannot be pickled.
    """
    try:
        return dumps(work)
    except (TypeError, AttributeError, pickle.PicklingError) as error:
        raise TypeError(f"work for other processes must be picklable: {error}") from error
