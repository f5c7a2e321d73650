"""A check that anyone can make: take the spaces out of a text, find its words, and compare.

What was found is scored against the spaces that were there: no dictionary, no labels, and still a
gold standard.
"""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from textzero.corpus import Corpus
from textzero.discovery.discover import discover_words
from textzero.files import whole_file
from textzero.lexicon import Lexicon
from textzero.report.blocks import Column, Facts, Passage, Passages, Section, Span, Table
from textzero.segmentation_score import SegmentationScore, score_segmentation
from textzero.segmenter import Segmenter

_WORD = re.compile(r"[^\W\d_]+")
_LETTERS = 3_000_000
_ROWS, _LINES = 2000, 40
_LINE = (40, 140)  # letters of the lines that are shown


@dataclass(frozen=True)
class Spaceless:
    """What was found in a text whose spaces were taken out.

    Attributes:
        lexicon: What was found.
        true: For each word of it, whether it is a word of the text with its spaces.
        score: The text cut by the lexicon, against its own spaces.
        words: Different words of the text.
        letters: Of the text.
        limited: Whether there was more text, which was not taken.
        shown: Lines with their words, and as they were cut.
    """

    lexicon: Lexicon
    true: list[bool]
    score: SegmentationScore
    words: int
    letters: int
    limited: bool
    shown: list[tuple[list[str], list[str]]]

    @property
    def share(self) -> float:
        """Share of the found words of two letters or more that are real."""
        real = [ok for word, ok in zip(self.lexicon, self.true, strict=True) if len(word) > 1]
        return sum(real) / max(len(real), 1)

    @property
    def longer(self) -> int:
        """How many words of two letters or more were found."""
        return sum(len(word) > 1 for word in self.lexicon)

    def first(self, n: int) -> list[str]:
        """The first words of two letters or more."""
        return [word for word in self.lexicon if len(word) > 1][:n]


def write_spaceless(corpus: Corpus, with_spaces: Path, without: Path) -> bool:
    """Write the words of a text with spaces between them, and without; return whether all of it.

    Small letters only; numbers, signs and empty lines are left out.
    """
    letters = 0
    with whole_file(with_spaces) as gold, whole_file(without) as plain:
        for text in corpus:
            words = _WORD.findall(text.lower())
            size = sum(map(len, words))
            if letters and letters + size > _LETTERS:
                return False
            letters += size
            if words:
                gold.write(" ".join(words).encode() + b"\n")
                plain.write("".join(words).encode() + b"\n")
    return True


def find_again(without: Path, lexicon_path: Path, **how: Any) -> None:
    """Find the words of the text without spaces, and write them."""
    lexicon = discover_words(Corpus(without), unit="letter", **how)
    lexicon.dropped = None
    lexicon.save(lexicon_path)


def compare(with_spaces: Path, lexicon_path: Path, whole: bool) -> Spaceless:
    """Score what was found against the spaces."""
    lexicon = Lexicon.load(lexicon_path)
    gold = [line.split() for line in with_spaces.read_text("utf-8").splitlines()]
    cut = list(Segmenter(lexicon).segment_batch("".join(words) for words in gold))
    vocabulary = {word for words in gold for word in words}
    return Spaceless(
        lexicon, [word in vocabulary for word in lexicon], score_segmentation(gold, cut),
        len(vocabulary), sum(len(word) for words in gold for word in words), not whole,
        _some(gold, cut),
    )  # fmt: skip


def _some(gold: list[list[str]], cut: list[list[str]]) -> list[tuple[list[str], list[str]]]:
    """Lines of a fit length, from all over the text."""
    fit = [i for i, words in enumerate(gold) if _LINE[0] <= sum(map(len, words)) <= _LINE[1]]
    step = max(1, len(fit) // _LINES)
    return [(gold[i], cut[i]) for i in fit[::step][:_LINES]]


def spaceless_sections(found: Spaceless) -> list[Section]:
    """Return what was found, and how the text was cut."""
    score, more = found.score, [len(word) > 1 for word in found.lexicon]
    facts = Facts({
        "letters": found.letters, "different words of the text": found.words,
        "words found": sum(more), "of them words of the text": f"{found.share:.1%}",
        "cut right (recall of words)": f"{score.recall:.1%}",
        "right among what was cut (precision)": f"{score.precision:.1%}", "F1": f"{score.f1:.1%}",
    })  # fmt: skip
    rows = [i for i, longer in enumerate(more) if longer][:_ROWS]
    words = list(found.lexicon.words)
    table = Table([
        Column("rank", list(range(1, len(rows) + 1)), "number", 0),
        Column("found", [words[i] for i in rows]),
        Column("in the text", ["yes" if found.true[i] else "no" for i in rows],
               about="Whether it is a word of the text with its spaces."),
        Column("times", found.lexicon.counts[rows], "bar", 0),
    ], search="Find a word")  # fmt: skip
    of = f"the first {len(rows):,} of {sum(more):,}" if len(rows) < sum(more) else "all"
    part = "the beginning of the text" if found.limited else "the text"
    about = (
        f"All spaces were taken out of {part}, and its words found again from the letters alone. "
        f"The spaces say how well: {found.share:.0%} of what was found are words of the text. The "
        f"table has {of}, those that save most bits first."
    )
    cut = Passages([Passage(_marked(gold, guess)) for gold, guess in found.shown],
                   (Span("a word", mark="right"), Span("no word", mark="wrong")))  # fmt: skip
    said = "Each line as it was cut; what is marked wrong begins or ends where no word does."
    return [
        Section("Words found without spaces", [facts, table], about),
        Section("The text, cut again", [cut], said),
    ]


def _marked(gold: list[str], guess: list[str]) -> list[Span]:
    places, end = set(), 0
    for word in gold:
        places.add((end, end + len(word)))
        end += len(word)
    spans: list[Span] = []
    end = 0
    for word in guess:
        right = (end, end + len(word)) in places
        spans += [Span(word, mark="right" if right else "wrong"), Span(" ")]
        end += len(word)
    return spans[:-1]
