"""Co-occurrence counts: how often two words stand near each other in a document.

x_ij is the number of times that words i and j are at most `window` apart ("flat"), or the sum of
1 / distance ("harmonic"). Both directions are counted, so the matrix is symmetric; x_ii is kept
aside. Sums are whole numbers of a unit (1, or 1 / lcm(1..window)), so they are exact, and the same
for any number of workers and any bound on memory.
"""

import math
import weakref
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from textzero._arguments import checked
from textzero._compat import Array, has_gpu
from textzero._cooccurrence.counting import Places, Task, counted_rows, held_or_mapped
from textzero._cooccurrence.segments import Sieve
from textzero._frames import SHOWN, Tabular, batch_of, words_column
from textzero.corpus import Reading, Texts, as_corpus
from textzero.disk import disk
from textzero.errors import InputError
from textzero.files import (
    MANIFEST,
    read_array,
    read_json,
    refusals,
    refuse_strangers,
    whole_folder,
    write_json,
)
from textzero.kernels import kernel
from textzero.memory import memory_bytes
from textzero.parallel import ranges_of, worker_count
from textzero.progress import Progress
from textzero.subsampling import keep_probabilities
from textzero.tokens import Spec, Tokenizer
from textzero.vocabulary import Vocabulary
from textzero.workspace import Workspace

if TYPE_CHECKING:
    import pyarrow

_ROWS, _LENGTHS, _DIAGONAL, _VOCABULARY, _OCCURRENCES = (
    "rows.bin",
    "lengths.npy",
    "diagonal.npy",
    "vocabulary.tsv",
    "occurrences.npy",
)
_KIND = "textzero co-occurrence 1"
_BATCH = 1 << 18  # records of a batch of Arrow
_HELD = 64 << 20  # bytes of a result that stay in memory when it has no folder, at most
WEIGHTINGS = ("flat", "harmonic")


def distance_weights(window: int, weighting: str) -> tuple[Array, float]:
    """Return (int64 (window,) units by distance, what a unit is worth).

    >>> distance_weights(3, "harmonic")
    (array([6, 3, 2]), 0.16666666666666666)
    """
    if window < 1:
        raise ValueError(f"window must be at least 1, got {window}")
    if weighting not in WEIGHTINGS:
        raise ValueError(f"weighting must be one of {', '.join(WEIGHTINGS)}, got {weighting!r}")
    if weighting == "flat":
        return np.ones(window, np.int64), 1.0
    units = math.lcm(*range(1, window + 1)) if window <= 20 else 1 << 30
    return np.array([round(units / d) for d in range(1, window + 1)], np.int64), 1 / units


