"""The dashboard's body: complete, and as CloudWatch asks for it ("Dashboard body structure and syntax")."""

import json
import re
from itertools import combinations
from typing import Any

import pytest

from foundation.catalog import CATALOG
from foundation.model import Catalog, Function, Table
from observability.alarm_set import EstateAlarms
from observability.alarms import estate_alarms
from observability.dashboard import dashboard
from tests.support.watching import estate

BARE = Catalog(
    tables=(Table(name="a", hash_key="k"),),
    queues=(),
    functions=(Function(name="f", handler="f.handler.handle", description="", timeout_seconds=5),),
)
LARGE = Catalog(
    tables=CATALOG.tables,
    queues=CATALOG.queues,
    functions=CATALOG.functions
    + tuple(
        Function(name=f"f{number}", handler="f.handler.handle", description="", timeout_seconds=5)
        for number in range(40)
    ),
)
CATALOGS = pytest.mark.parametrize("catalog", [CATALOG, BARE, LARGE], ids=["catalog", "bare", "large"])


def body(catalog: Catalog = CATALOG, alarms: int = 3) -> dict[str, Any]:
    arns = [f"arn:aws:cloudwatch:eu-west-1:123456789012:alarm:alarm-{number}-dev" for number in range(alarms)]
    watched = estate(catalog, maximumQueueAgeSeconds=600, maximumStreamLagSeconds=120)
    specs = estate_alarms(watched, "all")
    return dashboard(watched, EstateAlarms(specs=specs, names=(), page_arns=arns[:1], other_arns=arns[1:]), "eu-west-1")


def plots(catalog: Catalog = CATALOG) -> dict[str, dict[str, Any]]:
    widgets = [widget for widget in body(catalog)["widgets"] if widget["type"] == "metric"]
    return {widget["properties"]["title"]: widget["properties"] for widget in widgets}


@CATALOGS
def test_widgets_lie_on_the_grid_and_none_covers_another(catalog: Catalog):
    widgets = body(catalog, alarms=250)["widgets"]
    for widget in widgets:
        assert widget["x"] >= 0
        assert widget["y"] >= 0
        assert 1 <= widget["width"] <= 24
        assert 1 <= widget["height"] <= 1000
        assert widget["x"] + widget["width"] <= 24
    for one, other in combinations(widgets, 2):
        beside = one["x"] + one["width"] <= other["x"] or other["x"] + other["width"] <= one["x"]
        below = one["y"] + one["height"] <= other["y"] or other["y"] + other["height"] <= one["y"]
        assert beside or below, (one["properties"], other["properties"])


@CATALOGS
def test_the_body_keeps_to_the_syntax_and_limits_of_cloudwatch(catalog: Catalog):
    content = body(catalog)
    assert set(content) == {"start", "periodOverride", "widgets"}
    assert len(content["widgets"]) <= 500
    assert len(json.dumps(content)) < 1_000_000
    for widget in content["widgets"]:
        assert set(widget) == {"type", "properties", "x", "y", "width", "height"}
        check = {"metric": check_plot, "text": check_text, "alarm": check_alarms}[widget["type"]]
        check(widget["properties"])


def test_periods_follow_the_range_that_is_looked_at():
    # CloudWatch keeps minutes for 15 days only; with the plots' own period, weeks back would be empty.
    assert body()["periodOverride"] == "auto"


def check_plot(properties: dict[str, Any]) -> None:
    assert properties["region"] == "eu-west-1"
    assert properties["view"] == "timeSeries"
    assert properties["period"] % 60 == 0
    assert properties["title"]
    entries = properties["metrics"]
    assert 1 <= len(entries) <= 500
    ids = [entry[-1]["id"] for entry in entries if "id" in entry[-1]]
    assert len(ids) == len(set(ids))
    for *address, options in entries:
        assert options["label"]
        if address:
            namespace, name, *dimensions = address
            assert all(isinstance(text, str) and text for text in (name, *dimensions))
            if namespace == "Estate":
                assert name.startswith("memory-used-")
                assert not dimensions
                continue
            assert namespace.startswith("AWS/")
            assert len(dimensions) in (2, 4)
            assert options["stat"] in {"Sum", "Average", "Maximum", "p50", "p99"}
        else:
            assert any(identifier in options["expression"] for identifier in ids if identifier != options["id"])
    annotations = properties.get("annotations", {"horizontal": [None]})
    assert set(annotations) == {"horizontal"}
    assert annotations["horizontal"]
    for line in filter(None, annotations["horizontal"]):
        assert set(line) == {"label", "value", "color"}
        assert line["label"]
        assert line["value"] > 0
        assert re.fullmatch(r"#[0-9a-f]{6}", line["color"])


def check_text(properties: dict[str, Any]) -> None:
    assert properties["markdown"].startswith("## ")


def check_alarms(properties: dict[str, Any]) -> None:
    assert set(properties) == {"title", "sortBy", "alarms"}
    assert properties["sortBy"] in {"default", "stateUpdatedTimestamp", "timestamp"}
    assert 1 <= len(properties["alarms"]) <= 100
    assert all(re.fullmatch(r"arn:aws:cloudwatch:[a-z0-9-]+:\d{12}:alarm:.+", arn) for arn in properties["alarms"])


