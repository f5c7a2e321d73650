"""SentenceQuestions: what word vectors say about sentences."""

from collections.abc import Iterable, Sequence
from functools import cached_property

import numpy as np

from textzero._arguments import checked
from textzero._compat import Array
from textzero.errors import InputError
from textzero.vectors.ranked import Ranked
from textzero.vectors.rows import blocks
from textzero.vectors.sentence_vectors import (
    METHODS,
    batch_directions,
    check_counts,
    combine,
    expected_directions,
    remove_directions,
    sif_weights,
)
from textzero.vectors.table import VectorTable


class SentenceQuestions(VectorTable):
    """What word vectors say about sentences; for what they hold see `VectorTable`."""

    @checked
    def keywords(
        self, words: Sequence[str] | str, n: int = 10, *, normalize: bool = False
    ) -> Ranked:
        """Rank the distinct words of a sentence by how well they predict it.

        The score is the mutual information of the word and the sentence, the sum of its PMI with
        the sentence's words; with `normalize`, divided by the length of the word's vector.

        Raises:
            InputError: No word of the sentence has a vector.
        """
        places = self._places(words)
        distinct = list(dict.fromkeys(places))
        w, c = self._sums(places)
        scores = np.empty(len(distinct), np.float32)
        for part in blocks(len(distinct), self.dim):
            own, other = self.halves(distinct[part])
            scores[part] = (own @ c + other @ w) / 2
            if normalize:
                lengths = np.linalg.norm(self.vectors[distinct[part]], axis=1)
                scores[part] /= np.maximum(lengths, 1e-12)
        order = np.lexsort((np.array(distinct), -scores))[:n]
        return Ranked((self.vocabulary[distinct[i]], float(scores[i])) for i in order)

    def _sums(self, places: Sequence[int]) -> tuple[Array, Array]:
        """The sums of the rows of w and of c at some places, each float32 (dim,)."""
        parts = [self.halves(list(places[part])) for part in blocks(len(places), self.dim)]
        w, c = (sum(half.sum(axis=0) for half in halves) for halves in zip(*parts, strict=True))
        return w, c

    @checked
    def sentence_vector(
        self, words: Sequence[str] | str, *, method: str = "sum", remove: int = 1
    ) -> Array:
        """Return the vector of a sentence, float32 (dim,).

        Args:
            words: Tokens, or a string, which is tokenized as the corpus was. Words without a
                vector are left out.
            method: "sum" or "mean" of the word vectors, or "sif", their mean weighted by
                a / (a + p) with a = 0.001, less what sentences have in common (Arora, Liang, Ma
                2017). A sum is what mutual information adds up to; "sif" is for telling alike.
            remove: With "sif", how many common directions are removed: those that sentences of
                random words share (`sentence_vectors.expected_directions`), so that the result
                does not depend on other sentences.

        Raises:
            InputError: No word of the sentence has a vector, or "sif" finds no counts.
        """
        self._check_method(method)
        row = self._combined(self._places(words), method)
        if method != "sif":
            return row
        return remove_directions(row, self._expected_directions(remove))

    @checked
    def sentence_vectors(
        self, texts: Iterable[Sequence[str] | str], *, method: str = "sif", remove: int = 1
    ) -> Array:
        """Return the vectors of many sentences, float32 (n_texts, dim).

        Args:
            texts: Sentences: tokens, or strings.
            method: As for `sentence_vector`.
            remove: With "sif", how many common directions are removed: the first singular vectors
                of these sentences, as the paper does. A batch of no more than `remove` sentences
                has none of its own; it takes those of random sentences.

        Raises:
            InputError: No word of a sentence has a vector; the message gives its number.
            TypeError: There is one string in place of several sentences.
        """
        self._check_method(method)
        self._check_directions(remove)
        rows = []
        for number, text in enumerate(texts, 1):
            try:
                places = self._places(text)
            except InputError as error:
                raise InputError(f"sentence {number}: {error}") from error
            rows.append(self._combined(places, method))
        matrix = np.array(rows, np.float32).reshape(-1, self.dim)
        if method != "sif" or not rows:
            return matrix
        if len(rows) > remove:
            directions = batch_directions(matrix, remove)
        else:
            directions = self._expected_directions(remove)
        return remove_directions(matrix, directions)

    def _check_method(self, method: str) -> None:
        if method not in METHODS:
            raise ValueError(f"method must be sum, mean or sif, got {method!r}")
        if method == "sif":
            check_counts(self.vocabulary.counts)

    def _combined(self, places: Sequence[int], method: str) -> Array:
        """float32 (dim,): what the vectors of a sentence's words make."""
        weights = None
        if method == "sif":
            weights = sif_weights(self.vocabulary.counts[places], total=self._total)
        return combine(self.vectors[places], method, weights)

    @cached_property
    def _total(self) -> int:
        return int(self.vocabulary.counts.sum())

    def _check_directions(self, n: int) -> None:
        if not 0 <= n < self.dim:
            raise ValueError(f"remove must be from 0 to {self.dim - 1} directions, got {n}")

    def _expected_directions(self, n: int) -> Array:
        """float32 (n, dim): what sentences of random words share, kept for the next question."""
        self._check_directions(n)
        kept = self.__dict__.setdefault("_directions", {})
        if n not in kept:
            kept[n] = expected_directions(self.vectors, self.vocabulary.counts, n)
        return kept[n]

    @checked
    def sentence_similarity(
        self,
        a: Sequence[str] | str,
        b: Sequence[str] | str,
        *,
        metric: str = "cosine",
        method: str = "sum",
        remove: int = 1,
    ) -> float:
        """Return the cosine of two sentences, or with "inner" their mutual information.

        Args:
            a, b: Sentences: tokens, or strings.
            metric: "cosine" of their vectors; "inner" adds up the PMI of their words.
            method, remove: As for `sentence_vector`; of no matter to "inner".
        """
        if metric not in ("cosine", "inner"):
            raise ValueError(f"metric must be cosine or inner, got {metric!r}")
        if metric == "inner":
            (w_a, c_a), (w_b, c_b) = (self._sums(self._places(text)) for text in (a, b))
            return float(w_a @ c_b + w_b @ c_a) / 2
        x, y = (self.sentence_vector(text, method=method, remove=remove) for text in (a, b))
        return float(x @ y / max(float(np.linalg.norm(x) * np.linalg.norm(y)), 1e-12))
