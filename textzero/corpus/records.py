"""Records to documents: one text field of JSON lines, CSV, TSV or Parquet.

A cell of TSV is what stands between two tabs, quotes included: a stray quote must not swallow the
rows behind it. A cell of CSV may be quoted. A line of JSON, or a row, is held in memory as a whole
and so must not be longer than 64 MB; text of other kinds has no such limit.
"""

import csv
import io
import json
from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Any

from textzero.corpus.compression import check_expansion
from textzero.corpus.decoding import Read, encode, utf8_bytes
from textzero.corpus.reading import Reading
from textzero.corpus.sources import Source, open_bytes
from textzero.errors import InputError
from textzero.near import nearest

DEFAULT_FIELD = "text"
LONGEST = 64 << 20  # bytes of a JSON line, or a row of a table
READ = 1 << 18  # bytes read at once
_BATCH = 64  # rows of Parquet read at once, or fewer where they are long; one page may hold
# millions of a text that is stored once
_BATCH_BYTES = 32 << 20


class TooLong(InputError):
    """A record that is too long to be held, behind which the next cannot be found."""


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
        yield from with_text(
            source, name, strict, reading, _parquet(source, name, on_error, reading)
        )
        return
    with utf8_bytes(
        source, start, stop, encoding=encoding, strict=strict, on_error=on_error, reading=reading
    ) as (read, base):
        if source.format == "jsonl":
            found = _json_lines(source, read, base, start == 0, name, strict, on_error, reading)
        else:
            found = _table(source, read, base, name, on_error, reading)
        try:
            yield from with_text(source, name, strict, reading, found)
        except TooLong as error:
            if on_error != "skip":
                raise
            reading.skipped.append(f"the rest of {error}")


def with_text(
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


def _lines(source: Source, read: Read, offset: int) -> Iterator[bytes]:
    """Cut what is read from `offset` on into lines, each with its end."""
    parts: list[bytes] = []
    held = 0
    while block := read(READ):
        *lines, rest = block.split(b"\n")
        for line in lines:
            parts.append(line)
            whole = b"".join(parts) + b"\n"
            yield whole
            offset += len(whole)
            parts.clear()
            held = 0
        if rest:
            parts.append(rest)
            held += len(rest)
        if held > LONGEST:
            raise _too_long(source, f"the line at byte {offset}")
    if parts:
        yield b"".join(parts)


def _too_long(source: Source, what: str, hint: str = "") -> TooLong:
    most = f"{LONGEST >> 20} MB, the most of a record{hint}"
    return TooLong(f"{source}: {what} is longer than {most}; --on-error skip keeps what was read")


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
    for line in _lines(source, read, offset):
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
            raise _missing(source, "field", field, record)
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


def _table(
    source: Source, read: Read, offset: int, column: str, on_error: str, reading: Reading
) -> Iterator[str | None]:
    """One column of a CSV or TSV file with a header."""
    lines = _lines(source, read, offset)
    rows = _tab_rows(lines) if source.format == "tsv" else _comma_rows(source, lines)
    try:
        header = next(rows, [])
        if column not in header:
            raise _missing(source, "column", column, header)
        place = header.index(column)
        for row in rows:
            if row:
                yield row[place] if place < len(row) else None
    except csv.Error as error:
        _passed_over(source, error, on_error, reading)


def _tab_rows(lines: Iterator[bytes]) -> Iterator[list[str]]:
    for line in lines:
        text = line.decode().removesuffix("\n").removesuffix("\r")
        yield text.split("\t") if text else []


def _comma_rows(source: Source, lines: Iterator[bytes]) -> Iterator[list[str]]:
    """Rows whose quotes may hold line feeds, so that a row is bounded, not only a line."""
    held, number = 0, 0

    def counted() -> Iterator[str]:
        nonlocal held
        for line in lines:
            held += len(line)
            if held > LONGEST:
                hint = "; is a quote never closed?"
                raise _too_long(source, f"the row behind line {number}", hint)
            # a line may hold rows that a lone carriage return ends
            yield from io.StringIO(line.decode(), newline="")

    csv.field_size_limit(LONGEST)
    rows = csv.reader(counted())
    for row in rows:
        yield row
        held, number = 0, rows.line_num


def _parquet(source: Source, column: str, on_error: str, reading: Reading) -> Iterator[str | None]:
    """One column, batch by batch, however large the row groups are."""
    import pyarrow
    import pyarrow.parquet

    before, done, grown = reading.bytes, 0, 0
    try:
        with open_bytes(source) as stream, pyarrow.parquet.ParquetFile(stream) as table:
            names = table.schema_arrow.names
            if column not in names:
                raise _missing(source, "column", column, names)
            facts = table.metadata
            # not of the column alone: pyarrow's accessor ends the process when a footer is damaged
            size = sum(facts.row_group(g).total_byte_size for g in range(facts.num_row_groups))
            check_expansion(source.path, "Parquet", source.size, size, source.max_expansion)
            rows = min(_BATCH, max(1, _BATCH_BYTES * facts.num_rows // max(size, 1)))
            # group by group: all at once, pyarrow would hold the whole file
            groups = range(facts.num_row_groups)
            parts = (table.iter_batches(rows, row_groups=[g], columns=[column]) for g in groups)
            for batch in chain.from_iterable(parts):
                done += batch.num_rows
                share = min(done, facts.num_rows) / max(facts.num_rows, 1)
                reading.bytes = before + int(source.size * share)
                values: Any = batch.column(0)
                if not pyarrow.types.is_string(values.type):
                    values = values.cast(pyarrow.string())
                grown += values.nbytes
                check_expansion(source.path, "Parquet", source.size, grown, source.max_expansion)
                yield from values.to_pylist()
    except (pyarrow.ArrowException, OSError, UnicodeDecodeError) as error:
        _passed_over(source, error, on_error, reading)


def _missing(source: Source, kind: str, name: str, names: Iterable[str]) -> InputError:
    """What to raise when a field or column is not there: names those that are, the nearest last."""
    held = list(names)
    near = nearest(name, held)
    hint = "" if near is None else f" (did you mean {near!r}?)"
    return InputError(
        f"{source} has no {kind} {name!r}; name one of its {kind}s with field= (--{kind}): "
        f"{', '.join(held) or 'none'}{hint}"
    )
