"""Plain JSON of anything made of numbers, and numbers as one reads them."""

import math
from typing import Any


def strict(value: Any) -> Any:
    """Numbers that JSON lacks as None, everywhere in a tree."""
    match value:
        case dict():
            return {key: strict(item) for key, item in value.items()}
        case list() | tuple():
            return [strict(item) for item in value]
        case float():
            return value if math.isfinite(value) else None
        case _:
            return value


def number(x: float, digits: int = 3) -> str:
    """Write a number with so many digits; scientific outside [1e-4, 1e4), and no minus zero."""
    if not math.isfinite(x):
        return str(x)
    if x == 0.0:
        return "0"
    if not 1e-4 <= abs(x) < 1e4:
        mantissa, exponent = f"{x:.{digits - 1}e}".split("e")
        return f"{mantissa}e{int(exponent)}"
    return f"{float(f'{x:.{digits}g}'):.{digits + 3}g}"


def digits(low: float, high: float, least: int = 3, most: int = 7) -> int:
    """Digits that tell two ends of an interval apart by two of them: 80.352 to 80.361."""
    size, width = max(abs(low), abs(high)), abs(high - low)
    if not (width > 0.0 and math.isfinite(size)):
        return least
    return min(max(least, 2 + math.ceil(math.log10(size / width))), most)


def between(interval: tuple[float, float, float]) -> str:
    """Write a median with its interval, '0.05 (0.0418 to 0.0583)'; a constant alone."""
    low, middle, high = interval
    if low == middle == high:
        return number(middle)
    enough = digits(low, high)
    low, middle, high = (number(x, enough) for x in interval)
    return f"{middle} ({low} to {high})"


def share(x: float) -> str:
    """Write a share as a percentage: '32%', '0.4%', '<0.1%', '0%'."""
    if math.isnan(x):
        return "nan"
    if 0.0 < x < 1e-3:
        return "<0.1%"
    return f"{100.0 * x:.1f}%" if 0.0 < x < 0.0995 or 0.99 < x < 1.0 else f"{100.0 * x:.0f}%"
