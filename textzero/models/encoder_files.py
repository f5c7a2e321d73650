"""The files of an encoder: encoder.json, tokens.tsv, and words_k.tsv and lexicon_k.tsv by table.

They say everything that turns text into ids, and name no code. Tables that were cut by the same
lexicon share the file of the first.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from textzero.errors import InputError
from textzero.files import read_json, write_json
from textzero.models.word_table import WordTable

UNITS = ("character", "word")
_KIND = "textzero encoder 1"
_FACTS, _TOKENS, _LEXICON = "encoder.json", "tokens.tsv", "lexicon.tsv"


def save_tables(
    folder: Path, unit: str, positions: bool, own: WordTable, tables: Sequence[WordTable]
) -> None:
    """Write what `load_tables` returns into a folder, which is made when it is not there.

    Raises:
        InputError: A tokenizer is a Python function.
    """
    folder.mkdir(parents=True, exist_ok=True)
    facts: dict[str, Any] = {"kind": _KIND, "unit": unit, "positions": positions, "tokens": None}
    if all(own is not table for table in tables):
        facts["tokens"] = own.save(folder / _TOKENS, folder / _LEXICON)
    facts["tables"] = []
    written: set[str] = set()
    for k, table in enumerate(tables):
        words, lexicon = _paths(folder, k)
        digest = table.lexicon_digest()
        facts["tables"].append(table.save(words, None if digest in written else lexicon))
        written.add(digest)
    write_json(folder / _FACTS, facts)


def load_tables(folder: Path) -> tuple[str, WordTable | None, list[WordTable], bool]:
    """Return unit, known tokens (None when they are those of the first table), tables, positions.

    Raises:
        InputError: A file is not there, is damaged, or does not fit the others.
    """
    path = folder / _FACTS
    facts = read_json(path)
    if facts.get("kind") != _KIND:
        raise InputError(f"{path}: kind must be {_KIND!r}, got {facts.get('kind')!r}")
    unit, positions, own = facts.get("unit"), facts.get("positions"), facts.get("tokens")
    if unit not in UNITS:
        raise InputError(f"{path}: unit must be one of {', '.join(UNITS)}, got {unit!r}")
    if type(positions) is not bool:
        raise InputError(f"{path}: positions must be true or false, got {positions!r}")
    given = facts.get("tables")
    if not isinstance(given, list) or not all(isinstance(one, dict) for one in given):
        raise InputError(f"{path}: tables must be a list of objects, got {given!r:.60}")
    if unit == "word" and len(given) > 1:
        raise InputError(f"{path}: unit 'word' must have one table at most, got {len(given)}")
    lacks_tokens = unit == "word" and bool(given)
    if lacks_tokens != (own is None) or not isinstance(own, dict | None):
        raise InputError(
            f"{path}: tokens must be an object, or null for unit 'word' with a table, got "
            f"{own!r:.60}"
        )
    tables: list[WordTable] = []
    lexicons: dict[str, Path] = {}  # digest -> the file of the first table that has it
    for k, one in enumerate(given):
        words, lexicon = _paths(folder, k)
        lexicon = lexicons.setdefault(str(one.get("lexicon")), lexicon)
        tables.append(WordTable.load(one, words, lexicon, f"{path}: table {k}"))
    table = None
    if own is not None:
        table = WordTable.load(own, folder / _TOKENS, folder / _LEXICON, f"{path}: tokens")
    return unit, table, tables, positions


def _paths(folder: Path, k: int) -> tuple[Path, Path]:
    return folder / f"words_{k}.tsv", folder / f"lexicon_{k}.tsv"
