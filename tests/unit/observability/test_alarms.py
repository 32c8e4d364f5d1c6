"""The alarms as data: complete for every resource, derived from its declaration, in terms AWS knows."""

import re
from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest

from foundation.catalog import CATALOG
from foundation.model import Catalog, Function, Queue, QueueTrigger, ScheduleTrigger, StreamTrigger, TableGrant
from foundation.validation import validate
from observability.alarm_spec import AlarmSpec, Key, description
from observability.alarms import ACCOUNT, estate_alarms
from observability.config import LEVELS, Level
from observability.log_metrics import batch_metrics
from observability.metrics import Metric
from observability.table_alarms import OPERATIONS
from tests.support.alarm_table import snapshot
from tests.support.declarations import SAMPLE, SWEEP, with_function
from tests.support.snapshots import differences
from tests.support.watching import estate

# Metrics AWS publishes, with the dimensions they come in: "Types of metrics for Lambda functions", "Available
# CloudWatch metrics for Amazon SQS", "DynamoDB metrics and dimensions", "Monitoring Amazon SNS topics".
PUBLISHED: Mapping[tuple[str, str], frozenset[str]] = {
    (namespace, name): frozenset(dimensions.split())
    for namespace, dimensions, names in (
        # The metrics of URLs: "CloudWatch metrics for function URLs".
        ("AWS/Lambda", "FunctionName", "Errors Invocations ConcurrentExecutions Throttles Duration Url5xxCount"),
        ("AWS/Lambda", "FunctionName", "UrlRequestCount DeadLetterErrors DestinationDeliveryFailures IteratorAge"),
        ("AWS/Lambda", "FunctionName Resource", "ProvisionedConcurrencyInvocations ProvisionedConcurrencyUtilization"),
        ("AWS/Lambda", "FunctionName Resource", "ProvisionedConcurrentExecutions"),
        ("AWS/Lambda", "", "ClaimedAccountConcurrency"),
        ("AWS/Logs", "LogGroupName", "IncomingBytes"),
        ("AWS/SNS", "TopicName", "NumberOfNotificationsFailed"),
        ("AWS/SQS", "QueueName", "NumberOfMessagesSent ApproximateNumberOfMessagesVisible"),
        ("AWS/SQS", "QueueName", "ApproximateNumberOfMessagesNotVisible ApproximateAgeOfOldestMessage"),
        ("AWS/DynamoDB", "TableName", "ReadThrottleEvents WriteThrottleEvents ConsumedReadCapacityUnits"),
        ("AWS/DynamoDB", "TableName", "ConsumedWriteCapacityUnits ProvisionedReadCapacityUnits"),
        ("AWS/DynamoDB", "TableName", "ProvisionedWriteCapacityUnits TimeToLiveDeletedItemCount"),
        ("AWS/DynamoDB", "TableName Operation", "SystemErrors"),
        ("AWS/Scheduler", "ScheduleGroup", "TargetErrorCount TargetErrorThrottledCount InvocationThrottleCount"),
        ("AWS/Scheduler", "ScheduleGroup", "InvocationsFailedToBeSentToDeadLetterCount"),
    )
    for name in names.split()
}  # fmt: skip

SNAPSHOT = Path(__file__).with_name("alarms.json")
SAMPLE_SNAPSHOT = SNAPSHOT.with_name("sample_alarms.json")
CATALOGS = pytest.mark.parametrize("catalog", [CATALOG, SAMPLE], ids=["catalog", "sample"])


def all_specs(catalog: Catalog, level: Level = "all", **configured: Any) -> list[AlarmSpec]:
    configured = {"quietHours": 6, **configured}
    watched = estate(catalog, **configured)
    return [spec for specs in estate_alarms(watched, level).values() for spec in specs]


def spec_of(kind: str, name: str, alarm_type: str, *, catalog: Catalog = SAMPLE, **configured: Any) -> AlarmSpec:
    key = Key(kind, name)  # pyright: ignore[reportArgumentType]
    (found,) = [
        spec for spec in all_specs(catalog, "all", **configured) if (spec.key, spec.alarm_type) == (key, alarm_type)
    ]
    return found


