"""WordTable: the words of some vectors and how text is cut into them, as a model keeps them.

A word's row in a model is its place among the words + 2: row 0 is padding, row 1 is every word
without a vector. The vectors themselves become weights of the model; only the words are in files.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from textzero._compat import Array
from textzero.errors import InputError
from textzero.lexicon import Lexicon
from textzero.segmenter import Segmenter
from textzero.tokens import Spec, Tokenizer
from textzero.vectors.tokenizing import tokenizer_of
from textzero.vectors.word_vectors import WordVectors
from textzero.vocabulary import Vocabulary

PADDING, UNKNOWN, FIRST = 0, 1, 2  # rows: none, no vector, the first word
BUILT_IN = ("whitespace", "word", "char")  # by their kernels' numbers
_LEXICON = "lexicon"
_UNFIT = re.compile("[\0-\x1f\ud800-\udfff]|^\ufeff")  # what no file of words can hold
_LONGEST = 1 << 16  # a vector; a file that lies must not take all memory
_FOLDING = ("lowercase", "nfkc")


class WordTable:
    """Words in the order of their rows, and their tokenizer.

    Attributes:
        vocabulary: The words.
        tokenizer: How text is cut into them.
        dim: Length of a vector; 0 when there are none.
        vectors: float32 (n_words, dim), or None when the table was loaded from a file.
    """

    def __init__(
        self,
        vocabulary: Vocabulary,
        tokenizer: Tokenizer,
        dim: int = 0,
        vectors: Array | None = None,
    ) -> None:
        self.vocabulary, self.tokenizer = vocabulary, tokenizer
        self.dim, self.vectors = dim, vectors

    @classmethod
    def of_vectors(
        cls,
        vectors: WordVectors,
        max_words: int | None = None,
        tokenizer: Spec | Tokenizer | None = None,
    ) -> "WordTable":
        """Take the words of vectors, at most the `max_words` most frequent.

        Raises:
            InputError: The vectors were cut by a Python function, which is not given.
        """
        if tokenizer is None:
            tokenizer = vectors.tokenizer
        elif not isinstance(tokenizer, Tokenizer):
            settings = vectors.manifest.get("settings") or {}
            tokenizer = tokenizer_of(settings, vectors.folder, tokenizer)
        vocabulary, rows = vectors.vocabulary, vectors.vectors
        if max_words is not None and max_words < len(vocabulary):
            vocabulary = Vocabulary(vocabulary.words[:max_words], vocabulary.counts[:max_words])
            rows = rows[:max_words]
        return cls(vocabulary, tokenizer, vectors.dim, rows)

    @classmethod
    def of_data(
        cls,
        data: Iterable[str | Sequence[str]],
        split: Callable[[str], Sequence[str]],
        tokenizer: Tokenizer,
        min_count: int = 1,
        max_tokens: int | None = None,
    ) -> "WordTable":
        """Take the tokens of texts, which are split, and of lists of tokens, which are not.

        Most frequent first, equally frequent ones in the order of their characters. A token that
        no line of a file can hold (with a control character, empty, no Unicode) is left out.

        Raises:
            InputError: No token is seen `min_count` times.
        """
        counts: Counter[str] = Counter()
        for one in data:
            counts.update(split(one) if isinstance(one, str) else one)
        known = [(t, n) for t, n in counts.items() if n >= min_count and _fits_a_line(t)]
        if not known:
            raise InputError(
                f"the data must have a token that is seen min_count={min_count} times, "
                f"got {len(counts):,} different tokens"
            )
        known.sort(key=lambda pair: (-pair[1], pair[0]))
        words, times = zip(*known[:max_tokens], strict=True)
        return cls(Vocabulary(words, np.array(times)), tokenizer)

    def __len__(self) -> int:
        """Rows: words and two more."""
        return len(self.vocabulary) + FIRST

    def ids(self, tokens: Sequence[str], *, fold: bool = True) -> Array:
        """int32 (n,): the row of each token, UNKNOWN for those that are no words.

        Args:
            tokens: The tokens.
            fold: Whether a token that is no word may be one when it is folded as the tokenizer
                folds text, or in lower case.
        """
        get = self.vocabulary.ids.get
        found = np.fromiter((get(token, -1) for token in tokens), np.int32, len(tokens))
        for k in np.flatnonzero(found < 0).tolist() if fold else ():
            folded = self.tokenizer.normalise(tokens[k])
            found[k] = get(folded, get(folded.lower(), -1))
        return found + np.int32(FIRST)  # -1 + 2 is UNKNOWN

    def matrix(self) -> Array:
        """float32 (n_words + 2, dim): the vectors, zeros for padding and for unknown words.

        Raises:
            ValueError: The table was loaded: the vectors are in the model's weights.
        """
        if self.vectors is None:
            raise ValueError(
                "there are no vectors beside these words: they are in the weights of the saved "
                "model; make the encoder of WordVectors to have them"
            )
        matrix = np.zeros((len(self), self.dim), np.float32)
        matrix[FIRST:] = self.vectors
        return matrix

    # --- files ------------------------------------------------------------------------------

    def check_saveable(self) -> None:
        """Raise InputError when the tokenizer is a Python function, which no file may name."""
        if self.tokenizer.code is None:
            raise InputError(
                f"a model cannot be saved with the Python tokenizer {self.tokenizer.name!r}: a "
                "file may not choose the code that runs; use 'word', 'whitespace', 'char' or a "
                "Segmenter, or give the tokens themselves"
            )

    def lexicon_digest(self) -> str:
        """Of the lexicon that cuts text into the words; empty when none does."""
        held = self.tokenizer.segmenter
        return "" if held is None else held.lexicon.digest()

    def save(self, words: Path, lexicon: Path | None) -> dict[str, Any]:
        """Write the words and the lexicon (not when it is None), return the rest as JSON.

        Raises:
            InputError: The tokenizer is a Python function.
        """
        self.check_saveable()
        self.vocabulary.save(words)
        held, code = self.tokenizer.segmenter, self.tokenizer.code
        facts: dict[str, Any] = {
            "words": len(self.vocabulary),
            "dim": self.dim,
            "tokenizer": _LEXICON if held is not None or code is None else BUILT_IN[code],
            "lowercase": self.tokenizer.lowercase,
            "nfkc": self.tokenizer.nfkc,
        }
        if held is not None:
            facts["lexicon"] = self.lexicon_digest()
            if lexicon is not None:
                whole = held.lexicon
                used = {name: whole.settings[name] for name in ("unit", *_FOLDING)}
                slim = Lexicon(whole.words, whole.counts, whole.log_probabilities, settings=used)
                slim.save(lexicon)
        return facts

    @classmethod
    def load(cls, facts: Mapping[str, Any], words: Path, lexicon: Path, where: str) -> "WordTable":
        """Read what `save` wrote; `where` names the facts in errors.

        Raises:
            InputError: A file is not there, is damaged, or is not the one that was written.
        """
        for name, most in (("words", 1 << 30), ("dim", _LONGEST)):
            value = facts.get(name)
            if type(value) is not int or not 0 <= value <= most:
                raise InputError(
                    f"{where}: {name} must be a whole number up to {most:,}, got {value!r:.60}"
                )
        for name in _FOLDING:
            if type(facts.get(name)) is not bool:
                raise InputError(f"{where}: {name} must be true or false, got {facts.get(name)!r}")
        spec = facts.get("tokenizer")
        if spec not in (*BUILT_IN, _LEXICON):
            raise InputError(
                f"{where}: tokenizer must be {', '.join(BUILT_IN)} or {_LEXICON}, got {spec!r}"
            )
        vocabulary = Vocabulary.load(words)
        if len(vocabulary) != facts["words"]:
            raise InputError(f"{words} must have {facts['words']:,} words, got {len(vocabulary):,}")
        if spec == _LEXICON:
            spec = Segmenter(lexicon)
            if spec.lexicon.digest() != facts.get("lexicon"):
                raise InputError(f"{lexicon} is not the lexicon that {where} was written with")
        return cls(vocabulary, Tokenizer(spec, facts["lowercase"], facts["nfkc"]), facts["dim"])


def _fits_a_line(token: str) -> bool:
    return bool(token) and not _UNFIT.search(token)
