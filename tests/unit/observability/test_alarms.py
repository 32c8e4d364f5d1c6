"""The alarms as data: complete for every resource, derived from its declaration, in terms AWS knows."""

import re
from collections.abc import Mapping

import pytest

from foundation.catalog import CATALOG
from foundation.guardrails.alarms import alarms as guardrail
from foundation.model import (
    Capacity,
    Catalog,
    Function,
    Queue,
    QueueTrigger,
    StreamTrigger,
    Table,
    TableGrant,
)
from foundation.validation import validate
from observability.alarm_spec import NOT_CALLED, AlarmSpec, Deployed, description
from observability.alarms import estate_alarms
from observability.config import Thresholds, parse
from observability.metrics import Metric, Reference, memory_used
from observability.table_alarms import OPERATIONS
from tests.unit.foundation.guardrails.pairs import alarmed

THRESHOLDS = parse({}, stack="dev").thresholds

EVERY_FUNCTION = {"errors", "error-rate", "throttles", "duration", "memory", "dead-lettering"}
STREAM_FED = {"lag", "delivery"}
BOUNDED = {"concurrency"}
CRITICAL = {"latency", "spillover", "under-use"}
EVERY_QUEUE = {"age", "in-flight"}
EVERY_FAILURE_QUEUE = {"depth", "expiry"}
EVERY_TABLE = {"read-throttling", "write-throttling", "faults", "read-capacity", "write-capacity"}
EVERY_WORD = set[str]().union(
    EVERY_FUNCTION, STREAM_FED, BOUNDED, CRITICAL, EVERY_QUEUE, EVERY_FAILURE_QUEUE, EVERY_TABLE
)

# Metrics AWS publishes, with the dimensions they come in: "Types of metrics for Lambda functions", "Available
# CloudWatch metrics for Amazon SQS", "DynamoDB metrics and dimensions".
BY_FUNCTION, BY_ALIAS = frozenset({"FunctionName"}), frozenset({"FunctionName", "Resource"})
PUBLISHED: Mapping[tuple[str, str], frozenset[str]] = {
    ("AWS/Lambda", "Errors"): BY_FUNCTION,
    ("AWS/Lambda", "Invocations"): BY_FUNCTION,
    ("AWS/Lambda", "ConcurrentExecutions"): BY_FUNCTION,
    ("AWS/Lambda", "Throttles"): BY_FUNCTION,
    ("AWS/Lambda", "Duration"): BY_FUNCTION,
    ("AWS/Lambda", "DeadLetterErrors"): BY_FUNCTION,
    ("AWS/Lambda", "DestinationDeliveryFailures"): BY_FUNCTION,
    ("AWS/Lambda", "IteratorAge"): BY_FUNCTION,
    ("AWS/Lambda", "ProvisionedConcurrencySpilloverInvocations"): BY_ALIAS,
    ("AWS/Lambda", "ProvisionedConcurrencyUtilization"): BY_ALIAS,
    ("AWS/SQS", "ApproximateNumberOfMessagesNotVisible"): frozenset({"QueueName"}),
    ("AWS/SQS", "ApproximateAgeOfOldestMessage"): frozenset({"QueueName"}),
    ("AWS/SQS", "ApproximateNumberOfMessagesVisible"): frozenset({"QueueName"}),
    ("AWS/DynamoDB", "ReadThrottleEvents"): frozenset({"TableName"}),
    ("AWS/DynamoDB", "WriteThrottleEvents"): frozenset({"TableName"}),
    ("AWS/DynamoDB", "SystemErrors"): frozenset({"TableName", "Operation"}),
    ("AWS/DynamoDB", "ConsumedReadCapacityUnits"): frozenset({"TableName"}),
    ("AWS/DynamoDB", "ConsumedWriteCapacityUnits"): frozenset({"TableName"}),
}

