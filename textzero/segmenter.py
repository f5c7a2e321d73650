"""Segmenter: text cut into the words of a lexicon, the way that needs the least information.

The text is a product of word probabilities, and the best segmentation is the one whose product is
largest: Viterbi's algorithm (Su Jianlin, https://kexue.fm/archives/5476). A segmentation can also
be drawn, exactly in proportion to its probability (https://kexue.fm/archives/9811).

A word is found only where it begins and ends between atoms: 卡拉OK is in 卡拉OK了, but not in
卡拉OKabc. An atom is a character of a script without spaces, a run of letters and digits of
another, a symbol or a separator; `kernels/reference/segment.py` has the definition. What no word
covers comes out atom by atom.
"""

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from types import ModuleType
from typing import Any

import numpy as np

from textzero._arguments import checked
from textzero._compat import Array
from textzero.characters import code_points, fold_table
from textzero.information import Information, information_of, scores_of, unknown_costs
from textzero.kernels import kernel
from textzero.kernels.reference.segment import UNITS
from textzero.lexicon import Lexicon
from textzero.parallel import ordered_threads, worker_count
from textzero.segmentations import Lattice

_PART = 1 << 16  # characters that are segmented at once: their tokens stay in the cache
_PLANE = 0x10000


class Segmenter:
    """Cuts text into words; a tokenizer wherever one goes.

    The lexicon's settings say how text is compared with words. "unit": "character" is for scripts
    without spaces; with "letter" a word of any script may begin and end at any letter (English or
    Korean written without spaces); with "word" an entry may hold single spaces ("new york").
    "lowercase" and "nfkc": each character is compared as its lower case, as its NFKC form, where
    that is one character; the tokens are the text as it stands.

    An unknown atom has a tenth of the rarest word's probability, and 1/64 of that for each
    further character. White space costs nothing.

    Args:
        lexicon: A `Lexicon`, a mapping word -> count, or a file that `Lexicon.load` reads.

    Attributes:
        lexicon: The lexicon.

    Raises:
        InputError: The file is no lexicon.

    Example:
        >>> segmenter = Segmenter({"研究": 5, "研究生": 2, "生命": 4, "起源": 1, "命": 1})
        >>> segmenter("研究生命 起源")
        ['研究', '生命', '起源']
        >>> segmenter.segment("研究生命 起源")
        ['研究', '生命', ' ', '起源']
    """

    @checked
    def __init__(self, lexicon: "Lexicon | Mapping[str, int] | str | os.PathLike[str]") -> None:
        if isinstance(lexicon, (str, os.PathLike)):
            lexicon = Lexicon.load(os.fspath(lexicon))
        elif not isinstance(lexicon, Mapping):
            raise TypeError(
                f"lexicon must be a Lexicon, a mapping or a path, got {type(lexicon).__name__}"
            )
        self.lexicon = lexicon if isinstance(lexicon, Lexicon) else Lexicon.from_counts(lexicon)

    def __repr__(self) -> str:
        return f"Segmenter({self.lexicon!r})"

    def __reduce__(self) -> tuple[Any, ...]:
        """Send words and probabilities to another process, which makes the model anew."""
        held = self.lexicon
        slim = Lexicon(held.words, held.counts, held.log_probabilities, settings=held.settings)
        return Segmenter, (slim,)

    @property
    def lowercase(self) -> bool:
        """Whether characters are compared as their lower case."""
        return bool(self.lexicon.settings["lowercase"])

    @property
    def nfkc(self) -> bool:
        """Whether characters are compared as their NFKC form."""
        return bool(self.lexicon.settings["nfkc"])

    @cached_property
    def _kernels(self) -> ModuleType:
        return kernel("segment")

    @cached_property
    def model(self) -> Any:
        """The kernel's handle on the words."""
        held = self.lexicon
        unit = UNITS.index(held.settings["unit"])
        return self._kernels.new_model(
            *(held.words.text, held.words.offsets, scores_of(held.log_probabilities)),
            *(unknown_costs(held.log_probabilities), self._folds, unit),
        )

    @property
    def _folds(self) -> Array:
        return fold_table(self.lowercase, self.nfkc)

    @cached_property
    def _readings(self) -> Array:
        """Object (n_words + 0x10000,): what the last row of `cut` stands for, made only once."""
        held = self.lexicon
        words: Iterable[str] = held.words
        if self.lowercase or self.nfkc:
            folds = self._folds
            words = ("".join(map(chr, folds[code_points(word)].tolist())) for word in words)
        table = np.empty(len(held) + _PLANE, object)
        table[: len(held)] = list(words)
        table[len(held) :] = list(map(chr, range(_PLANE)))
        return table

    # --- the best segmentation --------------------------------------------------------------

    def __call__(self, text: str) -> list[str]:
        """Cut a text into words, without the white space between them."""
        return self.segment(text, spaces=False)

    def segment(self, text: str, *, spaces: bool = True) -> list[str]:
        """Cut a text into words and separators; joined they are the text, whatever it holds.

        Args:
            text: Any string.
            spaces: Whether to keep separators (white space, control and format characters), one
                token a character.
        """
        if not isinstance(text, str):
            raise TypeError(f"text must be a string, got {text!r:.60}")
        if len(text) <= _PART:
            return self._tokens(text, *self._kernels.cut(self.model, code_points(text), spaces))
        tokens: list[str] = []
        for part in _parts(text):
            tokens += self._tokens(part, *self._kernels.cut(self.model, code_points(part), spaces))
        return tokens

    @checked
    def spans(self, text: str) -> Array:
        """int64 (n, 2): where the tokens of `segmenter(text)` begin and end, in characters."""
        found, begin = [np.zeros((0, 2), np.int64)], 0
        for part in _parts(text):
            tokens, _ = self._kernels.cut(self.model, code_points(part), False)
            found.append(tokens[:2].T.astype(np.int64) + begin)
            begin += len(part)
        return np.concatenate(found)

    def segment_batch(
        self, texts: Iterable[str], *, spaces: bool = True, workers: int | None = None
    ) -> Iterator[list[str]]:
        """Yield `segment(text)` for many texts, from threads, in their order.

        Short texts are segmented together, which is much quicker than one by one.
        """
        _ = self.model, self._readings  # made here, not in every thread
        batches = ordered_threads(
            lambda batch: self._batch(batch, spaces), _batches(texts), worker_count(workers)
        )
        for batch in batches:
            yield from batch

    def _batch(self, texts: list[str], spaces: bool) -> list[list[str]]:
        if len(texts) == 1:
            return [self.segment(texts[0], spaces=spaces)]
        joined = "\n".join(texts)  # a line feed is a token of its own
        found, unread = self._kernels.cut(self.model, code_points(joined), spaces)
        tokens = self._tokens(joined, found, unread)
        lengths = np.array([len(text) + 1 for text in texts], np.int64)
        ends = np.cumsum(lengths)
        firsts = np.searchsorted(found[0], ends - lengths).tolist()
        lasts = np.searchsorted(found[0], ends - 1).tolist()
        return [tokens[a:b] for a, b in zip(firsts, lasts, strict=True)]

    def _tokens(self, text: str, found: Array, unread: Array) -> list[str]:
        tokens = self._readings.take(found[3], mode="clip").tolist()
        if unread.size > 4:
            starts, stops = found[:2, unread].tolist()
            for k, start, stop in zip(unread.tolist(), starts, stops, strict=True):
                tokens[k] = text[start:stop]
        else:  # less work for short texts
            for k in unread.tolist():
                tokens[k] = text[found.item(0, k) : found.item(1, k)]
        return tokens

    def find(self, text: Array, size: int, boundary: int) -> tuple[Array, Array]:
        """Find the tokens of well-formed UTF-8; see `kernels/reference/segment.py`."""
        return self._kernels.find_words(self.model, text, size, boundary)

    # --- all segmentations ------------------------------------------------------------------

    @checked
    def n_best(self, text: str, n: int, *, spaces: bool = True) -> list[tuple[list[str], float]]:
        """Return the `n` most probable segmentations, each with its log-probability.

        Best first; of equally probable ones that with the longest last word comes first. There
        are fewer when the text has fewer segmentations. The logarithms are natural.
        """
        if n < 1:
            raise ValueError(f"n must be at least 1, got {n}")
        return self._lattice(text).n_best(n, spaces)

    @checked
    def sample(
        self,
        text: str,
        alpha: float = 1.0,
        seed: "int | Sequence[int] | np.random.Generator" = 0,
        *,
        spaces: bool = True,
    ) -> list[str]:
        """Draw a segmentation with a probability proportional to P(segmentation) ** alpha.

        Exact for every text and every alpha: sums over all segmentations forward, a draw at each
        word backward. A large alpha gives the best segmentation, 0 makes all equally probable.
        A seed gives the same draw each time, NumPy's generator the next one.
        """
        if not 0 <= alpha < float("inf"):
            raise ValueError(f"alpha must be at least 0, got {alpha}")
        return self._lattice(text).draw(alpha, seed, spaces)

    def log_marginal(self, text: str) -> float:
        """Return ln P(text): the sum over all segmentations."""
        return self._lattice(text).log_marginal()

    @checked
    def marginals(self, text: str) -> Array:
        """float64 (len(text) + 1,): the probability that the text is cut before each character."""
        return self._lattice(text).marginals()

    def _lattice(self, text: str) -> Lattice:
        return Lattice(self._kernels, self.model, self.lexicon.log_probabilities, text)

    @checked
    def information(self, text: str) -> Information:
        """Return what the best segmentation costs, in bits."""
        total = Information(0.0, 0, 0, 0)
        for part in _parts(text):
            points = code_points(part)
            tokens, _ = self._kernels.cut(self.model, points, False)
            total += information_of(points, tokens, self.lexicon.log_probabilities)
        return total


def _parts(text: str) -> Iterator[str]:
    """Cut a long text behind line feeds, where every segmentation is cut."""
    begin = 0
    while begin < len(text):
        stop = text.find("\n", begin + _PART) + 1 or len(text)
        yield text[begin:stop]
        begin = stop


def _batches(texts: Iterable[str]) -> Iterator[list[str]]:
    """Put texts together until they have enough characters."""
    batch: list[str] = []
    size = 0
    for text in texts:
        if not isinstance(text, str):
            raise TypeError(f"texts must be strings, got {type(text).__name__}")
        if batch and size + len(text) > _PART:
            yield batch
            batch, size = [], 0
        batch.append(text)
        size += len(text) + 1
    if batch:
        yield batch
