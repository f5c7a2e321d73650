"""textzero answer."""

from collections.abc import Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from . import _models as models
from . import _options as options

if TYPE_CHECKING:
    from textzero.models.reading import Question

_QUESTIONS = 64  # that are answered before their answers are written


@click.command()
@models.model_argument
@options.text_options
@click.option("--question", metavar="TEXT",
              help="Answer this one question; the texts of CORPUS are its passages.")  # fmt: skip
@click.option("--combine", type=click.Choice(["squares", "max", "sum"]), default="squares",
              show_default=True, help="How passages of the same answer count.")  # fmt: skip
@click.option("--threshold", type=click.FloatRange(0, 1),
              help="Least probability of an answer's start and end.  "
              "[default: that of the model; 0 always answers]")  # fmt: skip
@click.option("--candidates", type=click.IntRange(1), default=10, show_default=True, metavar="N",
              help="With --json, at most so many answers.")  # fmt: skip
@models.json_option
@models.batch_option
@options.quiet_option
def answer(
    model: str,
    corpus: tuple[str, ...],
    question: str | None,
    combine: str,
    threshold: float | None,
    candidates: int,
    as_json: bool,
    batch_size: int,
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
    loaded = models.load(model, "Reader")
    reading = None
    if question is None:
        asked = _questions(corpus or ("-",))
    else:
        from textzero.models.reading import Question

        texts = models.corpus_or_stdin(corpus, **reading_options)
        reading = texts.new_reading()
        passages = [t for batch in models.batches_of_texts(texts, reading) for t in batch if t]
        asked = iter([Question(question, tuple(passages))])
    while batch := [item for _, item in zip(range(_QUESTIONS), asked, strict=False)]:
        answers = loaded.predict(
            [item.text for item in batch], [item.passages for item in batch], combine=combine,
            threshold=threshold, candidates=candidates, batch_size=batch_size,
        )  # fmt: skip
        rows = []
        for item, found in zip(batch, answers, strict=True):
            if as_json:
                content = asdict(found)
                for candidate in content["candidates"]:
                    del candidate["candidates"]
                rows.append(models.as_json({"question": item.text, "answer": content.pop("text")}
                                           | content))  # fmt: skip
            else:
                shown = (models.one_line(found.text), f"{found.score:.4f}")
                rows.append("\t".join([*shown, models.one_line(item.text)]))
        models.write_lines(rows)
    if reading is not None:
        options.report_losses(reading, quiet)


def _refuse_ignored(reading_options: dict[str, Any]) -> None:
    """Refuse options that say how to read texts where there are none."""
    context = click.get_current_context()
    for name in reading_options:
        source = context.get_parameter_source(name)
        if source is not None and source.name == "COMMANDLINE":
            option = "--" + name.replace("_", "-")
            raise click.UsageError(f"{option} is for passages; give their --question too")


def _questions(paths: tuple[str, ...]) -> "Iterator[Question]":
    """The questions of files, one file in memory at a time."""
    from textzero.models.reading import read_questions

    for path in paths:
        with models.stdin_as_file(path) as file:
            yield from read_questions(file)
