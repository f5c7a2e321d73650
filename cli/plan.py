"""textzero plan."""

from typing import TYPE_CHECKING, Any

import click

from . import _options as options
from ._progress import make_progress

if TYPE_CHECKING:
    from textzero.plan import Plan

COMMANDS = ("count", "discover", "cooccur", "segment", "embed")


@click.command()
@options.corpus_options
@options.token_options
@click.option("--command", type=click.Choice(COMMANDS), default="count", show_default=True,
              help="What is to be run.")  # fmt: skip
@click.option("--workers", type=click.IntRange(1), default=64, show_default=True,
              help="Workers of the cluster, each as fast as one processor here.")  # fmt: skip
@options.memory_option
@options.min_count_option(5)
@click.option("--window", type=click.IntRange(1), default=10, show_default=True,
              help="Words on each side, of cooccur and embed.")  # fmt: skip
@click.option("--dim", type=click.IntRange(1), default=128, show_default=True,
              help="Length of the vectors of embed.")  # fmt: skip
@click.option("--hours", type=click.FloatRange(0, min_open=True), default=24.0, show_default=True,
              help="How long one machine may take.")  # fmt: skip
@click.option("--folder", type=click.Path(exists=True, file_okay=False), metavar="FOLDER",
              default=".", help="Where results would be written.  [default: here]")  # fmt: skip
@click.option("--seconds", type=click.FloatRange(0, min_open=True), default=8.0, show_default=True,
              help="How long to measure.")  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@options.quiet_option
def plan(
    command: str,
    workers: int,
    memory: str | None,
    min_count: int,
    window: int,
    dim: int,
    hours: float,
    folder: str,
    seconds: float,
    as_json: bool,
    quiet: bool,
    tokenizer: str,
    lowercase: bool,
    nfkc: bool,
    **corpus: Any,
) -> None:
    """Predict shards, memory, disk and time of a command on CORPUS, here and on a cluster.

    A sample from all over the corpus is counted; the rest is extrapolated, and may be wrong by the
    factor that is told.
    """
    from textzero.plan import plan_work

    with make_progress(quiet).stage("measure", 0, "samples"):
        made = plan_work(
            options.make_corpus(**corpus),
            command=command,
            workers=workers,
            memory=memory,
            tokenizer=tokenizer,
            lowercase=lowercase,
            nfkc=nfkc,
            min_count=min_count,
            window=window,
            dim=dim,
            patience=hours * 3600,
            folder=folder,
            seconds=seconds,
        )
    if as_json:
        import json
        from dataclasses import asdict

        click.echo(json.dumps(asdict(made), ensure_ascii=False))
        return
    for row in _table(made):
        click.echo("\t".join(row).rstrip("\t"))


def _table(made: "Plan") -> list[tuple[str, str, str]]:
    """The plan in rows, numbers rounded as far as they can be trusted."""
    from textzero.files import size_text
    from textzero.shown.text import counted

    here, cluster = made.here, made.cluster
    stops = f"{size_text(made.enough_up_to)} of such text; for more, {made.limit} is not enough"
    rows = [
        ("corpus", size_text(made.corpus_bytes), counted(made.files, "files")),
        ("sample", size_text(made.sample_bytes), "spread over the corpus"),
        ("tokens", f"{_rounded(made.tokens):,}", ""),
        ("words", f"{_rounded(made.words):,}", f"grow as tokens ^ {made.growth:.2f}"),
        (f"{made.command} on", "this machine", counted(made.workers, "workers")),
        ("time", _time(here.seconds), _time(cluster.seconds)),
        ("shards", f"{here.shards:,}", f"{cluster.shards:,}"),
        ("memory, each process", size_text(here.memory), size_text(cluster.memory)),
        ("temporary files", size_text(here.scratch), size_text(cluster.scratch)),
        ("output", size_text(here.output), size_text(cluster.output)),
        ("one machine", "is enough for", stops),
        ("likely within", f"a factor of {made.likely:.1f}", "but for time, which other work slows"),
    ]
    return rows + [("note", note, "") for note in made.notes]


def _rounded(number: int) -> int:
    """Two digits."""
    return round(number, 2 - len(str(number)))


def _time(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.0f} s"
    if seconds < 7200:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.0f} h" if seconds < 172800 else f"{seconds / 86400:.0f} days"
