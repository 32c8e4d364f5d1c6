"""List prices, from the dated file beside this module."""

from __future__ import annotations

import json
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

from estate_tool.core.errors import Failed

PRICES_FILE = Path(__file__).parent / "prices.json"


@dataclass(frozen=True, kw_only=True)
class Price:
    """US dollars for one unit, with AWS's page and its date; `seen_again`: a later date and page of others."""

    usd: Decimal
    unit: str
    source: str
    as_of: str
    seen_again: str = ""


@dataclass(frozen=True, kw_only=True)
class Prices:
    """Prices of one region by what is paid for."""

    region: str
    location: str
    by_key: dict[str, Price]

    def __getitem__(self, key: str) -> Decimal:
        """US dollars for one unit."""
        return self.by_key[key].usd

    @property
    def as_of(self) -> str:
        """The date of the oldest price."""
        return min(price.as_of for price in self.by_key.values())


def read(path: Path = PRICES_FILE) -> Prices:
    """The prices of that file; raises Failed when it is damaged."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        by_key = {key: _price(entry) for key, entry in content["prices"].items()}
        return Prices(region=content["region"], location=content["location"], by_key=by_key)
    except (ValueError, KeyError, TypeError, AttributeError, InvalidOperation) as error:
        raise Failed(
            f"{path.name}, the file of prices, is damaged: {type(error).__name__}: {error}",
            "restore it: git checkout -- scripts/estate_tool/pricing/prices.json",
        ) from error


def _price(entry: dict[str, Any]) -> Price:
    usd = Decimal(entry["usd"])
    if not (usd.is_finite() and usd > 0):
        raise ValueError(f"{entry['usd']} is no price")
    return Price(
        usd=usd, unit=entry["unit"], source=entry["source"], as_of=entry["as_of"],
        seen_again=entry.get("seen_again", ""),
    )  # fmt: skip
