"""SimplerGlove and SentenceVectorizer: texts to vectors."""

from itertools import islice
from os import PathLike
from pathlib import Path
from typing import Any, Literal, Self

import numpy as np
from sklearn.base import ClassNamePrefixFeaturesOutMixin
from sklearn.utils.validation import check_is_fitted

from textzero._arguments import at_least_one
from textzero._compat import Array
from textzero.cooccurrence import count_cooccurrences
from textzero.corpus import Texts
from textzero.counting import count_words
from textzero.errors import InputError
from textzero.estimators.rows import Rows
from textzero.estimators.texts import TextTransformer, corpus_of, texts_of
from textzero.tokens import Spec, Tokenizer
from textzero.vectors.pipeline import with_manifest
from textzero.vectors.sentence_vectors import (
    METHODS,
    check_counts,
    expected_directions,
    remove_directions,
    sif_weights,
)
from textzero.vectors.training import TrainingSettings, train_vectors
from textzero.vectors.word_vectors import WordVectors
from textzero.vocabulary import Vocabulary

_TEXTS = 1 << 12  # whose vectors are made at once
Method = Literal["sum", "mean", "sif"]


class _Sentences(ClassNamePrefixFeaturesOutMixin, TextTransformer):
    """Gives each text the vector of its words."""

    method: Method
    remove: int
    on_empty: Literal["zeros", "raise"]
    _directions: Array
    _common: tuple[Method, int]  # the settings of `_directions`

    def _check(self) -> None:
        if self.method not in METHODS:
            raise ValueError(f"method must be one of {', '.join(METHODS)}, got {self.method!r}")
        if self.on_empty not in ("zeros", "raise"):
            raise ValueError(f"on_empty must be zeros or raise, got {self.on_empty!r}")

    def _prepare(self, vectors: WordVectors) -> None:
        """Check the settings, and find what sentences have in common."""
        self._check()
        self._common = self.method, self.remove
        self._n_features_out = vectors.dim
        self._directions = np.zeros((0, vectors.dim), np.float32)
        if self.method == "sif":
            counts = vectors.vocabulary.counts
            check_counts(counts)
            self._directions = expected_directions(vectors.vectors, counts, self.remove)

    def _rows(self, texts: Texts, vectors: WordVectors, tokenizer: Tokenizer) -> Array:
        """float32 (n_texts, dim)."""
        self._check()
        if self._common != (self.method, self.remove):  # set after `fit`
            self._prepare(vectors)
        rows = Rows(vectors.vocabulary, tokenizer, lower_too=True)
        left, parts = iter(texts_of(texts)), [np.zeros((0, vectors.dim), np.float32)]
        while some := list(islice(left, _TEXTS)):
            parts.append(self._part(rows.matrix(some, np.float32), vectors, len(parts) - 1))
        return np.concatenate(parts)

    def _part(self, counts: Any, vectors: WordVectors, before: int) -> Array:
        """Vectors of some texts, given how often each word is in each."""
        sizes = np.asarray(counts.sum(axis=1)).reshape(-1, 1)
        if self.on_empty == "raise" and not sizes.all():
            number = before * _TEXTS + int(np.argmin(sizes)) + 1
            raise InputError(f"no word of text {number:,} has a vector; on_empty='zeros' passes it")
        if self.method == "sif":
            counts.data *= sif_weights(vectors.vocabulary.counts)[counts.indices]
        sums = counts @ np.asarray(vectors.vectors, np.float32)
        if self.method != "sum":
            sums /= np.maximum(sizes, 1)
        return remove_directions(sums, self._directions)


