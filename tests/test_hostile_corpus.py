"""Corpora that somebody made to hurt, or that are not what they seem."""

import bz2
import gzip
import inspect
import io
import lzma
import os
import socket
import subprocess
import sys
import tarfile
import time
import tracemalloc
import zipfile
import zlib
from dataclasses import replace
from functools import partial

import pyarrow
import pyarrow.parquet
import pytest
from click.testing import CliRunner

from textzero.corpus import Corpus, records, sources
from textzero.corpus.compression import zstd_module
from textzero.counts import Counts
from textzero.errors import InputError
from textzero.files import read_json
from textzero.lexicon import Lexicon
from textzero.vectors.formats import load_vectors
from textzero.vectors.parquet import read_parquet
from textzero.vectors.tensors import map_safetensors
from textzero_cli.main import main

COMPRESS = {
    "gzip": gzip.compress,
    "bz2": bz2.compress,
    "xz": lambda data: lzma.compress(data, preset=1),
    "zstd": lambda data: zstd_module().compress(data),
}
MEGABYTE = (b"a b " * 255 + b"end\n") * (1 << 10)  # less 1 kB


@pytest.fixture(params=COMPRESS, scope="module")
def bomb(request, tmp_path_factory):
    """18 MB of text in a file of a few kB: many streams end to end."""
    path = tmp_path_factory.mktemp("bomb") / "bomb"
    path.write_bytes(COMPRESS[request.param](MEGABYTE) * 18)
    return path


def size_of_pieces(corpus, reading=None):
    """Bytes of text, read as the kernels do."""
    reading = reading or corpus.new_reading()
    return sum(piece.size for split in corpus.splits() for piece in corpus.pieces(split, reading))


# Compressed files


def test_a_file_that_grows_too_much_is_stopped_in_little_memory(bomb):
    tracemalloc.start()
    try:
        with pytest.raises(
            InputError, match=r"bomb .* grows more than 50 times: from .* to 1[78] MB"
        ):
            size_of_pieces(Corpus(bomb, max_expansion=50))
        assert tracemalloc.get_traced_memory()[1] < 12 << 20
    finally:
        tracemalloc.stop()


def test_what_came_before_the_bound_can_be_kept(bomb):
    corpus = Corpus(bomb, max_expansion=50, on_error="skip")
    reading = corpus.new_reading()
    size = size_of_pieces(corpus, reading)
    assert 15 << 20 < size <= 16 << 20
    assert "skipped the rest of" in reading.losses()[0]
    assert "grows more than 50 times" in reading.losses()[0]


def test_a_file_that_may_grow_so_much_is_read(bomb):
    assert size_of_pieces(Corpus(bomb, max_expansion=100_000)) == 18 * len(MEGABYTE)


def test_the_command_ends_with_3_and_names_file_and_ratio(tmp_path):
    path = tmp_path / "bomb.gz"
    path.write_bytes(gzip.compress(MEGABYTE) * 20)
    command = ["count", str(path), "--max-expansion", "20", "-o", str(tmp_path / "counts.tsv")]
    result = CliRunner().invoke(main, command)
    assert result.exit_code == 3
    assert f"{path} (gzip) grows more than 20 times" in result.output
    assert not (tmp_path / "counts.tsv").exists()


@pytest.mark.parametrize("read", [Lexicon.load, Counts.load, load_vectors])
def test_other_readers_of_compressed_files_stop_too(tmp_path, read):
    path = tmp_path / "bomb"
    rows = [b"%d " % i + bytes(4_000_000) for i in range(5)]
    path.write_bytes(zstd_module().compress(b"5 1000000\n" + b"".join(rows)))
    with pytest.raises(InputError, match="grows more than 1,000 times"):
        read(path)


def zstd_frame(window):
    """A frame of `hello` that asks for a window of 2^window bytes."""
    return b"\x28\xb5\x2f\xfd\0" + bytes([(window - 10) << 3]) + b"\x29\0\0hello"


def test_a_window_of_more_than_128_mb_is_refused(tmp_path):
    (tmp_path / "a").write_bytes(zstd_frame(27))
    assert list(Corpus(tmp_path / "a")) == ["hello"]
    (tmp_path / "b").write_bytes(zstd_frame(28))
    with pytest.raises(InputError, match=r"b \(zstd\) is cut or corrupt after 0 bytes"):
        list(Corpus(tmp_path / "b"))


