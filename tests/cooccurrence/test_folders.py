"""A matrix in a folder: saved, opened, damaged; nothing is left beside it."""

import gc
import json
import shutil

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from pair_makers import bytes_of, found, vocabulary

from textzero import cooccurrence
from textzero._cooccurrence import merging
from textzero.cooccurrence import Cooccurrence, count_cooccurrences
from textzero.errors import InputError, ResourceError, TokenizerError
from textzero.vocabulary import Vocabulary

FILES = ["diagonal.npy", "lengths.npy", "manifest.json", "rows.bin", "vocabulary.tsv"]


def fail_at_x(text):
    if "x" in text:
        raise RuntimeError("an x")
    return text.split()


def test_without_sampling_words_occur_as_often_as_in_the_vocabulary(corpus, tmp_path):
    words = Vocabulary(["a", "b"], np.array([7, 3]))
    matrix = count_cooccurrences(corpus, words, folder=tmp_path / "out")
    assert matrix.occurrences is matrix.vocabulary.counts
    assert matrix.occurrences.tolist() == [7, 3]
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == FILES


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
