"""Resources of each component, property by property, as a snapshot; `ESTATE_UPDATE=new` records a change."""

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pulumi

from compute.config import Provisioning
from compute.function import ServerlessFunction, ServerlessFunctionArgs
from compute.provisioning import ProvisionedConcurrency, ProvisionedConcurrencyArgs
from compute.triggers import Schedule, ScheduleArgs, Trigger, TriggerArgs, Url, UrlArgs
from data.queues import DeadLetteredQueue, DeadLetteredQueueArgs
from data.tables import ScalingTable, ScalingTableArgs
from foundation.model import Capacity, Function, QueueTrigger, ScheduleTrigger, StreamTrigger, Table
from foundation.naming import Names, Tags
from foundation.roles import ExecutionRole, RoleArgs, ScheduleRole
from foundation.urls import FunctionUrl
from observability.alarm_set import AlarmContext, AlarmSet
from observability.alarm_spec import AlarmSpec, Key
from observability.config import SEVERITIES, Subscription
from observability.log_metrics import log_metrics
from observability.metrics import Metric
from observability.queries import SavedQueries, SavedQueriesArgs
from observability.topic import AlertsTopic, AlertsTopicArgs, EstateBudget
from tests.support.declarations import ARNS, CATALOG, COUNT, INBOX, ITEMS, READ, STORE, SWEEP, TAGS, TOTALS
from tests.support.mocks import Registration, record
from tests.support.snapshots import differences

NAMES = Names("dev")
ALIAS = ARNS.alias("x")
FAILURES = "arn:aws:sqs:us-east-1:123456789012:dlq-x-dev"
PROVISIONING = Provisioning(
    minimum=2, maximum=9, utilization_percent=60, peak_minimum=4, peak_start_hour=6, peak_end_hour=20,
    timezone="Europe/Berlin",
)  # fmt: skip
Program = Callable[[], pulumi.ComponentResource | None]


def function(declared: Function, **changes: Any) -> Program:
    args = ServerlessFunctionArgs(
        function=declared, names=NAMES, role_arn="arn:aws:iam::123456789012:role/some",
        runtime="python3.12", code=pulumi.AssetArchive({"handler.py": pulumi.StringAsset("")}), memory_mb=640,
        environment={"TABLE_TOTALS": "table-totals-dev"}, log_retention_days=7, provisioning=PROVISIONING, tags=TAGS,
    )  # fmt: skip
    return lambda: ServerlessFunction(declared.name, replace(args, **changes))


def provisioned(**changes: Any) -> Program:
    args = ProvisionedConcurrencyArgs(
        component="read", function_name="lambda-read-dev", alias_name="live", names=NAMES, tags=TAGS,
        provisioning=PROVISIONING.model_copy(update=changes),
    )  # fmt: skip
    return lambda: ProvisionedConcurrency("provisioned", args)


def trigger(declared: QueueTrigger | StreamTrigger) -> Program:
    args = TriggerArgs(trigger=declared, source_arn="arn:s", alias_arn=ALIAS, failure_queue_arn=FAILURES, tags=TAGS)
    return lambda: Trigger("x-trigger", args)


def schedule(declared: ScheduleTrigger) -> Program:
    args = ScheduleArgs(
        trigger=declared, physical_name="schedule-x-dev", role_arn="arn:aws:iam::123456789012:role/schedule-x-dev",
        alias_arn=ALIAS, failure_queue_arn=FAILURES, tags=TAGS,
    )  # fmt: skip
    return lambda: Schedule("x-schedule", args)


def url() -> pulumi.ComponentResource:
    args = UrlArgs(
        url=FunctionUrl(invokers=("arn:{partition}:iam::{account}:role/web-{suffix}",)), function_name="lambda-x-dev",
        alias_name="live", alias_arn=pulumi.Output.from_input(ALIAS), names=NAMES,
    )  # fmt: skip
    return Url("x-url", args)


def table(declared: Table, **configured: bool) -> Program:
    args = ScalingTableArgs(table=declared, names=NAMES, tags=TAGS, **configured)
    return lambda: ScalingTable(declared.name, args)


def queue() -> pulumi.ComponentResource:
    args = DeadLetteredQueueArgs(
        queue=replace(INBOX, max_receive_count=9, retention_days=4), consumer=STORE, names=NAMES, tags=TAGS,
    )  # fmt: skip
    return DeadLetteredQueue("inbox", args)


ERRORS = Metric(namespace="AWS/Lambda", name="Errors", statistic="Sum", dimensions={"FunctionName": "lambda-x-dev"})
ALARM = AlarmSpec(
    key=Key("function", "x"), alarm_type="errors", summary="It fails.", remediation="fix it.", rule="over 3",
    metrics=(ERRORS,), threshold=3, period_seconds=300, periods=3, datapoints=2, missing_data="ignore",
)  # fmt: skip
ALARMS = (
    ALARM,
    replace(ALARM, alarm_type="page", severity="page"),
    replace(ALARM, alarm_type="child", symptom="events-late"),
    replace(ALARM, alarm_type="percentile", metrics=(replace(ERRORS, statistic="p99"),)),
    replace(
        ALARM, key=Key("table", "items"), alarm_type="math", metrics=(ERRORS, replace(ERRORS, name="Invocations")),
        expression="m1 / m2", comparison="LessThanThreshold",
    ),
)  # fmt: skip
TOPIC_ARN = "arn:aws:sns:us-east-1:123456789012:topic-{}-dev"