@dataclass(repr=False, eq=False)
class Cooccurrence(Tabular):
    """A symmetric sparse matrix of counts, its rows compressed.

    As a table it has a row for each record, without the diagonal: word, context, count.

    Attributes:
        vocabulary: What rows and columns stand for.
        data: uint8. The encoded rows, end to end (see `kernels/reference/cooccurrence.py`).
        lengths: int64 (n_words, 2). Bytes and records of each row.
        diagonal: int64 (n_words,). Units of each word with itself, exact up to 2^63 - 1.
        unit: What one unit is worth.
        settings: What decides the counts: tokenizer, window, weighting and so on.
        reading: What was read and lost while counting.
        occurrences: int64 (n_words,). How often each word stood in the text that was counted: the
            vocabulary's counts, unless frequent words were sub-sampled.
    """

    vocabulary: Vocabulary
    data: Array
    lengths: Array
    diagonal: Array
    unit: float
    settings: dict[str, Any]
    reading: Reading = field(default_factory=Reading)
    occurrences: Array = None  # type: ignore[assignment]  # replaced below

    def __post_init__(self) -> None:
        if self.occurrences is None:
            self.occurrences = self.vocabulary.counts
        self.offsets = np.zeros(len(self.vocabulary) + 1, np.int64)
        np.cumsum(self.lengths[:, 0], out=self.offsets[1:])

    @property
    def records(self) -> int:
        """Entries of the matrix, both directions, without the diagonal."""
        return int(self.lengths[:, 1].sum())

    def row(self, word: str | int) -> tuple[Array, Array]:
        """Return (int32 columns, float64 x) of one row, columns ascending.

        Units are exact up to 2^63 - 1; x, their number times the unit, is rounded above 2^53.

        Raises:
            KeyError: The word is not in the vocabulary.
            InputError: The row is damaged.
        """
        i = self.vocabulary.ids[word] if isinstance(word, str) else word
        part = np.asarray(self.data[self.offsets[i] : self.offsets[i + 1]])
        try:
            columns, counts = kernel("cooccurrence").decode_rows(part, int(self.lengths[i, 1]))
        except ValueError as error:
            raise InputError(f"the co-occurrences are damaged: {error}") from error
        return columns, counts * self.unit

    def __repr__(self) -> str:
        words = f"{len(self.vocabulary):,} words"
        return f"Cooccurrence({words}, {self.records:,} records{self._lost()})"

    def _batches(self) -> "Iterator[pyarrow.RecordBatch]":
        import pyarrow

        words, n = words_column(self.vocabulary.words), len(self.vocabulary)
        for start, stop in self.blocks(_BATCH):
            rows = [self.row(i) for i in range(start, stop)]
            columns, x = (np.concatenate(part) for part in zip(*rows, strict=True))
            if columns.size and not 0 <= int(columns.min()) <= int(columns.max()) < n:
                raise InputError(f"the co-occurrences are damaged: a column is not below {n:,}")
            own = np.repeat(np.arange(start, stop, dtype=np.int32), self.lengths[start:stop, 1])
            named = [pyarrow.DictionaryArray.from_arrays(ids, words) for ids in (own, columns)]
            yield batch_of({"word": named[0], "context": named[1], "count": x})

    def _shown(self) -> tuple[str, Mapping[str, Sequence[object]], int]:
        most = []
        for i in range(min(SHOWN, len(self.vocabulary))):
            columns, x = self.row(i)
            best = np.argsort(-x, kind="stable")[:5]
            most.append(", ".join(self.vocabulary[int(columns[k])] for k in best))
        shown: dict[str, Sequence[object]] = {"word": self.vocabulary[: len(most)]}
        shown |= {"contexts": self.lengths[: len(most), 1].tolist(), "most often with": most}
        return repr(self), shown, len(self.vocabulary)

    def blocks(self, most_records: int) -> list[tuple[int, int]]:
        """Cut the rows into ranges of at most `most_records` records (or one row)."""
        return ranges_of(self.lengths[:, 1], most_records)

    @checked
    def save(self, folder: str | Path) -> None:
        """Write the folder: rows.bin, lengths.npy, diagonal.npy, vocabulary.tsv, manifest.json.

        And occurrences.npy, when they are not the vocabulary's counts.
        """
        with refusals(folder), whole_folder(folder) as beside:
            with disk().create(beside / _ROWS) as file:
                for start in range(0, self.data.size, 1 << 24):
                    file.write(np.asarray(self.data[start : start + (1 << 24)]).data)
            self._save_index(beside)

    def _save_index(self, folder: Path) -> None:
        arrays = {_LENGTHS: self.lengths, _DIAGONAL: self.diagonal}
        if self.occurrences is not self.vocabulary.counts:
            arrays[_OCCURRENCES] = self.occurrences
        for name, array in arrays.items():
            with disk().create(folder / name) as file:
                np.save(file, array)
        self.vocabulary.save(folder / _VOCABULARY)
        manifest = {
            "kind": _KIND, "unit": self.unit, "words": len(self.vocabulary),
            "records": self.records, "settings": self.settings,
        }  # fmt: skip
        write_json(folder / MANIFEST, manifest)

    @classmethod
    @checked
    def load(cls, folder: str | Path) -> "Cooccurrence":
        """Open a saved matrix; the rows are mapped, not read.

        Raises:
            InputError: The folder is not a co-occurrence, or its files do not fit together.
        """
        folder = Path(folder)
        manifest = read_json(folder / MANIFEST)
        if manifest.get("kind") != _KIND:
            raise InputError(f"{folder} must hold {_KIND!r}, got {manifest.get('kind')!r}")
        vocabulary = Vocabulary.load(folder / _VOCABULARY)
        n = len(vocabulary)
        try:
            lengths = read_array(folder / _LENGTHS, (n, 2))
            diagonal = read_array(folder / _DIAGONAL, (n,))
            size = (folder / _ROWS).stat().st_size
            unit, settings = float(manifest["unit"]), dict(manifest["settings"])
            occurrences = vocabulary.counts
            if settings.get("subsample"):
                occurrences = read_array(folder / _OCCURRENCES, (n,))
        except (InputError, OSError, ValueError, KeyError, TypeError, OverflowError) as error:
            raise InputError(f"{folder} is damaged: {error}") from error
        if (
            (lengths < 0).any()
            or (occurrences < 0).any()
            or (lengths[:, 0] > size).any()
            or (lengths[:, 1] > lengths[:, 0] // 2).any()  # a record has two bytes or more
            or int(lengths[:, 0].sum()) != size
            or not 0 < unit <= 1
        ):
            raise InputError(
                f"{folder} is damaged: its index does not fit its {size:,} bytes of rows"
            )
        data = np.memmap(folder / _ROWS, np.uint8, "r") if size else np.zeros(0, np.uint8)
        return cls(vocabulary, data, lengths, diagonal, unit, settings, occurrences=occurrences)


@checked
def count_cooccurrences(
    corpus: Texts,
    vocabulary: Vocabulary,
    *,
    tokenizer: Spec = "word",
    lowercase: bool = False,
    nfkc: bool = False,
    window: int = 10,
    weighting: str = "flat",
    keep_gaps: bool = False,
    subsample: float = 0.0,
    seed: int = 0,
    memory: int | str | None = None,
    workers: int | None = None,
    folder: str | Path | None = None,
    progress: Progress | None = None,
    key: str | None = None,
    device: str = "cpu",
    workspace: Workspace | None = None,
    engine: Any = None,
) -> Cooccurrence:
    """Count which words of a vocabulary stand near each other.

    Windows never cross documents. The result is the same, byte for byte, for any number of
    workers and any bound on memory.

    Args:
        corpus: A `Corpus`, an iterable of documents, or a table (`Corpus.from_documents`).
        vocabulary: The words to count.
        tokenizer, lowercase, nfkc: As for `count_words`; use what made the vocabulary.
        window: Words on each side.
        weighting: "flat" (each pair counts 1) or "harmonic" (1 / distance).
        keep_gaps: Whether a word outside the vocabulary keeps its place in the window. By default
            it is skipped before the window is applied, as in Simpler-GloVe.
        subsample: Remove occurrences of words more frequent than this share of the vocabulary's
            tokens before windows are laid, as word2vec does (1e-5 to 1e-3; see
            `textzero.subsampling`). With `keep_gaps` they leave gaps. 0 keeps all.
        seed: Of what is removed, which depends on nothing else but the words of a document.
        memory: Bound in bytes or as "1GB"; more is kept on disk. None: half of the machine's. With
            a cluster, of each of its workers.
        workers: Threads or processes; None for one per processor.
        folder: Where to write the result; None for a temporary folder that goes with the object.
        progress: Told how many bytes were read and how many words were counted.
        key: Kept in the settings, for a caller that wants to know its result again.
        device: Where pairs are counted: "cpu", "gpu", or "auto" for the GPU if there is one. Does
            not change the result. What a GPU's memory does not hold is merged on disk.
        workspace: Where runs are kept, so that counting the same again goes on where it broke off;
            the caller is in its `with` statement. None: a temporary one when something must go
            to disk.
        engine: Where parts of the corpus are counted, as for `textzero.engines.as_engine`.

    Raises:
        InputError: The vocabulary has fewer than two words, something cannot be read, or a sum
            is 2^63 units or more.
        ResourceError: The disk is too small or fails, or the bound on memory for so many words.

    Example:
        >>> from textzero.counting import count_words
        >>> texts = ["a b a", "c a"]
        >>> vocabulary = Vocabulary.from_counts(count_words(texts), min_count=1)
        >>> columns, x = count_cooccurrences(texts, vocabulary).row("a")
        >>> [(vocabulary[j], n) for j, n in zip(columns, x.tolist())]
        [('b', 2.0), ('c', 1.0)]
    """
    corpus, workers = as_corpus(corpus), worker_count(workers)
    if device == "auto":
        device = "gpu" if has_gpu() else "cpu"
    kernel("cooccurrence", device)  # is there such a device?
    chosen = Tokenizer(tokenizer, lowercase, nfkc)
    weights, unit = distance_weights(window, weighting)
    keep = keep_probabilities(vocabulary.counts, subsample)
    if seed < 0:
        raise ValueError(f"seed must not be negative, got {seed}")
    n_words = len(vocabulary)
    if n_words < 2:
        raise InputError(f"a vocabulary needs at least two words, got {n_words}")
    settings = {
        **chosen.settings(), "window": window, "weighting": weighting, "keep_gaps": keep_gaps,
        "subsample": subsample, "seed": seed, "key": key,
    }  # fmt: skip
    sieve = Sieve(keep_gaps, keep if subsample else None, seed)
    task = Task(corpus, vocabulary, chosen, sieve, weights, memory_bytes(memory), workers, device)
    parent = None if folder is None else Path(folder).parent
    if folder is not None and parent is not None:
        refuse_strangers(folder)
        with refusals(folder):
            disk().make_folder(parent, exist_ok=True)
    decided = {name: value for name, value in settings.items() if name != "key"}
    with ExitStack() as scope:
        if corpus.sources:  # documents in memory may come of files of the caller's
            scope.enter_context(refusals(folder or "a temporary folder"))
        places = Places(workspace, parent, scope)
        rows, reading = counted_rows(task, places, decided, engine, progress or Progress())

        def matrix_of(data: Array, beside: Array) -> Cooccurrence:
            lengths = np.ascontiguousarray(beside[:2].T)
            occurrences = beside[3] if subsample else vocabulary.counts
            return Cooccurrence(
                vocabulary, data, lengths, beside[2], unit, settings, reading, occurrences
            )

        if folder is None:
            data, beside, goes = held_or_mapped(rows, places, min(_HELD, task.room // 4))
            matrix = matrix_of(data, beside)
            if goes:  # the rows stay mapped for as long as the object lives
                weakref.finalize(matrix, scope.pop_all().close)
            return matrix
        with whole_folder(folder) as beside_it:
            besides = []
            with disk().create(beside_it / _ROWS) as file:
                for data, beside in rows:
                    file.write(data.data)
                    besides.append(beside)
            beside = np.concatenate(besides, axis=1)
            matrix_of(np.zeros(0, np.uint8), beside)._save_index(beside_it)
        places.finish()
        result = Cooccurrence.load(folder)
        result.reading = reading
        return result
