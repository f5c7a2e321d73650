"""Examples in context: where the words of a lexicon stand as words in a text.

The text is cut by the lexicon's own Segmenter, so that 大学 is not found in 北大学生 when that is
北大 and 学生. Stretches from all over the corpus are read, and no more than a bound.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from textzero._compat import Array
from textzero.characters import fold_table
from textzero.corpus import Corpus, Split
from textzero.lexicon import Lexicon
from textzero.progress import Progress
from textzero.report.blocks import Passage, Span
from textzero.segmenter import Segmenter

READ = 20 << 20  # bytes of the corpus that are looked at
_SPLIT = 1 << 20
_CONTEXT = 24  # characters on each side
_LONGEST = 2000  # characters of a document that are looked at; then the next one
_SHORT = 16  # characters; a shorter document, such as a heading, is taken when there is no other


@dataclass
class Examples:
    """Where some words stand.

    Attributes:
        found: For each word its passages, in the order of the text.
        read: Bytes of UTF-8 that were looked at.
        size: Bytes that the corpus has, as stored (0 for documents in memory).
    """

    found: dict[str, list[Passage]] = field(default_factory=dict)
    read: int = 0
    size: int = 0

    def said(self) -> str:
        """Say what was looked at; the words are the first of a table."""
        held = sum(map(bool, self.found.values()))
        part = f"{self.read / 1e6:,.1f} MB of the text"
        if self.size > self.read:
            part += f" (of {self.size / 1e6:,.1f} MB as stored, in stretches from all over it)"
        return (
            f"Examples of the first {len(self.found):,} words were looked for in {part}; "
            f"{held:,} have some."
        )


def find_examples(
    lexicon: Lexicon,
    corpus: Corpus,
    words: Sequence[str],
    *,
    each: int = 3,
    read: int = READ,
    progress: Progress | None = None,
) -> Examples:
    """Find words in a corpus, each in at most one passage of a document.

    Args:
        lexicon: What cuts the text.
        corpus: Where to look.
        words: Words of the lexicon.
        each: Passages of a word, at most.
        read: Bytes of UTF-8 to look at, about.
        progress: Told how many bytes were looked at.
    """
    segmenter, progress = Segmenter(lexicon), progress or Progress()
    folds = _Folds(segmenter)
    examples = Examples({word: [] for word in words}, size=corpus.size)
    short: dict[str, list[Passage]] = {}
    wanted = {folds(word): word for word in words}
    splits = _spread(corpus.splits(_SPLIT), read // _SPLIT)
    quota = -(-each // max(len(splits), 1))  # of a split, so that passages come from many
    reading = corpus.new_reading()
    with progress.stage("examples", min(corpus.size, read)):
        for split in splits:
            taken: dict[str, int] = {}
            before = examples.read
            for text, _ in corpus.parts(split, reading):
                examples.read += len(text.encode()) + 1
                for word, passage in _passages(segmenter, folds, wanted, text[:_LONGEST]):
                    if len(text) < _SHORT:
                        short.setdefault(word, []).append(passage)
                        del short[word][each:]
                    elif taken.get(word, 0) < quota:
                        taken[word] = taken.get(word, 0) + 1
                        examples.found[word].append(passage)
                        if len(examples.found[word]) >= each:
                            del wanted[folds(word)]
                if examples.read > read or not wanted:
                    break
            progress.advance(examples.read - before)
            if examples.read > read or not wanted:
                break
    for word, passages in short.items():
        examples.found[word] += passages[: each - len(examples.found[word])]
    return examples


def _spread(splits: list[Split], most: int) -> list[Split]:
    """At most so many of the splits, the first among them, in equal steps."""
    if len(splits) <= max(most, 1):
        return splits
    return [splits[i] for i in np.linspace(0, len(splits) - 1, max(most, 1)).astype(int).tolist()]


class _Folds:
    """Words as the lexicon compares them."""

    def __init__(self, segmenter: Segmenter) -> None:
        is_plain = not (segmenter.lowercase or segmenter.nfkc)
        folds = None if is_plain else fold_table(segmenter.lowercase, segmenter.nfkc)
        self._table: Array | None = folds
        self._known: dict[str, str] = {}

    def __call__(self, word: str) -> str:
        if self._table is None:
            return word
        known = self._known.get(word)
        if known is None:
            known = "".join(chr(self._table[ord(character)]) for character in word)
            if len(word) < 20:
                self._known[word] = known
        return known


def _passages(
    segmenter: Segmenter, folds: _Folds, wanted: dict[str, str], text: str
) -> list[tuple[str, Passage]]:
    """The wanted words of a document, each where it stands first."""
    found: dict[str, Passage] = {}
    start = 0
    for token in segmenter.segment(text):
        word = wanted.get(folds(token))
        if word is not None and word not in found:
            found[word] = _in_context(text, start, start + len(token))
        start += len(token)
    return list(found.items())


def _in_context(text: str, start: int, stop: int) -> Passage:
    first, last = max(0, start - _CONTEXT), min(len(text), stop + _CONTEXT)
    spans = [
        Span(("…" if first else "") + text[first:start]),
        Span(text[start:stop], mark="here"),
        Span(text[stop:last] + ("…" if last < len(text) else "")),
    ]
    return Passage([span for span in spans if span.text])
