"""count_cooccurrences on the card gives the same bytes as on the processor."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from textzero import Vocabulary, count_cooccurrences
from textzero.corpus import Corpus
from textzero.counting import count_words
from textzero.workspace import Workspace


def texts(n):
    random = np.random.default_rng(n)
    # words by falling frequency, as in a language
    words = [f"w{i}" for i in range(60)]
    draws = (random.zipf(1.3, random.integers(1, 60)) % 60 for _ in range(n))
    return [" ".join(words[i] for i in draw) for draw in draws]


def same(a, b):
    for name in ("lengths", "diagonal"):
        assert_array_equal(getattr(a, name), getattr(b, name))
    assert_array_equal(np.asarray(a.data), np.asarray(b.data))
    assert (a.unit, a.settings) == (b.unit, b.settings)


@pytest.mark.usefixtures("cupy")
@pytest.mark.parametrize(
    "options",
    [
        {"weighting": "harmonic", "window": 5},
        {"weighting": "flat", "window": 3, "keep_gaps": True},
        {"tokenizer": str.split, "window": 2},
    ],
    ids=["harmonic", "gaps", "Python tokenizer"],
)
def test_the_bytes_are_those_of_the_processor(options):
    corpus = texts(30)
    vocabulary = Vocabulary.from_counts(count_words(corpus), min_count=3)
    expected = count_cooccurrences(corpus, vocabulary, workers=1, **options)
    same(count_cooccurrences(corpus, vocabulary, workers=2, device="gpu", **options), expected)
    assert expected.records > 100


@pytest.mark.usefixtures("cupy")
def test_sums_that_the_card_does_not_hold_go_to_disk(tmp_path, monkeypatch):
    from textzero.kernels.gpu import _pairs

    corpus = texts(150)
    vocabulary = Vocabulary.from_counts(count_words(corpus), min_count=2)
    expected = count_cooccurrences(corpus, vocabulary, window=8, workers=1)
    made = []

    class Small(_pairs.Pairs):
        def __init__(self, n_words, weights):
            super().__init__(n_words, weights, memory=0)

        def take(self):
            made.append(self.records)
            return super().take()

    monkeypatch.setattr(_pairs, "Pairs", Small)
    got = count_cooccurrences(
        corpus, vocabulary, window=8, workers=1, device="gpu", folder=tmp_path / "matrix"
    )
    same(got, expected)
    assert len(made) > 1


@pytest.mark.usefixtures("cupy")
def test_nothing_to_count():
    vocabulary = Vocabulary.from_counts(count_words(["a b"]), min_count=1)
    assert count_cooccurrences(["c d", ""], vocabulary, device="gpu").records == 0


def test_an_unknown_device_is_refused():
    vocabulary = Vocabulary.from_counts(count_words(["a b"]), min_count=1)
    with pytest.raises(ValueError, match="device must be"):
        count_cooccurrences(["a b"], vocabulary, device="tpu")


@pytest.mark.usefixtures("cupy")
def test_counting_on_the_card_goes_on_where_it_broke_off(tmp_path, monkeypatch):
    for k in range(6):
        (tmp_path / f"{k}.txt").write_text("\n".join(texts(20 + k)))
    corpus = Corpus(*(tmp_path / f"{k}.txt" for k in range(6)))
    vocabulary = Vocabulary.from_counts(count_words(corpus), min_count=2)
    whole = count_cooccurrences(corpus, vocabulary, window=4)
    monkeypatch.setattr("textzero.workspace.COMMIT_SECONDS", 0.0)
    monkeypatch.setattr("textzero._cooccurrence.journal._SHARE", 0.0)
    monkeypatch.setattr("textzero._cooccurrence.counting._MOST_TOKENS", 100)
    read, said, pieces = [], [], Corpus.pieces

    def reading(self, split, account):
        read.append(split)
        if len(read) == 5:
            raise KeyboardInterrupt
        return pieces(self, split, account)

    monkeypatch.setattr(Corpus, "pieces", reading)

    def count():
        with Workspace.beside(tmp_path / "out", say=said.append) as workspace:
            return count_cooccurrences(
                corpus, vocabulary, window=4, workers=1, device="gpu", workspace=workspace
            )

    with pytest.raises(KeyboardInterrupt):
        count()
    same(count(), whole)
    assert said == ["cooccur: 4 of 6 parts were done before"] and len(read) == 7
