"""Audit of one or more regions: read, check, report."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from estate_tool.audit import checks, report
from estate_tool.audit.collect import Collector
from estate_tool.audit.reader import Reader

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import boto3

    from estate_tool.audit.model import Finding, Inventory
    from estate_tool.monitoring.metrics import Window
    from estate_tool.pricing.prices import Prices


def audit(
    session: boto3.Session,
    regions: Sequence[str],
    window: Window,
    prices: Prices,
    progress: Callable[[str], None],
    *,
    with_packages: bool = False,
) -> dict[str, Any]:
    """Return the result of an audit as `report.to_dict` builds it; raise ClientError when the account can't be read."""
    audited: list[tuple[Inventory, list[Finding]]] = []
    for region in regions:
        collector = Collector(Reader(session, region), lambda text, region=region: progress(f"{region}: {text}"))
        inventory = collector.inventory(window, with_packages=with_packages)
        audited.append((inventory, checks.findings(inventory, prices)))
    return report.to_dict(audited, str(window), prices)
