"""List prices: the file, and today's from a stub of the Price List API."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from decimal import Decimal
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from estate_tool.core.errors import Failed, UsageError
from estate_tool.pricing import prices
from tests.unit.tool.conftest import Estate

if TYPE_CHECKING:
    from pathlib import Path

TODAY = datetime.now(UTC).date().isoformat()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "prices.json"
    path.write_text(prices.PRICES_FILE.read_text())
    return path


def account(**offers: list[dict[str, Any]]) -> Any:
    """An account whose Price List API has these offers by service, a page each."""

    def paginate(ServiceCode: str, Filters: list[dict[str, str]]) -> Any:  # noqa: N803 - AWS's names
        assert Filters == [{"Type": "TERM_MATCH", "Field": "regionCode", "Value": "us-east-1"}]
        return [{"PriceList": [json.dumps(offer)]} for offer in offers.get(ServiceCode, [])]

    return Estate(clients={"pricing": SimpleNamespace(get_paginator=lambda _: SimpleNamespace(paginate=paginate))})


def offer(attributes: dict[str, str], *tiers: tuple[str, str]) -> dict[str, Any]:
    dimensions = {f"t{start}": {"beginRange": start, "pricePerUnit": {"USD": usd}} for start, usd in tiers}
    # A term without any price in dollars is ignored.
    foreign = {"priceDimensions": {"z": {"pricePerUnit": {"CNY": "9"}}}}
    terms = {"OnDemand": {"x": {"priceDimensions": dimensions}, "y": foreign}}
    return {"product": {"attributes": attributes}, "terms": terms}


def test_prices_are_refreshed_from_the_first_tier_that_is_paid(file: Path) -> None:
    target = account(
        AWSQueueService=[
            offer({"group": "SQS-APIRequest-Tier1", "queueType": "Standard"},
                  ("100000000000", "0.0000003"), ("0", "0.0000000000"), ("1000000", "0.0000005000")),
            offer({"group": "SQS-APIRequest-Tier1", "queueType": "FIFO"}, ("0", "0.9")),
        ],
        AmazonCloudWatch=[
            offer({"usagetype": "USE1-DataProcessing-Bytes"}, ("0", "0.5000000000")),
            # Two prices for one thing: it is not known which of them counts.
            offer({"usagetype": "CW:AlarmMonitorUsage"}, ("0", "0.2")),
            offer({"usagetype": "CW:AlarmMonitorUsage"}, ("0", "0.3")),
        ],
    )  # fmt: skip
    result = prices.refresh(target, file)
    assert (result["as_of"], result["changed"]) == (
        TODAY, [{"price": "queue_request", "before": "0.0000004", "now": "0.0000005"}],
    )  # fmt: skip
    assert {"alarm", "dashboard", "lambda_duration_arm64"} <= set(result["kept"])
    found = prices.read(file)
    assert found["queue_request"] == Decimal("0.0000005")
    assert (found.by_key["queue_request"].seen_again, found.by_key["alarm"].seen_again != "") == ("", True)
    assert (found.by_key["log_ingestion"].as_of, found.by_key["alarm"].as_of) == (TODAY, "2025-07-21")
    assert found.as_of == "2025-07-21"
    lines = list(prices.refresh_lines(result))
    assert lines[:2] == ["queue_request: 0.0000004 → 0.0000005", f"1 price changed, as of {TODAY}"]
    assert lines[2].startswith("not offered, so as they were: ")
    again = prices.refresh(target, file)
    assert (again["changed"], "queue_request" in again["kept"]) == ([], False)


def test_without_any_offer_the_file_stays(file: Path) -> None:
    before = file.read_text()
    with pytest.raises(Failed, match="has none of the prices"):
        prices.refresh(account(), file)
    assert file.read_text() == before


def test_the_embedded_aws_has_no_prices(file: Path) -> None:
    target: Any = Estate(local=True)
    with pytest.raises(UsageError, match="has no prices"):
        prices.refresh(target, file)


@pytest.mark.parametrize("damage", ['"usd": "-1"', '"usd": "0"', '"usd": "x"', '"usd": "NaN"', '"cost": "1"', "{"])
def test_a_damaged_file_of_prices_is_an_error(file: Path, damage: str) -> None:
    file.write_text(file.read_text().replace('"usd": "0.0000004"', damage, 1))
    with pytest.raises(Failed, match=r"prices\.json, the file of prices, is damaged"):
        prices.read(file)
