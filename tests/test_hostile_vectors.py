"""Vector files of strangers: nothing runs, nothing is believed, nothing large stays in memory."""

import gzip
import io
import json
import os
import pickle
import tracemalloc
import zipfile

import numpy as np
import pyarrow
import pyarrow.parquet
import pytest
from click.testing import CliRunner
from safetensors.numpy import save_file

from textzero.errors import InputError, ResourceError
from textzero.lexicon import Lexicon
from textzero.vectors import arriving
from textzero.vectors.arriving import GrowingMatrix
from textzero.vectors.formats import FORMATS, load_vectors, save_vectors
from textzero.vectors.tensors import map_safetensors, write_safetensors
from textzero.vectors.word_vectors import WordVectors
from textzero.vocabulary import Vocabulary
from textzero_cli.main import main

N, DIM = 200, 5


@pytest.fixture(scope="module")
def vectors():
    numbers = np.random.default_rng(0).normal(size=(N, DIM)).astype(np.float32)
    vocabulary = Vocabulary([f"w{i}" for i in range(N)], np.arange(N)[::-1] + 1)
    return WordVectors(vocabulary, numbers, numbers[::-1].copy(), {"settings": {"window": 5}})


@pytest.fixture
def no_room(monkeypatch):
    """So little memory that every row goes to disk."""
    monkeypatch.setattr(arriving, "memory_bytes", lambda _: arriving.BASE)


# Pickles


class Payload:
    def __init__(self, marker):
        self.marker = str(marker)

    def __reduce__(self):
        return os.mkdir, (self.marker,)


