"""Ranked: words with scores, best first, as vectors answer."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from textzero._frames import Tabular, batch_of

if TYPE_CHECKING:
    import pyarrow


class Ranked(Tabular, list[tuple[str, float]]):
    """A list of (word, score) that a notebook shows as a table.

    Example:
        >>> Ranked([("tea", 0.5), ("cup", 0.25)]).to_arrow().column_names
        ['word', 'score']
    """

    def _batches(self) -> "Iterator[pyarrow.RecordBatch]":
        import pyarrow

        words, scores = [word for word, _ in self], [score for _, score in self]
        numbers = pyarrow.array(scores, pyarrow.float64())
        yield batch_of({"word": pyarrow.array(words, pyarrow.string()), "score": numbers})
