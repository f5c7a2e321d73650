"""What co-occurrences show: facts, the pairs that stand out, how many words a word meets."""

import numpy as np

from textzero._compat import Array
from textzero.cooccurrence import Cooccurrence
from textzero.files import size_text
from textzero.progress import Progress
from textzero.report.blocks import Cell, Chart, Column, Facts, Line, Section, Table
from textzero.report.tables import curve_places, settings_facts
from textzero.vectors.settings import TrainingSettings
from textzero.vectors.targets import biases

_FREQUENT = 10_000  # words whose pairs are looked at
_LEAST = 20  # times that two words must have met
_PAIRS = 1000
_SETTINGS = {
    "tokenizer": "tokenizer", "window": "window", "weighting": "weighting",
    "keep_gaps": "rare words keep their place", "subsample": "sub-sampling",
}  # fmt: skip


def cooccurrence_sections(
    matrix: Cooccurrence, *, progress: Progress | None = None
) -> list[Section]:
    """Return the sections on co-occurrences.

    Args:
        matrix: The counts.
        progress: Told how many rows were read.

    Raises:
        InputError: The counts are damaged.
    """
    sections = [_pairs(matrix, progress or Progress())] if matrix.records else []
    return [*sections, _degrees(matrix), Section("How pairs were counted", [Facts(_facts(matrix))])]


def _facts(matrix: Cooccurrence) -> dict[str, Cell]:
    n = len(matrix.vocabulary)
    facts: dict[str, Cell] = {
        "words": n,
        "pairs, both directions": matrix.records,
        "share of all pairs that met": f"{matrix.records / max(n * (n - 1), 1):.3%}",
        "words that a word meets, mean": round(matrix.records / max(n, 1), 1),
        "stored": size_text(int(matrix.lengths[:, 0].sum())),
    }
    return facts | settings_facts(matrix.settings, _SETTINGS)


def strongest_pairs(
    matrix: Cooccurrence,
    n: int,
    least: float,
    first: int,
    progress: Progress | None = None,
) -> tuple[Array, Array, Array, Array]:
    """Return the pairs with the highest mutual information among the first words.

    PMI is ln x_ij - ln X - ln P(i) - ln P(j), with P the words' shares of the tokens: what vectors
    are fitted to.

    Args:
        matrix: The counts.
        n: How many pairs.
        least: Pairs with a smaller x are passed over.
        first: So many words, the most frequent ones.
        progress: Told how many rows were read.

    Returns:
        i, j: int64, i < j. Best first, ties by i and j.
        x: float64. How often they met.
        pmi: float64, in nats.
    """
    progress = progress or Progress()
    own, other = biases(matrix, TrainingSettings(marginals="words", smoothing=1.0, shift=1.0))
    first = min(first, len(matrix.vocabulary))
    best = np.zeros((4, 0))
    waiting: list[Array] = []
    held = 0
    with progress.stage("pairs", first, "words"):
        for i in range(first):
            columns, x = matrix.row(i)
            kept = (columns > i) & (columns < first) & (x >= least)
            if kept.any():
                columns, x = columns[kept].astype(np.int64), x[kept]
                pmi = np.log(x) + own[i] + other[columns]
                waiting.append(np.stack([np.full(x.size, i, float), columns, x, pmi]))
                held += x.size
            if held > 1 << 16 or i == first - 1:
                best = np.concatenate([best, *waiting], axis=1)
                best = best[:, np.lexsort((best[1], best[0], -best[3]))[:n]]
                waiting, held = [], 0
            progress.advance(1)
    return best[0].astype(np.int64), best[1].astype(np.int64), best[2], best[3]


def _pairs(matrix: Cooccurrence, progress: Progress) -> Section:
    i, j, x, pmi = strongest_pairs(matrix, _PAIRS, _LEAST, _FREQUENT, progress)
    words = list(matrix.vocabulary[:_FREQUENT])
    table = Table(
        [
            Column("word", [words[k] for k in i.tolist()]),
            Column("with", [words[k] for k in j.tolist()]),
            Column("met", x, "number", 0 if matrix.unit == 1 else 1, "weighted by the window"),
            Column("PMI", pmi, "number", 2, "pointwise mutual information, in nats"),
            Column("× chance", np.exp(pmi), "bar", 0, "times as often as if independent"),
        ],
        search="Find a word",
    )
    about = (
        f"The {i.size:,} pairs that stand near each other most above chance, of those among the "
        f"{len(words):,} most frequent words that met {_LEAST} times or more. 0 is chance."
    )
    return Section("Words that go together", [table], about)


def _degrees(matrix: Cooccurrence) -> Section:
    degrees = matrix.lengths[:, 1]
    places = curve_places(degrees.size, 1000)
    labels = [matrix.vocabulary[i] for i in places.tolist()]
    line = Line("words", places + 1, degrees[places], "points", labels)
    chart = Chart([line], "rank", "different words met", x_log=True, y_log=True, name="degrees")
    about = f"Drawn are {places.size:,} of {degrees.size:,} words, at equal steps of log rank."
    if not degrees[places].all():
        about += " Words that met no other are not on the logarithmic axis."
    return Section("How many words a word meets", [chart], about)
