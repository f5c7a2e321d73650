"""What a person installs: the files of wheel and sdist, their size, how quickly they start."""

import email
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
MADE = shutil.ignore_patterns(
    *(".*", "__pycache__", "*.nb?", "*.egg-info", "build", "dist", "site", "venv")
)
LARGEST = 1_200_000  # bytes of the wheel
HEAVY = {
    *("numpy", "numba", "pyarrow", "rich", "fsspec", "safetensors", "keras", "tensorflow"),
    *("sklearn", "scipy", "pandas", "polars", "matplotlib", "distributed", "multiprocessing"),
    *("asyncio", "urllib.request", "concurrent.futures"),
}


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """The sdist, and the wheel that is made of it, as `python -m build` makes them."""
    pytest.importorskip("build", reason="building needs the package build: textzero[test]")
    tree = tmp_path_factory.mktemp("tree") / "textzero"
    shutil.copytree(ROOT, tree, ignore=MADE)
    shutil.copytree(ROOT / ".ci", tree / ".ci")
    shutil.copy(ROOT / ".pre-commit-config.yaml", tree)
    out = tree.parent / "dist"
    done = build(tree, out)
    assert "warning" not in done.lower(), done
    return {path.suffix: path for path in out.iterdir()}


def build(tree, out, *options):
    command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", out, *options, tree]
    plain = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    done = subprocess.run(
        command, env=plain, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False
    )
    text = done.stdout.decode()
    assert done.returncode == 0, text
    return text


@pytest.fixture(scope="module")
def wheel(built):
    with zipfile.ZipFile(built[".whl"]) as archive:
        yield archive


def sources(folder, *suffixes):
    """The files that are installed from a folder of the checkout, relative to it."""
    found = (p for p in (ROOT / folder).rglob("*") if p.suffix in suffixes or p.name == "py.typed")
    return {p.relative_to(ROOT / folder).as_posix() for p in found if "__pycache__" not in p.parts}


def test_the_wheel_holds_the_library_and_the_commands_and_nothing_else(wheel):
    names = {n for n in wheel.namelist() if ".dist-info/" not in n}
    library = sources("textzero", ".py", ".cu", ".cuh", ".css", ".js")
    commands = sources("cli", ".py")
    assert names == {f"textzero/{n}" for n in library} | {f"textzero_cli/{n}" for n in commands}
    assert "textzero/py.typed" in names
    assert any(n.endswith(".cu") for n in names)
    assert any(n.startswith("textzero/report/assets/") for n in names)


def test_every_file_of_the_package_is_of_a_kind_that_is_installed():
    kinds = {p.suffix for p in (ROOT / "textzero").rglob("*") if p.is_file()}
    made = {".pyc", ".nbi", ".nbc"}
    assert kinds - made <= {".py", ".cu", ".cuh", ".css", ".js", ".typed", ""}, kinds


def test_the_wheel_is_small(built):
    assert built[".whl"].stat().st_size < LARGEST


def test_the_sdist_holds_what_building_testing_and_reading_need(built):
    with tarfile.open(built[".gz"]) as archive:
        names = {n.partition("/")[2] for n in archive.getnames()}
    wanted = {f"tests/{n}" for n in sources("tests", ".py", ".h")}
    wanted |= {f"docs/{n}" for n in sources("docs", ".md", ".py", ".css", ".js", ".svg")}
    wanted |= {f"textzero/{n}" for n in sources("textzero", ".py", ".cu", ".css", ".js")}
    wanted |= {"README.md", "README.zh.md", "CHANGELOG.md", "CONTRIBUTING.md", "CITATION.cff"}
    wanted |= {"LICENSE", "pyproject.toml", "setup.py", "mkdocs.yml", ".ci/run"}
    assert wanted <= names, wanted - names
    assert not [n for n in names if n.endswith((".pyc", ".nbi", ".nbc"))]


def test_the_wheel_is_the_same_from_the_sdist_and_from_the_checkout(built, wheel, tmp_path):
    """`built` is made through the sdist; this one is made of the tree itself."""
    build(built[".whl"].parent.parent / "textzero", tmp_path, "--wheel")
    with zipfile.ZipFile(next(tmp_path.glob("*.whl"))) as direct:
        ours = {n: direct.read(n) for n in direct.namelist() if not n.endswith("RECORD")}
    assert ours == {n: wheel.read(n) for n in wheel.namelist() if not n.endswith("RECORD")}


def test_the_metadata_say_what_it_is(wheel):
    name = next(n for n in wheel.namelist() if n.endswith(".dist-info/METADATA"))
    about = email.message_from_bytes(wheel.read(name))
    assert about["License-Expression"] == "Apache-2.0"
    assert about["Requires-Python"] == ">=3.11"
    assert "Typing :: Typed" in about.get_all("Classifier")
    extras = set(about.get_all("Provides-Extra"))
    assert {"all", "docs", "models", "plot", "report", "sklearn", "test"} <= extras
    citation = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    assert f"\nversion: {about['Version']}\n" in citation
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert project["build-system"]["build-backend"] == "setuptools.build_meta"


def test_the_page_on_an_index_is_the_readme_without_links_that_lead_nowhere(wheel):
    name = next(n for n in wheel.namelist() if n.endswith(".dist-info/METADATA"))
    page = email.message_from_bytes(wheel.read(name)).get_payload(decode=True).decode().strip()
    links = re.compile(r"\[([^]]+)\]\(([^)]+)\)")
    readme = (ROOT / "README.md").read_text(encoding="utf-8").strip()
    assert links.sub(r"\1", page) == links.sub(r"\1", readme) != readme
    assert all(to.startswith("https://") for _, to in links.findall(page))


def run(*arguments):
    """Processor seconds of a fresh Python, the least of five: other work does not count."""
    taken = []
    for _ in range(5):
        before = os.times()
        done = subprocess.run([sys.executable, *arguments], capture_output=True, check=True)
        after = os.times()
        taken.append(
            after.children_user
            - before.children_user
            + after.children_system
            - before.children_system
        )
    return min(taken), done.stdout.decode()


STARTS = {
    "import textzero": (("-c", "import sys, textzero; print(*sys.modules)"), 0.2),
    "textzero --help": (
        ("-c", "import sys; sys.argv = ['textzero', '--help']\n"
         "import atexit; atexit.register(lambda: print(*sys.modules))\n"
         "from textzero_cli import run; run()"), 0.3),
}  # fmt: skip


@pytest.mark.parametrize("what", STARTS)
def test_a_start_is_quick_and_imports_nothing_heavy(what):
    arguments, bound = STARTS[what]
    seconds, output = run(*arguments)
    modules = set(output.splitlines()[-1].split())
    assert "textzero" in modules or "textzero_cli.main" in modules
    assert not modules & HEAVY
    assert seconds < bound