def test_the_questions_come_in_the_order_a_person_on_call_asks_them():
    texts = [widget["properties"]["markdown"] for widget in body()["widgets"] if widget["type"] == "text"]
    assert [text.splitlines()[0] for text in texts] == [
        "## Are events flowing?",
        "## Are they late?",
        "## Is anything lost?",
        "## Functions",
        "## Tables",
        "## What does it cost?",
    ]
    titles = [widget["properties"]["title"] for widget in body()["widgets"] if widget["type"] == "alarm"]
    assert titles == ["Alarms that page", "Alarms that write tickets, and causes of pages"]
    assert [widget["type"] for widget in body()["widgets"][:2]] == ["alarm", "alarm"]


@pytest.mark.parametrize("count", [0, 1, 100, 101, 250])
def test_every_alarm_is_shown_once(count: int):
    shown = [
        arn
        for widget in body(alarms=count)["widgets"]
        if widget["type"] == "alarm"
        for arn in widget["properties"]["alarms"]
    ]
    assert len(shown) == len(set(shown)) == count


def drawn(catalog: Catalog = CATALOG) -> set[tuple[str, ...]]:
    """Every metric on the dashboard: its name and the values of its dimensions."""
    entries = [entry[:-1] for plot in plots(catalog).values() for entry in plot["metrics"] if len(entry) > 1]
    return {(entry[1], *entry[3::2]) for entry in entries}


@CATALOGS
def test_every_function_is_drawn(catalog: Catalog):
    shown = drawn(catalog)
    for function in catalog.functions:
        name = f"lambda-{function.name}-dev"
        wanted = ("Invocations", "Errors", "Throttles", "Duration", "DeadLetterErrors", "DestinationDeliveryFailures")
        assert {(metric, name) for metric in wanted} <= shown
        assert ("IncomingBytes", f"/aws/lambda/{name}") in shown
        assert (f"memory-used-{function.name}-dev",) in shown


@CATALOGS
def test_every_queue_and_failure_queue_is_drawn(catalog: Catalog):
    shown = drawn(catalog)
    for queue in catalog.queues:
        name = f"queue-{queue.name}-dev"
        wanted = ("NumberOfMessagesSent", "NumberOfMessagesDeleted", "ApproximateAgeOfOldestMessage")
        assert {(metric, name) for metric in wanted} <= shown
    for queue in catalog.dead_letter_queues:
        assert ("ApproximateNumberOfMessagesVisible", f"dlq-{queue}-dev") in shown


@CATALOGS
def test_every_table_is_drawn(catalog: Catalog):
    shown = drawn(catalog)
    for table in catalog.tables:
        for direction in ("Read", "Write"):
            wanted = (
                f"Consumed{direction}CapacityUnits",
                f"Provisioned{direction}CapacityUnits",
                f"{direction}ThrottleEvents",
            )
            assert {(metric, f"table-{table.name}-dev") for metric in wanted} <= shown


def test_streams_and_provisioned_concurrency_are_drawn_where_there_are_any():
    assert ("IteratorAge", "lambda-aggregate-dev") in drawn()
    assert ("ProvisionedConcurrentExecutions", "lambda-query-dev", "lambda-query-dev:live") in drawn()
    assert not {entry[0] for entry in drawn(BARE)} & {"IteratorAge", "ProvisionedConcurrentExecutions"}


def limits(title: str) -> list[float]:
    return [line["value"] for line in plots()[title]["annotations"]["horizontal"]]


def test_thresholds_are_marked():
    assert limits("Age of the oldest message (s)") == [600]
    assert limits("Lag behind streams (ms)") == [120_000]
    assert limits("Failed for good, waiting (messages)") == [1]
    assert limits("ingest: duration (ms)") == [9000, 10_000]
    assert limits("query: duration (ms)") == [9000, 2000, 10_000]
    assert limits("ingest: memory (MB)") == [pytest.approx(460.8), 512]
    assert limits("Calls at once (number)")[0] == 8
    assert limits("events (units a second)") == [400]


def test_thresholds_that_several_alarms_share_are_one_line():
    (line,) = plots()["Failed for good, waiting (messages)"]["annotations"]["horizontal"]
    # The first of many are named.
    assert line["label"].startswith("alarm dlq-ingest-depth, ")


def test_the_work_that_is_billed_follows_from_time_and_memory():
    (drawn,) = plots()["Work of functions (GB-seconds)"]["metrics"][0]
    assert drawn["expression"] == "m1 / 1000 * 0.5"


def test_consumed_capacity_is_drawn_per_second_beside_what_is_provisioned():
    metrics = plots()["events (units a second)"]["metrics"]
    (rate,) = metrics[0]
    hidden = metrics[1]
    assert rate["expression"] == f"{hidden[-1]['id']} / PERIOD({hidden[-1]['id']})"
    assert hidden[:-1] == ["AWS/DynamoDB", "ConsumedReadCapacityUnits", "TableName", "table-events-dev"]
    assert (hidden[-1]["stat"], hidden[-1]["visible"]) == ("Sum", False)
