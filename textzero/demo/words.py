"""Tastes: the few words that a line of the demo names, and how large its parts are."""

import glob
import math
import shlex
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path

import numpy as np

from textzero.corpus import Corpus
from textzero.corpus.encodings import detect_encoding
from textzero.counts import Counts
from textzero.kernels.reference.text import ALONE, WORD, character_classes
from textzero.lexicon import Lexicon
from textzero.report.blocks import Block, Column, Passage, Passages, Section, Span, Table, Text
from textzero.segmenter import Segmenter
from textzero.vectors.training import TrainingSettings
from textzero.vectors.word_vectors import WordVectors

_LOOKED_AT = 1 << 18  # characters that tell whether a script has spaces
_TASTED = slice(60, 600)  # frequent words that are no longer mere grammar
_LINES = 30
_FILES = 100
_NEAR = 0.5
_FORM = 4  # letters that forms of a word share
_HAN = 0x2E80  # letters from here on say as much as several of those before


def listed(words: Iterable[str]) -> str:
    """Return words with commas between them."""
    return ", ".join(words)


def such_as(what: str, examples: str) -> str:
    """Return "what: examples", or what alone where there are none."""
    return f"{what}: {examples}" if examples else what


def but_for(output: Path, folder: str, patterns: list[str]) -> str:
    """Return the options that pass over some files, and the demo's output if it is among them."""
    own, root = output.resolve(), Path(folder).resolve()
    if root in own.parents:
        patterns = [*patterns, glob.escape(own.relative_to(root).as_posix())]
    return "".join(f" --exclude {shlex.quote(pattern)}" for pattern in patterns)


def is_word(token: str) -> bool:
    """Whether a token is made of letters, with the marks that some scripts put on them.

    >>> is_word("ที่"), is_word("x2"), is_word("。")
    (True, False, False)
    """
    return any(map(str.isalpha, token)) and all(
        c.isalpha() or unicodedata.category(c)[0] == "M" for c in token
    )


def frequent(counts: Counts, n: int = 8) -> str:
    """Return the most frequent words that are made of letters."""
    return listed(islice(filter(is_word, counts.words[:200]), n))


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


def is_foreign(corpus: Corpus) -> bool:
    """Whether some of the first files are in another encoding than UTF-8."""
    sources = [s for s in corpus.sources[:_FILES] if s.format == "text"]
    return any(detect_encoding(source) not in ("utf-8", "utf-8-sig") for source in sources)


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


def neighbours(vectors: WordVectors, n: int = 4, each: int = 2) -> list[tuple[str, list[str]]]:
    """Return words with their nearest ones: pairs that are each other's nearest.

    Of the frequent words the rarer ones come first, since they say more; no word is named twice.
    """
    words = [word for word in vectors.vocabulary[_TASTED] if _says_something(word)]
    if not words:
        return []
    found = dict(zip(words, vectors.nearest(words, 2 * each, metric="pearson"), strict=True))
    chosen, named = list[tuple[str, list[str]]](), set[str]()
    for word in reversed(words):
        nearest, score = found[word][0]
        others = [w for w, _ in found[word] if is_word(w) and w[:_FORM] != word[:_FORM]][:each]
        mutual = nearest in found and found[nearest][0][0] == word and nearest in others
        if mutual and score > _NEAR and named.isdisjoint([word, *others]):
            named.update([word, *others])
            chosen.append((word, others))
        if len(chosen) == n:
            break
    return chosen


def _says_something(word: str) -> bool:
    """Whether a word is made of letters, and so many that it is hardly grammar."""
    return is_word(word) and len(word) > (1 if ord(word[0]) > _HAN else 4)


def frames(templates: Sequence[object], n: int = 4) -> list[str]:
    """Return the first templates that read well: several words, each once, something between."""
    shown = []
    for template in map(str, templates):
        words = [word for word in template.split() if word != "X"]
        between = "X" in template.split()[1:-1] and all(map(is_word, words))
        if 3 <= len(words) <= 8 and len(set(words)) == len(words) and between:
            shown.append(template)
    return (shown or list(map(str, templates)))[:n]


def groups(clusters: Iterable[Sequence[str]], n: int = 4, each: int = 4) -> list[str]:
    """Return the first words of the first clusters that are words and no numbers."""
    first = (list(members[:each]) for members in clusters)
    whole = (words for words in first if len(words) == each and all(map(is_word, words)))
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
        items.append(Passage([Span(" · ".join(words))]))
    about = "The first lines, cut into the words that were found."
    return Section("The text, cut into words", [Passages(items)], about)


def some(sections: Sequence[Section], *places: int) -> list[Section]:
    """Return the sections at these places; `textzero report` shows all of them."""
    return [sections[place] for place in places]


def noted(sections: Sequence[Section], note: str) -> list[Section]:
    """Return sections of which the first says something more."""
    first, *rest = sections
    return [replace(first, about=f"{first.about} {note}".strip()), *rest]


def overview(
    steps: Sequence[tuple[str, str, str]], losses: Sequence[str], commands: Sequence[str]
) -> Section:
    """Return the first section: what was done, with the command that does it."""
    opened = [[Passage([Span(command)], "the command that does it")] if command else []
              for *_, command in steps]  # fmt: skip
    columns = [
        Column("step", [name for name, *_ in steps]),
        Column("found", [what for _, what, _ in steps]),
    ]
    blocks: list[Block] = [Table(columns, details=opened)]
    if losses:
        blocks.append(Text(losses, "warning"))
    if commands:
        blocks.append(Text(["To try next:", *commands]))
    about = (
        "From the texts alone: no dictionary, no pretrained model, nothing from the network. Open "
        "a row for the command that does it. This page has the best of each step; textzero report "
        "shows all of a file."
    )
    return Section("What was done", blocks, about)
