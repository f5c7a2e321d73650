"""What encoding a file is in, told from its beginning."""

import codecs
from functools import lru_cache

from textzero.corpus.compression import decompression_errors
from textzero.corpus.sources import Source, text_and_stored_bytes
from textzero.near import did_you_mean

_SAMPLE = 1 << 20
_COMMON = {  # the most frequent characters of simplified and of traditional Chinese
    "gb18030": set(
        "的一是在不了有和人这中大为上个国我以要他时来用们生到作地于出就分对成会可主发年动"
    ),
    "big5": set("的一是在不了有和人這中大為上個國我以要他時來用們生到作地於出就分對成會可主發年動"),
}


def detect_encoding(source: Source, sample: int = _SAMPLE) -> str:
    """Guess a text file's encoding from its beginning.

    A byte order mark decides; then whether the bytes are UTF-8; then whether they are GB18030 or
    Big5, and which of the two gives more of the characters that Chinese uses most.
    """
    return _encoding_of(_head(source, sample), sample)


@lru_cache(1024)
def foreign_encoding(source: Source) -> str:
    """Return the encoding that a file with malformed UTF-8 seems to be in; "" when it is UTF-8.

    It is UTF-8 with a few bad bytes while more of its characters beyond ASCII are well-formed than
    malformed.
    """
    head = _head(source, _SAMPLE)
    guess = _encoding_of(head, _SAMPLE)
    if guess == "utf-8" or guess.startswith(("utf-16", "utf-32")):
        return guess.replace("utf-8", "")
    text = head.decode("utf-8", "replace")
    malformed = text.count("\ufffd")
    sound = sum(character > "\x7f" for character in text) - malformed
    return guess if malformed > sound else ""


def _head(source: Source, size: int) -> bytes:
    """The first bytes; of a file that cannot be read none: its reader will say what is wrong."""
    head = b""
    try:
        with text_and_stored_bytes(source) as (stream, _):
            while len(head) < size and (more := stream.read(size - len(head))):
                head += more
    except decompression_errors():
        return b""
    return head


def _encoding_of(head: bytes, sample: int) -> str:
    if head.startswith(codecs.BOM_UTF8):
        return "utf-8"
    if head.startswith((codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)):
        return "utf-32"
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    best, best_share = "utf-8", -1.0
    for encoding in ("utf-8", *_COMMON):
        decoder = codecs.getincrementaldecoder(encoding)("strict")
        try:
            text = decoder.decode(head, len(head) < sample)
        except UnicodeDecodeError:
            continue
        if encoding == "utf-8":
            return encoding
        share = sum(character in _COMMON[encoding] for character in text) / max(len(text), 1)
        foreign = sum(character >= "\x80" for character in text)
        # a line or two may hold none of the common characters, but no Latin words either
        plausible = share > 0 or foreign > sum(c.isascii() and c.isalpha() for c in text)
        if plausible and share > best_share:
            best, best_share = encoding, share
    return best


def unknown_encoding(name: str) -> str:
    """Say what an encoding must be, with the nearest codec of Python."""
    from encodings.aliases import aliases

    usual = ("auto", "utf8", "utf_8", "utf_16", "gb18030", "gbk", "big5", "shift_jis", "latin_1")
    known = dict.fromkeys((*usual, *sorted({*aliases, *aliases.values()})))
    hint = did_you_mean(name.replace("-", "_"), known)
    return f"encoding must be 'auto' or a Python codec, got {name!r}{hint}"
