"""What templates show: how many bits they save, how often they occur, what fills them."""

import numpy as np

from textzero._compat import Array
from textzero.report.blocks import (
    Bars,
    Cell,
    Chart,
    Column,
    Facts,
    Line,
    Passage,
    Section,
    Span,
    Table,
)
from textzero.report.tables import curve_places, settings_facts, shown_of
from textzero.structure.templates import PLACEHOLDER, Template, Templates

_FACTS = {
    "sentences": "sentences", "tokenizer": "tokenizer", "window": "window",
    "min_count": "least count", "bits": "bits of the sentences by words alone",
    "bits_saved": "bits saved",
}  # fmt: skip
_KINDS = {
    "template": "with placeholders",
    "fixed": "fixed phrases",
    "trivial": "trivial: X word X",
}


def template_sections(templates: Templates, *, rows: int = 50_000) -> list[Section]:
    """Return the sections on templates.

    Args:
        templates: At least one.
        rows: How many the table shows.
    """
    kinds = [template.kind for template in templates]
    facts: dict[str, Cell] = {"templates": len(templates)}
    facts |= settings_facts(templates.settings, _FACTS)
    known = [kind for kind in _KINDS if kind in kinds]
    bars = Bars(
        [_KINDS[kind] for kind in known], np.array([kinds.count(kind) for kind in known]),
        "templates", "template-kinds",
    )  # fmt: skip
    sections = [
        Section("Templates", [_table(templates, rows)], _about(templates, rows)),
        Section("How they were found", [Facts(facts), bars]),
    ]
    bits = np.array([template.bits for template in templates])
    if (bits > 0).any():
        sections.insert(1, _saved(bits, facts.get(_FACTS["bits_saved"])))
    return sections


def _about(templates: Templates, rows: int) -> str:
    about = shown_of(min(rows, len(templates)), len(templates), "templates", "first")
    about += f" {PLACEHOLDER} stands for one or more words. Those that save most bits come first"
    if any(template.fillers for template in templates):
        return about + "; open a row to see what fills its placeholders."
    return about + "."


def _table(templates: Templates, rows: int) -> Table:
    shown = list(templates[:rows])
    columns = [
        Column("template", [str(template) for template in shown]),
        Column("kind", [template.kind for template in shown]),
        Column("sentences", [template.count for template in shown], "number", 0, "that hold it"),
        Column("used", [template.used for template in shown], "number", 0,
               "sentences that no other template describes in fewer bits"),
        Column("bits saved", [template.bits for template in shown], "bar", 0,
               "in the sentences that use it, less what it costs to write it down once"),
    ]  # fmt: skip
    details = [_fillers(template) for template in shown]
    return Table(columns, None, details if any(details) else (), search="Find a template")


def _fillers(template: Template) -> list[Passage]:
    """A passage for each placeholder: what stands there, and how often."""
    passages = []
    for number, slot in enumerate(template.fillers, 1):
        spans = []
        for words, count in slot.items():
            spans += [Span(words, label=f"{count:,}"), Span("  ")]
        if spans:
            which = f"placeholder {number} of {len(template.fillers)}"
            passages.append(Passage(spans[:-1], f"{which}: its most frequent fillers"))
    return passages


def _saved(bits: Array, together: Cell) -> Section:
    falling = np.cumsum(np.sort(np.maximum(bits, 0))[::-1])
    places = curve_places(falling.size)
    line = Line("bits saved", places + 1, falling[places])
    chart = Chart([line], "templates", "bits saved, added up", x_log=True, name="bits-saved")
    about = (
        "What the best 1, 2, 3, ... templates save, added up. Each is compared with writing its "
        "own sentences word by word and saying of every one of them that it has no template."
    )
    if isinstance(together, int | float):
        about += (
            f" All templates together save {together:,.0f} bits compared with the whole text word "
            "by word, where no sentence has to say so: the curve may end higher than that."
        )
    return Section("Bits saved", [chart], about)
