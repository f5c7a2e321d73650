"""Damage: what a mutation does to the bytes of a file."""

from collections.abc import Callable, Sequence
from typing import Any

# numbers at which integers end, or sums of them
EXTREMES = [0, 1, 255, 2**15, 2**16 - 1, 2**31 - 1, 2**31, 2**32 - 1, 2**63 - 1, 2**63, 2**64 - 1]
PIECES = [
    *(b"\0", b"\n", b"\r\n", b"\t", b" ", b"\xff", b"\xe5\x8c", b"\xef\xbb\xbf", b"\x1e", b'"'),
    *(
        b"nan",
        b"inf",
        b"-1",
        b"1e999",
        b"null",
        b"true",
        b"[]",
        b"{}",
        b"[[[[",
        b'{"a":',
        b"\\ud800",
    ),
    *(b"999999999999", b"9" * 400, b"\n=====\n", b"\x80\x04\x95", b"\x1f\x8b\x08", b"PAR1"),
]


def mutate(data: bytes, seeds: Sequence[bytes], chance: Any) -> bytes:
    """Return damaged bytes.

    Args:
        data: A whole file.
        seeds: Others of its kind, to splice with.
        chance: A `random.Random`, or what Hypothesis gives in its place.
    """
    for _ in range(chance.choice((1, 1, 2, 3, 5))):
        data = chance.choice(_MUTATIONS)(data, seeds, chance)
    return data[: 1 << 16]


def _place(data: bytes, chance: Any) -> int:
    return chance.randrange(len(data) + 1)


def _stretch(data: bytes, chance: Any) -> tuple[int, int]:
    start = _place(data, chance)
    return start, min(len(data), start + chance.choice((1, 2, 4, 8, 16, 64)))


def _flip(data: bytes, _: Sequence[bytes], chance: Any) -> bytes:
    if not data:
        return data
    place = chance.randrange(len(data))
    return data[:place] + bytes([data[place] ^ (1 << chance.randrange(8))]) + data[place + 1 :]


def _cut(data: bytes, _: Sequence[bytes], chance: Any) -> bytes:
    return data[: _place(data, chance)]


def _leave_out(data: bytes, _: Sequence[bytes], chance: Any) -> bytes:
    start, stop = _stretch(data, chance)
    return data[:start] + data[stop:]


def _repeat(data: bytes, _: Sequence[bytes], chance: Any) -> bytes:
    start, stop = _stretch(data, chance)
    return data[:stop] + data[start:stop] * chance.choice((1, 2, 50)) + data[stop:]


def _repeat_line(data: bytes, _: Sequence[bytes], chance: Any) -> bytes:
    lines = data.split(b"\n")
    line = chance.choice(lines)
    lines.insert(chance.randrange(len(lines) + 1), line)
    return b"\n".join(lines)


def _insert(data: bytes, _: Sequence[bytes], chance: Any) -> bytes:
    place = _place(data, chance)
    return data[:place] + chance.choice(PIECES) + data[place:]


def _overwrite(data: bytes, _: Sequence[bytes], chance: Any) -> bytes:
    place, piece = _place(data, chance), chance.choice(PIECES)
    return data[:place] + piece + data[place + len(piece) :]


def _binary_extreme(data: bytes, _: Sequence[bytes], chance: Any) -> bytes:
    size = chance.choice((1, 2, 4, 8))
    number = chance.choice(EXTREMES) % (1 << 8 * size)
    place = _place(data, chance)
    return data[:place] + number.to_bytes(size, "little") + data[place + size :]


def _decimal_extreme(data: bytes, _: Sequence[bytes], chance: Any) -> bytes:
    """Another number in the place of one in decimal digits."""
    start = _place(data, chance)
    while start < len(data) and not 48 <= data[start] <= 57:
        start += 1
    stop = start
    while stop < len(data) and 48 <= data[stop] <= 57:
        stop += 1
    return data[:start] + str(chance.choice(EXTREMES)).encode() + data[stop:]


def _splice(data: bytes, seeds: Sequence[bytes], chance: Any) -> bytes:
    other = chance.choice(seeds)
    return data[: _place(data, chance)] + other[_place(other, chance) :]


_MUTATIONS: list[Callable[[bytes, Sequence[bytes], Any], bytes]] = [
    *(_flip, _flip, _cut, _leave_out, _repeat, _repeat_line, _insert, _overwrite),
    *(_binary_extreme, _decimal_extreme, _splice),
]
