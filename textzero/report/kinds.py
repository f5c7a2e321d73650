"""What an output is: a table of counts, a lexicon, vectors and so on, told by its content."""

import json
import re
from pathlib import Path
from typing import Literal, TypeAlias

from textzero.corpus.compression import decompression_errors
from textzero.errors import InputError
from textzero.files import MANIFEST, read_json
from textzero.vectors.formats import detect_format
from textzero.vectors.parquet import MAGIC
from textzero.vectors.projector import TENSORS
from textzero.vectors.word2vec import open_file, parse_header, read_up_to

Kind: TypeAlias = Literal[
    "counts", "lexicon", "vectors", "co-occurrences", "clusters", "templates", "model", "folder"
]
EXPECTED = (
    "what textzero writes: a table of counts, a lexicon, vectors (their folder, or a file of "
    "word2vec or GloVe), co-occurrences, clusters, templates, a model, or a folder of these"
)
_WRITTEN: dict[str, Kind] = {  # by the beginning, so that the reader tells of another version
    "textzero vectors": "vectors",
    "textzero co-occurrence": "co-occurrences",
    "textzero model": "model",
}
_HELD: dict[str, Kind] = {
    "vectors.safetensors": "vectors", "rows.bin": "co-occurrences", "weights.safetensors": "model",
}  # fmt: skip
_HEAD = 1 << 16
_NUMBER = re.compile(r"[0-9]+")
_GLOVE_WORDS = re.compile(r"\S+ [0-9]+")
_JIEBA = re.compile(r"\S+ [0-9]+ [A-Za-z]+")


def kind_of(path: str | Path) -> Kind | None:
    """Tell what a file or folder is; None when it is nothing that a report can show.

    Raises:
        InputError: It is not there, cannot be read, or is a pickle.
    """
    path = Path(path)
    return _folder_kind(path) if path.is_dir() else _file_kind(path)


def _folder_kind(path: Path) -> Kind | None:
    if (path / TENSORS).is_file():
        return "vectors"
    for name in (MANIFEST, "config.json"):
        written = _written_kind(path / name)
        for begin, kind in _WRITTEN.items():
            if written.startswith(begin):
                return kind
    for name, kind in _HELD.items():  # whose manifest is damaged, as reading it will say
        if (path / name).is_file():
            return kind
    return "folder" if any(not entry.name.startswith(".") for entry in path.iterdir()) else None


def _written_kind(path: Path) -> str:
    """What a folder says that it is; "" when it says nothing, or another program wrote it."""
    if not path.is_file():
        return ""
    try:
        return str(read_json(path).get("kind"))
    except InputError:
        return ""


def _file_kind(path: Path) -> Kind | None:
    head = _head(path)
    if head.startswith(MAGIC):
        return _parquet_kind(path)
    line = _first_line(head)
    fields = line.split("\t")
    if line.startswith("# ") and (kind := _settings_kind(line)):
        return kind
    if "template" in fields and not any(map(_NUMBER.match, fields)):  # a header, not a word
        return "templates"
    if _is_count(line):
        return "counts"
    if len(fields) > 1:
        return _table_kind(fields)
    if parse_header(line.encode()) is None:
        if _GLOVE_WORDS.fullmatch(line):
            return "counts"
        if _JIEBA.fullmatch(line):
            return "lexicon"
    try:
        detect_format(path)
    except InputError:
        return None
    return "vectors"


def _head(path: Path) -> bytes:
    try:
        stream, _ = open_file(path)
        with stream:
            return read_up_to(stream, _HEAD)
    except decompression_errors() as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"{path} is cut or corrupt: {error}") from error


def _first_line(head: bytes) -> str:
    lines = head.decode("utf-8-sig", "replace").split("\n")
    return next((line.rstrip("\r") for line in lines if line.strip()), "")


def shown_begin(path: Path) -> str:
    """What an error tells of a file that is none of these; "" when there is nothing in it."""
    head = _head(path)
    line = _first_line(head)[:60]
    if head.startswith(MAGIC):
        return "it is Parquet without the columns word and count, or word and vector"
    if line and not line.isprintable() and "\t" not in line:
        return "it is no text"
    return f"its first line is {line!r} (for a page on texts as they are: textzero demo)" * bool(
        line
    )


def _settings_kind(line: str) -> Kind | None:
    try:
        settings = json.loads(line[2:])
    except (ValueError, RecursionError):
        return None
    if not isinstance(settings, dict):
        return None
    return "templates" if str(settings.get("kind", "")).startswith("textzero templ") else "lexicon"


def _is_count(line: str) -> bool:
    try:
        row = json.loads(line)
    except (ValueError, RecursionError):
        return False
    return isinstance(row, dict) and {"word", "count"} <= set(row)


def _table_kind(fields: list[str]) -> Kind | None:
    """Words with a count, with count and documents, or with a cluster and its flow."""
    if not 2 <= len(fields) <= 3 or not fields[0]:
        return None
    is_count = all(map(_NUMBER.fullmatch, fields[1:]))
    if is_count and not (len(fields) == 3 and fields[1] == "0"):  # no count is 0; a cluster is
        return "counts"
    if len(fields) < 3 or not re.fullmatch(r"-?[0-9]+", fields[1]):
        return None
    return "clusters" if re.fullmatch(r"[01](\.[0-9]+)?|[0-9.]+e-[0-9]+", fields[2]) else None


def _parquet_kind(path: Path) -> Kind | None:
    import pyarrow
    import pyarrow.parquet

    try:
        names = set(pyarrow.parquet.read_schema(path).names)
    except (pyarrow.ArrowException, OSError) as error:
        raise InputError(f"{path} is cut or corrupt: {error}") from error
    if {"word", "count"} <= names and not names & {"vector", "embedding"}:
        return "counts"
    return "vectors" if {"word", "vector"} <= names else None
