"""cluster_words: words that go together, in groups, without being told how many.

Each frequent word is linked to the words whose vectors have the highest cosines with its own, and
the network is cut into modules by the map equation: a cluster is where a random walk over similar
words stays for long. A word's flow is how often the walk is at it, so the words that many others
resemble come first.

Source: Su Jianlin, kexue.fm 7006 (10,000 words, cosines from 0.6, 50 neighbours; with our vectors
0.5 and 20 are as pure, and leave far fewer words alone or in clusters of two or three). Not here:
words in several clusters.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, overload

import numpy as np

from textzero._arguments import checked
from textzero._compat import Array, has_gpu
from textzero._frames import SHOWN, Tabular, batch_of
from textzero.errors import InputError, ResourceError
from textzero.files import whole_file
from textzero.kernels import kernel
from textzero.memory import BASE, memory_bytes
from textzero.parallel import ordered_threads, worker_count
from textzero.progress import Progress
from textzero.vectors.map_equation import find_modules
from textzero.vectors.rows import unit_rows
from textzero.vectors.word_vectors import WordVectors

if TYPE_CHECKING:
    import pyarrow

_SCORES = 1 << 21  # cosines that a thread holds at once
_LINK = 100  # bytes that a link takes while the network is made, and in each thread that searches
_ROWS = 512
_UNIT = 1 << 26  # parts of 1 that numbers are rounded to
_SLACK = 1e-6  # of a cosine, since vectors that point alike differ in their last digits


@dataclass(frozen=True, eq=False)
class Clusters(Tabular):
    """Words in clusters; cluster 0 has the largest flow.

    Attributes:
        words: The words that were looked at, most frequent first.
        cluster: int32 (n_words,). The cluster of each, or -1 when it is like no other word.
        flow: float64 (n_words,). How often a walk over similar words is at each; the sum is 1.
        links: How many links the network has.
        code_length: Bits that a step of the walk costs, told by cluster.
        one_cluster: Bits when all words are one cluster.
    """

    words: Sequence[str]
    cluster: Array
    flow: Array
    links: int
    code_length: float
    one_cluster: float

    @cached_property
    def _places(self) -> list[Array]:
        """Places of the words of each cluster by falling flow, ties by place."""
        order = np.lexsort((np.arange(self.flow.size), -self.flow, self.cluster))
        order = order[np.searchsorted(self.cluster[order], 0) :]
        return np.split(order, np.flatnonzero(np.diff(self.cluster[order])) + 1)

    def __len__(self) -> int:
        return len(self._places)

    @overload
    def __getitem__(self, number: int) -> list[str]: ...
    @overload
    def __getitem__(self, number: slice) -> list[list[str]]: ...
    def __getitem__(self, number: "int | slice") -> "list[str] | list[list[str]]":
        """Return the words of a cluster, largest flow first; of a slice of clusters, each's."""
        if isinstance(number, slice):
            return [self[place] for place in range(len(self))[number]]
        return [self.words[i] for i in self._places[number].tolist()]

    def __iter__(self) -> Iterator[list[str]]:
        return (self[number] for number in range(len(self)))

    def __repr__(self) -> str:
        return f"Clusters({len(self):,} of {int((self.cluster >= 0).sum()):,} words)"

    def _batches(self) -> "Iterator[pyarrow.RecordBatch]":
        alone = np.flatnonzero(self.cluster < 0)
        order = np.concatenate([*self._places, alone])  # as in `rows`
        flow = np.where(self.cluster < 0, 0.0, self.flow)
        words = list(self.words)
        columns = {"word": [words[i] for i in order.tolist()], "cluster": self.cluster[order]}
        yield batch_of(columns | {"flow": flow[order]})

    def _shown(self) -> tuple[str, Mapping[str, Sequence[object]], int]:
        first = self._places[:SHOWN]
        words = [", ".join(self.words[i] for i in places[:8].tolist()) for places in first]
        columns: dict[str, Sequence[object]] = {"cluster": list(range(len(first)))}
        columns |= {"size": [places.size for places in first], "words": words}
        return repr(self), columns, len(self)

    @property
    def unclustered(self) -> list[str]:
        """The words that are like no other."""
        return [self.words[i] for i in np.flatnonzero(self.cluster < 0).tolist()]

    @property
    def flows(self) -> Array:
        """float64 (n_clusters,): the sum of the words' flow."""
        return np.array([self.flow[places].sum() for places in self._places])

    def rows(self) -> Iterator[tuple[str, int, float]]:
        """Yield (word, cluster, flow) cluster by cluster, last the unclustered as (word, -1, 0)."""
        for number, places in enumerate(self._places):
            for i in places.tolist():
                yield self.words[i], number, float(self.flow[i])
        yield from ((word, -1, 0.0) for word in self.unclustered)

    def formatted(self) -> Iterator[bytes]:
        """Yield word<TAB>cluster<TAB>flow lines.

        Raises:
            InputError: A word holds a tab or a line end.
        """
        for word, number, flow in self.rows():
            if any(mark in word for mark in "\t\n\r"):
                raise InputError(f"a table of clusters cannot hold the word {word!r}")
            yield f"{word}\t{number}\t{flow:.6g}\n".encode("utf-8", "backslashreplace")

    @checked
    def save(self, path: str | Path) -> None:
        """Write the lines of `formatted` to a file."""
        with whole_file(path) as file:
            file.writelines(self.formatted())


