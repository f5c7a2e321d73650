"""What the documents show is run: every block of every page, in page order, one folder a page.

```python             a doctest; the blocks of a page share one session
```console            `$ command` and what it prints; `...` stands for anything, nothing for what is
                      not shown; of `$STDLIB`, the text that comes with Python, and of files made of
                      it, only lines, tabs and the size of numbers are compared
```LANG title="NAME"  written to the file NAME before the blocks behind it run
```text and the like  shown, not run
```sh                 installing; anything else needs `<!-- not run: why -->` on the line before,
                      and even then names commands and options that exist

`<!-- needs models -->` before a block skips it, aloud, where Keras is missing; `<!-- form only -->`
is for what depends on the machine: lines and tabs alone are compared.
"""

import doctest
import os
import re
import shlex
import subprocess
import sys
import sysconfig
from dataclasses import dataclass
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from textzero._compat import has_package
from textzero_cli import main

ROOT = Path(__file__).parents[1]
TOP = [ROOT / name for name in ("README.md", "README.zh.md", "CONTRIBUTING.md", "CHANGELOG.md")]
PAGES = [*TOP, *sorted((ROOT / "docs").rglob("*.md"))]
RUN = {"python", "console"}
SHOWN = {"text", "json", "toml", "yaml", "html", "tsv", "csv", "diff", "bibtex"}
LANGUAGES = RUN | SHOWN | {"sh"}
MARKERS = re.compile(
    r"<!-- ((needs models|form only)(, form only)?|not run: \S.*|(first|test) command) -->"
)
INFO = re.compile(r'(\w+)(?: title="([\w.-]+(?:/[\w.-]+)*)")?')
INSTALLS = re.compile(
    r"(sudo )?((\.venv/bin/|[\w/.]+/bin/)?pip3? install|python3? -m (venv|pip|build)|apt(-get)? |"
    r"git clone |cd |source |\. |pipx |uv )"
)
SAME = doctest.ELLIPSIS
STDLIB = sysconfig.get_path("stdlib")


@dataclass(frozen=True)
class Block:
    """One fenced block: where it stands, what its fence says, what stands before and in it."""

    page: Path
    line: int
    info: str
    marker: str
    source: str

    def __str__(self):
        return f"{self.page.relative_to(ROOT).as_posix()}:{self.line}"

    @property
    def language(self):
        return self.info.split(" ")[0]

    @property
    def title(self):
        match = INFO.fullmatch(self.info)
        return match[2] if match else None


def blocks_of(page):
    """Every fenced block of a page, by the rules of CommonMark that pages use."""
    found, fence = [], None
    lines = page.read_text(encoding="utf-8").splitlines()
    for number, line in enumerate(lines, 1):
        match = re.match(r"( *)(`{3,}|~{3,})(.*)$", line)
        if fence is None and match:
            before = lines[number - 2].strip() if number > 1 else ""
            fence = (match[1], match[2], match[3].strip(), before, number, [])
        elif fence is not None:
            indent, ticks, info, before, start, body = fence
            if match and match[2].startswith(ticks) and not match[3].strip():
                source = "".join(f"{x.removeprefix(indent)}\n" for x in body)
                found.append(Block(page, start, info, before, source))
                fence = None
            else:
                body.append(line)
    assert fence is None, f"{page.name}:{fence[4]}: a block without an end"
    return found


BLOCKS = {page: blocks_of(page) for page in PAGES if page.exists()}


def every_block(keep):
    return [
        pytest.param(block, id=str(block))
        for page in BLOCKS.values()
        for block in page
        if keep(block)
    ]


class Session:
    """What a reader has who does what a page says, from its top."""

    def __init__(self, folder):
        self.folder = folder
        self.names = {}
        self.done = []
        self.failed = None
        self.varying = set()  # files made of the text that comes with Python

    def run_up_to(self, block):
        """Run what stands before a block and was not run yet, then the block."""
        if self.failed:
            pytest.fail(f"{self.failed} failed, and this block stands behind it")
        page = BLOCKS[block.page]
        for earlier in page[: page.index(block) + 1]:
            if earlier not in self.done:
                self.done.append(earlier)
                self.failed = earlier
                self.run(earlier)
                self.failed = None

    def run(self, block):
        if block.title:
            path = self.folder / block.title
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(block.source, encoding="utf-8")
        elif block.language in RUN and not (needs_models(block) and not has_models()):
            if block.language == "python":
                run_python(block, self.names)
            else:
                run_console(block, self.varies(block))

    def varies(self, block):
        """What of an output varies: "form" all but that, "size" words, "" nothing."""
        words = {w.strip("'\"").split("/")[0] for w in block.source.split()}
        form_only = "form only" in block.marker
        if "$STDLIB" not in block.source and not form_only and not words & self.varying:
            return ""
        self.varying |= set(re.findall(r"(?:-o|--output) +([^\s/]+)", block.source))
        return "form" if form_only else "size"


