import gc
import json
import shutil
from collections import Counter
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from textzero import cooccurrence
from textzero._cooccurrence import counter, counting, merging, segments
from textzero.cooccurrence import Cooccurrence, count_cooccurrences, distance_weights
from textzero.corpus import Corpus
from textzero.errors import InputError, ResourceError, TokenizerError
from textzero.kernels.reference.cooccurrence import DOCUMENT_END, GAP
from textzero.kernels.reference.subsampling import mix, remove_frequent
from textzero.vocabulary import Vocabulary

FILES = ["diagonal.npy", "lengths.npy", "manifest.json", "rows.bin", "vocabulary.tsv"]
WORDS = ["a", "b", "c", "d"]


def vocabulary(*words):
    return Vocabulary(words or WORDS, np.ones(len(words or WORDS), np.int64))


def split_at_dots(text):
    """A tokenizer that is no kernel; worker processes import it from this module."""
    return text.split(".")


def fail_at_x(text):
    if "x" in text:
        raise RuntimeError("an x")
    return text.split()


def expected(documents, words, window, weighting="flat", keep_gaps=False):
    """The ten lines that say what is counted, in exact fractions."""
    sums = Counter()
    for tokens in documents:
        if not keep_gaps:
            tokens = [token for token in tokens if token in words]
        for i, word in enumerate(tokens):
            for distance in range(1, min(window, len(tokens) - 1 - i) + 1):
                other = tokens[i + distance]
                if word in words and other in words:
                    weight = 1 if weighting == "flat" else Fraction(1, distance)
                    sums[word, other] += weight
                    sums[other, word] += weight
    return dict(sums)


def found(matrix):
    sums = {}
    for i, word in enumerate(matrix.vocabulary):
        columns, x = matrix.row(word)
        units = Fraction(1, round(1 / matrix.unit))
        for j, value in zip(columns.tolist(), x.tolist(), strict=True):
            sums[word, matrix.vocabulary[j]] = round(value / matrix.unit) * units
        if matrix.diagonal[i]:
            sums[word, word] = int(matrix.diagonal[i]) * units
    return sums


def bytes_of(matrix):
    return [np.asarray(a).tobytes() for a in (matrix.data, matrix.lengths, matrix.diagonal)]


def only_space(text):
    return text.split(" ")


@pytest.fixture
def tiny_runs(monkeypatch):
    """Segments of 50 tokens, so that a small corpus is spilled in many runs; two merged at once."""
    monkeypatch.setattr(counting, "_MOST_TOKENS", 50)
    monkeypatch.setattr(merging, "FAN_IN", 2)


@pytest.fixture(scope="module")
def documents():
    random = np.random.default_rng(0)
    words = np.array([*"abcdefgh", "of", "\u5317"])
    sizes = random.integers(0, 60, 150)
    return [random.choice(words, size, p=[0.28, *[0.08] * 9]).tolist() for size in sizes]


@pytest.fixture(scope="module")
def corpus(documents, tmp_path_factory):
    """The documents in three files."""
    folder = tmp_path_factory.mktemp("corpus")
    for k in range(3):
        lines = (" ".join(tokens) + "\n" for tokens in documents[k::3])
        (folder / f"{k}.txt").write_text("".join(lines), encoding="utf-8")
    return Corpus(folder)


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


def test_without_sampling_words_occur_as_often_as_in_the_vocabulary(corpus, tmp_path):
    words = Vocabulary(["a", "b"], np.array([7, 3]))
    matrix = count_cooccurrences(corpus, words, folder=tmp_path / "out")
    assert matrix.occurrences is matrix.vocabulary.counts
    assert matrix.occurrences.tolist() == [7, 3]
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == FILES


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


def run_here(work, splits, corpus, tokenizer, workers, extra):  # noqa: ARG001
    from textzero.token_workers import run_python

    return run_python(work, splits, corpus, tokenizer, 1, extra)


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


