import errno
import hashlib
import json
import os
import subprocess
import sys

import numpy as np
import pytest

from textzero import files
from textzero.disk import Disk, replaced_disk
from textzero.errors import InputError, OutputExistsError, ResourceError
from textzero.files import whole_file, whole_folder
from textzero.workspace import Workspace


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_a_file_appears_only_when_it_is_whole(tmp_path):
    path = tmp_path / "a.txt"
    path.write_bytes(b"old")
    with whole_file(path) as file:
        file.write(b"new")
        assert path.read_bytes() == b"old"
    assert path.read_bytes() == b"new"
    with pytest.raises(KeyError), whole_file(path) as file:
        file.write(b"half")
        raise KeyError
    assert path.read_bytes() == b"new"
    assert names(tmp_path) == ["a.txt"]


def test_a_folder_appears_only_when_it_is_whole(tmp_path):
    path = tmp_path / "deep" / "out"
    for content in ("old", "new"):
        with whole_folder(path) as beside:
            (beside / "tensors.tsv").write_text(content)
        assert (path / "tensors.tsv").read_text() == content
    with pytest.raises(KeyError), whole_folder(path) as beside:
        (beside / "tensors.tsv").write_text("half")
        raise KeyError
    assert (path / "tensors.tsv").read_text() == "new"
    assert names(tmp_path / "deep") == ["out"]


def test_what_killed_processes_left_is_removed_by_who_holds_the_lock(tmp_path):
    path = tmp_path / "out"
    path.mkdir()
    for name in (".out.12.partial", ".out.0123abcd.12.old"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "rest").touch()
    (tmp_path / ".out.0123abcd.7.partial").touch()
    (tmp_path / ".other.0123abcd.7.partial").touch()
    with Workspace.beside(path):
        assert names(tmp_path) == [".other.0123abcd.7.partial", ".out.textzero", "out"]
    assert names(tmp_path) == [".other.0123abcd.7.partial", "out"]


def test_a_folder_that_a_killed_process_had_put_aside_comes_back(tmp_path):
    (tmp_path / ".out.0123abcd.12.old").mkdir()
    (tmp_path / ".out.0123abcd.12.old" / "a").touch()
    with Workspace.beside(tmp_path / "out"):
        assert names(tmp_path / "out") == ["a"]


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT])
@pytest.mark.parametrize("whole", [whole_file, whole_folder])
def test_a_full_disk_is_said_in_a_sentence(tmp_path, whole, code):
    with pytest.raises(ResourceError, match=r"a\.txt: the disk is full; free some space"):
        with whole(tmp_path / "a.txt"):
            raise OSError(code, "no space")
    assert names(tmp_path) == []


def test_a_full_disk_at_the_last_moment_leaves_the_old_file(tmp_path, monkeypatch):
    def full(_):
        raise OSError(errno.ENOSPC, "no space")

    path = tmp_path / "a.txt"
    path.write_bytes(b"old")
    monkeypatch.setattr(files.os, "fsync", full)
    with pytest.raises(ResourceError, match="the disk is full"), whole_file(path) as file:
        file.write(b"new")
    assert path.read_bytes() == b"old"
    assert names(tmp_path) == ["a.txt"]


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="a file that is always full")
def test_a_full_disk_is_named_also_when_closing_fails_once_more(tmp_path):
    class Full(Disk):
        def create(self, path, mode="wb"):  # noqa: ARG002
            return open("/dev/full", mode)

    with replaced_disk(Full()):
        with pytest.raises(ResourceError, match=r"a\.txt: the disk is full; free some space"):
            with whole_file(tmp_path / "a.txt") as file:
                file.write(b"few")  # kept back until it is flushed, tried again at the end
    assert names(tmp_path) == []


@pytest.mark.parametrize("whole", [whole_file, whole_folder])
def test_an_error_in_reading_the_input_is_not_called_one_in_writing(tmp_path, whole):
    with pytest.raises(FileNotFoundError), whole(tmp_path / "a"):
        open(tmp_path / "missing input")


