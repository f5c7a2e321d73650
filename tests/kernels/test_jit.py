import os

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
