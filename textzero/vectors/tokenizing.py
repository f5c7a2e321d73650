"""The tokenizer that cut the corpus of some vectors, and whether it left only characters."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from textzero._compat import Array
from textzero.errors import InputError
from textzero.kernels.reference.text import ALONE, character_classes
from textzero.segmenter import Segmenter
from textzero.tokens import Spec, Tokenizer

LEXICON = "lexicon.tsv"  # beside the vectors
BUILT_IN = ("word", "whitespace", "char")
_FIRST = 1000  # words, the most frequent, that most tokens are of


def tokenizer_of(
    settings: Mapping[str, Any], folder: Path | None, spec: Spec | None = None
) -> Tokenizer:
    """Return the tokenizer that a manifest's settings name ("word" when they name none).

    Args:
        settings: The part `settings` of a manifest.
        folder: Where the vectors lie, with their lexicon.
        spec: In place of the manifest's. A Python tokenizer must be given here: a file may not
            choose the code that runs.

    Raises:
        InputError: The manifest names a Python tokenizer or a lexicon that is not there, and
            `spec` is None.
    """
    if spec is None:
        spec = str(settings.get("tokenizer", "word"))
        if "lexicon" in settings:
            spec = _segmenter(settings, folder)
        elif spec not in BUILT_IN:  # package.module:function, or a file of the maker's choice
            raise InputError(
                f"these vectors were made with the tokenizer {spec!r}; name it again "
                "with --tokenizer if you trust it"
            )
    return Tokenizer(
        spec, bool(settings.get("lowercase", False)), bool(settings.get("nfkc", False))
    )


def _segmenter(settings: Mapping[str, Any], folder: Path | None) -> Segmenter:
    """The lexicon that cut the corpus, from the vectors' folder."""
    path = None if folder is None else folder / LEXICON
    if path is None or not path.exists():
        raise InputError(
            "these vectors were made with a lexicon that is not beside them; "
            "name it again with --tokenizer"
        )
    segmenter = Segmenter(path)
    if segmenter.lexicon.digest() != settings["lexicon"]:
        raise InputError(f"{path} is not the lexicon that these vectors were made with")
    return segmenter


def only_characters(word: str, words: Iterable[str]) -> str:
    """Return what a word without a vector lacks where only its characters are words; else "".

    Args:
        word: What has no vector.
        words: What has, in which `in` is quick.

    >>> only_characters("北京", ["北", "京", "the"])
    ': its characters have vectors each; `textzero embed --discover` finds words first'
    """
    known = len(word) > 1 and _alone(word) == len(word) and all(c in words for c in word)
    if not known or any(len(other) > 1 and _alone(other) > 1 for other in words):
        return ""
    return ": its characters have vectors each; `textzero embed --discover` finds words first"


def is_cut_to_characters(words: Sequence[str], counts: Array) -> bool:
    """Whether most tokens are single characters of scripts without spaces, and none is longer.

    Args:
        words: The words that were counted, most frequent first; the first 1000 are looked at.
        counts: int64 (n_words,).

    >>> import numpy as np
    >>> is_cut_to_characters(["的", "北", "the"], np.array([3, 2, 2]))
    True
    """
    alone = [_alone(word) for word in words[:_FIRST]]
    seen = counts[: len(alone)].tolist()
    single = sum(n for n, characters in zip(seen, alone, strict=True) if characters)
    return max(alone, default=0) == 1 and 2 * single > sum(seen)


def _alone(text: str) -> int:
    """How many of the characters stand alone in their script."""
    classes = character_classes()
    return sum(int(classes[ord(c)]) == ALONE for c in text)