def test_the_alarms_of_the_estate_are_those_of_the_snapshot():
    """`make docs` records what is meant to change."""
    assert differences(snapshot(), SNAPSHOT) == {}


# Settings that differ from their defaults, each in its own way.
SETTINGS: dict[str, Any] = {
    "maximumQueueAgeSeconds": 361, "maximumStreamLagSeconds": 120, "durationPercent": 50, "slowQueryMilliseconds": 750,
    "errorPercent": 20, "memoryPercent": 80, "capacityPercent": 55, "invalidEvents": 3, "quietHours": 6,
    "accountConcurrency": 500, "logMegabytesPerHour": 7,
}  # fmt: skip


def test_the_alarms_of_a_sample_with_other_settings_are_those_of_their_snapshot():
    """Resources of every kind; `ESTATE_UPDATE=new` records what is meant to change."""
    specs = all_specs(SAMPLE, memory_mb=1000, target_percent=50, **SETTINGS)
    made = {f"{spec.key.kind} {spec.logical_name}": asdict(spec) for spec in specs}
    assert differences(made, SAMPLE_SNAPSHOT) == {}


def test_each_level_has_the_alarms_of_the_one_before_and_more():
    levels = [{spec.logical_name for spec in all_specs(SAMPLE, level)} for level in LEVELS]
    assert levels[0] < levels[1] < levels[2]


def test_the_first_level_has_what_pages_and_what_users_would_lose():
    """Every page is there; without one, somebody has to look at tickets to hear of a loss."""
    first = {spec.logical_name for spec in all_specs(SAMPLE, "symptoms")}
    serious = {spec.logical_name for spec in all_specs(SAMPLE) if spec.symptom or spec.severity == "page"}
    # Undelivered tickets are no symptom.
    assert serious - first == {"topic-ticket-deliveries"}


@CATALOGS
def test_every_resource_has_alarms_and_nothing_else_has_any(catalog: Catalog):
    validate(catalog)
    expected = {Key("function", function.name) for function in catalog.functions}
    expected |= {Key("queue", queue.name) for queue in catalog.queues}
    expected |= {Key("table", table.name) for table in catalog.tables}
    expected |= {Key("dlq", name) for name in catalog.dead_letter_queues}
    expected |= {Key("schedule", function.name) for function in catalog.scheduled}
    expected |= {ACCOUNT, Key("topic", "page"), Key("topic", "ticket")}
    assert {spec.key for spec in all_specs(catalog)} == expected


@CATALOGS
def test_no_two_alarms_share_a_name(catalog: Catalog):
    names = [spec.logical_name for spec in all_specs(catalog)]
    assert sorted(names) == sorted(set(names))


def test_no_names_can_collide_whatever_the_catalog_calls_its_resources():
    # A name is subject-type: two can only be equal when one type is the end of another, after a hyphen.
    types = {spec.alarm_type for spec in all_specs(SAMPLE)}
    assert [(one, other) for one in types for other in types if other.endswith(f"-{one}")] == []


@CATALOGS
def test_every_alarm_is_about_a_metric_that_is_published_in_these_dimensions(catalog: Catalog):
    made = {
        f"{kind}-{function.name}-dev"
        for function in catalog.functions
        for kind in ("memory-used", *batch_metrics(function))
    }
    for spec in all_specs(catalog):
        for metric in spec.metrics:
            if metric.namespace == "Estate":
                assert metric.name in made
                assert metric.dimensions == {}
            else:
                assert frozenset(metric.dimensions) == PUBLISHED[metric.namespace, metric.name], spec.logical_name


@CATALOGS
def test_an_expression_uses_exactly_its_metrics(catalog: Catalog):
    for spec in all_specs(catalog):
        used = set(re.findall(r"m\d+", spec.expression or "m1"))
        assert used == {f"m{number}" for number in range(1, len(spec.metrics) + 1)}, spec.logical_name
        assert len(spec.metrics) <= 10, "an alarm's metric math takes at most ten metrics"


