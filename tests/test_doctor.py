import ast
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest

from textzero import cuda_driver, doctor
from textzero._compat import gpu_state
from textzero.cuda_driver import Device, Driver, DriverError
from textzero.progress import Progress

SETUP = Path(__file__).parents[1] / "setup.py"


def found(section, name=None):
    """The findings of a section by name."""
    findings = {f.name: f for f in doctor.examine() if f.section == section}
    return findings if name is None else findings[name]


def assigned(name):
    """What setup.py gives a name."""
    tree = ast.parse(SETUP.read_text())
    lines = [node for node in tree.body if isinstance(node, ast.Assign)]
    return ast.literal_eval(next(x.value for x in lines if ast.unparse(x.targets[0]) == name))


def test_the_core_works_here():
    findings = doctor.examine()
    bad = [f for f in findings if f.state == doctor.BAD]
    assert not bad and doctor.works(findings)
    sections = list(dict.fromkeys(f.section for f in findings))
    first = ["versions", "processor", "memory", "folders", "terminal", "self-test", "optional"]
    assert sections == [*first, "GPU"]
    tests = {f.name: f.value for f in findings if f.section == "self-test"}
    assert all(re.match(r"right, in \d", value) for value in tests.values())
    assert {"counting", "training"} <= tests.keys()


def test_every_package_of_setup_is_looked_at():
    core = {re.split(r"[<>=;\[]", line)[0] for line in assigned("CORE")}
    assert core <= {*doctor.CORE, "backports.zstd"}
    extras = assigned("EXTRAS")
    for module, (names, extra, _) in doctor.OPTIONAL.items():
        wanted = {re.split(r"[<>=;\[]", line)[0] for line in extras[extra]}
        assert wanted & set(names), f"setup.py's extra {extra!r} does not bring {module}"
    cupy = {re.split(r"[<>=;\[]", line)[0] for e in ("cuda12", "cuda13") for line in extras[e]}
    assert cupy <= doctor._CUPY.keys()
    asked = {extra for _, extra, _ in doctor.OPTIONAL.values()} | {"cuda12", "cuda13"}
    assert extras.keys() - {"all", "docs", "sklearn", "test"} == asked


def test_whatever_is_missing_says_what_to_do(monkeypatch):
    monkeypatch.setattr(doctor.importlib.util, "find_spec", lambda _: None)
    for module, finding in found("optional").items():
        assert finding.state == doctor.NOTE and finding.value.startswith("missing")
        assert finding.advice == f"pip install 'textzero[{doctor.OPTIONAL[module][1]}]'"


def test_a_missing_package_of_the_core_is_bad(monkeypatch):
    monkeypatch.setattr(doctor, "CORE", ("numpy", "no-such-package"))
    findings = list(doctor._versions())
    assert findings[-1].state == doctor.BAD and not doctor.works(findings)
    assert findings[-1].advice == "pip install no-such-package"


@pytest.mark.parametrize(
    "code, value",
    [
        ("raise ImportError('first line\\nlibfoo.so.7: no such file')", "libfoo.so.7: no such"),
        ("1 / 0", "ZeroDivisionError: division by zero"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)", "killed by signal 11"),
        ("import time; time.sleep(60)", "slow to import, not tried"),
        ("print('noise'); import sys; print('more', file=sys.stderr)", ": pictures"),
    ],
)
def test_a_broken_package_shows_its_last_line_and_stops_nothing(code, value, monkeypatch):
    packages = {"matplotlib": doctor.OPTIONAL["matplotlib"]}
    monkeypatch.setattr(doctor, "OPTIONAL", packages)
    command = [sys.executable, "-c", code]
    process = subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    )
    patience = 1 if "sleep" in code else 20
    [finding] = doctor._packages({"matplotlib": process}, time.monotonic() + patience)
    assert value in finding.value
    assert process.returncode is not None  # nothing is left running
    assert (finding.state == doctor.NOTE) == ("broken" in finding.value)


def test_a_slow_package_does_not_hide_what_the_others_say(monkeypatch):
    codes = {"keras": "import time; time.sleep(60)", "matplotlib": "raise ImportError('broken')"}
    monkeypatch.setattr(doctor, "OPTIONAL", {name: doctor.OPTIONAL[name] for name in codes})
    processes = {
        name: subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.PIPE, text=True)
        for name, code in codes.items()
    }
    processes["matplotlib"].wait()
    slow, broken = doctor._packages(processes, time.monotonic())
    assert "not tried" in slow.value and "ImportError: broken" in broken.value


def test_a_look_that_fails_is_a_finding(monkeypatch):
    def broken():
        yield doctor.Finding("memory", "machine", "much")
        raise OSError("no such device")

    first, second = doctor._guarded("memory", broken)
    assert first.value == "much"
    assert (second.state, second.value) == (doctor.BAD, "OSError: no such device")
    monkeypatch.setattr(doctor, "_count", lambda: 1 / 0)
    tests = {f.name: f for f in doctor._self_test(False, Progress())}
    assert tests["counting"].state == doctor.BAD
    assert tests["counting"].value == "ZeroDivisionError: division by zero"
    assert tests["training"].state == doctor.OK


def gpu(monkeypatch, driver, installed=None, state=(False, "CuPy is not installed")):
    def read():
        if isinstance(driver, Exception):
            raise driver
        return driver

    versions = {installed: "14.2.0"}
    monkeypatch.setattr(doctor, "read_driver", read)
    monkeypatch.setattr(
        doctor,
        "_version_of",
        lambda *names: next(((n, versions[n]) for n in names if n in versions), None),
    )
    monkeypatch.setattr("textzero._compat.gpu_state", lambda: state)
    return {f.name: f for f in doctor._gpu()}


