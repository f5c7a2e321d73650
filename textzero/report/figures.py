"""Numbers as people read them: figures that line up in a column, and say no more than they know.

`assets/base.js` writes the same text for the same number; a test compares the two.
"""

import math
from collections.abc import Iterable
from decimal import ROUND_HALF_UP, Context, Decimal
from typing import Any

MINUS = "\u2212"
_MOST_DIGITS = 6
_TWO_FIGURES = Context(prec=2, rounding=ROUND_HALF_UP)


def is_number(value: Any) -> bool:
    """Whether a cell is a number, and not NaN, which stands for none."""
    if isinstance(value, str) or value is None:
        return False
    return not math.isnan(value)


def digits_of(values: Iterable[Any], percent: bool = False) -> int:
    """Return how many digits after the point show three significant ones of a usual value.

    One number for a whole column, so that the points stand below each other.

    >>> digits_of([1, 20, 300]), digits_of([1.5, 12.25]), digits_of([0.012, None, 0.015])
    (0, 2, 4)
    """
    sizes = [abs(float(v)) * (100 if percent else 1) for v in values if is_number(v)]
    sizes = sorted(size for size in sizes if 0 < size < math.inf)
    if not sizes or (not percent and all(size.is_integer() for size in sizes)):
        return 0
    middle = sizes[(len(sizes) - 1) // 2]
    return max(0, min(_MOST_DIGITS, 2 - math.floor(math.log10(middle))))


def number_text(value: Any, digits: int | None = None, percent: bool = False) -> str:
    r"""Return a number for people: grouped by thousands, with a true minus; "" for none.

    Args:
        value: A number, None or NaN; text stays as it is.
        digits: After the point; None: as `digits_of` says for this number alone.
        percent: Whether 1 is written as 100 %.

    >>> number_text(1234567), number_text(-0.5, 2), number_text(0.1234, 1, percent=True)
    ('1,234,567', '−0.50', '12.3%')
    >>> number_text(0.00000031, 3), number_text(float("nan"))
    ('3.1e−7', '')
    """
    if isinstance(value, str):
        return value
    if not is_number(value):
        return ""
    if digits is None:
        digits = digits_of([value], percent)
    scaled = float(value) * 100 if percent else value
    return _written(scaled, digits) + ("%" if percent else "")


def _written(value: Any, digits: int) -> str:
    sign = MINUS if value < 0 else ""
    size = abs(float(value))
    if size == math.inf:
        return f"{sign}∞"
    exact = Decimal(size).quantize(Decimal(1).scaleb(-digits), ROUND_HALF_UP) if size < 1e15 else 0
    if size > 0 and not exact:
        mantissa, exponent = f"{_TWO_FIGURES.create_decimal_from_float(size):.1e}".split("e")
        return f"{sign}{mantissa}e{int(exponent)}".replace("e-", f"e{MINUS}")
    return f"{sign}{exact:,.{digits}f}" if exact else f"{exact:,.{digits}f}"
