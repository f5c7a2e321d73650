"""Segments: the tokens of a corpus as ids, on threads or from processes, until they are counted."""

import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from textzero._compat import Array
from textzero._cooccurrence_runs import Counter
from textzero.corpus import Corpus, Reading, Split
from textzero.kernels import kernel
from textzero.kernels.reference.cooccurrence import DOCUMENT_END, GAP
from textzero.parallel import run_threads
from textzero.progress import Progress
from textzero.subsampling import Sampler
from textzero.token_workers import python_splits, python_tokens, run_python, worker_extra
from textzero.tokens import Tokenizer
from textzero.vocabulary import Vocabulary

_WAITING = 1 << 16  # tokens of a Python tokenizer that are kept in memory, not in a file


@dataclass
class _Segment:
    """Tokens that one thread has encoded and not yet counted."""

    capacity: int
    reading: Reading = field(default_factory=Reading)
    parts: list[Array] = field(default_factory=list)
    size: int = 0
    kept: int = 0
    fresh: int = 0  # tokens at the front that were counted with the run before
    is_open: bool = False

    def add(self, ids: Array) -> None:
        self.parts.append(ids)
        self.size += ids.size

    def take(self) -> Array:
        tokens = np.concatenate([np.empty(0, np.int32), *self.parts])
        self.parts.clear()
        self.size = 0
        return tokens


@dataclass(frozen=True)
class Sieve:
    """What becomes of the tokens of a split before they are counted."""

    keep_gaps: bool
    keep: Array | None  # probabilities, when words are sub-sampled
    seed: int

    def passed(self, parts: Iterable[Array]) -> Iterator[Array]:
        """Yield the tokens of a split, given as ids in parts, that are to be counted."""
        sampler = None if self.keep is None else Sampler(self.keep, self.seed)
        for part in parts:
            ids = part if sampler is None else sampler.take(part)
            yield ids if self.keep_gaps else ids[ids != GAP]
        assert sampler is None or not sampler.rest.size, "a split must end with a document"


def count_segments(
    corpus: Corpus,
    vocabulary: Vocabulary,
    tokenizer: Tokenizer,
    sieve: Sieve,
    capacity: int,
    workers: int,
    counter: Counter,
    progress: Progress,
) -> Reading:
    """Encode the corpus; count segments that are full on the way, what is left at the end."""
    window = counter.weights.size
    silent = Progress()
    reading = corpus.new_reading()
    if tokenizer.code is None:
        segments = [_Segment(capacity * workers)]
        with progress.stage("encode", corpus.size):
            splits = python_splits(corpus, workers)
            extra = (vocabulary.ids, counter.folder)
            files = run_python(_encode_split, splits, corpus, tokenizer, workers, extra)
            for path, part_reading in files:
                with open(path, "rb") as file:
                    blocks = iter(lambda: file.read(_WAITING * 4), b"")
                    for ids in sieve.passed(np.frombuffer(block, np.int32) for block in blocks):
                        _add(segments[0], ids, window, counter, silent)
                path.unlink()
                segments[0].reading.add(part_reading)
                progress.advance(part_reading.bytes)
    else:
        look_up = kernel("tables").look_up

        def encoded(segment: _Segment, split: Split) -> Iterator[Array]:
            for piece in corpus.pieces(split, segment.reading):
                text, starts, stops = tokenizer.find(piece)
                yield look_up(vocabulary.table, text, starts, stops)
                progress.advance(piece.stored)
            yield np.array([DOCUMENT_END], np.int32)

        def work(segment: _Segment, split: Split) -> None:
            for ids in sieve.passed(encoded(segment, split)):
                _add(segment, ids, window, counter, silent)

        vocabulary.table  # noqa: B018  made once, before the threads ask for it
        tokenizer.make_tables()
        with progress.stage("encode", corpus.size):
            segments = run_threads(work, corpus.splits(), lambda: _Segment(capacity), workers)
    left = [segment for segment in segments if segment.size > segment.fresh]
    for segment in segments:
        reading.add(segment.reading)
    with progress.stage("cooccur", sum(s.size for s in left), "words"):
        # Threads whose segment continues a run keep it apart; the others are one segment.
        whole = [s for s in left if not s.fresh]
        for segment in left:
            if segment.fresh:
                fresh, tokens = segment.fresh, segment.take()
                counter.count_words(tokens[fresh:])
                counter.count(tokens, fresh, counter.workers, progress)
        if whole or not counter.runs:
            tokens = np.concatenate([np.empty(0, np.int32), *(s.take() for s in whole)])
            counter.count_words(tokens)
            counter.count(tokens, 0, counter.workers, progress)
    return reading


def _add(segment: _Segment, ids: Array, window: int, counter: Counter, progress: Progress) -> None:
    """Append tokens; when the segment is full, count it and keep a window of it as context."""
    for start in range(0, ids.size, segment.capacity):
        segment.add(ids[start : start + segment.capacity].astype(np.int32, copy=True))
        if segment.size >= segment.capacity:
            fresh, tokens = segment.fresh, segment.take()
            counter.count_words(tokens[fresh:])
            counter.count(tokens, fresh, 1, progress)
            context = tokens[max(0, tokens.size - window) :].copy()
            segment.add(context)
            segment.fresh = context.size


def _encode_split(split: Split) -> tuple[Path, Reading]:
    """In a worker process: the file of a split's ids, which may be more than memory holds."""
    ids, folder = worker_extra()
    reading = Reading()
    waiting: list[int] = []
    with tempfile.NamedTemporaryFile(dir=folder, prefix="ids-", delete=False) as file:
        for tokens, ended in python_tokens(split, reading):
            waiting += [ids.get(token, GAP) for token in tokens]
            if ended:
                waiting.append(DOCUMENT_END)
            if len(waiting) >= _WAITING:
                file.write(np.array(waiting, np.int32).data)
                waiting.clear()
        file.write(np.array(waiting, np.int32).data)
    return Path(file.name), reading
