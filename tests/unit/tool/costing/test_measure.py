"""Load of an account in moto, extrapolated to a month, and its bill."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from moto.logs.models import logs_backends

import compute.config
from estate_tool.commands import cost
from estate_tool.costing.measure import MonthlyMetrics, average_provisioned
from estate_tool.monitoring import metrics
from estate_tool.pricing.load import MONTH_DAYS, FunctionLoad, Load, QueueLoad
from foundation.catalog import CATALOG
from tests.support.fake_lambda import FakeLambda
from tests.support.log_lines import json_record
from tests.unit.tool.conftest import MOTO_ACCOUNT, Estate

if TYPE_CHECKING:
    from collections.abc import Callable


HOUR_MS = 3_600_000
PROVISIONING = compute.config.Keys()


@pytest.fixture
def deployed(empty_estate: Estate) -> Estate:
    """The estate's functions, log groups and tables, two days old."""
    functions = empty_estate.clients["lambda"] = FakeLambda()
    functions.configurations = {
        f"lambda-{one.name}-dev": {
            "MemorySize": 512, "Architectures": ["arm64"],
            "LoggingConfig": {"LogGroup": f"/aws/lambda/lambda-{one.name}-dev"},
        }
        for one in CATALOG.functions
    }  # fmt: skip
    logs, dynamodb = empty_estate.client("logs"), empty_estate.client("dynamodb")
    # moto takes optional terms for literals; which lines are reports is decided by their readers anyway.
    logs.meta.events.register(
        "provide-client-params.logs.FilterLogEvents",
        lambda params, **_: {name: value for name, value in params.items() if name != "filterPattern"},
    )
    for function in CATALOG.functions:
        logs.create_log_group(logGroupName=f"/aws/lambda/lambda-{function.name}-dev")
    for table in CATALOG.tables:
        dynamodb.create_table(
            TableName=f"table-{table.name}-dev", AttributeDefinitions=[{"AttributeName": "k", "AttributeType": "S"}],
            KeySchema=[{"AttributeName": "k", "KeyType": "HASH"}],
            ProvisionedThroughput={"ReadCapacityUnits": 2, "WriteCapacityUnits": 3},
        )  # fmt: skip
    for group in groups().values():
        group.creation_time -= timedelta(days=2)
    return empty_estate


def groups() -> dict[str, Any]:
    """The log groups in moto."""
    return logs_backends[MOTO_ACCOUNT]["us-east-1"].groups


@pytest.fixture
def report(deployed: Estate, call: Any) -> Callable[[], dict[str, Any]]:
    """The report of the past ten hours."""

    def reported() -> dict[str, Any]:
        done = call(cost, "--since", "10h", "--json")
        assert done.code == 0, done.err
        return json.loads(done.out)

    return reported


def put(estate: Estate, namespace: str, name: str, value: float, **dimensions: str) -> None:
    estate.client("cloudwatch").put_metric_data(
        Namespace=namespace,
        MetricData=[{
            "MetricName": name, "Value": value, "Timestamp": datetime.now(UTC) - timedelta(hours=1),
            "Dimensions": [{"Name": key, "Value": one} for key, one in dimensions.items()],
        }],
    )  # fmt: skip


def line(bill: dict[str, Any], component: str, item: str, what: str) -> dict[str, Any]:
    (lines,) = (one["lines"] for one in bill["components"] if one["component"] == component)
    return next(one for one in lines if (one["item"], one["what"]) == (item, what))


def test_measurements_are_extrapolated_to_a_month(deployed: Estate, report: Callable[[], dict[str, Any]]) -> None:
    logs, group = deployed.client("logs"), "/aws/lambda/lambda-ingest-dev"
    logs.create_log_stream(logGroupName=group, logStreamName="2026/01/31/[1]a")
    moment = int(time.time() * 1000) - HOUR_MS
    # Whatever memory they had: they cost what the present 512 MB cost.
    lines = [json_record(100, size=size, billed=200, init=50) for size in (512, 3008) for _ in range(50)]
    events = [{"timestamp": moment, "message": line} for line in lines]
    logs.put_log_events(logGroupName=group, logStreamName="2026/01/31/[1]a", logEvents=events)
    put(deployed, "AWS/DynamoDB", "ConsumedWriteCapacityUnits", 360, TableName="table-events-dev")
    put(deployed, "AWS/SQS", "NumberOfMessagesSent", 10, QueueName="queue-ingest-dev")
    put(deployed, "AWS/SQS", "NumberOfEmptyReceives", 5, QueueName="queue-ingest-dev")
    bill = report()
    # 10 hours of 730: times 73. 7,300 invocations × 0.2 s × 512/1024 GB = 730 GB-s, before × 3008/512.
    duration = line(bill, "functions", "ingest", "duration")
    assert float(duration["after"]) == pytest.approx(730, rel=1e-4)
    assert float(duration["before"]) == pytest.approx(730 * 3008 / 512, rel=1e-4)
    assert bill["extrapolation"] == pytest.approx(73, rel=1e-3)
    # 15 × 73 requests; 3 units for the whole month, 360 × 73 units written of 3 × 730 × 3600.
    assert float(line(bill, "queues", "ingest", "requests")["after"]) == pytest.approx(15 * 73, rel=1e-4)
    assert line(bill, "tables", "events", "write capacity")["after"] == str(3 * 730)
    events_table = next(one for one in bill["tables"] if one["table"] == "events")
    assert events_table["write"]["utilization_percent"] == "0.3"
    assert any("table pages" in one and "table events" not in one for one in bill["assumptions"])


