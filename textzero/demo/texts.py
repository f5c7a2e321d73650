"""The texts of the demo: the files of a folder that hold text, or what Python's authors wrote.

The docstrings and comments of Python's library are English that every installation has: they are
read from its source files, which are not run.
"""

import ast
import glob
import io
import os
import platform
import re
import tokenize
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

from textzero.corpus import Corpus, Reading
from textzero.disk import disk
from textzero.errors import InputError
from textzero.files import size_text, whole_file
from textzero.shown.text import counted

MOST = 16_000_000  # bytes that are read; of more text, stretches from all over it
LEAST = 1000  # words
_WORD = re.compile(r"[^\W\d_]+")
_HEAD = 4096  # bytes of a file that tell text from other things
_STRETCH = 1 << 18
_PACKED = 4  # bytes of text in a compressed one, about
_MARKS = (b"\xff\xfe", b"\xfe\xff")  # UTF-16, which has zero bytes and is text
_NO_PROSE = re.compile(r"tests?|idle_test|encodings|__pycache__|.+-packages|config-.+|\..+")
_MODULES = "modules"  # the file of those that are in no package
_FOR_PROGRAMS = ("!", "*-", "type:", "noqa", "pylint", "vim:")  # how comments for them begin
_BEGINS = {tokenize.ENCODING, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT}
_SILENT = {tokenize.NL, tokenize.COMMENT}


@dataclass(frozen=True)
class Texts:
    """What the demo reads.

    Attributes:
        corpus: The texts, a document a line.
        root: The folder whose sub-folders may be labels.
        about: What they are, in a phrase.
        losses: What was passed over, in sentences.
        exclude: Patterns of the files that were.
        field: Where the text of JSON lines and tables is; None for text.
    """

    corpus: Corpus
    root: Path
    about: str
    losses: list[str] = field(default_factory=list)
    exclude: list[str] = field(default_factory=list)
    field: str | None = None


def folder_texts(folder: str | Path, output: Path, field: str | None = None) -> Texts:
    """Return the text files of a folder.

    Args:
        folder: A folder, or one file.
        output: The demo's own folder, which is not read.
        field: Text field of JSON lines, or column of tables; None for text.

    Raises:
        InputError: There is no such folder, or too little text in it.
    """
    if str(folder) == "-" or "://" in str(folder):
        raise InputError(f"the demo reads a folder or a file of this machine, got {folder}")
    paths, passed, unread = text_files(Path(folder), output, field)
    if not paths:
        named = f" {field or 'text'!r}"  # as in: no column 'text'
        hint = "; name it with field= (--column)" if passed and passed[0].endswith(named) else ""
        raise InputError(f"no text files in {folder}{_first(passed)}{hint}")
    corpus = Corpus(*paths, encoding="auto", on_error="skip", field=field)
    losses = [_counted(len(passed), "file") + f" passed over{_first(passed)}"] if passed else []
    about = f"{len(paths):,} file{'s' * (len(paths) > 1)} of {folder}, {size_text(corpus.size)}"
    words = 0
    for text in corpus:
        words += sum(1 if word.isascii() else len(word) for word in _WORD.findall(text))
        if words >= LEAST:
            exclude = _patterns(unread, paths, folder)
            return Texts(corpus, Path(folder), about, losses, exclude, field)
    raise InputError(
        f"{folder} holds {counted(words, 'words')}, too few to learn from; name a folder with "
        f"{LEAST:,} or more, better a million"
    )


def text_files(
    folder: Path, output: Path, field: str | None = None
) -> tuple[list[str], list[str], list[Path]]:
    """Return the text files of a folder; what was passed over and why; and the files of that.

    What the demo wrote into the folder is left out; the demo's own texts are inside the output.

    Raises:
        InputError: There is no file at all.
    """
    listing, own = Corpus(folder, encoding="auto").listing, output.resolve()
    holds_output = own not in (folder.resolve(), *folder.resolve().parents)
    paths, passed, unread = list[str](), list(listing.skipped), list[Path]()
    for source in listing.sources:
        path = Path(source.path)
        if (holds_output and own in path.resolve().parents) or not source.size:
            continue
        if why := _no_text(path, bool(source.compression), source.format, field):
            passed.append(f"{path}: {why}")
            unread.append(path)
        else:
            paths.append(source.path)
    return paths, passed, unread


def _patterns(unread: list[Path], paths: list[str], folder: str | Path) -> list[str]:
    """Patterns of files that were passed over; of their suffix, where no text has it."""
    kept = {Path(path).suffix for path in paths}
    return sorted({
        f"*{path.suffix}"
        if path.suffix and path.suffix not in kept
        else glob.escape(path.relative_to(folder).as_posix())
        for path in unread
    })  # fmt: skip


def limited(texts: Texts, output: Path) -> Texts:
    """Return the texts, or a sample of them, written into `output`, if they are many."""
    corpus = texts.corpus
    if _unpacked(corpus) <= MOST:
        return texts
    path = output / "texts" / "sample.txt"
    disk().make_folder(path.parent, exist_ok=True)
    about = f"{_sample(corpus, path)} of the {texts.about}, in stretches from all over them"
    return replace(texts, corpus=Corpus(path.parent), about=about)


def _counted(number: int, what: str) -> str:
    return f"{number:,} {what} was" if number == 1 else f"{number:,} {what}s were"


