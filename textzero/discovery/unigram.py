"""The default method: boundaries by entropy, then words by a unigram model of the whole text.

1. Start. A word should be hard to predict from, on both sides: the entropy of what follows an
   n-gram, less that after its prefix, less the mean for its length, and the same to the left
   (Magistry and Sagot, "Unsupervised word segmentation: the case for Mandarin Chinese", 2012). The
   best path through these scores cuts the text. Where words are the units, and phrases are sought,
   most kinds are rare and the mean for single ones says nothing of frequent ones; there the text is
   cut where the PMI of neighbours is not surely above a limit, as by the method "entropy".
2. Redraw. Each run of units is taken out of the counts and cut again, at random in proportion to
   the product of its words' probabilities given all the rest (Goldwater, Griffiths and Johnson
   2009; Mochihashi, Yamada and Ueda 2009). A word has a Pitman-Yor probability: its count less a
   discount, plus a share for new words, which are spelled unit by unit. After some passes the
   choice is made colder until only the best path is taken.
3. A word of n units is charged n - 1 nats: by the minimum-entropy principle a merged pair lowers
   the information of a text when its pointwise mutual information exceeds 1 nat
   (https://kexue.fm/archives/5476, F* = p_ab (PMI - 1)).
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from textzero._compat import Array
from textzero.discovery.arrays import Arrays, blocks
from textzero.discovery.journal import Journal, Write, reading_arrays, write_arrays
from textzero.discovery.ngrams import Ngrams
from textzero.discovery.units import runs_in_blocks
from textzero.errors import ResourceError
from textzero.kernels import kernel
from textzero.parallel import run_threads
from textzero.progress import Progress
from textzero.store import Store

MIN_PMI, MARGIN = 2.5, 2.0  # of pairs that hold together: nats, and standard errors of them
_MOST = 1 << 31  # words are counted as int32


@dataclass(frozen=True)
class UnigramSettings:
    """How the unigram model is learned.

    Attributes:
        passes: Passes over the text that draw at random, before those that grow colder. None: 26
            less twice the decimal logarithm of its units, at least 8; large texts settle sooner.
        colder: Temperatures of the passes after them; then one that takes the best path.
        discount: Of the Pitman-Yor process.
        strength: Of the Pitman-Yor process.
        charge: Nats that each unit of a word beyond the first costs.
        correction: Miller-Madow terms added to the entropies of the start.
        min_pmi: Start with a cut between neighbours whose pointwise mutual information, less two
            standard errors, is not above this, in nats. None: start by entropies.
        seed: Of the draws.
    """

    passes: int | None = None
    colder: tuple[float, ...] = (0.8, 0.6, 0.4)
    discount: float = 0.8
    strength: float = 1.0
    charge: float = 1.0
    correction: float = 0.0
    min_pmi: float | None = None
    seed: int = 0


@dataclass
class Words:
    """A cut text.

    Attributes:
        cuts: uint8 (n,). 1 where a word begins.
        counts: int32 (m,). How often each n-gram is a word.
        rare_units: int64. How often each unit is in a word that is no repeated n-gram.
        rare_lengths: int64 (longest + 1,). How many words there are of that kind, by length.
    """

    cuts: Array
    counts: Array
    rare_units: Array
    rare_lengths: Array

    @property
    def tokens(self) -> int:
        """How many words the text was cut into."""
        return int(self.counts.sum(dtype=np.int64) + self.rare_lengths.sum())


class Model:
    """A unigram model with Pitman-Yor probabilities; see the module."""

    def __init__(
        self, ngrams: Ngrams, settings: UnigramSettings, workers: int, arrays: Arrays | None = None
    ) -> None:
        self.ngrams, self.settings, self.workers = ngrams, settings, workers
        self.arrays = arrays or Arrays()
        self.kernels = kernel("segmental")
        self.blocks = list(runs_in_blocks(ngrams.places[0]))
        size, most = ngrams.counts.size, int(ngrams.counts.max(initial=0))
        if most >= _MOST:
            raise ResourceError(
                f"a unit is seen {most:,} times, and words are counted up to {_MOST - 1:,}; "
                "learn from a part of the corpus"
            )
        self.spelling = self.arrays.new(size, np.float32, True)
        self.weights = self.arrays.new(size, np.float32, True)
        # threads with tables of their own, 12 bytes an n-gram; one alone needs none
        self.crew = max(min(workers, self.arrays.left // (12 * size + 1)), 1)
        self.fresh = np.zeros(ngrams.longest + 1)
        self.unit_logs = np.zeros(len(ngrams.units.alphabet) + 1)

    def start(self) -> Words:
        """Cut the text for the first time: the best path through the scores of n-grams."""
        limit, places, kernels = self.settings.min_pmi, self.ngrams.places, self.kernels
        scores, ends, means = self._by_entropies() if limit is None else self._by_pmi(limit)
        cuts = self.arrays.new(places.shape[1], np.uint8)

        def cut(_: None, block: tuple[int, int]) -> None:
            kernels.best_cuts(places, *block, scores, ends, means, cuts)

        run_threads(cut, self.blocks, lambda: None, self.workers)
        return self.counted(cuts)

    def _by_pmi(self, limit: float) -> tuple[Array, Array, Array]:
        """Score n-grams by how far the PMI of their pairs is surely above `limit`, in nats.

        One weak pair is enough to make an n-gram no word; neither are those that do not repeat.

        Returns:
            What `best_cuts` of the kernels takes: scores, ends and means.
        """
        ngrams, size = self.ngrams, self.ngrams.counts.size
        scores, last = (self.arrays.new(size, np.float32, True) for _ in range(2))
        for n in range(2, ngrams.longest + 1):
            for numbers in _parts(ngrams.level(n)):
                before, behind = ngrams.prefixes[numbers], ngrams.suffixes[numbers]
                if n == 2:
                    counts = ngrams.counts[numbers].astype(np.float64)
                    alone = ngrams.counts[before].astype(np.float64) * ngrams.counts[behind]
                    pmi = np.log(counts * ngrams.units.size / alone) - MARGIN / np.sqrt(counts)
                    last[numbers] = np.where(pmi > limit, pmi - limit, -np.inf)
                else:
                    last[numbers] = last[behind]
                scores[numbers] = scores[before] + last[numbers]
        means = np.full(ngrams.longest, np.inf)
        means[0] = 0.0
        return scores, self.arrays.new((2, size), np.float32, True), means

    def _by_entropies(self) -> tuple[Array, Array, Array]:
        """Score n-grams by the entropies at both ends; see `_by_pmi` and the module."""
        ngrams, correction = self.ngrams, self.settings.correction
        ends = self.arrays.new((2, ngrams.counts.size), np.float32, True)  # of number 0 it is 0
        for part in blocks(ngrams.counts.size - 1):
            numbers = slice(part.start + 1, part.stop + 1)
            ends[:, numbers] = ngrams.entropies(numbers, correction)
        rare = np.zeros((len(self.blocks), 3, ngrams.longest))
        places, kernels = ngrams.places, self.kernels

        def sum_rare(_: None, block: int) -> None:
            rare[block] = kernels.rare_sums(places, *self.blocks[block], ends)

        run_threads(sum_rare, range(len(self.blocks)), lambda: None, self.workers)
        once, right, left = rare.sum(axis=0)
        means = np.zeros(ngrams.longest)
        scores = self.arrays.new(ngrams.counts.size, np.float32, True)
        runs = ngrams.units.runs[1:]  # words by rule, so their ends tell nothing of other words'
        for n in range(1, ngrams.longest + 1):
            types, total = once[n - 1], right[n - 1] + left[n - 1]
            for numbers in _parts(ngrams.level(n)):
                rises = self._rises(ends, numbers, n)
                if n == 1 and not runs.all():
                    rises = rises[:, ~runs[numbers.start - 1 : numbers.stop - 1]]
                types += rises[0].size
                total += rises.sum()
            means[n - 1] = total / types if types else 0.0
            for numbers in _parts(ngrams.level(n)):
                rises = self._rises(ends, numbers, n)
                scores[numbers] = n * (rises.sum(axis=0) - means[n - 1])
        return scores, ends, means

    def _rises(self, ends: Array, numbers: slice, n: int) -> Array:
        """float64 (2, k): how much less is known behind, and before, n-grams than inside them."""
        inner = self.ngrams.prefixes[numbers], self.ngrams.suffixes[numbers]
        before = [ends[k, inner[k]] for k in (0, 1)] if n > 1 else self.ngrams.unit_entropy()
        return ends[:, numbers] - np.asarray(before, np.float64)

    def counted(self, cuts: Array) -> Words:
        """Count the words of a cut text."""
        ngrams = self.ngrams

        def empty() -> Words:
            return Words(
                cuts, self.arrays.new(ngrams.counts.size, np.int32, True),
                np.zeros(len(ngrams.units.alphabet) + 1, np.int64),
                np.zeros(ngrams.longest + 1, np.int64),
            )  # fmt: skip

        def count(state: Words, block: tuple[int, int]) -> None:
            self.kernels.count_cuts(
                ngrams.places, cuts, *block, state.counts, state.rare_units, state.rare_lengths
            )

        words, *others = run_threads(count, self.blocks, empty, self.crew)
        for other in others:
            words.counts += other.counts
            words.rare_units += other.rare_units
            words.rare_lengths += other.rare_lengths
        return words

    def fit(self, words: Words, temperature: float) -> tuple[Array, Array, Array]:
        """Set the weights of all n-grams as words; return what `redraw` needs beside them."""
        ngrams, chosen = self.ngrams, self.settings
        units = words.rare_units + 0.5
        lengths = words.rare_lengths.copy()
        self.kernels.spelling_counts(
            ngrams.first, ngrams.prefixes, ngrams.lasts, words.counts, units, lengths,
            self.arrays.new(ngrams.counts.size, np.int32),
        )  # fmt: skip
        tokens, types = words.tokens, int(lengths.sum())
        information = tokens * np.log(tokens)
        for part in blocks(ngrams.counts.size):
            counts = words.counts[part]
            counts = counts[counts > 0].astype(np.float64)
            information -= (counts * np.log(counts)).sum()
        scale = np.exp(information / max(ngrams.units.size, 1))  # so that paths weigh about 1
        n = np.arange(ngrams.longest + 1)
        total = tokens + chosen.strength
        fresh = (chosen.strength + chosen.discount * types) / total
        settings = np.array([1 / total, chosen.discount, 1 / temperature])
        shares = (lengths + 0.5) / (types + 0.5 * ngrams.longest)  # of lengths never seen, a little
        spelled = fresh * shares
        self.fresh = spelled / scale**n
        charges = np.exp(-chosen.charge / temperature * np.maximum(n - 1, 0))
        tables = np.stack([scale**n, spelled, charges, spelled ** (1 / temperature) * charges])
        self.unit_logs = np.log(units / units.sum())
        unit_weights = units / units.sum() * scale
        self.kernels.word_weights(
            ngrams.first, ngrams.prefixes, ngrams.lasts, words.counts, unit_weights,
            settings, tables, self.spelling, self.weights,
        )  # fmt: skip
        return unit_weights ** (1 / temperature), settings, tables

    def own_spelling(self, numbers: Array, n: int | Array) -> Array:
        """Probability of n-grams of `n` units as new words, after `fit` at temperature 1."""
        return self.spelling[numbers].astype(np.float64) * self.fresh[n]

    def redraw(self, words: Words, temperature: float, seed: int) -> Words:
        """Cut every run again, given the others; temperature 0 takes the best path."""
        powers, settings, tables = self.fit(words, temperature or 1.0)

        def work(state: tuple[Array, Array], block: tuple[int, int]) -> None:
            counts, weights = state
            self.kernels.redraw(
                self.ngrams.places, words.cuts, *block, counts, self.spelling, weights,
                powers, settings, tables, np.uint64(seed), temperature == 0,
            )  # fmt: skip

        def own() -> tuple[Array, Array]:
            if self.crew == 1:  # the kernel leaves both as it found them
                return words.counts, self.weights
            return words.counts.copy(), self.weights.copy()

        run_threads(work, self.blocks, own, self.crew)
        return self.counted(words.cuts)


def learn_words(
    ngrams: Ngrams,
    settings: UnigramSettings | None = None,
    *,
    workers: int,
    arrays: Arrays | None = None,
    journal: Journal | None = None,
    progress: Progress | None = None,
) -> tuple[Model, Words, Array]:
    """Cut a text into words, by the default method.

    The same for any number of workers.

    Args:
        ngrams: Of the text.
        settings: How the model is learned.
        workers: Threads.
        arrays: Where to keep what does not fit in memory; None keeps all in memory.
        journal: Where the cuts of a pass are kept for another run.
        progress: Told how many positions were cut.

    Returns:
        The model, the words, and int32 (m,) how often each n-gram was a word at the start.
    """
    settings, progress = settings or UnigramSettings(), progress or Progress()
    journal = journal or Journal()
    model = Model(ngrams, settings, workers, arrays)
    hot = settings.passes
    if hot is None:
        hot = max(8, round(26 - 2 * math.log10(max(ngrams.units.size, 1))))
    passes = (*[1.0] * hot, *settings.colder, 0.0)
    size = ngrams.places.shape[1]
    with progress.stage("segment", size * (len(passes) + 1), "positions"):
        begun, words, considered = _begun(model, journal, len(passes))
        progress.advance(size * (begun + 1))
        kept = begun
        for number in range(begun, len(passes)):
            words = model.redraw(words, passes[number], (settings.seed << 20) + number)
            progress.advance(size)
            journal.drop()
            if journal.add(f"pass-{number + 1}", _pass_writer(words.cuts, considered)):
                if kept:
                    journal.remove(f"pass-{kept}")
                kept = number + 1
    return model, words, considered


def _parts(level: slice) -> Iterator[slice]:
    """Cut a range of numbers into blocks, the same ones however much memory there is."""
    for part in blocks(level.stop - level.start):
        yield slice(level.start + part.start, level.start + part.stop)


def _pass_writer(cuts: Array, considered: Array) -> Write:
    def write(store: Store, name: str) -> dict[str, Any]:
        with store.create(name) as file:
            write_arrays(file, [cuts, considered])
        return {"entries": cuts.size}

    return write


def _begun(model: Model, journal: Journal, last: int) -> tuple[int, Words, Array]:
    """Return (passes done, words, counts at the start), of an earlier run where there is one."""
    done = [n for n in range(1, last + 1) if f"pass-{n}" in journal.found]
    if not done:
        words = model.start()
        return 0, words, words.counts
    cuts = model.arrays.new(model.ngrams.places.shape[1], np.uint8)
    considered = model.arrays.new(model.ngrams.counts.size, np.int32)
    with reading_arrays(journal.store, f"pass-{done[-1]}") as (_, read):
        read(cuts)
        read(considered)
    return done[-1], model.counted(cuts), considered