def test_two_environments_are_compared_by_their_measurements(call: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    quiet = Load(functions=(FunctionLoad(name="ingest"),))
    busy = replace(quiet, queues=(QueueLoad(name="ingest", requests=Decimal(10_000_000)),))
    monkeypatch.setattr(cost, "_measured", lambda name, _: (busy if name == "dev" else quiet, {"environment": name}))
    difference = json.loads(call(cost, "dev", "--compare", "prod", "--json").out)["compare"]
    # 10,000,000 × 0.0000004
    assert (difference["with"], difference["difference_usd"]) == ("prod", "+4.00")
    assert [(one["item"], one["difference_usd"]) for one in difference["lines"]] == [("ingest", "+4.00")]


def test_without_any_traffic_there_is_a_report(report: Callable[[], dict[str, Any]]) -> None:
    bill = report()
    assert {one["invocations"] for one in bill["functions"]} == {"0"}
    # 1 + 60/168 environments × 0.5 GB × 2,628,000 s × 0.0000033334 = 5.94440…
    assert line(bill, "provisioned concurrency", "query", "kept warm")["after_usd"] == "5.94"
    assert any("no metrics of" in one for one in bill["assumptions"])


def test_a_young_estate_is_measured_since_it_was_made(deployed: Estate, call: Any) -> None:
    for group in groups().values():
        group.creation_time += timedelta(hours=47)
    found = json.loads(call(cost, "--json").out)
    assert found["measured_hours"] == pytest.approx(1, abs=0.02)
    assert any("short of a day" in one for one in found["assumptions"])


@pytest.mark.parametrize(
    ("retention", "days"), [({}, 100), ({"retentionInDays": 30}, 30), ({"retentionInDays": 365}, 100)]
)
def test_a_log_without_a_metric_takes_in_what_it_stores_by_age_or_retention(
    deployed: Estate, retention: dict[str, int], days: int
) -> None:
    end = datetime(2026, 1, 31, tzinfo=UTC)
    month = MonthlyMetrics(deployed.client("cloudwatch"), metrics.Window(start=end - timedelta(days=2), end=end))
    made_ms = (end - timedelta(days=100)).timestamp() * 1000
    group = {"logGroupName": "/quiet", "creationTime": made_ms, "storedBytes": days * 1024**3, **retention}
    assert month.ingested_gb([group]) == MONTH_DAYS


def test_alarms_dashboards_and_metrics_of_the_environment_are_counted(
    deployed: Estate, report: Callable[[], dict[str, Any]]
) -> None:
    cloudwatch, logs = deployed.client("cloudwatch"), deployed.client("logs")

    def alarm(name: str, **more: Any) -> None:
        cloudwatch.put_metric_alarm(
            AlarmName=name, ComparisonOperator="GreaterThanThreshold", EvaluationPeriods=1, Threshold=1, **more
        )

    plain = {"Namespace": "AWS/Lambda", "MetricName": "Errors", "Period": 60, "Statistic": "Sum"}
    stat = {"Metric": {"Namespace": "AWS/SQS", "MetricName": "x"}, "Period": 60, "Stat": "Sum"}
    for name in ("alarm-ingest-errors-dev", "alarm-ingest-errors-other"):
        alarm(name, **plain)
    queries = [{"Id": one, "MetricStat": stat, "ReturnData": False} for one in ("a", "b")]
    alarm("alarm-sum-dev", Metrics=[*queries, {"Id": "c", "Expression": "a+b", "ReturnData": True}])
    for name in ("dashboard-estate-dev", "dashboard-estate-other"):
        cloudwatch.put_dashboard(DashboardName=name, DashboardBody='{"widgets": []}')
    logs.put_metric_filter(
        logGroupName="/aws/lambda/lambda-ingest-dev", filterName="used", filterPattern="x",
        metricTransformations=[{"metricName": "used", "metricNamespace": "estate", "metricValue": "1"}],
    )  # fmt: skip
    scaling = deployed.client("application-autoscaling")
    for table in ("events-dev", "events-other"):
        of = {
            "ServiceNamespace": "dynamodb", "ResourceId": f"table/table-{table}",
            "ScalableDimension": "dynamodb:table:ReadCapacityUnits",
        }  # fmt: skip
        scaling.register_scalable_target(MinCapacity=1, MaxCapacity=5, **of)
        scaling.put_scaling_policy(
            PolicyName=table, PolicyType="TargetTrackingScaling", **of,
            TargetTrackingScalingPolicyConfiguration={
                "TargetValue": 70,
                "PredefinedMetricSpecification": {"PredefinedMetricType": "DynamoDBReadCapacityUtilization"},
            },
        )  # fmt: skip
    bill = report()
    numbers = {what: line(bill, "watching", "estate", what)["after"] for what in ("alarms", "dashboards")}
    # One of a metric, one of two, four that Application Auto Scaling makes of a table's policy.
    assert numbers == {"alarms": "7", "dashboards": "1"}
    with pytest.raises(StopIteration):
        line(bill, "watching", "estate", "custom metrics")
    put(deployed, "estate", "used", 1)
    # Published in one of ten hours.
    assert line(report(), "watching", "estate", "custom metrics")["after"] == "0.1"


@pytest.mark.parametrize(("start", "end", "peak", "average"), [(7, 19, 2, 1 + 60 / 168), (22, 6, 3, 1 + 80 / 168)])
def test_floors_are_averaged_over_the_week(start: int, end: int, peak: int, average: float) -> None:
    hours = {"peak_start_hour": start, "peak_end_hour": end, "peak_minimum": peak}
    found = average_provisioned(PROVISIONING.model_copy(update=hours))
    assert float(found) == pytest.approx(average)
