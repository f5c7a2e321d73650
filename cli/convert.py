"""textzero convert."""

from pathlib import Path
from typing import TYPE_CHECKING

import click
from click.core import ParameterSource

from . import _options as options
from ._printing import as_json as as_json_line
from ._progress import make_progress
from ._scores import min_score_option
from ._summary import json_option, summary
from ._table import refuse_folder_around, refuse_large_file
from ._workspace import refuse_to_overwrite

if TYPE_CHECKING:
    from textzero.lexicon import Lexicon

FORMATS = ("textzero", "word2vec", "word2vec-binary", "glove", "projector", "parquet")
TARGETS = (*FORMATS, "spacy", "static-embedding")
WORD_LISTS = ("lexicon", "jieba", "words", "tokenizer-json")
_OF_VECTORS = ("source_format", "matrix", "remove_common", "escape", "sif", "remove", "tokenizer")
_OF_WORDS = ("min_count", "min_scores")


@click.command()
@click.argument("source", type=click.Path())
@click.argument("target", type=click.Path())
@click.option("--from", "source_format", type=click.Choice(["auto", *FORMATS]), default="auto",
              show_default=True, help="Format of SOURCE.")  # fmt: skip
@click.option("--to", "target_format", required=True,
              type=click.Choice([*TARGETS, *WORD_LISTS]),
              help="Format of TARGET; textzero, projector and static-embedding are folders; "
              "the last four are of words without vectors.")  # fmt: skip
@click.option("--limit", type=click.IntRange(1), help="Convert only the first words.")
@click.option("--matrix", type=click.Choice(["vectors", "center", "context"]), default="vectors",
              show_default=True, help="Write w (center) or c (context) alone.")  # fmt: skip
@click.option("--remove-common", type=click.IntRange(0), metavar="N",
              help="Remove the mean and N common directions first.")  # fmt: skip
@click.option("--escape", is_flag=True,
              help="Write the white space of a word as an underscore.")  # fmt: skip
@click.option("--sif/--no-sif", default=True, show_default=True,
              help="static-embedding: weigh words by smooth inverse frequency.")  # fmt: skip
@click.option("--remove", type=click.IntRange(0), default=1, show_default=True, metavar="N",
              help="static-embedding, --sif: remove N directions of sentences.")  # fmt: skip
@click.option("--tokenizer", metavar="NAME",
              help="static-embedding: how text is cut.  [default: as for the vectors]")  # fmt: skip
@click.option("--min-count", type=click.IntRange(1), default=1, show_default=True,
              help="lexicon, jieba, words, tokenizer-json: leave out rarer words.")  # fmt: skip
@min_score_option
@options.memory_option
@options.force_option
@json_option
@options.quiet_option
def convert(
    source: str,
    target: str,
    source_format: str,
    target_format: str,
    limit: int | None,
    matrix: str,
    remove_common: int | None,
    escape: bool,
    sif: bool,
    remove: int,
    tokenizer: str | None,
    min_count: int,
    min_scores: dict[str, float],
    memory: str | None,
    force: bool,
    as_json: bool,
    quiet: bool,
) -> None:
    """Write the vectors, or the words, of SOURCE as TARGET, in another format.

    textzero and parquet keep both matrices of a model, the counts and the tokenizer. spacy is what
    `spacy init vectors` reads; static-embedding is a folder that sentence-transformers and
    model2vec load.

    A lexicon, a table of counts, jieba's dictionary or a list of words becomes another one:
    jieba is "word count", its user dictionary; words is one word a line; lexicon is what
    `textzero discover` writes; tokenizer-json is for the library tokenizers.
    """
    from textzero.errors import InputError
    from textzero.lexicon import Lexicon, is_lexicon
    from textzero.vectors.formats import load_vectors, save_vectors

    of_words = target_format in WORD_LISTS
    _refuse_options(_OF_VECTORS if of_words else _OF_WORDS, target_format)
    refuse_to_overwrite(target, force)
    progress = make_progress(quiet)
    with summary(quiet, as_json, target, progress) as told:
        if of_words:
            if (Path(source) / "vocabulary.tsv").is_file():
                raise InputError(
                    f"{source} holds vectors, and --to {target_format} takes words; their words "
                    f"are {Path(source) / 'vocabulary.tsv'}"
                )
            refuse_large_file(source, memory, 30)
            lexicon = Lexicon.load(source)
            kept = lexicon.keep(min_count, limit, min_scores)
            save_words(kept, target, target_format)
            told.read(words=len(lexicon))
            told.left_out(words=len(lexicon) - len(kept))
            told.wrote(target, words=len(kept))
            return
        refuse_folder_around(source)
        if is_lexicon(source):
            *names, last = WORD_LISTS
            raise InputError(
                f"{source} holds words without vectors, which become {', '.join(names)} or {last}, "
                f"got --to {target_format}; textzero embed makes vectors of a text"
            )
        vectors = load_vectors(source, source_format, limit, memory, progress=progress)
        vectors.memory = memory
        dropped = vectors.manifest.get("duplicates_dropped", 0)
        told.read(vectors=len(vectors) + dropped)
        vectors = vectors.part(matrix)
        if remove_common is not None:
            vectors = vectors.without_common_directions(remove_common)
        save_vectors(
            vectors, target, target_format, escape=escape, sif=sif, remove=remove,
            tokenizer=tokenizer, progress=progress,
        )  # fmt: skip
        if dropped:
            told.lost(f"{dropped:,} rows of words seen before were dropped")
        told.wrote(target, vectors=len(vectors), dimension=vectors.dim)


def _refuse_options(names: tuple[str, ...], target_format: str) -> None:
    """Raise UsageError when an option was given that this format has no use for."""
    context = click.get_current_context()
    for name in names:
        if context.get_parameter_source(name) is ParameterSource.COMMANDLINE:
            option = next(p.opts[0] for p in context.command.params if p.name == name)
            raise click.UsageError(f"{option} has no place with --to {target_format}")


def save_words(lexicon: "Lexicon", target: str, format: str) -> None:
    """Write the words of a lexicon in one of WORD_LISTS."""
    if format != "tokenizer-json":
        lexicon.save(target, format)
        return
    from textzero.files import whole_file
    from textzero.segmenter import Segmenter
    from textzero.tokens import Tokenizer
    from textzero.vectors.tokenizer_json import tokenizer_json

    content, _ = tokenizer_json(Tokenizer(Segmenter(lexicon)), list(lexicon))
    with whole_file(target) as file:
        file.write(as_json_line(content).encode() + b"\n")
