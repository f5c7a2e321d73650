"""textzero convert."""

import click

from . import _options as options
from ._progress import make_progress
from ._summary import json_option, summary
from ._workspace import refuse_to_overwrite

FORMATS = ("textzero", "word2vec", "word2vec-binary", "glove", "projector", "parquet")
TARGETS = (*FORMATS, "spacy", "static-embedding")


@click.command()
@click.argument("source", type=click.Path())
@click.argument("target", type=click.Path())
@click.option("--from", "source_format", type=click.Choice(["auto", *FORMATS]), default="auto",
              show_default=True, help="Format of SOURCE.")  # fmt: skip
@click.option("--to", "target_format", type=click.Choice(TARGETS), required=True,
              help="Format of TARGET; textzero, projector and static-embedding are "
              "folders.")  # fmt: skip
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
    memory: str | None,
    force: bool,
    as_json: bool,
    quiet: bool,
) -> None:
    """Write the vectors of SOURCE as TARGET, in another format.

    textzero and parquet keep both matrices of a model, the counts and the tokenizer. spacy is what
    `spacy init vectors` reads; static-embedding is a folder that sentence-transformers and
    model2vec load.
    """
    from textzero.vectors.formats import load_vectors, save_vectors

    refuse_to_overwrite(target, force)
    progress = make_progress(quiet)
    with summary(quiet, as_json, target, progress) as told:
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
