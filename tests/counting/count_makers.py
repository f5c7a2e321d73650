"""The obvious Python that counts words, and tables as bytes."""

from collections import Counter

from textzero.corpus import Corpus


def obvious(documents, ngrams=1):
    """The ten-line Python: (counts in order, documents that hold each)."""
    low, high = (ngrams, ngrams) if isinstance(ngrams, int) else ngrams
    counter, held = Counter(), Counter()
    for document in documents:
        tokens = document.split()
        for n in range(low, high + 1):
            grams = [" ".join(tokens[i : i + n]) for i in range(len(tokens) - n + 1)]
            counter.update(grams)
            held.update(set(grams))
    rows = sorted(counter.items(), key=lambda row: (-row[1], row[0]))
    return rows, [held[word] for word, _ in rows]


def table(counts):
    return b"".join(counts.formatted("tsv"))


def in_splits_of(size, *paths, **settings):
    """A corpus that is always split at `size` bytes."""
    corpus = Corpus(*paths, **settings)
    corpus.splits = lambda _=None: Corpus.splits(corpus, size)
    return corpus
