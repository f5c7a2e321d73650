"""`occlusion`: how much of the log-odds of the class is lost when one word is taken out.

Where the model masks padding, the word's id becomes padding (0): the network reads the text as if
the word were not there. Elsewhere the word is removed and the text is one word shorter, or, where
the model's length is fixed and padding is read, becomes the unknown word (1).
"""

from collections.abc import Iterator, Sequence

import numpy as np

from textzero._compat import Array
from textzero.models.saliency.explainers import Explainers
from textzero.models.saliency.source import EncodedText

_VARIANTS = 4096  # texts without a word, held at once


def occlusion(
    held: Explainers,
    texts: Sequence[EncodedText],
    targets: Array,
    log_odds: Array,
    batch_size: int,
) -> list[Array]:
    """Return float32 (n,) for each text: a pass for each word, `batch_size` at once."""
    values = []
    for start, end in _chunks([len(text) for text in texts]):
        part = range(start, end)
        owners = np.repeat(np.arange(start, end), [len(texts[k]) for k in part])
        variants = [
            without(held, texts[k], np.array([place]))
            for k in part
            for place in range(len(texts[k]))
        ]
        _, found = held.decide(variants, targets[owners], batch_size)
        lost = (log_odds[owners] - found).astype(np.float32)
        pairs = zip(owners.tolist(), variants, strict=True)
        same = np.array([_same(texts[k], variant) for k, variant in pairs], bool)
        lost[same] = 0  # a word that was masked already; the rest is rounding
        values += np.split(lost, np.cumsum([len(texts[k]) for k in part])[:-1])
    return values


def _same(text: EncodedText, variant: EncodedText) -> bool:
    return all(map(np.array_equal, text.inputs, variant.inputs))


def _chunks(lengths: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Yield runs of texts with about `_VARIANTS` words together, one text at least."""
    start, held = 0, 0
    for place, length in enumerate(lengths):
        if held and held + length > _VARIANTS:
            yield start, place
            start, held = place, 0
        held += length
    if start < len(lengths):
        yield start, len(lengths)


def without(held: Explainers, text: EncodedText, places: Array) -> EncodedText:
    """Return a text without the words at `places`, as the model can best be told."""
    source = held.source
    if not source.masked and source.length is None:
        return text.kept(np.delete(np.arange(len(text)), places))
    inputs = [array.copy() for array in text.inputs]
    for array in inputs:
        array[places] = 0 if source.masked else 1
    return EncodedText(text.text, text.tokens, text.spans, inputs)
