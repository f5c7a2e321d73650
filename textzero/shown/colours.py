"""The diverging colours of saliency, the same on a page and in a terminal.

Orange is for the class (above 0), blue against it: the pair that colour-blind readers tell apart.
The strength goes in steps, and none is so strong that the text on it cannot be read: black on the
light shades and white on the dark ones have a contrast of at least 7 to 1 (WCAG AAA).
"""

# From weak to strong, on white and on black paper: sRGB.
LIGHT = {
    "+": ("#fff1e0", "#ffe0bd", "#ffcb91", "#ffb45f", "#ff9c2e"),
    "-": ("#eaf3ff", "#d3e5ff", "#b4d3ff", "#92bfff", "#6fa9ff"),
}
DARK = {
    "+": ("#2b1a08", "#41260a", "#58320a", "#6b3b07", "#7a4200"),
    "-": ("#0c1d33", "#102b4f", "#143a6d", "#154587", "#14509f"),
}
LEVELS = 5


def level(value: float, largest: float) -> int:
    """Return 0 (next to nothing) to `LEVELS`: how strong a value is beside the largest one."""
    if not largest > 0:
        return 0
    share = abs(value) / largest
    return 0 if share < 0.05 else min(LEVELS, 1 + int(share * LEVELS))


def sign(value: float) -> str:
    """Return "+" or "-"."""
    return "-" if value < 0 else "+"


def rgb(colour: str) -> tuple[int, int, int]:
    """Return the three parts of "#rrggbb", 0 to 255."""
    number = int(colour[1:], 16)
    return number >> 16, number >> 8 & 255, number & 255


def contrast(first: str, second: str) -> float:
    """Return WCAG's contrast ratio of two colours, 1 to 21."""
    bright, dark = sorted((_luminance(first), _luminance(second)), reverse=True)
    return (bright + 0.05) / (dark + 0.05)


def _luminance(colour: str) -> float:
    parts = [part / 255 for part in rgb(colour)]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
