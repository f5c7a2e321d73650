"""A sentence as a tree of nested templates (Su Jianlin, article 5577: Parser, SentTree).

A block of words is made by one template, whose placeholders are filled by blocks; a word is the
smallest block. The score of a block is ln p(template) plus the scores of the blocks in it, the
best template wins; where none matches, the words stand side by side at NULL_SCORE for each but the
first. p is a template's share of the sentences that use one (of all counts, where nothing is said
of use). Every span is scored once; n words take at most n^3 steps, times the nodes with a
placeholder inside of the tree that templates with the same beginnings make.
"""

import json
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

import numpy as np

from textzero._arguments import checked
from textzero._frames import short
from textzero.kernels import kernel
from textzero.shown.text import html_text
from textzero.structure.sentences import LONGEST, cut_sentences, sentence_words
from textzero.structure.templates import Template, escape
from textzero.tokens import Tokenizer

NULL_SCORE = -20.0
_LINES, _WIDTH = 40, 200  # of a tree in a notebook, at most
_UNIT = 1_000_000  # scores are whole millionths of a nat, so that ties are ties everywhere


@dataclass(frozen=True, repr=False)
class Tree:
    """A block of a sentence.

    Attributes:
        words: Its words.
        start: Place of its first word in the sentence.
        template: What it is made by; None for words that stand side by side.
        children: What fills the placeholders of the template, in order.
        score: ln p of all templates in it, and NULL_SCORE where there is none.
    """

    words: tuple[str, ...]
    start: int
    template: Template | None
    children: tuple["Tree", ...]
    score: float

    @property
    def stop(self) -> int:
        """Place behind its last word."""
        return self.start + len(self.words)

    def __repr__(self) -> str:
        made = short(" ".join(self.words) if self.template is None else f"[{self.template}]")
        return f"Tree({made!r}, {len(self.words)} words, score {self.score:.4g})"

    def __str__(self) -> str:
        return "\n".join(self._lines(0))

    def _repr_html_(self) -> str:
        lines = [html_text(short(line, _WIDTH)) for line in islice(self._lines(0), _LINES)]
        return "<pre>" + "\n".join([*lines, "…"] if len(lines) == _LINES else lines) + "</pre>"

    def _lines(self, depth: int) -> Iterator[str]:
        if self.template is None:
            yield "  " * depth + " ".join(map(escape, self.words))
        else:
            yield "  " * depth + f"[{self.template}]"
        for child in self.children:
            yield from child._lines(depth + 1)

    def as_dict(self, offsets: Sequence[tuple[int, int]] | None = None) -> dict[str, Any]:
        """Return the tree as JSON can hold it.

        Args:
            offsets: First character of each word of the sentence and the one behind it; the blocks
                then tell theirs.
        """
        shown: dict[str, Any] = {
            "template": None if self.template is None else str(self.template),
            "words": list(self.words),
            "span": [self.start, self.stop],
        }
        if offsets is not None:
            shown["characters"] = [offsets[self.start][0], offsets[self.stop - 1][1]]
        shown["score"] = self.score
        shown["children"] = [child.as_dict(offsets) for child in self.children]
        return shown

    def to_json(self, offsets: Sequence[tuple[int, int]] | None = None) -> str:
        """Return `as_dict` as one line of JSON."""
        return json.dumps(self.as_dict(offsets), ensure_ascii=False)


