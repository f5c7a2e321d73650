"""Records to documents: one text field of JSON lines, CSV, TSV or Parquet."""

import csv
import io
import json
from collections.abc import Iterator
from typing import Any

from textzero.corpus.sources import Source, open_bytes
from textzero.corpus.streams import Read, Reading, encode, utf8_bytes
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
        InputError: The field is not there, or a record cannot be read and `on_error` is not "skip";
            under `strict`, a malformed byte or a record without text.
    """
    name = field or DEFAULT_FIELD
    if source.format == "parquet":
        yield from _with_text(
            source, name, strict, reading, _parquet(source, name, on_error, reading)
        )
        return
    with utf8_bytes(
        source, start, stop, encoding=encoding, strict=strict, on_error=on_error, reading=reading
    ) as (read, base):
        if source.format == "jsonl":
            found = _json_lines(source, read, base, start == 0, name, strict, on_error, reading)
        else:
            found = _delimited(source, read, name, on_error, reading)
        yield from _with_text(source, name, strict, reading, found)


def _with_text(
    source: Source, name: str, strict: bool, reading: Reading, found: Iterator[str | None]
) -> Iterator[str]:
    """Pass the texts on; count the records that have none."""
    for text in found:
        if text:
            yield text
        elif strict:
            raise InputError(
                f"{source}: a record has no text in {name!r}; drop --strict to skip it"
            )
        else:
            reading.records_without_text += 1


def _lines(read: Read) -> Iterator[bytes]:
    """Cut what is read into lines, each with its end."""
    parts: list[bytes] = []
    while block := read(1 << 18):
        *lines, rest = block.split(b"\n")
        for line in lines:
            parts.append(line)
            yield b"".join(parts) + b"\n"
            parts.clear()
        if rest:
            parts.append(rest)
    if parts:
        yield b"".join(parts)


def _json_lines(
    source: Source,
    read: Read,
    offset: int,
    first: bool,
    field: str,
    strict: bool,
    on_error: str,
    reading: Reading,
) -> Iterator[str | None]:
    """Texts of JSON lines; the `first` record of a file must have the field."""
    for line in _lines(read):
        begun, offset = offset, offset + len(line)
        if line.isspace():
            continue
        try:
            record = json.loads(line)
            if not isinstance(record, dict):
                raise ValueError("it is no object")
        except (ValueError, RecursionError) as error:
            shown = line[:60].decode("utf-8", "replace")
            what = f"{source}: byte {begun}: expected a JSON object, got {shown!r}"
            if on_error != "skip":
                raise InputError(f"{what} ({error}); --on-error skip passes it over") from error
            reading.skipped.append(what)
            continue
        if first and field not in record:
            names = ", ".join(record) or "none"
            raise InputError(
                f"{source} has no field {field!r}; name one of its fields with --field: {names}"
            )
        first = False
        value = record.get(field)
        if value is not None and not isinstance(value, str):
            value = json.dumps(value, ensure_ascii=False)
        if value and b"\\u" in line:  # which may write half a surrogate pair
            value = encode(value, source, begun, strict, reading).decode()
        yield value


def _passed_over(source: Source, error: Exception, on_error: str, reading: Reading) -> None:
    """Raise what is wrong with the rest of a file, or note that it is skipped."""
    what = f"{source} is cut or corrupt"
    if on_error != "skip":
        raise InputError(f"{what}: {error}; --on-error skip keeps what was read") from error
    reading.skipped.append(f"the rest of {what}: {error}")


def _delimited(
    source: Source, read: Read, column: str, on_error: str, reading: Reading
) -> Iterator[str | None]:
    """Rows of a CSV or TSV file with a header; quotes may hold line feeds, so it is read whole."""
    csv.field_size_limit(1 << 30)
    # a line may hold rows that a lone carriage return ends
    lines = (row for line in _lines(read) for row in io.StringIO(line.decode(), newline=""))
    rows = csv.reader(lines, delimiter="\t" if source.format == "tsv" else ",")
    try:
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
    except csv.Error as error:
        _passed_over(source, error, on_error, reading)


def _parquet(source: Source, column: str, on_error: str, reading: Reading) -> Iterator[str | None]:
    """One column, batch by batch."""
    import pyarrow
    import pyarrow.parquet

    before, done = reading.bytes, 0
    try:
        with open_bytes(source) as stream, pyarrow.parquet.ParquetFile(stream) as table:
            names = table.schema_arrow.names
            if column not in names:
                raise InputError(
                    f"{source} has no column {column!r}; "
                    f"name one of its columns with --column: {', '.join(names)}"
                )
            for batch in table.iter_batches(batch_size=4096, columns=[column]):
                done += batch.num_rows
                reading.bytes = before + source.size * done // table.metadata.num_rows
                values: Any = batch.column(0)
                if not pyarrow.types.is_string(values.type):
                    values = values.cast(pyarrow.string())
                yield from values.to_pylist()
    except (pyarrow.ArrowException, OSError) as error:
        _passed_over(source, error, on_error, reading)
