"""What must hold for a report to be drawn, said before anything is."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from textzero.report.blocks import Bars, Block, Chart, Map, Matrix, Report, Table


def check_report(report: Report) -> None:
    """Refuse a report whose parts do not fit each other.

    Raises:
        ValueError: Columns, lines or labels are of unequal lengths; places are not finite; or
            what must be 0 or more is not.
    """
    for section in report.sections:
        for block in section.blocks:
            try:
                _check_block(block)
            except ValueError as error:
                raise ValueError(f"section {section.title!r}: {error}") from None


def _check_block(block: Block) -> None:
    if isinstance(block, Table):
        _check_table(block)
    elif isinstance(block, Chart):
        for line in block.lines:
            _same("y of a line", line.y, "x", line.x)
            if line.labels:
                _same("labels of a line", line.labels, "x", line.x)
    elif isinstance(block, Bars):
        _same("values of bars", block.values, "labels", block.labels)
        _not_negative("values of bars", block.values)
    elif isinstance(block, Matrix):
        shape = (len(block.rows), len(block.columns))
        if np.shape(block.counts) != shape:
            raise ValueError(f"counts must be of shape {shape}, got {np.shape(block.counts)}")
        _not_negative("counts", block.counts)
    elif isinstance(block, Map):
        _check_map(block)


def _check_table(table: Table) -> None:
    if table.page < 1:
        raise ValueError(f"a page of a table must have 1 row or more, got {table.page}")
    for column in table.columns:
        _same(f"column {column.name!r}", column.cells, "the first column", table.columns[0].cells)
    if table.details:
        _same("details", table.details, "the first column", table.columns[0].cells)
    names = [column.name for column in table.columns]
    if table.order is not None and table.order[0] not in names:
        raise ValueError(f"order must name one of {names}, got {table.order[0]!r}")


def _check_map(block: Map) -> None:
    words = len(block.words)
    if not block.views:
        raise ValueError("a map needs at least one view")
    for name, view in block.views.items():
        if np.shape(view) != (words, 2):
            raise ValueError(f"view {name!r} must be of shape {(words, 2)}, got {np.shape(view)}")
        if not np.isfinite(view).all():
            raise ValueError(f"view {name!r} must be finite; leave out words without a place")
    for what, values in (("counts", block.counts), ("groups", block.groups)):
        if values is not None:
            _same(what, values, "words", block.words)
    if block.neighbours is not None:
        shape = np.shape(block.neighbours)
        if len(shape) != 2 or shape[0] != words:
            raise ValueError(f"neighbours must be of shape ({words}, k), got {shape}")
        if shape[1] and words and np.max(block.neighbours) >= words:
            raise ValueError(f"neighbours must be below {words}, got {np.max(block.neighbours)}")
        if block.similarities is not None and np.shape(block.similarities) != shape:
            raise ValueError(
                f"similarities must be of shape {shape}, got {np.shape(block.similarities)}"
            )


def _same(what: str, values: Sequence[Any] | Any, other: str, others: Sequence[Any] | Any) -> None:
    if len(values) != len(others):
        raise ValueError(f"{what} must be as many as {other}, {len(others)}, got {len(values)}")


def _not_negative(what: str, values: Any) -> None:
    numbers = np.asarray(values, np.float64)
    wrong = numbers[~(np.isfinite(numbers) & (numbers >= 0))]
    if len(wrong):
        raise ValueError(f"{what} must be finite and 0 or more, got {wrong[0]:g}")
