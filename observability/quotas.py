"""Quotas of CloudWatch and CloudWatch Logs that many functions reach, and splitting to stay below them."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeVar

T = TypeVar("T")

# "PutCompositeAlarm": alarms that a rule may name.
CHILDREN_OF_AN_ALARM = 100
# "PutQueryDefinition": log groups that a saved query may name.
LOG_GROUPS_OF_A_QUERY = 50
# "Dashboard body structure and syntax" and "CloudWatch service quotas".
ALARMS_OF_A_WIDGET = 100
WIDGETS_OF_A_DASHBOARD = 500
METRICS_OF_A_WIDGET = 500
METRICS_OF_A_DASHBOARD = 2_500


def split(items: Sequence[T], size: int) -> list[Sequence[T]]:
    """Return the items in parts of at most `size`, in their order."""
    return [items[start : start + size] for start in range(0, len(items), size)]


def check_dashboard(widgets: Iterable[Mapping[str, Any]]) -> None:
    """Raise ValueError with quota and number when CloudWatch would refuse the dashboard."""
    metrics = [len(widget["properties"].get("metrics", ())) for widget in widgets]
    counted = (
        (len(metrics), WIDGETS_OF_A_DASHBOARD, "widgets"),
        (max(metrics, default=0), METRICS_OF_A_WIDGET, "metrics in one widget"),
        (sum(metrics), METRICS_OF_A_DASHBOARD, "metrics in all widgets"),
    )
    for number, quota, what in counted:
        if number > quota:
            raise ValueError(
                f"the dashboard would have {number} {what}; CloudWatch takes {quota} "
                '("CloudWatch service quotas"). Divide the catalog into two estates'
            )
