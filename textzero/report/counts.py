"""What a table of counts shows: Zipf's curve, coverage, lengths, scripts, the words."""

import numpy as np

from textzero._compat import Array
from textzero._frames import short
from textzero.counts import Counts
from textzero.report.blocks import Block, Chart, Column, Facts, Line, Section, Table, Text
from textzero.report.figures import number_text
from textzero.report.scripts import SIGNS, script_of, scripts_of
from textzero.report.tables import (
    coverage_chart,
    curve_places,
    length_chart,
    lengths_of,
    shown_of,
    top_bars,
)

_THRESHOLDS = (1, 2, 3, 5, 10, 20, 50, 100, 1000)
_LOOKED_AT = 10_000  # words that tell whether a table is of n-grams
_FIT = (10, 10_000)  # ranks of the fitted line


def count_sections(counts: Counts, *, words: int = 50_000) -> list[Section]:
    """Return the sections on a table of counts.

    Args:
        counts: At least one word.
        words: How many words the table of words shows.
    """
    numbers = np.asarray(counts.counts)
    total = counts.tokens
    return [
        Section("Words and how often", _overview(counts, numbers, total), _about(counts, total)),
        _zipf(counts, numbers),
        _coverage(numbers, total),
        _forms(counts, numbers),
        _words(counts, numbers, total, words),
    ]


def _about(counts: Counts, total: int) -> str:
    top, number = next(
        ((word, n) for word, n in counts.most_common(100) if script_of(word[0]) != SIGNS),
        counts.most_common(1)[0],
    )
    return (
        f"{total:,} tokens are {len(counts):,} different words. The most frequent, punctuation "
        f"aside, is “{short(top)}”: {number / max(total, 1):.1%} of the tokens."
    )


def _overview(counts: Counts, numbers: Array, total: int) -> list[Block]:
    once, least = int((numbers == 1).sum()), int(numbers[-1])
    facts: dict[str, str | int | float | None] = {
        "tokens": total,
        "different words": len(counts),
        "tokens a word": round(total / max(len(counts), 1), 2),
        "seen once (hapax legomena)": f"{once:,} ({once / len(counts):.1%} of the words)",
        "words that make half of the text": _first_at(numbers, total, 0.5),
        "words that make 90% of the text": _first_at(numbers, total, 0.9),
    }
    if counts.documents.size:
        facts["documents that hold the most widespread word"] = int(counts.documents.max())
    blocks: list[Block] = [Facts(facts)]
    if any(" " in word for word in counts.words[:_LOOKED_AT]):
        said = "The table holds n-grams: “words” and “tokens” are n-grams here, of all lengths."
        blocks.append(Text([said], "warning"))
    if least > 1:
        blocks.append(
            Text(
                [
                    f"The rarest word of the table has a count of {least:,}: if rarer words were "
                    "left out when it was made, every share here is of the words that are left."
                ],
                "warning",
            )
        )
    return blocks


def _first_at(numbers: Array, total: int, share: float) -> int | None:
    """How many of the most frequent words make a share of the tokens; None when all do not."""
    place = int(np.searchsorted(np.cumsum(numbers, dtype=np.float64), share * total)) + 1
    return place if place <= numbers.size else None


def zipf_fit(counts: Array) -> tuple[float, float, tuple[int, int]] | None:
    """Fit ln count = a - s ln rank to ranks 10 to 10,000, at equal steps of ln rank.

    Args:
        counts: int64 (n,), falling.

    Returns:
        (s, a, (first, last rank)), or None for fewer than 50 words.
    """
    first, last = _FIT[0], min(_FIT[1], len(counts))
    if last < 5 * first:
        return None
    ranks = np.unique(np.rint(np.geomspace(first, last, 200)).astype(np.int64))
    x, y = np.log(ranks), np.log(np.maximum(counts[ranks - 1], 1).astype(np.float64))
    slope = float(((x - x.mean()) * (y - y.mean())).sum() / ((x - x.mean()) ** 2).sum())
    return -slope, float(y.mean() - slope * x.mean()), (first, last)


