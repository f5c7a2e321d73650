"""Documents cut into sentences, and a corpus of sentences as word ids on disk.

A sentence ends at a line end and at 。！？!?, and at a full stop before white space; the marks, and
quotation marks or brackets that close behind them, are not part of it. What stands inside a
sentence, such as a comma, is whatever the tokenizer makes of it. White space in a token cuts it,
since it separates the words of a template. A sentence of more than LONGEST words is cut there.
"""

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from textzero._compat import Array
from textzero.corpus import Corpus, Piece, Reading, Split
from textzero.counts import Counts, sorted_counts
from textzero.discovery.arrays import writing
from textzero.discovery.unit_counts import entries
from textzero.disk import disk
from textzero.errors import ResourceError, TokenizerError
from textzero.kernels import kernel
from textzero.kernels.reference.cooccurrence import DOCUMENT_END, GAP
from textzero.memory import BASE
from textzero.packed import PackedStrings
from textzero.parallel import run_threads
from textzero.progress import Progress
from textzero.structure.sentence_ends import ENDS, cut_piece, cut_tokens, white_space
from textzero.token_workers import (
    python_splits,
    raw_tokens,
    run_python,
    worker_extra,
)
from textzero.tokens import Spec, Tokenizer, cleaned_tokens
from textzero.vocabulary import Vocabulary

LONGEST = 300  # words of a sentence; a tree of it can still be read by any JSON parser
_BLOCK = 1 << 20
_WORD = 200  # bytes that a word takes while words are counted and sorted
_NUMBERS = count()  # of files


def cut_sentences(text: str) -> list[tuple[int, int]]:
    """Return (first character, character behind) of each sentence, without white space around.

    >>> text = "你好！今天3.5度。 Fine."
    >>> [text[start:stop] for start, stop in cut_sentences(text)]
    ['你好', '今天3.5度', 'Fine']
    """
    spans, start = [], 0
    for stop, behind in [*(m.span() for m in ENDS.finditer(text)), (len(text), len(text))]:
        part = text[start:stop]
        if part.strip():
            first = start + len(part) - len(part.lstrip())
            spans.append((first, first + len(part.strip())))
        start = behind
    return spans


def sentence_words(tokens: Sequence[str]) -> list[str]:
    """Cut the tokens that hold white space."""
    return [word for token in tokens for word in token.split()]


@dataclass(frozen=True)
class _BySentence:
    """A Python tokenizer that is given a sentence at a time; sentences end with a line feed."""

    spec: Spec

    def __repr__(self) -> str:
        return Tokenizer(self.spec).name

    def __call__(self, text: str) -> list[str]:
        function = Tokenizer(self.spec).function()
        tokens: list[str] = []
        begun = 0
        for stop, behind in [*(m.span() for m in ENDS.finditer(text)), (len(text), len(text))]:
            found = function(text[begun:stop]) if begun < stop else []
            if isinstance(found, str):
                raise TypeError("it must return a list of strings, got str")
            tokens += [*found, "\n"]
            begun = behind
        return tokens[:-1]  # the document may go on


@dataclass
class Sentences:
    """The sentences of a corpus.

    Attributes:
        tokens: int32 (n,), mapped from disk. Word ids; GAP for a rare word; each sentence is
            closed by DOCUMENT_END.
        offsets: int64 (n_sentences + 1,). Sentence s is tokens[offsets[s]:offsets[s + 1] - 1].
        counts: All words, rare ones too.
        vocabulary: The words that have ids.
        reading: What was read and lost.
    """

    tokens: Array
    offsets: Array
    counts: Counts
    vocabulary: Vocabulary
    reading: Reading

    def __len__(self) -> int:
        return self.offsets.size - 1

    @property
    def lengths(self) -> Array:
        """int64 (n_sentences,). Words of each sentence."""
        return np.diff(self.offsets) - 1


class _Writer:
    """Writes the ids of one thread's sentences to a file."""

    def __init__(self, folder: Path) -> None:
        self.reading = Reading()
        self.path = folder / f"ids-{os.getpid()}-{next(_NUMBERS)}"

    def add(self, ids: Array) -> None:
        with writing(), disk().create(self.path, "ab") as file:
            file.write(np.ascontiguousarray(ids, np.int32).data)


