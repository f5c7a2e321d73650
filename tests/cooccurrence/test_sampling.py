"""Frequent words thinned out before windows are laid."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from pair_makers import WORDS, bytes_of, expected, found, only_space, run_here

from textzero._cooccurrence import counter, counting, segments, shards
from textzero.cooccurrence import Cooccurrence, count_cooccurrences
from textzero.corpus import Corpus
from textzero.engines import Engine
from textzero.errors import InputError
from textzero.kernels.reference.cooccurrence import DOCUMENT_END, GAP
from textzero.kernels.reference.subsampling import mix, remove_frequent
from textzero.vocabulary import Vocabulary


def sampled(documents, words, subsample, seed):
    """The documents, None where sub-sampling removes: the draws of the kernel's definition."""
    share = np.array([sum(tokens.count(word) for tokens in documents) for word in words], float)
    keep = np.minimum(1, np.sqrt(subsample * share.sum() / share))
    places = {word: i for i, word in enumerate(words)}
    kept = []
    for tokens in documents:
        ids = np.array([*(places.get(token, GAP) for token in tokens), DOCUMENT_END], np.int32)
        remove_frequent(ids, keep, mix(seed), mix(seed))
        kept.append([t if i >= 0 else None for t, i in zip(tokens, ids, strict=False)])
    return kept


def counted(documents, words):
    """A vocabulary with the words' counts in the documents."""
    counts = [sum(tokens.count(word) for tokens in documents) for word in words]
    return Vocabulary(words, np.array(counts))


@pytest.mark.parametrize("keep_gaps", [False, True])
def test_frequent_words_are_removed_before_windows_are_laid(documents, corpus, keep_gaps):
    words = ["a", "b", "c", "\u5317"]
    kept = sampled(documents, words, 0.1, 3)
    assert sum(map(len, documents)) > sum(t is not None for tokens in kept for t in tokens)
    matrix = count_cooccurrences(
        corpus, counted(documents, words), window=4, subsample=0.1, seed=3, keep_gaps=keep_gaps
    )
    assert found(matrix) == expected(kept, words, 4, keep_gaps=keep_gaps)
    occurrences = [sum(tokens.count(word) for tokens in kept) for word in words]
    assert matrix.occurrences.tolist() == occurrences
    assert occurrences[0] < matrix.vocabulary.counts[0] / 1.5
    assert (matrix.settings["subsample"], matrix.settings["seed"]) == (0.1, 3)


def test_the_share_of_a_word_that_stays_is_the_root_of_the_formula():
    random = np.random.default_rng(0)
    texts = [" ".join(random.choice(["a", "b"], 100, p=[0.9, 0.1])) for _ in range(300)]
    words = counted([text.split() for text in texts], ["a", "b"])
    matrix = count_cooccurrences(texts, words, subsample=0.1)
    kept = matrix.occurrences / words.counts
    # of 27,000 occurrences 9,000 stay, give or take 3 times 77
    assert abs(kept[0] - np.sqrt(0.1 / 0.9)) < 0.01 and kept[1] > 0.95


@pytest.mark.parametrize("tokenizer", ["word", only_space])
def test_what_is_removed_depends_on_the_text_and_the_seed_alone(
    documents, corpus, tokenizer, tmp_path, monkeypatch
):
    words = counted(documents, ["a", "b", "c", "\u5317"])
    how = {"window": 4, "subsample": 0.05, "tokenizer": tokenizer}
    whole = count_cooccurrences(corpus, words, window=4, subsample=0.05, workers=1)
    for order in (1, -1):  # the same lines in one file, forwards and backwards
        (tmp_path / "all.txt").write_text(
            "".join(" ".join(tokens) + "\n" for tokens in documents[::order]), encoding="utf-8"
        )
        assert bytes_of(count_cooccurrences(Corpus(tmp_path), words, **how)) == bytes_of(whole)
    if tokenizer is only_space:
        monkeypatch.setattr("textzero._cooccurrence.segments.run_python", run_here)
    monkeypatch.setattr(corpus, "splits", lambda *_: Corpus.splits(corpus, 200))
    for workers in (1, 2, 7):
        for capacity in (3, 50):
            monkeypatch.setattr(counting, "_MOST_TOKENS", capacity)
            monkeypatch.setattr(segments, "_WAITING", capacity)
            monkeypatch.setattr(counter, "_COUNTED", capacity)
            spilled = count_cooccurrences(corpus, words, workers=workers, **how)
            assert bytes_of(spilled) == bytes_of(whole)
            assert_array_equal(spilled.occurrences, whole.occurrences)
    other = count_cooccurrences(corpus, words, seed=1, workers=1, **how)
    assert bytes_of(other) != bytes_of(whole)


class Here(Engine):
    """One worker, in this process."""

    workers = 1

    def run(self, work, tasks):
        yield from enumerate(map(work, tasks))


@pytest.mark.parametrize("keep_gaps", [False, True])
def test_an_engine_counts_and_removes_what_threads_do(documents, corpus, keep_gaps, monkeypatch):
    words = counted(documents, ["a", "b", "c", "\u5317"])
    how = {"window": 4, "weighting": "harmonic", "subsample": 0.1, "seed": 3}
    whole = count_cooccurrences(corpus, words, keep_gaps=keep_gaps, workers=1, **how)
    monkeypatch.setattr(shards, "shard_size", lambda *_: 2000)
    elsewhere = count_cooccurrences(corpus, words, keep_gaps=keep_gaps, engine=Here(), **how)
    assert bytes_of(elsewhere) == bytes_of(whole)
    assert_array_equal(elsewhere.occurrences, whole.occurrences)


def test_a_long_document_is_sampled_alike_in_pieces_of_any_size(monkeypatch):
    random = np.random.default_rng(0)
    text = " ".join(random.choice([*"abcd"], 5000))
    words = counted([text.split()], WORDS)
    whole = count_cooccurrences([text], words, subsample=0.01)
    monkeypatch.setattr("textzero.corpus.streams.PIECE", 333)
    pieces = count_cooccurrences([text], words, subsample=0.01)
    assert bytes_of(pieces) == bytes_of(whole)
    assert 0 < pieces.occurrences.sum() < 1500


def test_sampled_counts_are_saved_and_opened_again(documents, corpus, tmp_path):
    words = counted(documents, ["a", "b", "c"])
    matrix = count_cooccurrences(corpus, words, subsample=0.1)
    matrix.save(tmp_path / "saved")
    direct = count_cooccurrences(corpus, words, subsample=0.1, folder=tmp_path / "direct")
    for again in (Cooccurrence.load(tmp_path / "saved"), direct):
        assert_array_equal(again.occurrences, matrix.occurrences)
        assert again.vocabulary.counts.tolist() == words.counts.tolist()
    for damage in (np.zeros(2, np.int64), np.zeros(3), np.array([-1, 0, 0])):
        np.save(tmp_path / "saved" / "occurrences.npy", damage)
        with pytest.raises(InputError, match="damaged"):
            Cooccurrence.load(tmp_path / "saved")
    (tmp_path / "saved" / "occurrences.npy").unlink()
    with pytest.raises(InputError, match="damaged"):
        Cooccurrence.load(tmp_path / "saved")
