import subprocess
import sys

import numpy as np
import pytest

from textzero import memory


def test_a_size_is_read_and_checked():
    assert memory.memory_bytes("1.5 GB") == memory.memory_bytes(3 << 29) == 3 << 29
    for wrong in ("lots", "-1GB", "1PB", "10MB", "9" * 400, "9999999999TB", "٣GB", 1 << 62, True):
        with pytest.raises(ValueError, match="memory must be"):
            memory.memory_bytes(wrong)


@pytest.mark.parametrize(
    "groups, files, limits",
    [
        ("0::/a/b\n", {"a/b/memory.max": "max", "a/memory.max": "900000000"}, [900_000_000]),
        ("0::/elsewhere\n", {"memory.max": "800000000"}, [800_000_000]),  # as in a container
        (
            "4:cpu,memory:/job\n0::/\n",
            {"memory/job/memory.limit_in_bytes": "700000000", "cpu/job/x": "1"},
            [700_000_000],
        ),
        ("3:cpu:/\n", {"memory/memory.limit_in_bytes": "1"}, []),
    ],
)
def test_limits_of_control_groups_are_found(tmp_path, groups, files, limits):
    (tmp_path / "proc/self").mkdir(parents=True)
    (tmp_path / "proc/self/cgroup").write_text(groups)
    for name, text in files.items():
        path = tmp_path / "sys/fs/cgroup" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text + "\n")
    assert memory._group_limits(tmp_path) == limits


def test_half_of_what_there_is_is_the_bound_when_none_is_given(monkeypatch):
    monkeypatch.setattr(memory, "memory_there", lambda: 2 << 30)
    assert memory.memory_bytes(None) == 1 << 30
    monkeypatch.setattr(memory, "memory_there", lambda: 400 << 20)
    assert memory.memory_bytes(None) == 300 << 20  # what is needed at least
    assert memory.memory_warning("300MB") == memory.memory_warning(None) == ""
    assert "2G is more than the 400 MB that there are here" in memory.memory_warning("2G")


def test_a_limit_of_address_space_is_what_there_is():
    resource = pytest.importorskip("resource")
    code = f"""
import resource
resource.setrlimit(resource.RLIMIT_AS, (700 << 20, {resource.RLIM_INFINITY}))
from textzero.memory import memory_there
print(memory_there() >> 20)"""
    assert int(subprocess.check_output([sys.executable, "-c", code])) <= 700


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="it is read from /proc")
def test_the_peak_of_a_run_holds_that_of_its_processes():
    with memory.watched_tree(0.02) as peak:
        before = peak.bytes
        code = "import time; x = b'x' * (100 << 20); time.sleep(0.5)"
        subprocess.run([sys.executable, "-c", code], check=True)
    assert 100 << 20 < peak.bytes - before < 250 << 20
    held = np.ones(1 << 23)  # 64 MB, here
    assert memory.tree_memory() > held.nbytes
