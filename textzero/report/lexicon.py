"""What a lexicon shows: its words with every score, in context, their lengths, what was dropped."""

from collections.abc import Sequence

import numpy as np

from textzero._compat import Array
from textzero.corpus import Corpus
from textzero.lexicon import Lexicon
from textzero.progress import Progress
from textzero.report.blocks import Block, Cell, Column, Facts, Passage, Section, Table
from textzero.report.examples import Examples, find_examples
from textzero.report.tables import (
    coverage_chart,
    length_chart,
    lengths_of,
    settings_facts,
    shown_of,
)

_ABOUT = {
    "count": "how often it is a word in the text as it was cut",
    "log_probability": "natural logarithm; what segmenting goes by",
    "occurrences": "how often the string occurs, as a word or not",
    "pmi": "the least mutual information, in nats, over all ways to cut it in two",
    "left_entropy": "of what stands before it, in nats: high where a word may begin",
    "right_entropy": "of what stands behind it, in nats: high where a word may end",
    "bits": "what the word saves in the whole text, its own spelling paid for",
    "domain": "from 0 to 1: does it belong more here or in the other texts",
}
_SHORT = {"log_probability": "ln p", "pmi": "PMI"}
_WHOLE = ("occurrences", "bits")  # shown without a fraction
_SETTINGS = {
    "method": "method", "unit": "unit", "units": "units of text (characters or words)",
    "min_count": "least count", "max_length": "longest word", "min_pmi": "least PMI",
    "lowercase": "lower case", "nfkc": "Unicode NFKC", "seed": "seed",
}  # fmt: skip
_EXAMPLES = 1000  # words that get examples


def lexicon_sections(
    lexicon: Lexicon,
    *,
    texts: Corpus | None = None,
    words: int = 50_000,
    progress: Progress | None = None,
) -> list[Section]:
    """Return the sections on a lexicon.

    Args:
        lexicon: Words with scores, in the order of the file.
        texts: Where examples are looked for.
        words: How many words the table shows.
        progress: Told how much of `texts` was read.
    """
    shown = min(words, len(lexicon))
    names = list(lexicon.words[:shown])
    examples = None
    if texts is not None:
        examples = find_examples(lexicon, texts, names[:_EXAMPLES], progress=progress)
    sections = [
        _words(lexicon, names, examples),
        _lengths(lexicon),
        Section("How the lexicon was made", [Facts(_facts(lexicon))]),
    ]
    if lexicon.dropped is not None and len(lexicon.dropped):
        sections.insert(2, _dropped(lexicon.dropped, words))
    return sections


def _facts(lexicon: Lexicon) -> dict[str, Cell]:
    facts: dict[str, Cell] = {"words": len(lexicon), "tokens": int(lexicon.counts.sum())}
    if lexicon.dropped is not None:
        facts["considered and dropped"] = len(lexicon.dropped)
    return facts | settings_facts(lexicon.settings, _SETTINGS)


def _columns(lexicon: Lexicon, shown: int) -> list[Column]:
    """The columns of numbers of the first rows."""
    columns = [Column("count", lexicon.counts[:shown], "number", 0, _ABOUT["count"])]
    logs = {"log_probability": lexicon.log_probabilities}
    for name, values in {**lexicon.scores, **logs}.items():
        part: Array = values[:shown]
        if np.isfinite(part).any():
            digits = 0 if name in _WHOLE else 2
            shown_name = _SHORT.get(name, name.replace("_", " "))
            columns.append(Column(shown_name, part, "number", digits, _ABOUT.get(name, "")))
    return columns


def _words(lexicon: Lexicon, names: list[str], examples: Examples | None) -> Section:
    shown = len(names)
    columns = [
        Column("word", names),
        *_columns(lexicon, shown),
    ]
    details: Sequence[Sequence[Passage]] = ()
    about = shown_of(shown, len(lexicon), "words", "first")
    about += _order_said(lexicon)
    if examples is not None:
        details = [examples.found.get(name, []) for name in names]
        about += f" Open a row to see the word in context. {examples.said()}"
    else:
        about += " Give the texts (--texts) to see the words in context."
    return Section(
        "Words of the lexicon", [Table(columns, None, details, search="Find a word")], about
    )


def _order_said(lexicon: Lexicon) -> str:
    """Say which words come first, if that is by bits or by counts."""
    bits = np.nan_to_num(lexicon.scores.get("bits", np.zeros(1)), nan=-np.inf)
    if bits[0] > 0 and (bits[1:] <= bits[:-1]).all():
        return " Those that save most bits come first."
    falls = (lexicon.counts[1:] <= lexicon.counts[:-1]).all()
    return " The most frequent come first." if falls else ""


def _lengths(lexicon: Lexicon) -> Section:
    lengths = lengths_of(lexicon.words)
    falling = np.sort(lexicon.counts)[::-1]
    total = int(falling.sum())
    blocks: list[Block] = [
        length_chart(lengths, lexicon.counts, "lexicon-lengths"),
        coverage_chart(falling, total, "lexicon-coverage"),
    ]
    share = float(lexicon.counts[lengths == 1].sum()) / max(total, 1)
    about = (
        f"{int((lengths > 1).sum()):,} words have more than one character; the others make "
        f"{share:.1%} of the {total:,} tokens of the text as it was cut."
    )
    return Section("Lengths and coverage of the lexicon", blocks, about)


def _dropped(dropped: Lexicon, most: int) -> Section:
    shown = min(most, len(dropped))
    order = np.lexsort((np.arange(len(dropped)), -_seen(dropped)))[:shown].tolist()
    columns = [
        Column("word", [dropped.words[i] for i in order]),
        Column("why it is no word", [dropped.reasons[i] for i in order]),
        Column("count", dropped.counts[order], "number", 0, _ABOUT["count"]),
    ]
    seen = dropped.scores.get("occurrences", np.full(len(dropped), np.nan))[order]
    if np.isfinite(seen).any():
        columns.append(Column("occurrences", seen, "number", 0, _ABOUT["occurrences"]))
    about = "What was considered, and is no word. "
    about += shown_of(shown, len(dropped), "dropped candidates")
    return Section("Dropped candidates", [Table(columns, search="Find a candidate")], about)


def _seen(dropped: Lexicon) -> Array:
    """How often each candidate occurs, as far as is known."""
    counts = dropped.counts.astype(np.float64)
    return np.fmax(counts, dropped.scores.get("occurrences", counts))
