"""Numbers of a dashboard, as the API has them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from datetime import datetime

    from tests.integration.conftest import EmbeddedAws

Points = dict[str, float]


def numbers(aws: EmbeddedAws, properties: dict[str, Any], start: datetime, end: datetime) -> dict[str, Points]:
    """Read the metrics of a dashboard's widget from the API: by label, by time; expressions are worked out here."""
    found: dict[str, Points] = {}
    expressions: dict[str, str] = {}
    for *words, options in properties["metrics"]:
        if "expression" in options:
            expressions[options["label"]] = re.sub(r"PERIOD\(\w+\)", str(properties["period"]), options["expression"])
            continue
        pairs, stat = zip(words[2::2], words[3::2], strict=True), options["stat"]
        kind = "ExtendedStatistics" if stat.startswith("p") else "Statistics"
        points = aws.client("cloudwatch").get_metric_statistics(
            Namespace=words[0], MetricName=words[1], StartTime=start, EndTime=end,
            Dimensions=[{"Name": name, "Value": value} for name, value in pairs],
            Period=properties["period"], **{kind: [stat]},
        )["Datapoints"]  # fmt: skip
        name = options.get("id") or options["label"]
        found[name] = {point["Timestamp"].isoformat(): (point.get(kind) or point)[stat] for point in points}
    for label, text in expressions.items():
        (name,) = set(re.findall(r"\bm\d+", text))
        found[label] = {moment: eval(text, {name: value}) for moment, value in found[name].items()}
    return {name: points for name, points in found.items() if not re.fullmatch(r"m\d+", name)}
