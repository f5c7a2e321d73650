import os
import subprocess
import sys

import numba
import pytest

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
