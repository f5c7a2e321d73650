"""What this machine has of what textzero uses, and what to do about the rest.

`examine` looks; nothing that is broken stops it. Packages that are not needed are imported in
processes of their own, for at most two seconds: a broken one can say why, and a slow one does not
hold up the rest.
"""

import contextlib
import importlib.metadata
import importlib.util
import locale
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from textzero.cuda_driver import Driver, find_nvrtc, read_driver
from textzero.progress import Progress
from textzero.version import __version__

CORE = (
    *("numpy", "numba", "llvmlite", "pyarrow", "click", "rich", "fsspec", "safetensors"),
    *(("backports.zstd",) if sys.version_info < (3, 14) else ()),
)
# module -> (distributions that bring it, extra, what for)
OPTIONAL = {
    "keras": (("keras",), "models", "taggers, readers and classifiers"),
    "tensorflow": (("tensorflow", "tensorflow-cpu"), "models", "the backend of Keras"),
    "aiohttp": (("aiohttp",), "http", "corpora behind http:// and https://"),
    "usearch": (("usearch",), "usearch", "an index of nearest neighbours"),
    "distributed": (("distributed",), "dask", "many machines"),
    "matplotlib": (("matplotlib",), "plot", "pictures"),
    "sklearn": (("scikit-learn",), "report", "t-SNE maps of vectors, and scikit-learn's pipelines"),
}
_CUPY = {"cupy-cuda12x": 12, "cupy-cuda13x": 13, "cupy": 0}
_PATIENCE, _GRACE = 2.0, 0.5  # seconds for importing what is optional; those left at the end
_ROOM = 1 << 30  # free bytes that a temporary folder should have
OK, NOTE, BAD = "ok", "note", "bad"


@dataclass(frozen=True)
class Finding:
    """One line of the report.

    Attributes:
        section: What it belongs to, such as "processor".
        name: What was looked at.
        value: What was found.
        state: "ok"; "note", which the core works without; or "bad".
        advice: What to do, or nothing.
    """

    section: str
    name: str
    value: str
    state: str = OK
    advice: str = ""


def examine(progress: Progress | None = None) -> list[Finding]:
    """Look at everything, in the order of the report; about a second once kernels are compiled.

    Args:
        progress: Told of each self-test; the first after an installation wait for compilation.
    """
    with _start_imports() as imports:
        return _findings(imports, time.monotonic() + _PATIENCE, progress or Progress())


def _findings(
    imports: dict[str, subprocess.Popen[str]], limit: float, progress: Progress
) -> list[Finding]:
    core = {"versions": _versions, "processor": _processor, "memory": _memory, "folders": _folders}
    found = [f for name, look in core.items() for f in _guarded(name, look)]
    found += _terminal()
    gpu = list(_gpu())
    found += _self_test(gpu[-1].state == OK, progress)
    return [*found, *_packages(imports, limit), *gpu]


def _guarded(section: str, look: Callable[[], Iterator[Finding]]) -> Iterator[Finding]:
    """What a look finds, and what stopped it: a package of the core that is missing or broken."""
    try:
        yield from look()
    except Exception as error:  # whatever it is, it is a finding
        what = last_line(f"{type(error).__name__}: {error}")
        yield Finding(section, "stopped", what, BAD, "pip install --force-reinstall textzero")


def works(findings: list[Finding]) -> bool:
    """Whether the core works: nothing is bad."""
    return not any(finding.state == BAD for finding in findings)


