"""textzero tag."""

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from . import _models as models
from . import _options as options
from ._printing import as_json, write_lines
from ._progress import make_progress

if TYPE_CHECKING:
    from textzero.models import Tagger
    from textzero.models.entities import Entity


@click.command()
@models.model_argument
@options.text_options
@models.json_option
@models.batch_option
@options.memory_option
@options.quiet_option
def tag(
    model: str, json: bool, batch_size: int, memory: str | None, quiet: bool, **corpus: Any
) -> None:
    """Print each text of CORPUS with what MODEL finds in it.

    Names come as [Marie PER] lives in [Paris LOC], parts of speech as word/TAG, words of segmented
    text with a space between; a line for each line in. Without CORPUS texts are read from standard
    input. MODEL is what `textzero train tagger` wrote.
    """
    texts, progress = models.corpus_or_stdin(**corpus), make_progress(quiet, to_stdout=True)
    reading = texts.new_reading()
    loaded, room = models.load(model, "Tagger", memory=memory)
    for batch in models.batches_of_texts(texts, reading, room, progress):
        found = loaded.predict(batch, batch_size)
        pairs = zip(batch, found, strict=True)
        if json:
            rows = [
                as_json({"text": text, "entities": [asdict(entity) for entity in entities]})
                for text, entities in pairs
            ]
        else:
            rows = [models.one_line(_shown(loaded, text, entities)) for text, entities in pairs]
        write_lines(rows)
    options.report_losses(reading, quiet)


def _shown(model: "Tagger", text: str, entities: "list[Entity]") -> str:
    """A text with what was found in it, for people."""
    if model.facts["types"] == [""]:
        return " ".join(entity.text for entity in entities)
    if model.scheme == "none":
        return " ".join(f"{entity.text}/{entity.type}" for entity in entities)
    shown, done = [], 0
    for entity in entities:
        shown += [text[done : entity.start], f"[{entity.text} {entity.type}]"]
        done = entity.end
    return "".join([*shown, text[done:]])
