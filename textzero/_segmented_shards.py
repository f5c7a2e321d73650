"""A corpus segmented by an engine: each shard of splits is a part in the store."""

import json
import os
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import asdict, dataclass, replace
from itertools import accumulate
from typing import Any

import numpy as np

from textzero._segmented import Form, Writer
from textzero.corpus import Corpus, Reading, Split
from textzero.discovery.journal import reading_arrays, write_arrays
from textzero.engines import Engine
from textzero.files import whole_file
from textzero.lexicon import Lexicon
from textzero.packed import PackedStrings
from textzero.progress import Progress
from textzero.segmenter import Segmenter
from textzero.workspace import Stage

_SHARD = 64 << 20  # stored bytes that one task of an engine has


@dataclass(frozen=True, repr=False)
class _Shard:
    """Splits first ... stop - 1 of a corpus."""

    corpus: Corpus
    splits: list[Split]
    first: int
    stop: int
    stage: Stage
    form: Form
    longest: int
    mark: str  # of the lexicon, for what a worker keeps
    line: int = 1

    def __repr__(self) -> str:
        return f"{self.splits[0]} ... {self.splits[-1]}"

    @property
    def stored(self) -> int:
        """Bytes that it has."""
        return sum(split.stop - split.start for split in self.splits)


def segment_by_engine(writer: Writer, stage: Stage, engine: Engine, output: Any) -> Reading:
    """Have an engine write all parts, then put them together."""
    mark = _send(writer.segmenter.lexicon, stage)
    shards = list(_shards(writer, stage, mark))
    if writer.form.is_numbered:
        lines = _each(_count_lines, shards, "lines", engine, "count", writer.progress)
        starts = accumulate([1, *(int(lines[shard.first]["lines"]) for shard in shards)])
        shards = [replace(s, line=line) for s, line in zip(shards, starts, strict=False)]
    parts = _each(_write_part, shards, "part", engine, "segment", writer.progress)
    reading = writer.corpus.new_reading()
    for shard in shards:
        reading.add(Reading(**parts[shard.first]["reading"]))
    with ExitStack() as stack:
        file = output
        if isinstance(output, (str, os.PathLike)):
            file = stack.enter_context(whole_file(output))
        for shard in shards:
            with stage.store.open(f"part-{shard.first}") as part:
                while block := part.read(1 << 22):
                    file.write(block)
        file.flush()
    return reading


def _send(lexicon: Lexicon, stage: Stage) -> str:
    """Bring a lexicon to the workers; return its mark."""
    mark = lexicon.digest()
    words = lexicon.words
    with stage.store.create("lexicon") as file:
        settings = json.dumps(lexicon.settings).encode()
        write_arrays(file, [
            words.text, words.offsets, lexicon.counts, lexicon.log_probabilities,
            np.frombuffer(settings, np.uint8),
        ])  # fmt: skip
    return mark


def _shards(writer: Writer, stage: Stage, mark: str) -> Iterator[_Shard]:
    splits, size, first = writer.corpus.splits(), 0, 0
    for stop, split in enumerate(splits, 1):
        size += split.stop - split.start
        if size >= _SHARD or stop == len(splits):
            corpus, some = writer.corpus.portion(splits[first:stop])
            yield _Shard(corpus, some, first, stop, stage, writer.form, writer.longest, mark)
            size, first = 0, stop


def _each(
    work: Any, shards: list[_Shard], kind: str, engine: Engine, name: str, progress: Progress
) -> dict[int, dict[str, Any]]:
    """Do what an earlier run has not done; return what the entries of all shards say."""
    found = shards[0].stage.entries() if shards else {}
    left = [s for s in shards if found.get(f"{kind}-{s.first}", {}).get("stop") != s.stop]
    with progress.stage(name, sum(shard.stored for shard in left)):
        for number, _ in engine.run(work, left):
            progress.advance(left[number].stored)
    found = shards[0].stage.entries() if shards else {}
    return {shard.first: found[f"{kind}-{shard.first}"] for shard in shards}


def _count_lines(shard: _Shard) -> int:
    """In a worker: count the lines of a shard."""
    lines = sum(
        ended for split in shard.splits for _, ended in shard.corpus.parts(split, Reading())
    )
    shard.stage.commit(f"lines-{shard.first}", {"stop": shard.stop, "lines": lines})
    return lines


def _write_part(shard: _Shard) -> int:
    """In a worker: write a shard."""
    segmenter, reading = _segmenter(shard.stage, shard.mark), Reading()
    writer = Writer(shard.corpus, segmenter, shard.form, shard.longest, 1, Progress())
    with shard.stage.store.create(f"part-{shard.first}") as file:
        for block, _ in writer.blocks(shard.splits, reading, shard.line):
            file.write(block)
    facts = {"stop": shard.stop, "reading": asdict(reading)}
    shard.stage.commit(f"part-{shard.first}", facts)
    return reading.bytes


_KEPT: dict[str, Segmenter] = {}  # in a worker: the last lexicon


def _segmenter(stage: Stage, mark: str) -> Segmenter:
    if mark not in _KEPT:
        with reading_arrays(stage.store, "lexicon") as (sizes, read):
            kinds = (np.uint8, np.int64, np.int64, np.float64, np.uint8)
            arrays = [np.zeros(size, kind) for size, kind in zip(sizes, kinds, strict=True)]
            for array in arrays:
                read(array)
        text, offsets, counts, logs, settings = arrays
        lexicon = Lexicon(
            PackedStrings(text, offsets), counts, logs, settings=json.loads(settings.tobytes())
        )
        _KEPT.clear()
        _KEPT[mark] = Segmenter(lexicon)
    return _KEPT[mark]
