"""Where the tokens of a text stand in it: character offsets in the text as it was given.

A tokenizer may read the text folded (NFKC, lower case, a lexicon's folding), which can change its
length. `fold` keeps for every folded character the raw characters that it came from: one for one
where that is so, else the shortest stretch whose normal form does not depend on what is around it.
Built-in tokenizers say themselves where their tokens are; the tokens of a Python function are
looked for, and those that are not in the text are reported as absent.
"""

import re
import unicodedata
from bisect import bisect_right
from collections.abc import Sequence
from functools import cache
from typing import Any, NamedTuple

import numpy as np

from textzero._compat import Array
from textzero.characters import code_points, fold_table
from textzero.kernels import kernel
from textzero.kernels.reference.text import SEPARATOR, character_classes
from textzero.tokens import Tokenizer

ABSENT = -1  # both offsets of a token that is not in the text
_PLANES = 0x20000  # no character above has a normal form of its own, but those of _FORMS
_FORMS = range(0x2F800, 0x2FA20)
_JAMO = (*range(0x1161, 0x1176), *range(0x11A8, 0x11C3))  # compose with the syllable before
_SURROGATES = re.compile("[\ud800-\udfff]")
_PADDING = bytes(16)


class Folded(NamedTuple):
    """A text as a tokenizer reads it.

    Attributes:
        text: The folded text.
        starts, stops: int64 (len(text),). Character i came from raw[starts[i]:stops[i]]; both
            ascend. None where every character came from the one at its own place.
    """

    text: str
    starts: Array | None
    stops: Array | None


class Aligned(NamedTuple):
    """The tokens of many texts, end to end.

    Attributes:
        tokens: The tokens.
        spans: int64 (n_tokens, 2). Where each begins and ends in its own text, in characters;
            (-1, -1) for a token that is not in the text. Both ascend in a text, and tokens cut out
            of one raw character (the 1 and the 2 of a folded ½) have the same span.
        offsets: int64 (n_texts + 1,). Text i has the tokens offsets[i] to offsets[i + 1].
    """

    tokens: list[str]
    spans: Array
    offsets: Array


def align(tokenizer: Tokenizer, texts: Sequence[str]) -> Aligned:
    """Tokenize texts, and say where the tokens are; the tokens are those of `tokenizer(text)`.

    Raises:
        TokenizerError: A Python tokenizer raised, or returned no list of strings.
    """
    if tokenizer.code is not None:
        return _align_built_in(tokenizer, texts)
    tokens: list[str] = []
    spans, ends = [np.zeros((0, 2), np.int64)], [0]
    for text in texts:
        found = tokenizer(text)
        tokens += found
        spans.append(find_spans(found, fold(tokenizer, text)))
        ends.append(len(tokens))
    return Aligned(tokens, np.concatenate(spans), np.array(ends, np.int64))


def _align_built_in(tokenizer: Tokenizer, texts: Sequence[str]) -> Aligned:
    """All texts at once, joined by line feeds, which separate, compose with nothing and fold not.

    The folding of each is as if it stood alone: a final sigma looks no further than a line feed.
    """
    joined = "\n".join(texts)
    if not joined.isascii():
        joined = _SURROGATES.sub("\ufffd", joined)  # both separate, and only one is UTF-8
    folded = fold(tokenizer, joined)
    if tokenizer.segmenter is not None:
        starts, stops = tokenizer.segmenter.spans(folded.text).T
    else:
        starts, stops = _kernel_spans(folded.text, tokenizer.code)
    pairs = zip(starts.tolist(), stops.tolist(), strict=True)
    tokens = [folded.text[start:stop] for start, stop in pairs]
    if folded.starts is not None and folded.stops is not None:
        starts, stops = folded.starts[starts], folded.stops[stops - 1]
    lengths = np.fromiter(map(len, texts), np.int64, len(texts))
    firsts = np.zeros(len(texts) + 1, np.int64)
    np.cumsum(lengths + 1, out=firsts[1:])
    offsets = np.searchsorted(starts, firsts)
    own = np.repeat(firsts[:-1], np.diff(offsets))
    return Aligned(tokens, np.stack([starts - own, stops - own], axis=1), offsets)


def _kernel_spans(text: str, code: int | None) -> tuple[Array, Array]:
    """Starts and stops of a kernel's tokens, in characters, int64."""
    data = text.encode()
    buffer = np.frombuffer(data + _PADDING, np.uint8)
    found = kernel("text").find_tokens(buffer, len(data), character_classes(), code, 0)
    starts, stops = (places[found[0] >= 0].astype(np.int64) for places in found)
    if len(data) == len(text):
        return starts, stops
    characters = np.cumsum((buffer & 0xC0) != 0x80, dtype=np.int64)  # first bytes up to here
    return characters[starts] - 1, characters[stops - 1]


# --- folding ----------------------------------------------------------------------------------


def fold(tokenizer: Tokenizer, text: str) -> Folded:
    """Return a text as `tokenizer.normalise` does, with where its characters came from."""
    starts: Array | None = None
    stops: Array | None = None
    if tokenizer.nfkc and not unicodedata.is_normalized("NFKC", text):
        text, starts, stops = _normal_form(text)
    if tokenizer.lowercase:
        lowered = text.lower()
        if len(lowered) != len(text):  # İ becomes two characters; none become one
            widths = np.fromiter((len(c.lower()) for c in text), np.int64, len(text))
            origin = np.repeat(np.arange(len(text)), widths)
            starts = origin if starts is None else starts[origin]
            stops = origin + 1 if stops is None else stops[origin]
        text = lowered
    held = tokenizer.segmenter
    if held is not None and (held.lowercase or held.nfkc):
        folds = fold_table(held.lowercase, held.nfkc)
        text = _text(folds[code_points(text)])
    return Folded(text, starts, stops)