class SentenceVectorizer(_Sentences):
    """Gives each text the vector of its words, in vectors that are there already.

    Args:
        vectors: `WordVectors`, or a folder that `WordVectors.load` reads. They must be given.
        method: "sum" or "mean" of the words' vectors, or "sif": their mean weighted by smooth
            inverse frequency, less what sentences have in common (Arora, Liang, Ma 2017).
        remove: With "sif", how many common directions are removed: those that sentences of random
            words share, so that no text's vector depends on the others.
        tokenizer: In place of the one that cut the vectors' corpus.
        on_empty: What becomes of a text without any word that has a vector: "zeros" or "raise".

    Attributes:
        vectors_: `WordVectors`.

    Example:
        >>> import textzero
        >>> words = textzero.Vocabulary(["good", "bad"], [2, 1])
        >>> vectors = textzero.WordVectors(words, np.array([[1, 0], [0, 1]], np.float32))
        >>> SentenceVectorizer(vectors, method="mean").fit_transform(
        ...     ["good good bad", "?"]
        ... ).tolist()
        [[0.6666666865348816, 0.3333333432674408], [0.0, 0.0]]
    """

    vectors_: WordVectors

    def __init__(
        self,
        vectors: WordVectors | str | Path | None = None,
        *,
        method: Method = "mean",
        remove: int = 1,
        tokenizer: Spec | None = None,
        on_empty: Literal["zeros", "raise"] = "zeros",
    ) -> None:
        self.vectors = vectors
        self.method = method
        self.remove = remove
        self.tokenizer = tokenizer
        self.on_empty = on_empty

    def fit(self, X: object = None, y: object = None) -> Self:  # noqa: ARG002
        """Open the vectors; the texts are not looked at.

        Raises:
            InputError: The folder holds no vectors, or "sif" finds no counts.
            TypeError: The vectors are neither.
            ValueError: There are no vectors, or a setting has no such value.
        """
        if self.vectors is None:
            raise ValueError("a SentenceVectorizer needs vectors, got None; give WordVectors")
        given = self.vectors
        if not isinstance(given, WordVectors | str | PathLike):
            raise TypeError(f"vectors must be WordVectors or a folder, got {type(given).__name__}")
        self.vectors_ = given if isinstance(given, WordVectors) else WordVectors.load(given)
        self._prepare(self.vectors_)
        return self

    def transform(self, X: Texts) -> Array:
        """Return the vectors of texts, float32 (n_texts, dim).

        Raises:
            InputError: A text has no word with a vector, and `on_empty` is "raise"; the vectors
                name a Python tokenizer, and none is given.
        """
        check_is_fitted(self)
        return self._rows(X, self.vectors_, self.vectors_.tokenizer_for(self.tokenizer))


