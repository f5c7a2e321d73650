"""Records to documents: one text field of JSON lines, CSV, TSV or Parquet."""

import csv
import io
import json
from collections.abc import Iterator
from typing import Any

from textzero.corpus.sources import (
    Source,
    decompression_errors,
    open_bytes,
    open_text_bytes,
)
from textzero.corpus.streams import REPLACE, RangeReader, Reading, decode
from textzero.errors import InputError

DEFAULT_FIELD = "text"


def record_documents(
    source: Source,
    start: int,
    stop: int,
    *,
    field: str | None,
    encoding: str,
    strict: bool,
    on_error: str,
    reading: Reading,
) -> Iterator[str]:
    """Yield the text of every record of a file, or of the JSON lines that begin in [start, stop).

    Raises:
        InputError: The field is not there, or a record cannot be read and `on_error` is not "skip".
    """
    name = field or DEFAULT_FIELD
    if source.format == "jsonl":
        found = _json_lines(source, start, stop, name, encoding, on_error, reading)
    elif source.format == "parquet":
        found = _parquet(source, name, reading)
    else:
        found = _delimited(source, name, encoding, on_error, reading)
    for text in found:
        if text is None or text == "":
            reading.records_without_text += 1
            if strict:
                raise InputError(
                    f"{source}: a record has no text in {name!r}; drop --strict to skip it"
                )
            continue
        yield text


def _lines(source: Source, start: int, stop: int, reading: Reading) -> Iterator[tuple[int, bytes]]:
    """Yield (offset, line) of a JSON lines file."""
    if source.compression:
        stream: Any = open_text_bytes(source)
        offset = 0
        reading.bytes += source.size
    else:
        stream = RangeReader(source, start, stop)
        offset = stream.first
    parts: list[bytes] = []
    try:
        while block := stream.read(1 << 18):
            if not source.compression:
                reading.bytes += len(block)
            *lines, rest = block.split(b"\n")
            for line in lines:
                parts.append(line)
                whole = b"".join(parts)
                yield offset, whole
                offset += len(whole) + 1
                parts.clear()
            if rest:
                parts.append(rest)
        if parts:
            yield offset, b"".join(parts)
    finally:
        stream.close()


def _json_lines(
    source: Source,
    start: int,
    stop: int,
    field: str,
    encoding: str,
    on_error: str,
    reading: Reading,
) -> Iterator[str | None]:
    offset = start
    try:
        for offset, line in _lines(source, start, stop, reading):
            if not line.strip():
                continue
            text, count, first = decode(lambda data: data.decode(encoding, REPLACE), line)
            if count:
                reading.malformed += count
                where = f"{source}: byte {offset + first}"
                reading.first_malformed = reading.first_malformed or where
            try:
                record = json.loads(text.removeprefix("\ufeff"))
            except (ValueError, RecursionError) as error:
                what = f"{source}: byte {offset}: expected a JSON object, got {text[:60]!r}"
                if on_error != "skip":
                    raise InputError(f"{what} ({error}); --on-error skip passes it over") from error
                reading.skipped.append(what)
                continue
            if not isinstance(record, dict):
                raise InputError(
                    f"{source}: byte {offset}: expected a JSON object, got {text[:60]!r}"
                )
            value = record.get(field)
            if value is None and field not in record and offset == start == 0:
                names = ", ".join(map(str, record)) or "none"
                raise InputError(
                    f"{source} has no field {field!r}; name one of its fields with --field: {names}"
                )
            yield value if isinstance(value, str) or value is None else json.dumps(value)
    except decompression_errors() as error:
        if isinstance(error, InputError):
            raise
        _cut(source, error, on_error, reading)


def _cut(source: Source, error: Exception, on_error: str, reading: Reading) -> None:
    what = f"{source} is cut or corrupt"
    if on_error != "skip":
        raise InputError(f"{what}: {error}; --on-error skip keeps what was read") from error
    reading.skipped.append(f"the rest of {what}")


def _delimited(
    source: Source, column: str, encoding: str, on_error: str, reading: Reading
) -> Iterator[str | None]:
    """Rows of a CSV or TSV file with a header; quotes may hold line feeds, so it is read whole."""
    csv.field_size_limit(1 << 30)
    stream = open_text_bytes(source)
    reading.bytes += source.size
    encoding = "utf-8-sig" if encoding == "utf-8" else encoding
    delimiter = "\t" if source.format == "tsv" else ","
    try:
        raw = io.BufferedReader(stream)  # type: ignore[arg-type]
        text, count, _ = decode(lambda _: "", b"")
        lines = io.TextIOWrapper(raw, encoding, errors=REPLACE, newline="")
        rows = csv.reader(lines, delimiter=delimiter)
        header = next(rows, [])
        if column not in header:
            names = ", ".join(header) or "none"
            raise InputError(
                f"{source} has no column {column!r}; name one of its columns with --column: {names}"
            )
        place = header.index(column)
        for row in rows:
            if row:
                yield row[place] if place < len(row) else None
    except (csv.Error, *decompression_errors()) as error:
        if isinstance(error, InputError):
            raise
        _cut(source, error, on_error, reading)
    finally:
        stream.close()


def _parquet(source: Source, column: str, reading: Reading) -> Iterator[str | None]:
    """One column, batch by batch."""
    import pyarrow
    import pyarrow.parquet

    stream = open_bytes(source)
    try:
        table = pyarrow.parquet.ParquetFile(stream)
        names = table.schema_arrow.names
        if column not in names:
            raise InputError(
                f"{source} has no column {column!r}; "
                f"name one of its columns with --column: {', '.join(names)}"
            )
        reading.bytes += source.size
        for batch in table.iter_batches(batch_size=4096, columns=[column]):
            values = batch.column(0)
            if not pyarrow.types.is_string(values.type):
                values = values.cast(pyarrow.string())
            yield from values.to_pylist()
    except pyarrow.ArrowException as error:
        raise InputError(f"{source} cannot be read as Parquet: {error}") from error
    finally:
        stream.close()