@pytest.mark.parametrize("protocol", range(2, pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize("read", [load_vectors, map_safetensors, Lexicon.load])
def test_a_pickle_is_refused_and_never_runs(tmp_path, protocol, read):
    marker, path = tmp_path / "marker", tmp_path / "vectors"
    path.write_bytes(pickle.dumps(Payload(marker), protocol))
    with pytest.raises(InputError, match="vectors is a Python pickle, which could run code"):
        read(path)
    assert not marker.exists()


@pytest.mark.parametrize("format", ["auto", *FORMATS])
def test_a_pickle_by_any_format_runs_nothing(tmp_path, format):
    marker, path = tmp_path / "marker", tmp_path / "vectors"
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        for wrap in (bytes, gzip.compress):
            path.write_bytes(wrap(pickle.dumps(Payload(marker), protocol)))
            with pytest.raises(InputError, match="vectors"):
                load_vectors(path, format)
    assert not marker.exists()


def test_an_archive_of_pytorch_is_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / "model.pt", "w") as archive:
        archive.writestr("archive/data.pkl", pickle.dumps(Payload(tmp_path / "marker")))
    with pytest.raises(InputError, match=r"model\.pt is an archive, which may hold a pickle"):
        load_vectors(tmp_path / "model.pt")
    assert not (tmp_path / "marker").exists()


# safetensors


def test_our_writer_makes_the_bytes_of_the_library(tmp_path):
    tensors = {
        "embedding": np.random.default_rng(0).normal(size=(7, 3)).astype(np.float32),
        "norms": np.ones(7, np.float32),
        "counts": np.arange(7),
        "none": np.zeros((0, 3), np.float16),
        "\u5317 \"'": np.ones((2, 2, 2)),
    }
    metadata = {"format": 'a "b" \u00e9\n'}
    save_file(tensors, tmp_path / "theirs", metadata)
    write_safetensors(tmp_path / "ours", tensors, metadata)
    assert (tmp_path / "ours").read_bytes() == (tmp_path / "theirs").read_bytes()
    for name, tensor in map_safetensors(tmp_path / "ours").items():
        assert np.array_equal(tensor, tensors[name])


def test_a_matrix_is_written_in_little_memory(tmp_path):
    matrix = np.ones((1 << 20, 10), np.float32)
    tracemalloc.start()
    try:
        write_safetensors(tmp_path / "a", {"a": matrix, "b": matrix[:, ::2]}, {})
        assert tracemalloc.get_traced_memory()[1] < 20 << 20
    finally:
        tracemalloc.stop()
    assert np.array_equal(map_safetensors(tmp_path / "a")["b"], matrix[:, ::2])


def test_a_header_of_100_mb_is_refused_before_it_is_read(tmp_path):
    with open(tmp_path / "a", "wb") as file:
        file.write((100_000_000).to_bytes(8, "little") + b"{")
        file.truncate(100_000_008)
    tracemalloc.start()
    try:
        with pytest.raises(InputError, match="at most 16,777,216 bytes, got 100,000,000"):
            map_safetensors(tmp_path / "a")
        assert tracemalloc.get_traced_memory()[1] < 1 << 20
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("shape", [(0, 1 << 62), (0, 1 << 62, 1 << 62), (1,) * 100])
def test_a_shape_that_numpy_cannot_have_is_refused(tmp_path, shape):
    size = 4 * (0 not in shape)
    entry = {"dtype": "F32", "shape": shape, "data_offsets": [0, size]}
    header = json.dumps({"a": entry}).encode()
    (tmp_path / "a").write_bytes(len(header).to_bytes(8, "little") + header + bytes(size))
    with pytest.raises(InputError, match="a of shape"):
        map_safetensors(tmp_path / "a")


@pytest.mark.parametrize("format", ["word2vec", "glove", "auto"])
def test_what_only_python_takes_for_a_number_is_none(tmp_path, format):
    rows = b"a 1 2\nb 1_0 2\nc 1 3\n"
    (tmp_path / "a").write_bytes(rows if format == "glove" else b"3 2\n" + rows)
    with pytest.raises(InputError, match=r"a:[23]: .*numbers"):
        load_vectors(tmp_path / "a", format)


def test_a_folder_whose_norms_are_not_finite_is_refused(vectors, tmp_path):
    broken = vectors.like(vectors.vectors.copy(), None)
    broken.vectors[3, 1] = np.nan
    broken.save(tmp_path / "v")
    with pytest.raises(InputError, match="some vector may hold NaN"):
        WordVectors.load(tmp_path / "v")


def test_a_manifest_cannot_choose_a_file_to_read(vectors, tmp_path):
    (tmp_path / "secret").write_text("a 1\n")
    vectors.save(tmp_path / "v")
    manifest = json.loads((tmp_path / "v" / "manifest.json").read_text())
    manifest["settings"]["tokenizer"] = str(tmp_path / "secret")
    (tmp_path / "v" / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(InputError, match="name it again with --tokenizer"):
        WordVectors.load(tmp_path / "v").tokenize("a")


def test_words_that_look_like_paths_write_nothing_outside(tmp_path):
    words = ["../../x", "/etc/y", "..\\z", "a\x00b", "~"]
    vectors = WordVectors(Vocabulary(words, np.arange(5)[::-1]), np.eye(5, dtype=np.float32))
    (tmp_path / "out").mkdir()
    for format in ("word2vec", "projector", "parquet"):
        save_vectors(vectors, tmp_path / "out" / format, format)
        assert list(load_vectors(tmp_path / "out" / format).vocabulary) == words
    names = sorted(p.relative_to(tmp_path).as_posix() for p in tmp_path.rglob("*"))
    files = [f"projector/{name}" for name in ("metadata.tsv", "tensors.tsv")]
    assert names == ["out", *(f"out/{f}" for f in ("parquet", "projector", *files, "word2vec"))]


@pytest.mark.parametrize(("rows", "dim"), [(2000, 10_000), (1, (1 << 20) + 1)])
def test_a_parquet_file_of_one_number_that_fills_the_memory_is_refused(tmp_path, rows, dim):
    vector = pyarrow.FixedSizeListArray.from_arrays(
        pyarrow.nulls(rows * dim, "f4").fill_null(1), dim
    )
    table = pyarrow.table({"word": [f"w{i}" for i in range(rows)], "vector": vector})
    pyarrow.parquet.write_table(table, tmp_path / "a", compression="zstd")
    del table, vector
    wanted = "grows more than 1,000 times" if rows > 1 else "the dimension must be from 1 to"
    with pytest.raises(InputError, match=wanted):
        load_vectors(tmp_path / "a")


# Files larger than memory


@pytest.mark.usefixtures("no_room")
@pytest.mark.parametrize("format", FORMATS)
def test_what_does_not_fit_in_memory_is_read_to_the_same_result(
    vectors, tmp_path, format, monkeypatch
):
    save_vectors(vectors, tmp_path / "v", format)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    found = load_vectors(tmp_path / "v", format, memory="1GB")
    assert isinstance(found.vectors, np.memmap)
    assert np.array_equal(found.vectors, vectors.vectors)
    assert list(found.vocabulary) == list(vectors.vocabulary)
    if format in ("textzero", "parquet"):
        assert np.array_equal(found.context, vectors.context)
    assert [path.name for path in tmp_path.iterdir()] == ["v"]  # no temporary file has a name


@pytest.mark.parametrize("target", [*FORMATS, "spacy", "static-embedding"])
def test_the_bound_on_memory_does_not_change_what_convert_writes(
    vectors, tmp_path, target, monkeypatch
):
    if target == "static-embedding":
        pytest.importorskip("tokenizers")
    save_vectors(vectors, tmp_path / "v", "parquet")
    written = []
    for name in ("a", "b"):
        command = ["convert", str(tmp_path / "v"), str(tmp_path / name), "--to", target]
        result = CliRunner().invoke(main, [*command, "--memory", "400MB"])
        assert result.exit_code == 0, result.output
        files = sorted(p for p in [tmp_path / name, *(tmp_path / name).rglob("*")] if p.is_file())
        same = [p for p in files if p.name != "README.md"]  # which has the folder's name
        written.append([p.read_bytes() for p in same])
        monkeypatch.setattr(arriving, "memory_bytes", lambda _: arriving.BASE)
    assert written[0] == written[1]


@pytest.mark.usefixtures("no_room")
def test_duplicates_are_counted_and_told_and_the_first_is_kept(tmp_path):
    (tmp_path / "v").write_bytes(b"3 2\na 1 2\nb 3 4\na 5 6\n")
    result = CliRunner().invoke(
        main, ["convert", str(tmp_path / "v"), str(tmp_path / "p"), "--to", "parquet"]
    )
    assert "1 rows of words seen before were dropped" in result.output
    assert load_vectors(tmp_path / "p").vectors.tolist() == [[1, 2], [3, 4]]


def test_a_full_disk_while_rows_go_there_is_said(monkeypatch):
    class Full(io.BytesIO):
        def write(self, _):
            raise OSError(28, "No space left on device")

    monkeypatch.setattr(arriving.tempfile, "TemporaryFile", lambda **_: Full())
    with pytest.raises(ResourceError, match="no room for the vectors: No space left on device"):
        GrowingMatrix(2, 0).append(np.ones((1, 2), np.float32))


def test_a_matrix_of_few_rows_stays_in_memory():
    matrix = GrowingMatrix(2, 1 << 20)
    matrix.append(np.ones((1, 2), np.float32))
    matrix.append(np.zeros((2, 2), np.float32))
    assert not isinstance(matrix.take(), np.memmap)
    assert matrix.take().tolist() == [[1, 1], [0, 0], [0, 0]]