def needs_models(block):
    return "needs models" in block.marker


def has_models():
    return has_package("keras") and has_package("tensorflow")


def run_python(block, names):
    case = doctest.DocTestParser().get_doctest(block.source, names, str(block), str(block.page), 0)
    case.globs = names  # not a copy: later blocks go on in this session
    assert case.examples, f"{block}: a python block holds at least one >>> example"
    report = []
    runner = doctest.DocTestRunner(optionflags=SAME)
    failed = runner.run(case, out=report.append, clear_globs=False).failed
    assert failed == 0, "".join(report)


def run_console(block, varies):
    assert block.source.startswith("$ "), f"{block}: a console block begins with a command"
    for command, expected in re.findall(
        r"^\$ ((?:.*\\\n)*.*)\n((?:(?!\$ ).*\n)*)", block.source, re.M
    ):
        outputs, code = run_command(command)
        wanted_code = bool(re.search(r"^Error: ", expected, re.M))
        assert bool(code) == wanted_code, f"{block}: `{command}` ended with {code}\n{outputs[-1]}"
        if expected and not any(agrees(expected, output, varies) for output in outputs):
            pytest.fail(f"{block}: `{command}` printed\n{outputs[-1]}\nand not\n{expected}")


def run_command(command):
    """What a command prints to standard output, and with standard error between; its exit code."""
    plain, _, limit = command.replace("\\\n", "").partition(" | head -n ")
    if not plain.startswith("textzero ") or re.search(r"[|<>;&`]|\$\(", plain + limit):
        return run_shell(command)
    arguments = shlex.split(plain.replace("$STDLIB", shlex.quote(STDLIB)))[1:]
    result = CliRunner().invoke(main, arguments, prog_name="textzero")
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    lines = int(limit or 10**9)
    outputs = (result.stdout, result.output)
    return ["".join(x.splitlines(keepends=True)[:lines]) for x in outputs], result.exit_code


def run_shell(command):
    function = f'textzero() {{ {shlex.quote(sys.executable)} -m textzero "$@"; }}'
    python = f'python() {{ {shlex.quote(sys.executable)} "$@"; }}'
    script = f"{function}\n{python}\n{command}\n"
    environment = {**os.environ, "STDLIB": STDLIB, "NO_COLOR": "1", "COLUMNS": "80"}
    done = subprocess.run(
        ["bash", "-o", "pipefail", "-c", script],
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=100,
        check=False,
    )
    code = 0 if done.returncode == 141 else done.returncode  # `| head` has read enough
    return [done.stdout.decode()], code


def agrees(expected, output, varies):
    if not varies:
        return doctest.OutputChecker().check_output(expected, output, SAME)
    wanted, lines = expected.splitlines(), output.splitlines()
    if "..." in wanted:
        at = wanted.index("...")
        behind = len(wanted) - at - 1
        wanted = wanted[:at] + wanted[at + 1 :]
        lines = lines[:at] + lines[max(at, len(lines) - behind) :]
    return len(wanted) == len(lines) and all(
        x.count("\t") == y.count("\t") and (varies == "form" or alike(x, y))
        for x, y in zip(wanted, lines, strict=True)
    )


def alike(wanted, line):
    """Numbers stand where numbers stood, of one size: within a factor of two, or 0.15."""
    cells = zip(wanted.split("\t"), line.split("\t"), strict=True)
    numbers = [(number(a), number(b)) for a, b in cells]
    return all(
        (a is None) == (b is None)
        and (a is None or abs(a - b) <= 0.15 or 0.5 <= abs(a / (b or 1e-9)) <= 2)
        for a, b in numbers
    )


def number(cell):
    return float(cell.replace(",", "")) if re.fullmatch(r"-?\d[\d,]*(\.\d+)?", cell) else None


@pytest.fixture(scope="module")
def sessions():
    return {}


@pytest.mark.parametrize(
    "block", every_block(lambda block: block.language in RUN and not block.title)
)
def test_a_block_does_what_it_shows(block, sessions, tmp_path_factory, monkeypatch):
    if needs_models(block) and not has_models():
        pytest.skip(f"{block} needs Keras: pip install 'textzero[models]'")
    if block.page not in sessions:
        sessions[block.page] = Session(tmp_path_factory.mktemp("page"))
    monkeypatch.chdir(sessions[block.page].folder)
    monkeypatch.syspath_prepend(str(sessions[block.page].folder))
    sessions[block.page].run_up_to(block)


