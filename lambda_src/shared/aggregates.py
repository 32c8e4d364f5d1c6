"""Layout of an aggregate's numbers in its DynamoDB item.

`count` is the number of events. For each measured field F there are the numbers `count:F`, `sum:F` and `squares:F`,
and, for numbers of many digits, their further windows (`shared.exact`): `sum+1:F`, `squares-2:F`. F is whatever stands
after the first colon, so any Unicode text can be a field's name, and none can be taken for another attribute.
"""

import re
from collections.abc import Mapping
from decimal import Decimal
from functools import lru_cache

from shared.exact import ZERO, join, windows
from shared.statistics import Moments, Summary

COUNT = "count"
_NUMBER = re.compile(r"(count|sum|squares)([+-]\d+)?:(.*)", re.DOTALL)

Attribute = Mapping[str, str]
"""A DynamoDB attribute value, of which aggregates use {"N": …} and {"S": …}."""


def numbers_of(summary: Summary) -> dict[str, str]:
    """Return attribute name → number to add, for everything in the summary that is not zero."""
    numbers = {COUNT: str(summary.events)}
    for field, moments in summary.fields.items():
        count, total, squares = _names(field)
        numbers[count] = str(moments.values)
        for name, value in ((total, moments.total), (squares, moments.squares)):
            for window, number in windows(value).items():
                numbers[name.replace(":", f"{window:+d}:", 1) if window else name] = number
    return numbers


@lru_cache(maxsize=4096)
def _names(field: str) -> tuple[str, str, str]:
    return f"count:{field}", f"sum:{field}", f"squares:{field}"


def summary_of(item: Mapping[str, Attribute]) -> Summary:
    """Return the summary whose numbers the item holds; attributes that are none of them are ignored."""
    found: dict[str, dict[str, dict[int, Decimal]]] = {}
    for attribute, value in item.items():
        match = _NUMBER.fullmatch(attribute)
        if match:
            name, window, field = match.groups()
            found.setdefault(field, {}).setdefault(name, {})[int(window or 0)] = Decimal(value["N"])
    return Summary(int(item[COUNT]["N"]), {field: _moments(numbers) for field, numbers in found.items()})


def _moments(numbers: Mapping[str, Mapping[int, Decimal]]) -> Moments:
    return Moments(
        int(numbers.get("count", {}).get(0, ZERO)),
        join(numbers.get("sum", {})),
        join(numbers.get("squares", {})),
    )
