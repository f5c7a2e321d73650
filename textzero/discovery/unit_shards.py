"""A corpus read as units by an engine: shards count their units, then write their numbers.

Runs of counted units, the numbered units, and the numbers of each shard lie in the store of the
stage, where `units.py` finds them as if another run had made them.
"""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

import numpy as np

from textzero.corpus import Reading, Split
from textzero.discovery.arrays import Arrays
from textzero.discovery.journal import reading_arrays, write_arrays
from textzero.discovery.unit_counts import (
    Alphabet,
    Runs,
    entries,
    read_lines,
    table_lines,
    write_lines,
)
from textzero.discovery.units import Counting, Reader, begun_parts
from textzero.engines import Engine
from textzero.kernels import kernel
from textzero.progress import Progress
from textzero.workspace import Stage, digest

_SHARD = 64 << 20  # stored bytes


@dataclass(frozen=True, repr=False)
class _Shard:
    """Splits first ... stop - 1 of a corpus."""

    reader: Reader
    splits: list[Split]
    first: int
    stop: int
    stage: Stage
    alphabet: str = ""  # which one, for what a worker keeps

    def __repr__(self) -> str:
        return f"{self.splits[0]} ... {self.splits[-1]}"

    @property
    def stored(self) -> int:
        """Bytes that it has."""
        return sum(split.stop - split.start for split in self.splits)


def read_by_engine(
    reader: Reader, engine: Engine, stage: Stage, arrays: Arrays, progress: Progress
) -> None:
    """Have an engine count a corpus's units, and write the numbers of all splits."""
    found = stage.entries()
    if "units" not in found:
        shards = [s for s in _shards(reader, 0, stage) if not _is_done(found, "count", s)]
        _run(_count, shards, engine, "count", progress)
        _merge(reader, stage, arrays)
    alphabet = digest([stage.entries()["units"], stage.store.size("units")])
    begun = begun_parts(found, len(reader.corpus.splits()))
    shards = list(_shards(reader, begun, stage, alphabet))
    _run(_encode, [s for s in shards if not _is_done(found, "ids", s)], engine, "encode", progress)


def _shards(reader: Reader, first: int, stage: Stage, alphabet: str = "") -> Iterator[_Shard]:
    """Put the splits from `first` on together; where one group begins decides all that follow."""
    splits = reader.corpus.splits()
    size, start = 0, first
    for k in range(first, len(splits)):
        size += splits[k].stop - splits[k].start
        if size >= _SHARD or k + 1 == len(splits):
            corpus, some = reader.corpus.portion(splits[start : k + 1])
            yield _Shard(
                Reader(corpus, reader.unit, reader.lowercase, reader.nfkc), some, start, k + 1,
                stage, alphabet,
            )  # fmt: skip
            size, start = 0, k + 1


def _is_done(found: dict[str, dict[str, Any]], kind: str, shard: _Shard) -> bool:
    return found.get(f"{kind}-{shard.first}", {}).get("stop") == shard.stop


def _run(work: Any, shards: list[_Shard], engine: Engine, name: str, progress: Progress) -> None:
    with progress.stage(name, sum(shard.stored for shard in shards)):
        for number, _ in engine.run(work, shards):
            progress.advance(shards[number].stored)


def _count(shard: _Shard) -> int:
    """In a worker: write the units of a shard as a run."""
    state = Counting(kernel("tables").new_table(False))
    for split in shard.splits:
        shard.reader.count(state, split)
    name, size = f"count-{shard.first}", entries(state.table)
    with shard.stage.store.create(name) as file:
        write_lines(file, table_lines(state.table, shard.reader.folds))
    facts = {"reading": asdict(state.reading), "entries": state.entries, "stop": shard.stop}
    shard.stage.commit(name, facts)
    return size


def _merge(reader: Reader, stage: Stage, arrays: Arrays) -> None:
    """Number the units of all shards."""
    runs, reading, size = Runs(reader.folds, arrays), reader.corpus.new_reading(), 2
    names = {name: facts for name, facts in stage.entries().items() if name.startswith("count-")}
    at = 0
    while facts := names.get(f"count-{at}"):
        runs.take(partial(_lines_of, stage, f"count-{at}"))
        reading.add(Reading(**facts["reading"]))
        size, at = size + facts["entries"], facts["stop"]
    alphabet = runs.alphabet()
    with stage.store.create("units") as file:
        write_arrays(file, alphabet.parts())
    stage.commit("units", {"reading": asdict(reading), "entries": size})
    for name in names:
        stage.withdraw(name)
        stage.store.remove(name)


def _lines_of(stage: Stage, name: str) -> Iterator[bytes]:
    return read_lines(stage.store.open(name))


def _encode(shard: _Shard) -> int:
    """In a worker: write the numbers of a shard."""
    table, size, skipped = _table(shard.stage, shard.alphabet), 0, list[str]()
    name = f"ids-{shard.first}"
    with shard.stage.store.create(name) as file:
        for split in shard.splits:
            for part in shard.reader.encode(split, table, skipped):
                file.write(np.ascontiguousarray(part, np.int32).data)
                size += part.size
    shard.stage.commit(name, {"stop": shard.stop, "size": size, "skipped": skipped})
    return size


_KEPT: dict[str, Any] = {}  # in a worker: the last alphabet's table


def _table(stage: Stage, mark: str) -> Any:
    if mark not in _KEPT:
        with reading_arrays(stage.store, "units") as (sizes, read):
            alphabet = Alphabet.of_sizes(sizes, Arrays())
            for part in alphabet.parts():
                read(part)
        _KEPT.clear()
        _KEPT[mark] = alphabet.table(Arrays())
    return _KEPT[mark]
