"""The shape of the code, kept by tests rather than by memory."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "textzero"
KERNELS = PACKAGE / "kernels"

# Data flows down this list. A module may import what stands above it.
ORDER = [
    *("version", "errors", "near", "_arguments", "_compat", "memory", "disk", "shown", "progress"),
    *("files", "locks", "store", "workspace", "packed", "_frames", "kernels", "crew", "parallel"),
    *("engines", "corpus", "_words", "_counts_reading", "counts", "_lexicon_reading", "lexicon"),
    *("characters", "information", "segmentations", "segmenter", "segmentation_score"),
    *("lexicon_score", "tokens", "token_workers", "_count_splits", "_count_shards", "counting"),
    *("discovery", "_segmented", "_segmented_shards", "segmenting", "vocabulary", "subsampling"),
    *("_cooccurrence", "cooccurrence", "vectors", "structure", "estimators", "models", "report"),
    *("demo", "_plan_sample", "_plan_model", "plan", "cuda_driver", "doctor"),
]
OPTIONAL = {"cupy", "keras", "jax", "torch", "tensorflow", "dask", "distributed", "matplotlib"}
OPTIONAL |= {"sklearn", "pandas", "polars", "datasets"}
HELPERS = {"conftest.py", "__init__.py"}
MAY_IMPORT_OPTIONAL = ("_compat.py", "models/", "kernels/gpu/", "engines/dask")
MAY_IMPORT_OPTIONAL += ("estimators/", "_frames.py", "report/plots.py", "report/projection.py")


def imported_names(path):
    """Yield every dotted name that the file at `path` imports, wherever in the file."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = "." * node.level + (node.module or "")
            yield base
            yield from (f"{base}.{alias.name}" for alias in node.names)


def stage_of(path):
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def source_files():
    return [p for p in sorted(PACKAGE.rglob("*.py")) if not stage_of(p).startswith("__")]


@pytest.mark.parametrize("path", source_files(), ids=lambda p: str(p.relative_to(PACKAGE)))
def test_imports_point_upstream(path):
    here = ORDER.index(stage_of(path))
    for name in imported_names(path):
        assert not name.startswith("."), f"{path.name}: write {name!r} as an absolute import"
        parts = name.split(".")
        if parts[0] == "textzero" and len(parts) > 1 and parts[1] in ORDER:
            assert ORDER.index(parts[1]) <= here, f"{path.name} imports {name} from downstream"
        assert parts[0] not in {"cli", "textzero_cli"}, f"{path.name} imports the command line"


@pytest.mark.parametrize("path", source_files(), ids=lambda p: str(p.relative_to(PACKAGE)))
def test_optional_packages_stay_optional(path):
    relative = path.relative_to(PACKAGE).as_posix()
    if relative.startswith(MAY_IMPORT_OPTIONAL):
        return
    found = {name.split(".")[0] for name in imported_names(path)} & OPTIONAL
    assert not found, f"{relative} imports {sorted(found)}; take it from textzero._compat"


@pytest.mark.parametrize("path", source_files(), ids=lambda p: str(p.relative_to(PACKAGE)))
def test_the_library_never_prints(path):
    calls = [n for n in ast.walk(ast.parse(path.read_text())) if isinstance(n, ast.Call)]
    assert not [n for n in calls if isinstance(n.func, ast.Name) and n.func.id == "print"]


def public_signatures(path):
    """Map each public function of a file to its arguments and defaults, as written."""
    assert path.exists(), f"{path.relative_to(PACKAGE)} is missing, and its twins exist"
    return {
        node.name: ast.unparse(node.args)
        for node in ast.parse(path.read_text(encoding="utf-8")).body
        if isinstance(node, ast.FunctionDef) and not node.name.startswith("_")
    }


def twins():
    found = [p for p in KERNELS.glob("*/*.py") if not p.name.startswith("_")]
    return sorted({(p.parent.name, p.name) for p in found if p.parent.name != "reference"})


@pytest.mark.parametrize("device, name", twins())
def test_twins_share_one_contract(device, name):
    contract = public_signatures(KERNELS / "reference" / name)
    signatures = public_signatures(KERNELS / device / name)
    # tables of constants are read from the reference by every twin
    tables = {"atom_classes", "case_classes", "character_classes", "lower_cases"}
    assert signatures == {k: v for k, v in contract.items() if k not in tables}


def test_every_reference_kernel_has_a_cpu_twin():
    names = {p.name for p in (KERNELS / "reference").glob("[!_]*.py")}
    assert names == {p.name for p in (KERNELS / "cpu").glob("[!_]*.py")}


def test_every_test_file_is_collected():
    for path in Path(__file__).parent.rglob("*.py"):
        makers = path.name.endswith("_makers.py") or "fuzz" in path.parts  # for the tests beside
        collected = path.name.startswith("test_") or path.name in HELPERS or makers
        assert collected or "data" in path.parts, f"pytest would not collect {path.name}"


def test_every_module_says_what_it_holds():
    for path in [*PACKAGE.rglob("*.py"), *(ROOT / "cli").glob("*.py")]:
        assert ast.get_docstring(ast.parse(path.read_text())), f"{path} has no docstring"


def test_every_module_has_a_room_in_the_architecture():
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    for path in source_files():
        name = path.relative_to(PACKAGE).as_posix()
        if not path.name.startswith("__"):
            assert f"`{name}`" in text, f"docs/architecture.md does not mention {name}"