def test_a_matrix_is_saved_and_opened_again(corpus, tmp_path):
    words = vocabulary("a", "b", "\u5317")
    matrix = count_cooccurrences(corpus, words, window=3, weighting="harmonic", key="k")
    matrix.save(tmp_path / "saved")
    direct = count_cooccurrences(
        corpus, words, window=3, weighting="harmonic", key="k", folder=tmp_path / "new" / "direct"
    )
    assert direct.reading == matrix.reading
    for folder in (tmp_path / "saved", tmp_path / "new" / "direct"):
        again = Cooccurrence.load(folder)
        assert sorted(path.name for path in folder.iterdir()) == FILES
        assert isinstance(again.data, np.memmap)
        assert bytes_of(again) == bytes_of(matrix)
        assert again.unit == matrix.unit == 1 / 6
        assert list(again.vocabulary) == list(words)
        assert again.settings == matrix.settings
        assert again.settings["key"] == "k" and again.settings["window"] == 3
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["direct"]


def test_a_matrix_without_a_pair_is_saved_too(tmp_path):
    matrix = count_cooccurrences(["a", "b"], vocabulary(), folder=tmp_path / "out")
    assert (matrix.records, found(matrix)) == (0, {})


def test_blocks_cover_all_rows_once(corpus):
    matrix = count_cooccurrences(corpus, vocabulary("a", "b", "c", "d", "e"), window=3)
    assert matrix.lengths[:, 1].tolist() == [4] * 5
    assert matrix.blocks(9) == [(0, 2), (2, 4), (4, 5)]
    assert matrix.blocks(1) == [(i, i + 1) for i in range(5)]
    assert matrix.blocks(20) == [(0, 5)]