# Names that look like those of other alarms' subjects, with everything a catalog can hold.
SAMPLE = Catalog(
    tables=(
        Table(
            name="a",
            hash_key="k",
            stream=True,
            read=Capacity(minimum=1, maximum=40),
            write=Capacity(minimum=2, maximum=90),
        ),
        Table(name="a-read", hash_key="k"),
    ),
    queues=(Queue(name="a"), Queue(name="b")),
    functions=(
        Function(
            name="a", handler="a.handler.handle", description="", timeout_seconds=30, trigger=QueueTrigger(queue="a")
        ),
        Function(
            name="queue-a",
            handler="b.handler.handle",
            description="",
            timeout_seconds=20,
            trigger=QueueTrigger(queue="b"),
        ),
        Function(
            name="table-a",
            handler="c.handler.handle",
            description="",
            timeout_seconds=60,
            trigger=StreamTrigger(table="a"),
            grants=(TableGrant(table="a-read", access=("get", "put")),),
        ),
        Function(
            name="dlq-a",
            handler="d.handler.handle",
            description="",
            timeout_seconds=10,
            critical=True,
            reserved_concurrency=20,
        ),
        Function(name="table-a-read", handler="e.handler.handle", description="", timeout_seconds=900),
    ),
)
CATALOGS = pytest.mark.parametrize("catalog", [CATALOG, SAMPLE], ids=["catalog", "sample"])


def all_specs(catalog: Catalog, thresholds: Thresholds = THRESHOLDS) -> list[AlarmSpec]:
    return [spec for specs in estate_alarms(catalog, thresholds).values() for spec in specs]


def function_named(catalog: Catalog, name: str) -> Function:
    return next(function for function in catalog.functions if function.name == name)


def spec_of(kind: str, purpose: str, word: str, *, catalog: Catalog = SAMPLE, **configured: int) -> AlarmSpec:
    thresholds = parse(configured, stack="dev").thresholds
    specs = estate_alarms(catalog, thresholds)[Reference(kind, purpose)]  # pyright: ignore[reportArgumentType]
    (found,) = [spec for spec in specs if spec.word == word]
    return found


@CATALOGS
def test_every_function_queue_and_table_has_its_set_and_nothing_else_has_any(catalog: Catalog):
    validate(catalog)
    expected: dict[Reference, set[str]] = {}
    for function in catalog.functions:
        words = set(EVERY_FUNCTION)
        words |= STREAM_FED if isinstance(function.trigger, StreamTrigger) else set()
        words |= CRITICAL if function.critical else set()
        words |= BOUNDED if isinstance(function.trigger, QueueTrigger) or function.reserved_concurrency else set()
        expected[Reference("function", function.name)] = words
        if not isinstance(function.trigger, QueueTrigger):
            expected[Reference("dlq", function.name)] = EVERY_FAILURE_QUEUE
    for queue in catalog.queues:
        expected[Reference("queue", queue.name)] = EVERY_QUEUE
        expected[Reference("dlq", queue.name)] = EVERY_FAILURE_QUEUE
    for table in catalog.tables:
        expected[Reference("table", table.name)] = EVERY_TABLE
    actual = {subject: {spec.word for spec in specs} for subject, specs in estate_alarms(catalog, THRESHOLDS).items()}
    assert actual == expected


@CATALOGS
def test_a_set_holds_alarms_about_its_own_resource_only(catalog: Catalog):
    for subject, specs in estate_alarms(catalog, THRESHOLDS).items():
        for spec in specs:
            assert spec.subject == subject
            named = [value for metric in spec.metrics for value in (metric.name, *metric.dimensions.values())]
            references = {value for value in named if isinstance(value, Reference)}
            assert references & {subject, Reference("memory-used", subject.purpose)}
            assert {reference.purpose for reference in references} == {subject.purpose}


@CATALOGS
def test_no_two_alarms_share_a_name(catalog: Catalog):
    purposes = [spec.purpose for spec in all_specs(catalog)]
    assert sorted(purposes) == sorted(set(purposes))


