"""What vectors show: a map of the words, groups of them, neighbours, lengths."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from textzero._compat import Array
from textzero.errors import InputError
from textzero.progress import Progress
from textzero.report.blocks import Block, Chart, Column, Line, Map, Section, Table, Text
from textzero.report.projection import (
    FITTED,
    has_tsne,
    placed_among,
    principal_components,
    tsne,
)
from textzero.report.tables import curve_places, shown_of
from textzero.vectors.clustering import cluster_words
from textzero.vectors.neighbours import nearest_rows
from textzero.vectors.rows import blocks, unit_rows

if TYPE_CHECKING:
    from textzero.vectors.clustering import Clusters
    from textzero.vectors.word_vectors import WordVectors

_NEAREST = 10
_FREQUENT = 10_000  # words whose neighbours are looked for among all of the map
_GROUPED = 5000  # words that groups are made of; the others go with their nearest one
_LISTED = 2000  # rows of the table of neighbours
_IN_GROUP = 25  # words that are written of each group
_LENGTHS = 3000  # points of the chart of lengths


@dataclass(frozen=True)
class Groups:
    """Groups of the first words of a vocabulary.

    Attributes:
        of: int64 (n_words,). The group of each, or -1.
        names: Of each group.
        about: What the groups are.
    """

    of: Array
    names: list[str]
    about: str


def vector_sections(
    vectors: "WordVectors",
    *,
    clusters: "Clusters | None" = None,
    words: int = 50_000,
    with_tsne: bool = True,
    progress: Progress | None = None,
) -> list[Section]:
    """Return the sections on vectors.

    Args:
        vectors: At least two words, the most frequent first.
        clusters: What colours go by; None: groups are found in the first words.
        words: How many words the map holds.
        with_tsne: Whether t-SNE is drawn beside the principal components; it takes ten seconds,
            and scikit-learn.
        progress: Told how much of each stage is done.

    Raises:
        InputError: A vector is not finite.
    """
    progress = progress or Progress()
    n = min(words, len(vectors))
    unit = np.empty((n, vectors.dim), np.float32)
    for part in blocks(n, vectors.dim):
        unit[part] = unit_rows(vectors.vectors[part])
    broken = np.flatnonzero(~np.isfinite(unit).all(axis=1))
    if broken.size:
        word = vectors.vocabulary[int(broken[0])]
        raise InputError(f"the vector of {word!r} is not finite; convert or train the vectors anew")
    names = list(vectors.vocabulary[:n])
    nearest, similarities = _neighbours(unit, progress)
    groups = _given(clusters, names) if clusters is not None else _found(vectors, n, nearest)
    drawn, said = _map(vectors, unit, names, groups, (nearest, similarities), with_tsne, progress)
    sections = [Section("Map of the words", drawn, f"{shown_of(n, len(vectors), 'words')} {said}")]
    if groups.names and clusters is None:
        sections.append(_group_table(groups, names))
    sections.append(_neighbour_table(vectors, names, nearest, similarities))
    sections.append(_lengths(vectors))
    return sections


def _neighbours(unit: Array, progress: Progress) -> tuple[Array, Array]:
    """Nearest rows of each and their cosines, (n, k), -1 and -inf where there are none.

    Of the first rows among all, of the others among the first.
    """
    n, k = len(unit), min(_NEAREST, len(unit) - 1)
    nearest, cosines = np.full((n, k), -1, np.int64), np.full((n, k), -np.inf, np.float32)
    step = 2048
    with progress.stage("nearest", n, "words"):
        for start in range(0, n, step):
            part = slice(start, min(start + step, n))
            among = unit if start < _FREQUENT else unit[:_FREQUENT]
            own = np.arange(part.start, part.stop)
            found = nearest_rows(among, None, unit[part], k, np.where(own < len(among), own, -1))
            nearest[part], cosines[part] = found
            progress.advance(part.stop - part.start)
    return nearest, cosines


def _given(clusters: "Clusters", names: list[str]) -> Groups:
    """The groups of a table of clusters."""
    of = dict(zip(clusters.words, clusters.cluster.tolist(), strict=True))
    titles = [", ".join(words[:3]) for words in clusters]
    numbers = np.array([of.get(name, -1) for name in names], np.int64)
    held = int((numbers >= 0).sum())
    return Groups(
        numbers, titles,
        f"Colours go by the {len(titles):,} clusters of the table that was given, in which "
        f"{held:,} of these words are.",
    )  # fmt: skip


def _found(vectors: "WordVectors", n: int, nearest: Array) -> Groups:
    """A few dozen groups of the first words; other words go with their nearest neighbour."""
    first = min(n, _GROUPED)
    try:
        clusters = cluster_words(
            vectors, words=first, neighbours=max(5, first // 50), min_similarity=0.2, trials=1
        )
    except (InputError, ValueError):  # no two words are alike, or there is one word alone
        return Groups(np.full(n, -1, np.int64), [], "")
    of = np.full(n, -1, np.int64)
    of[:first] = clusters.cluster
    for start in range(first, n):  # a neighbour of a rarer word is always a more frequent one
        near = nearest[start]
        near = near[(near >= 0) & (near < start)]
        of[start] = of[near[0]] if near.size else -1
    titles = [", ".join(words[:3]) for words in clusters]
    about = (
        f"Colours are {len(titles):,} groups that a walk from word to similar word finds in the "
        f"{first:,} most frequent words (map equation), named by the three words it visits most"
    )
    about += "; a rarer word has the colour of its nearest neighbour." if n > first else "."
    return Groups(of, titles, about)


def _map(
    vectors: "WordVectors",
    unit: Array,
    names: list[str],
    groups: Groups,
    near: tuple[Array, Array],
    with_tsne: bool,
    progress: Progress,
) -> tuple[list[Block], str]:
    """Draw the map; also say how the words came where they are."""
    flat, shares = principal_components(unit)
    views, said, notes = {}, [], []
    if with_tsne and not has_tsne():
        notes.append(
            "t-SNE, which keeps near words near, needs scikit-learn: pip install "
            "'textzero[report]'. Until then the map shows principal components alone."
        )
    elif with_tsne and len(unit) >= 4:
        fitted = min(FITTED, len(unit))
        with progress.stage("t-SNE", fitted, "words"):
            places = tsne(unit[:fitted], flat[:fitted])
            progress.advance(fitted)
        said.append("t-SNE keeps near words near; far distances and sizes of groups mean nothing.")
        if fitted < len(unit):
            rest = nearest_rows(unit[:fitted], None, unit[fitted:], 3)
            places = np.concatenate([places, placed_among(places, *rest)])
            said.append(
                f"It places the {fitted:,} most frequent words; each of the others stands among "
                "the three of them that are nearest to it."
            )
        views["t-SNE"] = places
    views["PCA"] = flat
    said.append(
        f"PCA shows the two directions in which the words, at length 1, vary most: "
        f"{shares[0]:.1%} and {shares[1]:.1%} of the variance."
    )
    if len(unit) > _FREQUENT:
        said.append(
            f"Neighbours are the nearest by cosine: of the {_FREQUENT:,} most frequent words "
            f"among all on the map, of rarer ones among these {_FREQUENT:,}."
        )
    counts = vectors.vocabulary.counts[: len(unit)]
    drawn = Map(
        names, views, counts if counts.any() else None,
        groups.of if groups.names else None, groups.names,
        near[0], np.where(near[0] >= 0, near[1], 0.0).astype(np.float32), "map",
    )  # fmt: skip
    about = " ".join([groups.about, *said]).strip()
    return [*([Text(notes, "warning")] if notes else []), drawn], about


def _group_table(groups: Groups, names: list[str]) -> Section:
    """A row a group: how many words, and the most frequent of them."""
    order = np.argsort(groups.of, kind="stable")
    starts = np.searchsorted(groups.of[order], np.arange(len(groups.names) + 1))
    members = [order[a:b] for a, b in zip(starts[:-1], starts[1:], strict=True)]
    table = Table(
        [
            Column("group", groups.names),
            Column("words", [part.size for part in members], "bar", 0),
            Column("its most frequent words",
                   [" ".join(names[i] for i in part[:_IN_GROUP].tolist()) for part in members]),
        ],
        search="Find a group",
    )  # fmt: skip
    about = (
        f"The groups that colour the map, with at most {_IN_GROUP} of their words. "
        "`textzero cluster` finds finer ones."
    )
    return Section("Groups", [table], about)


def _neighbour_table(
    vectors: "WordVectors", names: list[str], nearest: Array, cosines: Array
) -> Section:
    shown = min(_LISTED, len(names))
    rows, best = [], []
    for near, cosine in zip(nearest[:shown].tolist(), cosines[:shown].tolist(), strict=True):
        pairs = [(names[i], c) for i, c in zip(near, cosine, strict=True) if i >= 0]
        rows.append(", ".join(f"{word} {c:.2f}" for word, c in pairs))
        best.append(pairs[0][1] if pairs else None)
    columns = [Column("rank", np.arange(1, shown + 1), "number", 0), Column("word", names[:shown])]
    counts = vectors.vocabulary.counts[:shown]
    if counts.any():
        columns.append(Column("count", counts, "number", 0))
    columns += [
        Column("highest cosine", best, "number", 2),
        Column("nearest words, with their cosines", rows),
    ]
    about = shown_of(shown, len(vectors), "words")
    about += " The map shows the neighbours of the others." if shown < len(names) else ""
    return Section("Neighbours", [Table(columns, search="Find a word")], about)


def _lengths(vectors: "WordVectors") -> Section:
    counts = vectors.vocabulary.counts
    places = curve_places(len(vectors), _LENGTHS)
    norms = np.asarray(vectors.norms)[places]
    labels = [vectors.vocabulary[i] for i in places.tolist()]
    has_counts = bool(counts.any())
    x = counts[places] if has_counts else places + 1
    chart = Chart(
        [Line("words", x, norms, "points", labels)],
        "count" if has_counts else "rank", "length of the vector", x_log=True, name="norms",
    )  # fmt: skip
    about = (
        "Vectors are short for words that go with everything, and long for those that keep their "
        f"company. Drawn are {places.size:,} of {len(vectors):,} words, at equal steps of log rank."
    )
    return Section("Length and frequency", [chart], about)