@pytest.mark.usefixtures("tiny_runs")
def test_the_temporary_folder_goes_with_the_object(corpus, tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    small = count_cooccurrences(corpus, vocabulary())
    assert small.records and not list(tmp_path.iterdir())  # it is in memory
    monkeypatch.setattr(cooccurrence, "_HELD", 10)
    matrix = count_cooccurrences(corpus, vocabulary())
    (folder,) = tmp_path.iterdir()
    files = [path for path in folder.rglob("*") if path.is_file()]
    assert sorted(path.name for path in files) == ["lock", "rows.bin"]  # the runs are gone
    assert matrix.records
    del matrix
    gc.collect()
    assert not list(tmp_path.iterdir())


@pytest.mark.usefixtures("tiny_runs")
def test_nothing_is_left_beside_the_output(corpus, tmp_path):
    count_cooccurrences(corpus, vocabulary(), folder=tmp_path / "out")
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


@pytest.mark.usefixtures("tiny_runs")
@pytest.mark.parametrize("folder", [None, "out"])
def test_nothing_is_left_after_an_error(tmp_path, monkeypatch, folder):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    texts = ["a b c d " * 100, "x"]
    with pytest.raises(TokenizerError, match="an x"):
        count_cooccurrences(
            texts, vocabulary(), tokenizer=fail_at_x, folder=folder and tmp_path / folder, workers=1
        )
    assert not list(tmp_path.iterdir())


@pytest.mark.usefixtures("tiny_runs")
def test_an_error_while_merging_leaves_nothing(corpus, tmp_path, monkeypatch):
    def fail(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(merging.Merge, "__init__", fail)
    with pytest.raises(ResourceError, match="the disk is full"):
        count_cooccurrences(corpus, vocabulary(), folder=tmp_path / "out")
    assert not list(tmp_path.iterdir())


def test_an_old_result_stays_when_the_new_run_fails(tmp_path):
    count_cooccurrences(["a b"], vocabulary(), folder=tmp_path / "out")
    with pytest.raises(TokenizerError):
        count_cooccurrences(["x"], vocabulary(), tokenizer=fail_at_x, folder=tmp_path / "out")
    assert found(Cooccurrence.load(tmp_path / "out")) == {("a", "b"): 1, ("b", "a"): 1}
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


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


def rewrite(folder, name, array):
    np.save(folder / name, array)


def lie(folder, name, shape):
    """Keep the numbers of a .npy file and let its header claim another shape."""
    array = np.load(folder / name)
    with open(folder / name, "wb") as file:
        np.lib.format.write_array_header_1_0(
            file, {"descr": array.dtype.str, "fortran_order": False, "shape": shape}
        )
        file.write(array.tobytes())


def change_manifest(folder, **changes):
    manifest = json.loads((folder / "manifest.json").read_text())
    (folder / "manifest.json").write_text(json.dumps(manifest | changes))


def swap_lengths(folder, row, column, value):
    lengths = np.load(folder / "lengths.npy")
    lengths[row, column] = value
    rewrite(folder, "lengths.npy", lengths)


DAMAGES = {
    "no manifest": lambda f: (f / "manifest.json").unlink(),
    "no JSON": lambda f: (f / "manifest.json").write_text("{"),
    "another kind": lambda f: change_manifest(f, kind="textzero vectors 1"),
    "a unit of nothing": lambda f: change_manifest(f, unit=0),
    "a unit of text": lambda f: change_manifest(f, unit="one"),
    "settings of text": lambda f: change_manifest(f, settings="flat"),
    "no rows": lambda f: (f / "rows.bin").unlink(),
    "fewer rows": lambda f: (f / "rows.bin").write_bytes((f / "rows.bin").read_bytes()[:-1]),
    "more rows": lambda f: (f / "rows.bin").write_bytes((f / "rows.bin").read_bytes() + b"\0"),
    "no index": lambda f: (f / "lengths.npy").unlink(),
    "an empty index": lambda f: (f / "lengths.npy").write_bytes(b""),
    "an index that is a pickle": lambda f: np.save(f / "lengths.npy", np.array([{}] * 8)),
    "an archive": lambda f: (f / "lengths.npy").write_bytes(b"PK\x03\x04" + bytes(100)),
    "an index of another type": lambda f: rewrite(f, "lengths.npy", np.zeros((4, 2))),
    "an index for other words": lambda f: rewrite(f, "lengths.npy", np.zeros((3, 2), np.int64)),
    "an index that promises more": lambda f: lie(f, "diagonal.npy", (1 << 50,)),
    "a negative length": lambda f: swap_lengths(f, 0, 0, -1),
    "more records than bytes": lambda f: swap_lengths(f, 0, 1, 1 << 60),
    "lengths that overflow": lambda f: rewrite(
        f, "lengths.npy",
        np.load(f / "lengths.npy") + np.array([[1 << 62, 0]] * 4),
    ),
    "no words": lambda f: (f / "vocabulary.tsv").unlink(),
    "fewer words": lambda f: (f / "vocabulary.tsv").write_text("a\t1\n"),
}  # fmt: skip


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_folder_is_refused_in_one_sentence(damage, tmp_path):
    folder = tmp_path / "out"
    count_cooccurrences(["a b c d"], vocabulary(), folder=folder)
    DAMAGES[damage](folder)
    with pytest.raises(InputError) as caught:
        Cooccurrence.load(folder)
    assert str(folder) in str(caught.value)


def test_damaged_rows_are_refused_when_they_are_read(tmp_path):
    count_cooccurrences(["a b c d"], vocabulary(), folder=tmp_path / "out")
    rows = bytearray((tmp_path / "out" / "rows.bin").read_bytes())
    rows[1] |= 0x80
    (tmp_path / "out" / "rows.bin").write_bytes(rows)
    with pytest.raises(InputError, match="damaged"):
        Cooccurrence.load(tmp_path / "out").row("a")


def test_a_missing_folder_is_named(tmp_path):
    with pytest.raises(InputError, match="nothing"):
        Cooccurrence.load(tmp_path / "nothing")


def test_a_copied_folder_is_the_same_matrix(tmp_path):
    matrix = count_cooccurrences(["a b c d"], vocabulary(), folder=tmp_path / "out")
    shutil.copytree(tmp_path / "out", tmp_path / "copy")
    assert_array_equal(Cooccurrence.load(tmp_path / "copy").data, matrix.data)
