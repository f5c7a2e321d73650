"""What vectors were made of: files with their digests, or the digest of documents in memory."""

import hashlib
import os
from pathlib import Path
from typing import Any

from textzero.corpus import Corpus
from textzero.errors import InputError
from textzero.files import MANIFEST, file_digest, read_json
from textzero.vectors.output import COUNTED


def inputs_of(corpus: Corpus, folder: Path) -> list[dict[str, Any]]:
    """Return name, size and digest of each file; files not touched since the last run are not read.

    Args:
        corpus: The texts. What is in memory is one entry; it is read once.
        folder: Where the last run wrote.

    Raises:
        InputError: A file cannot be read, or there is none.
    """
    if not corpus.sources:
        return [_in_memory(corpus)]
    known: dict[Any, dict[str, Any]] = {}
    entry: dict[str, Any]
    for record in (MANIFEST, COUNTED):
        before = read_record(folder / record).get("inputs")
        for entry in before if isinstance(before, list) else []:
            if isinstance(entry, dict):
                known[str(entry.get("path")), entry.get("size"), entry.get("modified")] = entry
    inputs = []
    for source in corpus.sources:
        entry = {"path": source.path, "size": source.size}
        location = source.location or source.path
        if os.path.exists(location):
            try:
                entry["modified"] = os.stat(location).st_mtime_ns
                old = known.get((source.path, source.size, entry["modified"]))
                if old is not None and not source.location and isinstance(old.get("blake2b"), str):
                    entry["blake2b"] = old["blake2b"]
                else:
                    entry["blake2b"] = file_digest(location)
            except OSError as error:
                raise InputError(f"{source.path} cannot be read: {error.strerror}") from error
        inputs.append(entry)
    return inputs


def _in_memory(corpus: Corpus) -> dict[str, Any]:
    digest, size, reading = hashlib.blake2b(digest_size=16), 0, corpus.new_reading()
    for split in corpus.splits():
        for piece in corpus.pieces(split, reading):
            digest.update(piece.text[: piece.size].data)
            size += piece.size
    return {"path": "documents in memory", "size": size, "blake2b": digest.hexdigest()}


def identity(inputs: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return what must stay the same of inputs: names and content, not times."""
    return [{k: v for k, v in entry.items() if k != "modified"} for entry in inputs]


def read_record(path: Path) -> dict[str, Any]:
    """Read what says how a file was made; nothing when it is not there, or damaged."""
    try:
        return read_json(path)
    except InputError:
        return {}
