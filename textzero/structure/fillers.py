"""What fills the placeholders of templates: the most frequent sequences of words, with counts."""

from collections.abc import Sequence

import numpy as np

from textzero._compat import Array
from textzero.kernels import kernel
from textzero.structure.sentences import Sentences

LONGEST_FILLER = 3  # words
_BLOCK = 1 << 13  # sentences
Fillers = list[tuple[list[int], int]]  # (word ids, count)


def list_fillers(
    sentences: Sentences, best: Array, patterns: Sequence[Sequence[int]], window: int, number: int
) -> list[list[Fillers]]:
    """Return, by template and placeholder, the `number` most frequent fillers.

    Fillers of more than LONGEST_FILLER words, or with a word that has no id, are left out. Ties:
    the more frequent words first.

    Args:
        sentences: The corpus.
        best: int32 (n_sentences,). The template of each sentence, or -1.
        patterns: Word ids of each template, -1 for a placeholder.
        window: As for `find_templates`.
        number: How many.
    """
    tables: list[list[Fillers]] = [[[] for item in items if item < 0] for items in patterns]
    if not number or not patterns:
        return tables
    items = np.concatenate([np.array(pattern, np.int32) for pattern in patterns])
    item_offsets = np.cumsum([0, *map(len, patterns)])
    rows, counts = np.zeros((0, 2 + LONGEST_FILLER), np.int32), np.zeros(0, np.int64)
    waiting: list[Array] = []
    for first in range(0, len(sentences), _BLOCK):
        found = kernel("fillers").find_fillers(
            *(sentences.tokens, sentences.offsets, best, items, item_offsets, window),
            *(LONGEST_FILLER, first, min(first + _BLOCK, len(sentences))),
        )
        waiting.append(found)
        if sum(part.shape[0] for part in waiting) > max(1 << 20, counts.size):
            rows, counts = _added(rows, counts, waiting)
    rows, counts = _added(rows, counts, waiting)
    # by template and placeholder, then the most frequent first, then by the ids of the words
    order = np.lexsort((*rows.T[:1:-1], -counts, rows[:, 1], rows[:, 0]))
    for k in order.tolist():
        template, slot, *ids = rows[k].tolist()
        if len(tables[template][slot]) < number:
            tables[template][slot].append(([i for i in ids if i >= 0], int(counts[k])))
    return tables


def _added(rows: Array, counts: Array, waiting: list[Array]) -> tuple[Array, Array]:
    """Add rows, counted once each, to rows with counts; empties `waiting`."""
    ones = np.ones(sum(part.shape[0] for part in waiting), np.int64)
    rows, counts = np.concatenate([rows, *waiting]), np.concatenate([counts, ones])
    waiting.clear()
    if not counts.size:
        return rows, counts
    order = np.lexsort(rows.T[::-1])
    rows = rows[order]
    starts = np.flatnonzero(np.append(True, (rows[1:] != rows[:-1]).any(axis=1)))
    return rows[starts], np.add.reduceat(counts[order], starts)