def _zipf(counts: Counts, numbers: Array) -> Section:
    places = curve_places(numbers.size)
    labels = [counts.words[i] for i in places.tolist()]
    lines = [Line("words", places + 1, numbers[places], "points", labels)]
    about = "Each point is a word: its rank by frequency, and how often it was seen."
    fit = zipf_fit(numbers)
    if fit is not None:
        exponent, height, (first, last) = fit
        ranks = np.array([first, last])
        line = np.exp(height - exponent * np.log(ranks))
        lines.append(Line(f"slope {number_text(-exponent, 2)}", ranks, line, "dashed"))
        about += (
            f" The straight line through ranks {first:,} to {last:,} falls with a slope of "
            f"{number_text(-exponent, 2)} (least squares; Zipf's law says {number_text(-1)}). It "
            "describes this stretch; it is no test of the law."
        )
    if places.size < numbers.size:
        about += (
            f" Drawn are {places.size:,} of {numbers.size:,} words, at equal steps of log rank."
        )
    chart = Chart(lines, "rank", "count", x_log=True, y_log=True, name="zipf")
    return Section("Zipf's curve", [chart], about)


def _coverage(numbers: Array, total: int) -> Section:
    kept = [int(np.searchsorted(-numbers, -t, side="right")) for t in _THRESHOLDS]
    sums = np.concatenate([[0.0], np.cumsum(numbers, dtype=np.float64)])
    tokens = [int(sums[k]) for k in kept]
    table = Table(
        [
            Column("min-count", _THRESHOLDS, "number", 0, "words seen less often are left out"),
            Column("words kept", kept, "number", 0),
            Column("of the words", [k / numbers.size for k in kept], "share"),
            Column("tokens kept", tokens, "number", 0),
            Column("of the tokens", [t / max(total, 1) for t in tokens], "share"),
        ]
    )
    about = (
        "How much of the text the most frequent words cover, and what a least count "
        "(--min-count) would keep."
    )
    return Section("Coverage", [coverage_chart(numbers, total, "coverage"), table], about)


def _forms(counts: Counts, numbers: Array) -> Section:
    lengths = lengths_of(counts.words)
    blocks: list[Block] = [length_chart(lengths, numbers, "lengths")]
    names, scripts = scripts_of(counts.words)
    tokens = np.bincount(scripts, weights=numbers.astype(np.float64), minlength=len(names))
    bars, number = top_bars(names, tokens, "tokens", "scripts")
    blocks.append(bars)
    orders = _orders(counts, numbers)
    if orders is not None:
        blocks.append(orders)
    mean = float((lengths * (numbers / max(numbers.sum(), 1))).sum())
    about = (
        f"A token has {mean:.2f} characters on average, a different word {lengths.mean():.2f}. The "
        "bars are tokens by the script of their first character"
    )
    about += f" (the {len(bars.labels)} largest of {number})." if number > 20 else "."
    return Section("Lengths and scripts", blocks, about)


def _orders(counts: Counts, numbers: Array) -> Table | None:
    """A row for each n of a table of n-grams; None when all are single words."""
    sizes = np.fromiter((word.count(" ") + 1 for word in counts.words), np.int64, len(counts))
    if sizes.max() == 1:
        return None
    found = np.unique(sizes).tolist()
    return Table(
        [
            Column("words of the n-gram", found, "number", 0),
            Column("different n-grams", [int((sizes == n).sum()) for n in found], "number", 0),
            Column("seen", [int(numbers[sizes == n].sum()) for n in found], "number", 0),
        ]
    )


def _words(counts: Counts, numbers: Array, total: int, most: int) -> Section:
    shown = min(most, numbers.size)
    part = numbers[:shown]
    columns = [
        Column("word", list(counts.words[:shown])),
        Column("rank", np.arange(1, shown + 1), "number", 0),
        Column("count", part, "bar", 0),
        Column("per million", part * (1e6 / max(total, 1)), "number", 1, "of the tokens"),
        Column("covered", np.cumsum(part, dtype=np.float64) / max(total, 1), "share",
               about="tokens that this word and all more frequent ones make"),
    ]  # fmt: skip
    if counts.documents.size:
        held = np.asarray(counts.documents[:shown])
        columns.append(Column("documents", held, "number", 0, "that hold the word"))
        spread = part / np.maximum(held, 1)
        columns.append(Column("a document", spread, "number", 2, "count by documents with it"))
    table = Table(columns, search="Find a word")
    return Section("Words by frequency", [table], shown_of(shown, numbers.size, "words"))
