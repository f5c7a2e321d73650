"""Vectors as a Parquet table: word, count, vector, and the other matrix where there is one.

Columns: `word` (string), `count` (int64), `vector` and `context` (lists of float32, all of one
size). What the vectors are (model, tokenizer) is in the file's metadata under "textzero", as JSON.
A table from elsewhere needs `word` and `vector`.
"""

import json
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np

from textzero._compat import Array
from textzero.corpus.compression import check_expansion
from textzero.errors import InputError
from textzero.files import refuse_device, whole_file
from textzero.progress import Progress
from textzero.vectors.arriving import Rows
from textzero.vectors.word_vectors import WordVectors

MAGIC = b"PAR1"  # what a Parquet file begins with
_KEY = b"textzero"
_BATCH = 64  # rows read at once: one page may hold millions of a value that is stored once


def write_parquet(vectors: WordVectors, path: str | Path) -> None:
    """Write a table with one row a word, in the order of the vocabulary.

    Args:
        vectors: What to write; both matrices are kept.
        path: The file.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    row = pa.list_(pa.float32(), vectors.dim)
    fields = [("word", pa.string()), ("count", pa.int64()), ("vector", row)]
    if vectors.context is not None:
        fields.append(("context", row))
    settings = {"settings": vectors.manifest.get("settings") or {}}
    schema = pa.schema(fields, {_KEY: json.dumps(settings, ensure_ascii=False).encode()})
    with whole_file(path) as file, pq.ParquetWriter(file, schema, compression="zstd") as writer:
        for batch in vectors._batches():
            writer.write_table(pa.Table.from_batches([batch]).cast(schema))


def read_parquet(
    path: Path,
    limit: int | None,
    memory: int | str | None = None,
    progress: Progress | None = None,
) -> WordVectors:
    """Read such a table, some rows at a time; of a word that is there twice the first row counts.

    Args:
        path: The file.
        limit: Read only the first words.
        memory: Bound on memory; numbers beyond it go to disk.
        progress: Told how many rows were read.

    Raises:
        InputError: The file is no Parquet table of words and vectors, or a number is not finite.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    rows: Rows | None = None
    read, grown, progress = 0, 0, progress or Progress()
    refuse_device(path)
    try:
        stored = path.stat().st_size
        with (
            pq.ParquetFile(path) as file,
            progress.stage("read", file.metadata.num_rows, "rows"),
        ):
            schema = file.schema_arrow
            names = [n for n in ("word", "count", "vector", "context") if n in schema.names]
            if not {"word", "vector"} <= set(names):
                raise InputError(
                    f"{path} must have the columns word and vector, got {', '.join(schema.names)}"
                )
            if len(set(schema.names)) < len(schema.names):
                raise InputError(f"{path} must have one column of each name")
            # group by group: all at once, pyarrow would hold the whole file
            groups = range(file.metadata.num_row_groups)
            parts = (file.iter_batches(_BATCH, row_groups=[g], columns=names) for g in groups)
            for batch in chain.from_iterable(parts):
                part = batch if limit is None else batch.slice(0, limit - read)
                if not part.num_rows:
                    continue
                grown += part.nbytes
                check_expansion(str(path), "Parquet", stored, grown)
                vectors = _matrix(path, part, "vector", read)
                rows = rows or Rows(path, vectors.shape[1], memory, "context" in names)
                _add(rows, part, vectors, read)
                read += part.num_rows
                progress.advance(part.num_rows)
                if read == limit:
                    break
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror or error}") from error
    except (pa.ArrowException, UnicodeDecodeError) as error:
        raise InputError(f"{path} is not a sound Parquet file: {error}") from error
    if rows is None:
        raise InputError(f"{path} holds no vector")
    return rows.finished(_settings(path, schema.metadata))


def _add(rows: Rows, batch: Any, vectors: Array, read: int) -> None:
    """Add the rows of a batch, before which so many were read."""
    import pyarrow as pa

    path, n = rows.path, batch.num_rows
    words = batch.column("word").to_pylist()
    if not all(isinstance(word, str) and word for word in words):
        raise InputError(f"{path}: the column word must hold a word in every row")
    counts = np.zeros(n, np.int64)
    if "count" in batch.schema.names:
        column = batch.column("count")
        if column.null_count or not pa.types.is_integer(column.type):
            raise InputError(f"{path}: the column count must hold an integer in every row")
        counts = column.to_numpy(zero_copy_only=False).astype(np.int64)
        if (counts < 0).any():  # or above what int64 holds
            raise InputError(f"{path}: the column count must hold numbers from 0 to 2^63 - 1")
    matrices = [(rows.vectors, vectors)]
    if rows.context is not None:
        matrices.append((rows.context, _matrix(path, batch, "context", read)))
    for _, matrix in matrices:
        if matrix.shape[1] != rows.dim:
            raise InputError(
                f"{path}: row {read + 1}: expected {rows.dim} numbers, got {matrix.shape[1]}"
            )
    kept = np.array(
        [rows.is_new(word, count) for word, count in zip(words, counts.tolist(), strict=True)]
    )
    for held, matrix in matrices:
        held.append(matrix if kept.all() else matrix[kept])


def _matrix(path: Path, batch: Any, name: str, read: int) -> Array:
    """float32 (n_rows, dim) of a column of lists."""
    import pyarrow as pa

    column = batch.column(name)
    kind = column.type
    kinds = (pa.types.is_fixed_size_list, pa.types.is_list, pa.types.is_large_list)
    if not any(is_list(kind) for is_list in kinds) or not pa.types.is_floating(kind.value_type):
        raise InputError(f"{path}: the column {name} must hold lists of numbers, got {kind}")
    if column.null_count:
        raise InputError(f"{path}: the column {name} must have a list in every row")
    sizes, flat = np.unique(column.value_lengths().to_numpy()), column.flatten()
    if sizes.size != 1 or sizes[0] < 1 or flat.null_count:
        raise InputError(f"{path}: the lists of {name} must be of one size and full of numbers")
    with np.errstate(over="ignore"):
        rows = flat.to_numpy().astype(np.float32).reshape(len(column), -1)
    finite = np.isfinite(rows).all(axis=1)
    if not finite.all():
        row = read + int(np.argmin(finite)) + 1
        raise InputError(f"{path}: row {row}: {name} must hold finite numbers")
    return rows


def _settings(path: Path, metadata: dict[bytes, bytes] | None) -> dict[str, Any]:
    """What `write_parquet` kept, or nothing."""
    try:
        settings = json.loads((metadata or {}).get(_KEY, b"{}")).get("settings", {})
    except (ValueError, AttributeError) as error:
        raise InputError(f"{path}: the metadata {_KEY.decode()!r} must be JSON: {error}") from error
    if not isinstance(settings, dict):
        raise InputError(f"{path}: settings must be an object, got {type(settings).__name__}")
    return settings