def test_no_names_can_collide_whatever_the_catalog_calls_its_resources():
    # A name is subject-word: two can only be equal when one word is the end of another, after a hyphen.
    assert {spec.word for spec in all_specs(SAMPLE)} == EVERY_WORD
    clashes = [(one, other) for one in EVERY_WORD for other in EVERY_WORD if other.endswith(f"-{one}")]
    assert clashes == []


def test_the_kinds_of_one_catalog_name_are_told_apart():
    purposes = {spec.purpose for spec in all_specs(CATALOG)}
    assert {"ingest-errors", "queue-ingest-age", "dlq-ingest-depth", "table-events-faults"} <= purposes


@CATALOGS
def test_every_alarm_is_about_a_metric_that_aws_publishes_in_these_dimensions(catalog: Catalog):
    for spec in all_specs(catalog):
        for metric in spec.metrics:
            if spec.word == "memory":
                assert metric == memory_used(function_named(catalog, spec.subject.purpose))
                continue
            assert isinstance(metric.name, str)
            assert frozenset(metric.dimensions) == PUBLISHED[metric.namespace, metric.name], spec.purpose


@CATALOGS
def test_an_expression_uses_exactly_its_metrics(catalog: Catalog):
    for spec in all_specs(catalog):
        used = set(re.findall(r"m\d+", spec.expression or "m1"))
        assert used == {f"m{number}" for number in range(1, len(spec.metrics) + 1)}, spec.purpose
        assert len(spec.metrics) <= 10, "an alarm's metric math takes at most ten metrics"


@CATALOGS
def test_alarms_of_dynamodb_fill_the_gaps_because_they_would_never_recover(catalog: Catalog):
    specs = [spec for spec in all_specs(catalog) if spec.metrics[0].namespace == "AWS/DynamoDB"]
    assert len(specs) == len(EVERY_TABLE) * len(catalog.tables)
    for spec in specs:
        assert spec.expression is not None
        # Every metric stands in a FILL(…, 0), or only tells the length of its period.
        bare = re.sub(r"FILL\(m\d+, 0\)|PERIOD\(m\d+\)", "", spec.expression)
        assert "m" not in bare, spec.expression
        assert "FILL(m1, 0)" in spec.expression


@CATALOGS
def test_silence_is_no_fault_but_failed_messages_do_not_vanish_in_it(catalog: Catalog):
    for spec in all_specs(catalog):
        expected = "ignore" if spec.subject.kind == "dlq" else "notBreaching"
        assert spec.silence.treatment == expected, spec.purpose
        assert spec.silence.why


@CATALOGS
def test_what_cloudwatch_looks_back_at_is_within_its_limits(catalog: Catalog):
    # "PutMetricAlarm": a day, and for periods of an hour or more a week.
    for spec in all_specs(catalog):
        longest = 604_800 if spec.period_seconds >= 3600 else 86_400
        assert spec.periods * spec.period_seconds <= longest, spec.purpose


@CATALOGS
def test_every_description_says_how_urgent_what_it_means_what_to_do_and_where_there_is_more(catalog: Catalog):
    for spec in all_specs(catalog):
        text = description("ticket", spec.meaning, spec.action, f"{'x' * 200}/{spec.runbook}")
        assert re.fullmatch(r"\[ticket\] [A-Za-z].+\. What to do: .+\. Runbook: x+/[a-z-]+\.md#[a-z-]+", text), text
        assert len(text) <= 1024, "PutMetricAlarm takes no more"


def test_what_loses_events_makes_them_late_or_queries_slow_shows_in_a_symptom():
    shown: dict[str, set[str]] = {}
    for spec in all_specs(SAMPLE):
        shown.setdefault(spec.symptom or "", set()).add(spec.word)
    assert shown.pop("events-lost") == {"depth", "dead-lettering", "delivery"}
    assert shown.pop("events-late") == {"age", "lag"}
    assert shown.pop("queries-slow") == {"latency", "throttles", "error-rate", "spillover"}
    assert set(shown) == {""}


