"""What a command takes of a corpus of any size, computed from what a sample said.

The constants are of this program, measured with `benchmarks/cluster.py plan`; the rest is measured
when a plan is made.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from time import perf_counter
from typing import Any

from textzero._plan_sample import Growth, Sample
from textzero.cooccurrence import count_cooccurrences
from textzero.counting import count_words
from textzero.discovery.discover import discover_words
from textzero.kernels import kernel
from textzero.memory import BASE
from textzero.tokens import Tokenizer
from textzero.vocabulary import Vocabulary

SHARD = (32 << 20, 128 << 20)  # stored bytes of a shard, at least and at most
START = 3.0  # seconds until workers have imported and loaded what they run
_MERGED = 4e6  # words of sorted runs that one processor merges in a second
_MERGED_BYTES = 60e6  # bytes of runs of co-occurrences, likewise
_TOKEN, _WORD, _THREAD = (
    16,
    200,
    40,
)  # bytes while pairs are counted: a token, a word, and a thread's
_LEAST = 50 << 20  # bytes for data, at least
_RUN = 0.7  # bytes of a record in a run, to one in the matrix
_UNIT = 48  # bytes of a unit of text while words are discovered
_RECORD_SECONDS = 4.5e-9  # of one processor, for a record and a pass at dimension 128
_PASSES = 40  # of a training of usual length


@dataclass(frozen=True)
class Need:
    """What a command takes of a corpus of some size.

    Attributes:
        shards: Parts that are worked on apart; 1 for threads, which share their tables.
        seconds: From start to end.
        memory: Bytes that each process takes; `--memory` bounds it.
        least_memory: Bytes below which `--memory` cannot go.
        scratch: Bytes of temporary files, in the folder of the run or the store.
        output: Bytes of the result.
    """

    shards: int
    seconds: float
    memory: int
    least_memory: int
    scratch: int
    output: int


@dataclass
class _Sum:
    """What stages take, one after the other."""

    seconds: float = 0.0
    memory: float = 0.0
    least: float = BASE + _LEAST
    scratch: float = 0.0
    output: float = 0.0


@dataclass(frozen=True)
class _Shape:
    """How work is divided.

    Attributes:
        size: Stored bytes.
        shard: Of a shard.
        rounds: The share of the time of one worker after which all are done.
        workers: How many.
        together: Whether they are threads of one process.
    """

    size: int
    shard: int
    rounds: float
    workers: int
    together: bool


class Model:
    """A command, and what was measured of it.

    Args:
        command: See `plan.COMMANDS`.
        sample: What counting said.
        tokenizer: What makes tokens.
        memory: Bound of each process, in bytes.
        window: Words on each side.
        dim: Length of vectors.
        processors: Of this machine.
    """

    def __init__(
        self, command: str, sample: Sample, tokenizer: Tokenizer, *,
        memory: int, window: int, dim: int, processors: int,
    ) -> None:  # fmt: skip
        self.command, self.sample, self.tokenizer = command, sample, tokenizer
        self.memory, self.window, self.dim, self.processors = memory, window, dim, processors
        self.pairs, self.lexicon = Growth(), Growth()
        self.pair_bytes = self.pair_seconds = self.discovery_seconds = 0.0
        kernels = kernel("tables")
        words = 1 << 20
        table = kernels.size_after(kernels.new_table(False), words, int(words * sample.word_bytes))
        self.table_bytes = table / words

    def measure_pairs(self, seconds: float) -> None:
        """Count the pairs of ever more of the sample's text."""
        settings = self._settings()
        documents = [text for place in self.sample.texts for text in place]
        counts = count_words(documents, **settings)
        kept = max(2, round(self.sample.words.at(counts.tokens) * self.sample.kept))
        vocabulary = Vocabulary.from_counts(counts.keep(top=kept), min_count=1)
        for texts, tokens in self._more_and_more(documents, counts.tokens, seconds):
            at = perf_counter()
            found = count_cooccurrences(
                texts, vocabulary, window=self.window, workers=1, **settings
            )
            self.pairs.points.append((tokens, found.records))
            self.pair_bytes = found.data.size / max(found.records, 1)
            self.pair_seconds = (perf_counter() - at) / tokens

    def measure_discovery(self, seconds: float) -> None:
        """Discover the words of ever more of the sample's text."""
        documents = [text for place in self.sample.texts for text in place]
        tokens = self.sample.tokens * min(1.0, sum(map(len, documents)) / self.sample.characters)
        for texts, some in self._more_and_more(documents, round(tokens), seconds):
            at = perf_counter()
            found = discover_words(texts, lowercase=self.tokenizer.lowercase)
            self.lexicon.points.append((some, len(found)))
            self.discovery_seconds = (perf_counter() - at) / some

    def _settings(self) -> dict[str, Any]:
        chosen = self.tokenizer
        return {"tokenizer": chosen.spec, "lowercase": chosen.lowercase, "nfkc": chosen.nfkc}

    def _more_and_more(
        self, documents: list[str], tokens: int, seconds: float
    ) -> Iterator[tuple[list[str], int]]:
        """Yield (documents, about how many tokens they hold), ever twice as many.

        The first time is for kernels to be loaded; what was measured then is forgotten.
        """
        begun, total = perf_counter(), sum(map(len, documents))
        for part in (64, 64, 32, 16, 8, 4, 2, 1):
            at = perf_counter()
            some = documents[::part]
            yield some, max(1, round(tokens * sum(map(len, some)) / max(total, 1)))
            if part == 64 and len(self.pairs.points) + len(self.lexicon.points) == 1:
                self.pairs.points.clear()
                self.lexicon.points.clear()
                continue
            if perf_counter() - begun + 2 * (perf_counter() - at) > seconds:
                return

    def need(self, size: int, workers: int, together: bool) -> Need:
        """What so many workers take: threads of one machine together, or those of a cluster."""
        shard = size if together else min(max(size // (4 * workers), SHARD[0]), SHARD[1], size)
        shards = math.ceil(size / shard)
        # the last shards of all are done by some workers alone
        rounds = 1 / workers if together else math.ceil(shards / workers) / shards
        shape = _Shape(size, shard, rounds, workers, together)
        total = _Sum(seconds=0.0 if together else START)
        self._count(total, shape)
        if self.command in ("cooccur", "embed"):
            self._cooccur(total, shape)
        if self.command == "embed":
            self._train(total, size)
        if self.command == "discover":
            self._discover(total, size)
        memory = max(min(total.memory, self.memory), total.least)
        return Need(
            shards, round(total.seconds, 1), round(memory), round(total.least),
            round(total.scratch), round(total.output),
        )  # fmt: skip

    def tokens(self, size: float) -> float:
        """Tokens of so many stored bytes."""
        return self.sample.tokens * size / self.sample.stored

    def _count(self, total: _Sum, shape: "_Shape") -> None:
        """Words: tables of threads or shards, written as runs where they are full, and merged."""
        sample, tokens = self.sample, self.tokens(shape.size)
        total.seconds += sample.seconds / sample.stored * shape.size * shape.rounds
        if self.command == "segment":  # nothing is counted
            total.memory = BASE + _LEAST
            total.output = sample.text / sample.stored * shape.size + tokens
            total.scratch = 0 if shape.together else total.output
            return
        if self.command == "discover":
            return
        tables = shape.workers if shape.together else 1
        each = tokens / shape.workers if shape.together else self.tokens(shape.shard)
        wanted = sample.words.at(each) * self.table_bytes * tables
        room = max(self.memory - BASE, _LEAST)
        total.memory = BASE + min(wanted, room)
        fill = min(each, sample.words.tokens_for(room / tables / self.table_bytes))
        runs = tokens / max(fill, 1.0)
        written = runs * sample.words.at(fill)
        total.seconds += written / _MERGED / shape.workers
        if not shape.together or fill < each:
            total.scratch = written * sample.packed_bytes
        words = sample.words.at(tokens)
        total.output = words * (sample.word_bytes + 4)
        if self.command != "count":
            total.output *= sample.kept

    def _cooccur(self, total: _Sum, shape: "_Shape") -> None:
        """Pairs: segments of tokens written as runs where they are full, and merged."""
        threads = shape.workers if shape.together else 1
        tokens, part = self.tokens(shape.size), self.tokens(shape.shard)
        kept = self.sample.words.at(tokens) * self.sample.kept
        fixed = BASE + kept * (_WORD + _THREAD * threads)
        room = max(self.memory - fixed, _LEAST)
        capacity = min(part / threads, room / _TOKEN / threads)
        total.least = max(total.least, fixed)
        total.memory = max(total.memory, fixed + min(part * _TOKEN, room))
        total.seconds += self.pair_seconds * tokens * shape.rounds
        matrix = self.pairs.at(tokens) * self.pair_bytes
        scratch = 0.0
        if not shape.together or capacity * threads < tokens:
            scratch = tokens / capacity * self.pairs.at(capacity) * self.pair_bytes * _RUN
        total.seconds += (scratch + matrix) / _MERGED_BYTES / shape.workers
        total.scratch += scratch
        total.output += matrix + 32 * kept

    def _train(self, total: _Sum, size: int) -> None:
        """Vectors, on this machine alone."""
        tokens = self.tokens(size)
        kept = self.sample.words.at(tokens) * self.sample.kept
        records = self.pairs.at(tokens)
        cost = _RECORD_SECONDS * self.dim / 128 * _PASSES
        total.seconds += records * cost / self.processors
        total.least = max(total.least, BASE + 5 * kept * self.dim * 4)
        total.memory = max(total.memory, total.least)
        total.output += kept * self.dim * 4

    def _discover(self, total: _Sum, size: int) -> None:
        """Words are found by this machine; a cluster only reads."""
        tokens = self.tokens(size)
        total.seconds += self.discovery_seconds * tokens
        total.memory = BASE + tokens * _UNIT
        total.scratch = max(0.0, total.memory - self.memory)
        total.output = self.lexicon.at(tokens) * 80
