"""textzero answer."""

import os
import sys
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from itertools import islice
from typing import TYPE_CHECKING, Any

import click

from textzero.progress import Progress

from . import _models as models
from . import _options as options
from ._printing import as_json, write_lines
from ._progress import make_progress

if TYPE_CHECKING:
    from textzero.models import Answer, Reader
    from textzero.models.reading import Question

_QUESTIONS = 64  # that are answered before their answers are written
_JSON = 20  # bytes that a byte of JSON takes while it is read, about
_ANSWER = 400  # bytes that a different answer to --question takes, about


@click.command()
@models.model_argument
@options.text_options
@click.option("--question", metavar="TEXT",
              help="Answer this one question; the texts of CORPUS are its passages.")  # fmt: skip
@click.option("--combine", type=click.Choice(["sum", "squares", "max"]), default="sum",
              show_default=True, help="How passages of the same answer count.")  # fmt: skip
@click.option("--threshold", type=click.FloatRange(0, 1),
              help="Least probability of an answer's start and end.  "
              "[default: that of the model; 0 always answers]")  # fmt: skip
@click.option("--candidates", type=click.IntRange(1), default=10, show_default=True, metavar="N",
              help="With --json, at most so many answers.")  # fmt: skip
@models.json_option
@models.batch_option
@options.memory_option
@options.quiet_option
def answer(
    model: str,
    corpus: tuple[str, ...],
    question: str | None,
    combine: str,
    threshold: float | None,
    candidates: int,
    json: bool,
    batch_size: int,
    memory: str | None,
    quiet: bool,
    **reading_options: Any,
) -> None:
    """Print the answers that MODEL finds in passages.

    CORPUS are questions with their passages: JSON lines such as {"question": "...", "passages":
    ["...", "..."]}, SQuAD's JSON or WebQA's. With --question it is passages, one a line. Without
    CORPUS standard input is read. A line for each question: answer, score and question, with tabs
    between; no answer is an empty one. MODEL is what `textzero train reader` wrote.
    """
    if question is None:
        _refuse_ignored(reading_options)
    loaded, room = models.load(model, "Reader", memory=memory)
    settings = {"threshold": threshold, "batch_size": batch_size}
    if question is not None:
        texts = models.corpus_or_stdin(corpus, **reading_options)
        reading = texts.new_reading()
        progress = make_progress(quiet, to_stdout=True)
        batches = models.batches_of_texts(texts, reading, room, progress)
        found = _answer(loaded, question, batches, combine, room // _ANSWER, settings)
        _print([question], [found.best(candidates)], json)
        options.report_losses(reading, quiet)
        return
    progress = make_progress(quiet, to_stdout=True)
    read = _Read()
    asked = _questions(corpus or ("-",), room // _JSON, read)
    with progress.stage("answer", _size(corpus)):
        while batch := list(islice(asked, _QUESTIONS)):
            questions = [item.text for item in batch]
            answers = loaded.predict(
                questions, [item.passages for item in batch], combine=combine,
                candidates=candidates, **settings,
            )  # fmt: skip
            _print(questions, answers, json)
            progress.advance(read.take())


def _answer(
    model: "Reader",
    question: str,
    batches: Iterable[list[str]],
    combine: str,
    most: int,
    settings: dict[str, Any],
) -> Any:
    """The votes of all passages for answers to one question."""
    from textzero.errors import ResourceError
    from textzero.models.answer_spans import Votes
    from textzero.models.reading import Question

    votes = Votes(combine)
    for batch in batches:
        passages = tuple(text for text in batch if text)
        if passages:
            spans = model.spans([Question(question, passages)], **settings)[0]
            votes.add(passages, spans)
        if len(votes) > most:
            raise ResourceError(
                f"the passages have more than {most:,} different answers, which do not fit into "
                "--memory; give more, or a --threshold that fewer pass"
            )
    return votes


def _print(questions: list[str], answers: list["Answer"], json: bool) -> None:
    rows = []
    for question, found in zip(questions, answers, strict=True):
        if json:
            content = asdict(found)
            for candidate in content["candidates"]:
                del candidate["candidates"]
            rows.append(as_json({"question": question, "answer": content.pop("text")} | content))
        else:
            shown = (models.one_line(found.text), f"{found.score:.4f}", models.one_line(question))
            rows.append("\t".join(shown))
    write_lines(rows)


def _refuse_ignored(reading_options: dict[str, Any]) -> None:
    """Refuse options that say how to read texts where there are none."""
    context = click.get_current_context()
    for name in reading_options:
        source = context.get_parameter_source(name)
        if source is not None and source.name == "COMMANDLINE":
            option = "--" + name.replace("_", "-")
            raise click.UsageError(f"{option} is for passages; give their --question too")


class _Read(Progress):
    """Keeps how many bytes were read until what they ask is answered."""

    def __init__(self) -> None:
        super().__init__()
        self._bytes = 0

    def advance(self, amount: int) -> None:
        """Add what was read."""
        self._bytes += amount

    def take(self) -> int:
        """Return what was read since the last time."""
        amount, self._bytes = self._bytes, 0
        return amount


def _size(paths: tuple[str, ...]) -> int:
    """Bytes of the files; 0 where a pipe is among them, whose end is not known."""
    files = [path for path in paths if os.path.isfile(path)]
    return sum(map(os.path.getsize, files)) if len(files) == len(paths) else 0


def _questions(paths: tuple[str, ...], most: int, progress: Progress) -> "Iterator[Question]":
    """The questions of files; of JSON lines a line at a time, and never more than `most` bytes."""
    from textzero.errors import InputError
    from textzero.models.question_stream import stream_questions

    for path in paths:
        if path == "-":
            options.tell_waiting()
            yield from stream_questions(sys.stdin.buffer, "standard input", most, progress)
            continue
        try:
            file = open(path, "rb")
        except OSError as error:
            raise InputError(f"{path} cannot be read: {error.strerror}") from error
        with file:
            yield from stream_questions(file, path, most, progress)
