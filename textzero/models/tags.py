"""Tags of spans: their schemes, spans to tags and back, what may follow what.

A tag is a letter, a hyphen and a type (`B-ORG`), a letter alone where spans have no types (word
segmentation), or `O` outside of any span. The schemes and their letters for a span's first, inner
and last tag and for a span of one:

    bio     B I I B    (IOB2)
    iob1    B I I B    B only where a span touches the one of the same type before it
    bioes   B I E S
    bmes    B M E S
    bmewo   B M E W
    bilou   B I L U
    none    the tags are labels of their own, such as parts of speech

Any sequence of tags can be read, also one that no scheme allows: where a span begins and ends is
told by the rules of conlleval, the scorer of the CoNLL shared tasks (Tjong Kim Sang, 2000; for
single letters and E as its later versions have it). A sequence is valid when it is what its spans
are written as.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from functools import lru_cache

import numpy as np

from textzero._compat import Array

Span = tuple[int, int, str]
"""First token, the token behind the last, type."""

# letters of a span's first, inner and last tag, and of a span of one tag
SCHEMES = {
    "bio": "BIIB",
    "bioes": "BIES",
    "bmes": "BMES",
    "bmewo": "BMEW",
    "bilou": "BILU",
    "iob1": "IIII",
}
NONE = "none"
OUTSIDE = "O"

_ROLES = {"B": "B", "I": "I", "M": "I", "E": "E", "L": "E", "S": "S", "W": "S", "U": "S"}


@lru_cache(maxsize=4096)
def split_tag(tag: str) -> tuple[str, str]:
    """Return the role of a tag in its span, "B", "I", "E", "S" or "O", and the type.

    Raises:
        ValueError: It is no tag of any scheme.

    Example:
        >>> split_tag("M-ORG"), split_tag("S"), split_tag("O")
        (('I', 'ORG'), ('S', ''), ('O', ''))
    """
    if tag == OUTSIDE:
        return OUTSIDE, ""
    letter, hyphen, kind = tag.partition("-")
    if letter not in _ROLES or bool(hyphen) != bool(kind):
        raise ValueError(f"a tag must be O, or one of B I M E L S W U alone or with -TYPE: {tag!r}")
    return _ROLES[letter], kind


def tags_to_spans(tags: Sequence[str]) -> list[Span]:
    """Return the spans of any sequence of tags, in order, as conlleval reads them.

    Raises:
        ValueError: A tag belongs to no scheme.

    Example:
        >>> tags_to_spans(["B-PER", "I-PER", "O", "I-LOC"])
        [(0, 2, 'PER'), (3, 4, 'LOC')]
    """
    spans: list[Span] = []
    start, open_type = -1, ""  # start is -1 outside
    before = OUTSIDE
    for place, tag in enumerate(tags):
        role, kind = split_tag(tag)
        begins = role in "BS" or before in "OES" or kind != open_type
        if start >= 0 and (role == OUTSIDE or begins):
            spans.append((start, place, open_type))
            start = -1
        if role != OUTSIDE and begins:
            start, open_type = place, kind
        before = role
    if start >= 0:
        spans.append((start, len(tags), open_type))
    return spans


def spans_to_tags(spans: Iterable[Span], length: int, scheme: str) -> list[str]:
    """Return the tags of `length` tokens that hold these spans.

    Args:
        spans: In any order; they do not overlap.
        length: Tokens.
        scheme: One of SCHEMES.

    Raises:
        ValueError: A span is empty, overlaps another or leaves the tokens; or there is no such
            scheme.

    Example:
        >>> spans_to_tags([(0, 3, "ORG"), (3, 4, "PER")], 5, "bmes")
        ['B-ORG', 'M-ORG', 'E-ORG', 'S-PER', 'O']
    """
    first, inner, last, single = _letters(scheme)
    tags = [OUTSIDE] * length
    end_before = 0
    type_before: str | None = None
    for start, end, kind in sorted(spans):
        if not (end_before <= start < end <= length):
            raise ValueError(
                f"spans must lie in order within {length} tokens, got {(start, end, kind)} "
                f"after one that ends at {end_before}"
            )
        suffix = f"-{kind}" if kind else ""
        letters = [first, *(inner * (end - start - 2)), last] if end - start > 1 else [single]
        if scheme == "iob1" and (start, kind) == (end_before, type_before):
            letters[0] = "B"
        tags[start:end] = [letter + suffix for letter in letters]
        end_before, type_before = end, kind
    return tags


def convert_tags(tags: Sequence[str], scheme: str) -> list[str]:
    """Return the same spans in another scheme; faults are repaired as conlleval reads them.

    Example:
        >>> convert_tags(["I-PER", "I-PER", "B-PER"], "bioes")
        ['B-PER', 'E-PER', 'S-PER']
    """
    return spans_to_tags(tags_to_spans(tags), len(tags), scheme)


def first_fault(tags: Sequence[str], scheme: str) -> tuple[int, str] | None:
    """Return the first place where tags break their scheme and the tag it must have, or None.

    Example:
        >>> first_fault(["O", "I-PER", "I-PER"], "bio")
        (1, 'B-PER')
    """
    if scheme == NONE:
        return None
    valid = convert_tags(tags, scheme)
    places = (place for place, tag in enumerate(tags) if tag != valid[place])
    return next(((place, valid[place]) for place in places), None)


def has_form(tag: str, scheme: str) -> bool:
    """Whether a tag has a letter of the scheme, and a type or none; "none" takes any tag."""
    if scheme == NONE or tag == OUTSIDE:
        return True
    letter, hyphen, kind = tag.partition("-")
    letters = ("B", "I") if scheme == "iob1" else _letters(scheme)
    return letter in letters and bool(hyphen) == bool(kind)


def detect_scheme(sequences: Iterable[Sequence[str]]) -> str:
    """Return the scheme that sentences' tags are written in.

    It is the one that most tags have the form of, "none" where that is at most half of them. With
    letters B and I alone it is "iob1" when some span begins with I, and B stands only where IOB1
    needs it; otherwise "bio".

    Example:
        >>> detect_scheme([["B-ORG", "M-ORG", "E-ORG", "O"]])
        'bmes'
        >>> detect_scheme([["NN", "VV", "PU"]])
        'none'
    """
    sentences = [list(tags) for tags in sequences]
    counts = Counter(tag for tags in sentences for tag in tags)
    total = sum(counts.values())
    fits = {
        scheme: sum(count for tag, count in counts.items() if has_form(tag, scheme))
        for scheme in SCHEMES
        if scheme != "iob1"
    }
    best = max(fits, key=lambda scheme: fits[scheme])
    if total and 2 * fits[best] <= total:
        return NONE
    if best != "bio":
        return best
    readable = [tags for tags in sentences if all(has_form(tag, "bio") for tag in tags)]
    needless = any(first_fault(tags, "iob1") for tags in readable)
    missing = any(first_fault(tags, "bio") for tags in readable)
    return "iob1" if missing and not needless else "bio"


def scheme_tags(types: Sequence[str], scheme: str, outside: bool = True) -> list[str]:
    """Return all tags of a scheme for these types, `O` first.

    Args:
        types: Of spans; [""] for tags that are letters alone. With "none" they are the tags.
        scheme: One of SCHEMES, or "none".
        outside: Whether a token may be outside of any span.

    Example:
        >>> scheme_tags(["PER"], "bio"), scheme_tags([""], "bmes", outside=False)
        (['O', 'B-PER', 'I-PER'], ['B', 'M', 'E', 'S'])
    """
    if scheme == NONE:
        return list(types)
    letters = dict.fromkeys("BI" if scheme == "iob1" else _letters(scheme))
    tags = [f"{letter}-{kind}" if kind else letter for kind in types for letter in letters]
    return [OUTSIDE, *tags] if outside else tags


def allowed_tags(tags: Sequence[str], scheme: str) -> tuple[Array, Array, Array]:
    """Return which tags may follow which, begin a sentence and end one.

    Args:
        tags: All tags, as of `scheme_tags`.
        scheme: One of SCHEMES, or "none", which allows everything.

    Returns:
        transitions: bool (n_tags, n_tags), [i, j] whether tag j may follow tag i.
        start: bool (n_tags,).
        end: bool (n_tags,).
    """
    if scheme == NONE:
        size = len(tags)
        return np.ones((size, size), bool), np.ones(size, bool), np.ones(size, bool)
    parts = [split_tag(tag) for tag in tags]
    # with E and S a span must be closed, otherwise it ends where the next tag says so
    closes = scheme not in ("bio", "iob1")
    pairs = [[_may_follow(one, other, scheme) for other in parts] for one in parts]
    start = [_may_follow((OUTSIDE, ""), part, scheme) for part in parts]
    end = [not (closes and role in "BI") for role, _ in parts]
    return np.array(pairs, bool), np.array(start, bool), np.array(end, bool)


def _may_follow(before: tuple[str, str], after: tuple[str, str], scheme: str) -> bool:
    (role, kind), (next_role, next_kind) = before, after
    within = role != OUTSIDE and kind == next_kind
    if scheme == "iob1":
        return next_role != "B" or within
    if scheme == "bio":
        return next_role != "I" or within
    if role in "BI":  # the span is open
        return next_role in "IE" and within
    return next_role in "BSO"


def _letters(scheme: str) -> tuple[str, ...]:
    try:
        return tuple(SCHEMES[scheme])
    except KeyError:
        raise ValueError(f"scheme must be one of {', '.join(SCHEMES)}, got {scheme!r}") from None
