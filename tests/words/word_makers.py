"""Tables of words as strategies, as rows, and as what is found in them."""

from collections import Counter

import numpy as np
from hypothesis import strategies as st

from textzero._words.runs import Rows
from textzero.packed import PackedStrings

WORD = st.one_of(
    st.text("ab", min_size=1, max_size=3),
    st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=12),
    st.builds("{}{}".format, st.sampled_from(["a" * 7, "a" * 15, "b" * 40]), st.text("ab")),
)
COUNT = st.one_of(st.integers(1, 3), st.sampled_from([65534, 65535, 1 << 31, 1 << 32, 1 << 53]))
TABLE = st.dictionaries(WORD, st.tuples(COUNT, st.integers(0, 9)), max_size=20)


def rows_of(table, *, in_order=True):
    words = sorted(table, key=str.encode) if in_order else list(table)
    packed = PackedStrings.from_strings(words)
    counts, held = np.array([table[w] for w in words], np.int64).reshape(-1, 2).T.copy()
    return Rows(packed.text, packed.offsets, counts, held)


def contents(parts):
    """Word, count, documents of rows in their order."""
    found = []
    for rows in parts:
        words = list(PackedStrings(rows.text, rows.offsets))
        found += zip(words, rows.counts.tolist(), rows.documents.tolist(), strict=True)
    return found


def summed(tables):
    counts, held = Counter(), Counter()
    for table in tables:
        for word, (count, documents) in table.items():
            counts[word] += count
            held[word] += documents
    return {word: (counts[word], held[word]) for word in counts}


def table_of(counts):
    return b"".join(counts.formatted("tsv"))
