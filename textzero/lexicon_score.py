"""How well the words of a lexicon agree with a list of words that somebody made."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from textzero._frames import Row
from textzero.characters import fold_table
from textzero.errors import InputError
from textzero.lexicon import Lexicon, units_in


@dataclass(frozen=True)
class LexiconScore(Row):
    """Agreement of a lexicon with a list of words.

    Attributes:
        precision: Share of the lexicon's words that are in the list.
        recall: Share of the list that is in the lexicon.
        f1: Harmonic mean of both.
        gold: Words of the list.
        found: Words of the lexicon.
        correct: Words in both.
        by_length: For each "length" in units, from 2 on, the same six figures by their names;
            a share of nothing is None.
        wrong: Words of the lexicon alone, in its order.
        missing: Words of the list alone, in its order.
    """

    precision: float
    recall: float
    f1: float
    gold: int
    found: int
    correct: int
    by_length: list[dict[str, Any]]
    wrong: list[str]
    missing: list[str]


def score_lexicon(lexicon: Lexicon | str | Path, gold: Iterable[str] | str | Path) -> LexiconScore:
    """Compare the words of a lexicon with a list of words.

    Words of one unit (a character, a word among phrases) are left out of both: all of them are in
    any text. The list is folded to full width and lower case as the lexicon's words are.

    Args:
        lexicon: The words, or their file.
        gold: Words, a lexicon, or the file of one or of a list.

    Raises:
        InputError: A file cannot be read, or one side has no word of two units or more.

    Example:
        >>> lexicon = Lexicon(["的", "北京", "京大", "北京大学"], [9, 3, 2, 1])
        >>> score = score_lexicon(lexicon, ["北京", "大学", "北京大学"])
        >>> score.correct, score.wrong, score.missing
        (2, ['京大'], ['大学'])
        >>> [(row["length"], row["recall"]) for row in score.by_length]
        [(2, 0.5), (4, 1.0)]
    """
    held = Lexicon.load(lexicon) if isinstance(lexicon, (str, Path)) else lexicon
    named = Lexicon.load(gold) if isinstance(gold, (str, Path)) else gold
    folds = fold_table(held.settings["lowercase"], held.settings["nfkc"])
    folded = dict.fromkeys("".join(chr(folds[ord(c)]) for c in word) for word in named)
    found = dict(_sized(list(held), held.settings["unit"]))
    true = dict(_sized(list(folded), held.settings["unit"]))
    for words, side in ((found, "the lexicon"), (true, "the gold list")):
        if not words:
            raise InputError(f"{side} must have a word of at least two {held.settings['unit']}s")
    both = [word for word in true if word in found]
    lengths = [Counter(words.values()) for words in (true, found)]
    lengths.append(Counter(true[word] for word in both))
    return LexiconScore(
        **_figures(len(true), len(found), len(both)),
        by_length=[
            {"length": n, **_figures(*(counted[n] for counted in lengths))}
            for n in sorted({*true.values(), *found.values()})
        ],
        wrong=[word for word in found if word not in true],
        missing=[word for word in true if word not in found],
    )


def _figures(gold: int, found: int, correct: int) -> dict[str, Any]:
    return {
        "precision": correct / found if found else None,
        "recall": correct / gold if gold else None,
        "f1": 2 * correct / (gold + found),
        "gold": gold, "found": found, "correct": correct,
    }  # fmt: skip


def _sized(words: list[str], unit: str) -> Iterator[tuple[str, int]]:
    """Yield words of several units, and how many those are."""
    for word, n in zip(words, units_in(words, unit).tolist(), strict=True):
        if n > 1:
            yield word, n
