"""docs/reliability.md promises nothing that no test shows."""

import ast
import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "reliability.md").read_text(encoding="utf-8")
LINKS = re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", PAGE)


def functions_of(path):
    tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
    return {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}


def test_every_test_that_the_page_names_is_there():
    assert len(LINKS) > 40
    names = {path: functions_of(path) for path in {path for path, _ in LINKS}}
    assert [f"{path}::{name}" for path, name in LINKS if name not in names[path]] == []


def test_every_row_of_the_page_names_a_test():
    rows = [line for line in PAGE.splitlines() if line.startswith("|")]
    promises = [row for row in rows if not row.startswith(("| what happens", "|---"))]
    assert promises and [row for row in promises if "tests/" not in row] == []


def test_every_test_of_this_folder_is_on_the_page():
    ours = {
        f"{path.relative_to(ROOT).as_posix()}::{name}"
        for path in Path(__file__).parent.glob("test_*.py")
        for name in functions_of(path.relative_to(ROOT))
        if name.startswith("test_") and path.name != "test_page.py"
    }
    named = {f"{path}::{name}" for path, name in LINKS}
    assert sorted(ours - named) == []