def read_sentences(
    corpus: Corpus,
    tokenizer: Tokenizer,
    min_count: Callable[[int], int],
    folder: Path,
    workers: int,
    progress: Progress,
    room: int = 1 << 62,
) -> Sentences:
    """Read a corpus as sentences of ids; `min_count(tokens)` is the least count of a word.

    The files lie in `folder` for as long as the result is used; the words must fit in `room`
    bytes. The order of the sentences is not always the same; nothing may depend on it.
    """
    read = _by_processes if tokenizer.code is None else _by_threads
    counts, vocabulary, paths, reading = read(
        corpus, tokenizer, min_count, folder, workers, progress, room
    )
    path = folder / "sentences.bin"
    lengths = _write_sentences(paths, path)
    offsets = np.zeros(lengths.size + 1, np.int64)
    np.cumsum(lengths, out=offsets[1:])
    tokens = np.memmap(path, np.int32, "r") if offsets[-1] else np.zeros(0, np.int32)
    return Sentences(tokens, offsets, counts, vocabulary, reading)


def _write_sentences(paths: Sequence[Path], path: Path) -> Array:
    """Join files of ids with sentence ends into one without empty or too long sentences.

    Returns:
        int64 (n,). Entries of each sentence, its end counted.
    """
    lengths = [np.zeros(0, np.int64)]
    with disk().create(path) as out:
        for part in paths:
            tail = np.zeros(0, np.int32)
            with disk().open(part) as file:
                while block := file.read(4 * _BLOCK):
                    ids = np.concatenate([tail, np.frombuffer(block, np.int32)])
                    ends = np.flatnonzero(ids == DOCUMENT_END)
                    whole = int(ends[-1]) + 1 if ends.size else 0
                    # what has no end yet is cut where it would be cut with its end, too
                    stop = whole + (ids.size - whole) // LONGEST * LONGEST
                    tail = ids[stop:]
                    lengths.append(_write_block(ids[:stop], out))
            lengths.append(_write_block(tail, out))
            disk().remove(part)
    return np.concatenate(lengths)


