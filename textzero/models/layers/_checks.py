"""What the arguments of layers must satisfy."""

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
        ValueError: a value is out of the range; named by its keyword.
    """
    for name, value in values.items():
        if not 0 <= value < 1:
            raise ValueError(f"{name} must be at least 0 and below 1, got {value!r}")