@CATALOGS
def test_alarms_of_dynamodb_fill_the_gaps_because_they_would_never_recover(catalog: Catalog):
    specs = [spec for spec in all_specs(catalog) if spec.metrics[0].namespace == "AWS/DynamoDB"]
    assert specs
    for spec in specs:
        # Every metric stands in a FILL, or only gives the length of its period.
        bare = re.sub(r"FILL\(m\d+, (0|REPEAT)\)|PERIOD\(m\d+\)", "", spec.expression or "m1")
        assert "m" not in bare, spec.expression


@CATALOGS
def test_a_filled_gap_of_three_late_minutes_leaves_enough_datapoints(catalog: Catalog):
    """A point that is published three minutes late is a zero until then."""
    for spec in all_specs(catalog):
        if spec.alarm_type == "overdue":
            assert spec.periods >= 2 * 5 + 3, "twice SWEEP's rate, and the late minutes"
        elif "FILL(m1, 0)" in (spec.expression or "") and spec.period_seconds == 60:
            assert spec.periods - spec.datapoints >= 3, spec.logical_name


def test_a_rate_is_overdue_in_minutes_or_hours_and_no_other_schedule_is():
    periods = {}
    for expression in ("rate(1 minute)", "rate(11 hours)", "rate(3 days)", "rate(4 days)", "cron(0 6 * * ? *)"):
        trigger = ScheduleTrigger(expression=expression)
        specs = all_specs(with_function(SWEEP, trigger=trigger))
        periods[expression] = [(s.periods, s.period_seconds) for s in specs if s.alarm_type == "overdue"]
    assert periods == {
        "rate(1 minute)": [(12, 60)], "rate(11 hours)": [(1330, 60)], "rate(3 days)": [(145, 3600)],
        "rate(4 days)": [], "cron(0 6 * * ? *)": [],
    }  # fmt: skip
    off = ScheduleTrigger(expression="rate(1 minute)", enabled=False)
    assert not any(spec.alarm_type == "overdue" for spec in all_specs(with_function(SWEEP, trigger=off)))


@CATALOGS
def test_failed_messages_do_not_vanish_in_a_gap(catalog: Catalog):
    for spec in all_specs(catalog):
        if spec.key.kind == "dlq" and spec.alarm_type != "arrivals":
            assert spec.missing_data == "ignore"


@CATALOGS
def test_every_description_has_urgency_summary_remediation_and_runbook(catalog: Catalog):
    for spec in all_specs(catalog):
        text = description(spec.severity, spec.summary, spec.remediation, f"{'x' * 200}/{spec.runbook}")
        assert re.fullmatch(
            r"\[(page|ticket)\] [A-Za-z{].+\. What to do: .+\. Runbook: x+/[a-z-]+\.md#[a-z-]+", text
        ), text
        assert "{" not in text
        assert len(text) <= 1024, "PutMetricAlarm takes no more"


def test_only_critical_functions_make_queries_slow():
    slow = {spec.key for spec in all_specs(SAMPLE) if spec.symptom == "queries-slow"}
    assert slow == {Key("function", "dlq-a")}


@CATALOGS
@pytest.mark.parametrize("level", LEVELS)
def test_each_resource_has_its_main_alarm_at_every_level_that_includes_it(catalog: Catalog, level: Level):
    alarmed = {
        (metric.name, value)
        for spec in all_specs(catalog, level)
        for metric in spec.metrics
        for value in metric.dimensions.values()
    }
    wanted = {("ApproximateNumberOfMessagesVisible", f"dlq-{name}-dev") for name in catalog.dead_letter_queues}
    if level != "pages":
        wanted |= {("ApproximateAgeOfOldestMessage", f"queue-{queue.name}-dev") for queue in catalog.queues}
        for function in catalog.functions:
            if isinstance(function.trigger, StreamTrigger):
                wanted.add(("IteratorAge", f"lambda-{function.name}-dev"))
            if function.critical or level != "symptoms":
                wanted.add(("Errors", f"lambda-{function.name}-dev"))
    if level not in ("pages", "symptoms"):
        throttled = ("ReadThrottleEvents", "WriteThrottleEvents")
        wanted |= {(name, f"table-{table.name}-dev") for table in catalog.tables for name in throttled}
    assert wanted <= alarmed