class SimplerGlove(_Sentences):
    """Trains word vectors on texts; gives each text the vector of its words.

    Their inner products are mutual information; see `textzero.train_vectors`.

    Args:
        dim: Length of a vector; "auto" for as much as so many words need.
        window: Words on each side that count as neighbours.
        weighting: "harmonic" (1 / distance) or "flat".
        min_count: Rarer words get no vector.
        max_words: At most so many words, the most frequent.
        tokenizer: As for `WordCounter`.
        lowercase: Lower-case first.
        nfkc: Normalise to Unicode NFKC first.
        model: "center", "sum", "concat" or "shared"; see `TrainingSettings`.
        solver: "least-squares", or "adagrad", the author's stochastic gradients.
        unobserved_weight: Weight of the pairs that never met; None for the solver's default.
        sweeps: At most so many; None for the solver's default.
        seed: Of the random start.
        method: What makes a text's vector of its words': "sum", "mean" or "sif", as for
            `SentenceVectorizer`.
        remove: As for `SentenceVectorizer`.
        on_empty: As for `SentenceVectorizer`.
        device: "cpu", "gpu", or "auto" for the GPU if there is one.
        memory: Bound in bytes or as "4GB"; None: half of the machine's.
        workers: Threads; None for one per processor.

    Attributes:
        word_vectors_: `WordVectors`.
        vocabulary_: `Vocabulary`, its words.

    Example:
        >>> texts = ["the cat sat on the mat", "the dog sat on the rug"] * 10
        >>> glove = SimplerGlove(dim=4, min_count=1).fit(texts)
        >>> glove.word_vectors_
        WordVectors(7 words, dim 4)
        >>> glove.transform(["a cat and a dog"]).shape
        (1, 4)
    """

    word_vectors_: WordVectors
    vocabulary_: Vocabulary

    def __init__(
        self,
        *,
        dim: int | Literal["auto"] = 128,
        window: int = 5,
        weighting: str = "harmonic",
        min_count: int = 5,
        max_words: int | None = None,
        tokenizer: Spec = "word",
        lowercase: bool = False,
        nfkc: bool = False,
        model: str = "center",
        solver: str = "least-squares",
        unobserved_weight: float | None = None,
        sweeps: int | None = None,
        seed: int = 0,
        method: Method = "mean",
        remove: int = 1,
        on_empty: Literal["zeros", "raise"] = "zeros",
        device: str = "cpu",
        memory: int | str | None = None,
        workers: int | None = None,
    ) -> None:
        self.dim = dim
        self.window = window
        self.weighting = weighting
        self.min_count = min_count
        self.max_words = max_words
        self.tokenizer = tokenizer
        self.lowercase = lowercase
        self.nfkc = nfkc
        self.model = model
        self.solver = solver
        self.unobserved_weight = unobserved_weight
        self.sweeps = sweeps
        self.seed = seed
        self.method = method
        self.remove = remove
        self.on_empty = on_empty
        self.device = device
        self.memory = memory
        self.workers = workers

    def fit(self, X: Texts, y: object = None) -> Self:  # noqa: ARG002
        """Train vectors; the texts are read twice.

        Args:
            X: The texts; see `textzero.estimators`.
            y: Ignored.

        Raises:
            InputError: Fewer than two words are left, or something cannot be read.
            TrainingStopped: The loss rose, or something was not finite.
            TypeError: The texts come from a generator, which can be read only once.
            ValueError: The texts are no strings in one dimension; a setting has no such value.
        """
        self._check()
        at_least_one("window", self.window)
        at_least_one("min_count", self.min_count)
        if self.max_words is not None:
            at_least_one("max_words", self.max_words)
        settings = TrainingSettings(
            dim=self.dim, model=self.model, solver=self.solver, sweeps=self.sweeps,
            unobserved_weight=self.unobserved_weight, seed=self.seed,
        )  # fmt: skip
        corpus, tokenizer = corpus_of(X, passes=2), self._tokenizer()
        text: dict[str, Any] = {
            "tokenizer": self.tokenizer,
            "lowercase": self.lowercase,
            "nfkc": self.nfkc,
        }
        how: dict[str, Any] = {"memory": self.memory, "workers": self.workers}
        counts = count_words(corpus, **text, **how)
        vocabulary = Vocabulary.from_counts(counts, self.min_count, self.max_words)
        windows: dict[str, Any] = {"window": self.window, "weighting": self.weighting}
        pairs = count_cooccurrences(
            corpus, vocabulary, device=self.device, **windows, **text, **how
        )
        trained = train_vectors(pairs, settings=settings, device=self.device, **how)
        said = {**tokenizer.settings(), **windows, "min_count": self.min_count}
        facts = {"settings": said, "tokens": counts.tokens, "records": pairs.records}
        self.word_vectors_ = with_manifest(vocabulary, trained, facts, {})
        self.word_vectors_.tokenizer = tokenizer  # a lexicon's is in no folder yet
        self.vocabulary_ = vocabulary
        self._prepare(self.word_vectors_)
        return self

    def _tokenizer(self) -> Tokenizer:
        return Tokenizer(self.tokenizer, self.lowercase, self.nfkc)

    def transform(self, X: Texts) -> Array:
        """Return the vectors of texts, float32 (n_texts, dim).

        Raises:
            InputError: A text has no word with a vector, and `on_empty` is "raise".
        """
        check_is_fitted(self)
        return self._rows(X, self.word_vectors_, self._tokenizer())