def _first(passed: list[str]) -> str:
    return f" (the first: {passed[0]})" if passed else ""


def _no_text(path: Path, packed: bool, format: str, field: str | None) -> str:
    """Why a file is no text, as its first bytes or, of a table, its columns have it; else ""."""
    try:
        if format != "text":
            next(iter(Corpus(path, encoding="auto", on_error="skip", field=field)), None)
        elif not packed:
            with open(path, "rb") as file:
                head = file.read(_HEAD)
            return "not text" if b"\0" in head and not head.startswith(_MARKS) else ""
    except InputError as error:  # no such column
        return str(error).split(";")[0].removeprefix(f"{path} ")
    except OSError as error:
        return str(error.strerror)
    return ""


def _unpacked(corpus: Corpus) -> int:
    """Bytes of the texts, about."""
    return sum(source.size * (_PACKED if source.compression else 1) for source in corpus.sources)


def _sample(corpus: Corpus, path: Path) -> str:
    """Write stretches from all over a corpus to a file; return how much it is.

    Of a compressed file it is the beginning.
    """
    step, reading, size = _unpacked(corpus) / MOST, Reading(), 0
    packed = [bool(source.compression) for source in corpus.sources]
    plain = [split for split in corpus.splits(_STRETCH) if not packed[split.source]]
    chosen = [plain[int(i * step)] for i in range(-(-len(plain) // max(1, round(step))))
              if int(i * step) < len(plain)]  # fmt: skip
    chosen += [split for split in corpus.splits(_STRETCH) if packed[split.source]]
    with whole_file(path) as file:
        for split in chosen:
            room = int((split.stop - split.start) * (_PACKED / step if packed[split.source] else 2))
            for text, ended in corpus.parts(split, reading):
                written = file.write(text.encode("utf-8", "replace") + b"\n" * ended)
                size, room = size + written, room - written
                if room < 0:
                    break
    return size_text(size)


def python_texts(library: Path, output: Path) -> Texts:
    """Write the docstrings and comments of Python's library to text files, a paragraph a line.

    Those of a package are one file, in a folder of its name. What stands in several modules, such
    as a licence, is written once.

    Args:
        library: Where Python's source files are.
        output: The demo's folder; the texts are in its sub-folder `texts`, packages as folders.

    Raises:
        InputError: There are no source files.
    """
    read, broken, seen = 0, list[str](), set[str]()
    found: dict[str, list[str]] = {}
    for path in sorted(library.rglob("*.py")):
        relative = path.relative_to(library)
        inner = relative.parts[:-1]
        if any(map(_NO_PROSE.fullmatch, inner)) or path.name.startswith("_sysconfigdata"):
            continue
        try:
            lines = [line + "\n" for line in prose(path) if line not in seen]
            seen.update(line.rstrip() for line in lines)
        except (OSError, SyntaxError, ValueError) as error:
            broken.append(f"{relative}: {error}")
            continue
        read += 1
        found.setdefault(inner[0] if inner else "", []).extend(lines)
    if not read:
        raise InputError(f"no Python files in {library}; name a folder of texts")
    root = output / "texts"
    for package, lines in found.items():
        target = root / package / f"{package or _MODULES}.txt"
        disk().make_folder(target.parent, exist_ok=True)
        with whole_file(target) as file:
            file.write("".join(lines).encode("utf-8", "replace"))
    corpus = Corpus(root)
    about = (
        f"{size_text(corpus.size)} of docstrings and comments from {read:,} modules of "
        f"Python {platform.python_version()}"
    )
    losses = [f"{len(broken):,} modules could not be read{_first(broken)}"] if broken else []
    return Texts(corpus, root, about, losses)


def prose(path: Path) -> Iterator[str]:
    """Yield the paragraphs that a Python file has for people: docstrings and comments.

    Strings that stand alone count as docstrings; comments in lines that follow each other are one
    paragraph.

    Raises:
        SyntaxError: It is no Python, or not of its encoding.
    """
    with tokenize.open(path) as file:
        source = file.read()
    comment: list[str] = []
    last, before = -1, tokenize.ENCODING
    for token in _tokens(source):
        if comment and token.type != tokenize.NL:
            if token.type != tokenize.COMMENT or token.start[0] != last + 1:
                yield " ".join(comment)
                comment = []
        if token.type == tokenize.COMMENT:
            text = " ".join(token.string.strip("#:-= \t").split())
            if text and not text.startswith(_FOR_PROGRAMS):
                comment.append(text)
            last = token.start[0]
        elif token.type == tokenize.STRING and before in _BEGINS:
            for paragraph in re.split(r"\n\s*\n", _value(token.string)):
                if text := " ".join(paragraph.split()):
                    yield text
        if token.type not in _SILENT:
            before = token.type


def _tokens(source: str) -> Iterator[tokenize.TokenInfo]:
    try:
        yield from tokenize.generate_tokens(io.StringIO(source).readline)
    except tokenize.TokenError as error:
        raise SyntaxError(str(error)) from error


def _value(string: str) -> str:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of odd escapes, which are not ours to mend
        value = ast.literal_eval(string)
    return value if isinstance(value, str) else ""


def standard_library() -> Path:
    """Return the folder of Python's own source files."""
    return Path(os.__file__).parent
