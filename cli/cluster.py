"""textzero cluster."""

from typing import TYPE_CHECKING, Any

import click

from . import _options as options
from ._printing import as_json, print_line, write_lines
from ._progress import make_progress
from ._summary import Summary, summary
from ._table import open_vectors
from ._workspace import refuse_to_overwrite

if TYPE_CHECKING:
    from textzero.vectors.clustering import Clusters


@click.command()
@options.vectors_argument
@click.option("--words", type=click.IntRange(2), default=10_000, show_default=True,
              help="Cluster so many words, the most frequent.")  # fmt: skip
@click.option("--neighbours", type=click.IntRange(1), default=20, show_default=True,
              help="Links of a word, at most; more make fewer, larger clusters.")  # fmt: skip
@click.option("--min-similarity", type=click.FloatRange(0, 1), default=0.5, show_default=True,
              help="Lowest cosine of a link.")  # fmt: skip
@click.option("--teleportation", type=click.FloatRange(0, 1, max_open=True), default=0.15,
              show_default=True, help="How often the walk jumps to any word.")  # fmt: skip
@click.option("--trials", type=click.IntRange(1), default=10, show_default=True,
              help="Searches; the one with the shortest code is kept.")  # fmt: skip
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True,
              help="Of the searches' random orders.")  # fmt: skip
@click.option("--top", type=click.IntRange(1), default=20, show_default=True,
              help="Print so many clusters, those with the largest flow.")  # fmt: skip
@click.option("-n", "number", type=click.IntRange(1), default=10, show_default=True,
              help="Print so many words of each.")  # fmt: skip
@click.option("-o", "--output", metavar="FILE", shell_complete=options.files,
              callback=options.check_name,
              help="Write every word with its cluster (- for standard output).")  # fmt: skip
@click.option("--json", is_flag=True, help="Print all clusters as one JSON object.")
@options.device_option("Where neighbours are looked for; the clusters are the same.")
@options.workers_option
@options.memory_option
@options.force_option
@options.quiet_option
def cluster(
    vectors: str,
    top: int,
    number: int,
    output: str | None,
    json: bool,
    workers: int | None,
    memory: str | None,
    force: bool,
    quiet: bool,
    **settings: Any,
) -> None:
    """Find clusters of words that go together; how many there are, the words decide.

    Prints cluster<TAB>words<TAB>flow<TAB>its first words; -o writes word<TAB>cluster<TAB>flow.
    Flow is how often a walk from word to similar word is there.
    """
    from textzero.files import refuse_missing_folder
    from textzero.shown.text import typed

    if output == "-" and json:
        raise click.UsageError("-o - and --json both write to standard output; choose one")
    if output is not None and output != "-":
        refuse_to_overwrite(output, force)
        refuse_missing_folder(output)
    progress = make_progress(quiet)
    with summary(quiet, progress=progress) as told:
        loaded = open_vectors(vectors, memory, progress)
        found = loaded.cluster(**settings, workers=workers, progress=progress)
        if output == "-":
            write_lines(line.decode().removesuffix("\n") for line in found.formatted())
        elif output is not None:
            found.save(output)
            told.wrote(output, words=len(found.words), clusters=len(found))
            told.next(f"textzero report {typed(output)} -o report.html")
        if json:
            _print_json(found)
        elif output != "-":
            for name, (words, flow) in enumerate(zip(found, found.flows[:top], strict=False)):
                print_line(name, len(words), f"{flow:.4f}", " ".join(words[:number]))
        _tell(told, found, settings["min_similarity"])


def _print_json(found: "Clusters") -> None:
    clusters = [
        {"flow": flow, "words": words}
        for words, flow in zip(found, found.flows.tolist(), strict=True)
    ]
    content = {
        "code_length": found.code_length,
        "one_cluster": found.one_cluster,
        "links": found.links,
        "clusters": clusters,
        "unclustered": found.unclustered,
    }
    write_lines([as_json(content)])


def _tell(told: Summary, found: "Clusters", least: float) -> None:
    from textzero.shown.text import counted

    lost = len(found.unclustered)
    told.fact(
        found=f"{counted(len(found.words) - lost, 'words')} in {counted(len(found), 'clusters')}",
        code=f"{found.code_length:.4f} bits a step, {found.one_cluster:.4f} as one cluster",
    )
    if lost:
        told.fact(
            alone=f"{lost:,} of {len(found.words):,} words, none of which has a cosine of "
            f"{least:g} or more with another word"
        )
