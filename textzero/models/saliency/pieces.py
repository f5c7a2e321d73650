"""A text cut into what has a value and what stands between, so that it can be shown whole."""

from collections.abc import Iterator

from textzero.models.saliency.result import Saliency


def pieces(result: Saliency) -> Iterator[tuple[str, int | None]]:
    """Yield (text, number of the token or None); joined, they are the text verbatim.

    Tokens that stand nowhere in the text, or not in order, cannot be placed: then the tokens are
    shown instead of the text, with spaces between.
    """
    if not _placed(result):
        for place, token in enumerate(result.tokens):
            if place:
                yield " ", None
            yield token, place
        return
    end = 0
    for place, (start, stop) in enumerate(result.spans.tolist()):
        if start > end:
            yield result.text[end:start], None
        if stop > start:
            yield result.text[start:stop], place
        end = max(end, stop)
    if end < len(result.text):
        yield result.text[end:], None


def _placed(result: Saliency) -> bool:
    """Whether all spans lie in the text, in order and apart."""
    end = 0
    for start, stop in result.spans.tolist():
        if not end <= start <= stop <= len(result.text):
            return False
        end = stop
    return True
