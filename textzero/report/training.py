"""How a model was trained: curves, the best epoch, settings; read from its folder without Keras."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from textzero.errors import InputError
from textzero.files import MANIFEST, read_json
from textzero.report.blocks import Block, Cell, Chart, Column, Facts, Line, Section, Table, Text
from textzero.vectors.tensors import map_safetensors

CONFIG, WEIGHTS, KIND = "config.json", "weights.safetensors", "textzero model 1"
# which figure decides the best epoch, and which are drawn; as in `textzero.models`
SCORES = {"Tagger": "f1", "Reader": "f1", "Extractor": "f1", "Classifier": "accuracy"}
NAMES = {
    "f1": "F1", "precision": "precision", "recall": "recall", "accuracy": "accuracy",
    "macro_f1": "macro F1", "em": "exact match", "nll": "validation loss",
}  # fmt: skip
_OF_EACH = ("precision", "recall", "f1")  # "f1 PER" is the F1 of the label PER
_CURVES = 8  # labels whose curves can be told apart


@dataclass(frozen=True)
class ModelFolder:
    """What the folder of a model says of it.

    Attributes:
        path: The folder.
        kind: The class.
        config: config.json.
        manifest: manifest.json.
    """

    path: Path
    kind: str
    config: Mapping[str, Any]
    manifest: Mapping[str, Any]

    @classmethod
    def open(cls, folder: str | Path) -> "ModelFolder":
        """Read config and manifest.

        Raises:
            InputError: The folder holds no model.
        """
        path = Path(folder)
        if not path.is_dir():
            raise InputError(
                f"{path} must be the folder of a model, such as `textzero train` writes"
            )
        config = read_json(path / CONFIG)
        if config.get("kind") != KIND:
            raise InputError(
                f"{path / CONFIG} must be of kind {KIND!r}, got {config.get('kind')!r}"
            )
        manifest = read_json(path / MANIFEST) if (path / MANIFEST).exists() else {}
        return cls(path, str(config.get("class")), config, manifest)

    @property
    def training(self) -> Mapping[str, Any]:
        """What the manifest says of the training; nothing for a model that never was trained."""
        found = self.manifest.get("training")
        return found if isinstance(found, dict) else {}

    @property
    def history(self) -> list[dict[str, float]]:
        """Loss and figures of each epoch; {} is no epoch."""
        found = self.training.get("history")
        rows = [row for row in found if isinstance(row, dict)] if isinstance(found, list) else []
        return [{k: float(v) for k, v in row.items() if _is_number(v)} for row in rows]


def training_sections(files: ModelFolder) -> list[Section]:
    """Return curves, the best epoch's figures by label, and what the model is made of."""
    history = [row for row in files.history if "loss" in row]
    return [*_curves(files, history), _made_of(files, history)]


def best_epoch(history: Sequence[Mapping[str, float]], score: str) -> int | None:
    """Return the place of the first epoch with the best score, whose weights the model has."""
    if not history or any(score not in row for row in history):
        return None
    return int(np.argmax([row[score] for row in history]))


def _curves(files: ModelFolder, history: list[dict[str, float]]) -> list[Section]:
    if not history:
        text = "The folder does not say how the model was trained."
        return [Section("Training", [Text([text])])]
    epochs = [row.get("epoch", place + 1) for place, row in enumerate(history)]
    score = SCORES.get(files.kind, "f1")
    best = best_epoch(history, score)
    losses = [Line("training", epochs, [row["loss"] for row in history])]
    if all("nll" in row for row in history):
        losses.append(Line("validation", epochs, [row["nll"] for row in history]))
    blocks: list[Block] = [Chart(losses, "epoch", "loss", name="loss")]
    names = [n for n in NAMES if n != "nll" and all(n in row for row in history)]
    scores = [Line(NAMES[n], epochs, [row[n] for row in history]) for n in names]
    about = "Loss is the mean over the texts of an epoch, while the weights move."
    if best is not None:
        label = f"epoch {epochs[best]:.0f}: {NAMES[score]} {history[best][score]:.4f}"
        mark = Line("best epoch", [epochs[best]], [history[best][score]], "points", [label])
        blocks.append(Chart([*scores, mark], "epoch", "score", name="scores"))
        about += (
            f" Scores are those of the validation data; the weights of epoch {epochs[best]:.0f}, "
            f"with the best {NAMES[score]}, {history[best][score]:.4f}, are the model."
        )
    else:
        about += " There were no validation data: the weights of the last epoch are the model."
    sections = [Section("Training", blocks, about)]
    labels = [name.removeprefix("f1 ") for name in history[0] if name.startswith("f1 ")]
    if best is not None and labels:
        sections.append(_by_label(history, epochs, best, labels))
    return sections


