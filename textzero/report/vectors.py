"""What vectors show: a map of the words, groups of them, neighbours, lengths."""

import unicodedata
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from textzero._compat import Array
from textzero.errors import InputError
from textzero.packed import PackedStrings
from textzero.parallel import ordered_threads, worker_count
from textzero.progress import Progress
from textzero.report.blocks import Block, Chart, Column, Line, Map, Section, Table, Text
from textzero.report.projection import (
    FITTED,
    has_tsne,
    placed_among,
    principal_components,
    tsne,
)
from textzero.report.scripts import SIGNS, scripts_of
from textzero.report.tables import curve_places, shown_of
from textzero.vectors.clustering import cluster_words
from textzero.vectors.neighbours import nearest_rows
from textzero.vectors.rows import blocks, unit_rows

if TYPE_CHECKING:
    from textzero.vectors.clustering import Clusters
    from textzero.vectors.word_vectors import WordVectors

_NEAREST = 10
_AMONG = 8  # placed words among which a rarer one finds its place
_FREQUENT = 10_000  # words whose neighbours are looked for among all of the map
_AT_ONCE = 1000  # words that a thread looks for, a divisor of _FREQUENT
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
    blank = ~unit.any(axis=1)  # of length 0: alike to nothing
    nearest[blank], similarities[blank] = -1, -np.inf
    groups = (
        _given(clusters, names) if clusters is not None else _found(vectors, n, nearest, progress)
    )
    drawn = _map(vectors, unit, names, groups, (nearest, similarities), with_tsne, progress)
    about = f"{shown_of(n, len(vectors), 'words')} Words that are used alike lie near each other"
    about += ", and have the colour of their group." if groups.names else "."
    sections = [Section("Map of the words", drawn, about)]
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

    def search(part: slice) -> tuple[slice, tuple[Array, Array]]:
        among = unit if part.start < _FREQUENT else unit[:_FREQUENT]
        own = np.arange(part.start, part.stop)
        out = np.where(own < len(among), own, -1)
        return part, nearest_rows(among, None, unit[part], k, out)

    parts = (slice(start, min(start + _AT_ONCE, n)) for start in range(0, n, _AT_ONCE))
    with progress.stage("nearest", n, "words"):
        for part, found in ordered_threads(search, parts, worker_count(None)):
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
        f"Colours go by a table of {len(titles):,} clusters, in which {held:,} of these words are.",
    )  # fmt: skip


def _found(vectors: "WordVectors", n: int, nearest: Array, progress: Progress) -> Groups:
    """A few dozen groups of the first words; other words go with their nearest neighbour."""
    first = min(n, _GROUPED)
    try:
        clusters = cluster_words(
            vectors, words=first, neighbours=max(5, first // 50), min_similarity=0.2, trials=1,
            progress=progress,
        )  # fmt: skip
    except InputError:  # no two words are alike
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
) -> list[Block]:
    """Draw the map, and say below it how the words came where they are."""
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
        how = "t-SNE keeps near words near; distances from far, and sizes of groups, mean nothing."
        if fitted < len(unit):
            rest = nearest_rows(unit[:fitted], None, unit[fitted:], _AMONG)
            places = np.concatenate([places, placed_among(places, *rest)])
            how += (
                f" It placed the {fitted:,} most frequent words; each of the others stands among "
                f"three of the {_AMONG} of them that are nearest to it."
            )
        said.append(how)
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
    told = Text([*([groups.about] if groups.about else []), *said])
    return [*([Text(notes, "warning")] if notes else []), drawn, told]


def _group_table(groups: Groups, names: list[str]) -> Section:
    """A row a group: how many words, and the most frequent of them."""
    order = np.argsort(groups.of, kind="stable")
    starts = np.searchsorted(groups.of[order], np.arange(len(groups.names) + 1))
    members = [order[a:b] for a, b in pairwise(starts.tolist())]
    signs = _signs(names)
    table = Table(
        [
            Column("group", groups.names),
            Column("words", [part.size for part in members], "bar", 0),
            Column("its most frequent words",
                   [_first_words(names, part, signs) for part in members]),
        ],
        search="Find a group",
    )  # fmt: skip
    about = (
        f"The groups that colour the map, with at most {_IN_GROUP} of their words. The command "
        "textzero cluster finds finer ones."
    )
    return Section("Groups", [table], about)


def _signs(names: list[str]) -> Array:
    """Return which words begin with a sign, such as a comma, bool (n,)."""
    scripts, numbers = scripts_of(PackedStrings.from_strings(names))
    return numbers == scripts.index(SIGNS) if SIGNS in scripts else np.zeros(len(names), bool)


def _first_words(names: list[str], part: Array, signs: Array) -> str:
    """The first words of a group, signs only when there is nothing else."""
    letters = part[~signs[part]]
    return " ".join(names[i] for i in (letters if letters.size else part)[:_IN_GROUP].tolist())


def _neighbour_table(
    vectors: "WordVectors", names: list[str], nearest: Array, cosines: Array
) -> Section:
    listed = np.flatnonzero(~_signs(names))[:_LISTED]
    rows, best = [], []
    for near, cosine in zip(nearest[listed].tolist(), cosines[listed].tolist(), strict=True):
        pairs = [(names[i], c) for i, c in zip(near, cosine, strict=True) if i >= 0]
        rows.append(", ".join(f"{word}{_end(word)} {c:.2f}" for word, c in pairs))
        best.append(pairs[0][1] if pairs else None)
    columns = [
        Column("word", [names[i] for i in listed.tolist()]),
        Column("nearest words", rows, about="with their cosines"),
        Column("highest cosine", best, "number", 2),
    ]
    counts = vectors.vocabulary.counts[: len(names)]
    columns.append(
        Column("count", counts[listed], "number", 0) if counts.any()
        else Column("rank", listed + 1, "number", 0)
    )  # fmt: skip
    about = (
        f"The {listed.size:,} most frequent of {len(vectors):,} words, punctuation left out, each "
        "with the words that are used most like it."
    )
    about += " The map has the neighbours of the others." if listed.size < len(names) else ""
    return Section("Neighbours", [Table(columns, search="Find a word")], about)


def _end(word: str) -> str:
    """A mark behind a word that is written leftwards, or it would swallow the number behind it."""
    return "\N{LEFT-TO-RIGHT MARK}" * any(unicodedata.bidirectional(c) in {"R", "AL"} for c in word)


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
        "In vectors that textzero trained those of rare words are short, since few pairs speak for "
        "them, and so are those of words that go with everything. Drawn are "
        f"{places.size:,} of {len(vectors):,} words, at equal steps of log rank."
    )
    return Section("Length and frequency", [chart], about)