CARD = Device("NVIDIA H200", (9, 0), 139 << 30)


def test_without_a_driver_the_gpu_is_no_matter(monkeypatch):
    findings = gpu(monkeypatch, None)
    assert findings["driver"].value == "none found; the CPU does everything"
    assert findings["CuPy"].advice.startswith("of use with an NVIDIA GPU only: pip install")
    assert doctor.works(list(findings.values()))


@pytest.mark.parametrize("cuda, extra", [((13, 1), "cuda13"), ((12, 4), "cuda12")])
def test_with_a_card_the_cupy_that_fits_the_driver_is_named(monkeypatch, cuda, extra):
    findings = gpu(monkeypatch, Driver(cuda, [CARD]))
    assert findings["NVIDIA H200"].value == "sm_90, 139.0 GB"
    assert findings["CuPy"].advice == f"pip install 'textzero[{extra}]'"


def test_a_cupy_that_is_newer_than_the_driver_is_told(monkeypatch):
    old = gpu(monkeypatch, Driver((12, 4), [CARD]), "cupy-cuda13x")["CuPy"]
    assert old.state == doctor.NOTE
    assert old.advice == (
        "the driver runs CUDA 12: pip uninstall cupy-cuda13x, then pip install 'textzero[cuda12]'"
    )
    for installed in ("cupy-cuda12x", "cupy"):
        assert gpu(monkeypatch, Driver((13, 0), [CARD]), installed)["CuPy"].state == doctor.OK


def test_a_driver_that_refuses_says_why(monkeypatch):
    findings = gpu(monkeypatch, DriverError("cuInit: no CUDA-capable device (code 100)"))
    assert findings["driver"].value == "cuInit: no CUDA-capable device (code 100)"
    assert "container" in findings["driver"].advice


def test_a_gpu_that_can_be_used_is_tested(monkeypatch):
    findings = gpu(monkeypatch, Driver((13, 0), [CARD]), "cupy-cuda13x", (True, "NVIDIA H200"))
    assert findings["use"].state == doctor.OK and findings["use"].value == "NVIDIA H200"
    monkeypatch.setattr(doctor, "_select_on_gpu", lambda: 1 / 0)
    tests = {f.name: f.state for f in doctor._self_test(True, Progress())}
    assert tests["GPU kernel"] == doctor.BAD


@pytest.mark.parametrize("where", ["gpu-emulated"])
def test_the_test_of_a_gpu_kernel_passes_where_kernels_run(where):  # noqa: ARG001
    doctor._select_on_gpu()


def test_a_broken_cupy_is_a_line(monkeypatch):
    def broken():
        raise AttributeError("module 'cupy' has no attribute 'cuda'")

    monkeypatch.setattr("textzero._compat.gpu_state", broken)
    monkeypatch.setattr(doctor, "read_driver", lambda: None)
    assert [f.value for f in doctor._gpu()][-1] == (
        "none: AttributeError: module 'cupy' has no attribute 'cuda'"
    )


class FakeLibrary:
    """The driver's functions, in memory."""

    def __init__(self, code=0):
        self.code = code

    def cuInit(self, flags):
        assert flags == 0
        return self.code

    def cuDriverGetVersion(self, version):
        version._obj.value = 13010
        return 0

    def cuDeviceGetCount(self, count):
        count._obj.value = 2
        return 0

    def cuDeviceGet(self, handle, number):
        handle._obj.value = 40 + number
        return 0

    def cuDeviceGetName(self, name, size, handle):
        name.value = b"card %d" % handle.value
        return 0 if size == 256 else 1

    def cuDeviceTotalMem_v2(self, memory, handle):
        memory._obj.value = handle.value << 30
        return 0

    def cuDeviceGetAttribute(self, value, attribute, handle):  # noqa: ARG002
        value._obj.value = {75: 9, 76: 0}[attribute]
        return 0

    def cuGetErrorString(self, code, text):
        text._obj.value = b"no device" if code == 100 else None
        return 0


def test_the_driver_tells_its_cuda_and_its_devices(monkeypatch):
    monkeypatch.setattr(cuda_driver, "_load", lambda _: FakeLibrary())
    devices = [Device(f"card {n}", (9, 0), n << 30) for n in (40, 41)]
    assert cuda_driver.read_driver() == Driver((13, 1), devices)


@pytest.mark.parametrize("code, reason", [(100, "no device"), (7, "unknown error")])
def test_what_the_driver_refuses_is_an_error(monkeypatch, code, reason):
    monkeypatch.setattr(cuda_driver, "_load", lambda _: FakeLibrary(code))
    with pytest.raises(DriverError, match=rf"cuInit: {reason} \(code {code}\)"):
        cuda_driver.read_driver()


def test_without_the_library_there_is_no_driver(monkeypatch):
    monkeypatch.setattr(cuda_driver, "_NAMES", ("no-such-library.so",))
    assert cuda_driver.read_driver() is None


def test_a_folder_that_python_takes_for_cupy_is_named(tmp_path, monkeypatch):
    (tmp_path / "cupy").mkdir()
    (tmp_path / "cupy" / "__init__.py").touch()
    for name in [name for name in sys.modules if name.partition(".")[0] == "cupy"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.syspath_prepend(tmp_path)
    usable, sentence = gpu_state()
    monkeypatch.delitem(sys.modules, "cupy")
    assert not usable
    assert sentence == f"what Python finds as CuPy is something else: {tmp_path / 'cupy'}"
