import os

import pytest

from textzero.disk import Disk, disk, replaced_disk


def test_the_disk_is_replaced_for_a_while():
    usual, other = disk(), Disk()
    with pytest.raises(KeyError), replaced_disk(other):
        assert disk() is other
        raise KeyError
    assert disk() is usual


def test_what_is_reserved_is_there_or_an_error(tmp_path):
    with disk().create(tmp_path / "a") as file:
        disk().reserve(file, 1 << 20)
        disk().flush(file)
    assert (tmp_path / "a").stat().st_size == 1 << 20
    if hasattr(os, "posix_fallocate"):
        assert (tmp_path / "a").stat().st_blocks * 512 >= 1 << 20  # no hole: it cannot fail later
        with disk().create(tmp_path / "b") as file, pytest.raises(OSError):
            disk().reserve(file, 1 << 60)


def test_names_are_given_once_where_that_is_asked(tmp_path):
    for name in "ab":
        with disk().create(tmp_path / name, "xb") as file:
            file.write(name.encode())
    with pytest.raises(FileExistsError):
        disk().create(tmp_path / "a", "xb")
    with pytest.raises(FileExistsError):
        disk().link(tmp_path / "a", tmp_path / "b")
    disk().rename(tmp_path / "a", tmp_path / "b")
    with disk().open(tmp_path / "b") as file:
        assert file.read() == b"a"


def test_what_is_not_there_is_removed_already(tmp_path):
    disk().remove(tmp_path / "none")
    disk().remove_folder(tmp_path / "none")
    disk().make_folder(tmp_path / "a" / "b")
    (tmp_path / "a" / "b" / "c").write_bytes(b"1")
    disk().flush_path(tmp_path / "a" / "b" / "c")
    disk().flush_path(tmp_path / "a")
    disk().remove_folder(tmp_path / "a")
    assert os.listdir(tmp_path) == []
    assert disk().free(tmp_path) > 0
