"""Vectors as a Parquet table: word, count, vector, and the other matrix where there is one.

Columns: `word` (string), `count` (int64), `vector` and `context` (lists of float32, all of one
size). What the vectors are (model, tokenizer) is in the file's metadata under "textzero", as JSON.
A table from elsewhere needs `word` and `vector`.
"""

import json
from pathlib import Path
from typing import Any

import numpy as np

from textzero._compat import Array
from textzero.errors import InputError
from textzero.files import whole_file
from textzero.vectors.word_vectors import WordVectors
from textzero.vocabulary import Vocabulary

MAGIC = b"PAR1"  # what a Parquet file begins with
_KEY = b"textzero"
_ROWS = 1 << 15  # of a row group


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
        for start in range(0, len(vectors), _ROWS):
            part = slice(start, start + _ROWS)
            columns = [pa.array(vectors.vocabulary[part], pa.string())]
            columns.append(pa.array(vectors.vocabulary.counts[part]))
            for matrix in (vectors.vectors, vectors.context):
                if matrix is not None:
                    flat = np.ascontiguousarray(matrix[part], np.float32).reshape(-1)
                    columns.append(pa.FixedSizeListArray.from_arrays(pa.array(flat), vectors.dim))
            writer.write_table(pa.Table.from_arrays(columns, schema=schema))


def read_parquet(path: Path, limit: int | None) -> WordVectors:
    """Read such a table; of a word that is there twice the first row counts.

    Args:
        path: The file.
        limit: Read only the first words.

    Raises:
        InputError: The file is no Parquet table of words and vectors, or a number is not finite.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(path) as file:
            schema = file.schema_arrow
            names = [n for n in ("word", "count", "vector", "context") if n in schema.names]
            if not {"word", "vector"} <= set(names):
                raise InputError(
                    f"{path} must have the columns word and vector, got {', '.join(schema.names)}"
                )
            if len(set(schema.names)) < len(schema.names):
                raise InputError(f"{path} must have one column of each name")
            batches, rows = [], 0
            for batch in file.iter_batches(_ROWS, columns=names):
                batches.append(batch)
                rows += batch.num_rows
                if limit is not None and rows >= limit:
                    break
        table = pa.Table.from_batches(batches, pa.schema([schema.field(n) for n in names]))
        if limit is not None:
            table = table.slice(0, limit)
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror or error}") from error
    except (pa.ArrowException, UnicodeDecodeError) as error:
        raise InputError(f"{path} is not a sound Parquet file: {error}") from error
    if not table.num_rows:
        raise InputError(f"{path} holds no vector")
    try:
        words = table.column("word").to_pylist()
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: the column word must hold UTF-8: {error}") from error
    if not all(isinstance(word, str) and word for word in words):
        raise InputError(f"{path}: the column word must hold a word in every row")
    counts = np.zeros(len(words), np.int64)
    if "count" in names:
        column = table.column("count")
        if column.null_count or not pa.types.is_integer(column.type):
            raise InputError(f"{path}: the column count must hold an integer in every row")
        counts = column.to_numpy().astype(np.int64)
        if (counts < 0).any():  # or above what int64 holds
            raise InputError(f"{path}: the column count must hold numbers from 0 to 2^63 - 1")
    vectors = _matrix(path, table, "vector")
    context = _matrix(path, table, "context") if "context" in names else None
    if context is not None and context.shape != vectors.shape:
        raise InputError(f"{path}: context must be of shape {vectors.shape}, got {context.shape}")
    first = {word: i for i, word in reversed(list(enumerate(words)))}
    manifest = {
        "source": str(path),
        "duplicates_dropped": len(words) - len(first),
        "settings": _settings(path, schema.metadata),
    }
    if len(first) < len(words):
        kept = np.array(sorted(first.values()))
        words, counts, vectors = [words[i] for i in kept], counts[kept], vectors[kept]
        context = None if context is None else context[kept]
    return WordVectors(Vocabulary(words, counts), vectors, context, manifest)


def _matrix(path: Path, table: Any, name: str) -> Array:
    """float32 (n_rows, dim) of a column of lists."""
    import pyarrow as pa

    column = table.column(name).combine_chunks()
    if isinstance(column, pa.ChunkedArray):  # of several chunks, in older versions
        column = pa.concat_arrays(column.chunks)
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
        row = int(np.argmin(finite)) + 1
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