def _by_label(
    history: list[dict[str, float]], epochs: list[float], best: int, labels: list[str]
) -> Section:
    row = history[best]
    columns = [Column("label", labels)]
    for name in _OF_EACH:
        columns.append(Column(NAMES[name], [row.get(f"{name} {x}") for x in labels], "share"))
    blocks: list[Block] = [Table(columns, order=("F1", True))]
    about = f"On the validation data, after epoch {epochs[best]:.0f}."
    if len(labels) <= _CURVES and len(history) > 1:
        lines = [Line(x, epochs, [r.get(f"f1 {x}", np.nan) for r in history]) for x in labels]
        blocks.insert(0, Chart(lines, "epoch", "F1", name="labels"))
    return Section("Scores by label while it learned", blocks, about)


def _made_of(files: ModelFolder, history: list[dict[str, float]]) -> Section:
    training, encoder = files.training, _encoder(files.path)
    facts: dict[str, Cell] = {"model": files.kind.lower()}
    if history:
        facts["epochs"] = f"{len(history)} of at most {training.get('epochs', len(history))}"
    if _is_number(training.get("seconds")):
        facts["seconds of training"] = training["seconds"]
    if _is_number(training.get("texts")):
        facts["training examples"] = training["texts"]
    facts["parameters"] = _parameters(files.path)
    facts |= encoder
    sources = files.manifest.get("sources")
    for name, paths in sources.items() if isinstance(sources, dict) else ():
        facts[str(name)] = ", ".join(map(str, paths)) if isinstance(paths, list) else str(paths)
    for name in ("labels", "types", "predicates", "scheme"):
        value = files.config.get("facts", {}).get(name)
        if isinstance(value, list):
            shown = ", ".join(str(x) or "(word)" for x in value[:20])
            facts[name] = shown + (f", and {len(value) - 20:,} more" if len(value) > 20 else "")
        elif isinstance(value, str):
            facts["learned from" if name == "labels" else name] = value
    network = {str(k): _shown(v) for k, v in files.config.get("settings", {}).items()}
    how = {k: _shown(v) for k, v in training.items() if k not in ("history", "seconds", "texts")}
    blocks: list[Block] = [Facts({k: v for k, v in facts.items() if v is not None})]
    for name, settings in (("network", network), ("training", how)):
        if settings:
            blocks += [Text([f"Settings of the {name}:"]), Facts(settings)]
    return Section("What it is made of", blocks)


def _parameters(folder: Path) -> int | None:
    if not (folder / WEIGHTS).exists():
        return None
    return sum(int(tensor.size) for tensor in map_safetensors(folder / WEIGHTS).values())


def _encoder(folder: Path) -> dict[str, Cell]:
    """What the encoder knows: its own tokens, and the tables of word vectors it began with."""
    if not (folder / "encoder.json").exists():
        return {}
    facts = read_json(folder / "encoder.json")
    found: dict[str, Cell] = {"a token is a": str(facts.get("unit"))}
    own, tables = facts.get("tokens"), facts.get("tables")
    if isinstance(own, dict):
        found["known tokens"] = own.get("words")
    tables = tables if isinstance(tables, list) else []
    for number, table in enumerate(tables, 1):
        name = "word vectors at the start" + (f" ({number})" if len(tables) > 1 else "")
        found[name] = f"{table.get('words', 0):,} of dimension {table.get('dim', 0)}"
    if not tables:
        found["word vectors at the start"] = "none: random numbers"
    return found


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _shown(value: Any) -> str:
    if isinstance(value, (list, tuple)):
        return ", ".join(map(str, value))
    if isinstance(value, dict):
        return ", ".join(f"{k}: {v}" for k, v in value.items()) or "none"
    if value is None:
        return "none"
    return ("no", "yes")[value] if isinstance(value, bool) else str(value)
