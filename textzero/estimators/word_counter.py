"""WordCounter: texts to a sparse matrix of word counts."""

from typing import Any, Self

import numpy as np
from sklearn.utils.validation import check_is_fitted

from textzero._compat import Array
from textzero.corpus import Texts
from textzero.counting import count_words
from textzero.counts import Counts, merge_counts
from textzero.errors import InputError
from textzero.estimators.rows import Rows
from textzero.estimators.texts import TextTransformer, corpus_of, texts_of
from textzero.tokens import Spec, Tokenizer
from textzero.vocabulary import Vocabulary


class WordCounter(TextTransformer):
    """Counts the words of texts, by kernels and within a bound on memory.

    Args:
        tokenizer: "word", "whitespace", "char", a lexicon's file, "package.module:function" or a
            callable, such as a `textzero.Segmenter`.
        lowercase: Lower-case first.
        nfkc: Normalise to Unicode NFKC first.
        ngrams: n for sequences of n tokens joined by spaces, (low, high) for several n.
        min_count: Words seen less often in all texts get no column.
        max_words: At most so many columns, the most frequent words.
        dtype: Of the matrix.
        sparse_output: Whether the matrix is sparse; data frames (`set_output`) need a dense one.
        memory: Bound on what counting takes, in bytes or as "1GB"; None: half of the machine's.
        workers: Threads; None for one per processor.

    Attributes:
        counts_: `Counts` of all words, also of those without a column.
        vocabulary_: `Vocabulary`, the columns, most frequent first.

    Example:
        >>> counter = WordCounter().fit(["to be or not to be"])
        >>> counter.get_feature_names_out().tolist()
        ['be', 'to', 'not', 'or']
        >>> counter.transform(["be or be", "new"]).toarray().tolist()
        [[2, 0, 0, 1], [0, 0, 0, 0]]
    """

    counts_: Counts
    vocabulary_: Vocabulary

    def __init__(
        self,
        *,
        tokenizer: Spec = "word",
        lowercase: bool = False,
        nfkc: bool = False,
        ngrams: int | tuple[int, int] = 1,
        min_count: int = 1,
        max_words: int | None = None,
        dtype: Any = np.int64,
        sparse_output: bool = True,
        memory: int | str | None = None,
        workers: int | None = None,
    ) -> None:
        self.tokenizer = tokenizer
        self.lowercase = lowercase
        self.nfkc = nfkc
        self.ngrams = ngrams
        self.min_count = min_count
        self.max_words = max_words
        self.dtype = dtype
        self.sparse_output = sparse_output
        self.memory = memory
        self.workers = workers

    def fit(self, X: Texts, y: object = None) -> Self:  # noqa: ARG002
        """Count the words of texts.

        Args:
            X: The texts; see `textzero.estimators`.
            y: Ignored.

        Raises:
            InputError: No word is left, or something cannot be read.
            ValueError: The texts are no strings in one dimension.
        """
        return self._take(self._counted(X))

    def partial_fit(self, X: Texts, y: object = None) -> Self:  # noqa: ARG002
        """Add the words of more texts; columns are chosen anew among all words so far.

        Raises:
            InputError, ValueError: As for `fit`.
        """
        counted = self._counted(X)
        if hasattr(self, "counts_"):
            counted = merge_counts([self.counts_, counted], memory=self.memory)
        return self._take(counted)

    def _counted(self, texts: Texts) -> Counts:
        how: dict[str, Any] = {"tokenizer": self.tokenizer, "ngrams": self.ngrams}
        how |= {"lowercase": self.lowercase, "nfkc": self.nfkc}
        return count_words(corpus_of(texts), memory=self.memory, workers=self.workers, **how)

    def _take(self, counts: Counts) -> Self:
        if self.min_count < 1:
            raise ValueError(f"min_count must be at least 1, got {self.min_count}")
        kept = counts.keep(self.min_count, self.max_words)
        if not len(kept):
            raise InputError(
                f"no words left: of {len(counts):,} words ({counts.tokens:,} tokens), none passed "
                f"min_count={self.min_count}, max_words={self.max_words}"
            )
        self.counts_, self.vocabulary_ = counts, Vocabulary(kept.words, kept.counts)
        return self

    def transform(self, X: Texts) -> Any:
        """Return how often each word is in each text.

        Args:
            X: The texts; see `textzero.estimators`.

        Returns:
            `scipy.sparse.csr_matrix` (n_texts, n_words); an array where `sparse_output` is false.
        """
        check_is_fitted(self)
        ngrams = (self.ngrams, self.ngrams) if isinstance(self.ngrams, int) else self.ngrams
        tokenizer = Tokenizer(self.tokenizer, self.lowercase, self.nfkc)
        rows = Rows(self.vocabulary_, tokenizer, ngrams).matrix(texts_of(X), self.dtype)
        return rows if self.sparse_output else rows.toarray()

    def get_feature_names_out(self, input_features: object = None) -> Array:  # noqa: ARG002
        """Return the words of the columns, an object array (n_words,)."""
        check_is_fitted(self)
        return np.array(list(self.vocabulary_), object)