def _normal_form(text: str) -> tuple[str, Array, Array]:
    """NFKC of a text and where its characters came from.

    The text is cut before every character that changes nothing before it and is not changed by it,
    and behind line feeds; normal forms of the parts, end to end, are that of the whole.
    """
    begins, inert = _boundaries()
    points = code_points(text)
    cut = begins[points]
    cut[:1] = True
    cut[1:] |= points[:-1] == 0x0A  # so that no part reaches over a line feed
    firsts = np.flatnonzero(cut)
    lasts = np.append(firsts, points.size)[1:]
    widths = lasts - firsts
    held = np.flatnonzero((widths > 1) | ~inert[points[firsts]])
    parts, done, same = [], 0, []
    for k in held.tolist():
        first, last = int(firsts[k]), int(lasts[k])
        raw = text[first:last]
        normal = unicodedata.normalize("NFKC", raw)
        parts += [text[done:first], normal]
        done = last
        if normal == raw:
            same.append(k)
        widths[k] = len(normal)
    parts.append(text[done:])
    starts, stops = np.repeat(firsts, widths), np.repeat(lasts, widths)
    ends = np.cumsum(widths)
    for k in same:  # a cluster of several characters that stays: one for one
        here = np.arange(firsts[k], lasts[k])
        starts[ends[k] - widths[k] : ends[k]], stops[ends[k] - widths[k] : ends[k]] = here, here + 1
    return "".join(parts), starts, stops


@cache
def _boundaries() -> tuple[Array, Array]:
    """Two bool (0x110000,): before which characters NFKC can be cut; which it leaves alone.

    A character begins a part when its decomposition begins with one of combining class 0 that is
    not the second half of any composition.
    """
    seconds = {chr(point) for point in _JAMO}
    for point in range(_PLANES):
        halves = unicodedata.decomposition(chr(point)).split()
        if len(halves) == 2 and not halves[0].startswith("<"):
            seconds.add(chr(int(halves[1], 16)))
    begins, inert = np.ones(0x110000, bool), np.ones(0x110000, bool)
    for point in (*range(_PLANES), *_FORMS):
        character = chr(point)
        first = unicodedata.normalize("NFKD", character)[0]
        begins[point] = not unicodedata.combining(first) and first not in seconds
        inert[point] = unicodedata.normalize("NFKC", character) == character
    for table in (begins, inert):
        table.setflags(write=False)
    return begins, inert


# --- tokens of a Python function ----------------------------------------------------------------


def find_spans(tokens: Sequence[str], folded: Folded) -> Array:
    """Find tokens in a text, in their order and apart from each other.

    Of all ways to place them the one that places most characters, so that a token that is not in
    the text at its place cannot push the others out of theirs. A token that is nowhere as it is
    is looked for without regard to case.

    Args:
        tokens: As `Tokenizer.__call__` returns them: separators are spaces.
        folded: The text.

    Returns:
        int64 (n, 2): Offsets in the raw text; (-1, -1) for tokens that are absent.
    """
    points = code_points(folded.text).copy()
    points[character_classes()[points] == SEPARATOR] = 0x20
    text = _text(points)
    places = _one_by_one(tokens, text)
    if places is None:
        places = _most_characters(tokens, text)
    spans = np.full((len(tokens), 2), ABSENT, np.int64)
    for k, start in enumerate(places):
        if start != ABSENT and tokens[k]:
            spans[k] = start, start + len(tokens[k])
    if folded.starts is not None and folded.stops is not None:
        held = spans[:, 0] != ABSENT
        spans[held] = np.stack(
            [folded.starts[spans[held, 0]], folded.stops[spans[held, 1] - 1]], axis=1
        )
    return spans


def _one_by_one(tokens: Sequence[str], text: str) -> list[int] | None:
    """Each token behind the one before it; None when one is not there."""
    places, cursor = [], 0
    for token in tokens:
        start = text.find(token, cursor)
        if start < 0:
            return None
        places.append(start)
        cursor = start + len(token)
    return places


def _most_characters(tokens: Sequence[str], text: str) -> list[int]:
    """Starts of the tokens, ABSENT for those that are left out.

    `ends` ascend and so do the `scores` (most characters placed before such an end); each has the
    chain of (token, start) that leads there, ending in the last.
    """
    lowered = text.lower()
    lowered = lowered if len(lowered) == len(text) else text
    ends, scores = [0], [0]
    chains: list[tuple[Any, ...] | None] = [None]
    for k, token in enumerate(tokens):
        starts = _occurrences(token, text) or _occurrences(token.lower(), lowered)
        size, new = len(token), []
        for start in starts:
            held = bisect_right(ends, start) - 1
            new.append((start + size, scores[held] + size, (k, start, chains[held])))
        for end, score, chain in new:
            at = bisect_right(ends, end)
            if scores[at - 1] >= score:
                continue
            first = at - 1 if ends[at - 1] == end else at
            while at < len(ends) and scores[at] <= score:
                at += 1
            ends[first:at], scores[first:at], chains[first:at] = [end], [score], [chain]
    places, link = [ABSENT] * len(tokens), chains[-1]
    while link is not None:
        k, start, link = link
        places[k] = start
    return places


def _occurrences(token: str, text: str) -> list[int]:
    found: list[int] = []
    start = text.find(token) if token else -1
    while start >= 0:
        found.append(start)
        start = text.find(token, start + 1)
    return found


def _text(points: Array) -> str:
    return points.astype("<u4").tobytes().decode("utf-32-le", "surrogatepass")
