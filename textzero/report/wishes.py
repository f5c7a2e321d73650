"""What a report is to show besides the output itself, and whether the output has a use for it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from textzero.corpus import Corpus
from textzero.progress import Progress
from textzero.report.kinds import Kind

if TYPE_CHECKING:
    from textzero.vectors.clustering import Clusters

_MODELS = {
    "Tagger": "a tagger", "Reader": "a reader", "Extractor": "an extractor",
    "Classifier": "a classifier",
}  # fmt: skip


@dataclass(frozen=True)
class Wishes:
    """What a report is to show besides the output itself.

    Attributes:
        texts: Where examples of a lexicon's words are looked for, or what a classifier explains.
        data: Gold sets that vectors or a model are scored on.
        read_data: Reads those of a model, from its class and the files; None: as they tell.
        clusters: A table of clusters that the map's colours go by.
        words: Rows of tables of words, and words of the map.
        tsne: Whether the map has t-SNE.
        memory: Bound such as "1GB" on what is read; None: half of the machine's.
        progress: Told how much of each stage is done.
        say: Told in a sentence what data lack.
    """

    texts: Corpus | None = None
    data: Sequence[str | Path] = ()
    read_data: Callable[[str, list[str | Path]], Any] | None = None
    clusters: "Clusters | str | Path | None" = None
    words: int = 50_000
    tsne: bool = True
    memory: int | str | None = None
    progress: Progress | None = None
    say: Callable[[str], None] = lambda _: None


def refuse_useless(path: Path, parts: Sequence[tuple[Path, Kind]], wishes: Wishes) -> None:
    """Raise ValueError when something is given that no part has a use for, or two would take.

    Args:
        path: What the report is on.
        parts: It, or what a folder holds, each with its kind.
        wishes: What is given.
    """
    held = [named(*part) for part in parts]
    scored = sorted({what for what in held if what in ("vectors", *_MODELS.values())})
    uses = (
        ("texts", wishes.texts is not None, any(takes_texts(*part) for part in parts),
         "a lexicon or a classifier"),
        ("data", bool(wishes.data), bool(scored), "vectors or a model"),
        ("clusters", wishes.clusters is not None, "vectors" in held, "vectors"),
    )  # fmt: skip
    for name, is_given, is_used, what in uses:
        if is_given and not is_used:
            holds = held[0] if len(held) == 1 else "none"
            raise ValueError(f"{name} are for a report on {what}; {path} holds {holds}")
    if wishes.data and len(scored) > 1:
        raise ValueError(
            f"data must be for one thing, but {path} holds {' and '.join(scored)}; "
            "make a report on one of them"
        )


def takes_texts(path: Path, kind: Kind) -> bool:
    """Whether examples are looked for in texts, or texts explained."""
    is_cut = kind == "vectors" and (path / "lexicon.tsv").is_file()
    return is_cut or named(path, kind) in ("a lexicon", "a classifier")


def named(path: Path, kind: Kind) -> str:
    """Return what an output is, in a sentence: "a tagger", "a lexicon", "counts"."""
    if kind == "model":
        from textzero.report.models import model_kind

        return _MODELS.get(model_kind(path), "a model")
    return "a lexicon" if kind == "lexicon" else kind
