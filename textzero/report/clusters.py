"""What clusters show: their words and sizes, and the cluster of a word; their table, read again."""

from codecs import BOM_UTF8
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from textzero._compat import Array
from textzero.corpus.compression import decompression_errors
from textzero.errors import InputError
from textzero.report.blocks import Cell, Chart, Column, Facts, Line, Passage, Section, Span, Table
from textzero.report.tables import curve_places
from textzero.vectors.clustering import Clusters
from textzero.vectors.word2vec import open_file

_FIRST = 12  # words of a cluster that its row shows; all open below it
_TOGETHER = 5  # in the row of one of its words
_LONGEST = 1 << 16  # bytes of a line


def load_clusters(path: str | Path) -> Clusters:
    """Read what `Clusters.save` wrote: word<TAB>cluster<TAB>flow.

    The links and the code lengths are not in the file: 0 and NaN stand for them.

    Raises:
        InputError: A line is something else, a word is there twice, or there is none.
    """
    words: dict[str, None] = {}
    cluster: list[int] = []
    flow: list[float] = []
    for number, line in _lines(Path(path)):
        try:
            word, name, share = line.split("\t")
            if not word or word in words:
                raise ValueError
            cluster.append(int(name))
            flow.append(float(share))
            if not (-1 <= cluster[-1] < 1 << 31 and 0 <= flow[-1] <= 1):
                raise ValueError
        except ValueError:
            raise InputError(
                f'{path}:{number}: expected "word<TAB>cluster<TAB>flow", no word twice, as '
                f"`textzero cluster -o` writes, got {line[:60]!r}"
            ) from None
        words[word] = None
    numbers = np.array(cluster, np.int32)
    if not (numbers >= 0).any():
        raise InputError(f"{path} must hold words in clusters, got none")
    numbers = np.where(numbers < 0, -1, np.searchsorted(np.unique(numbers[numbers >= 0]), numbers))
    nan = float("nan")
    return Clusters(list(words), numbers.astype(np.int32), np.array(flow), 0, nan, nan)


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    stream, _ = open_file(path)
    number = 0
    try:
        with stream:
            while raw := stream.readline(_LONGEST):
                number += 1
                raw = raw.removeprefix(BOM_UTF8) if number == 1 else raw
                yield number, raw.decode().rstrip("\r\n")
    except UnicodeDecodeError as error:
        raise InputError(f"{path}:{number} is not UTF-8: {error.reason}") from error
    except decompression_errors() as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"{path} is cut or corrupt: {error}") from error


def cluster_sections(clusters: Clusters, *, words: int = 50_000) -> list[Section]:
    """Return the sections on clusters.

    Args:
        clusters: Found, or read from their table.
        words: How many words the table of words shows.
    """
    sizes = np.array([len(members) for members in clusters])
    alone = len(clusters.words) - int(sizes.sum())
    flows = clusters.flows
    firsts = [" ".join(members[:_FIRST]) for members in clusters]
    facts: dict[str, Cell] = {
        "clusters": len(clusters), "words in them": int(sizes.sum()), "words in none": alone,
        "words of the largest": int(sizes.max()), "words of the median": float(np.median(sizes)),
    }  # fmt: skip
    if np.isfinite(clusters.code_length):
        facts["bits a step of the walk"] = round(clusters.code_length, 4)
        facts["bits as one cluster"] = round(clusters.one_cluster, 4)
        facts["links between words"] = clusters.links
    table = Table(
        [
            Column("cluster", np.arange(len(clusters)), "number", 0),
            Column("first words", firsts),
            Column("words", sizes, "bar", 0),
            Column("flow", flows, "share", 2, about="how often a walk over similar words is in it"),
        ],
        details=[[Passage([Span(" ".join(members))])] for members in clusters],
        search="Find a cluster by its first words",
    )
    about = "Words that go together, the clusters with the largest flow first. Open a row for all."
    return [
        Section("Clusters", [Facts(facts), table], about),
        _sizes(sizes),
        _words(clusters, words),
    ]


def _sizes(sizes: Array) -> Section:
    falling = np.sort(sizes)[::-1]
    places = curve_places(falling.size)
    line = Line("clusters", places + 1, falling[places], "points")
    chart = Chart([line], "cluster, by size", "words", x_log=True, y_log=True, name="cluster-sizes")
    return Section(
        "Sizes of the clusters", [chart], "How many words each cluster has, the largest first."
    )


def _words(clusters: Clusters, most: int) -> Section:
    rows = list(clusters.rows())
    firsts = [" ".join(members[:_TOGETHER]) for members in clusters]
    shown = rows[:most]
    table = Table(
        [
            Column("word", [word for word, _, _ in shown]),
            Column("together with", ["" if n < 0 else firsts[n] for _, n, _ in shown]),
            Column("cluster", [None if n < 0 else n for _, n, _ in shown], "number", 0),
            Column(
                "flow",
                [flow for _, _, flow in shown],
                "share",
                4,
                about="how often a walk over similar words is at the word",
            ),
        ],
        search="Find a word",
    )
    about = f"The first {len(shown):,} of {len(rows):,} words, cluster by cluster."
    if len(shown) == len(rows):
        about = f"All {len(rows):,} words, cluster by cluster; those in none come last."
    return Section("The cluster of a word", [table], about)
