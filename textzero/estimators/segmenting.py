"""WordDiscoverer and Segmenter: texts cut into words that were found, or that are given."""

import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Self

import numpy as np
from sklearn.utils.validation import check_is_fitted

import textzero.segmenter
from textzero._compat import Array
from textzero.corpus import Texts
from textzero.discovery.discover import discover_words
from textzero.estimators.texts import TextTransformer, corpus_of, texts_of
from textzero.lexicon import Lexicon


class _Cuts(TextTransformer):
    """Cuts texts by the `segmenter_` that a subclass makes."""

    as_tokens: bool
    workers: int | None
    segmenter_: textzero.segmenter.Segmenter

    def __init_subclass__(cls) -> None:  # what is cut is no data frame, though it has a name
        super().__init_subclass__(auto_wrap_output_keys=None)

    def transform(self, X: Texts) -> Array:
        """Cut texts into words.

        Args:
            X: The texts; see `textzero.estimators`.

        Returns:
            An object array (n_texts,): strings of words between spaces, or lists of words where
            `as_tokens` is set, which tells words that hold a space.
        """
        check_is_fitted(self)
        cut = self.segmenter_.segment_batch(texts_of(X), spaces=False, workers=self.workers)
        found = [tokens if self.as_tokens else " ".join(tokens) for tokens in cut]
        texts = np.empty(len(found), object)
        texts[:] = found
        return texts

    def get_feature_names_out(self, input_features: object = None) -> Array:  # noqa: ARG002
        """Return the name of what comes out, so that a `Pipeline` can tell those of its end."""
        check_is_fitted(self)
        return np.array(["text"], object)

    def set_output(self, *, transform: str | None = None) -> Self:  # noqa: ARG002
        """Return the estimator as it is: texts are no columns of a data frame.

        So a `Pipeline` can be told `set_output(transform="pandas")`.
        """
        return self


class WordDiscoverer(_Cuts):
    """Finds the words of texts without spaces, then cuts texts into them.

    Args:
        method: "unigram", "entropy" or "cohesion"; see `textzero.discover_words` for this and for
            what follows.
        unit: "character", "letter" or "word".
        lowercase: Take capital and small letters for the same.
        nfkc: Take characters of full width for the plain ones.
        max_length: Units of the longest words.
        min_count: Rarer words are dropped.
        min_pmi: Of "entropy" and "cohesion", in nats.
        min_probability: Of "entropy".
        seed: Of the draws of "unigram".
        as_tokens: Whether `transform` gives lists of words in place of strings.
        memory: Bound in bytes or as "1GB"; None: half of the machine's.
        workers: Threads; None for one per processor.

    Attributes:
        lexicon_: `Lexicon`, the words found.
        segmenter_: `textzero.Segmenter` of them.

    Example:
        >>> texts = [
        ...     a + b + c
        ...     for a in ("我们", "他们", "学生")
        ...     for b in "在去来爱"
        ...     for c in ("北京", "上海", "广州", "南京")
        ... ]
        >>> WordDiscoverer().fit(texts).transform(["学生爱上海"]).tolist()
        ['学生 爱 上海']
    """

    lexicon_: Lexicon

    def __init__(
        self,
        *,
        method: str = "unigram",
        unit: str = "character",
        lowercase: bool = False,
        nfkc: bool = True,
        max_length: int | None = None,
        min_count: int | None = None,
        min_pmi: float | Sequence[float] | None = None,
        min_probability: float | None = None,
        seed: int = 0,
        as_tokens: bool = False,
        memory: int | str | None = None,
        workers: int | None = None,
    ) -> None:
        self.method = method
        self.unit = unit
        self.lowercase = lowercase
        self.nfkc = nfkc
        self.max_length = max_length
        self.min_count = min_count
        self.min_pmi = min_pmi
        self.min_probability = min_probability
        self.seed = seed
        self.as_tokens = as_tokens
        self.memory = memory
        self.workers = workers

    def fit(self, X: Texts, y: object = None) -> Self:  # noqa: ARG002
        """Find the words of texts.

        Args:
            X: The texts; see `textzero.estimators`.
            y: Ignored.

        Raises:
            InputError: No unit is there twice, or something cannot be read.
            ValueError: The texts are no strings in one dimension; a setting has no such value.
        """
        settings = {k: v for k, v in self.get_params().items() if k != "as_tokens"}
        self.lexicon_ = discover_words(corpus_of(X), **settings)
        self.segmenter_ = textzero.segmenter.Segmenter(self.lexicon_)
        return self


class Segmenter(_Cuts):
    """Cuts texts into the words of a lexicon: `textzero.Segmenter` as a transformer.

    Args:
        lexicon: A `Lexicon`, a mapping word -> count, a list of words, or a file that
            `Lexicon.load` reads. It must be given.
        as_tokens: Whether `transform` gives lists of words in place of strings.
        workers: Threads; None for one per processor.

    Attributes:
        segmenter_: `textzero.Segmenter`, which is read from the file by `fit`.

    Example:
        >>> words = {"研究": 5, "研究生": 2, "生命": 4, "起源": 1}
        >>> Segmenter(words).fit_transform(["研究生命起源"]).tolist()
        ['研究 生命 起源']
        >>> Segmenter(words, as_tokens=True).fit_transform(["研究生命"]).tolist()
        [['研究', '生命']]
    """

    def __init__(
        self,
        lexicon: "Lexicon | Mapping[str, int] | Iterable[str] | str | Path | None" = None,
        *,
        as_tokens: bool = False,
        workers: int | None = None,
    ) -> None:
        self.lexicon = lexicon
        self.as_tokens = as_tokens
        self.workers = workers

    def fit(self, X: object = None, y: object = None) -> Self:  # noqa: ARG002
        """Make the segmenter; the texts are not looked at.

        Raises:
            InputError: The file is no lexicon.
            TypeError: The lexicon is nothing that holds words.
            ValueError: There is no lexicon, or a count is no whole number.
        """
        if self.lexicon is None:
            raise ValueError("a Segmenter needs a lexicon, got None; give Segmenter(lexicon=...)")
        given = self.lexicon
        if not isinstance(given, (str, os.PathLike, Mapping)):
            if not isinstance(given, Iterable) or isinstance(given, bytes):
                raise TypeError(
                    "lexicon must be a Lexicon, a mapping word -> count, a list of words or a "
                    f"file, got {type(given).__name__}"
                )
            given = dict.fromkeys(given, 1)
        if isinstance(given, Mapping) and (wrong := [w for w in given if not isinstance(w, str)]):
            raise TypeError(f"lexicon must hold words, got {wrong[0]!r:.60}")
        self.segmenter_ = textzero.segmenter.Segmenter(given)
        return self
