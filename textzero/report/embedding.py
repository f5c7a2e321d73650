"""What the manifest of `embed` says: what was read and lost, settings, seconds, training curves."""

from collections.abc import Mapping
from pathlib import PurePath
from typing import Any

from textzero.files import size_text
from textzero.report.blocks import Block, Cell, Chart, Column, Facts, Line, Section, Table

_STAGES = {
    "discover": "finding words", "count": "counting words", "encode": "words as numbers",
    "cooccur": "counting pairs", "train": "training", "all": "all of it",
    "segment": "cutting the text", "weigh": "weighing words",
}  # fmt: skip
_LOSSES = {
    "malformed": "malformed bytes replaced",
    "cuts": "long words cut",
    "records_without_text": "records without text",
    "blank_tokens": "blank tokens dropped",
}


def embedding_sections(manifest: Mapping[str, Any], folder: str = "") -> list[Section]:
    """Return the sections on how vectors were made; none when the manifest tells nothing.

    Args:
        manifest: Of a vectors folder; what is of an unexpected type is passed over.
        folder: Where the vectors are, as a name.
    """
    sections = []
    curves = _curves(manifest)
    if curves is not None:
        sections.append(curves)
    blocks: list[Block] = []
    facts = _facts(manifest, folder)
    if facts:
        blocks.append(Facts(facts))
    inputs = _inputs(manifest)
    if inputs is not None:
        blocks.append(inputs)
    settings = _part(manifest, "settings")
    if settings:
        names = [name for name, value in settings.items() if value is not None]
        shown = [_shown(settings[name]) for name in names]
        blocks.append(Table([Column("setting", names), Column("value", shown)], page=12))
    if blocks:
        about = "From the manifest beside the vectors."
        sections.append(Section("How the vectors were made", blocks, about))
    return sections


def made_of(manifest: Mapping[str, Any]) -> str:
    """Say in half a sentence what vectors were made of; "" when the manifest tells nothing."""
    tokens, inputs = _number(manifest.get("tokens")), _files(manifest)
    if tokens is None:
        return ""
    size = sum(int(_number(entry.get("size")) or 0) for entry in inputs)
    files = f"{len(inputs):,} file{'s' * (len(inputs) != 1)} ({size_text(size)})"
    return f"{tokens:,.0f} tokens" + (f" of {files}" if inputs else "")


def _part(manifest: Mapping[str, Any], name: str) -> dict[str, Any]:
    value = manifest.get(name)
    return value if isinstance(value, dict) else {}


def _number(value: Any) -> float | None:
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None


def _files(manifest: Mapping[str, Any]) -> list[dict[str, Any]]:
    inputs = manifest.get("inputs")
    return [e for e in inputs if isinstance(e, dict)] if isinstance(inputs, list) else []


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return PurePath(value).name if isinstance(value, str) else str(value)


def _facts(manifest: Mapping[str, Any], folder: str) -> dict[str, Cell]:
    facts: dict[str, Cell] = {"folder": folder} if folder else {}
    reading, seconds = _part(manifest, "reading"), _part(manifest, "seconds")
    for name, shown in (
        ("words", "words with a vector"), ("dim", "dimensions"), ("tokens", "tokens"),
        ("words_before_min_count", "different words seen"), ("records", "pairs that met, records"),
    ):  # fmt: skip
        if (value := _number(manifest.get(name))) is not None:
            facts[shown] = value
    if (value := _number(reading.get("documents"))) is not None:
        facts["documents"] = value
    for name, shown in _LOSSES.items():
        if (value := _number(reading.get(name))) is not None:
            facts[shown] = value
    if isinstance(reading.get("skipped"), list):
        facts["files passed over"] = len(reading["skipped"])
    for name, value in seconds.items():
        if (taken := _number(value)) is not None:
            facts[f"time for {_STAGES.get(name, name)}"] = f"{taken:.1f} s"
    if (peak := _number(manifest.get("peak_memory"))) is not None:
        facts["peak memory"] = size_text(peak)
    for name, shown in (("device", "device"), ("textzero", "textzero"), ("python", "Python")):
        if isinstance(manifest.get(name), str):
            facts[shown] = manifest[name]
    return facts


def _inputs(manifest: Mapping[str, Any]) -> Table | None:
    """The files that were read, by name alone: a page is passed on, where folders mean nothing."""
    files = _files(manifest)
    if not files:
        return None
    return Table(
        [
            Column("file", [PurePath(str(entry.get("path", ""))).name for entry in files]),
            Column("bytes", [_number(entry.get("size")) for entry in files], "number", 0),
            Column("BLAKE2b", [str(entry.get("blake2b") or "")[:16] for entry in files],
                   about="the first 16 digits of the digest of its bytes"),
        ],
        search="Find a file" if len(files) > 25 else "",
    )  # fmt: skip


def _curves(manifest: Mapping[str, Any]) -> Section | None:
    """Losses and objectives by sweep."""
    charts: list[Block] = []
    for name, label in (
        ("losses", "weighted squared error of pairs that met"),
        ("objectives", "objective"),
    ):
        values = manifest.get(name)
        if isinstance(values, list) and len(values) > 1 and all(map(_is_number, values)):
            line = Line(label, list(range(1, len(values) + 1)), values)
            charts.append(Chart([line], "sweep over one matrix", label, name=name))
    if not charts:
        return None
    about = "Where training stood at each sweep."
    if len(charts) > 1:
        about += (
            " The objective is what it makes smaller: the errors of pairs that met, those of pairs "
            "that never met, and the size of the vectors; the first part alone may rise."
        )
    return Section("Training", charts, about)


def _is_number(value: Any) -> bool:
    return _number(value) is not None
