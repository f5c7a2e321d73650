"""What was read of a corpus and what was not: counted, located, said in sentences."""

from dataclasses import dataclass, field
from typing import Any

from textzero.corpus.encodings import foreign_encoding
from textzero.corpus.sources import Source
from textzero.errors import InputError
from textzero.shown.text import counted


@dataclass
class Reading:
    """What was read and what was not; nothing is lost in silence.

    Attributes:
        bytes: Stored bytes read.
        documents: Documents that held at least one token.
        malformed: Byte sequences that the encoding does not allow, replaced by U+FFFD.
        first_malformed: (path, byte offset) of the first of them, by name of path; None without.
            Offsets in compressed files count decompressed bytes.
        looks_like: The encoding that this file seems to be in; empty when it is none we know.
        cuts: Cuts between two characters of documents that have no white space.
        records_without_text: Records whose text field was missing or empty.
        blank_tokens: Tokens of a Python tokenizer that held nothing visible, dropped.
        skipped: Files, rest of files or records passed over, with the reason; sorted.
    """

    bytes: int = 0
    documents: int = 0
    malformed: int = 0
    first_malformed: tuple[str, int] | None = None
    cuts: int = 0
    records_without_text: int = 0
    blank_tokens: int = 0
    skipped: list[str] = field(default_factory=list)
    looks_like: str = ""

    def __post_init__(self) -> None:
        if self.first_malformed:  # a list when it comes from JSON
            path, offset = self.first_malformed
            self.first_malformed = (path, offset)

    def add(self, other: "Reading") -> None:
        """Add another part of the same corpus; the order of parts does not matter."""
        self.bytes += other.bytes
        self.documents += other.documents
        self._add_malformed(other.malformed, other.first_malformed, other.looks_like)
        self.cuts += other.cuts
        self.records_without_text += other.records_without_text
        self.blank_tokens += other.blank_tokens
        self.skipped = sorted({*self.skipped, *other.skipped})

    def _add_malformed(self, count: int, first: tuple[str, int] | None, looks_like: str) -> None:
        self.malformed += count
        if first and (self.first_malformed is None or first < self.first_malformed):
            self.first_malformed, self.looks_like = first, looks_like

    def replaced(
        self, count: int, source: Source, offset: int, encoding: str, strict: bool
    ) -> None:
        """Count malformed sequences of a file, the first at `offset`; `strict` refuses them."""
        guess = foreign_encoding(source) if encoding.lower() in ("utf-8", "utf8") else ""
        if strict:
            hint = (
                f"it looks like {guess}, use --encoding {guess}" if guess else "name the --encoding"
            )
            raise InputError(f"{source}: byte {offset} is not {encoding}; {hint} or drop --strict")
        self._add_malformed(count, (source.path, offset), guess)

    @classmethod
    def of_record(cls, record: object) -> "Reading":
        """Return what a manifest says, as far as its entries are what they should be."""
        empty = cls()
        held: dict[str, Any] = record if isinstance(record, dict) else {}
        kept = (k for k, v in held.items() if type(v) is type(getattr(empty, str(k), cls)))
        return cls(**{name: held[name] for name in kept})

    def in_short(self) -> str:
        """Return what was lost in a few words that stand behind others, or "".

        >>> Reading(malformed=2, skipped=["a.txt: is no text"]).in_short()
        '; lost: 2 sequences of malformed bytes, 1 entry skipped'
        """
        amounts = {
            "sequences of malformed bytes": self.malformed,
            "cuts inside documents": self.cuts,
            "records without text": self.records_without_text,
            "tokens without a visible character": self.blank_tokens,
            "entries skipped": len(set(map(str, self.skipped))),
        }
        lost = [counted(n, name) for name, n in amounts.items() if n]
        return f"; lost: {', '.join(lost)}" if lost else ""

    def losses(self) -> list[str]:
        """Say in sentences what was replaced, cut or skipped."""
        lines = []
        if self.first_malformed:
            path, offset = self.first_malformed
            guess = self.looks_like
            hint = (
                f"it looks like {guess}, use --encoding {guess}"
                if guess
                else ("is --encoding right?")
            )
            sequences = "sequence" if self.malformed == 1 else "sequences"
            lines.append(
                f"{self.malformed:,} malformed byte {sequences} replaced, "
                f"the first at {path}: byte {offset}; {hint}"
            )
        if self.cuts:
            lines.append(f"{counted(self.cuts, 'cuts')} inside documents that have no white space")
        if self.records_without_text:
            lines.append(counted(self.records_without_text, "records without text"))
        if self.blank_tokens:
            lines.append(
                f"{counted(self.blank_tokens, 'tokens')} without a visible character dropped"
            )
        once = dict.fromkeys(self.skipped)  # each split tells that its file became shorter
        return lines + [f"skipped {entry}" for entry in once]
