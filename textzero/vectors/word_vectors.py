"""WordVectors: what the vectors say about words and sentences, and the folder they live in.

Inner products are mutual information (Su Jianlin, kexue.fm 4681): a product of 0 is independence;
words that occur *together* have a large one (`related`); words that occur with the *same* words
have correlated products (`similar`); PMI adds up over the parts of a sentence (`keywords`).
"""

from collections.abc import Iterable, Sequence
from importlib import import_module
from typing import TYPE_CHECKING, Any

import numpy as np

from textzero._compat import Array
from textzero.errors import InputError
from textzero.vectors import neighbours
from textzero.vectors.sentence_vectors import (
    METHODS,
    batch_directions,
    combine,
    common_directions,
    expected_directions,
    remove_directions,
    sif_weights,
)
from textzero.vectors.table import TENSORS, VOCABULARY, VectorTable
from textzero.vectors.tokenizing import LEXICON

if TYPE_CHECKING:
    from textzero.vectors.clustering import Clusters

__all__ = ["LEXICON", "TENSORS", "VOCABULARY", "WordVectors", "unit_rows"]
_ROWS = 1 << 14  # rows multiplied at once


class WordVectors(VectorTable):
    """What word vectors say; for what they hold see `VectorTable`."""

    def related(self, word: str, n: int = 10, *, metric: str = "cosine") -> list[tuple[str, float]]:
        """Return the words that occur together with `word` most.

        Args:
            word: A word with a vector.
            n: How many.
            metric: "cosine" of the vectors, or "inner" for the mutual information.
        """
        if metric not in ("cosine", "inner"):
            raise ValueError(f"metric must be cosine or inner, got {metric!r}")
        place = self.index(word)
        if metric == "inner":
            return self._best(self._information([place]), [place], n)
        scores = self._products(self.vectors[place])
        scores /= np.maximum(self.norms * self.norms[place], 1e-12)
        return self._best(scores, [place], n)

    def mutual_information(self, a: str, b: str) -> float:
        """Return the fitted PMI of two words in nats, the mean of <w_a, c_b> and <w_b, c_a>."""
        return float(self._information([self.index(a)])[self.index(b)])

    def _information(self, places: Sequence[int]) -> Array:
        """float64 (n_words,): the PMI of each word with the words at `places` together."""
        w, c = (half.sum(axis=0) for half in self.halves(list(places)))
        scores = np.empty(len(self))
        for start in range(0, len(self), _ROWS):
            part = slice(start, start + _ROWS)
            own, other = self.halves(part)
            scores[part] = (own @ c + other @ w) / 2
        return scores

    def similar(
        self, word: str, n: int = 10, *, metric: str = "pearson", n_context: int = 10_000
    ) -> list[tuple[str, float]]:
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
            return self.related(word, n)
        place = self.index(word)
        profiles = self._profiles(n_context)
        scores = profiles @ profiles[place]
        return self._best(scores, [place], n)

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
        if isinstance(queries, str):
            raise ValueError(f"queries must be a list of words, got the string {queries!r}")
        shape = np.shape(queries)
        if not words and shape[1:] != (self.dim,):
            raise ValueError(f"queries must be of shape (n, {self.dim}), got {shape}")
        own = np.array([self.index(word) for word in queries], np.int64) if words else None
        rows = np.asarray(queries if own is None else self.vectors[own], np.float32)
        if index:
            built = self.__dict__.get("_index") or self.build_index()
            places, scores = neighbours.search_index(built, unit_rows(rows), n, own)
        elif metric == "pearson":
            table = self._profiles(n_context)
            places, scores = neighbours.nearest_rows(table, None, table[own], n, own, device)
        else:
            norms = self.norms if metric == "cosine" else None
            rows = unit_rows(rows) if metric == "cosine" else rows
            places, scores = neighbours.nearest_rows(self.vectors, norms, rows, n, own, device)
        return [
            [(self.vocabulary[i], score) for i, score in zip(*pair, strict=True) if i >= 0]
            for pair in zip(places.tolist(), scores.tolist(), strict=True)
        ]

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
        rows = np.empty(self.vectors.shape, np.float32)
        for start in range(0, len(self), _ROWS):
            part = slice(start, start + _ROWS)
            rows[part] = remove_directions(self.vectors[part] - mean, axes)
        settings = {**self._settings, "model": "removed", "common_directions_removed": n}
        manifest = {**self.manifest, "settings": settings}
        return self.like(rows, None, manifest)

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

    def _profiles(self, n_context: int) -> Array:
        """float32 (n_words, dim): rows of w U at length 1, kept for the next question."""
        cache: dict[int, Array] = self.__dict__.setdefault("_cache", {})
        if n_context not in cache:
            cache.clear()
            factor = self.pearson_factor(n_context)
            rows = np.empty((len(self), factor.shape[0]), np.float32)
            for start in range(0, len(self), _ROWS):
                part = slice(start, start + _ROWS)
                rows[part] = unit_rows(self.halves(part)[0] @ factor)
            cache[n_context] = rows
        return cache[n_context]

    def analogy(
        self, a: str, b: str, c: str, n: int = 10, *, method: str = "add"
    ) -> list[tuple[str, float]]:
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
        cosines = [self._products(row) / np.maximum(self.norms, 1e-12) for row in unit]
        if method == "add":
            scores = cosines[1] - cosines[0] + cosines[2]
        else:
            far, near, also = ((x + 1) / 2 for x in cosines)
            scores = near * also / (far + 1e-3)
        return self._best(scores, places, n)

    def keywords(
        self, words: Sequence[str] | str, n: int = 10, *, normalize: bool = False
    ) -> list[tuple[str, float]]:
        """Rank the distinct words of a sentence by how well they predict it.

        The score is the mutual information of the word and the sentence, the sum of its PMI with
        the sentence's words; with `normalize`, divided by the length of the word's vector.

        Raises:
            InputError: No word of the sentence has a vector.
        """
        places = self._places(words)
        distinct = list(dict.fromkeys(places))
        w, c = (half.sum(axis=0) for half in self.halves(places))
        own, other = self.halves(distinct)
        scores = (own @ c + other @ w) / 2
        if normalize:
            scores = scores / np.maximum(np.linalg.norm(self.vectors[distinct], axis=1), 1e-12)
        order = np.lexsort((distinct, -scores))[:n]
        return [(self.vocabulary[distinct[i]], float(scores[i])) for i in order]

    def cluster(self, **settings: Any) -> "Clusters":
        """Return clusters of words that go together; for the settings see `cluster_words`."""
        from textzero.vectors.clustering import cluster_words

        return cluster_words(self, **settings)

    def to_embedding(
        self, vocabulary: Sequence[str] | None = None, trainable: bool = False, **settings: Any
    ) -> Any:
        """Return a `keras.layers.Embedding`; see `textzero.models.embedding.to_embedding`."""
        module = import_module("textzero.models.embedding")  # by name: models are downstream
        return module.to_embedding(self, vocabulary, trainable, **settings)

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
        weights = self._sif_weights(method)
        places = self._places(words)
        row = combine(self.vectors, places, method, weights)
        if method != "sif":
            return row
        return remove_directions(row, self._expected_directions(remove))

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
        """
        weights = self._sif_weights(method)
        self._check_directions(remove)
        rows = []
        for number, text in enumerate(texts, 1):
            try:
                places = self._places(text)
            except InputError as error:
                raise InputError(f"sentence {number}: {error}") from error
            rows.append(combine(self.vectors, places, method, weights))
        matrix = np.array(rows, np.float32).reshape(-1, self.dim)
        if method != "sif" or not rows:
            return matrix
        if len(rows) > remove:
            directions = batch_directions(matrix, remove)
        else:
            directions = self._expected_directions(remove)
        return remove_directions(matrix, directions)

    def _sif_weights(self, method: str) -> Array | None:
        """float32 (n_words,) for "sif", None for the other methods."""
        if method not in METHODS:
            raise ValueError(f"method must be sum, mean or sif, got {method!r}")
        if method != "sif":
            return None
        if "_weights" not in self.__dict__:
            self.__dict__["_weights"] = sif_weights(self.vocabulary.counts)
        return self.__dict__["_weights"]

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
            (w_a, c_a), (w_b, c_b) = (
                (half.sum(axis=0) for half in self.halves(self._places(text))) for text in (a, b)
            )
            return float(w_a @ c_b + w_b @ c_a) / 2
        x, y = (self.sentence_vector(text, method=method, remove=remove) for text in (a, b))
        return float(x @ y / max(float(np.linalg.norm(x) * np.linalg.norm(y)), 1e-12))

    def _products(self, query: Array) -> Array:
        """float32 (n_words,): vectors @ query, by blocks, so that a mapped file is not copied."""
        scores = np.empty(len(self), np.float32)
        for start in range(0, len(self), _ROWS):
            part = slice(start, start + _ROWS)
            np.matmul(self.vectors[part], query, out=scores[part])
        return scores

    def _best(self, scores: Array, leave_out: Iterable[int], n: int) -> list[tuple[str, float]]:
        """Highest scores first, ties by place."""
        if n < 1:
            raise ValueError(f"n must be at least 1, got {n}")
        scores = scores.astype(np.float64)
        scores[list(leave_out)] = -np.inf
        if np.isnan(scores).any():
            word = self.vocabulary[int(np.argmax(np.isnan(scores)))]
            raise InputError(f"the vector of {word!r}, or the one asked for, is not finite")
        n = min(n, int(np.isfinite(scores).sum()))
        some = np.argpartition(-scores, min(n, len(scores) - 1))[: n + 1]
        edge = np.sort(scores[some])[-n] if n else np.inf
        tied = np.flatnonzero(scores >= edge)
        order = tied[np.lexsort((tied, -scores[tied]))][:n]
        return [(self.vocabulary[i], float(scores[i])) for i in order.tolist()]


def unit_rows(matrix: Array) -> Array:
    """Return the rows scaled to length 1 (zero rows stay), float32."""
    lengths = np.linalg.norm(matrix, axis=1, keepdims=True)
    return (matrix / np.maximum(lengths, 1e-12)).astype(np.float32)
