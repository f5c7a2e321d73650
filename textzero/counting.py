"""count_words: by kernels in threads, or by a Python tokenizer in worker processes."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from textzero._compat import Array
from textzero.corpus import Corpus, Reading, Split, as_corpus
from textzero.counts import Counts, sorted_counts
from textzero.kernels import kernel
from textzero.packed import PackedStrings
from textzero.parallel import run_threads, worker_count
from textzero.progress import Progress
from textzero.token_workers import (
    count_raw_tokens,
    python_splits,
    python_tokens,
    run_python,
)
from textzero.tokens import Spec, Tokenizer

_NONE = np.zeros(0, np.int64)


@dataclass
class _State:
    """What one thread has counted."""

    table: Any
    reading: Reading
    tokens: int = 0
    is_open: bool = False


def count_words(
    corpus: Corpus | Iterable[str],
    *,
    tokenizer: Spec = "word",
    lowercase: bool = False,
    nfkc: bool = False,
    min_count: int = 1,
    ngrams: int | tuple[int, int] = 1,
    documents: bool = False,
    workers: int | None = None,
    progress: Progress | None = None,
) -> Counts:
    """Count the words of a corpus.

    The result is the same, byte for byte, for any number of workers.

    Args:
        corpus: A `Corpus`, or an iterable of documents.
        tokenizer: "word", "whitespace", "char", "package.module:function" or a callable. A Python
            callable runs in spawned processes, so they must be able to import it.
        lowercase: Lower-case first.
        nfkc: Normalise to Unicode NFKC first.
        min_count: Words seen less often are left out.
        ngrams: n for sequences of n tokens joined by spaces, (low, high) for several n.
        documents: Also count the documents that hold each word.
        workers: Threads or processes; None for one per processor.
        progress: Told how many stored bytes were read.

    Raises:
        InputError: Something in the corpus cannot be read.
        TokenizerError: The tokenizer raised; the message names file and line.
        ResourceError: A worker process was killed.

    Example:
        >>> count_words(["to be or not to be"]).most_common(2)
        [('be', 2), ('to', 2)]
    """
    corpus = as_corpus(corpus)
    low, high = (ngrams, ngrams) if isinstance(ngrams, int) else ngrams
    if not 1 <= low <= high:
        raise ValueError(f"ngrams must be at least 1 and in order, got {ngrams}")
    if min_count < 1:
        raise ValueError(f"min_count must be at least 1, got {min_count}")
    workers = worker_count(workers)
    chosen = Tokenizer(tokenizer, lowercase, nfkc)
    progress = progress or Progress()
    with progress.stage("count", corpus.size):
        if chosen.code is not None:
            counts = _count_in_threads(corpus, chosen, low, high, documents, workers, progress)
        else:
            counts = _count_in_processes(corpus, chosen, low, high, documents, workers, progress)
    return counts.keep(min_count)


def _count_in_threads(
    corpus: Corpus,
    tokenizer: Tokenizer,
    low: int,
    high: int,
    documents: bool,
    workers: int,
    progress: Progress,
) -> Counts:
    kernels = kernel("tables")

    def work(state: _State, split: Split) -> None:
        for piece in corpus.pieces(split, state.reading):
            text, starts, stops = tokenizer.find(piece)
            kernels.add_tokens(state.table, text, starts, stops, low, high)
            tally(state, starts)
            progress.advance(piece.stored)
        kernels.end_document(state.table)
        state.reading.documents += state.is_open
        state.is_open = False

    def make_state() -> _State:
        return _State(kernels.new_table(documents), Reading())

    tokenizer.make_tables()
    splits = corpus.splits()
    states = run_threads(work, splits, make_state, min(workers, len(splits)) or 1)
    while len(states) > 1:  # merge in pairs, the pairs side by side
        half = (len(states) + 1) // 2
        pairs = list(zip(states[:half], states[half:], strict=False))
        run_threads(lambda _, pair: _merge(*pair), pairs, lambda: None, len(pairs))
        states = states[:half]
    reading = corpus.new_reading()
    if not states:
        return Counts(PackedStrings.from_strings([]), _NONE, _NONE, 0, reading)
    reading.add(states[0].reading)
    return sorted_counts(states[0].table, states[0].tokens, reading)


def tally(state: Any, starts: Array) -> None:
    """Add the tokens and the documents that ended in one piece to `state`."""
    ends = starts < 0
    ended = int(np.count_nonzero(ends))
    state.tokens += starts.size - ended
    if starts.size:
        if ends[0] and not state.is_open:
            ended -= 1
        state.reading.documents += ended
        state.is_open = not ends[-1]


def _merge(state: _State, other: _State) -> None:
    kernel("tables").merge_tables(state.table, other.table)
    other.table = None
    state.tokens += other.tokens
    state.reading.add(other.reading)


def _count_in_processes(
    corpus: Corpus,
    tokenizer: Tokenizer,
    low: int,
    high: int,
    documents: bool,
    workers: int,
    progress: Progress,
) -> Counts:
    work = partial(_count_split, low=low, high=high, documents=documents)
    kernels = kernel("tables")
    table = kernels.new_table(documents)
    reading, tokens = corpus.new_reading(), 0
    splits = python_splits(corpus, workers)
    for packed, counts, held, seen, part in run_python(work, splits, corpus, tokenizer, workers):
        kernels.add_packed(table, packed.text, packed.offsets, counts, held)
        tokens += seen
        reading.add(part)
        progress.advance(part.bytes)
    return sorted_counts(table, tokens, reading)


def _count_split(
    split: Split, low: int, high: int, documents: bool
) -> tuple[PackedStrings, Array, Array, int, Reading]:
    """In a worker: (n-grams, their counts, documents that hold them, tokens, reading)."""
    reading = Reading()
    held: Counter[str] = Counter()
    if high == 1 and not documents:
        counter = count_raw_tokens(split, reading)
        tokens = counter.total()
    else:
        counter, tokens = _count_sequences(split, reading, low, high, held if documents else None)
    counts = np.fromiter(counter.values(), np.int64, len(counter))
    seen = np.fromiter((held[word] for word in counter), np.int64) if documents else _NONE
    return PackedStrings.from_strings(counter), counts, seen, tokens, reading


def _count_sequences(
    split: Split, reading: Reading, low: int, high: int, held: Counter[str] | None
) -> tuple[Counter[str], int]:
    counter: Counter[str] = Counter()
    document: set[str] = set()
    tail: list[str] = []  # the last tokens of a document that goes on
    tokens = 0
    for part, ended in python_tokens(split, reading):
        tokens += len(part)
        line, fresh = tail + part, len(tail)
        grams = [
            " ".join(line[i - n + 1 : i + 1])
            for i in range(fresh, len(line))
            for n in range(low, min(high, i + 1) + 1)
        ]
        tail = [] if ended else line[max(0, len(line) - high + 1) :]
        counter.update(grams)
        if held is not None:
            document.update(grams)
            if ended:
                held.update(document)
                document.clear()
    return counter, tokens
