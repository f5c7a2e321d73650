"""Segmented text as bytes: how a line is written, and splits as blocks of lines."""

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from itertools import accumulate
from time import monotonic
from typing import Any

from textzero.characters import is_space
from textzero.corpus import Corpus, Reading, Split
from textzero.errors import InputError
from textzero.parallel import ordered_threads
from textzero.progress import Progress
from textzero.segmenter import Segmenter

_BATCH = 1 << 16  # characters that one task of a thread has


@dataclass(frozen=True)
class Form:
    """How a segmentation is written.

    Attributes:
        separator: What stands between words.
        n_best: Write so many segmentations of each line, with line number and log-probability.
        alpha: Draw each segmentation in proportion to its probability to this power.
        seed: Of the draws.
        as_json: Write one JSON object a line, with offsets.
    """

    separator: str = " "
    n_best: int | None = None
    alpha: float | None = None
    seed: int = 0
    as_json: bool = False

    def __post_init__(self) -> None:
        if self.n_best is not None and self.alpha is not None:
            raise ValueError("n_best and alpha exclude each other, got both")
        if self.n_best is not None and self.n_best < 1:
            raise ValueError(f"n_best must be at least 1, got {self.n_best}")

    @property
    def whole_lines(self) -> bool:
        """Whether a line must be in memory as a whole."""
        return self.as_json or self.is_numbered

    @property
    def is_numbered(self) -> bool:
        """Whether the number of a line decides what is written."""
        return self.n_best is not None or self.alpha is not None

    def rows(self, segmenter: Segmenter, number: int, text: str) -> Iterator[str]:
        """Yield what is written for line `number`, where lines are written whole."""
        if self.n_best is not None:
            best = segmenter.n_best(text, self.n_best, spaces=False)
            if self.as_json:
                rows = [{"tokens": t, "log_probability": round(log, 7)} for t, log in best]
                yield json.dumps({"line": number, "segmentations": rows}, ensure_ascii=False)
                return
            for tokens, log in best:
                yield f"{number}\t{log:.7f}\t{self.separator.join(tokens)}"
            return
        if self.alpha is not None:
            tokens = segmenter.sample(text, self.alpha, (self.seed, number))
        else:
            tokens = segmenter.segment(text)
        stops = list(accumulate(map(len, tokens)))
        shown = [k for k, token in enumerate(tokens) if not is_space(token)]
        words = [tokens[k] for k in shown]
        if self.as_json:
            spans = [[stops[k] - len(tokens[k]), stops[k]] for k in shown]
            yield json.dumps({"tokens": words, "spans": spans}, ensure_ascii=False)
        else:
            yield self.separator.join(words)


@dataclass
class _Batch:
    """Some texts; a line longer than a piece of the corpus is several.

    Attributes:
        first: Number of the line that the first text belongs to.
        continued: Whether that line began in the batch before.
        texts: The texts.
        ends: Whether a line ends with each.
        mark: What is done when this is written, where splits end here and it is to be noted.
    """

    first: int
    continued: bool
    texts: list[str]
    ends: list[bool]
    mark: dict[str, Any] | None = None


@dataclass
class Writer:
    """What turns splits into the bytes of an output."""

    corpus: Corpus
    segmenter: Segmenter
    form: Form
    longest: int  # characters of a line that must be whole
    workers: int
    progress: Progress
    due: float = float("inf")  # when it is to be noted how far the output is whole

    def blocks(
        self, splits: list[Split], reading: Reading, first: int = 1, due: float = float("inf")
    ) -> Iterator[tuple[bytes, dict[str, Any] | None]]:
        """Yield (bytes, mark): behind `due` seconds, and where splits end, how far it is whole."""
        _ = self.segmenter.model  # made here, not in every thread
        self.due = due
        batches = self._batches(splits, reading, first)
        return ordered_threads(lambda b: (self._written(b), b.mark), batches, self.workers)

    def _batches(self, splits: list[Split], reading: Reading, first: int) -> Iterator[_Batch]:
        batch, size, is_held = _Batch(first, False, [], []), 0, False
        for number, split in enumerate(splits, 1):
            before = reading.bytes
            for text, ended in self._texts(split, reading):
                batch.texts.append(text)
                batch.ends.append(ended)
                is_held = is_held or not all(map(is_space, text))
                reading.documents += is_held and ended
                is_held = is_held and not ended
                size += len(text) + 1
                if size > _BATCH:
                    yield batch
                    batch = _Batch(batch.first + sum(batch.ends), not ended, [], [])
                    size = 0
            self.progress.advance(reading.bytes - before)
            if monotonic() > self.due:
                self.due = float("inf")  # until it is noted
                after = batch.first + sum(batch.ends)
                batch.mark = {"splits": number, "line": after, "reading": asdict(reading)}
                yield batch
                batch, size = _Batch(after, False, [], []), 0
        if batch.texts:
            yield batch

    def _texts(self, split: Split, reading: Reading) -> Iterator[tuple[str, bool]]:
        if not self.form.whole_lines:
            yield from self.corpus.parts(split, reading)
            return
        waiting: list[str] = []
        size = number = 0
        for text, ended in self.corpus.parts(split, reading):
            waiting.append(text)
            size += len(text)
            if size > self.longest:
                raise InputError(
                    f"{self.corpus.place(split, number)} has more than {self.longest:,} characters "
                    "and must be in memory as a whole; give more --memory, or write plain words"
                )
            if ended:
                yield "".join(waiting), True
                waiting.clear()
                size, number = 0, number + 1

    def _written(self, batch: _Batch) -> bytes:
        """Write the lines of a batch."""
        if self.form.whole_lines:
            numbered = enumerate(batch.texts, batch.first)
            rows = (r for n, text in numbered for r in self.form.rows(self.segmenter, n, text))
            return "".join(row + "\n" for row in rows).encode()
        found = self.segmenter.segment_batch(batch.texts, spaces=False, workers=1)
        out, continued, separator = [], batch.continued, self.form.separator
        for tokens, ended in zip(found, batch.ends, strict=True):
            if continued and tokens:
                out.append(separator)
            out.append(separator.join(tokens))
            if ended:
                out.append("\n")
            continued = not ended
        return "".join(out).encode()
