"""Labelled data on the command line: how each kind is read, for training and for scores."""

import codecs
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from . import _options as options

if TYPE_CHECKING:
    from textzero.models.reading import Questions
    from textzero.progress import Progress

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
)
strict_option = click.option(
    "--strict", is_flag=True, help="Make every loss of data, such as tags out of order, an error."
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
        from textzero.corpus.encodings import unknown_encoding

        raise click.BadParameter(unknown_encoding(value).replace("'auto' or ", "")) from error
    return value


encoding_option = click.option(
    "--encoding",
    default="utf-8",
    show_default=True,
    callback=_check_codec,
    help="Encoding of the files: a Python codec.",
)


def read_tagged(
    paths: Sequence[str],
    form: str,
    scheme: str,
    strict: bool,
    encoding: str,
    progress: "Progress | None" = None,
) -> Any:
    """Read tagged sentences, as --form says."""
    from textzero.models import conll

    how: dict[str, Any] = {"strict": strict, "encoding": encoding, "progress": progress}
    if form == "columns":
        return conll.read_conll(paths, scheme=scheme, **how)
    if form == "words":
        if codecs.lookup(encoding).name != "utf-8":
            raise click.UsageError(f"--form words reads UTF-8, got --encoding {encoding}")
        scheme = "bmes" if scheme == "auto" else scheme
        return conll.read_words(paths, scheme=scheme, progress=progress)
    return conll.read_word_tags(paths, scheme="none" if scheme == "auto" else scheme, **how)


def read_texts_with_labels(
    paths: Sequence[str],
    text_column: str | None,
    label_column: str | None,
    strict: bool,
    encoding: str,
    progress: "Progress | None" = None,
) -> Any:
    """Read texts with labels."""
    from textzero.models.labelled import read_labelled

    return read_labelled(
        *paths, text=text_column, label=label_column, encoding=encoding, strict=strict,
        progress=progress,
    )  # fmt: skip


def read_questions(paths: Sequence[str], progress: "Progress | None" = None) -> "Questions":
    """Read questions with their passages and answers."""
    from textzero.models import reading

    return reading.read_questions(*paths, progress=progress)


def read_triples(paths: Sequence[str], encoding: str, progress: "Progress | None" = None) -> Any:
    """Read texts with their triples."""
    from textzero.models import triples

    return triples.read_triples(*paths, encoding=encoding, progress=progress)


def refuse_losses(data: Any, strict: bool) -> Any:
    """Return labelled data; with --strict, only if they are as they stand in their files.

    Raises:
        InputError: They are not.
    """
    from textzero.errors import InputError

    lines = data.losses() if strict else []
    if lines:
        raise InputError(f"{lines[0]}; mend the data, or leave --strict out")
    return data


def unknown_to(model: Any, data: Any) -> list[str]:
    """Say in a sentence how many triples have a predicate that an extractor was not trained on."""
    from textzero.models.triples import TripleTexts

    if not isinstance(data, TripleTexts):
        return []
    known = set(model.predicates)
    names = [fact.predicate for item in data for fact in item.facts]
    odd = [name for name in names if name not in known]
    if not odd:
        return []
    return [
        f"{len(odd):,} of {len(names):,} triples {'has' if len(odd) == 1 else 'have'} a predicate "
        f"that the model does not know, such as {odd[0]!r}; they count as missed"
    ]
