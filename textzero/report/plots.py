"""The pictures of a report as PNG or SVG, drawn by matplotlib; `pip install 'textzero[plot]'`.

No window is opened and no setting of the caller's matplotlib is read or changed. The same report
gives the same bytes with the same matplotlib and fonts.
"""

import os
import re
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, Literal

from textzero.errors import InputError
from textzero.files import refusals, whole_file
from textzero.report import drawing
from textzero.report.blocks import Bars, Block, Chart, Map, Matrix, Report
from textzero.report.checks import check_report
from textzero.report.figures import number_text
from textzero.report.static import off_axes
from textzero.shown.text import page_word

try:
    import matplotlib
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.font_manager import fontManager
    from matplotlib.ft2font import FT2Font
    from matplotlib.patheffects import withStroke
    from matplotlib.rcsetup import cycler
except ImportError as error:
    raise ImportError("pictures need matplotlib: pip install 'textzero[plot]'") from error

_BASE = "DejaVu Sans"  # comes with matplotlib
_BOX = "□"  # in place of a character that no font has
_PREFERRED = (
    *("Noto Sans CJK SC", "Noto Sans SC", "Source Han Sans SC", "Noto Sans CJK JP", "PingFang SC"),
    *("Hiragino Sans GB", "Microsoft YaHei", "WenQuanYi Zen Hei", "WenQuanYi Micro Hei", "SimHei"),
    *("Droid Sans Fallback", "Noto Sans", "Arial Unicode MS"),
)
_SETTINGS: Any = {
    "font.size": 9, "text.color": drawing.INK, "text.parse_math": False,
    "axes.edgecolor": drawing.QUIET, "axes.labelcolor": drawing.INK, "axes.axisbelow": True,
    "axes.spines.top": False, "axes.spines.right": False, "axes.grid": True, "axes.linewidth": 0.7,
    "axes.prop_cycle": cycler(color=drawing.COLOURS), "grid.color": drawing.RULE,
    "grid.linewidth": 0.6, "xtick.color": drawing.QUIET, "ytick.color": drawing.QUIET,
    "lines.linewidth": 1.5, "axes.formatter.useoffset": False,
    "axes.formatter.limits": (-4, 6), "legend.frameon": False, "svg.hashsalt": "textzero",
    "svg.fonttype": "path",
}  # fmt: skip
_RIM = [withStroke(linewidth=1.8, foreground="white")]  # of words on points
_METADATA: dict[str, dict[str, Any]] = {
    "png": {"Software": None},
    "svg": {"Date": None, "Creator": "textzero"},
}


class Pictures(list[Path]):
    """The files that were written.

    Attributes:
        warnings: What the pictures could not show, a sentence each.
    """

    def __init__(self) -> None:
        super().__init__()
        self.warnings: list[str] = []


def write_pictures(
    report: Report,
    folder: str | os.PathLike[str],
    format: Literal["png", "svg"] = "png",
    dpi: int = 200,
) -> Pictures:
    """Draw every Chart, Bars and Matrix of a report, and every view of each Map.

    Args:
        report: What to draw.
        folder: Made if it is not there; files in it of the same names are replaced.
        format: In an SVG text is outlines, so that it looks the same without the fonts.
        dpi: Pixels an inch: of a PNG, and of the points of a map within an SVG.

    Returns:
        The files in the order of the report, called by their number and what they show; with
        `warnings`.

    Raises:
        ValueError: The format is another; or parts of the report do not fit each other.
        InputError: `folder` is a file.
        ResourceError: It cannot be written.
    """
    if format not in _METADATA:
        raise ValueError(f"format must be 'png' or 'svg', got {format!r}")
    check_report(report)
    folder = Path(folder)
    if folder.exists() and not folder.is_dir():
        raise InputError(f"{folder} must be a folder for pictures, got a file; choose another name")
    with refusals(folder):
        folder.mkdir(parents=True, exist_ok=True)
    written = Pictures()
    jobs = list(_jobs(report))
    families, missing = _families(_characters(block for _, block, _ in jobs))
    if missing:
        written.warnings.append(_missing_text(missing))
    boxes = str.maketrans(dict.fromkeys(missing, _BOX))
    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update({**_SETTINGS, "font.family": families})
        for number, (name, block, draw) in enumerate(jobs, 1):
            figure = Figure(layout="constrained")
            FigureCanvasAgg(figure)
            draw(figure, lambda text: drawing.shortened(page_word(text)).translate(boxes))
            path = folder / f"{number:02d}-{_file_name(name)}.{format}"
            with whole_file(path) as file:
                figure.savefig(file, format=format, dpi=dpi, metadata=_METADATA[format])
            written.append(path)
            count = off_axes(block) if isinstance(block, Chart) else 0
            if count:
                points = "1 point" if count == 1 else f"{number_text(count)} points"
                written.warnings.append(
                    f"{path.name} lacks {points} of 0 or less: a logarithmic axis has no place"
                )
    return written


def _jobs(report: Report) -> Iterator[tuple[str, Block, Callable[..., None]]]:
    """Yield (name, block, what draws it on a figure)."""
    for section in report.sections:
        for block in section.blocks:
            name = getattr(block, "name", "") or section.title
            if isinstance(block, Chart):
                yield name, block, partial(drawing.draw_chart, block)
            elif isinstance(block, Bars):
                yield name, block, partial(drawing.draw_bars, block)
            elif isinstance(block, Matrix):
                yield name, block, partial(drawing.draw_matrix, block)
            elif isinstance(block, Map):
                for view in block.views:
                    named = f"{name}-{view}" if len(block.views) > 1 else name
                    yield named, block, partial(drawing.draw_map, block, view, _RIM)


def _file_name(name: str) -> str:
    """Letters and digits of a name, of any script, with hyphens between."""
    return re.sub(r"[\W_]+", "-", name.lower()).strip("-")[:50] or "picture"


def _characters(blocks: Iterable[Block]) -> set[str]:
    """All that may be written on pictures."""
    found: set[str] = set()
    for block in blocks:
        for text in drawing.texts_of(block):
            found.update(page_word(text))
    return {character for character in found if not character.isspace()}


def _families(wanted: set[str]) -> tuple[list[str], list[str]]:
    """Return fonts that together have the most of the characters, and the characters none has."""
    families = [_BASE]
    paths: dict[str, str] = {}
    for entry in fontManager.ttflist:
        if entry.style == "normal" and entry.name not in paths:
            paths[entry.name] = entry.fname
    left = wanted - _has(paths[_BASE])
    others = sorted(paths.keys() - set(_PREFERRED), key=lambda name: (len(name), name))
    for name in (*_PREFERRED, *others):
        if not left:
            break
        if name not in paths or name.startswith("Last Resort"):
            continue
        if left & (there := _has(paths[name])):
            families.append(name)
            left -= there
    return families, sorted(left)


def _has(path: str) -> set[str]:
    try:
        return {chr(number) for number in FT2Font(path).get_charmap()}
    except (RuntimeError, OSError):  # no font after all, such as one of pictures
        return set()


def _missing_text(missing: list[str]) -> str:
    such = " ".join(missing[:5])
    what = "character is" if len(missing) == 1 else "characters are"
    return (
        f"{len(missing):,} {what} in no font of this machine and drawn as {_BOX} (such as {such}); "
        "install a font that has them, such as Noto Sans (CJK for Chinese, Japanese and Korean)"
    )