def test_only_critical_functions_make_queries_slow():
    slow = {spec.subject for spec in all_specs(SAMPLE) if spec.symptom == "queries-slow"}
    assert slow == {Reference("function", "dlq-a")}


@CATALOGS
def test_the_guardrail_misses_every_alarm_that_is_taken_away(catalog: Catalog):
    sets = estate_alarms(catalog, THRESHOLDS)
    assert list(guardrail(alarmed(sets), catalog)) == []
    for subject, specs in sets.items():
        for gone in specs:
            left = {**sets, subject: tuple(spec for spec in specs if spec is not gone)}
            missing = [finding.found for finding in guardrail(alarmed(left), catalog)]
            assert any(f"no alarm alarm-{gone.purpose}-dev on" in found for found in missing), gone.purpose


@pytest.mark.parametrize(("function", "threshold"), [("a", 27_000), ("dlq-a", 9_000), ("table-a-read", 810_000)])
def test_duration_is_held_against_the_timeout(function: str, threshold: float):
    spec = spec_of("function", function, "duration")
    assert (spec.threshold, spec.metrics[0].statistic) == (threshold, "p99")


def test_the_share_of_the_timeout_is_configurable():
    assert spec_of("function", "a", "duration", durationPercent=50).threshold == 15_000


@pytest.mark.parametrize("word", ["errors", "throttles", "dead-lettering"])
def test_the_first_failure_of_a_function_counts(word: str):
    spec = spec_of("function", "dlq-a", word)
    assert (spec.threshold, spec.comparison, spec.metrics[0].statistic) == (0, "GreaterThanThreshold", "Sum")
    assert (spec.periods, spec.datapoints) == (1, 1)


def test_one_throttled_minute_is_forgiven_where_a_trigger_tries_again():
    spec = spec_of("function", "a", "throttles")
    assert (spec.periods, spec.datapoints) == (3, 2)


def test_lag_is_in_milliseconds():
    spec = spec_of("function", "table-a", "lag", maximumStreamLagSeconds=120)
    assert (spec.threshold, spec.metrics[0].statistic) == (120_000, "Maximum")


def test_spillover_is_measured_on_the_alias_that_is_kept_warm():
    dimensions = spec_of("function", "dlq-a", "spillover").metrics[0].dimensions
    assert dimensions == {"FunctionName": Reference("function", "dlq-a"), "Resource": Reference("alias", "dlq-a")}


def test_a_rate_of_errors_needs_calls_to_be_a_rate():
    spec = spec_of("function", "a", "error-rate", errorPercent=20)
    assert (spec.threshold, spec.expression) == (20, "IF(m2 >= 10, 100 * m1 / m2, 0)")
    assert [metric.name for metric in spec.metrics] == ["Errors", "Invocations"]


def test_latency_is_held_against_what_callers_tolerate():
    spec = spec_of("function", "dlq-a", "latency", slowQueryMilliseconds=750)
    assert (spec.threshold, spec.metrics[0].statistic) == (750, "p99")


def test_memory_is_held_against_what_the_deployed_function_has():
    spec = spec_of("function", "a", "memory", memoryPercent=80)
    assert spec.limit(Deployed(memory_mb=1000)) == 800
    assert spec.metrics[0].statistic == "Maximum"


@pytest.mark.parametrize(("function", "threshold"), [("a", 1.6), ("dlq-a", 16)])
def test_concurrency_is_held_against_the_reservation_or_what_the_queue_may_start(function: str, threshold: float):
    assert spec_of("function", function, "concurrency").threshold == pytest.approx(threshold)


