"""Chains of words that belong together, in all sentences: grown word by word, then chosen.

See `finding.py` for what they are.
"""

import math
from collections.abc import Callable, Iterable
from functools import partial
from itertools import pairwise
from pathlib import Path

import numpy as np

from textzero._compat import Array
from textzero.discovery.arrays import Arrays, blocks
from textzero.errors import ResourceError
from textzero.kernels import kernel
from textzero.kernels.reference.cooccurrence import GAP
from textzero.kernels.reference.templates import GONE, SKIP
from textzero.memory import BASE
from textzero.parallel import ordered_threads, ranges_of
from textzero.progress import Progress
from textzero.structure.fillers import list_fillers
from textzero.structure.selection import UNIT, Candidates, Selection, select
from textzero.structure.sentences import LONGEST, Sentences
from textzero.structure.templates import Dropped, Template, show

_POSITION = 24  # bytes of room that a position asks for
_CHAIN = 64  # bytes that a chain takes while chains are added up
_BLOCK = 1 << 17  # tokens that a thread takes at a time
_MOST_NODES = 1 << 20  # chains of the same number of words that are gone on with
_MOST_DROPPED = 1000
_TRIVIAL = 100  # list the words between placeholders that one sentence in so many has, 10 at least


class Finder:
    """The sentences, and the tree of chains that are found in them."""

    def __init__(
        self,
        sentences: Sentences,
        min_count: int,
        window: int,
        beam: int,
        workers: int,
        progress: Progress,
        room: int,
        folder: Path,
    ) -> None:
        self.room = room
        self.arrays = Arrays(room // 4, lambda: folder)
        self.sentences, self.min_count, self.window = sentences, min_count, window
        self.beam, self.workers, self.progress = beam, workers, progress
        self.kernels = kernel("templates")
        vocabulary, tokens = sentences.vocabulary, sentences.counts.tokens
        self.n_words = len(vocabulary)
        self.bits = np.log2(tokens / vocabulary.counts)  # of each word
        counts = sentences.counts.counts
        self.total_bits = float(np.dot(counts, np.log2(tokens / counts)))
        self.marks = self.arrays.new(sentences.tokens.size, np.uint32)
        # the tree: for nodes of one word, then for those that keys make
        words = np.repeat(np.arange(self.n_words), 2)
        self.keys = np.zeros(0, np.int64)
        self.depths = np.ones(2 * self.n_words, np.uint8)
        self.levels = [2 * self.n_words]  # where the nodes of so many words end
        self.word_bits = self.bits[words]
        self.values = np.zeros(2 * self.n_words, np.int64)
        cuts = np.arange(_BLOCK, sentences.tokens.size, _BLOCK)
        places = np.unique([0, *np.searchsorted(sentences.offsets, cuts), len(sentences)])
        self.blocks = list(pairwise(places.tolist()))

    def mark_edges(self, min_pmi: float) -> None:
        """Mark which words are linked."""
        lengths = self.sentences.lengths
        pairs = sum(int(np.maximum(lengths - d, 0).sum()) for d in range(1, self.window + 1))
        tokens = self.sentences.tokens
        scale = self.sentences.counts.tokens**2 / (max(pairs, 1) * math.exp(min_pmi))
        counts = np.asarray(self.sentences.vocabulary.counts)
        starts = np.concatenate([[0], np.cumsum(counts)])

        def mark(first: int, positions: Array, limits: tuple[int, int]) -> int:
            self.kernels.mark_edges(
                *(tokens, starts - starts[first], positions, self.window, self.min_count, scale),
                *(*limits, self.marks),
            )
            return int(starts[limits[1]] - starts[limits[0]])

        with self.progress.stage("link", int(starts[-1]), "words"):
            for first, last in ranges_of(counts, max(self.room // _POSITION, 1 << 20)):
                positions = self._positions(first, last)
                cuts = np.arange(starts[first], starts[last], _BLOCK)
                places = np.unique([first, *np.searchsorted(starts, cuts), last])
                limits = pairwise(np.minimum(places, last).tolist())
                for done in ordered_threads(partial(mark, first, positions), limits, self.workers):
                    self.progress.advance(done)

    def _positions(self, first: int, last: int) -> Array:
        """int64 (n,): where the words first ... last - 1 stand, word by word."""
        tokens, some = self.sentences.tokens, self.sentences.tokens
        if last - first < self.n_words:
            some = self.arrays.new(tokens.size, np.int32)
            for part in blocks(tokens.size):
                here = tokens[part]
                some[part] = np.where((here >= first) & (here < last), here, GAP)
        return kernel("cooccurrence").word_positions(some, self.n_words)[1]

    def grow(self, max_words: int) -> None:
        """Find the frequent chains, one word longer each time."""
        for depth in range(1, max_words):
            count = partial(
                self.kernels.count_extensions,
                *(self.sentences.tokens, self.sentences.offsets, self.marks),
                *(self.kernels.new_tree(self.keys, self.n_words), self.values, self.depths),
                *(depth, self.window, self.beam),
            )
            keys, counts = self._sum(count, f"grow {depth + 1}")
            if not self._add_nodes(keys, counts, depth + 1):
                break

    def _add_nodes(self, keys: Array, counts: Array, depth: int) -> int:
        """Add the frequent chains of `depth` words to the tree; return how many."""
        frequent = counts >= self.min_count
        keys, counts = keys[frequent], counts[frequent]
        word_bits = self.word_bits[keys >> 32] + self.bits[keys & (SKIP - 1)]
        values = counts * (word_bits - np.log2(len(self.sentences) / counts))
        if keys.size > _MOST_NODES:
            best = np.sort(np.lexsort((keys, -values))[:_MOST_NODES])
            keys, word_bits, values = keys[best], word_bits[best], values[best]
        self.keys = np.append(self.keys, keys)
        self.word_bits = np.append(self.word_bits, word_bits)
        self.values = np.append(self.values, (values * UNIT).astype(np.int64))
        self.depths = np.append(self.depths, np.full(keys.size, depth, np.uint8))
        self.levels.append(self.depths.size)
        return keys.size

    def choose(self, n_fillers: int) -> tuple[list[Template], list[Dropped], float]:
        """Return the templates that save bits, some that do not, and how many bits are saved."""
        tree = self.kernels.new_tree(self.keys, self.n_words)
        numbers, candidates = self._candidates(tree)
        followed = self.values.copy()
        lengths = np.arange(LONGEST + 1)
        factorials = np.cumsum(np.log2(np.maximum(lengths, 1)) * UNIT).astype(np.int64)
        arrays = self.sentences.tokens, self.sentences.offsets, self.marks, tree

        def best_two(
            gains: Array, null: int, kept: Array, which: Array
        ) -> tuple[Array, Array, Array]:
            live = np.where((numbers >= 0) & np.append(kept, False)[numbers], numbers, -1)
            followed[:] = np.where(self._leads_to(np.any(live >= 0, axis=1)), self.values, GONE)
            choose = partial(
                self.kernels.choose_templates,
                *(*arrays, followed, live.astype(np.int32), gains, candidates.sizes),
                *(factorials, null, self.window, self.beam),
            )
            parts = np.array_split(which, which.size // (_BLOCK // 16) + 1)
            results = list(ordered_threads(choose, parts, self.workers))
            return tuple(np.concatenate(column) for column in zip(*results, strict=True))  # type: ignore[return-value]

        with self.progress.stage("choose", 0, "rounds"):
            selection = select(
                candidates, len(self.sentences), best_two, partial(self.progress.advance, 1)
            )
        return self._report(numbers, candidates, selection, n_fillers)

    def _candidates(self, tree: object) -> tuple[Array, Candidates]:
        """Return (int64 (n_nodes, 2) candidate of each closing or -1, the candidates)."""
        every = np.arange(2 * self.values.size, dtype=np.int32).reshape(-1, 2)
        keys, held = self._count_holders(
            tree, self.values, every, np.zeros(len(self.sentences), np.int32)
        )
        counts = np.zeros(every.shape, np.int64)
        counts.flat[keys >> 32] = held
        slots = self._slots()[:, None] + [0, 1]
        words = self.depths[:, None] + 0 * slots
        # a single word between placeholders says nothing but that it is there: it is only listed
        trivial = (words == 1) & (slots == 2)
        often = trivial & (counts >= max(self.min_count, len(self.sentences) / _TRIVIAL, 10))
        self.trivial = [
            Template((None, self.sentences.vocabulary[node // 2], None), int(counts[node, 1]))
            for node in np.flatnonzero(often[:, 1]).tolist()
        ]
        fits = (counts >= self.min_count) & (words + slots > 1) & ~trivial
        numbers = np.full(counts.shape, -1, np.int64)
        numbers[fits] = np.arange(np.count_nonzero(fits))
        nodes = np.nonzero(fits)[0]
        sizes = np.stack([self.depths[nodes], slots[fits]], axis=1).astype(np.int32)
        return numbers, Candidates(counts[fits], self.word_bits[nodes], sizes)

    def _slots(self) -> Array:
        """int64 (n_nodes,). Placeholders before and inside each chain."""
        first = 2 * self.n_words
        slots = np.zeros(self.values.size, np.int64)
        slots[:first:2] = 1  # does not begin the sentence
        for begin, end in pairwise(self.levels):
            keys = self.keys[begin - first : end - first]
            slots[begin:end] = slots[keys >> 32] + ((keys & SKIP) > 0)
        return slots

    def _leads_to(self, wanted: Array) -> Array:
        """Array of bool (n_nodes,). Whether a node is one of those wanted, or begins one."""
        first, leads = 2 * self.n_words, wanted.copy()
        for begin, end in [*pairwise(self.levels)][::-1]:
            keys = self.keys[begin - first : end - first]
            leads[keys[leads[begin:end]] >> 32] = True
        return leads

    def _items(self, node: int, closing: int) -> list[int]:
        """Return word ids of a template, -1 for a placeholder."""
        items = [-1] if closing else []
        while node >= 2 * self.n_words:
            key = int(self.keys[node - 2 * self.n_words])
            items += [key & (SKIP - 1), -1] if key & SKIP else [key & (SKIP - 1)]
            node = key >> 32
        items += [node // 2] if node % 2 else [node // 2, -1]
        return items[::-1]

    def _report(
        self, numbers: Array, candidates: Candidates, selection: Selection, n_fillers: int
    ) -> tuple[list[Template], list[Dropped], float]:
        places = np.argwhere(numbers >= 0)  # of each candidate: node, closing
        words = list(self.sentences.vocabulary)

        def named(items: Iterable[int]) -> tuple[str | None, ...]:
            return tuple(None if item < 0 else words[item] for item in items)

        kept = np.flatnonzero(selection.kept)
        patterns = [self._items(*places[k].tolist()) for k in kept]
        numbers_kept = np.full(selection.kept.size + 1, -1, np.int32)  # [-1] is no template
        numbers_kept[kept] = np.arange(kept.size)
        fillers = list_fillers(
            self.sentences, numbers_kept[selection.best], patterns, self.window, n_fillers
        )
        # counted again, since chains that were dropped no longer crowd the beam
        _, counts = self._held(numbers, kept, np.zeros(len(self.sentences), np.int32))
        templates = []
        for k, count, items, table in zip(
            kept.tolist(), counts.tolist(), patterns, fillers, strict=True
        ):
            slots = tuple({" ".join(words[i] for i in f): n for f, n in slot} for slot in table)
            bits = round(float(selection.bits[k]), 1)
            templates.append(Template(named(items), count, int(selection.used[k]), bits, slots))
        templates += self.trivial
        dropped = [
            Dropped(str(t), t.count, "its line in the table would be longer than can be read")
            for t in templates
            if not t.fits_table
        ]
        templates = [t for t in templates if t.fits_table]
        templates.sort(key=lambda t: (t.kind == "trivial", -t.bits, -t.count, str(t)))
        gone = np.flatnonzero(~selection.kept)
        gone = gone[np.argsort(-candidates.counts[gone], kind="stable")][:_MOST_DROPPED]
        instead = self._instead(numbers, gone, selection)
        for k, (other, held) in zip(gone.tolist(), instead, strict=True):
            reason = f"{held:,} of its sentences: its words save too little"
            if selection.none_pays:
                reason = f"{held:,} of its sentences: all templates together save nothing"
            elif other >= 0:
                reason = f"{held:,} of its sentences: {show(named(self._items(*places[other])))}"
            text = show(named(self._items(*places[k])))
            dropped.append(Dropped(text, int(candidates.counts[k]), reason))
        dropped.sort(key=lambda d: (-d.count, d.template))
        return templates, dropped, selection.total_bits

    def _instead(self, numbers: Array, gone: Array, selection: Selection) -> list[tuple[int, int]]:
        """Return, for each of some templates, which one most of its sentences use, and how many."""
        keys, counts = self._held(numbers, gone, selection.best + np.int32(1))
        best = [(-1, 0)] * gone.size
        order = np.lexsort((-keys, counts))  # the last one written is the most frequent
        for key, count in zip(keys[order].tolist(), counts[order].tolist(), strict=True):
            best[key >> 32] = (key & 0xFFFFFFFF) - 1, count
        return best

    def _held(self, numbers: Array, chosen: Array, labels: Array) -> tuple[Array, Array]:
        """Count the sentences that hold some of the candidates, following only these."""
        wanted = np.full(int(numbers.max()) + 2, -1, np.int32)  # [-1] is no template
        wanted[chosen] = np.arange(chosen.size)
        wanted = wanted[numbers]
        values = np.where(self._leads_to(np.any(wanted >= 0, axis=1)), self.values, GONE)
        tree = self.kernels.new_tree(self.keys, self.n_words)
        return self._count_holders(tree, values, wanted, labels)

    def _count_holders(
        self, tree: object, values: Array, numbers: Array, labels: Array
    ) -> tuple[Array, Array]:
        count = partial(
            self.kernels.count_holders,
            *(self.sentences.tokens, self.sentences.offsets, self.marks, tree, values),
            *(numbers, labels, self.window, self.beam),
        )
        return self._sum(count, "count")

    def _refuse(self, chains: int) -> None:
        """Raise ResourceError when so many chains do not fit in memory."""
        if (needed := _CHAIN * chains) > self.room:
            raise ResourceError(
                f"{chains:,} chains of words must be in memory, and there may be more; give at "
                f"least --memory {(BASE + 2 * needed >> 20) + 1}MB, or a smaller --window"
            )

    @property
    def _few(self) -> int:
        """How many chains may wait to be added up."""
        return min(1 << 20, self.room // (2 * _CHAIN))

    def _sum(
        self, work: Callable[[int, int], tuple[Array, Array]], stage: str
    ) -> tuple[Array, Array]:
        """Add up the (keys, counts) that work(first, last) returns for all blocks of sentences."""
        keys, counts = np.zeros(0, np.int64), np.zeros(0, np.int64)
        waiting: list[tuple[Array, Array]] = []
        results = ordered_threads(lambda limits: work(*limits), self.blocks, self.workers)
        with self.progress.stage(stage, len(self.sentences), "sentences"):
            for (first, last), part in zip(self.blocks, results, strict=True):
                waiting.append(part)
                if sum(k.size for k, _ in waiting) > max(self._few, keys.size):
                    keys, counts = _added(keys, counts, waiting)
                    self._refuse(keys.size)
                self.progress.advance(last - first)
            return _added(keys, counts, waiting)


def _added(keys: Array, counts: Array, waiting: list[tuple[Array, Array]]) -> tuple[Array, Array]:
    """Add several (keys, counts) up; empties `waiting`."""
    all_keys = np.concatenate([keys, *(k for k, _ in waiting)])
    all_counts = np.concatenate([counts, *(c for _, c in waiting)])
    waiting.clear()
    order = np.argsort(all_keys, kind="stable")
    all_keys = all_keys[order]
    starts = np.flatnonzero(np.diff(all_keys, prepend=-1))
    if not starts.size:
        return all_keys, all_counts
    return all_keys[starts], np.add.reduceat(all_counts[order], starts)
