"""What arguments of layers and settings of models must satisfy; ValueError names each one."""

import math
from typing import Any


def at_least(least: int, **values: Any) -> None:
    """Refuse anything but whole numbers of `least` or more.

    Raises:
        ValueError: a value is no int, or too small; named by its keyword.
    """
    for name, value in values.items():
        if not isinstance(value, int) or isinstance(value, bool) or value < least:
            raise ValueError(f"{name} must be a whole number of at least {least}, got {value!r}")


def share(**values: Any) -> None:
    """Refuse anything outside [0, 1).

    Raises:
        ValueError: a value is no number, or out of the range; named by its keyword.
    """
    for name, value in values.items():
        if not _is_number(value) or not 0 <= value < 1:
            raise ValueError(f"{name} must be at least 0 and below 1, got {value!r}")


def above_zero(**values: Any) -> None:
    """Refuse anything but finite numbers above 0.

    Raises:
        ValueError: a value is no number, or too small; named by its keyword.
    """
    for name, value in values.items():
        if not _is_number(value) or value <= 0:
            raise ValueError(f"{name} must be a number above 0, got {value!r}")


def from_zero(**values: Any) -> None:
    """Refuse anything but finite numbers of 0 or more.

    Raises:
        ValueError: a value is no number, or negative; named by its keyword.
    """
    for name, value in values.items():
        if not _is_number(value) or value < 0:
            raise ValueError(f"{name} must be a number of at least 0, got {value!r}")


def a_number(**values: Any) -> None:
    """Refuse anything but finite numbers.

    Raises:
        ValueError: a value is something else; named by its keyword.
    """
    for name, value in values.items():
        if not _is_number(value):
            raise ValueError(f"{name} must be a number, got {value!r}")


def whole_numbers(**values: Any) -> None:
    """Refuse anything but tuples of one or more whole numbers of at least 1.

    Raises:
        ValueError: a value is something else; named by its keyword.
    """
    for name, value in values.items():
        if not isinstance(value, tuple) or not value:
            raise ValueError(f"{name} must be a tuple of whole numbers, not empty, got {value!r}")
        for place, number in enumerate(value):
            at_least(1, **{f"{name}[{place}]": number})


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