def test_warm_environments_are_wasted_when_a_weeks_use_stays_under_half_of_the_target():
    spec = spec_of("function", "dlq-a", "under-use")
    assert (spec.limit(Deployed(warm_percent=70)), spec.comparison) == (0.35, "LessThanThreshold")
    assert (spec.periods, spec.datapoints, spec.period_seconds) == (7, 5, 86_400)
    assert spec.metrics[0].dimensions["Resource"] == Reference("alias", "dlq-a")


def test_the_oldest_message_is_held_against_the_configured_age():
    spec = spec_of("queue", "b", "age", maximumQueueAgeSeconds=600)
    assert (spec.limit(Deployed(visibility_seconds=60)), spec.metrics[0].statistic) == (600, "Maximum")
    assert "4 days" in spec.meaning


def test_a_message_that_gets_its_tries_is_never_late():
    spec = spec_of("queue", "b", "age", maximumQueueAgeSeconds=600)
    assert spec.limit(Deployed(visibility_seconds=121)) == 605


def test_messages_in_flight_are_held_against_the_quota():
    spec = spec_of("queue", "a", "in-flight", capacityPercent=50)
    assert (spec.threshold, spec.metrics[0].name) == (60_000, "ApproximateNumberOfMessagesNotVisible")


def test_failures_are_asked_for_again_at_half_of_their_life():
    assert spec_of("dlq", "a", "expiry").threshold == 7 * 86_400


@pytest.mark.parametrize("queue", ["a", "b", "table-a", "dlq-a", "table-a-read"])
def test_the_first_message_in_a_failure_queue_pages_at_once(queue: str):
    spec = spec_of("dlq", queue, "depth")
    assert (spec.threshold, spec.comparison) == (1, "GreaterThanOrEqualToThreshold")
    assert (spec.metrics[0].statistic, spec.periods, spec.datapoints) == ("Maximum", 1, 1)


@pytest.mark.parametrize(("word", "threshold"), [("read-capacity", 32), ("write-capacity", 72)])
def test_capacity_is_held_against_the_declared_maximum(word: str, threshold: float):
    spec = spec_of("table", "a", word)
    assert (spec.limit(Deployed()), spec.limit(Deployed(billing="on-demand"))) == (threshold, 32_000)
    assert spec.expression == "FILL(m1, 0) / PERIOD(m1)"
    assert spec.metrics[0].statistic == "Sum"


def test_capacity_of_a_table_on_demand_is_held_against_the_quota():
    spec = spec_of("table", "a-read", "read-capacity", capacityPercent=50)
    assert {spec.limit(Deployed(billing=mode)) for mode in ("on-demand", "provisioned")} == {20_000}


def test_system_errors_are_summed_over_the_operations_that_functions_may_call():
    faults = spec_of("table", "a-read", "faults")
    called = [metric.dimensions["Operation"] for metric in faults.metrics]
    assert called == ["BatchGetItem", "GetItem", "PutItem", "TransactGetItems", "TransactWriteItems"]
    assert faults.expression == " + ".join(f"FILL(m{number}, 0)" for number in range(1, 6))


def test_a_table_granted_to_nobody_is_watched_for_every_operation():
    called = {metric.dimensions["Operation"] for metric in spec_of("table", "a", "faults").metrics}
    assert called == {name for names in OPERATIONS.values() for name in names}


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
    ],
)
def test_an_alarm_that_cloudwatch_would_refuse_cannot_be_written(changed: dict[str, object], message: str):
    valid: dict[str, object] = {
        "subject": Reference("function", "a"),
        "word": "x",
        "meaning": "",
        "action": "",
        "metrics": (METRIC,),
        "rule": "",
        "threshold": 0,
        "silence": NOT_CALLED,
    }
    AlarmSpec(**valid)  # pyright: ignore[reportArgumentType]
    with pytest.raises(ValueError, match=re.escape(message)):
        AlarmSpec(**{**valid, **changed})  # pyright: ignore[reportArgumentType]
