"""Which word covers a token, and where in that word the token stands."""

from collections.abc import Hashable
from typing import NamedTuple

import numpy as np

from textzero._compat import Array
from textzero.models.alignment import Aligned
from textzero.tokens import Tokenizer

BEGIN, MIDDLE, END, SINGLE, NO_WORD = 1, 2, 3, 4, 5  # a token's place in its word


class Cover(NamedTuple):
    """Words of many texts, and the tokens that they cover.

    Attributes:
        words: The words.
        owners: int64 (n_tokens,). The word that covers each token's first character; -1 for none.
    """

    words: list[str]
    owners: Array


def cover(words: Aligned, firsts: Array, places: Array) -> Cover:
    """Find the word that covers the first character of each token.

    Args:
        words: The words of some texts.
        firsts: int64 (n_texts + 1,). Where each text begins in a place common to all.
        places: int64 (n_tokens, 2). Spans of the tokens, counted from there. An empty token is
            covered by nothing.
    """
    spans = words.spans + np.repeat(firsts[:-1], np.diff(words.offsets))[:, None]
    present = np.flatnonzero(words.spans[:, 0] >= 0)
    starts, stops = spans[present].T
    before = np.searchsorted(starts, places[:, 0], "right") - 1
    if not present.size:
        return Cover(words.tokens, np.full(len(places), -1, np.int64))
    covered = (before >= 0) & (places[:, 0] < stops[before]) & (places[:, 0] < places[:, 1])
    return Cover(words.tokens, np.where(covered, present[before], -1))


def places_in_words(owners: Array) -> Array:
    """int32 (n_tokens,): BEGIN, MIDDLE, END or SINGLE among the tokens of a word, or NO_WORD."""
    same = owners[1:] == owners[:-1]
    as_before, as_behind = np.append(False, same), np.append(same, False)
    if not owners.size:
        return np.zeros(0, np.int32)
    inner = np.where(as_behind, MIDDLE, END)
    outer = np.where(as_behind, BEGIN, SINGLE)
    found = np.where(as_before, inner, outer)
    return np.where(owners < 0, NO_WORD, found).astype(np.int32)


def tokenizer_key(tokenizer: Tokenizer) -> Hashable:
    """What two tokenizers that make the same tokens have in common."""
    if tokenizer.code is None:
        return id(tokenizer)
    held = tokenizer.segmenter
    spec = tokenizer.code if held is None else held.lexicon.digest()
    return spec, tokenizer.lowercase, tokenizer.nfkc