class Parser:
    """Templates ready to parse sentences.

    Of trees with the same score, a block takes the template with more words, of these the one that
    stands first in the table; its placeholders end as early as they can, the first one first.

    Args:
        templates: Such as `Templates`.
        null_score: For each word but the first where no template matches.

    Raises:
        ValueError: `null_score` is not a number from -1,000,000 to 0, or a template is there twice.

    Example:
        >>> parser = Parser([Template.from_text("X 是 什么"), Template.from_text("X 的 X")])
        >>> print(parser.parse(["苹果", "的", "颜色", "是", "什么"]))
        [X 是 什么]
          [X 的 X]
            苹果
            颜色
    """

    @checked
    def __init__(self, templates: Iterable[Template], null_score: float = NULL_SCORE) -> None:
        if not -1e6 <= null_score <= 0:
            raise ValueError(f"null_score must be from -1,000,000 to 0, got {null_score}")
        self.templates = sorted(templates, key=lambda template: -template.words)
        self.null_score = round(null_score * _UNIT)
        if len({template.items for template in self.templates}) < len(self.templates):
            raise ValueError("templates must differ, got one twice")
        self._ids: dict[str, int] = {}
        patterns = [
            [-1 if w is None else self._ids.setdefault(w, len(self._ids)) for w in template.items]
            for template in self.templates
        ]
        by_use = any(template.used for template in self.templates)
        shares = [max(1, t.used if by_use else t.count) for t in self.templates]
        total = sum(shares)
        weights = [round(math.log(share / total) * _UNIT) for share in shares]
        self._patterns = [np.array(pattern, np.int32) for pattern in patterns]
        offsets = np.cumsum([0, *map(len, patterns)])
        items = np.concatenate([np.zeros(0, np.int32), *self._patterns])
        self._kernels = kernel("parsing")
        self._grammar = self._kernels.new_grammar(items, offsets, np.array(weights, np.int64))

    def __reduce__(self) -> tuple[Any, ...]:
        return Parser, (self.templates, self.null_score / _UNIT)

    def __repr__(self) -> str:
        return f"Parser({len(self.templates):,} templates)"

    def parse(self, words: Sequence[str]) -> Tree:
        """Return the best tree of a sentence.

        Raises:
            ValueError: There are no words, or more than LONGEST.
        """
        if isinstance(words, str):
            raise TypeError("words must be a list of words, got a string")
        if not 1 <= len(words) <= LONGEST:
            raise ValueError(f"a sentence must have from 1 to {LONGEST} words, got {len(words)}")
        ids = np.array([self._ids.get(word, -2) for word in words], np.int32)
        scores, choices = self._kernels.score_spans(self._grammar, ids, self.null_score)

        def block(start: int, stop: int) -> Tree:
            choice, children = int(choices[start, stop]), []
            template = None if choice < 0 else self.templates[choice]
            if template is not None:
                pattern = self._patterns[choice]
                bounds = self._kernels.place_items(pattern, ids, scores, start, stop).tolist()
                for k, item in enumerate(template.items):
                    if item is None:
                        children.append(block(bounds[k], bounds[k + 1]))
            score = int(scores[start, stop]) / _UNIT
            return Tree(tuple(words[start:stop]), start, template, tuple(children), score)

        return block(0, len(words))


def parse_text(
    parser: Parser, tokenizer: Tokenizer, text: str
) -> Iterator[tuple[str, Tree, list[tuple[int, int]] | None]]:
    """Yield (sentence, its tree, the characters of its words) for all sentences of a text.

    The characters count from the beginning of the sentence. They are None when a word is not in
    it as it stands. A sentence of more than LONGEST words comes in parts.

    Example:
        >>> parser = Parser([Template.from_text("the X")])
        >>> for sentence, tree, characters in parse_text(parser, Tokenizer("word"), "Ah! the cat"):
        ...     print(sentence, characters, tree.template)
        Ah [(0, 2)] None
        the cat [(0, 3), (4, 7)] the X
    """
    for start, stop in cut_sentences(text):
        sentence = text[start:stop]
        words = sentence_words(tokenizer(sentence))
        places = _align(tokenizer, sentence, words)
        for first in range(0, len(words), LONGEST):
            part = words[first : first + LONGEST]
            if places is None or len(words) <= LONGEST:
                yield sentence, parser.parse(part), places
                continue
            a, b = places[first][0], places[first + len(part) - 1][1]
            moved = [(x - a, y - a) for x, y in places[first : first + len(part)]]
            yield sentence[a:b], parser.parse(part), moved


def _align(tokenizer: Tokenizer, text: str, words: Sequence[str]) -> list[tuple[int, int]] | None:
    """Find each word in a text; None when one is not there, or characters do not keep places."""
    normal = tokenizer.normalise(text)
    if normal != text and any(len(tokenizer.normalise(c)) != 1 for c in text):
        return None
    places, at = [], 0
    for word in words:
        start = normal.find(word, at)
        if start < 0:
            return None
        at = start + len(word)
        places.append((start, at))
    return places if len(normal) == len(text) else None
