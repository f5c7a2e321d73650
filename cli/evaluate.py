"""textzero evaluate."""

from collections.abc import Callable, Iterable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from . import _gold as gold_data
from . import _options as options
from ._printing import as_json, print_line, write_lines
from ._progress import make_progress
from ._table import open_vectors, refuse_large_file

if TYPE_CHECKING:
    from textzero.progress import Progress


@click.group()
def evaluate() -> None:
    """Measure a result against a gold set."""


@evaluate.command("vectors")
@options.vectors_argument
@click.argument("gold", nargs=-1, required=True, type=click.Path())
@click.option("--first", type=click.IntRange(2), metavar="N",
              help="Answer analogies among the N most frequent words.  [default: all]")  # fmt: skip
@click.option("--remove-common", type=click.IntRange(0), metavar="N",
              help="Remove the mean and N common directions first.")  # fmt: skip
@options.memory_option
@click.option("--json", is_flag=True, help="Print one JSON object a set.")
@options.quiet_option
def vectors_command(
    vectors: str,
    gold: tuple[str, ...],
    first: int | None,
    remove_common: int | None,
    memory: str | None,
    json: bool,
    quiet: bool,
) -> None:
    """Score VECTORS on GOLD files: lines of two words and a score, or of four words.

    Similarity is Spearman's correlation of cosines; analogies are answered by 3CosAdd and 3CosMul.
    The share of the set that has vectors is always printed; the rest is not scored.
    """
    from textzero.vectors.evaluation import evaluate_analogies, evaluate_similarity, is_analogies

    progress = make_progress(quiet)
    loaded = open_vectors(vectors, memory, progress)
    if remove_common is not None:
        loaded = loaded.without_common_directions(remove_common)
    for path in gold:
        if is_analogies(path):
            analogies = evaluate_analogies(loaded, path, first, progress)
            figures = f"3CosAdd {analogies.add:.4f}  3CosMul {analogies.mul:.4f}"
            result = asdict(analogies)
        else:
            similarity = evaluate_similarity(loaded, path)
            figures = f"Spearman {similarity.spearman:.4f}"
            result = asdict(similarity)
        if json:
            write_lines([as_json(result)])
        else:
            print_line(path, figures, f"covered {result['covered']:,} of {result['total']:,}")


@evaluate.command("segmentation")
@click.argument("gold", type=click.Path())
@click.option("--lexicon", type=click.Path(), metavar="FILE",
              help="Segment GOLD's text with it; tell known words apart.")  # fmt: skip
@click.option("--segmented", type=click.Path(), metavar="FILE",
              help="Score this segmentation of the same lines.")  # fmt: skip
@click.option("--separator", help="What separates words in the files.  [default: white space]")
@options.memory_option
@click.option("--json", is_flag=True, help="Print one JSON object.")
@options.quiet_option
def segmentation_command(
    gold: str,
    lexicon: str | None,
    segmented: str | None,
    separator: str | None,
    memory: str | None,
    json: bool,
    quiet: bool,
) -> None:
    """Score a segmentation against GOLD, a file of lines whose words are separated.

    Precision, recall and F1 of words, as the bakeoff of 2005 counts them. With a lexicon also bits
    per character: of characters alone, and of the words of the best segmentation.
    """
    from textzero.information import Information, character_entropy
    from textzero.segmentation_score import read_segmented, score_segmentation
    from textzero.segmenter import Segmenter

    if lexicon is None and segmented is None:
        raise click.UsageError("give --lexicon or --segmented")
    if lexicon is not None:
        refuse_large_file(lexicon, memory, 30)
    true = _readable_twice(gold, separator)
    figures: dict[str, object] = {}
    known = None
    if lexicon is not None:
        segmenter = Segmenter(lexicon)
        guess = segmenter.segment_batch("".join(words) for words in true())
        known = segmenter.lexicon
        texts = ("".join(words) for words in true())
        cost = sum(map(segmenter.information, texts), Information(0.0, 0, 0, 0))
        figures = {
            "characters": cost.characters,
            "bits_per_character_of_characters": character_entropy(map("".join, true())),
            "bits_per_character_of_words": cost.bits_per_character,
        }
    if segmented is not None:
        guess = read_segmented(segmented, separator)
    progress = make_progress(quiet)
    with progress.stage("compare", 0, "lines"):
        lines = _counted(true(), progress)
        score = asdict(score_segmentation(lines, guess, known)) | figures
    if json:
        write_lines([as_json(score)])
        return
    for name, value in score.items():
        if value is not None:
            print_line(name, f"{value:.4f}" if isinstance(value, float) else f"{value:,}")


