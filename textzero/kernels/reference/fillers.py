"""What fills the placeholders of templates in sentences, as the definition reads."""

import numpy as np

from textzero._compat import Array


def find_fillers(
    tokens: Array,
    offsets: Array,
    best: Array,
    items: Array,
    item_offsets: Array,
    window: int,
    longest: int,
    first: int,
    last: int,
) -> Array:
    """List what fills the placeholders of the sentences' templates.

    The words of a template are taken at the first places that leave a way to the end.

    Args:
        tokens: int32 (n,). Word ids; -2 for a rare word; -1 behind each sentence.
        offsets: int64 (n_sentences + 1,). Sentence s is tokens[offsets[s]:offsets[s + 1] - 1].
        best: int32 (n_sentences,). The template of each sentence, or -1. It must be there.
        items: int32 (n_items,). Word ids of all templates, -1 for a placeholder.
        item_offsets: int64 (n_templates + 1,).
        window: A placeholder between two words takes at most window - 1 words.
        longest: Words of a filler; longer ones are left out, and those with a rare word.
        first, last: The sentences.

    Returns:
        int32 (n, 2 + longest). Template, number of the placeholder, words, -1 behind them.
    """
    rows = []
    for s in range(first, last):
        if best[s] < 0:
            continue
        sentence = tokens[offsets[s] : offsets[s + 1] - 1].tolist()
        template = items[item_offsets[best[s]] : item_offsets[best[s] + 1]].tolist()
        bounds = _place(sentence, template, 0, 0, window)
        slots = [k for k, item in enumerate(template) if item == -1]
        for slot, k in enumerate(slots):
            filler = sentence[bounds[k] : bounds[k + 1]]
            if len(filler) <= longest and min(filler) >= 0:
                rows.append([int(best[s]), slot, *filler, *[-1] * (longest - len(filler))])
    return np.array(rows, np.int32).reshape(-1, 2 + longest)


def _place(sentence: list[int], template: list[int], k: int, p: int, window: int) -> list[int]:
    """Return where items k, k + 1, ... begin from place p on, and the end; [] if they do not."""
    if k == len(template):
        return [p] if p == len(sentence) else []
    if template[k] == -1:
        inner = 0 < k < len(template) - 1
        stop = min(p + window - 1, len(sentence)) if inner else len(sentence)
        ends = [stop] if k == len(template) - 1 else range(p + 1, stop + 1)
        if p == len(sentence):
            return []
    else:
        if p == len(sentence) or sentence[p] != template[k]:
            return []
        ends = [p + 1]
    for end in ends:
        rest = _place(sentence, template, k + 1, end, window)
        if rest:
            return [p, *rest]
    return []
