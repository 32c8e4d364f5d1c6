"""The dashboard's page: what is asked for a widget, and that nothing from the account becomes markup."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from estate_tool.commands import dashboard
from estate_tool.monitoring import dashboards
from estate_tool.monitoring.metrics import Window

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.unit.tool.conftest import Estate

NOW = datetime(2026, 1, 2, 12, tzinfo=UTC)
SEEN = Window(start=NOW - timedelta(hours=3), end=NOW + timedelta(minutes=1))


def deploy(estate: Estate) -> None:
    """A dashboard with a text, an alarm that exists, one that does not, and a metric with one value."""
    cloudwatch = estate.client("cloudwatch")
    cloudwatch.put_metric_alarm(
        AlarmName="alarm-a-dev", Namespace="N", MetricName="M", Statistic="Sum", Period=60, EvaluationPeriods=1,
        Threshold=1, ComparisonOperator="GreaterThanThreshold",
    )  # fmt: skip
    cloudwatch.set_alarm_state(AlarmName="alarm-a-dev", StateValue="ALARM", StateReason="too many")
    cloudwatch.put_metric_data(Namespace="N", MetricData=[{"MetricName": "M", "Value": 3, "Timestamp": NOW}])
    arn = cloudwatch.describe_alarms()["MetricAlarms"][0]["AlarmArn"]
    limit = {"value": 5, "label": "limit"}
    widgets = [
        {"type": "text", "properties": {"markdown": "# Ingest\nWhat comes in."}},
        {"type": "alarm", "properties": {"title": "Now", "alarms": [arn, arn.replace("-a-", "-gone-")]}},
        {"type": "metric", "properties": {"title": "Plot", "metrics": [["N", "M", {"label": "m"}]], "stat": "Sum",
                                          "period": 60, "annotations": {"horizontal": [limit]}}},
    ]  # fmt: skip
    cloudwatch.put_dashboard(DashboardName="dashboard-estate-dev", DashboardBody=json.dumps({"widgets": widgets}))


def test_every_widget_is_shown_with_the_states_and_the_numbers_of_now(empty_estate: Any) -> None:
    deploy(empty_estate)
    text, alarms, metric = dashboards.collect(empty_estate, SEEN)["widgets"]
    assert text == {"type": "text", "title": "Ingest", "text": "What comes in."}
    assert alarms["alarms"] == [{"name": "alarm-a-dev", "state": "ALARM", "reason": "too many"}]
    assert metric["limits"] == [{"value": 5, "label": "limit"}]
    (series,) = metric["series"]
    assert (series["label"], series["values"], series["times"]) == ("m", [3.0], [NOW.isoformat()])


@pytest.mark.parametrize(
    ("settings", "start"),
    [
        ({}, "2026-01-02T09:00:00+00:00"),
        ({"start": "-PT30M"}, "2026-01-02T11:30:00+00:00"),
        ({"start": "-P1DT2H"}, "2026-01-01T10:00:00+00:00"),
        ({"start": "2025-01-01T00:00:00Z"}, "2026-01-02T09:00:00+00:00"),
    ],
)
def test_the_page_looks_as_far_back_as_the_dashboard(settings: dict[str, str], start: str) -> None:
    assert dashboards.own_window(settings, NOW).start == datetime.fromisoformat(start)


def test_the_command_writes_the_page_and_names_it(empty_estate: Any, call: Callable[..., Any], tmp_path: Path) -> None:
    deploy(empty_estate)
    page = tmp_path / "page.html"
    answer = json.loads(call(dashboard, "dev", "--html", str(page), "--json", "--since", "2026-01-02T11:00:00Z").out)
    named = {"environment": "dev", "dashboard": "dashboard-estate-dev", "file": str(page), "plots": 1}
    assert answer.items() >= named.items()
    assert answer["start"] == "2026-01-02T11:00:00+00:00"
    assert answer["widgets"][2]["series"][0]["values"] == [3.0]
    assert "too many" in page.read_text(encoding="utf-8")
    assert call(dashboard, "dev", "--html", str(page)).out == f"{page}: dashboard-estate-dev, 1 plot\n"


def test_without_a_dashboard_the_environment_is_not_deployed(
    empty_estate: Any, call: Callable[..., Any], tmp_path: Path
) -> None:
    done = call(dashboard, "dev", "--html", str(tmp_path / "page.html"))
    assert done.code == 1
    assert "is not deployed" in done.err


def test_a_widgets_metrics_become_queries() -> None:
    asked = dashboards.queries(
        {
            "period": 60,
            "metrics": [
                [{"id": "rate1", "expression": "m1 / PERIOD(m1)", "label": "read"}],
                ["AWS/DynamoDB", "Consumed", "TableName", "t", {"stat": "Sum", "id": "m1", "visible": False}],
                ["AWS/SQS", "Sent"],
            ],
        }
    )
    metric = {
        "Namespace": "AWS/DynamoDB",
        "MetricName": "Consumed",
        "Dimensions": [{"Name": "TableName", "Value": "t"}],
    }
    bare = {"Namespace": "AWS/SQS", "MetricName": "Sent", "Dimensions": []}
    assert asked == [
        {"Id": "rate1", "ReturnData": True, "Label": "read", "Expression": "m1 / PERIOD(m1)"},
        {"Id": "m1", "ReturnData": False, "MetricStat": {"Metric": metric, "Period": 60, "Stat": "Sum"}},
        {"Id": "q2", "ReturnData": True, "MetricStat": {"Metric": bare, "Period": 60, "Stat": "Average"}},
    ]
