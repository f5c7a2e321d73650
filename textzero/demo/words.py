"""Tastes: the few words that a line of the demo names, and how large its parts are."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import islice

import numpy as np

from textzero.corpus import Corpus
from textzero.counts import Counts
from textzero.kernels.reference.text import ALONE, WORD, character_classes
from textzero.lexicon import Lexicon
from textzero.report.blocks import Block, Column, Passage, Passages, Section, Span, Table, Text
from textzero.segmenter import Segmenter
from textzero.vectors.training import TrainingSettings
from textzero.vectors.word_vectors import WordVectors

_LOOKED_AT = 1 << 18  # characters that tell whether a script has spaces
_TASTED = slice(60, 400)  # frequent words that are no longer mere grammar
_LINES = 30
_FORM = 4  # letters that forms of a word share
_HAN = 0x2E80  # letters from here on say as much as several of those before


def listed(words: Iterable[str]) -> str:
    """Return words with commas between them."""
    return ", ".join(words)


def has_spaces(corpus: Corpus) -> bool:
    """Whether most letters of a corpus are of scripts that put spaces between words."""
    classes = character_classes()
    alone = spaced = looked = 0
    for text in corpus:
        points = np.frombuffer(text.encode("utf-32-le", "replace"), np.uint32)
        kinds = np.bincount(classes[points], minlength=ALONE + 1)
        alone, spaced = alone + int(kinds[ALONE]), spaced + int(kinds[WORD])
        looked += len(text)
        if looked > _LOOKED_AT:
            break
    return 3 * alone <= spaced  # a word of letters has several, a Chinese one two


def least_count(tokens: int) -> int:
    """Return the least count of a word that gets a vector: 2 to 10, by the size of the corpus.

    >>> [least_count(n) for n in (1_000, 50_000, 1_000_000)]
    [2, 3, 10]
    """
    return max(2, min(10, round(math.sqrt(tokens) / 75)))


def vector_settings(counts: Counts, least: int, seed: int) -> TrainingSettings:
    """Return settings whose vectors are no longer than so many words need."""
    words = int((np.asarray(counts.counts) >= least).sum())
    return TrainingSettings(dim=128 if words >= 1000 else "auto", seed=seed)


def neighbours(vectors: WordVectors, n: int = 3, each: int = 2) -> list[tuple[str, list[str]]]:
    """Return frequent words with their nearest ones: those that have the nearest of all.

    No word is named twice.
    """
    words = [
        w
        for w in vectors.vocabulary[_TASTED]
        if w.isalpha() and (len(w) > 3 or (ord(w[0]) > 0x2E80 and len(w) > 1))
    ]
    if not words:
        return []
    found = vectors.nearest(words, each)
    order = sorted(range(len(words)), key=lambda i: (-sum(s for _, s in found[i]), i))
    chosen, named = list[tuple[str, list[str]]](), set[str]()
    for i in order:
        others = [word for word, _ in found[i]]
        forms = {word[:_FORM] for word in (words[i], *others)}  # raise ~ raised says little
        apart = len(forms) > each and named.isdisjoint([words[i], *others])
        if apart and all(map(str.isalpha, others)):
            named.update([words[i], *others])
            chosen.append((words[i], others))
        if len(chosen) == n:
            break
    return chosen


def _says_something(word: str) -> bool:
    """Whether a word is made of letters, and so many that it is hardly grammar."""
    return word.isalpha() and len(word) > (1 if ord(word[0]) > _HAN else 4)


def frames(templates: Sequence[object], n: int = 4) -> list[str]:
    """Return the first templates that read well: several words, each once, something between."""
    shown = []
    for template in map(str, templates):
        words = [word for word in template.split() if word != "X"]
        between = "X" in template.split()[1:-1]
        if 3 <= len(words) <= 8 and len(set(words)) == len(words) and between:
            shown.append(template)
    return (shown or list(map(str, templates)))[:n]


def groups(clusters: Iterable[Sequence[str]], n: int = 4, each: int = 4) -> list[str]:
    """Return the first words of the first clusters that are words and no numbers."""
    first = ([word for word in members[:each]] for members in clusters)
    whole = (words for words in first if len(words) == each and all(map(str.isalpha, words)))
    return [" ".join(words) for words in islice(whole, n)]


def first_bytes(corpus: Corpus, most: int) -> tuple[Corpus | list[str], bool]:
    """Return the first documents of a corpus, and whether there are more."""
    size, texts = 0, list[str]()
    for text in corpus:
        size += len(text.encode("utf-8", "replace"))
        if size > most:
            return texts, True
        texts.append(text)
    return corpus if corpus.sources else texts, False


def cut_section(lexicon: Lexicon, corpus: Corpus) -> Section:
    """Return the first lines of a corpus, cut into the words of a lexicon."""
    lines = list(islice((t for t in corpus if 20 <= len(t) <= 200), _LINES))
    segmenter, items = Segmenter(lexicon), []
    for words in map(segmenter, lines):
        spans = [part for word in words for part in (Span(word, mark="here"), Span(" "))]
        items.append(Passage(spans[:-1]))
    about = "The first lines, cut into the words that were found."
    return Section("The text, cut into words", [Passages(items)], about)


def renamed(sections: Sequence[Section], before: str) -> list[Section]:
    """Return sections whose titles begin with something."""
    return [replace(s, title=f"{before}{s.title[:1].lower()}{s.title[1:]}") for s in sections]


def noted(sections: Sequence[Section], note: str) -> list[Section]:
    """Return sections of which the first says something more."""
    first, *rest = sections
    return [replace(first, about=f"{first.about} {note}".strip()), *rest]


def overview(
    steps: Sequence[tuple[str, str, str]], losses: Sequence[str], commands: Sequence[str]
) -> Section:
    """Return the first section: what was done, with the command that does it."""
    blocks: list[Block] = [
        Table([
            Column("step", [name for name, *_ in steps]),
            Column("found", [what for _, what, _ in steps]),
            Column("the command that does it", [command for *_, command in steps]),
        ])
    ]  # fmt: skip
    if losses:
        blocks.append(Text(losses, "warning"))
    if commands:
        blocks.append(Text(["To try next:", *commands]))
    about = "From the texts alone: no dictionary, no pretrained model, nothing from the network."
    return Section("What was done", blocks, about)
