"""Which templates match a whole sentence: a placeholder is one or more words, and only there.

Templates are a tree of items; the sentence is read once, word by word, with the set of nodes that
its beginning leads to. A node behind a placeholder stays in the set for as long as the placeholder
can go on, so n words and m nodes take at most n m steps.
"""

from collections.abc import Iterable, Sequence

from textzero.structure.templates import Template


class _Node:
    """A beginning of templates."""

    __slots__ = ("children", "placeholder", "template")

    def __init__(self) -> None:
        self.children: dict[str, _Node] = {}
        self.placeholder: _Node | None = None
        self.template = -1


class Matcher:
    """Templates ready to be matched.

    Example:
        >>> matcher = Matcher([Template.from_text("X 是 什么"), Template.from_text("X 是 X")])
        >>> [str(template) for template in matcher.matches(["这", "是", "什么"])]
        ['X 是 什么', 'X 是 X']
        >>> matcher.matches(["是", "什么"])
        []
    """

    def __init__(self, templates: Iterable[Template]) -> None:
        self.templates = list(templates)
        self._root = _Node()
        for number, template in enumerate(self.templates):
            node = self._root
            for item in template.items:
                if item is None:
                    node.placeholder = node.placeholder or _Node()
                    node = node.placeholder
                else:
                    node = node.children.setdefault(item, _Node())
            node.template = number

    def matches(self, words: Sequence[str]) -> list[Template]:
        """Return the templates that match all the words, in their own order."""
        at: list[_Node] = [self._root]
        inside: dict[int, _Node] = {}  # nodes whose placeholder may take another word
        for word in words:
            following: dict[int, _Node] = dict(inside)
            for node in at:
                for child in (node.children.get(word), node.placeholder):
                    if child is not None:
                        following[id(child)] = child
                if node.placeholder is not None:
                    inside[id(node.placeholder)] = node.placeholder
            at = list(following.values())
        found = sorted({node.template for node in at if node.template >= 0})
        return [self.templates[number] for number in found]