def test_no_spillover_alarms_where_no_provisioned_concurrency_is_kept():
    spec = spec_of("function", "dlq-a", "spillover")
    assert (spec.threshold, spec_of("function", "dlq-a", "spillover", target_percent=0).threshold) == (10, 100)
    assert spec.comparison == "GreaterThanThreshold", "a share is never over 100 %"


def test_more_writers_than_an_alarm_has_room_for_are_left_out():
    writers = tuple(
        Function(
            name=f"w{number}", handler="w.handler.handle", description="", timeout_seconds=5,
            trigger=QueueTrigger(queue=f"q{number}"), grants=(TableGrant(table="a", access=("put",)),),
        )
        for number in range(5)
    )  # fmt: skip
    catalog = Catalog(
        tables=SAMPLE.tables,
        queues=(*SAMPLE.queues, *(Queue(name=f"q{number}") for number in range(5))),
        functions=(*SAMPLE.functions, *writers),
    )
    assert len(spec_of("function", "table-a", "stalled", catalog=catalog).metrics) == 2
    four = replace(catalog, functions=catalog.functions[:-1], queues=catalog.queues[:-1])
    assert len(spec_of("function", "table-a", "stalled", catalog=four).metrics) == 10


def test_a_message_that_gets_its_tries_is_never_late_however_many_it_may_have():
    # Its consumer has 20 s: messages stay invisible for 120. SQS leaves out what was received more than three times.
    assert spec_of("queue", "b", "age", maximumQueueAgeSeconds=361).threshold == 361
    assert spec_of("queue", "b", "age", maximumQueueAgeSeconds=60).threshold == 360


def test_capacity_of_a_table_on_demand_is_held_against_the_quota():
    for on_demand in (True, False):
        spec = spec_of("table", "a-read", "read-capacity", capacityPercent=50, on_demand=on_demand)
        assert spec.threshold == 20_000


def test_there_are_operations_for_every_word_of_access():
    from foundation.model import TABLE_ACCESS

    assert set(OPERATIONS) == set(TABLE_ACCESS)


METRIC = Metric(namespace="AWS/Lambda", name="Errors", statistic="Sum", dimensions={})


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"periods": 2, "datapoints": 3}, "a-x: 3 datapoints of 2 periods"),
        ({"datapoints": 0}, "a-x: 0 datapoints of 1 periods"),
        ({"metrics": (METRIC, METRIC)}, "a-x: one metric, or several and an expression"),
        ({"metrics": (), "expression": "1"}, "a-x: one metric, or several and an expression"),
        ({"metrics": (METRIC,) * 11, "expression": "m1"}, "a-x: 11 metrics, over 10"),
        ({"periods": 1441}, "a-x: 1441 periods of 60 s, over 86400 s"),
        ({"periods": 169, "period_seconds": 3600}, "a-x: 169 periods of 3600 s, over 604800 s"),
    ],
)
def test_an_alarm_that_cloudwatch_would_refuse_cannot_be_written(changed: dict[str, object], message: str):
    valid: dict[str, object] = {
        "key": Key("function", "a"),
        "alarm_type": "x",
        "summary": "",
        "remediation": "",
        "metrics": (METRIC,),
        "rule": "",
        "threshold": 0,
    }
    AlarmSpec(**valid)  # pyright: ignore[reportArgumentType]
    with pytest.raises(ValueError, match=re.escape(message)):
        AlarmSpec(**{**valid, **changed})  # pyright: ignore[reportArgumentType]