@checked
def cluster_words(
    vectors: WordVectors,
    *,
    words: int = 10_000,
    neighbours: int = 20,
    min_similarity: float = 0.5,
    teleportation: float = 0.15,
    trials: int = 10,
    seed: int = 0,
    workers: int | None = None,
    device: str = "cpu",
    memory: int | str | None = None,
    progress: Progress | None = None,
) -> Clusters:
    """Find clusters of words that go together.

    Args:
        vectors: Their first words are taken for the most frequent.
        words: How many words.
        neighbours: Links of a word, at most. More make fewer, larger clusters.
        min_similarity: Lowest cosine of a link, from 0 to 1, to a millionth. Words without a link
            are in no cluster.
        teleportation: How often the walk jumps to any word, from 0 to below 1.
        trials: Searches with different random orders; the shortest code is kept.
        seed: Of the random orders.
        workers: Threads; None for one per processor. Does not change the result.
        device: Where neighbours are looked for: "cpu", "gpu", or "auto" for the GPU if there is
            one. Does not change the result.
        memory: A size such as "1GB"; None for half of what the machine has. With little of it
            fewer threads work. Does not change the result.
        progress: Told how many words and trials are done.

    Raises:
        InputError: No two words are that similar, or a vector is not finite.
        ResourceError: So many words do not fit into `memory`; the message says how much is needed.
        ValueError: A setting has no such value.
    """
    if words < 2:
        raise ValueError(f"words must be at least 2, got {words}")
    if not 0 <= min_similarity <= 1:
        raise ValueError(f"min_similarity must be from 0 to 1, got {min_similarity}")
    progress = progress or Progress()
    n, room = min(words, len(vectors)), memory_bytes(memory) - BASE
    threads = worker_count(workers)
    held = n * (12 * vectors.dim + 16 * min(neighbours, n))
    workers = _most_threads(room, held, 12 * _SCORES, threads, f"{n:,} words")
    rows = np.empty((n, vectors.dim), np.float32)
    for start in range(0, n, _ROWS):
        rows[start : start + _ROWS] = unit_rows(vectors.vectors[start : min(start + _ROWS, n)])
    names = vectors.vocabulary[:n]
    broken = np.flatnonzero(~np.isfinite(rows).all(axis=1))
    if broken.size:
        raise InputError(f"the vector of {names[int(broken[0])]!r} is not finite")
    offsets, targets, cosines = nearest_neighbours(
        rows, neighbours, max(0.0, min_similarity - _SLACK), workers=workers, device=device,
        progress=progress,
    )  # fmt: skip
    del rows
    needed = _LINK * targets.size
    workers = _most_threads(room, needed, needed, threads, f"{targets.size:,} links of {n:,} words")
    linked = (np.diff(offsets) > 0) | (np.bincount(targets, minlength=n) > 0)
    if not linked.any():
        raise InputError(
            f"clusters need words that are alike, but no two of {n:,} words have a cosine of "
            f"{min_similarity} or more; lower --min-similarity"
        )
    places = np.cumsum(linked) - 1  # among the linked words
    found = find_modules(
        offsets[np.append(np.flatnonzero(linked), n)], places[targets], cosines,
        teleportation=teleportation, trials=trials, seed=seed, workers=workers, progress=progress,
    )  # fmt: skip
    cluster, flow = np.full(n, -1, np.int32), np.zeros(n)
    cluster[linked], flow[linked] = found.module, found.flow
    return Clusters(names, cluster, flow, targets.size, found.code_length, found.one_module)


