"""Texts as rows of a sparse matrix: how often each word of a vocabulary is in each."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from scipy.sparse import csr_matrix

from textzero._compat import Array
from textzero.corpus import Reading
from textzero.corpus.sources import Source
from textzero.corpus.streams import RECORD, document_pieces
from textzero.kernels import kernel
from textzero.kernels.reference.cooccurrence import GAP
from textzero.tokens import Tokenizer
from textzero.vocabulary import Vocabulary

_TOGETHER = 1 << 12  # texts of a Python tokenizer that are looked up at once
_LOWERED = 1 << 16  # tokens of which the place of their lower case is kept


@dataclass
class Rows:
    """Counts words in texts.

    Attributes:
        vocabulary: The columns.
        tokenizer: Cuts the texts.
        ngrams: The fewest and the most tokens of an entry, joined by spaces.
        lower_too: Whether a token that is no entry is looked for in lower case.
    """

    vocabulary: Vocabulary
    tokenizer: Tokenizer
    ngrams: tuple[int, int] = (1, 1)
    lower_too: bool = False

    def __post_init__(self) -> None:
        self._lower = lru_cache(_LOWERED)(self._lowered)

    def matrix(self, texts: Iterable[str], dtype: Any = np.int64) -> Any:
        """Return `scipy.sparse.csr_matrix` (n_texts, n_words) with sorted indices.

        Raises:
            ValueError: A count is too large for `dtype`.
        """
        width, height = len(self.vocabulary), 0
        parts = [(np.zeros(0, np.int64), np.zeros(0, np.int32), np.zeros(0, np.int64))]
        for rows, ids, height in self._found(texts):  # noqa: B007
            keys, counts = np.unique(rows.astype(np.int64) * width + ids, return_counts=True)
            places, columns = np.divmod(keys, width)
            parts.append((places, columns.astype(np.int32), counts))
        places, columns, values = map(np.concatenate, zip(*parts, strict=True))
        del parts
        # sorted as they are, but for a text that goes on in the next piece
        bounds = np.searchsorted(places, np.arange(height + 1))
        found = csr_matrix((values, columns, bounds), (height, width))
        found.sum_duplicates()
        found.data = _as_type(found.data, dtype)
        return found

    def _found(self, texts: Iterable[str]) -> Iterator[tuple[Array, Array, int]]:
        """Yield (row of each token, its column, texts so far)."""
        if self.tokenizer.code is not None and self.ngrams == (1, 1):
            return self._by_kernel(texts)
        return self._by_python(texts)

    def _by_kernel(self, texts: Iterable[str]) -> Iterator[tuple[Array, Array, int]]:
        look_up, table, done = kernel("tables").look_up, self.vocabulary.table, 0
        self.tokenizer.make_tables()
        source = Source("texts", 0, "", "text")
        for piece in document_pieces(source, iter(texts), False, Reading()):
            text, starts, stops = self.tokenizer.find(piece)
            ids = look_up(table, text, starts, stops)
            if self.lower_too:
                for i in np.flatnonzero(ids == GAP).tolist():
                    ids[i] = self._lower(text[starts[i] : stops[i]].tobytes().decode())
            n_ends = np.count_nonzero(piece.text[: piece.size] == RECORD)  # one behind each text
            ends = np.flatnonzero(text == RECORD)[:n_ends]  # further ones are of the piece before
            kept = ids >= 0
            rows = np.searchsorted(ends, starts[kept]) + done
            done += ends.size
            yield rows, ids[kept], done

    def _by_python(self, texts: Iterable[str]) -> Iterator[tuple[Array, Array, int]]:
        rows: list[int] = []
        ids: list[int] = []
        done = 0
        for text in texts:
            for gram in self._grams(self.tokenizer(text)):
                place = self.vocabulary.ids.get(gram, GAP)
                if place < 0 and self.lower_too:
                    place = self._lower(gram)
                if place >= 0:
                    rows.append(done)
                    ids.append(place)
            done += 1
            if done % _TOGETHER == 0:
                yield np.array(rows, np.int64), np.array(ids, np.int64), done
                rows, ids = [], []
        yield np.array(rows, np.int64), np.array(ids, np.int64), done

    def _grams(self, tokens: list[str]) -> Iterator[str]:
        low, high = self.ngrams
        if high == 1:
            yield from tokens
            return
        for n in range(low, high + 1):
            for i in range(len(tokens) - n + 1):
                yield " ".join(tokens[i : i + n])

    def _lowered(self, token: str) -> int:
        place = self.vocabulary.id(token.lower())
        return GAP if place is None else place


def _as_type(counts: Array, dtype: Any) -> Array:
    """Counts as another type that can hold them; of bool, whether there are any."""
    kind = np.dtype(dtype)
    if kind.kind not in "biuf" or kind == np.float16:
        raise ValueError(f"dtype must be bool, or of numbers that sparse matrices have, got {kind}")
    most = int(counts.max(initial=0))
    if kind.kind in "iu" and most > np.iinfo(kind).max:
        raise ValueError(f"dtype must hold the count {most:,}, got {kind}; take a wider one")
    return counts.astype(kind, copy=False)
