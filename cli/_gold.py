"""Labelled data on the command line: how each kind is read, for training and for scores."""

from collections.abc import Sequence
from typing import Any

import click

from . import _options as options

tagged_options = options.together(
    click.option(
        "--form",
        type=click.Choice(["columns", "words", "word-tags"]),
        default="columns",
        show_default=True,
        help="A token and its tag a line; segmented lines; lines of word_TAG.",
    ),
    click.option(
        "--scheme",
        default="auto",
        show_default=True,
        help="Of the tags: bio, iob1, bioes, bmes, none, or auto.",
    ),
    click.option("--strict", is_flag=True, help="Make tags that break their scheme an error."),
)
labelled_options = options.together(
    click.option(
        "--text-column", metavar="NAME", help="Column or field of the texts.  [default: by name]"
    ),
    click.option(
        "--label-column", metavar="NAME", help="Column or field of the labels.  [default: by name]"
    ),
)


def _check_codec(_: click.Context, __: click.Parameter, value: str) -> str:
    try:
        "".encode(value)
    except LookupError as error:
        raise click.BadParameter(f"it must be a Python codec, got {value!r}") from error
    return value


encoding_option = click.option(
    "--encoding",
    default="utf-8",
    show_default=True,
    callback=_check_codec,
    help="Encoding of the files: a Python codec.",
)


def read_tagged(paths: Sequence[str], form: str, scheme: str, strict: bool, encoding: str) -> Any:
    """Read tagged sentences, as --form says."""
    from textzero.models import conll

    if form == "columns":
        return conll.read_conll(paths, scheme=scheme, strict=strict, encoding=encoding)
    if form == "words":
        return conll.read_words(paths, scheme="bmes" if scheme == "auto" else scheme)
    scheme = "none" if scheme == "auto" else scheme
    return conll.read_word_tags(paths, scheme=scheme, strict=strict, encoding=encoding)


def read_texts_with_labels(
    paths: Sequence[str], text_column: str | None, label_column: str | None, encoding: str
) -> Any:
    """Read texts with labels."""
    from textzero.models.labelled import read_labelled

    return read_labelled(*paths, text=text_column, label=label_column, encoding=encoding)


def read_questions(paths: Sequence[str]) -> Any:
    """Read questions with their passages and answers."""
    from textzero.models import reading

    return [question for path in paths for question in reading.read_questions(path)]


def read_triples(paths: Sequence[str], encoding: str) -> Any:
    """Read texts with their triples."""
    from textzero.models import triples

    return triples.read_triples(*paths, encoding=encoding)
