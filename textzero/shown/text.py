r"""Texts that do nothing but be read: what is no character to see is written as \x1b.

Whatever was in a corpus, a terminal must not take it for a command, nor a page for markup.
"""

import os
import shlex
import unicodedata
from html import escape


def visible(text: str, lines: bool = True) -> str:
    r"""Return text that does nothing to a terminal: what is no character to see becomes \x1b.

    That is control characters, lone surrogates, and marks that turn the direction of writing.

    Args:
        text: Anything.
        lines: Whether line ends stay; a tab becomes a space.
    """
    shown = []
    for character in text:
        if character == "\t":
            shown.append(" ")
        elif (character == "\n" and lines) or unicodedata.category(character) not in {
            "Cc", "Cs", "Cf", "Zl", "Zp",
        } or character in "\u200c\u200d":  # fmt: skip
            shown.append(character)
        else:
            shown.append(named(character))
    return "".join(shown)


def page_text(text: str) -> str:
    r"""Return text that a page can hold: what HTML cannot, and what turns the writing, as \x1b.

    Line ends and tabs stay, and so do marks inside a word that some scripts need.

    >>> page_text("a\x1b[31m 词\ud800 \u202etrap")
    'a\\x1b[31m 词\\ud800 \\u202etrap'
    """
    if text.isprintable():
        return text
    return "".join(c if c in "\n\r\t" or _holds(c) else named(c) for c in text)


def page_word(word: str) -> str:
    r"""Return `page_text` of a word or a cell; of one with nothing to see, every character named.

    >>> page_word("\u200b"), page_word(" "), page_word("new york"), page_word("a\n")
    ('\\u200b', '\\x20', 'new york', 'a\\n')
    """
    if word.isprintable() and not word.isspace():
        return word
    seen = any(not c.isspace() and unicodedata.category(c) not in {"Cf", "Mn"} for c in word)
    return "".join(
        named(c) if c in "\n\r\t\u2028\u2029" or not (seen and _holds(c)) else c for c in word
    )


def html_text(text: str) -> str:
    """Return the markup of a text, for elements and for attributes in quotes."""
    return escape(page_text(text)).replace("\r", "&#13;")  # a bare one would become a line end


def named(character: str) -> str:
    r"""Return a character by its number, as Python writes it.

    >>> named("\n"), named(" "), named("\u200b")
    ('\\n', '\\x20', '\\u200b')
    """
    written = character.encode("unicode_escape", "backslashreplace").decode("ascii")
    return written if written != character else f"\\x{ord(character):02x}"


def _holds(character: str) -> bool:
    number = ord(character)
    control = number < 32 or 127 <= number < 160
    turns = 0x202A <= number <= 0x202E or 0x2066 <= number <= 0x2069  # the order of all behind
    ends = number in {0x2028, 0x2029}  # of lines and paragraphs, which no one sees
    broken = 0xD800 <= number < 0xE000 or number & 0xFFFE == 0xFFFE
    return not (control or turns or ends or broken)


def typed(path: str | os.PathLike[str]) -> str:
    """Return a path as a person can paste it into a shell.

    >>> typed("my texts"), typed("-o.tsv")
    ("'my texts'", './-o.tsv')
    """
    text = os.fspath(path)
    return shlex.quote(f"./{text}" if text.startswith("-") else text)


def singular(words: str) -> str:
    """Return what one of some things is called: of "words under min count" a "word" is one."""
    first, space, rest = words.partition(" ")
    one = first[:-3] + "y" if first.endswith("ies") else first.removesuffix("s")
    return one + space + rest


def counted(number: int, words: str) -> str:
    """Return how many there are.

    >>> counted(1, "words"), counted(2000, "words")
    ('1 word', '2,000 words')
    """
    return f"{number:,} {singular(words) if number == 1 else words}"
