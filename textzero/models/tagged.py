"""TaggedSentences: labelled sentences in one scheme, their faults refused or repaired."""

from collections import Counter
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from typing import Any, overload

import numpy as np

from textzero.characters import code_points
from textzero.errors import InputError
from textzero.kernels.reference.text import ALONE, WORD, character_classes
from textzero.models.tags import (
    NONE,
    OUTSIDE,
    SCHEMES,
    convert_tags,
    detect_scheme,
    first_fault,
    has_form,
    scheme_tags,
    split_tag,
)
from textzero.shown.text import counted

Sentence = tuple[list[str], list[str]]
Where = Callable[[int, int], str]
"""A sentence's and a token's number, from 0, to what a message calls the place."""


def _counted(sentence: int, token: int) -> str:
    return f"sentence {sentence + 1}, token {token + 1}"


_CHARACTERS = 0.9  # share of one-character tokens from which tokens are characters


@dataclass(frozen=True, repr=False)
class TaggedSentences(Sequence[Sentence]):
    """Sentences as (tokens, tags), all tags of one scheme.

    Attributes:
        sentences: The tokens and their tags, as many.
        scheme: A name in `tags.SCHEMES`, or "none" where tags are labels of their own.
        repaired: Tags that broke the scheme and were changed to how conlleval reads them.
        where: What messages call the place of a token, such as file and line.
        empty: Places of sentences without a token, which were left out.
    """

    sentences: list[Sentence]
    scheme: str
    repaired: int = 0
    where: Where = field(default=_counted, repr=False, compare=False)
    empty: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.sentences)

    def __repr__(self) -> str:
        return f"TaggedSentences({len(self):,} sentences, scheme {self.scheme!r})"

    @overload
    def __getitem__(self, place: int) -> Sentence: ...
    @overload
    def __getitem__(self, place: slice) -> "TaggedSentences": ...
    def __getitem__(self, place: "int | slice") -> "Sentence | TaggedSentences":
        """One sentence, or for a slice what it leaves."""
        if isinstance(place, slice):
            kept = range(len(self))[place]
            where = lambda sentence, token: self.where(kept[sentence], token)  # noqa: E731
            return TaggedSentences(self.sentences[place], self.scheme, where=where)
        return self.sentences[place]

    @property
    def types(self) -> list[str]:
        """Types of spans (of scheme "none": tags), the most frequent first, then by name."""
        counts = Counter(tag for _, tags in self.sentences for tag in tags)
        kinds: Counter[str] = Counter()
        for tag, count in counts.items():
            if self.scheme == NONE:
                kinds[tag] += count
            elif tag != OUTSIDE:
                kinds[split_tag(tag)[1]] += count
        return sorted(kinds, key=lambda kind: (-kinds[kind], kind))

    @property
    def outside(self) -> bool:
        """Whether some token is outside of any span, as none is in segmented text."""
        return any(OUTSIDE in tags for _, tags in self.sentences)

    @property
    def tags(self) -> list[str]:
        """All tags that the scheme has for the types."""
        return scheme_tags(self.types, self.scheme, self.outside)

    @property
    def characters(self) -> bool:
        """Whether tokens are characters: nine of ten have one."""
        sizes = [len(token) for tokens, _ in self.sentences for token in tokens]
        return bool(sizes) and sizes.count(1) >= _CHARACTERS * len(sizes)

    @property
    def joiner(self) -> str:
        """What stands between tokens in text: nothing for characters and scripts without spaces."""
        if self.characters:
            return ""
        text = "".join(token for tokens, _ in self.sentences for token in tokens)
        kinds = np.bincount(character_classes()[code_points(text)], minlength=max(ALONE, WORD) + 1)
        return "" if kinds[ALONE] > kinds[WORD] else " "

    def losses(self) -> list[str]:
        """Return a line for each way in which the data differ from what stands in the files."""
        found = []
        if self.repaired:
            found.append(
                f"{counted(self.repaired, 'tags')} against the scheme, read as conlleval does"
            )
        if self.empty:
            found.append(
                f"{counted(len(self.empty), 'sentences without a token')} left out, the first at "
                f"{self.empty[0]}: between two empty lines a token and its tag were expected"
            )
        return found

    def converted(self, scheme: str) -> "TaggedSentences":
        """Return the same spans in another scheme.

        Raises:
            ValueError: There is no such scheme, or one of both is "none".
        """
        if scheme == self.scheme:
            return self
        if NONE in (scheme, self.scheme):
            raise ValueError(f"tags of scheme {self.scheme!r} cannot be written as {scheme!r}")
        changed = [(tokens, convert_tags(tags, scheme)) for tokens, tags in self.sentences]
        return TaggedSentences(changed, scheme, self.repaired, self.where)


