"""textzero convert."""

import click

from . import _options as options

FORMATS = ("textzero", "word2vec", "word2vec-binary", "glove", "projector")


@click.command()
@click.argument("source", type=click.Path())
@click.argument("target", type=click.Path())
@click.option("--from", "source_format", type=click.Choice(["auto", *FORMATS]), default="auto",
              show_default=True, help="Format of SOURCE.")  # fmt: skip
@click.option("--to", "target_format", type=click.Choice(FORMATS), required=True,
              help="Format of TARGET; textzero and projector are folders.")  # fmt: skip
@click.option("--limit", type=click.IntRange(1), help="Convert only the first words.")
@click.option("--escape", is_flag=True,
              help="Write the white space of a word as an underscore.")  # fmt: skip
@options.force_option
def convert(
    source: str,
    target: str,
    source_format: str,
    target_format: str,
    limit: int | None,
    escape: bool,
    force: bool,
) -> None:
    """Write the vectors of SOURCE as TARGET, in another format."""
    from textzero.files import refuse_to_overwrite
    from textzero.vectors.formats import load_vectors, save_vectors

    refuse_to_overwrite(target, force)
    vectors = load_vectors(source, source_format, limit)
    save_vectors(vectors, target, target_format, escape=escape)
    dropped = vectors.manifest.get("duplicates_dropped", 0)
    if dropped:
        click.echo(f"Warning: {dropped:,} rows of words seen before were dropped", err=True)
    click.echo(f"{len(vectors):,} vectors of dimension {vectors.dim} in {target}", err=True)
