"""segment_corpus: a corpus cut into the words of a lexicon, written line by line.

By threads, the text is written to one file, and from time to time it is noted how far that file is
whole; another run goes on there. By an engine, see `_segmented_shards.py`.
"""

import errno
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import asdict
from pathlib import Path
from time import monotonic
from typing import Any, BinaryIO

from textzero._arguments import checked
from textzero._segmented import Form, Writer
from textzero._segmented_shards import segment_by_engine
from textzero.corpus import Corpus, Reading, Texts, as_corpus
from textzero.discovery.journal import next_due
from textzero.disk import disk
from textzero.engines import as_engine
from textzero.errors import ResourceError
from textzero.files import size_text, whole_file
from textzero.memory import BASE, memory_bytes
from textzero.parallel import worker_count
from textzero.progress import Progress
from textzero.segmenter import Segmenter
from textzero.version import __version__
from textzero.workspace import Stage, Workspace

__all__ = ["Form", "segment_corpus"]

_CHARACTER = 200  # bytes that a character may take, where a line is written whole
_ROW = 20  # bytes that a byte of a lexicon's words may take


@checked
def segment_corpus(
    corpus: Texts,
    segmenter: Segmenter,
    output: str | os.PathLike[str] | BinaryIO,
    form: Form | None = None,
    *,
    memory: int | str | None = None,
    workers: int | None = None,
    workspace: Workspace | None = None,
    engine: Any = None,
    progress: Progress | None = None,
) -> Reading:
    """Cut each line of a corpus into words, and write a line for each.

    The result is the same, byte for byte, for any number of workers and any engine.

    Args:
        corpus: A `Corpus`, an iterable of documents, or a table (`Corpus.from_documents`).
        segmenter: What cuts it.
        output: A file's name, or an open binary file.
        form: How it is written.
        memory: Bound in bytes or as "2GB". None: half of the machine's.
        workers: Threads; None for one per processor.
        workspace: The folder of this run, entered. Of a file, what is written stays there when the
            run breaks off, and another with the same arguments goes on.
        engine: "threads", "processes", "dask://HOST:PORT", a client of a Dask cluster, or an
            `Engine`.
        progress: Told how many stored bytes were read.

    Returns:
        What was read and what was lost.

    Raises:
        InputError: Something cannot be read, or a line that must be whole is too long.
        ResourceError: The lexicon does not fit in memory, or the disk is full.
        ValueError: A setting has no such value.
    """
    corpus, form, progress = as_corpus(corpus), form or Form(), progress or Progress()
    room = memory_bytes(memory) - BASE
    held = segmenter.lexicon.words.offsets[-1] * _ROW
    if held > room:
        raise ResourceError(
            f"a lexicon of {len(segmenter.lexicon):,} words takes about {size_text(held)}; "
            f"give at least --memory {(BASE + int(held) >> 20) + 1}MB"
        )
    longest = room // (_CHARACTER * (form.n_best or 1))
    writer = Writer(corpus, segmenter, form, longest, worker_count(workers), progress)
    chosen = as_engine(engine, workers)
    with ExitStack() as stack:
        if not chosen.shares_memory and corpus.sources:
            given = workspace or stack.enter_context(Workspace.temporary())
            parts = _stage(given, corpus, segmenter, form)
            return segment_by_engine(writer, parts, chosen, output)
        if not isinstance(output, (str, os.PathLike)):
            return _by_threads(writer, output)
        stage = _stage(workspace, corpus, segmenter, form) if workspace and corpus.sources else None
        if stage is None or stage.store.local is None:
            with whole_file(output) as file:
                return _by_threads(writer, file)
        return _resumed(writer, stage, stage.store.local / "text", Path(output))


def _stage(workspace: Workspace, corpus: Corpus, segmenter: Segmenter, form: Form) -> Stage:
    key: Mapping[str, Any] = {
        "inputs": corpus.fingerprint(),
        "corpus": {**corpus.settings(), "strict": corpus.strict, "on_error": corpus.on_error},
        "lexicon": segmenter.lexicon.digest(), "form": asdict(form), "textzero": __version__,
    }  # fmt: skip
    return workspace.stage("segment", key)


def _by_threads(writer: Writer, file: BinaryIO) -> Reading:
    reading = writer.corpus.new_reading()
    with writer.progress.stage("segment", writer.corpus.size):
        for block, _ in writer.blocks(writer.corpus.splits(), reading):
            file.write(block)
    file.flush()
    return reading


@contextmanager
def _full_disk(output: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        message = f"{output}: the disk is full; free some space and run again"
        raise ResourceError(message) from error


def _resumed(writer: Writer, stage: Stage, path: Path, output: Path) -> Reading:
    """Write a file that another run can go on with."""
    splits, reading, corpus = writer.corpus.splits(), writer.corpus.new_reading(), writer.corpus
    done = stage.entries().get("done", {"splits": 0, "size": 0, "line": 1})
    if not path.is_file() or path.stat().st_size < done["size"]:
        done = {"splits": 0, "size": 0, "line": 1}
    if done["splits"]:
        reading = Reading(**done["reading"])
    with _full_disk(output), disk().create(path, "r+b" if done["splits"] else "wb") as file:
        file.truncate(done["size"])
        file.seek(done["size"])
        with writer.progress.stage("segment", corpus.size):
            writer.progress.advance(reading.bytes)
            blocks = writer.blocks(splits[done["splits"] :], reading, done["line"], next_due(0.0))
            for block, mark in blocks:
                file.write(block)
                if mark is not None:
                    begun = monotonic()
                    disk().flush(file)
                    mark |= {"splits": done["splits"] + mark["splits"], "size": file.tell()}
                    stage.commit("done", mark)
                    writer.due = next_due(monotonic() - begun)
        disk().flush(file)
    _move(path, output)
    return reading


def _move(path: Path, output: Path) -> None:
    """Give a whole file its final name; one of a store may be on another file system."""
    try:
        disk().rename(path, output)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        with disk().open(path) as text, whole_file(output) as file:
            shutil.copyfileobj(text, file, 1 << 22)
    else:
        disk().flush_path(output.parent)
