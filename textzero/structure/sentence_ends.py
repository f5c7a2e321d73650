"""Where sentences end, in text and in the tokens of a piece."""

import re
from collections.abc import Sequence

import numpy as np

from textzero._compat import Array
from textzero.corpus import Piece
from textzero.packed import PADDING
from textzero.tokens import Tokenizer

ENDS = re.compile(
    r"""(?:[。！？!?｡‼⁇⁈⁉]|(?<!\.)\.++(?=\s|$))+      # one or more marks
        [)\]"'”’」』）】》]*                             # what closes behind them
        (?:[^\S\n\r\x85\u2028\u2029]+[”’」』）】》]+)*  # the same where text is cut into words
      | [\n\r\x85\u2028\u2029]""",
    re.VERBOSE,
)
_LINE_FEED = 0x0A


def cut_piece(piece: Piece) -> Piece:
    """Put a line feed in the place of each end of a sentence."""
    text = piece.string()
    if piece.boundary != _LINE_FEED:
        text = text.replace(chr(piece.boundary), "\n")
    data = ENDS.sub("\n", text).encode()
    array = np.frombuffer(data + bytes(PADDING), np.uint8)
    return Piece(array, len(data), _LINE_FEED, piece.stored)


def white_space(tokenizer: Tokenizer) -> list[bytes]:
    """Return the white space, as UTF-8, that a token may hold: only words of lexicons hold some."""
    if tokenizer.segmenter is None:
        return []
    letters = set(tokenizer.segmenter.lexicon.words.text.tobytes().decode("utf-8", "replace"))
    found = {c for c in letters if c.isspace()}
    return sorted(c.encode() for c in found | {" "}) if found else []  # NFKC may make it a space


def cut_tokens(
    text: Array, starts: Array, stops: Array, spaces: Sequence[bytes]
) -> tuple[Array, Array]:
    """Cut the tokens of a piece (see `find_tokens`) at white space; return (starts, stops)."""
    for space in spaces:
        last = int(stops.max(initial=0))
        found = np.ones(last, bool)
        for k, byte in enumerate(space):
            found &= text[k : last + k] == byte
        places = np.flatnonzero(found)
        tokens = np.flatnonzero(starts >= 0)
        order = np.searchsorted(starts[tokens], places, "right") - 1
        places, around = places[order >= 0], tokens[order[order >= 0]]
        inside = places < stops[around]
        places, around = places[inside], around[inside]
        starts = np.insert(starts, around + 1, places + len(space))
        stops = np.insert(stops, around, places)
        kept = (starts < 0) | (starts < stops)
        starts, stops = starts[kept], stops[kept]
    return starts, stops
