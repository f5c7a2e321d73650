"""What words and texts cost under a lexicon's model, in logarithms and in bits."""

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from textzero._compat import Array
from textzero.characters import code_points
from textzero.kernels.reference.segment import LIMIT, MIDDLE, SCALE, UNKNOWN, atom_classes
from textzero.kernels.reference.text import APOSTROPHE, OTHER, SEPARATOR

_MARGIN = math.log(10)  # an unknown character is so much less probable than the rarest word
_FURTHER = math.log(64)  # and so much for each further character of an unknown atom


@dataclass(frozen=True)
class Information:
    """What a text costs under a lexicon's model.

    White space, and symbols that stand alone, count neither as characters nor as bits.

    Attributes:
        bits: Of the best segmentation.
        characters: That these bits are for.
        tokens: Words and unknown atoms of the best segmentation.
        unknown: Atoms among them that are no words.
    """

    bits: float
    characters: int
    tokens: int
    unknown: int

    @property
    def bits_per_character(self) -> float:
        """Bits divided by characters; 0 for a text without any."""
        return self.bits / self.characters if self.characters else 0.0

    def __add__(self, other: "Information") -> "Information":
        return Information(
            self.bits + other.bits,
            self.characters + other.characters,
            self.tokens + other.tokens,
            self.unknown + other.unknown,
        )


def information_of(points: Array, tokens: Array, log_probabilities: Array) -> Information:
    """Add up what the tokens of a segmentation cost.

    Args:
        points: uint32. The text's characters.
        tokens: int32 (4, n). As the kernel's `cut` gives them, without separators.
        log_probabilities: float64 (n_words,). Of the lexicon's words.
    """
    starts, stops, words, _ = tokens
    kinds = atom_classes()[points[starts]]
    unknown = words == UNKNOWN
    lengths = (stops - starts).astype(np.int64)
    symbols = np.isin(kinds, (OTHER, APOSTROPHE, MIDDLE))
    counted = ~(symbols & (unknown | (lengths == 1)))
    first, further, lowest = unknown_costs(log_probabilities).tolist()
    scores = np.maximum(first + further * (lengths - 1), lowest)
    logs = logs_of(words, scores, log_probabilities)
    return Information(
        float(-logs[counted].sum() / np.log(2)) + 0.0,
        int(lengths[counted].sum()),
        int(np.count_nonzero(counted)),
        int(np.count_nonzero(counted & unknown)),
    )


def character_entropy(texts: Iterable[str]) -> float:
    """Return the entropy of the characters of texts, in bits a character.

    The characters that `Segmenter.information` counts: letters, marks and numbers. The texts are
    their own model, so this is the least that any unigram model of characters needs.
    """
    counts = np.zeros(0x110000, np.int64)
    for text in texts:
        points, times = np.unique(code_points(text), return_counts=True)
        counts[points] += times
    counts[np.isin(atom_classes(), (SEPARATOR, OTHER, APOSTROPHE, MIDDLE))] = 0
    held = counts[counts > 0]
    return float(-(held * np.log2(held / max(held.sum(), 1))).sum() / max(held.sum(), 1)) + 0.0


def scores_of(logs: Array) -> Array:
    """int64: what Viterbi's algorithm adds, natural logarithms times SCALE, rounded."""
    return np.rint(logs * SCALE).astype(np.int64)


def logs_of(words: Array, scores: Array, log_probabilities: Array) -> Array:
    """float64: of words as the lexicon has them, not as rounded scores; of others the scores."""
    logs = scores / SCALE
    known = words >= 0
    logs[known] = log_probabilities[words[known]]
    return logs


def unknown_costs(logs: Array) -> Array:
    """int64 (3,): scores of an unknown character, of each further one, of the longest atom."""
    least = float(logs.min(initial=0.0))
    costs = [least - _MARGIN, -_FURTHER, -2.5 * LIMIT]
    return np.rint(np.array(costs) * SCALE).astype(np.int64)
