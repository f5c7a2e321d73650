"""The texts of tables that other packages hold: Hugging Face datasets, data frames, Arrow.

A table is known by its class's name, so that no package is imported here. It is read some rows at
a time, again and again; what is on disk stays there.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from os import PathLike
from types import GeneratorType
from typing import Any, Protocol, TypeAlias

from textzero.corpus.records import DEFAULT_FIELD
from textzero.errors import InputError

_ROWS = 64  # that are read at once: a text may be long


class _NamesColumns(Protocol):
    @property
    def column_names(self) -> Any: ...


class _HasColumns(Protocol):
    @property
    def columns(self) -> Any: ...


class _GivesArrow(Protocol):
    def to_pylist(self) -> list[Any]: ...


# What `column_of` takes, as types can say it: datasets, data frames, and what Arrow has.
Table: TypeAlias = _NamesColumns | _HasColumns | _GivesArrow


@dataclass(frozen=True)
class Column:
    """The texts of one column; where a row has none there is None.

    Attributes:
        name: Of the column, in messages.
        batches: Begins to read: yields lists of what the rows hold.
    """

    name: str
    batches: Callable[[], Iterator[Iterable[Any]]]

    def __iter__(self) -> Iterator[str | None]:
        for batch in self.batches():
            for value in batch:
                yield None if is_missing(value) else value


def is_missing(value: object) -> bool:
    """Whether a table means by it that there is no value: None, NaN, or what is like NaN."""
    if value is None or isinstance(value, str):
        return value is None
    return type(value).__name__ in ("NAType", "NaTType") or value != value


def column_of(texts: Any, field: str | None = None) -> Iterable[str | None]:
    """Return the texts of a table's column; what is no table is returned as it is.

    Args:
        texts: A Hugging Face `Dataset` or `IterableDataset`; a DataFrame or Series of pandas or
            Polars; a Table, RecordBatch, Dataset, Array or ChunkedArray of pyarrow; else anything.
        field: The column of a table; None for the only one, or else "text".

    Raises:
        InputError: The table has no such column.
        TypeError: It is no iterable of texts: a string, a mapping, several tables (`DatasetDict`),
            a query that was not run, a generator that was read; or it has no columns to choose in.
    """
    kinds = {(kind.__module__.partition(".")[0], kind.__name__) for kind in type(texts).__mro__}
    if isinstance(texts, Mapping):
        shown = ", ".join(f"{key!r:.40}" for key, _ in zip(texts, range(3), strict=False))
        raise TypeError(
            f"documents must be an iterable of strings, got a {type(texts).__name__} with the keys "
            f"{shown or '(none)'}{', ...' if len(texts) > 3 else ''}; give one of its values, or "
            ".values()"
        )
    if ("polars", "LazyFrame") in kinds:
        raise TypeError("a LazyFrame is a query that was not run; give .collect() of it")
    if kinds & {("datasets", "Dataset"), ("datasets", "IterableDataset")}:
        return _of_dataset(texts, field)
    if kinds & {("pandas", "DataFrame"), ("polars", "DataFrame")}:
        name = _chosen(field, list(texts.columns), "data frame")
        return Column(str(name), lambda: iter([texts[name]]))
    if ("pyarrow", "Dataset") in kinds:
        name = _chosen(field, texts.schema.names, "dataset")
        ahead = {"batch_size": 16 * _ROWS, "batch_readahead": 1, "fragment_readahead": 1}
        return Column(
            name, lambda: _lists(b.column(0) for b in texts.to_batches(columns=[name], **ahead))
        )
    if kinds & {("pyarrow", "Table"), ("pyarrow", "RecordBatch")}:
        name = _chosen(field, texts.schema.names, "table")
        return Column(name, lambda: _lists([texts.column(name)]))
    if field is not None:
        raise TypeError(f"field {field!r} is for tables, got {type(texts).__name__}")
    if kinds & {("pyarrow", "Array"), ("pyarrow", "ChunkedArray")}:
        return Column("texts", lambda: _lists([texts]))
    if ("datasets", "Column") in kinds and hasattr(texts.source, "select_columns"):
        return column_of(texts.source, texts.column_name)  # row by row it is a hundred times slower
    if kinds & {("pandas", "Series"), ("polars", "Series"), ("datasets", "Column")}:
        return Column(str(getattr(texts, "name", None) or "texts"), lambda: iter([texts]))
    if isinstance(texts, str | bytes | PathLike):
        raise TypeError(
            f"documents must be an iterable of strings, got a single {type(texts).__name__}; "
            "write [text] for a text, Corpus(path) for a file"
        )
    if not isinstance(texts, Iterable):
        raise TypeError(f"documents must be an iterable of strings, got {type(texts).__name__}")
    if isinstance(texts, GeneratorType) and texts.gi_frame is None:
        raise TypeError(
            "this generator has been read, and gives no document any more; give a list, or an "
            "object whose __iter__ begins anew"
        )
    return texts


def _chosen(field: str | None, names: list[Any], what: str) -> Any:
    """The name of the column of texts: the one that is asked for, the only one, or "text"."""
    name = field or (names[0] if len(names) == 1 else DEFAULT_FIELD)
    if name not in names:
        shown = ", ".join(map(str, names[:10])) or "none"
        raise InputError(
            f"the {what} must have the column {name!r}, got {shown}; name the one with the texts: "
            "Corpus.from_documents(..., field=...)"
        )
    if names.count(name) > 1:
        raise InputError(f"the {what} must have the column {name!r} once, got {names.count(name)}")
    return name


def _of_dataset(dataset: Any, field: str | None) -> Column:
    """One column of a Hugging Face dataset, which may not know its columns before it is read."""
    if dataset.column_names is not None:
        field = _chosen(field, dataset.column_names, "dataset")
        dataset = dataset.select_columns([field])

    def batches() -> Iterator[Iterable[Any]]:
        for batch in dataset.iter(_ROWS):
            if isinstance(batch, Mapping):
                yield batch[_chosen(field, list(batch), "dataset")]
            else:  # a dataset's format may be pandas, Polars or Arrow
                yield column_of(batch, field)

    return Column(field or DEFAULT_FIELD, batches)


def _lists(arrays: Iterable[Any]) -> Iterator[list[Any]]:
    """Arrow's values as Python's, some at a time."""
    for array in arrays:
        for start in range(0, len(array), _ROWS):
            yield array.slice(start, _ROWS).to_pylist()
