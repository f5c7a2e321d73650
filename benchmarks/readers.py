"""Do a thousand processes that read one folder of vectors at the same time share one copy of it?

python benchmarks/readers.py [--readers 1000] [--folder FOLDER] [--words 200000] [--dim 300]

Without --folder a folder of random vectors is made. A parent that has imported the library, and
opened nothing, forks the readers. Each loads the folder, waits until all have, answers one question,
and waits again until all were looked at: what it holds of its own, and its share of the mapped file
(/proc/PID/smaps). All answers must be the same, and no file may appear in the folder.
"""

import argparse
import json
import os
import re
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from measure import machine

from textzero.vectors.word_vectors import WordVectors
from textzero.vocabulary import Vocabulary

_QUESTIONS = 10  # different ones


def make_folder(folder: Path, words: int, dim: int) -> None:
    random = np.random.default_rng(0)
    rows = random.normal(size=(words, dim)).astype(np.float32)
    names = [f"w{number}" for number in range(words)]
    WordVectors(Vocabulary(names, np.arange(words, 0, -1)), rows).save(folder)


def answer(folder: Path, number: int) -> list[tuple[str, float]]:
    vectors = WordVectors.load(folder)
    return vectors.related(vectors.vocabulary[number % _QUESTIONS], 5)


def reader(folder: Path, number: int, begin: int, told: int, end: int) -> None:
    """One process: load, wait, answer, wait."""
    code = 1
    try:
        vectors = WordVectors.load(folder)
        os.write(told, b"l")
        os.read(begin, 1)
        found = vectors.related(vectors.vocabulary[number % _QUESTIONS], 5)
        os.write(told, b"r" if found == EXPECTED[number % _QUESTIONS] else b"w")
        os.read(end, 1)
        code = 0
    finally:
        os._exit(code)


def memory_of(pid: int, name: str) -> tuple[int, int, int]:
    """(pages of its own, proportional share of the mapped file, resident pages of it), in bytes."""
    own = share = resident = 0
    mapped = False
    for line in Path(f"/proc/{pid}/smaps").read_text().splitlines():
        if re.match(r"[0-9a-f]+-[0-9a-f]+ ", line):
            mapped = line.endswith(name)
            continue
        field, _, value = line.partition(":")
        if field in ("Private_Dirty", "Private_Clean") and not mapped:
            own += int(value.split()[0]) << 10
        elif mapped and field == "Pss":
            share += int(value.split()[0]) << 10
        elif mapped and field == "Rss":
            resident += int(value.split()[0]) << 10
    return own, share, resident


def told_by(pipe: int, count: int) -> bytes:
    said = b""
    while len(said) < count:
        part = os.read(pipe, count - len(said))
        if not part:
            break
        said += part
    return said


EXPECTED: dict[int, list[tuple[str, float]]] = {}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--readers", type=int, default=1000)
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--words", type=int, default=200_000)
    parser.add_argument("--dim", type=int, default=300)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = given.folder or Path(temporary) / "vectors"
        if given.folder is None:
            make_folder(folder, given.words, given.dim)
        measure(folder, given.readers)


def measure(folder: Path, readers: int) -> None:
    with tempfile.TemporaryDirectory() as small:  # what is compiled is ready in the parent
        make_folder(Path(small) / "v", 100, 2)
        answer(Path(small) / "v", 0)
    for number in range(_QUESTIONS):  # in another process: the parent opens nothing
        EXPECTED[number] = in_a_child(folder, number)
    before = sorted(path.name for path in folder.iterdir())
    begin_read, begin = os.pipe()
    end_read, end = os.pipe()
    told_read, told = os.pipe()
    started = time.perf_counter()
    pids = []
    for number in range(readers):
        pid = os.fork()
        if not pid:
            os.close(begin), os.close(end)
            reader(folder, number, begin_read, told, end_read)
        pids.append(pid)
    os.close(told)
    loaded = told_by(told_read, readers)
    load_seconds = time.perf_counter() - started
    os.write(begin, bytes(readers))
    answers = told_by(told_read, readers)
    seconds = time.perf_counter() - started
    during = sorted(path.name for path in folder.iterdir())
    found = [memory_of(pid, "vectors.safetensors") for pid in pids]
    os.write(end, bytes(readers))
    codes = [os.waitpid(pid, 0)[1] for pid in pids]
    size = (folder / "vectors.safetensors").stat().st_size
    own = np.array([one[0] for one in found])
    result = {
        "question": "readers",
        "readers": readers,
        "file_bytes": size,
        "loaded": len(loaded),
        "right_answers": answers.count(b"r"),
        "ended_well": codes.count(0),
        "seconds_until_all_loaded": round(load_seconds, 2),
        "seconds_until_all_answered": round(seconds, 2),
        "own_bytes_a_reader_median": int(np.median(own)),
        "own_bytes_a_reader_most": int(own.max()),
        "mapped_bytes_shared_sum": sum(one[1] for one in found),
        "mapped_bytes_resident_sum": sum(one[2] for one in found),
        "new_files": [name for name in during if name not in before],
        **machine(),
    }
    print(json.dumps(result), flush=True)
    if answers.count(b"r") < readers or result["new_files"]:
        sys.exit("not all readers answered rightly, or a file appeared")


def in_a_child(folder: Path, number: int) -> list[tuple[str, float]]:
    read, write = os.pipe()
    pid = os.fork()
    if not pid:
        os.close(read)
        with os.fdopen(write, "w") as file:
            json.dump(answer(folder, number), file)
            file.flush()
            os._exit(0)
    os.close(write)
    with os.fdopen(read) as file:
        found = json.load(file)
    os.waitpid(pid, 0)
    return [(word, score) for word, score in found]


if __name__ == "__main__":
    main()
