"""Exact decimal numbers: from JSON text, to plain text, and cut into windows that DynamoDB adds without loss.

DynamoDB refuses an addition whose exact result needs more than 38 digits ("Number overflow"), however harmless the
numbers are: 1e12 plus a square with 30 decimal places is enough. So a sum is kept in windows of 28 digits, each a
number of its own. The windows of ordinary numbers (|x| < 1e14, at most 14 decimal places) are one: window 0.
28 digits leave room for 10**10 additions before a window itself needs more than 38.
"""

from collections.abc import Mapping
from decimal import Clamped, Context, Decimal, DecimalException, Inexact, InvalidOperation, Overflow, Underflow

DIGITS = 38
"""Significant digits of a DynamoDB number (Amazon DynamoDB Developer Guide, "Supported data types")."""
SMALLEST, LARGEST = -130, 125
"""Powers of ten of the first digit of a DynamoDB number, same source."""
WINDOW_DIGITS = 28
_BELOW_POINT = WINDOW_DIGITS // 2
_SHORT = _BELOW_POINT
"""Characters of a number that is in window 0 for certain."""
_WINDOW = 10**WINDOW_DIGITS

_TRAPS = [InvalidOperation, Overflow, Underflow, Clamped, Inexact]
_STORABLE = Context(prec=DIGITS, traps=_TRAPS)
EXACT = Context(prec=2000, Emin=-9999, Emax=9999, traps=_TRAPS)
"""Sums and squares of storable numbers need under 800 digits, so nothing is rounded here; if ever, it raises."""
ZERO = Decimal(0)


class OutOfRange(ValueError):
    """The number is not one DynamoDB could hold."""


def exact(literal: str) -> Decimal:
    """Return the value of a JSON number; raise OutOfRange if DynamoDB could not hold it."""
    if len(literal) <= _SHORT and literal.isdecimal():
        return Decimal(literal)
    if not literal.lower().partition("e")[0].strip("-0."):
        return ZERO
    try:
        value = Decimal(literal, EXACT)
        if not SMALLEST <= value.adjusted() <= LARGEST:
            raise OutOfRange("numbers go from 1e-130 to 9.99e125, of either sign, and 0")
        return value.normalize(_STORABLE)
    except Inexact as error:
        raise OutOfRange(f"numbers have at most {DIGITS} significant digits") from error
    except DecimalException as error:
        raise OutOfRange("numbers go from 1e-130 to 9.99e125, of either sign, and 0") from error


def plain(value: Decimal) -> str:
    """Return the value in plain notation: no exponent, no trailing zeros, no negative zero."""
    return format(value.normalize(EXACT), "f") if value else "0"


def split(value: Decimal) -> dict[int, Decimal]:
    """Cut the value into windows: {k: part}, where the value is the sum of part * 10**(28 * k). Zero has none."""
    if not value:
        return {}
    exponent = int(value.as_tuple().exponent)
    lowest = (exponent + _BELOW_POINT) // WINDOW_DIGITS
    highest = (value.adjusted() + _BELOW_POINT) // WINDOW_DIGITS
    if lowest == highest == 0:
        return {0: value}
    if lowest == highest:
        return {lowest: value.scaleb(-WINDOW_DIGITS * lowest, EXACT)}
    rest = int(value.copy_abs().scaleb(_BELOW_POINT - WINDOW_DIGITS * lowest, EXACT))
    sign = -1 if value < 0 else 1
    parts = {}
    for window in range(lowest, highest + 1):
        rest, part = divmod(rest, _WINDOW)
        if part:
            parts[window] = Decimal(sign * part).scaleb(-_BELOW_POINT, EXACT)
    return parts


def windows(value: Decimal) -> dict[int, str]:
    """Return the windows of the value in plain notation, as they are added to an aggregate. Zero has none."""
    text = str(value)
    # Most numbers: `split` and `plain` would change nothing.
    if len(text) <= _SHORT and "E" not in text and (text[-1] != "0" or "." not in text) and value:
        return {0: text}
    return {window: plain(part) for window, part in split(value).items()}


def join(parts: Mapping[int, Decimal]) -> Decimal:
    """Return the value whose windows (or whose sums of windows) these are."""
    value = ZERO
    for window, part in parts.items():
        value = EXACT.add(value, part.scaleb(WINDOW_DIGITS * window, EXACT))
    return value
