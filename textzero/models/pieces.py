"""What a tagger reads at once: words of raw text, and long texts in pieces."""

import re
from collections.abc import Sequence

import numpy as np

from textzero._compat import Array
from textzero.models.alignment import align
from textzero.models.word_table import WordTable

FORBIDDEN, ANYWHERE, GAP, CLAUSE, SENTENCE = range(-1, 4)
"""How good a cut behind a token is."""

_SENTENCE_ENDS = frozenset("。！？!?…．.;；")
_CLAUSE_ENDS = frozenset("，,、：:")

_WORDS = re.compile(r"\d+(?:[.,]\d+)*|\w+(?:['’-]\w+)*|[^\w\s]")


def word_spans(texts: Sequence[str], joiner: str, tables: Sequence[WordTable]) -> list[Array]:
    """Return where the words of each text are: int64 (n_words, 2), in characters.

    Args:
        texts: The texts.
        joiner: What stands between words: with a space a word is a number, letters with inner
            hyphens and apostrophes, or one symbol; without, the words are those of a lexicon.
        tables: Word vectors; the first with a lexicon has it.

    Raises:
        ValueError: Nothing stands between words, and no vectors have a lexicon.
    """
    if joiner:
        found = [[match.span() for match in _WORDS.finditer(text)] for text in texts]
        return [np.array(places, np.int64).reshape(-1, 2) for places in found]
    lexical = next((t.tokenizer for t in tables if t.tokenizer.segmenter is not None), None)
    if lexical is None:
        raise ValueError(
            "this model tags words, and its vectors have no lexicon to cut text into them; "
            "cut it yourself and call predict_tags"
        )
    aligned = align(lexical, texts)
    bounds = zip(aligned.offsets[:-1], aligned.offsets[1:], strict=True)
    return [aligned.spans[start:end] for start, end in bounds]


def cut_quality(text: str, tokens: list[str], spans: Array) -> Array:
    """Return how good a cut behind each token is: int8 (n_tokens,).

    Args:
        text: The raw text.
        tokens: Its tokens.
        spans: int (n_tokens, 2). Their character offsets.
    """
    quality = np.full(len(tokens), ANYWHERE, np.int8)
    for place, token in enumerate(tokens):
        stop = spans[place, 1]
        after = text[stop : spans[place + 1, 0]] if place + 1 < len(tokens) else ""
        if "\n" in after or token[-1:] in _SENTENCE_ENDS:
            quality[place] = SENTENCE
        elif token[-1:] in _CLAUSE_ENDS:
            quality[place] = CLAUSE
        elif after and re.search(r"\s", after):
            quality[place] = GAP
    return quality


def cut_pieces(quality: Array, longest: int) -> list[tuple[int, int]]:
    """Cut tokens into pieces of at most `longest`, each ending at the best place it can.

    Of the places that are equally good the last is taken. All tokens are in one piece.

    Args:
        quality: int (n_tokens,). As of `cut_quality`; below 0 only where nothing else is.
        longest: Tokens of a piece, at least 1.

    Returns:
        First token of each piece and the one behind its last.

    Example:
        >>> cut_pieces(np.array([0, 3, 0, 0, 0]), 3)
        [(0, 2), (2, 5)]
    """
    if longest < 1:
        raise ValueError(f"longest must be at least 1, got {longest}")
    pieces, start = [], 0
    while len(quality) - start > longest:
        window = quality[start : start + longest]
        best = len(window) - 1 - int(np.argmax(window[::-1]))
        pieces.append((start, start + best + 1))
        start += best + 1
    if start < len(quality):
        pieces.append((start, len(quality)))
    return pieces
