"""Tables and runs added up: in memory where they fit, else by merging runs into mapped files."""

from functools import partial
from typing import Any

import numpy as np

from textzero._words.bounded import BoundedTable
from textzero._words.runs import Rows, Run
from textzero._words.spool import Spool
from textzero.kernels import kernel
from textzero.parallel import run_threads
from textzero.progress import Progress

_SORTED = 80  # bytes a word while a table is taken apart and sorted, beside three times its text


def sorted_rows(table: Any) -> Rows:
    """Take a kernel's word table apart, in the order that all counts are written in."""
    text, offsets, counts, documents = kernel("tables").unload(table)
    order = kernel("packed").sort_order(text, offsets, counts)
    text, offsets = kernel("packed").gather(text, offsets, order)
    documents = documents[order] if documents.size else documents
    return Rows(text, offsets, counts[order], documents)


def total(
    tables: list[BoundedTable],
    runs: list[str],
    spool: Spool,
    room: int,
    workers: int,
    progress: Progress,
    min_count: int = 1,
) -> tuple[Rows, int, bool]:
    """Add up all words.

    Args:
        tables: Taken apart; the list is emptied. At least one.
        runs: Names of runs in the spool's store.
        spool: Where the tables' own runs are, too.
        room: Bytes that this may take.
        workers: Threads.
        progress: Told how many words were merged.
        min_count: Rarer words may be left out.

    Returns:
        rows: In the order of all tables.
        distinct: Words, with those that were left out.
        mapped: Whether the rows are files of the spool.

    Raises:
        InputError: A sum passes 2^63 - 1.
        ResourceError: The disk has no room for what memory does not hold.
    """
    names = [*runs, *(name for table in tables for name in table.runs)]
    found = [Run(spool.store(), name) for name in names]
    if _fits(tables, found, room):
        twice = _fits(tables, found + found, room)
        held = [table.table for table in tables]
        new_table = partial(kernel("tables").new_table, tables[0].documents)
        tables.clear()
        if workers > 1 and len(found) > 1 and twice:
            held += run_threads(_add_run, found, new_table, 2)
            found = []
        table = _summed(held)
        for run in found:
            _add_run(table, run)
        rows = sorted_rows(table)
        return rows, rows.counts.size, False
    run_threads(lambda _, table: table.dump(), tables, lambda: None, workers)
    names = [*runs, *(name for table in tables for name in table.runs)]
    tables.clear()
    found = [Run(spool.store(), name) for name in names]
    return *spool.finish(found, min_count, room, progress), True


def _fits(tables: list[BoundedTable], runs: list[Run], room: int) -> bool:
    """Whether memory holds the sum of all, and what it takes to sort it."""
    kernels = kernel("tables")
    extents = np.array([kernels.extent(table.table) for table in tables])
    words = sum(run.words for run in runs) + int(extents[:, 0].sum())
    text = sum(run.text for run in runs) + int(extents[:, 1].sum())
    first = words - int(extents[0, 0]), text - int(extents[0, 1])
    summed = kernels.size_after(tables[0].table, *first)
    others = sum(kernels.size_after(table.table, 0, 0) for table in tables[1:])
    return summed + others + words * _SORTED + 3 * text <= room


def _add_run(table: Any, run: Run) -> None:
    for rows in run.rows():
        kernel("tables").add_packed(table, *rows)


def _summed(held: list[Any]) -> Any:
    """Add up kernels' tables: in pairs, the pairs side by side."""
    while len(held) > 1:
        half = (len(held) + 1) // 2
        pairs = list(zip(held[:half], held[half:], strict=False))
        run_threads(
            lambda _, pair: kernel("tables").merge_tables(*pair), pairs, lambda: None, len(pairs)
        )
        del pairs
        del held[half:]
    return held[0]