def _counted(lines: Iterable[list[str]], progress: "Progress") -> Iterable[list[str]]:
    for line in lines:
        yield line
        progress.advance(1)


def _readable_twice(path: str, separator: str | None) -> Callable[[], Iterable[list[str]]]:
    """What reads a segmented file from its beginning; a pipe is held in memory."""
    from textzero.segmentation_score import read_segmented

    if Path(path).is_file():
        return lambda: read_segmented(path, separator)
    held = list(read_segmented(path, separator))
    return lambda: held


@evaluate.command("lexicon")
@click.argument("lexicon", type=click.Path())
@click.argument("gold", type=click.Path())
@click.option("--examples", type=click.IntRange(0), default=10, show_default=True,
              help="How many wrong and missing words to name.")  # fmt: skip
@options.memory_option
@click.option("--json", is_flag=True, help="Print one JSON object.")
@options.quiet_option
def lexicon_command(
    lexicon: str,
    gold: str,
    examples: int,
    memory: str | None,
    json: bool,
    quiet: bool,  # noqa: ARG001
) -> None:
    """Score the words of LEXICON against GOLD, a list of words, one a line.

    Precision, recall and F1 of different words, of all and by length; then the first words that
    only one side has. Single characters are left out of both. GOLD may be a lexicon, too.
    """
    from textzero.lexicon_score import score_lexicon

    for path in (lexicon, gold):
        refuse_large_file(path, memory, 30)
    score = asdict(score_lexicon(lexicon, gold))
    for side in ("wrong", "missing"):
        score[side] = score[side][:examples]
    if json:
        write_lines([as_json(score)])
        return
    shares, numbers = ("precision", "recall", "f1"), ("gold", "found", "correct")
    print_line("length", *shares, *numbers)
    for row in ({"length": "all", **score}, *score["by_length"]):
        figures = ["" if row[name] is None else f"{row[name]:.4f}" for name in shares]
        print_line(row["length"], *figures, *(f"{row[name]:,}" for name in numbers))
    for side in ("wrong", "missing"):
        if score[side]:
            print_line(side, ", ".join(score[side]))


@evaluate.command("model")
@click.argument("model", type=click.Path())
@click.argument("gold", nargs=-1, required=True)
@gold_data.tagged_options
@gold_data.labelled_options
@gold_data.encoding_option
@gold_data.strict_option
@click.option("--batch-size", type=click.IntRange(1), default=64, show_default=True,
              help="Texts that go through the network at once.")  # fmt: skip
@options.memory_option
@click.option("--json", is_flag=True, help="Print one JSON object.")
@options.quiet_option
def model_command(
    model: str,
    gold: tuple[str, ...],
    form: str,
    scheme: str,
    strict: bool,
    text_column: str | None,
    label_column: str | None,
    encoding: str,
    batch_size: int,
    memory: str | None,
    json: bool,
    quiet: bool,
) -> None:
    """Score MODEL on GOLD, labelled data of the form that it was trained on.

    Names: precision, recall and F1 as conlleval counts them. Answers: exact match and character
    F1. Triples: precision, recall and F1. Labels: accuracy, macro F1, and figures of each label.
    """
    from ._models import load, refuse_large_data

    loaded, room = load(model, "Tagger", "Reader", "Extractor", "Classifier", memory=memory)
    refuse_large_data(gold, room)
    kind, progress = type(loaded).__name__, make_progress(quiet)
    if kind == "Tagger":
        data = gold_data.read_tagged(gold, form, scheme, strict, encoding, progress)
    elif kind == "Reader":
        data = gold_data.read_questions(gold, progress)
    elif kind == "Extractor":
        data = gold_data.read_triples(gold, encoding, progress)
    else:
        data = gold_data.read_texts_with_labels(
            gold, text_column, label_column, strict, encoding, progress
        )
    gold_data.refuse_losses(data, strict)
    for line in [*data.losses(), *gold_data.unknown_to(loaded, data)]:
        if not quiet:
            click.echo(f"Warning: {line}", err=True)
    with progress.stage("evaluate", 0, "texts"):
        score = loaded.evaluate(data, batch_size)
    if json:
        write_lines([as_json(score)])
        return
    for name, value in score.items():
        print_line(name, f"{value:,.0f}" if name in ("texts", "cut") else f"{value:.4f}")