def _write_block(ids: Array, out: BinaryIO) -> Array:
    """Write whole sentences, those of more than LONGEST words in parts."""
    ends = np.flatnonzero(ids == DOCUMENT_END)
    if not ends.size or ends[-1] != ids.size - 1:
        ends = np.append(ends, ids.size)  # the end of a part, or of the file
    words = np.diff(ends, prepend=-1) - 1
    parts = -(-words // LONGEST)  # none of an empty sentence
    last = words - (parts - 1) * LONGEST
    lengths = np.full(parts.sum(), LONGEST, np.int64)
    lengths[np.cumsum(parts)[parts > 0] - 1] = last[parts > 0]
    kept = ids[ids != DOCUMENT_END]
    written = np.insert(kept, np.cumsum(lengths), DOCUMENT_END).astype(np.int32)
    out.write(written.data)
    return lengths + 1


@dataclass
class _Table:
    """What one thread has counted."""

    table: Any
    tokens: int = 0


def _by_threads(
    corpus: Corpus,
    tokenizer: Tokenizer,
    min_count: Callable[[int], int],
    folder: Path,
    workers: int,
    progress: Progress,
    room: int,
) -> tuple[Counts, Vocabulary, list[Path], Reading]:
    """By kernels: read once to count the words, once to write their ids."""
    tables, splits = kernel("tables"), corpus.splits()
    tokenizer.make_tables()
    spaces = white_space(tokenizer)

    def find(piece: Piece) -> tuple[Array, Array, Array]:
        text, starts, stops = tokenizer.find(cut_piece(piece))
        return text, *cut_tokens(text, starts, stops, spaces)

    def count(state: _Table, split: Split) -> None:
        for piece in corpus.pieces(split, Reading()):
            text, starts, stops = find(piece)
            tables.add_tokens(state.table, text, starts, stops, 1, 1)
            state.tokens += int(np.count_nonzero(starts >= 0))
            _refuse(entries(state.table) * workers, room)
            progress.advance(piece.stored)
        tables.end_document(state.table)

    with progress.stage("count", corpus.size):
        states = run_threads(count, splits, lambda: _Table(tables.new_table(False)), workers)
    joined = tables.new_table(False)
    for state in states:
        tables.merge_tables(joined, state.table)
    counts = sorted_counts(joined, sum(state.tokens for state in states))
    kept = counts.keep(min_count(counts.tokens))
    vocabulary = Vocabulary(kept.words, kept.counts)

    def encode(writer: _Writer, split: Split) -> None:
        for piece in corpus.pieces(split, writer.reading):
            text, starts, stops = find(piece)
            writer.add(tables.look_up(vocabulary.table, text, starts, stops))
            progress.advance(piece.stored)
        writer.add(np.array([DOCUMENT_END], np.int32))

    vocabulary.table  # noqa: B018  made once, before the threads ask for it
    with progress.stage("encode", corpus.size):
        writers = run_threads(encode, splits, lambda: _Writer(folder), workers)
    reading = corpus.new_reading()
    for writer in writers:
        reading.add(writer.reading)
    return counts, vocabulary, [writer.path for writer in writers], reading


def _by_processes(
    corpus: Corpus,
    tokenizer: Tokenizer,
    min_count: Callable[[int], int],
    folder: Path,
    workers: int,
    progress: Progress,
    room: int,
) -> tuple[Counts, Vocabulary, list[Path], Reading]:
    """By a Python tokenizer, which is slow: read once, give each word a number as it comes."""
    cutter = Tokenizer(_BySentence(tokenizer.spec), tokenizer.lowercase, tokenizer.nfkc)
    tables = kernel("tables")
    table, reading = tables.new_table(False), corpus.new_reading()
    numbers: dict[str, int] = {}
    paths: list[Path] = []
    maps: list[Array] = []
    tokens = 0
    with progress.stage("encode", corpus.size):
        splits = python_splits(corpus, workers)
        for path, words, seen, part in run_python(
            _encode_split, splits, corpus, cutter, workers, folder
        ):
            none = np.zeros(0, np.int64)
            tables.add_packed(table, words.text, words.offsets, seen, none)
            _refuse(entries(table), room)
            maps.append(np.fromiter((numbers.setdefault(w, len(numbers)) for w in words), np.int32))
            paths.append(path)
            tokens += int(seen.sum())
            reading.add(part)
            progress.advance(part.bytes)
    counts = sorted_counts(table, tokens)
    kept = counts.keep(min_count(tokens))
    vocabulary = Vocabulary(kept.words, kept.counts)
    final = np.full(len(numbers), GAP, np.int32)
    for i, word in enumerate(vocabulary):
        final[numbers[word]] = i
    encoded = []
    for path, numbering in zip(paths, maps, strict=True):
        ids = np.append(final[numbering], np.int32(DOCUMENT_END))  # [-1] is the end of a sentence
        writer = _Writer(folder)
        with disk().open(path) as file:
            while block := file.read(4 * _BLOCK):
                writer.add(ids[np.frombuffer(block, np.int32)])
        disk().remove(path)
        encoded.append(writer.path)
    return counts, vocabulary, encoded, reading


def _refuse(words: int, room: int) -> None:
    """Raise ResourceError when so many words do not fit in memory."""
    if (needed := _WORD * words) > room:
        raise ResourceError(
            f"{words:,} words must be in memory, and there may be more; give at least "
            f"--memory {(BASE + 2 * needed >> 20) + 1}MB, or fewer --workers"
        )


def _encode_split(split: Split) -> tuple[Path, PackedStrings, Array, Reading]:
    """In a worker: (file of numbers, the words they stand for, their counts, reading)."""
    reading, cleaned = Reading(), cleaned_tokens()
    writer = _Writer(worker_extra())
    numbers: dict[str, int] = {}
    for part in _batches(split, reading, cleaned, numbers):
        writer.add(part)
    seen = np.zeros(len(numbers), np.int64)
    with disk().open(writer.path) as file:
        while block := file.read(4 * _BLOCK):
            ids = np.frombuffer(block, np.int32)
            seen += np.bincount(ids[ids >= 0], minlength=seen.size)
    return writer.path, PackedStrings.from_strings(numbers), seen, reading


def _batches(
    split: Split, reading: Reading, cleaned: dict[str, str], numbers: dict[str, int]
) -> Iterator[Array]:
    """Yield the numbers of the words of a split, DOCUMENT_END behind each sentence."""
    waiting: list[int] = []
    for tokens, ended in raw_tokens(split, reading):
        for token in tokens:
            if token == "\n":
                waiting.append(DOCUMENT_END)
                continue
            try:
                words = cleaned[token].split()
            except TypeError as error:
                raise TokenizerError(
                    f"{split}: a tokenizer must return a list of strings: {error}"
                ) from error
            reading.blank_tokens += not words
            waiting += [numbers.setdefault(word, len(numbers)) for word in words]
        if ended:
            waiting.append(DOCUMENT_END)
        if len(waiting) >= _BLOCK:
            yield np.array(waiting, np.int32)
            waiting.clear()
    yield np.array(waiting, np.int32)