def test_a_dictionary_of_gigabytes_is_refused(tmp_path):
    data = bytearray(lzma.compress(b"hello"))
    assert data[14:16] == b"\x21\x01"  # the filter LZMA2, one byte of settings
    data[16] = 39  # 3 GB
    data[20:24] = zlib.crc32(data[12:20]).to_bytes(4, "little")
    (tmp_path / "a").write_bytes(data)
    with pytest.raises(InputError, match=r"a \(xz\) is cut or corrupt.*[Mm]emory"):
        list(Corpus(tmp_path / "a"))


@pytest.mark.parametrize("compression", COMPRESS)
def test_zeros_between_streams_are_padding_and_anything_else_is_an_error(tmp_path, compression):
    stream, path = COMPRESS[compression](b"a\n"), tmp_path / "a"
    path.write_bytes(stream + bytes(4) + stream + bytes(8))
    assert list(Corpus(path)) == ["a", "a"]
    path.write_bytes(stream + b"goes on")
    with pytest.raises(InputError, match="is cut or corrupt after 2 bytes of text"):
        list(Corpus(path))


def test_thousands_of_empty_streams_are_read_one_by_one(tmp_path):
    (tmp_path / "a").write_bytes(gzip.compress(b"") * 20_000 + gzip.compress(b"end"))
    assert list(Corpus(tmp_path / "a")) == ["end"]


# Records


def test_a_parquet_file_that_grows_too_much_is_stopped(tmp_path):
    path = tmp_path / "a.parquet"
    table = pyarrow.table({"text": ["x" * (1 << 20)] * 20})  # once in the file's dictionary
    pyarrow.parquet.write_table(table, path, compression="zstd")
    with pytest.raises(InputError, match=r"a\.parquet \(Parquet\) grows more than 1,000 times"):
        list(Corpus(path))
    assert len(list(Corpus(path, max_expansion=100_000))) == 20


def test_a_row_group_of_long_rows_is_read_in_batches(tmp_path, monkeypatch):
    rows = [f"{i} " + "x" * 1000 for i in range(200)]
    pyarrow.parquet.write_table(pyarrow.table({"text": rows}), tmp_path / "a.parquet")
    monkeypatch.setattr(records, "_BATCH_BYTES", 5000)
    sizes = []
    batches = pyarrow.parquet.ParquetFile.iter_batches

    def spied(table, size, **options):
        sizes.append(size)
        return batches(table, size, **options)

    monkeypatch.setattr(pyarrow.parquet.ParquetFile, "iter_batches", spied)
    assert list(Corpus(tmp_path / "a.parquet")) == rows
    assert sizes[0] < 10


def test_a_parquet_file_is_never_held_whole(tmp_path):
    rows = [f"{i} " + "x" * 1000 for i in range(10_000)]
    table = pyarrow.table({"text": rows})
    pyarrow.parquet.write_table(table, tmp_path / "a.parquet", row_group_size=500)
    del table
    before, most = pyarrow.total_allocated_bytes(), 0
    for _ in Corpus(tmp_path / "a.parquet"):
        most = max(most, pyarrow.total_allocated_bytes() - before)
    assert 0 < most < 5 << 20


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.jsonl", b'{"text": "a"}\n{"text": "' + b"x" * 3000 + b'"}\n', "the line at byte 14"),
        ("a.jsonl", b"[" * 3000, "the line at byte 0"),
        ("a.tsv", b"text\na\n" + b"x" * 3000, "the line at byte 7"),
        ("a.csv", b"text\na\n" + b'"x\n' + b"y\n" * 2000, "row behind line 2 .* a quote never"),
        ("a.csv", b"text\n" + b'"x\n",' * 1000, "the row behind line 1"),
    ],
)
def test_a_record_beyond_the_limit_is_refused_in_a_sentence(
    tmp_path, monkeypatch, name, content, message
):
    monkeypatch.setattr(records, "LONGEST", 2000)
    monkeypatch.setattr(records, "READ", 512)
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=rf"{name}: .*{message}") as caught:
        list(Corpus(tmp_path / name))
    assert "the most of a record" in str(caught.value)


def test_a_stray_quote_in_tsv_is_a_character(tmp_path):
    (tmp_path / "a.tsv").write_bytes(b'id\ttext\r\n1\t"a\r\n2\tb"c\n3\t"d"\n')
    assert list(Corpus(tmp_path / "a.tsv")) == ['"a', 'b"c', '"d"']


