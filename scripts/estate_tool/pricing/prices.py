"""List prices, from the dated file beside this module, and today's from the AWS Price List API."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from decimal import Decimal
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import BaseModel, Field, ValidationError

from estate_tool.core.errors import Failed, UsageError
from estate_tool.core.text import counted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from estate_tool.core.environment import Environment

PRICES_FILE = Path(__file__).parent / "prices.json"


class Price(BaseModel, frozen=True):
    """US dollars for one unit, with AWS's page and its date; `seen_again`: a later date and page of others."""

    usd: Annotated[Decimal, Field(gt=0)]
    unit: str
    source: str
    as_of: str
    seen_again: str = ""


class Prices(BaseModel, frozen=True):
    """Prices of one region by what is paid for."""

    region: str
    location: str
    by_key: Annotated[dict[str, Price], Field(alias="prices")]

    def __getitem__(self, key: str) -> Decimal:
        """Return US dollars for one unit."""
        return self.by_key[key].usd

    def duration_usd(self, architecture: str, memory_mb: int, seconds: Decimal) -> Decimal:
        """Return US dollars for so many seconds of Lambda functions with that much memory."""
        return self[f"lambda_duration_{architecture}"] * seconds * memory_mb / 1024

    @property
    def as_of(self) -> str:
        """The date of the oldest price."""
        return min(price.as_of for price in self.by_key.values())


def read(path: Path = PRICES_FILE) -> Prices:
    """Return the prices of that file; raises Failed when it is damaged."""
    try:
        return Prices.model_validate_json(path.read_bytes())
    except ValidationError as error:
        raise Failed(
            f"{path.name}, the file of prices, is damaged: {error}",
            "restore it: git checkout -- scripts/estate_tool/pricing/prices.json",
        ) from error


def refresh(environment: Environment, path: Path = PRICES_FILE) -> dict[str, Any]:
    """Write today's prices; a price that the API does not state beyond doubt stays as it is, with its date.

    Raises UsageError for a local environment, and Failed, with the file unchanged, when no price at all is found.
    """
    # Prices are no service of the embedded AWS.
    if environment.local:
        raise UsageError(
            "the embedded AWS has no prices; nothing was touched", "name the environment of a real account before it"
        )
    content = json.loads(path.read_text(encoding="utf-8"))
    today = datetime.now(UTC).date().isoformat()
    offers = cache(partial(_offers, environment.client("pricing"), content["region"]))
    changed: list[dict[str, str]] = []
    kept: list[str] = []
    for key, entry in content["prices"].items():
        usd = _offered(entry, offers)
        if usd is None:
            kept.append(key)
            continue
        if usd != Decimal(entry["usd"]):
            changed.append({"price": key, "before": entry["usd"], "now": f"{usd:f}"})
            entry["usd"] = f"{usd:f}"
        entry["as_of"] = today
        entry.pop("seen_again", None)
    if len(kept) == len(content["prices"]):
        raise Failed("the Price List API has none of the prices; the file stays as it is", "try again later")
    path.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    read(path)
    return {"as_of": today, "changed": changed, "kept": kept}


def _offers(client: Any, region: str, service: str) -> list[dict[str, Any]]:
    """Return the service's offers in the Price List API."""
    filters = [{"Type": "TERM_MATCH", "Field": "regionCode", "Value": region}]
    pages = client.get_paginator("get_products").paginate(ServiceCode=service, Filters=filters)
    return [json.loads(offer) for page in pages for offer in page["PriceList"]]


def _offered(entry: Mapping[str, Any], offers: Callable[[str], list[dict[str, Any]]]) -> Decimal | None:
    """Return the price of the products that have the entry's attributes; None when there is none, or several."""
    if "service" not in entry:
        return None
    found = {
        usd
        for offer in offers(entry["service"])
        if all(_attribute(offer, name) == value for name, value in entry["attributes"].items())
        for usd in _first_tier(offer)
    }
    return found.pop() if len(found) == 1 else None


def _attribute(offer: Mapping[str, Any], name: str) -> str:
    """Return the product's attribute; usage types without the region that some begin with (`USE1-`)."""
    value = str(offer["product"]["attributes"].get(name, ""))
    return value.removeprefix("USE1-") if name == "usagetype" else value


def _first_tier(offer: Mapping[str, Any]) -> Iterator[Decimal]:
    """Return the first paid tier on demand."""
    for term in offer.get("terms", {}).get("OnDemand", {}).values():
        tiers = [
            (Decimal(tier.get("beginRange", "0")), Decimal(tier["pricePerUnit"]["USD"]))
            for tier in term["priceDimensions"].values()
            if "USD" in tier["pricePerUnit"]
        ]
        paid = [(start, usd) for start, usd in tiers if usd > 0]
        if paid:
            yield min(paid)[1].normalize()


def refresh_lines(result: Mapping[str, Any]) -> Iterator[str]:
    """Yield the result as text."""
    for one in result["changed"]:
        yield f"{one['price']}: {one['before']} → {one['now']}"
    yield f"{counted(len(result['changed']), 'price')} changed, as of {result['as_of']}"
    if result["kept"]:
        yield f"not offered, so as they were: {', '.join(result['kept'])}"
