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