@pytest.mark.parametrize("name", ["a.jsonl", "a.csv", "a.tsv"])
def test_what_came_before_a_record_beyond_the_limit_can_be_kept(tmp_path, monkeypatch, name):
    monkeypatch.setattr(records, "LONGEST", 2000)
    monkeypatch.setattr(records, "READ", 512)
    first = b'{"text": "a"}\n' if name == "a.jsonl" else b"text\na\n"
    (tmp_path / name).write_bytes(first + b"x" * 3000)
    corpus = Corpus(tmp_path / name, on_error="skip")
    reading = corpus.new_reading()
    assert size_of_pieces(corpus, reading) == 2
    assert f"skipped the rest of {tmp_path / name}: the line at byte" in reading.losses()[0]


def test_archives_are_refused_or_passed_over_by_name(tmp_path):
    (tmp_path / "a.txt").write_bytes(b"x")
    with tarfile.open(tmp_path / "b.tar", "w") as archive:
        archive.addfile(tarfile.TarInfo("../../escaped"))
    with tarfile.open(tmp_path / "c.tgz", "w:gz") as archive:
        archive.addfile(tarfile.TarInfo("../../escaped"))
    with zipfile.ZipFile(tmp_path / "d.zip", "w") as archive:
        archive.writestr("../../escaped", "x")
    corpus = Corpus(tmp_path)
    assert list(corpus) == ["x"]
    kinds = [entry.rpartition(": ")[2] for entry in corpus.new_reading().skipped]
    assert kinds == [f"a {kind} archive must be unpacked first" for kind in ("tar", "tar", "zip")]
    with pytest.raises(InputError, match=r"b\.tar: a tar archive must be unpacked first"):
        list(Corpus(tmp_path / "b.tar"))


@pytest.mark.skipif(not os.path.exists("/proc/version"), reason="a system without /proc")
def test_a_file_whose_size_is_not_told_is_read():
    assert next(iter(Corpus("/proc/version"))).startswith("Linux")


# Encodings


@pytest.mark.parametrize(
    ("encoding", "text"),
    [
        ("gb18030", "我们的生活是在北京的，你来了吗\n" * 3),
        ("big5", "我們的生活是在臺北的，你來了嗎\n" * 3),
        ("utf-16", "plain English\n"),
        ("utf-32", "plain English\n"),
    ],
)
def test_a_file_in_another_encoding_is_told_with_the_option_that_reads_it(tmp_path, encoding, text):
    path = tmp_path / "a.txt"
    path.write_bytes(text.encode(encoding))
    corpus = Corpus(path)
    reading = corpus.new_reading()
    for split in corpus.splits(16):
        for _ in corpus.pieces(split, reading):
            pass
    assert reading.losses()[0].endswith(f"it looks like {encoding}, use --encoding {encoding}")
    with pytest.raises(InputError, match=f"byte 0 is not .*use --encoding {encoding} or drop"):
        list(Corpus(path, strict=True))
    assert "".join(f"{line}\n" for line in Corpus(path, encoding=encoding)) == text


@pytest.mark.parametrize("content", ["北京\n".encode() * 9 + b"\xb1\xb1", b"caf\xe9 au lait\n"])
def test_a_few_bad_bytes_do_not_make_another_encoding(tmp_path, content):
    (tmp_path / "a.txt").write_bytes(content)
    corpus = Corpus(tmp_path / "a.txt")
    reading = corpus.new_reading()
    for _ in corpus.pieces(corpus.splits()[0], reading):
        pass
    assert reading.losses()[0].endswith("is --encoding right?")


@pytest.mark.data
def test_a_corpus_of_the_bakeoff_in_its_old_encoding_is_told(data, tmp_path):
    text = (data / "segmentation" / "pku_test.utf8").read_text("utf-8")
    (tmp_path / "a.txt").write_bytes(text.encode("gb18030"))
    with pytest.raises(InputError, match="use --encoding gb18030"):
        list(Corpus(tmp_path / "a.txt", strict=True))


# Trees


def test_a_file_that_links_lead_to_is_read_once(tmp_path):
    (tmp_path / "b.txt").write_bytes(b"x")
    os.symlink("b.txt", tmp_path / "a.txt")
    os.link(tmp_path / "b.txt", tmp_path / "c.txt")
    assert list(Corpus(tmp_path)) == ["x"]
    assert list(Corpus(tmp_path, strict=True)) == ["x"]  # nothing was lost
    assert list(Corpus(tmp_path / "b.txt", tmp_path / "b.txt")) == ["x", "x"]  # as it was asked