def last_line(text: str) -> str:
    """Return the last line of a traceback that says something."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1][:200] if lines else "no message"


def _version_of(*names: str) -> tuple[str, str] | None:
    """Return (distribution, version) of the first that is installed."""
    for name in names:
        try:
            return name, importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return None


def _size(size: float) -> str:
    return f"{size / (1 << 30):,.1f} GB"


def _versions() -> Iterator[Finding]:
    yield Finding("versions", "textzero", f"{__version__} in {Path(__file__).parent}")
    build = f"{platform.python_version()} ({platform.python_implementation()}) {sys.executable}"
    old = sys.version_info < (3, 11)
    yield Finding(
        *("versions", "Python", build),
        *((BAD, "textzero needs Python 3.11 or newer") if old else ()),
    )
    yield Finding("versions", "system", platform.platform())
    for name in CORE:
        held = _version_of(name)
        if held is None:
            yield Finding("versions", name, "missing", BAD, f"pip install {name}")
        else:
            yield Finding("versions", name, held[1])


def _processor() -> Iterator[Finding]:
    from textzero.parallel import worker_count

    usable, total = worker_count(None), os.cpu_count() or 1
    limited = f" of {total}" if usable < total else ""
    yield Finding("processor", "cores", f"{usable}{limited} that this process may use")
    quota = _cgroup("cpu.max")
    if quota and quota[0] != "max" and int(quota[0]) < usable * int(quota[1]):
        share = int(quota[0]) / int(quota[1])
        yield Finding(
            "processor", "limit", f"{share:.1f} cores of time", NOTE,
            f"threads would wait for each other: give --workers {max(1, int(share))}",
        )  # fmt: skip
    from llvmlite import binding

    features = binding.get_host_cpu_features()
    names = {"avx512f": "AVX-512", "avx2": "AVX2", "fma": "FMA", "sve": "SVE", "neon": "NEON"}
    vector = ", ".join(shown for name, shown in names.items() if features.get(name))
    value = f"{binding.get_host_cpu_name()}, {vector or 'no wide vectors'}"
    yield Finding("processor", "kind", value)


def _cgroup(name: str) -> list[str]:
    """The fields of a limit that a container has, or none."""
    try:
        return Path("/sys/fs/cgroup", name).read_text(encoding="ascii").split()
    except (OSError, ValueError):
        return []


def _memory() -> Iterator[Finding]:
    try:
        page = os.sysconf("SC_PAGE_SIZE")
        total, free = (os.sysconf(f"SC_{kind}_PAGES") * page for kind in ("PHYS", "AVPHYS"))
    except (AttributeError, ValueError, OSError):  # not a POSIX system
        yield Finding("memory", "machine", "unknown", NOTE, "give --memory, such as 4GB")
        return
    from textzero.memory import memory_bytes, memory_there

    yield Finding("memory", "machine", f"{_size(total)}, {_size(free)} unused")
    if memory_there() < total:
        yield Finding("memory", "limit", f"{_size(memory_there())} for this container or session")
    yield Finding("memory", "default", f"--memory is {_size(memory_bytes(None))} when not given")


def _folders() -> Iterator[Finding]:
    from textzero.kernels.cpu import neighbours

    compiled: Any = neighbours._best
    kept = Path(compiled._cache.cache_path)
    there = next(folder for folder in (kept, *kept.parents) if folder.is_dir())
    writable = os.access(there, os.W_OK)
    yield Finding(
        "folders", "compiled kernels", f"{kept}{'' if writable else ', not writable'}",
        OK if writable else NOTE,
        "" if writable else "set NUMBA_CACHE_DIR to a folder of yours, or every run compiles",
    )  # fmt: skip
    temporary = tempfile.gettempdir()
    try:
        with tempfile.TemporaryFile(dir=temporary):
            free = shutil.disk_usage(temporary).free
    except OSError as error:
        advice = "set TMPDIR to a folder that you can write"
        yield Finding("folders", "temporary", f"{temporary}: {error.strerror}", BAD, advice)
        return
    enough = free >= _ROOM
    yield Finding(
        "folders", "temporary", f"{temporary}, {_size(free)} free", OK if enough else NOTE,
        "" if enough else "large corpora need more: set TMPDIR to a larger disk",
    )  # fmt: skip


def _terminal() -> Iterator[Finding]:
    encoding = (getattr(sys.stdout, "encoding", None) or "none").lower()
    columns = shutil.get_terminal_size().columns
    shown = sys.stdout is not None and sys.stdout.isatty()
    shape = f"{columns} columns" if shown else "no terminal"
    # the command line writes UTF-8 whatever the locale says; a terminal may show it wrongly
    chosen = locale.getpreferredencoding(False).lower()
    fine = chosen.replace("-", "") == "utf8" or sys.flags.utf8_mode
    yield Finding(
        "terminal", "output", f"{shape}, {encoding}, locale {chosen}", OK if fine else NOTE,
        "" if fine else "set LANG=C.UTF-8, or letters may show as other ones",
    )  # fmt: skip
    person = sys.stderr is not None and sys.stderr.isatty()
    dumb, plain = os.environ.get("TERM") == "dumb", os.environ.get("NO_COLOR")
    why = "standard error is no terminal" if not person else "TERM is dumb" if dumb else ""
    bars = f"none: {why}" if why else "drawn" + (", without colours: NO_COLOR is set" * bool(plain))
    yield Finding("terminal", "bars", bars)


def _self_test(gpu: bool, progress: Progress) -> list[Finding]:
    tests = {"counting": _count, "training": _train}
    if gpu:
        tests["GPU kernel"] = _select_on_gpu
    found = []
    with progress.stage("self-test", len(tests), "tests"):
        for name, test in tests.items():
            found.append(_tested(name, test))
            progress.advance(1)
    return found


def _tested(name: str, test: Callable[[], None]) -> Finding:
    begun = time.perf_counter()
    try:
        test()
    except Exception as error:  # whatever fails is the finding
        advice = "pip install --force-reinstall textzero, then report what is said here"
        return Finding(
            "self-test", name, last_line(f"{type(error).__name__}: {error}"), BAD, advice
        )
    return Finding("self-test", name, f"right, in {time.perf_counter() - begun:.2f} s")


def _count() -> None:
    from textzero.counting import count_words

    counts = count_words(["b a b"], workers=1)
    found = list(zip(counts.words, counts.counts.tolist(), strict=True))
    if found != [("b", 2), ("a", 1)]:
        raise ValueError(f"'b a b' must be two b and one a, got {found}")


def _train() -> None:
    from textzero.cooccurrence import count_cooccurrences
    from textzero.counting import count_words
    from textzero.vectors.training import train_vectors
    from textzero.vocabulary import Vocabulary

    texts = ["a b c a b", "c b a c"]
    vocabulary = Vocabulary.from_counts(count_words(texts, workers=1), min_count=1)
    pairs = count_cooccurrences(texts, vocabulary, window=2, workers=1)
    losses = train_vectors(pairs, dim=8, workers=1, device="cpu").losses
    if not 0 <= losses[-1] < losses[0]:
        raise ValueError(f"the loss must fall, got {losses[0]:.4g}, then {losses[-1]:.4g}")


def _select_on_gpu() -> None:
    import numpy as np

    from textzero.kernels import kernel

    scores = np.array([[0.1, 0.9, 0.5, 0.7]], np.float32)
    columns = kernel("neighbours", "gpu").best_columns(scores, 9, 2, 0.0)[1].tolist()
    if columns != [1, 3]:
        raise ValueError(f"the best two of 0.1 0.9 0.5 0.7 must be 1 and 3, got {columns}")


@contextlib.contextmanager
def _start_imports() -> Iterator[dict[str, subprocess.Popen[str]]]:
    """Import every optional package that is there, each in a process of its own, ended at last."""
    modules = [*OPTIONAL, "cupy"]
    there = [module for module in modules if importlib.util.find_spec(module) is not None]
    processes = {module: _importing(module) for module in there}
    try:
        yield processes
    finally:
        for process in processes.values():
            process.kill()
            process.communicate()


def _importing(module: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", f"import {module}"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
    )


def _packages(imports: dict[str, subprocess.Popen[str]], limit: float) -> Iterator[Finding]:
    limit = max(limit, time.monotonic() + _GRACE)
    for module, (names, extra, purpose) in OPTIONAL.items():
        advice = f"pip install 'textzero[{extra}]'"
        if module not in imports:
            yield Finding("optional", module, f"missing: {purpose}", NOTE, advice)
            continue
        held = _version_of(*names)
        version = held[1] if held else "of unknown version"
        trouble = _trouble(imports[module], limit)
        if trouble is None:
            yield Finding("optional", module, f"{version}: {purpose}")
        elif not trouble:
            yield Finding("optional", module, f"{version}: {purpose} (slow to import, not tried)")
        else:
            again = f"pip install --force-reinstall {held[0] if held else module}"
            yield Finding("optional", module, f"{version}, broken: {trouble}", NOTE, again)


def _trouble(process: subprocess.Popen[str], limit: float) -> str | None:
    """Why an import failed; None when it did not, "" when it takes too long."""
    done = process.poll() is not None
    try:
        _, text = process.communicate(timeout=_GRACE if done else limit - time.monotonic())
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
        return ""
    if process.returncode == 0:
        return None
    if process.returncode < 0:
        return f"killed by signal {-process.returncode}"
    return last_line(text)


def _gpu() -> Iterator[Finding]:
    """What the driver says, what CuPy needs; the last finding is whether the GPU can be used."""
    from textzero._compat import gpu_state

    try:
        driver, trouble = read_driver(), ""
    except (OSError, AttributeError) as error:
        driver, trouble = None, str(error)
    yield _of_driver(driver, trouble)
    for device in driver.devices if driver else []:
        major, minor = device.capability
        yield Finding("GPU", device.name, f"sm_{major}{minor}, {_size(device.memory)}")
    held = _version_of(*_CUPY)
    newest = driver.cuda[0] if driver else 13
    advice = f"pip install 'textzero[cuda{13 if newest >= 13 else 12}]'"
    needless = "" if driver and driver.devices else "of use with an NVIDIA GPU only: "
    if held is None:
        yield Finding("GPU", "CuPy", "missing", NOTE, needless + advice)
    else:
        wants = _CUPY[held[0]]
        fits = not driver or not wants or wants <= driver.cuda[0]
        value = f"{held[1]} ({held[0]})"
        change = f"the driver runs CUDA {newest}: pip uninstall {held[0]}, then {advice}"
        yield Finding("GPU", "CuPy", value, OK if fits else NOTE, "" if fits else change)
        nvrtc = find_nvrtc()
        yield Finding(
            "GPU", "NVRTC", str(nvrtc or "missing"), OK if nvrtc else NOTE, "" if nvrtc else advice
        )
    try:
        usable, why = gpu_state()
    except Exception as error:  # a broken CuPy is a finding
        usable, why = False, last_line(f"{type(error).__name__}: {error}")
    yield Finding("GPU", "use", why if usable else f"none: {why}", OK if usable else NOTE)


def _of_driver(driver: Driver | None, trouble: str) -> Finding:
    if trouble:
        advice = "reboot, or reinstall the NVIDIA driver; a container needs --gpus all"
        return Finding("GPU", "driver", trouble, NOTE, advice)
    if driver is None:
        return Finding("GPU", "driver", "none found; the CPU does everything", NOTE)
    value = "CUDA {}.{}".format(*driver.cuda)
    if not driver.devices:
        advice = "CUDA_VISIBLE_DEVICES or the container may hide it"
        return Finding("GPU", "driver", f"{value}, no device", NOTE, advice)
    return Finding("GPU", "driver", value)