def alarms() -> pulumi.ComponentResource:
    tags = Tags(project="estate", environment="dev", owner="team", cost_center="42")
    topics = {severity: TOPIC_ARN.format(severity) for severity in SEVERITIES}
    return AlarmSet("x", ALARMS, AlarmContext(names=NAMES, tags=tags, topics=topics, runbooks="https://wiki/books"))


def topic(*subscriptions: Subscription, **changes: Any) -> Program:
    args = AlertsTopicArgs(names=NAMES, subscriptions=subscriptions, tags=TAGS)
    return lambda: AlertsTopic("alerts", replace(args, **changes))


def queries() -> pulumi.ComponentResource:
    return SavedQueries("estate", SavedQueriesArgs(names=NAMES, log_groups=["/aws/lambda/a", "/aws/lambda/b"]))


COMPONENTS: Mapping[str, Program] = {
    "function": function(COUNT),
    "function on a queue": function(STORE, failure_queue=(FAILURES, "https://dlq-x-dev")),
    "critical function": function(READ),
    "critical function whose provisioned concurrency is waived": function(replace(READ, provisioned=False)),
    "function with reserved concurrency": function(replace(COUNT, reserved_concurrency=7)),
    "provisioned concurrency": provisioned(),
    "provisioned concurrency with peak hours over midnight": provisioned(peak_start_hour=20, peak_end_hour=6),
    "queue trigger": trigger(QueueTrigger(queue="inbox", batch_size=200, window_seconds=3, maximum_concurrency=7)),
    "stream trigger": trigger(
        StreamTrigger(table="items", batch_size=50, window_seconds=2, parallelization=3, retries=6)
    ),
    "stream trigger without an end of retries": trigger(StreamTrigger(table="items", retries=-1)),
    "schedule": schedule(ScheduleTrigger(expression="rate(1 hour)")),
    "schedule that is off": schedule(
        ScheduleTrigger(
            expression="cron(0 6 * * ? *)",
            timezone="Europe/Berlin",
            input={"all": True},
            retry_attempts=3,
            maximum_event_age_seconds=600,
            enabled=False,
        )
    ),
    "url": url,
    "table": table(ITEMS),
    "table on demand": table(TOTALS),
    "table on demand by configuration": table(
        replace(TOTALS, read=Capacity(minimum=1, maximum=9), write=Capacity(minimum=4, maximum=8)), on_demand=True
    ),
    "table without recovery": table(TOTALS, point_in_time_recovery=False),
    "queue": queue,
    "execution role": lambda: ExecutionRole("store", RoleArgs(function=STORE, arns=ARNS, tags=TAGS)),
    "alarms": alarms,
    "topic": topic(),
    "topic with subscribers, of budgets, encrypted": topic(
        Subscription(protocol="email", endpoint="a@example.org"),
        Subscription(protocol="sqs", endpoint="arn:aws:sqs:us-east-1:123456789012:on-call"),
        budgets=True,
        key_arn="arn:aws:kms:us-east-1:123456789012:key/mrk-1234abcd",
    ),
    "budget": lambda: EstateBudget(25, NAMES, TOPIC_ARN.format("ticket"), TAGS),
    "log metrics": lambda: log_metrics(CATALOG, NAMES),
    "saved queries": queries,
    "schedule's role": lambda: ScheduleRole("sweep-schedule", RoleArgs(function=SWEEP, arns=ARNS, tags=TAGS)),
}


def recorded_form(program: Program) -> dict[str, Any]:
    """Return all that the program registers, by type and logical name, and the outputs for other layers."""

    def export() -> None:
        outputs: object = getattr(program(), "outputs", None)
        for key, value in (vars(outputs) if outputs else {}).items():
            pulumi.export(key, value)

    recording = record(export)
    names = {item.urn: item.name for item in recording.registrations}
    resources = {f"{item.type} {item.name}": _properties(item, names) for item in recording.registrations}
    return {**resources, **({"outputs": recording.outputs} if recording.outputs else {})}


def _properties(item: Registration, names: Mapping[str, str]) -> dict[str, Any]:
    options = {
        "parent": names.get(item.parent, ""), "after": sorted(names[urn] for urn in item.dependencies if urn in names),
        "ignored": list(item.ignore_changes), "deleted first": item.delete_before_replace,
    }  # fmt: skip
    return {key: _plain(value) for key, value in item.inputs.items()} | {k: v for k, v in options.items() if v}


def _plain(value: Any) -> Any:
    if isinstance(value, pulumi.Archive):
        return "its package"
    if isinstance(value, str) and value.startswith("{"):
        try:
            return json.loads(value)
        except ValueError:
            return value
    return value


def test_the_components_have_the_resources_of_the_snapshot() -> None:
    made = {
        f"{name}: {resource}": properties
        for name, program in COMPONENTS.items()
        for resource, properties in recorded_form(program).items()
    }
    assert differences(made, Path(__file__).with_name("components.json")) == {}
