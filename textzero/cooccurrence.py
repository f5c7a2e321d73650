"""Co-occurrence counts: how often two words stand near each other in a document.

x_ij is the number of times that words i and j are at most `window` apart ("flat"), or the sum of
1 / distance ("harmonic"). Both directions are counted, so the matrix is symmetric; x_ii is kept
aside. Sums are whole numbers of a unit (1, or 1 / lcm(1..window)), so they are exact, and the same
for any number of workers and any bound on memory.
"""

import math
import shutil
import tempfile
import weakref
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from textzero._compat import Array, has_gpu
from textzero._cooccurrence_runs import Counter
from textzero._cooccurrence_segments import Sieve, count_segments
from textzero.corpus import Corpus, Reading, as_corpus
from textzero.errors import InputError
from textzero.files import MANIFEST, read_json, whole_folder, write_json
from textzero.kernels import kernel
from textzero.memory import BASE, memory_bytes
from textzero.parallel import ranges_of, worker_count
from textzero.progress import Progress
from textzero.subsampling import keep_probabilities
from textzero.tokens import Spec, Tokenizer
from textzero.vocabulary import Vocabulary

_ROWS, _LENGTHS, _DIAGONAL, _VOCABULARY, _OCCURRENCES = (
    "rows.bin",
    "lengths.npy",
    "diagonal.npy",
    "vocabulary.tsv",
    "occurrences.npy",
)
_KIND = "textzero co-occurrence 1"
_TOKEN_BYTES = 16  # a token's id, its position, and its share of the encoded rows
_MOST_TOKENS = 1 << 30
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


@dataclass
class Cooccurrence:
    """A symmetric sparse matrix of counts, its rows compressed.

    Attributes:
        vocabulary: What rows and columns stand for.
        data: uint8. The encoded rows, end to end (see `kernels/reference/cooccurrence.py`).
        lengths: int64 (n_words, 2). Bytes and records of each row.
        diagonal: int64 (n_words,). Units of each word with itself.
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
    occurrences: Array = None  # replaced below

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

    def blocks(self, most_records: int) -> list[tuple[int, int]]:
        """Cut the rows into ranges of at most `most_records` records (or one row)."""
        return ranges_of(self.lengths[:, 1], most_records)

    def save(self, folder: str | Path) -> None:
        """Write the folder: rows.bin, lengths.npy, diagonal.npy, vocabulary.tsv, manifest.json.

        And occurrences.npy, when they are not the vocabulary's counts.
        """
        with whole_folder(folder) as beside:
            with open(beside / _ROWS, "wb") as file:
                for start in range(0, self.data.size, 1 << 24):
                    file.write(np.asarray(self.data[start : start + (1 << 24)]).data)
            self._save_index(beside)

    def _save_index(self, folder: Path) -> None:
        np.save(folder / _LENGTHS, self.lengths)
        np.save(folder / _DIAGONAL, self.diagonal)
        self.vocabulary.save(folder / _VOCABULARY)
        if self.occurrences is not self.vocabulary.counts:
            np.save(folder / _OCCURRENCES, self.occurrences)
        manifest = {
            "kind": _KIND, "unit": self.unit, "words": len(self.vocabulary),
            "records": self.records, "settings": self.settings,
        }  # fmt: skip
        write_json(folder / MANIFEST, manifest)

    @classmethod
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
        try:
            # mapped first: a header that lies about its shape cannot make us allocate it
            lengths = np.lib.format.open_memmap(folder / _LENGTHS, mode="r")
            diagonal = np.lib.format.open_memmap(folder / _DIAGONAL, mode="r")
            size = (folder / _ROWS).stat().st_size
            unit, settings = float(manifest["unit"]), dict(manifest["settings"])
            occurrences = vocabulary.counts
            if settings.get("subsample"):
                occurrences = np.lib.format.open_memmap(folder / _OCCURRENCES, mode="r")
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise InputError(f"{folder} is damaged: {error}") from error
        n = len(vocabulary)
        if (
            lengths.shape != (n, 2)
            or diagonal.shape != (n,)
            or occurrences.shape != (n,)
            or not lengths.dtype == diagonal.dtype == occurrences.dtype == np.int64
            or (lengths < 0).any()
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
        if occurrences is not vocabulary.counts:
            occurrences = np.array(occurrences)
        return cls(
            vocabulary, data, np.array(lengths), np.array(diagonal), unit, settings,
            occurrences=occurrences,
        )  # fmt: skip


def count_cooccurrences(
    corpus: Corpus | Iterable[str],
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
) -> Cooccurrence:
    """Count which words of a vocabulary stand near each other.

    Windows never cross documents. The result is the same, byte for byte, for any number of
    workers and any bound on memory.

    Args:
        corpus: A `Corpus`, or an iterable of documents.
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
        memory: Bound in bytes or as "1GB"; more is kept on disk. None: half of the machine's.
        workers: Threads or processes; None for one per processor.
        folder: Where to write the result; None for a temporary folder that goes with the object.
        progress: Told how many bytes were read and how many words were counted.
        key: Kept in the settings, for a caller that wants to know its result again.
        device: Where pairs are counted: "cpu", "gpu", or "auto" for the GPU if there is one. Does
            not change the result. What a GPU's memory does not hold is merged on disk.

    Raises:
        InputError: The vocabulary has fewer than two words, or something cannot be read.

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
    progress = progress or Progress()
    n_words = len(vocabulary)
    if n_words < 2:
        raise InputError(f"a vocabulary needs at least two words, got {n_words}")
    fixed = BASE + n_words * (200 + 24 * workers)
    room = max(memory_bytes(memory) - fixed, 64 << 20)
    capacity = min(room // _TOKEN_BYTES // workers, _MOST_TOKENS)
    settings = {
        **chosen.settings(), "window": window, "weighting": weighting, "keep_gaps": keep_gaps,
        "subsample": subsample, "seed": seed, "key": key,
    }  # fmt: skip
    parent = None if folder is None else Path(folder).parent
    if parent is not None:
        parent.mkdir(parents=True, exist_ok=True)
    runs = Path(tempfile.mkdtemp(prefix=".textzero-", dir=parent))
    try:
        counter = Counter(runs, n_words, weights, workers, device)
        if subsample:
            counter.occurrences = np.zeros(n_words, np.int64)
        reading = count_segments(
            corpus, vocabulary, chosen, Sieve(keep_gaps, keep if subsample else None, seed),
            capacity, workers, counter, progress,
        )  # fmt: skip
        rows = counter.merge()
        lengths = np.load(rows.with_suffix(".npy"), allow_pickle=False)
        data = np.memmap(rows, np.uint8, "r") if rows.stat().st_size else np.zeros(0, np.uint8)
        matrix = Cooccurrence(
            vocabulary, data, lengths, counter.diagonal, unit, settings, reading,
            counter.occurrences,
        )  # fmt: skip
        if folder is None:  # the rows stay mapped for as long as the object lives
            weakref.finalize(matrix, shutil.rmtree, runs, ignore_errors=True)
            return matrix
        with whole_folder(folder) as beside:
            rows.rename(beside / _ROWS)
            matrix._save_index(beside)
        del matrix, data
        result = Cooccurrence.load(folder)
        result.reading = reading
        shutil.rmtree(runs, ignore_errors=True)
        return result
    except BaseException:
        shutil.rmtree(runs, ignore_errors=True)
        raise
