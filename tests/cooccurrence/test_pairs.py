"""Which pairs are counted, and that nothing else decides it."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pair_makers import WORDS, bytes_of, expected, found, only_space, run_here, vocabulary

from textzero._cooccurrence import counting, merging, segments
from textzero.cooccurrence import count_cooccurrences, distance_weights
from textzero.corpus import Corpus
from textzero.errors import InputError
from textzero.vocabulary import Vocabulary


def split_at_dots(text):
    """A tokenizer that is no kernel; worker processes import it from this module."""
    return text.split(".")


def test_a_pair_is_counted_in_both_directions():
    matrix = count_cooccurrences(["a b a", "c a"], vocabulary())
    assert found(matrix) == {
        ("a", "b"): 2, ("b", "a"): 2, ("a", "a"): 2, ("a", "c"): 1, ("c", "a"): 1,
    }  # fmt: skip
    assert matrix.records == 4


def test_harmonic_weights_are_exact_fractions():
    weights, unit = distance_weights(4, "harmonic")
    assert weights.tolist() == [12, 6, 4, 3] and unit == 1 / 12
    matrix = count_cooccurrences(["a b c d"], vocabulary(), window=3, weighting="harmonic")
    assert found(matrix)["a", "d"] == Fraction(1, 3)


def test_a_wide_harmonic_window_is_exact_to_nine_digits():
    weights, unit = distance_weights(40, "harmonic")
    np.testing.assert_allclose(weights * unit, 1 / np.arange(1, 41), rtol=40 * 2**-30)


def test_words_outside_are_skipped_before_the_window_or_keep_their_place():
    texts = ["a x x b"]
    assert found(count_cooccurrences(texts, vocabulary(), window=1)) == {
        ("a", "b"): 1, ("b", "a"): 1,
    }  # fmt: skip
    assert found(count_cooccurrences(texts, vocabulary(), window=2, keep_gaps=True)) == {}
    assert found(count_cooccurrences(texts, vocabulary(), window=3, keep_gaps=True)) != {}


def test_a_window_never_crosses_documents():
    assert found(count_cooccurrences(["a", "b", "c d"], vocabulary())) == {
        ("c", "d"): 1, ("d", "c"): 1,
    }  # fmt: skip


@pytest.mark.parametrize("keep_gaps", [False, True])
@pytest.mark.parametrize("weighting", ["flat", "harmonic"])
def test_counts_equal_ten_lines_of_python(documents, corpus, weighting, keep_gaps):
    words = ["a", "b", "c", "\u5317"]
    matrix = count_cooccurrences(
        corpus, vocabulary(*words), window=4, weighting=weighting, keep_gaps=keep_gaps, workers=2
    )
    assert found(matrix) == expected(documents, words, 4, weighting, keep_gaps)


@given(
    st.lists(st.lists(st.sampled_from("abcx"), max_size=20), max_size=8),
    st.integers(1, 12),
    st.sampled_from(["flat", "harmonic"]),
    st.booleans(),
)
def test_any_documents_are_counted_as_ten_lines_of_python_do(texts, window, weighting, keep_gaps):
    matrix = count_cooccurrences(
        [" ".join(tokens) for tokens in texts], vocabulary("a", "b", "c"),
        window=window, weighting=weighting, keep_gaps=keep_gaps, workers=1,
    )  # fmt: skip
    assert found(matrix) == expected(texts, "abc", window, weighting, keep_gaps)


@pytest.mark.parametrize("workers", [1, 2, 7])
@pytest.mark.parametrize("tokenizer", ["word", only_space])
def test_the_bytes_are_the_same_for_any_workers_and_any_runs(
    documents, corpus, tokenizer, workers, monkeypatch
):
    words = vocabulary("a", "b", "c", "\u5317")
    whole = count_cooccurrences(corpus, words, window=4, workers=1)
    assert found(whole) == expected(documents, list(words), 4)
    # processes are slow to start, so only one test below does
    if tokenizer is only_space and workers > 1:
        monkeypatch.setattr("textzero._cooccurrence.segments.run_python", run_here)
    merges = []
    merge = merging.Merge.__init__
    monkeypatch.setattr(
        merging.Merge, "__init__",
        lambda self, store, names, *a: merges.append(len(names)) or merge(self, store, names, *a),
    )  # fmt: skip
    for capacity in (3, 50, 1000):  # 3 is less than the window
        monkeypatch.setattr(counting, "_MOST_TOKENS", capacity)
        monkeypatch.setattr(merging, "FAN_IN", 3)
        # splits of a few lines, so that all workers have some
        monkeypatch.setattr(corpus, "splits", lambda *_: Corpus.splits(corpus, 200))
        spilled = count_cooccurrences(corpus, words, tokenizer=tokenizer, window=4, workers=workers)
        assert bytes_of(spilled) == bytes_of(whole)
    assert len(merges) > 20 and max(merges) == 3


def test_a_python_tokenizer_runs_in_processes(documents, tmp_path):
    for k in range(2):  # a file of one document is a split
        text = "\n".join(".".join(tokens) for tokens in documents[k::2])
        (tmp_path / f"{k}.txt").write_text(text, encoding="utf-8")
    words = ["a", "b", "\u5317"]
    matrix = count_cooccurrences(
        Corpus(tmp_path), vocabulary(*words), tokenizer=split_at_dots, window=3, workers=2
    )
    assert found(matrix) == expected(documents, words, 3)


def test_a_long_document_of_a_python_tokenizer_is_not_held_in_memory(tmp_path, monkeypatch):
    sizes = []
    add = segments.Segment.add
    monkeypatch.setattr(segments, "_WAITING", 8)
    monkeypatch.setattr(
        segments.Segment, "add", lambda s, ids, c: sizes.append(ids.size) or add(s, ids, c)
    )
    matrix = count_cooccurrences(
        [".".join("abcd" * 25)], vocabulary(), tokenizer=split_at_dots, folder=tmp_path / "out"
    )
    assert found(matrix) == expected([list("abcd" * 25)], WORDS, 10)
    assert sum(sizes) == 101 and max(sizes) == 8
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_blocks_cover_all_rows_once(corpus):
    matrix = count_cooccurrences(corpus, vocabulary("a", "b", "c", "d", "e"), window=3)
    assert matrix.lengths[:, 1].tolist() == [4] * 5
    assert matrix.blocks(9) == [(0, 2), (2, 4), (4, 5)]
    assert matrix.blocks(1) == [(i, i + 1) for i in range(5)]
    assert matrix.blocks(20) == [(0, 5)]


@pytest.mark.parametrize(
    "changes, message",
    [
        ({"window": 0}, "window must be at least 1, got 0"),
        ({"weighting": "linear"}, "weighting must be one of flat, harmonic, got 'linear'"),
        ({"workers": 0}, "workers must be at least 1, got 0"),
        ({"memory": "lots"}, "memory must be a size"),
        ({"memory": "1MB"}, "memory must be at least"),
        ({"subsample": -1e-5}, "subsample must be from 0 to 1, got -1e-05"),
        ({"subsample": 2}, "subsample must be from 0 to 1, got 2"),
        ({"seed": -1}, "seed must not be negative, got -1"),
    ],
)
def test_a_wrong_setting_is_named(changes, message):
    with pytest.raises(ValueError, match=message):
        count_cooccurrences(["a b"], vocabulary(), **changes)


def test_a_vocabulary_with_a_word_twice_is_refused():
    with pytest.raises(ValueError, match="words must differ, got 'a' twice"):
        count_cooccurrences(["a b c"], vocabulary("a", "b", "a"))


@pytest.mark.parametrize("words", [[], ["a"]])
def test_a_vocabulary_without_a_pair_is_refused(words):
    few = Vocabulary(words, np.ones(len(words), np.int64))
    with pytest.raises(InputError, match="needs at least two words, got"):
        count_cooccurrences(["a a a"], few)