def test_sockets_and_devices_are_passed_over_and_counted(tmp_path):
    (tmp_path / "a.txt").write_bytes(b"x")
    with socket.socket(socket.AF_UNIX) as listener:
        here = os.open(tmp_path, os.O_RDONLY)
        try:
            listener.bind(f"/proc/self/fd/{here}/socket")  # a socket's own name must be short
        finally:
            os.close(here)
        os.symlink("/dev/zero", tmp_path / "zero")
        corpus = Corpus(tmp_path)
        assert list(corpus) == ["x"]
        skipped = [entry.removeprefix(f"{tmp_path}/") for entry in corpus.new_reading().skipped]
        assert skipped == ["socket: not a regular file", "zero: not a regular file"]


def test_a_very_deep_tree_is_walked(tmp_path):
    depth, folder = 300, str(tmp_path)
    for _ in range(depth):
        folder += "/d"
        os.mkdir(folder)
    with open(f"{folder}/a.txt", "w") as file:
        file.write("deep")
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(len(inspect.stack()) + 200)
    try:
        assert list(Corpus(tmp_path)) == ["deep"]
    finally:
        sys.setrecursionlimit(limit)


# Standard input


@pytest.mark.skipif(not os.path.exists("/proc/self/fd"), reason="a system without /proc")
def test_a_spooled_input_has_no_name_and_other_processes_read_it(tmp_path, monkeypatch):
    monkeypatch.setattr(sources.tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"a\nb\n")))
    corpus = Corpus("-")
    location = corpus.sources[0].location
    assert list(tmp_path.iterdir()) == []  # so nothing is left, however this process ends
    code = "import sys; print(open(sys.argv[1]).read(), end='')"
    command = [sys.executable, "-c", code, location]
    assert subprocess.run(command, capture_output=True, timeout=60).stdout == b"a\nb\n"
    assert list(corpus) == list(corpus) == ["a", "b"]


def test_without_proc_a_spooled_input_lies_where_clean_finds_it(tmp_path, monkeypatch):
    exists = os.path.exists
    monkeypatch.setattr(sources.os.path, "exists", lambda p: p != "/proc/self/fd" and exists(p))
    monkeypatch.setattr(sources.tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(sources.atexit, "register", lambda *_: None)
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"a\n")))
    corpus = Corpus("-")
    assert list(corpus) == ["a"]
    [folder] = tmp_path.iterdir()
    assert folder.name.startswith("textzero-")
    assert (folder / "lock").exists()


@pytest.mark.skipif(not os.path.exists("/proc/self/fd"), reason="a system without /proc")
def test_another_host_does_not_take_its_own_files_for_the_copy_of_a_pipe(tmp_path, monkeypatch):
    """There the same process number and descriptor may be another file, or nothing."""
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"a\nb\n")))
    corpus = Corpus("-")
    portion, splits = corpus.portion(corpus.splits())
    (tmp_path / "other").write_bytes(b"c\nd\n")
    for location in (tmp_path / "other", tmp_path / "nothing"):
        portion.listing.sources[0] = replace(portion.sources[0], location=str(location))
        with pytest.raises(InputError, match=r"is a pipe.* write it to a file that all workers"):
            list(portion.pieces(splits[0], portion.new_reading()))


# Readers of one file


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="a system without FIFOs")
@pytest.mark.parametrize(
    "read",
    [Lexicon.load, load_vectors, map_safetensors, read_json, partial(read_parquet, limit=None)],
)
def test_a_device_without_end_or_a_pipe_without_writer_is_refused_at_once(tmp_path, read):
    os.mkfifo(tmp_path / "pipe")
    for path in ("/dev/zero", tmp_path / "pipe"):
        with pytest.raises(InputError, match=f"{path} must be a file, got a pipe or a device"):
            read(path)


def test_a_bomb_is_stopped_long_before_its_end(tmp_path):
    """Of 10 MB that grow to 20 GB, no more is read than shows it."""
    frame = zstd_module().compress(bytes(64 << 20))  # some 6 kB
    (tmp_path / "bomb").write_bytes(frame * (10 * 10**6 // len(frame)))
    begun = time.process_time()
    with pytest.raises(InputError, match=r"grows more than 1,000 times: from \d+ kB to \d+ MB"):
        size_of_pieces(Corpus(tmp_path / "bomb"))
    assert time.process_time() - begun < 5
