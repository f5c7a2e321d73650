"""Co-occurrence on the card: pairs to keys, a radix sort, sums of equal keys, both directions.

A pair of words is kept once, as the key (lower << word_bits | higher). Lists of pairs are sorted by
key, each key once, with int64 sums: exact, so that chunks can be merged in any order. The sort is
cupy.ndarray.sort of uint64, and cupy.argsort: Thrust's stable radix sort (for integers of one
dimension, in ascending order).
"""

from collections.abc import Iterator

import cupy
import numpy as np

from textzero._compat import GpuArray as Array
from textzero.errors import ResourceError
from textzero.kernels.gpu._cuda import blocks_of, free_memory, function, launch, upload
from textzero.kernels.gpu._rows import encoded_blocks

_STRETCH = 512  # keys of a warp; STRETCH of cooccurrence.cu
_PAIR_BYTES = 48  # a key, its copy while sorting, and room for the sums
_RECORD_BYTES = 120  # a pair of words and its sum, a merged copy, both directions, encoded
_MOST_PAIRS = 1 << 30
_LEAST_ROOM = 64 << 20  # with less, what is left of a full card, counting would take days


def key_bits(n_words: int, window: int) -> tuple[int, int]:
    """Return the bits of a word and of a distance in a key.

    Raises:
        ValueError: Two words and a distance do not fit in 64 bits.
    """
    bits = max(1, (n_words - 1).bit_length()), max(1, (window - 1).bit_length())
    if 2 * bits[0] + bits[1] > 64:
        raise ValueError(
            f"two of {n_words:,} words and a distance up to {window:,} must fit in 64 bits; "
            "take a smaller vocabulary or window, or device='cpu'"
        )
    return bits


