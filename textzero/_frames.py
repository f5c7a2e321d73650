"""What is found as tables: for Arrow, pandas and Polars, and as a small one for a notebook."""

from collections.abc import Iterator, Mapping, Sequence, Sized
from dataclasses import asdict
from itertools import chain
from typing import TYPE_CHECKING, Any, ClassVar, Self, cast

from textzero.shown.text import html_text, page_word

if TYPE_CHECKING:
    import pandas
    import polars
    import pyarrow

    from textzero.packed import PackedStrings

SHOWN = 10  # rows in a notebook
_CELL = 60  # characters of a cell
_PARTS = 6  # of a list in a cell
_LEFT, _RIGHT = 'style="text-align:left"', 'style="text-align:right"'


class Tabular:
    """Has the content of a table.

    What reads Arrow's PyCapsule interface reads it as it is, batch by batch:
    `pyarrow.RecordBatchReader.from_stream(counts)`, `pandas.DataFrame.from_arrow(counts)`. What is
    a mapping or a list too is taken for that by `pandas.DataFrame(...)` and
    `polars.DataFrame(...)`: write `to_pandas()` and `to_polars()`.
    """

    _row_name: ClassVar[str] = "words"  # what the rows are

    def _batches(self) -> "Iterator[pyarrow.RecordBatch]":
        """Yield the rows, one batch at least, in bounded memory."""
        raise NotImplementedError

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        """Give the rows to a reader of Arrow, batch by batch."""
        import pyarrow

        batches = self._batches()
        first = next(batches)
        reader = pyarrow.RecordBatchReader.from_batches(first.schema, chain([first], batches))
        return reader.__arrow_c_stream__(requested_schema)

    def to_arrow(self) -> "pyarrow.Table":
        """Return a `pyarrow.Table`; what is in memory already is not copied."""
        import pyarrow

        return pyarrow.Table.from_batches(self._batches())

    def to_pandas(self) -> "pandas.DataFrame":
        """Return a `pandas.DataFrame`.

        Raises:
            ImportError: pandas is missing.
        """
        _needed("pandas")
        return self.to_arrow().to_pandas()

    def to_polars(self) -> "polars.DataFrame":
        """Return a `polars.DataFrame`.

        Raises:
            ImportError: Polars is missing.
        """
        return cast("polars.DataFrame", _needed("polars").from_arrow(self.to_arrow()))

    def __sklearn_clone__(self) -> Self:
        return self  # as a parameter of an estimator; it never changes, so no clone copies it

    def _lost(self) -> str:
        """What was lost of the corpus that it was made of, in a few words."""
        reading = getattr(self, "reading", None)
        return "" if reading is None else str(reading.in_short())

    def _shown(self) -> tuple[str, Mapping[str, Sequence[object]], int]:
        """What a notebook shows: a heading, the first rows as columns by name, how many rows."""
        first = next(self._batches())
        rows = len(self) if isinstance(self, Sized) else first.num_rows
        heading = f"{type(self).__name__}: {rows:,} {self._row_name}{self._lost()}"
        return heading, first.slice(0, SHOWN).to_pydict(), rows

    def _repr_html_(self) -> str:
        return html_table(*self._shown())


class Row(Tabular):
    """A dataclass as a table of one row."""

    _row_name = "row"

    def _batches(self) -> "Iterator[pyarrow.RecordBatch]":
        import pyarrow

        yield pyarrow.RecordBatch.from_pylist([asdict(cast(Any, self))])


def batch_of(columns: Mapping[str, Any]) -> "pyarrow.RecordBatch":
    """Make rows of NumPy arrays, Arrow arrays or lists, without copying them where that is so."""
    import pyarrow

    return pyarrow.RecordBatch.from_arrays(
        [c if isinstance(c, pyarrow.Array) else pyarrow.array(c) for c in columns.values()],
        names=list(columns),
    )


def words_column(words: "PackedStrings") -> "pyarrow.LargeStringArray":
    """Packed words as an Arrow array over the same memory."""
    import numpy as np
    import pyarrow

    offsets = pyarrow.py_buffer(np.ascontiguousarray(words.offsets))
    text = pyarrow.py_buffer(np.ascontiguousarray(words.text))
    return pyarrow.LargeStringArray.from_buffers(len(words), offsets, text)


def short(text: str, most: int = _CELL) -> str:
    """Return at most `most` characters of a text.

    >>> short("a" * 70)[-3:]
    'aa…'
    """
    return text if len(text) <= most else text[: most - 1] + "…"


def html_table(heading: str, columns: Mapping[str, Sequence[object]], rows: int) -> str:
    """Return a small table for a notebook, without scripts or colours of its own.

    Args:
        heading: What it is.
        columns: The cells of the first rows, by the name of the column; they are data, not markup.
        rows: How many rows there are in all.
    """
    heading = f"<p><b>{_escaped(heading, 200)}</b></p>"
    if not columns:
        return f"<div>{heading}</div>"
    sides = [_RIGHT if all(map(_is_number, cells)) else _LEFT for cells in columns.values()]
    names = zip(sides, columns, strict=True)
    head = "".join(f"<th {side}>{_escaped(name)}</th>" for side, name in names)
    lines = [
        "".join(f"<td {s}>{_cell(c)}</td>" for s, c in zip(sides, row, strict=True))
        for row in zip(*columns.values(), strict=True)
    ]
    left = rows - len(lines)
    more = f"<p>… and {left:,} more</p>" if left > 0 else ""
    filled = "".join(f"<tr>{line}</tr>" for line in lines)
    body = f"<thead><tr>{head}</tr></thead><tbody>{filled}</tbody>"
    return f"<div>{heading}<table>{body}</table>{more}</div>"


def _is_number(value: object) -> bool:
    return value is None or (isinstance(value, int | float) and not isinstance(value, bool))


def _cell(value: object) -> str:
    if value is None or value != value:
        return ""
    if isinstance(value, float):
        return f"{value:.4g}" if abs(value) < 1e4 else f"{value:,.0f}"
    return f"{value:,}" if _is_number(value) else f"<bdi>{_escaped(_said(value))}</bdi>"


def _said(value: object) -> str:
    """A value as text: of lists the first few, of mappings and pairs what is in them."""
    if isinstance(value, dict):
        return " ".join(_said(part) for part in value.values())
    if not isinstance(value, list | tuple):
        return f"{value:.2f}" if isinstance(value, float) else str(value)
    parts = [_said(part) for part in value[:_PARTS]]
    return ", ".join([*parts, "…"] if len(value) > _PARTS else parts)


def _escaped(text: str, most: int = _CELL) -> str:
    return html_text(page_word(short(text, most)))


def _needed(package: str) -> Any:
    """Import a package, or say how it is installed."""
    import importlib

    try:
        return importlib.import_module(package)
    except ImportError as error:
        raise ImportError(f"this needs {package}: pip install {package}") from error