def test_what_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").touch()
    (tmp_path / "folder").mkdir()
    with pytest.raises(ResourceError, match="cannot be written: No such file"):
        with whole_file(tmp_path / "missing" / "a"):
            pass
    with pytest.raises(ResourceError, match="folder cannot be written: Is a directory"):
        with whole_file(tmp_path / "folder"):
            pass
    with pytest.raises(ResourceError, match="cannot be written: Not a directory"):
        with whole_folder(tmp_path / "file" / "a"):
            pass
    with pytest.raises(OutputExistsError, match="textzero did not write"):
        with whole_folder(tmp_path / "file"):
            pass
    assert names(tmp_path) == ["file", "folder"]


def test_what_is_there_is_not_overwritten_unasked(tmp_path):
    path = tmp_path / "a"
    files.refuse_to_overwrite(path, force=False)
    path.symlink_to("nowhere")
    files.refuse_to_overwrite(path, force=True)
    with pytest.raises(OutputExistsError, match="already exists; choose another name or pass"):
        files.refuse_to_overwrite(path, force=False)


def test_a_folder_of_another_program_is_never_replaced(tmp_path):
    path = tmp_path / "extension"
    path.mkdir()
    for content in ('{"manifest_version": 3}', "{"):
        (path / "manifest.json").write_text(content)
        with pytest.raises(OutputExistsError, match="textzero did not write"), whole_folder(path):
            pass
        assert (path / "manifest.json").read_text() == content
    files.write_json(path / "manifest.json", {"kind": "textzero vectors 1"})
    with whole_folder(path):
        pass
    assert names(path) == []


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes with names here")
def test_a_pipe_is_written_and_stays(tmp_path):
    path = tmp_path / "pipe"
    os.mkfifo(path)
    files.refuse_to_overwrite(path, force=False)
    reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    with whole_file(path) as file:
        file.write(b"text")
    assert os.read(reader, 9) == b"text" and path.is_fifo()
    os.close(reader)
    assert names(tmp_path) == ["pipe"]


def test_json_comes_back(tmp_path):
    content = {"word": "北京", "name": "not utf-8: \udcff", "n": [1, 0.5, None]}
    files.write_json(tmp_path / "a.json", content)
    assert files.read_json(tmp_path / "a.json") == content
    assert "北京" in (tmp_path / "a.json").read_text(encoding="utf-8")
    with pytest.raises(ValueError, match="not JSON compliant"):
        files.write_json(tmp_path / "b.json", {"x": float("nan")})
    assert names(tmp_path) == ["a.json"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"{", "must be JSON"),
        (b"\xff", "must be JSON"),
        (b"[" * 100_000, "must be JSON"),
        (b"[]", "must hold a JSON object, got list"),
        (None, "cannot be read: No such file"),
    ],
)
def test_what_is_no_json_object_is_refused(tmp_path, content, message):
    if content is not None:
        (tmp_path / "a").write_bytes(content)
    with pytest.raises(InputError, match=message):
        files.read_json(tmp_path / "a")


def test_a_digest_is_of_the_bytes(tmp_path):
    data = json.dumps(list(range(300_000))).encode()
    (tmp_path / "a").write_bytes(data)
    expected = hashlib.blake2b(data, digest_size=32).hexdigest()
    assert files.file_digest(tmp_path / "a") == expected


def test_peak_memory_grows():
    before = files.peak_memory()
    block = bytearray(before + (64 << 20))
    block[:: 1 << 12] = b"x" * len(block[:: 1 << 12])
    assert files.peak_memory() > before


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="it is read from /proc")
def test_peak_memory_is_not_that_of_the_process_that_started_us():
    held = np.ones(1 << 25)  # 256 MB
    code = "from textzero.files import peak_memory; print(peak_memory())"
    peak = int(subprocess.run([sys.executable, "-c", code], capture_output=True, check=True).stdout)
    assert 1 << 20 < peak < held.nbytes // 2