class Pairs:
    """Sums of pairs, added chunk by chunk.

    Args:
        n_words: Size of the vocabulary.
        weights: int64 (window,) on the host. Units by distance.
        memory: Bytes of the device to use; None for all that is free.

    Raises:
        ResourceError: The card is full.
    """

    def __init__(self, n_words: int, weights: Array, memory: int | None = None) -> None:
        self.n_words, self.window = n_words, weights.size
        self.word_bits, self.distance_bits = key_bits(n_words, weights.size)
        self.weights = cupy.asarray(weights)
        room = free_memory() if memory is None else memory
        if memory is None and room < _LEAST_ROOM:
            raise ResourceError(
                f"co-occurrence on the GPU must have at least {_LEAST_ROOM:,} bytes of its memory, "
                f"{room:,} are free: end what else uses the GPU, or use device='cpu'"
            )
        self.chunk = min(max(1 << 10, room // 4 // _PAIR_BYTES), _MOST_PAIRS)
        self.most_records = max(1 << 10, room // 3 // _RECORD_BYTES)
        self.lists: list[tuple[Array, Array]] = []
        self.counted = 0  # pairs of neighbours so far, each once for both directions

    @property
    def records(self) -> int:
        """Pairs in all lists; what several hold is counted several times."""
        return sum(keys.size for keys, _ in self.lists)

    def is_full(self) -> bool:
        """Whether the sums take the room they have: time for `take`."""
        return self.records > self.most_records

    def upload(self, tokens: Array) -> Array:
        """Return int32 tokens of the host on the device."""
        return upload(tokens, np.int32)

    def add(self, tokens: Array, fresh: int, begin: int, first: int, last: int) -> int:
        """Count a chunk of the pairs whose left token stands at `begin` or later.

        Args:
            tokens: int32 (n,) on the device.
            fresh: Pairs whose right token stands before are left out.
            begin: Where to begin.
            first, last: Pairs without a word from first to last - 1 are left out.

        Returns:
            Where the next chunk begins; n at the end.
        """
        step = max(32, self.chunk // self.window // 32 * 32)
        stop = min(tokens.size, begin + step)
        warps = blocks_of(stop - begin, 32)
        pairs = (
            *(tokens, np.int64(tokens.size), np.int64(fresh), np.int32(self.window)),
            *(np.int32(first), np.int32(last), np.int64(begin), np.int64(stop)),
        )
        blocks = blocks_of(stop - begin)
        places = cupy.zeros(warps + 1, np.int64)
        launch(function("cooccurrence", "count_pairs"), blocks, *pairs, places[1:])
        places = cupy.cumsum(places)
        keys = cupy.empty(int(places[-1]), np.uint64)
        launch(
            *(function("cooccurrence", "write_pairs"), blocks, *pairs, places),
            *(np.int32(self.word_bits), np.int32(self.distance_bits), keys),
        )
        keys.sort()
        self.counted += keys.size
        if keys.size:
            self.lists.append(sum_runs(keys, self.weights, self.distance_bits))
        del keys
        # lists of like size are merged, so that a pair is merged a few times only
        while len(self.lists) > 1 and self.lists[-2][0].size < 2 * self.lists[-1][0].size:
            self._merge_last()
        return stop

    def _merge_last(self) -> None:
        b, a = self.lists.pop(), self.lists.pop()
        self.lists.append(merged(a, b))

    def take(self) -> tuple[Array, Array, Array, Array]:
        """Return (starts, columns, counts, diagonal) of all rows, and begin anew.

        Rows are as in `_rows`; the diagonal is int64 (n_words,).
        """
        while len(self.lists) > 1:
            self._merge_last()
        keys, sums = self.lists.pop() if self.lists else (
            cupy.empty(0, np.uint64), cupy.empty(0, np.int64)
        )  # fmt: skip
        return both_directions(keys, sums, self.n_words, self.word_bits)

    def take_encoded(self, most_records: int) -> tuple[Array, Iterator[tuple[Array, Array]]]:
        """Return the diagonal and the blocks of `_rows.encoded_blocks`, as NumPy arrays."""
        starts, columns, counts, diagonal = self.take()
        return diagonal.get(), encoded_blocks(starts, columns, counts, most_records)


def sum_runs(keys: Array, table: Array, shift: int) -> tuple[Array, Array]:
    """Return each sorted key once, without its lowest `shift` bits, and the sum of its values.

    The value of a key is table[its lowest bits], or table[k] of key k when shift is 0.
    """
    n = keys.size
    stretches = blocks_of(n, _STRETCH)
    runs, sums = cupy.zeros(stretches + 1, np.int64), cupy.zeros(stretches + 1, np.int64)
    given = keys, np.int64(n), table, np.int32(shift)
    blocks = blocks_of(stretches, 8)
    launch(function("cooccurrence", "count_runs"), blocks, *given, runs[1:], sums[1:])
    runs, sums = cupy.cumsum(runs), cupy.cumsum(sums)
    unique = cupy.empty(int(runs[-1]), np.uint64)
    totals = cupy.zeros(unique.size + 1, np.int64)
    launch(function("cooccurrence", "write_runs"), blocks, *given, runs, sums, unique, totals[1:])
    return unique, totals[1:] - totals[:-1]


def merged(a: tuple[Array, Array], b: tuple[Array, Array]) -> tuple[Array, Array]:
    """Return two sorted lists of keys and sums as one."""
    n = a[0].size + b[0].size
    keys, sums = cupy.empty(n, np.uint64), cupy.empty(n, np.int64)
    launch(
        *(function("cooccurrence", "merge_lists"), blocks_of(n), *a, np.int64(a[0].size)),
        *(*b, np.int64(b[0].size), keys, sums),
    )
    return sum_runs(keys, sums, 0)


def both_directions(
    keys: Array, sums: Array, n_words: int, word_bits: int
) -> tuple[Array, Array, Array, Array]:
    """Return (starts, columns, counts, diagonal) of sorted pairs."""
    diagonal = cupy.zeros(n_words, np.int64)
    if not keys.size:
        rows = cupy.empty(0, np.int32), cupy.empty(0, np.int64)
        return cupy.zeros(n_words + 1, np.int64), *rows, diagonal
    low, high = cupy.empty(keys.size, np.int32), cupy.empty(keys.size, np.int32)
    launch(
        *(function("cooccurrence", "split_keys"), blocks_of(keys.size), keys),
        *(np.int64(keys.size), np.int32(word_bits), low, high),
    )
    same = cupy.flatnonzero(low == high)
    diagonal[low[same]] = 2 * sums[same]
    apart = cupy.flatnonzero(low != high)
    low, high, sums = low[apart], high[apart], sums[apart]
    del apart, same
    order = cupy.argsort(high)
    words = cupy.arange(n_words + 1, dtype=np.int32)
    low_starts = cupy.searchsorted(low, words).astype(np.int64)
    high_starts = cupy.searchsorted(high[order], words).astype(np.int64)
    starts = low_starts + high_starts
    columns = cupy.empty(2 * low.size, np.int32)
    counts = cupy.empty(2 * low.size, np.int64)
    launch(
        *(function("cooccurrence", "place_pairs"), blocks_of(low.size), low, high, sums),
        *(np.int64(low.size), order, low_starts, high_starts, starts, columns, counts),
    )
    return starts, columns, counts, diagonal
