"""What mkdocs does beyond Markdown: pages made from the code, formulas, languages.

Everything generated is generated here, at every build; nothing of it is kept, so nothing is stale.
"""

import re
import sys
from pathlib import Path
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

sys.path.insert(0, str(Path(__file__).parent))

import api_reference
import cli_reference
import mathml

CHINESE = "[\u3000-\u303f\u4e00-\u9fff\uff00-\uffef“”‘’…—]"
ROOT = Path(__file__).parents[2]
MARKER = re.compile(r"^ *<!-- .*? -->\n(?= *```)", re.M)


def _generated() -> dict[str, str]:
    """Pages that have no file below docs/, by their address."""
    top = {f"{name.lower()}.md": _top_page(f"{name}.md") for name in ("CHANGELOG", "CONTRIBUTING")}
    return {**cli_reference.pages(), **api_reference.pages(), **top}


def _top_page(name: str) -> str:
    """A page of the top folder, with its links as they are seen from docs/."""
    text = (ROOT / name).read_text(encoding="utf-8")
    text = re.sub(r"\]\(docs/", "](", text)
    text = re.sub(r"\]\((CHANGELOG|CONTRIBUTING)\.md", lambda m: m[0].lower(), text)
    return re.sub(r"\[([^\]\[]*)\]\((?!https:)[^)\s]*/[A-Z][^)\s]*\)", r"\1", text)


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Put the generated pages of a folder where the navigation names the folder."""
    made = {
        cli_reference.FOLDER: cli_reference.contents(),
        api_reference.FOLDER: api_reference.contents(),
    }

    def filled(nav: Any) -> Any:
        if isinstance(nav, dict):
            return {title: filled(value) for title, value in nav.items()}
        if isinstance(nav, list):
            return [x for value in nav for x in (made.get(str(value)) or [filled(value)])]
        return nav

    config.nav = filled(config.nav)
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the generated pages."""
    for address, text in _generated().items():
        files.append(File.generated(config, address, content=text))
    return files


def on_page_markdown(markdown: str, page: Page, **_: Any) -> str:
    """Take out what is meant for the tests; name files that are not part of the site."""
    markdown = MARKER.sub("", markdown)
    if page.is_homepage:
        page.meta["hide"] = ["navigation"]  # it would hold this page alone
    if page.file.src_uri.endswith(".zh.md"):
        markdown = _joined(markdown)
    depth = page.file.src_uri.count("/")
    outside = re.escape("../" * (depth + 1))
    return re.sub(rf"\[([^\]\[]*)\]\({outside}[^)\s]*\)", r"\1", markdown)


def _joined(markdown: str) -> str:
    """A line that ends in a Chinese character goes on without a space; blocks stay as they are."""
    parts = re.split(r"(^ *```.*?^ *```$)", markdown, flags=re.M | re.S)
    parts[::2] = [re.sub(f"(?<={CHINESE})\n *(?={CHINESE})", "", part) for part in parts[::2]]
    return "".join(parts)


def on_page_content(html: str, page: Page, **_: Any) -> str:
    """Turn formulas into MathML, which browsers show without scripts or fonts of ours."""
    return mathml.formulas(html, page.file.src_uri)


def on_post_page(output: str, page: Page, **_: Any) -> str:
    """Say the language of a page to readers that read aloud, and to search engines."""
    if page.file.src_uri.endswith(".zh.md"):
        return output.replace('<html lang="en"', '<html lang="zh-CN"', 1)
    return output
