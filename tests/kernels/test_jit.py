import os
import subprocess
import sys

import numba
import pytest
from numba.core.caching import IndexDataCacheFile

from textzero.kernels.cpu import _jit


@pytest.mark.skipif(not hasattr(os, "getuid"), reason="no POSIX owners here")
@pytest.mark.parametrize("mode", [None, 0o700, 0o777])
def test_machine_code_is_kept_only_where_nobody_else_can_write(tmp_path, monkeypatch, mode):
    def compiler(**_):
        if not numba.config.CACHE_DIR:
            raise RuntimeError("no locator available")
        return lambda function: function

    monkeypatch.setattr(_jit.tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(_jit.numba, "njit", compiler)
    monkeypatch.setattr(numba.config, "CACHE_DIR", "")
    usual = tmp_path / f"textzero-{os.getuid()}"
    if mode is not None:
        usual.mkdir()
        usual.chmod(mode)
    _jit._private_folder.cache_clear()
    try:
        assert _jit.jit(len)("ab") == 2
    finally:
        _jit._private_folder.cache_clear()
    folder = numba.config.CACHE_DIR
    assert (folder == str(usual)) == (mode != 0o777)
    assert os.stat(folder).st_mode & 0o077 == 0


def test_a_kernel_runs_also_when_its_machine_code_cannot_be_kept(tmp_path, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    (tmp_path / "kernels_to_keep.py").write_text("def twice(n):\n    return 2 * n\n")
    monkeypatch.syspath_prepend(tmp_path)
    import kernels_to_keep

    monkeypatch.setattr("numba.core.caching.Cache._save_overload", full, raising=False)
    monkeypatch.setattr("numba.core.caching.IndexDataCacheFile.save", full)
    monkeypatch.setattr("numba.core.caching.IndexDataCacheFile.load", full)
    assert _jit.jit(kernels_to_keep.twice)(21) == 42


def test_a_kernel_is_compiled_again_when_one_that_it_calls_has_changed(tmp_path):
    head = "from textzero.kernels.cpu._jit import jit\n"
    (tmp_path / "outer.py").write_text(
        f"{head}from inner import f\n\n@jit\ndef g():\n    return f()\n\nprint(g())\n"
    )
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path / "kept")}
    for value in (1, 22):
        (tmp_path / "inner.py").write_text(f"{head}\n@jit\ndef f():\n    return {value}\n")
        done = subprocess.run(
            [sys.executable, tmp_path / "outer.py"], env=environment, capture_output=True, text=True
        )
        assert done.stdout == f"{value}\n", done.stderr


def test_machine_code_of_older_sources_is_not_taken_after_the_disk_was_full(tmp_path):
    program = """
import sys
from textzero.kernels.cpu._jit import jit
from numba.core.caching import IndexDataCacheFile

def full(*_):
    raise OSError(28, "No space left on device")

if sys.argv[1:]:
    IndexDataCacheFile._save_data = full

@jit
def f():
    return VALUE

print(f())
"""
    path = tmp_path / "changing.py"
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path / "kept")}
    for value, arguments in ((1, []), (22, ["full"]), (22, [])):
        if arguments or not path.exists():  # else it is what it was
            path.write_text(program.replace("VALUE", str(value)))
        done = subprocess.run(
            [sys.executable, path, *arguments], env=environment, text=True, capture_output=True
        )
        assert done.stdout == f"{value}\n", done.stderr


def test_sources_of_the_same_size_and_time_are_told_apart(tmp_path):
    stamps = []
    for text in ("a = 1", "a = 2"):
        (tmp_path / "one.py").write_text(text)
        os.utime(tmp_path / "one.py", (0, 0))
        _jit._stamp.cache_clear()
        stamps.append(_jit._stamp(str(tmp_path)))
    _jit._stamp.cache_clear()
    assert stamps[0] != stamps[1]


@pytest.mark.parametrize("ending", [".nbi", ".nbc"])
def test_machine_code_that_was_cut_short_is_compiled_and_kept_again(tmp_path, ending):
    (tmp_path / "once.py").write_text(
        "from textzero.kernels.cpu._jit import jit\n\n@jit\ndef f():\n    return 7\n\nprint(f())\n"
    )
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path / "kept")}
    for _ in range(2):
        done = subprocess.run(
            [sys.executable, tmp_path / "once.py"], env=environment, text=True, capture_output=True
        )
        assert done.stdout == "7\n", done.stderr
        [kept] = (tmp_path / "kept").rglob(f"*{ending}")
        assert kept.stat().st_size
        kept.write_bytes(b"")


def test_two_processes_that_compile_at_once_keep_each_its_own(tmp_path, monkeypatch):
    file = IndexDataCacheFile(str(tmp_path), "f", "stamp")
    with monkeypatch.context() as patch:
        patch.setattr(file, "_load_index", dict)  # neither has seen what the other told
        _jit._save(file, "of integers", 1)
        _jit._save(file, "of floats", 2)
    assert (file.load("of integers"), file.load("of floats")) == (None, 2)
    _jit._save(file, "of integers", 1)
    assert (file.load("of integers"), file.load("of floats")) == (1, 2)
    assert len(list(tmp_path.glob("*.nbc"))) == 2