def check_sentences(
    sentences: list[Sentence],
    scheme: str,
    strict: bool,
    labels: Collection[str] | None,
    where: Where = _counted,
    repaired: int = 0,
    outside: bool = True,
) -> TaggedSentences:
    """Find the scheme of sentences; refuse or repair what breaks it.

    Args:
        sentences: Tokens and tags, as many.
        scheme: The scheme, or "auto".
        strict: Whether tags in an order that the scheme does not allow are an error.
        labels: Known types (of scheme "none": tags); None takes any.
        where: Names places in messages.
        repaired: Tags that were repaired before.
        outside: Whether O is known, where `labels` are given; for scheme "none" they say it.

    Raises:
        InputError: A tag is none of the scheme's, of an unknown type, or (strict) out of order.
        ValueError: There is no such scheme.
    """
    if scheme == "auto":
        scheme = detect_scheme(tags for _, tags in sentences)
    if scheme not in (*SCHEMES, NONE):
        raise ValueError(f"scheme must be auto, none, {', '.join(SCHEMES)}; got {scheme!r}")
    counts = Counter(tag for _, tags in sentences for tag in tags)
    free = scheme != NONE and (outside or labels is None)
    held = counts.pop(OUTSIDE, 0)
    typed = 2 * sum(count for tag, count in counts.items() if "-" in tag) >= counts.total()
    if held and not free:
        counts[OUTSIDE] = held
    wrong = {tag: reason for tag in counts if (reason := _reason(tag, scheme, typed, labels))}
    result: list[Sentence] = []
    for number, (tokens, tags) in enumerate(sentences):
        for place, tag in enumerate(tags):
            if tag in wrong:
                raise InputError(f"{where(number, place)}: {wrong[tag]}, got {tag!r}")
        if fault := first_fault(tags, scheme):
            place, wanted = fault
            if strict:
                raise InputError(
                    f"{where(number, place)}: expected {wanted} by scheme {scheme}, "
                    f"got {tags[place]}"
                )
            valid = convert_tags(tags, scheme)
            repaired += sum(a != b for a, b in zip(tags, valid, strict=True))
            tags = valid
        result.append((tokens, tags))
    return TaggedSentences(result, scheme, repaired, where)


def check_facts(facts: dict[str, Any]) -> None:
    """Check what a tagger's folder says of the sentences that it learned from.

    Args:
        facts: "scheme", "types", "outside", "characters" and "joiner", as of TaggedSentences.

    Raises:
        ValueError: One is not there, or not of its kind.
    """
    scheme, types = facts.get("scheme"), facts.get("types")
    if scheme not in (*SCHEMES, NONE):
        raise ValueError(f"scheme must be none, {', '.join(SCHEMES)}; got {scheme!r:.60}")
    named = isinstance(types, list) and all(isinstance(kind, str) for kind in types)
    if not named or not types or len(set(types)) < len(types) or (scheme == NONE and "" in types):
        raise ValueError(f"types must be a list of different names, got {types!r:.60}")
    for name in ("outside", "characters"):
        if not isinstance(facts.get(name), bool):
            raise ValueError(f"{name} must be true or false, got {facts.get(name)!r:.60}")
    joiners = ("",) if facts["characters"] else ("", " ")
    if facts.get("joiner") not in joiners:
        raise ValueError(f"joiner must be one of {joiners}, got {facts.get('joiner')!r:.60}")


def first_odd(read: TaggedSentences) -> tuple[str, str]:
    """Return place and name of the first tag of no scheme; of the first, if all are of some."""
    tags = [(s, t, tag) for s, (_, row) in enumerate(read.sentences) for t, tag in enumerate(row)]
    odd = (one for one in tags if not any(has_form(one[2], scheme) for scheme in SCHEMES))
    sentence, token, tag = next(odd, tags[0])
    return read.where(sentence, token), tag


def _reason(tag: str, scheme: str, typed: bool, labels: Collection[str] | None) -> str:
    """What was expected instead of a tag; nothing where it is as it must be."""
    if tag == OUTSIDE and scheme != NONE:
        examples = scheme_tags(sorted(labels or ())[:5], scheme, outside=False)
        return f"expected one of the known tags ({', '.join(examples)})"
    if scheme != NONE and (not has_form(tag, scheme) or typed != ("-" in tag)):
        examples = scheme_tags(["TYPE"] if typed else [""], scheme)
        return f"expected a tag of scheme {scheme} ({', '.join(examples)})"
    if labels is None:
        return ""
    kind = tag if scheme == NONE else split_tag(tag)[1]
    if kind in labels:
        return ""
    named = ", ".join(sorted(labels)[:20]) or "letters without a type"
    return f"expected one of the known {'tags' if scheme == NONE else 'types'} ({named})"
