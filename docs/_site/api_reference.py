"""Pages for every public name of the library; mkdocstrings fills them from the docstrings."""

import ast
from pathlib import Path

FOLDER = "reference/api/"
PACKAGE = Path(__file__).parents[2] / "textzero"
# page: its title, and what the homes of its names begin with, as the package's table says
PAGES = {
    "corpus": ("Corpora, counts, tokens", ("corpus", "count", "tokens", "vocabulary", "workspace")),
    "words": ("Words without a dictionary", ("discovery", "lexicon", "segment")),
    "structure": ("Templates and trees", ("structure",)),
    "vectors": ("Co-occurrences and vectors", ("cooccurrence", "vectors", "plan", "sentence")),
    "saliency": ("Saliency", ("models.saliency",)),
    "report": ("Reports", ("report",)),
    "errors": ("Errors", ("errors",)),
}
# packages whose public names have a page of their own
PACKAGES = {
    "models": "Models and layers",
    "estimators": "scikit-learn estimators",
}


def contents() -> list[dict[str, str]]:
    """Return the entries of the navigation: a title and an address each, in the order of data."""
    titles = {**{page: title for page, (title, _) in PAGES.items()}, **_packages()}
    return [{title: f"{FOLDER}{page}.md"} for page, title in titles.items()]


def pages() -> dict[str, str]:
    """Return the pages by their addresses; a public name without a page is an error."""
    homes = _table(PACKAGE / "__init__.py", "_HOMES")
    found: dict[str, list[str]] = {page: [] for page in PAGES}
    for name, home in homes.items():
        found[_page_of(name, home)].append(f"textzero.{name}")
    texts = {page: _page(PAGES[page][0], names) for page, names in found.items()}
    for package, title in _packages().items():
        names = _table(PACKAGE / package / "__init__.py", "__all__")
        texts[package] = _page(title, [f"textzero.{package}.{name}" for name in names])
        found[package] = [f"textzero.{package}.{name}" for name in names]
    texts["index"] = _index(found)
    return {f"{FOLDER}{page}.md": text for page, text in texts.items()}


def _packages() -> dict[str, str]:
    return {name: title for name, title in PACKAGES.items() if _has_names(name)}


def _has_names(package: str) -> bool:
    path = PACKAGE / package / "__init__.py"
    return path.exists() and "__all__" in path.read_text(encoding="utf-8")


def _table(path: Path, name: str) -> dict[str, str]:
    """A table of names that a package holds, read without importing it."""
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == name:
            return ast.literal_eval(node.value)
    raise LookupError(f"{path} has no {name}")


def _page_of(name: str, home: str) -> str:
    for page in ("saliency", *PAGES):
        if home.startswith(PAGES[page][1]):
            return page
    raise LookupError(f"no page of docs/_site/api_reference.py takes textzero.{name} of {home}")


def _page(title: str, names: list[str]) -> str:
    return "\n\n".join([f"# {title}", *(f"::: {name}" for name in names)]) + "\n"


def _index(found: dict[str, list[str]]) -> str:
    titles = {page: title for page, (title, _) in PAGES.items()} | PACKAGES
    parts = ["# Every public name", "Made from the docstrings when this site was built."]
    for page, names in found.items():
        parts.append(f"## [{titles[page]}]({page}.md)")
        parts.append(" · ".join(f"[`{n.rpartition('.')[2]}`]({page}.md#{n})" for n in names))
    return "\n\n".join(parts) + "\n"