def _most_threads(room: int, held: int, each: int, threads: int, what: str) -> int:
    """How many threads, at most `threads`, have room beside what all of them share.

    Raises:
        ResourceError: Not even one has.
    """
    if held + each > room:
        least = -(-(held + each + BASE) >> 20)
        raise ResourceError(
            f"{what} need --memory {least}MB, got {(room + BASE) >> 20}MB; give more, or cluster "
            "fewer --words"
        )
    return max(1, min(threads, (room - held) // max(each, 1)))


def nearest_neighbours(
    rows: Array,
    n: int,
    minimum: float,
    *,
    workers: int | None = None,
    device: str = "cpu",
    progress: Progress | None = None,
) -> tuple[Array, Array, Array]:
    """Return the nearest other rows of each row, exactly; never more than a block of all products.

    The numbers are rounded to 2^-26, so that all sums of their products are exact in float64 and do
    not depend on the order in which a library adds them, in so many threads, up.

    Args:
        rows: float32 (n_rows, dim), of length 1.
        n: Neighbours of a row, at most.
        minimum: Lowest cosine.
        workers: Threads; None for one per processor.
        device: "cpu", "reference", "gpu", or "auto" for the GPU if there is one. All give the same
            bytes.
        progress: Told how many rows are done.

    Returns:
        offsets: int64 (n_rows + 1,). Neighbours of row i are offsets[i] ... offsets[i + 1] - 1.
        targets: int32. The nearest first, ties by number.
        cosines: float64.
    """
    if n < 1:
        raise ValueError(f"neighbours must be at least 1, got {n}")
    if device == "auto":
        device = "gpu" if has_gpu() else "cpu"
    progress, best_columns = progress or Progress(), kernel("neighbours", device).best_columns
    step = max(1, min(_ROWS, _SCORES // max(len(rows), 1)))
    exact = np.empty(rows.shape)
    for start in range(0, len(rows), _ROWS):
        part = rows[start : start + _ROWS].astype(np.float64)
        exact[start : start + _ROWS] = np.rint(part * _UNIT) / _UNIT

    def work(first: int) -> tuple[Array, Array, Array]:
        scores = (exact[first : first + step] @ exact.T).astype(np.float32)
        return best_columns(scores, first, n, minimum)

    if device == "gpu":  # the scores stay there
        from textzero.kernels.gpu._nearest import neighbours_of_rows

        found = _on_the_card(neighbours_of_rows(exact, n, minimum), len(rows))
    else:
        found = ordered_threads(work, range(0, len(rows), step), worker_count(workers))
    parts = []
    with progress.stage("compare", len(rows), "words"):
        for part in found:
            parts.append(part)
            progress.advance(part[0].size)
    sizes, targets, cosines = (np.concatenate(column) for column in zip(*parts, strict=True))
    offsets = np.zeros(len(rows) + 1, np.int64)
    np.cumsum(sizes, out=offsets[1:])
    return offsets, targets, cosines.astype(np.float64)


def _on_the_card(blocks: Iterator[Any], words: int) -> Iterator[Any]:
    """Yield what the GPU finds; its memory may run out at any block."""
    try:
        yield from blocks
    except MemoryError as error:  # CuPy's is one
        raise ResourceError(
            f"the GPU has too little memory for {words:,} words; --device cpu needs none of it"
        ) from error
