"""WordVectors: what the vectors say about words and sentences, and the folder they live in.

Inner products are mutual information (Su Jianlin, kexue.fm 4681): a product of 0 is independence;
words that occur *together* have a large one (`related`); words that occur with the *same* words
have correlated products (`similar`); PMI adds up over the parts of a sentence (`keywords`).
"""

from collections.abc import Iterable, Sequence
from importlib import import_module
from typing import TYPE_CHECKING, Any

import numpy as np

from textzero._arguments import checked
from textzero._compat import Array
from textzero.errors import InputError
from textzero.memory import BASE, memory_bytes
from textzero.vectors import neighbours
from textzero.vectors.ranked import Ranked
from textzero.vectors.rows import (
    LazyRows,
    best_places,
    blocks,
    products,
    room_on_disk,
    unit_rows,
)
from textzero.vectors.sentence_questions import SentenceQuestions
from textzero.vectors.sentence_vectors import common_directions, remove_directions
from textzero.vectors.table import TENSORS, VOCABULARY
from textzero.vectors.tokenizing import LEXICON

if TYPE_CHECKING:
    from textzero.vectors.clustering import Clusters

__all__ = ["LEXICON", "TENSORS", "VOCABULARY", "WordVectors", "unit_rows"]


class WordVectors(SentenceQuestions):
    """What word vectors say; for what they hold see `VectorTable`.

    Attributes:
        memory: A size such as "1GB": how much questions may take, the mapped files aside. What
            makes the next question quicker is kept in memory only when it fits; None stands for
            half of what the machine has. No answer depends on it.
    """

    memory: int | str | None = None

    def _fits(self, size: int) -> bool:
        """Whether so many bytes may be kept in memory."""
        return size <= (memory_bytes(self.memory) - BASE) // 2

    @checked
    def related(self, word: str, n: int = 10, *, metric: str = "auto") -> Ranked:
        """Return the words that occur together with `word` most.

        Args:
            word: A word with a vector.
            n: How many.
            metric: "inner" for the mutual information; "cosine" of the vectors, which of one
                matrix is mutual information over lengths, and of two is likeness, -1 to 1 and no
                rounding beyond; "auto" for "inner" where both matrices are held, else "cosine".
        """
        if metric not in ("auto", "cosine", "inner"):
            raise ValueError(f"metric must be auto, cosine or inner, got {metric!r}")
        if metric == "auto":
            metric = "cosine" if self.context is None else "inner"
        place = self.index(word)
        if metric == "inner":
            return self._best(self._information([place]), [place], n)
        scores = products(self.vectors, self.vectors[place])
        scores /= np.maximum(self.norms * self.norms[place], 1e-12)
        return self._best(np.clip(scores, -1, 1, out=scores), [place], n)

    def mutual_information(self, a: str, b: str) -> float:
        """Return the fitted PMI of two words in nats, the mean of <w_a, c_b> and <w_b, c_a>."""
        return float(self._information([self.index(a)])[self.index(b)])

    def _information(self, places: Sequence[int]) -> Array:
        """float64 (n_words,): the PMI of each word with the words at `places` together."""
        w, c = self._sums(places)
        scores = np.empty(len(self))
        for part in blocks(len(self), self.dim):
            own, other = self.halves(part)
            scores[part] = (own @ c + other @ w) / 2
        return scores

    @checked
    def similar(
        self, word: str, n: int = 10, *, metric: str = "pearson", n_context: int = 10_000
    ) -> Ranked:
        """Return the words that are used like `word`.

        Args:
            word: A word with a vector.
            n: How many.
            metric: "pearson", the correlation of two words' mutual information with the
                `n_context` most frequent words, or "cosine".
            n_context: About 10,000 for a similar topic, 500 for a similar grammatical role.
        """
        if metric not in ("pearson", "cosine"):
            raise ValueError(f"metric must be pearson or cosine, got {metric!r}")
        if metric == "cosine":
            return self.related(word, n, metric="cosine")
        place = self.index(word)
        profiles = self._profiles(n_context)
        [query] = profiles[place : place + 1]
        return self._best(np.clip(products(profiles, query), -1, 1), [place], n)

    @checked
    def nearest(
        self,
        queries: Sequence[str] | Array,
        n: int = 10,
        *,
        metric: str = "cosine",
        n_context: int = 10_000,
        index: bool = False,
        device: str = "cpu",
    ) -> list[list[tuple[str, float]]]:
        """Return the words nearest to each of many queries, best first, from blocks of products.

        Args:
            queries: Words, each left out of its own answer, or vectors, float32 (n_queries, dim).
            n: How many.
            metric: "cosine", "inner" for the product of the vectors as they are, or for words
                "pearson", as in `similar`.
            n_context: For "pearson", as in `similar`.
            index: Ask the index of `build_index` (made now when there is none), which is quicker
                for many queries and misses some; for "cosine" only.
            device: Where the best of the exact products are found: "cpu", "gpu" or "auto".

        Raises:
            InputError: A word has no vector, or a vector is not finite.
            ImportError: `index`, and the package usearch is missing.
        """
        words = not isinstance(queries, np.ndarray)
        metrics = ("cosine",) if index else ("cosine", "inner", "pearson")[: 2 + words]
        if metric not in metrics:
            raise ValueError(f"metric must be one of {', '.join(metrics)} here, got {metric!r}")
        if isinstance(queries, str) or not np.iterable(queries):
            raise ValueError(f"queries must be a list of words or an array, got {queries!r:.60}")
        shape = np.shape(queries)
        if not words and shape[1:] != (self.dim,):
            raise ValueError(f"queries must be of shape (n, {self.dim}), got {shape}")
        own = np.array([self.index(word) for word in queries], np.int64) if words else None
        rows = np.asarray(queries if own is None else self.vectors[own], np.float32)
        if index:
            built = self.__dict__.get("_index") or self.build_index()
            places, scores = neighbours.search_index(built, unit_rows(rows), n, own)
        elif metric == "pearson" and own is not None:
            table = self._profiles(n_context)
            rows = np.concatenate([np.zeros((0, self.dim), np.float32)]
                                  + [table[i : i + 1] for i in own])  # fmt: skip
            places, scores = neighbours.nearest_rows(table, None, rows, n, own, device)
        else:
            norms = self.norms if metric == "cosine" else None
            rows = unit_rows(rows) if metric == "cosine" else rows
            places, scores = neighbours.nearest_rows(self.vectors, norms, rows, n, own, device)
        if metric != "inner":
            scores = np.clip(scores, -1, 1)
        return [
            Ranked((self.vocabulary[i], score) for i, score in zip(*pair, strict=True) if i >= 0)
            for pair in zip(places.tolist(), scores.tolist(), strict=True)
        ]

    @checked
    def build_index(self, connectivity: int = 16, workers: int = 1) -> Any:
        """Build the index that `nearest(..., index=True)` asks, and return it.

        Args:
            connectivity: Links of a word; more find more and take more memory.
            workers: Threads. With more than one, what is missed differs from run to run.

        Raises:
            ImportError: The package usearch is missing.
        """
        unit = unit_rows(np.asarray(self.vectors, np.float32))
        built = self.__dict__["_index"] = neighbours.build_index(unit, connectivity, workers)
        return built

    @checked
    def without_common_directions(self, n: int | None = None) -> "WordVectors":
        """Return new vectors less their mean and their first n principal axes.

        "All-but-the-top" (Mu, Viswanath 2018): frequency lives in these directions, meaning does
        not. Products of the new vectors are no longer mutual information, and the other matrix is
        left behind.

        Args:
            n: How many axes; None for dim / 100, rounded, at least 1. 0 removes the mean alone.
        """
        n = max(1, round(self.dim / 100)) if n is None else n
        self._check_directions(n)
        mean, axes = common_directions(self.vectors, n)
        shape = self.vectors.shape
        rows = (
            np.empty(shape, np.float32)
            if self._fits(4 * len(self) * self.dim)
            else room_on_disk(shape)
        )
        for part in blocks(len(self), self.dim):
            rows[part] = remove_directions(self.vectors[part] - mean, axes)
        settings = {**self._settings, "model": "removed", "common_directions_removed": n}
        manifest = {**self.manifest, "settings": settings}
        made = self.like(rows, None, manifest)
        made.memory = self.memory
        return made

    @checked
    def pearson_factor(self, n_context: int) -> Array:
        """Return U, float64 (dim, dim), such that Pearson's r of two words is cos(v_i U, v_j U).

        U U' is the covariance of the `n_context` most frequent words' vectors. By eigenvalues, so
        that fewer context words than dimensions are no error.
        """
        if n_context < 2:
            raise ValueError(f"n_context must be at least 2, got {n_context}")
        sample = np.asarray(self.halves(slice(0, n_context))[1], np.float64)
        sample = sample - sample.mean(axis=0)
        values, basis = np.linalg.eigh(sample.T @ sample)
        return basis * np.sqrt(np.maximum(values, 0))

    def _profiles(self, n_context: int) -> "Array | LazyRows":
        """float32 (n_words, dim): rows of w U at length 1, kept for the next question if they fit.

        Otherwise rows are made when a slice asks for them.
        """
        cache: dict[int, Any] = self.__dict__.setdefault("_cache", {})
        if n_context not in cache:
            cache.clear()
            factor = self.pearson_factor(n_context)
            made = LazyRows(len(self), lambda rows: unit_rows(self.halves(rows)[0] @ factor))
            cache[n_context] = made
            if self._fits(4 * len(self) * self.dim):
                parts = [made[part] for part in blocks(len(self), self.dim)]
                cache[n_context] = np.concatenate(parts)
        return cache[n_context]

    @checked
    def analogy(self, a: str, b: str, c: str, n: int = 10, *, method: str = "add") -> Ranked:
        """Return the words that are to `c` what `b` is to `a`; the three are left out.

        Args:
            a, b, c: Words with vectors: a is to b as c is to the answer.
            n: How many.
            method: "add" (3CosAdd) or "mul" (3CosMul).
        """
        if method not in ("add", "mul"):
            raise ValueError(f"method must be add or mul, got {method!r}")
        places = [self.index(word) for word in (a, b, c)]
        unit = unit_rows(self.vectors[places])
        lengths = np.maximum(self.norms, 1e-12)
        cosines = [products(self.vectors, row) / lengths for row in unit]
        if method == "add":
            scores = cosines[1] - cosines[0] + cosines[2]
        else:
            far, near, also = ((x + 1) / 2 for x in cosines)
            scores = near * also / (far + 1e-3)
        return self._best(scores, places, n)

    def cluster(self, **settings: Any) -> "Clusters":
        """Return clusters of words that go together; for the settings see `cluster_words`."""
        from textzero.vectors.clustering import cluster_words

        return cluster_words(self, **{"memory": self.memory, **settings})

    def to_embedding(
        self, vocabulary: Sequence[str] | None = None, trainable: bool = False, **settings: Any
    ) -> Any:
        """Return a `keras.layers.Embedding`; see `textzero.models.embedding.to_embedding`."""
        module = import_module("textzero.models.embedding")  # by name: models are downstream
        return module.to_embedding(self, vocabulary, trainable, **settings)

    def _best(self, scores: Array, leave_out: Iterable[int], n: int) -> Ranked:
        """Highest scores first, ties by place; `scores` is changed."""
        if n < 1:
            raise ValueError(f"n must be at least 1, got {n}")
        scores[list(leave_out)] = -np.inf
        wrong = np.isnan(scores)
        if wrong.any():
            word = self.vocabulary[int(wrong.argmax())]
            raise InputError(f"the vector of {word!r}, or the one asked for, is not finite")
        best = best_places(scores, n).tolist()
        return Ranked((self.vocabulary[i], float(scores[i])) for i in best)
