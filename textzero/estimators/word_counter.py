"""WordCounter: texts to a sparse matrix of word counts."""

from typing import Any, Self

import numpy as np
from sklearn.utils.validation import check_is_fitted

from textzero._arguments import at_least_one
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
        tokenizer: "word" (each Chinese character is one), "whitespace", "char", a lexicon's file,
            "package.module:function" or a callable; a `textzero.Segmenter` for words of Chinese.
        lowercase: Lower-case first.
        nfkc: Normalise to Unicode NFKC first.
        ngrams: n for sequences of n tokens joined by spaces, (low, high) for several n.
        min_count: Words seen less often in all texts get no column.
        max_words: At most so many columns, the most frequent words.
        dtype: Of the matrix, large enough for every count; bool for whether a word is there.
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
            ValueError: The texts are no strings in one dimension; a setting has no such value.
        """
        return self._take(self._counted(X))

    def partial_fit(self, X: Texts, y: object = None) -> Self:  # noqa: ARG002
        """Add the words of more texts; columns are chosen anew among all words so far.

        So the columns of a matrix that `transform` gave before may be others afterwards.

        Raises:
            InputError, ValueError: As for `fit`; while no word is left it is `transform` that
                raises.
        """
        counted = self._counted(X)
        if hasattr(self, "counts_"):
            counted = merge_counts([self.counts_, counted], memory=self.memory)
        return self._take(counted, least=0)

    def _counted(self, texts: Texts) -> Counts:
        for name in ("min_count", "max_words"):
            if (limit := getattr(self, name)) is not None or name == "min_count":
                at_least_one(name, limit)
        how: dict[str, Any] = {"tokenizer": self.tokenizer, "ngrams": self._ngrams()}
        how |= {"lowercase": self.lowercase, "nfkc": self.nfkc}
        return count_words(corpus_of(texts), memory=self.memory, workers=self.workers, **how)

    def _ngrams(self) -> tuple[int, int]:
        given = self.ngrams
        low, high = given if isinstance(given, tuple | list) and len(given) == 2 else (given, given)
        return at_least_one("ngrams", low), at_least_one("ngrams", high)

    def _take(self, counts: Counts, least: int = 1) -> Self:
        kept = counts.keep(self.min_count, self.max_words)
        if len(kept) < least:
            raise _no_words(counts, self.min_count)
        self.counts_, self.vocabulary_ = counts, Vocabulary(kept.words, kept.counts)
        return self

    def transform(self, X: Texts) -> Any:
        """Return how often each word is in each text.

        Args:
            X: The texts; see `textzero.estimators`.

        Returns:
            `scipy.sparse.csr_matrix` (n_texts, n_words); an array where `sparse_output` is false.

        Raises:
            ValueError: A count is too large for `dtype`.
        """
        check_is_fitted(self)
        if not len(self.vocabulary_):
            raise _no_words(self.counts_, self.min_count)
        tokenizer = Tokenizer(self.tokenizer, self.lowercase, self.nfkc)
        rows = Rows(self.vocabulary_, tokenizer, self._ngrams()).matrix(texts_of(X), self.dtype)
        return rows if self.sparse_output else rows.toarray()

    def get_feature_names_out(self, input_features: object = None) -> Array:  # noqa: ARG002
        """Return the words of the columns, an object array (n_words,)."""
        check_is_fitted(self)
        return np.array(list(self.vocabulary_), object)


def _no_words(counts: Counts, min_count: int) -> InputError:
    if not len(counts):
        return InputError("no words left: the texts hold none; give texts with words")
    return InputError(
        f"no words left: of {len(counts):,} words ({counts.tokens:,} tokens), none passed "
        f"min_count={min_count}; lower it or give more text"
    )