@pytest.mark.parametrize("page", BLOCKS, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_no_block_escapes_by_a_typing_error(page):
    for block in BLOCKS[page]:
        assert INFO.fullmatch(block.info), f'{block}: ```{block.info} is not LANGUAGE title="NAME"'
        assert block.language in LANGUAGES, f"{block}: {block.language} is none of {LANGUAGES}"
        if block.marker.startswith("<!--"):
            assert MARKERS.fullmatch(block.marker), f"{block}: what does {block.marker} mean?"
    # what looks like an example stands in a block
    fenced = sum(
        block.source.count("\n$ ") + block.source.startswith("$ ") for block in BLOCKS[page]
    )
    assert len(re.findall(r"^ *\$ ", page.read_text(encoding="utf-8"), re.M)) == fenced


@pytest.mark.parametrize("block", every_block(lambda block: block.language == "sh"))
def test_what_is_not_run_says_why_and_names_real_options(block):
    lines = [x for x in block.source.replace("\\\n", "").splitlines() if x and x[0] != "#"]
    installs = all(INSTALLS.match(line) for line in lines)
    assert installs or block.marker.startswith("<!-- not run: "), f"{block}: run it, or say why not"
    for line in lines:
        words = list(shlex.shlex(line, posix=True, punctuation_chars="|&;()<>"))
        for at, word in enumerate(words):
            if (word == "textzero" or word.endswith("bin/textzero")) and at + 1 < len(words):
                check_options(words[at + 1 :], block)


def check_options(words, block):
    """The command exists, and so do the options that follow it."""
    command = main
    while isinstance(command, click.Group) and words and not words[0].startswith("-"):
        name, *words = words
        command = command.get_command(None, name)
        assert command is not None, f"{block}: there is no command {name!r}"
    known = {"--help", "-h"}
    known |= {name for p in command.params for name in (*p.opts, *p.secondary_opts)}
    for word in words:
        if set(word) & set("|&;()<>"):
            break
        if re.match(r"--?[a-zA-Z]", word):
            assert word.split("=")[0] in known, f"{block}: no option {word} of {command.name}"


@pytest.mark.parametrize("marker", ["first command", "test command"])
def test_what_a_newcomer_types_is_run_by_ci(marker):
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    assert f"readme_command '{marker}'" in script
    blocks = [b for b in BLOCKS[ROOT / "README.md"] if b.marker == f"<!-- {marker} -->"]
    assert len(blocks) == 1
    assert blocks[0].source.count("\n") == 1, "one line, for one paste"
    assert blocks[0].source in [block.source for block in BLOCKS[ROOT / "README.zh.md"]]


LINK = re.compile(r"!?\[[^\]]*\]\(<?([^)\s>]+)>?(?: \"[^\"]*\")?\)")


@pytest.mark.parametrize("page", BLOCKS, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_links_inside_lead_somewhere(page):
    text = re.sub(
        r"^( *)(```|~~~).*?^\1\2", "", page.read_text(encoding="utf-8"), flags=re.M | re.S
    )
    for target in LINK.findall(re.sub(r"`[^`\n]*`", "", text)):
        path, _, anchor = target.partition("#")
        if re.match(r"[a-z]+:", path) or path.startswith("reference/") or "/reference/" in path:
            continue  # elsewhere; or made with the site, whose strict build looks at it
        place = (page.parent / path) if path else page
        if page.parent == ROOT / "docs" and path in {"changelog.md", "contributing.md"}:
            place = ROOT / path.upper().replace(".MD", ".md")
        assert place.exists(), f"{page.name} links to {target}"
        if anchor and place.suffix == ".md":
            assert anchor in anchors(place), f"{page.name} links to {target}"


def anchors(page):
    """The anchors of a page's headings, as GitHub and the site make them."""
    text = re.sub(r"^ *(```|~~~).*?^ *\1", "", page.read_text(encoding="utf-8"), flags=re.M | re.S)
    heads = [re.sub(r"[`*]|\[|\]\([^)]*\)", "", x) for x in re.findall(r"^#+ (.*)", text, re.M)]
    return {re.sub(r"\s", "-", re.sub(r"[^\w\s-]", "", x.strip().lower())) for x in heads}


def commands(group=main, path=("textzero",)):
    for name in group.list_commands(None):
        command = group.get_command(None, name)
        if isinstance(command, click.Group):
            yield from commands(command, (*path, name))
        else:
            yield " ".join((*path, name)), command


def test_every_command_is_explained():
    pages = "\n".join(page.read_text(encoding="utf-8") for page in BLOCKS)
    for name, command in commands():
        assert command.help, f"`{name}` has no help"
        for parameter in command.params:
            if isinstance(parameter, click.Option):
                assert parameter.help, f"`{name} {parameter.opts[0]}` has no help"
        assert name in pages, f"`{name}` has no page"


def test_every_page_is_there():
    assert [page.name for page in PAGES if page not in BLOCKS] == []
