r"""Templates: patterns of sentences such as `X 是 什么`, what fills them, and their file.

templates.tsv begins with a line `# {settings}`, then a header, then a template a line. Words are
separated by spaces, a placeholder is X, and a word that is itself X (or \X) has one more
backslash in front. Fillers are JSON: for each placeholder, the most frequent with their counts.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, overload

from textzero._frames import Tabular, short
from textzero.corpus import Reading
from textzero.errors import InputError
from textzero.files import whole_file
from textzero.tokens import Spec, Tokenizer

if TYPE_CHECKING:
    import pyarrow

PLACEHOLDER = "X"
MOST_WORDS = 64  # of a template that is read from a file
_COLUMNS = ("template", "kind", "count", "used", "bits", "fillers")
_ESCAPED = re.compile(r"\\*X")
_LONGEST_LINE = 1 << 20
_KIND = "textzero templates 1"


@dataclass(frozen=True)
class Template:
    """A pattern of a sentence.

    Attributes:
        items: Its words in order; None is a placeholder, which stands for one or more words.
        count: Sentences that hold it, its words no further apart than the window.
        used: Sentences that it describes in fewer bits than any other template.
        bits: What it saves in these sentences, less what it costs to write it down once.
        fillers: For each placeholder, the most frequent fillers (words joined by spaces) in the
            sentences that use it, with counts.

    Raises:
        ValueError: There is no word, two placeholders stand together, or a word is empty or holds
            white space.

    Example:
        >>> template = Template.from_text("X 是 什么", count=3)
        >>> template.items, template.kind, str(template)
        ((None, '是', '什么'), 'template', 'X 是 什么')
    """

    items: tuple[str | None, ...]
    count: int = 1
    used: int = 0
    bits: float = 0.0
    fillers: tuple[Mapping[str, int], ...] = field(default=(), compare=False)

    def __post_init__(self) -> None:
        if not any(self.items):
            raise ValueError(f"a template must have a word, got {self.items}")
        if len(self.items) == 1:
            raise ValueError(f"a template must be more than one word, got {self.items[0]!r}")
        if any(a is None and b is None for a, b in zip(self.items, self.items[1:], strict=False)):
            raise ValueError(f"two placeholders must have a word between, got {self}")
        if any(item is not None and item.split() != [item] for item in self.items):
            raise ValueError(f"words must not be empty or hold white space, got {self.items}")

    @classmethod
    def from_text(
        cls,
        text: str,
        count: int = 1,
        used: int = 0,
        bits: float = 0.0,
        fillers: tuple[Mapping[str, int], ...] = (),
    ) -> "Template":
        """Read what `str` writes."""
        items = tuple(None if part == PLACEHOLDER else unescape(part) for part in text.split())
        return cls(items, count, used, bits, fillers)

    @property
    def words(self) -> int:
        """How many words it has."""
        return sum(item is not None for item in self.items)

    @property
    def kind(self) -> str:
        """Return "trivial" (X word X), "fixed" (no placeholder) or "template"."""
        if None not in self.items:
            return "fixed"
        return "trivial" if len(self.items) == 3 and self.words == 1 else "template"

    def __str__(self) -> str:
        return show(self.items)

    def line(self) -> str:
        """Return the line of the file."""
        fillers = json.dumps([dict(slot) for slot in self.fillers], ensure_ascii=False)
        return f"{self}\t{self.kind}\t{self.count}\t{self.used}\t{self.bits:.1f}\t{fillers}\n"

    @property
    def fits_table(self) -> bool:
        """Whether its line is short enough to be read again."""
        return len(self.line().encode("utf-8", "replace")) < _LONGEST_LINE


def escape(word: str) -> str:
    r"""Put a backslash before a word that could be taken for a placeholder.

    >>> escape("X"), escape(r"\\X"), escape("x")
    ('\\X', '\\\\\\X', 'x')
    """
    return "\\" + word if _ESCAPED.fullmatch(word) else word


def unescape(part: str) -> str:
    """Undo `escape`."""
    return part[1:] if part[0] == "\\" and _ESCAPED.fullmatch(part) else part


def show(items: Iterable[str | None]) -> str:
    """Return items as text, placeholders as X."""
    return " ".join(PLACEHOLDER if item is None else escape(item) for item in items)


@dataclass(frozen=True)
class Dropped:
    """A template that was found and not kept.

    Attributes:
        template: As text.
        count: Sentences that hold it.
        reason: Why it was not kept.
    """

    template: str
    count: int
    reason: str


class Templates(Tabular, Sequence[Template]):
    """Templates, those that save most bits first; trivial ones last, most frequent first.

    Attributes:
        settings: How they were found: tokenizer, lowercase, nfkc, window and so on.
        dropped: Some of those that were not kept, most frequent first; not in the file.
        reading: What was read and lost while they were looked for; not in the file.

    Raises:
        ValueError: A template is there twice.
    """

    _row_name = "templates"

    def __init__(
        self,
        templates: Iterable[Template],
        settings: Mapping[str, Any] | None = None,
        dropped: Sequence[Dropped] = (),
        reading: Reading | None = None,
    ) -> None:
        self._templates = tuple(templates)
        self.settings = dict(settings or {})
        self.dropped = list(dropped)
        self.reading = reading or Reading()
        self._source = "the table"
        seen: set[tuple[str | None, ...]] = set()
        for template in self._templates:
            if template.items in seen:
                raise ValueError(f"templates must differ, got {str(template)!r} twice")
            seen.add(template.items)

    def __len__(self) -> int:
        return len(self._templates)

    @overload
    def __getitem__(self, index: int) -> Template: ...
    @overload
    def __getitem__(self, index: slice) -> "Templates": ...
    def __getitem__(self, index: "int | slice") -> "Template | Templates":
        if isinstance(index, slice):
            return Templates(self._templates[index], self.settings)
        return self._templates[index]

    def __repr__(self) -> str:
        shown = ", ".join(repr(short(str(template))) for template in self._templates[:5])
        more = ", ..." if len(self) > 5 else ""
        return f"Templates([{shown}{more}], length {len(self)}{self._lost()})"

    def _batches(self) -> "Iterator[pyarrow.RecordBatch]":
        import pyarrow

        whole, text = pyarrow.int64(), pyarrow.string()
        slot = pyarrow.list_(pyarrow.struct({"words": text, "count": whole}))
        kinds = (text, text, whole, whole, pyarrow.float64(), pyarrow.list_(slot))
        schema = pyarrow.schema(dict(zip(_COLUMNS, kinds, strict=True)))
        rows = [
            {name: getattr(t, name) for name in ("kind", "count", "used", "bits")}
            | {"template": str(t)}
            | {"fillers": [[{"words": w, "count": n} for w, n in s.items()] for s in t.fillers]}
            for t in self._templates
        ]
        yield pyarrow.RecordBatch.from_pylist(rows, schema)

    def tokenizer(self, tokenizer: Spec | None = None) -> Tokenizer:
        """Return the tokenizer that the settings name ("word" when they name none).

        Args:
            tokenizer: In place of theirs. A Python tokenizer must be given here: a file may not
                choose the code that runs.

        Raises:
            InputError: The settings name a Python tokenizer, a lexicon that has changed, or
                nothing that is a tokenizer, and none is given.
        """
        lowercase, nfkc = (bool(self.settings.get(key, False)) for key in ("lowercase", "nfkc"))
        if tokenizer is not None:
            return Tokenizer(tokenizer, lowercase, nfkc)
        name, lexicon = str(self.settings.get("tokenizer", "word")), self.settings.get("lexicon")
        if ":" in name:  # package.module:function
            raise InputError(
                f"the templates of {self._source} were found with the tokenizer {name!r}; name it "
                "again with --tokenizer if you trust it"
            )
        try:
            made = Tokenizer(name, lowercase, nfkc)
        except ValueError as error:
            raise InputError(
                f"the settings of {self._source} must name a tokenizer: {error}; name another with "
                "--tokenizer"
            ) from error
        if lexicon is not None and made.settings().get("lexicon") != lexicon:
            raise InputError(
                f"the templates of {self._source} were found with another lexicon than what {name} "
                "holds now; name it with --tokenizer to use it all the same"
            )
        return made

    def save(self, path: str | Path) -> None:
        """Write templates.tsv, whole or not at all.

        Raises:
            InputError: A line is longer than `load` reads.
        """
        with whole_file(path) as file:
            for line in self.lines():
                file.write(line.encode("utf-8", "replace"))

    def lines(self) -> Iterator[str]:
        """Yield the lines of the file.

        Raises:
            InputError: A line is longer than `load` reads.
        """
        settings = {"kind": _KIND, **self.settings}
        yield f"# {json.dumps(settings, ensure_ascii=False)}\n"
        yield "\t".join(_COLUMNS) + "\n"
        for t in self._templates:
            if not t.fits_table:
                raise InputError(
                    f"the line of a template must be shorter than {_LONGEST_LINE:,} bytes, got "
                    f"{str(t)[:60]!r}...; leave it out, or some of its fillers"
                )
            yield t.line()

    def save_dropped(self, path: str | Path) -> None:
        """Write the templates that were not kept: template, count, reason."""
        with whole_file(path) as file:
            for line in self.dropped_lines():
                file.write(line.encode("utf-8", "replace"))

    def dropped_lines(self) -> Iterator[str]:
        """Yield the lines of the file of templates that were not kept."""
        yield "template\tcount\treason\n"
        for row in self.dropped:
            yield f"{row.template}\t{row.count}\t{row.reason}\n"

    @classmethod
    def load(cls, path: str | Path) -> "Templates":
        """Read what `save` wrote. Only the column `template` must be there.

        Raises:
            InputError: The file is not there, or a line is not what it should be.
        """
        rows: list[Template] = []
        seen: set[tuple[str | None, ...]] = set()
        settings: dict[str, Any] = {}
        header: list[str] | None = None
        for number, line in _lines(path):
            try:
                if number == 1 and line.startswith("# "):
                    settings = _settings(line[2:])
                elif header is None:
                    header = line.split("\t")
                    if "template" not in header or len(set(header)) < len(header):
                        raise ValueError('expected a header with the column "template"')
                else:
                    template = _template(header, line.split("\t"))
                    if template.items in seen:
                        raise ValueError("this template is there twice")
                    seen.add(template.items)
                    rows.append(template)
            except (ValueError, TypeError, RecursionError) as error:
                raise InputError(f"{path}:{number}: {error}; got {line[:60]!r}") from error
        if header is None:
            raise InputError(f'{path} must be a table with the column "template"')
        loaded = cls(rows, settings)
        loaded._source = str(path)
        return loaded


def _lines(path: str | Path) -> Iterator[tuple[int, str]]:
    """Yield (number from 1, text) of the lines that are not empty."""
    try:
        with open(path, "rb") as file:
            number = 0
            while raw := file.readline(_LONGEST_LINE):
                number += 1
                if len(raw) == _LONGEST_LINE:
                    raise InputError(
                        f"{path}:{number}: a line must be shorter than {_LONGEST_LINE:,} bytes"
                    )
                try:
                    line = raw.decode("utf-8-sig" if number == 1 else "utf-8")
                except UnicodeDecodeError as error:
                    raise InputError(f"{path}:{number}: the file must be UTF-8") from error
                if line := line.rstrip("\r\n"):
                    yield number, line
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}") from error


def _settings(text: str) -> dict[str, Any]:
    settings = json.loads(text)
    if not isinstance(settings, dict) or settings.pop("kind", None) != _KIND:
        raise ValueError(f"expected settings of the kind {_KIND!r}")
    for key, kind in (("tokenizer", str), ("lexicon", str), ("lowercase", bool), ("nfkc", bool)):
        if key in settings and not isinstance(settings[key], kind):
            what = "a string" if kind is str else "true or false"
            raise ValueError(f"the setting {key!r} must be {what}, got {settings[key]!r:.60}")
    return settings


def _template(header: list[str], fields: list[str]) -> Template:
    """Make a template of one row, or raise ValueError."""
    if len(fields) != len(header):
        raise ValueError(f"expected {len(header)} columns, got {len(fields)}")
    row = dict(zip(header, fields, strict=True))
    text = row["template"]
    words = sum(part != PLACEHOLDER for part in text.split())
    if words > MOST_WORDS:
        raise ValueError(f"a template must have at most {MOST_WORDS} words, got {words}")
    numbers = [row.get("count", "1"), row.get("used", "0")]
    if not all(n.isascii() and n.isdigit() and len(n) < 19 for n in numbers):
        raise ValueError(f"expected counts, got {', '.join(n[:20] for n in numbers)}")
    bits = float(row.get("bits", "0"))
    if not abs(bits) < float("inf"):
        raise ValueError(f"expected bits, got {row['bits'][:20]}")
    slots = json.loads(row.get("fillers", "[]"))
    if not isinstance(slots, list) or not all(_is_filler_table(slot) for slot in slots):
        raise ValueError("expected fillers as a list of {words: count}")
    template = Template.from_text(
        text, max(1, int(numbers[0])), int(numbers[1]), bits, tuple(slots)
    )
    if slots and len(slots) != template.items.count(None):
        raise ValueError("expected fillers for each placeholder")
    return template


def _is_filler_table(slot: object) -> bool:
    return isinstance(slot, dict) and all(type(n) is int and n > 0 for n in slot.values())
