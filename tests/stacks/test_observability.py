"""The whole layer through its entry point, fed with what the lower layers exported."""

import copy
import json
import re
from collections.abc import Iterator
from typing import Any

import pulumi
import pytest
from pulumi.runtime.settings import SETTINGS

from foundation.catalog import CATALOG
from observability.alarm_spec import SYMPTOMS
from observability.alarms import estate_alarms
from observability.config import LEVELS, SEVERITIES, Level
from tests.support.cloudwatch.simulation import registered
from tests.support.mocks import Recording, outputs_of, roll_out, run_layer
from tests.support.watching import estate

ALARM = "cloudwatch/metricAlarm:MetricAlarm"
FILTER = "cloudwatch/logMetricFilter:LogMetricFilter"
COMPOSITE = "cloudwatch/compositeAlarm:CompositeAlarm"
ALL = {"observability:alarmLevel": "all"}


@pytest.fixture(scope="module")
def layer() -> Recording:
    return roll_out("observability")["observability"]


@pytest.fixture(autouse=True)
def _nothing_left_of_a_failed_run() -> Iterator[None]:
    yield
    # Pulumi keeps tasks of a program in one set for all runs; those of one that failed would fail the next.
    SETTINGS.outputs.clear()  # pyright: ignore[reportAttributeAccessIssue] (its descriptor is typed wrongly)


def upstream() -> dict[str, Any]:
    return {name: copy.deepcopy(outputs_of(name)) for name in ("foundation", "data", "compute")}


def test_alarms_measure_the_resources_that_the_lower_layers_made(layer: Recording):
    made = roll_out("compute")
    existing = {
        item.inputs["name"] for name in ("data", "compute") for item in made[name].resources if "name" in item.inputs
    }
    topics = {topic.inputs["name"] for topic in layer.of("sns/topic:Topic")}
    published = {item.inputs["metricTransformation"]["name"] for item in layer.of(FILTER)}
    for alarm in layer.of(ALARM):
        queries = [query["metric"] for query in alarm.inputs.get("metricQueries", []) if "metric" in query]
        for metric in queries or [alarm.inputs]:
            for key, value in (metric.get("dimensions") or {}).items():
                if key == "Resource":
                    assert value == f"{metric['dimensions']['FunctionName']}:live"
                elif key != "Operation":
                    assert value in existing | topics, alarm.name
            if metric["namespace"] == "Estate":
                assert metric["metricName"] in published, alarm.name


def test_every_failure_queue_that_exists_is_watched(layer: Recording):
    made = roll_out("compute")
    queues = {item.inputs["name"] for name in ("data", "compute") for item in made[name].of("sqs/queue:Queue")}
    watched = {
        metric["dimensions"]["QueueName"]
        for alarm in layer.of(ALARM)
        for metric in [query["metric"] for query in alarm.inputs.get("metricQueries", []) if "metric" in query]
        or [alarm.inputs]
        if metric["namespace"] == "AWS/SQS"
    }
    assert watched == queues
    assert {f"dlq-{queue}-dev" for queue in CATALOG.dead_letter_queues} < watched


def test_every_alarm_notifies_the_topic_of_its_severity_itself_or_by_its_composite_alarm(layer: Recording):
    topics = {
        severity: layer.one("sns/topic:Topic", name=f"topic-{severity}-dev").outputs["arn"] for severity in SEVERITIES
    }
    rules = " ".join(alarm.inputs["alarmRule"] for alarm in layer.of(COMPOSITE))
    for alarm in layer.of(ALARM) + layer.of(COMPOSITE):
        severity = re.match(r"\[(page|ticket)\] ", alarm.inputs["alarmDescription"])
        assert severity, alarm.name
        actions, child = alarm.inputs.get("alarmActions"), f'ALARM("{alarm.inputs.get("name")}")' in rules
        # Never both: an alarm that a drill sets off must not set off the composite alarm above it.
        assert bool(actions) != child, alarm.name
        assert child or actions == [topics[severity[1]]], alarm.name


def test_only_a_page_that_lasts_notifies_its_end(layer: Recording):
    ends = {alarm.name for alarm in layer.of(ALARM) + layer.of(COMPOSITE) if alarm.inputs.get("okActions")}
    assert ends == {"alarm-estate-events-late", "alarm-estate-queries-slow"}


@pytest.mark.parametrize("level", LEVELS)
def test_the_level_decides_which_alarms_there_are(level: Level):
    made = registered(level)
    specs = estate_alarms(estate(), level)
    assert {alarm.inputs["name"] for alarm in made.of(ALARM)} == {
        f"alarm-{spec.logical_name}-dev" for alarms in specs.values() for spec in alarms
    }


def test_logical_names_do_not_change_with_the_level(layer: Recording):
    others = {item.urn for item in registered("all").registrations}
    assert {item.urn for item in layer.registrations} <= others


def test_each_composite_alarm_goes_off_with_any_alarm_of_its_symptom(layer: Recording):
    specs = estate_alarms(estate(), "standard")
    rules = {alarm.inputs["alarmName"]: alarm.inputs["alarmRule"] for alarm in layer.of(COMPOSITE)}
    assert set(rules) == {f"alarm-estate-{symptom}-dev" for symptom in SYMPTOMS}
    for symptom in SYMPTOMS:
        shown_by = [spec.logical_name for alarms in specs.values() for spec in alarms if spec.symptom == symptom]
        assert rules[f"alarm-estate-{symptom}-dev"] == " OR ".join(f'ALARM("alarm-{each}-dev")' for each in shown_by)


def test_composite_alarms_are_made_after_the_alarms_they_name(layer: Recording):
    made = {alarm.inputs["name"]: alarm.urn for alarm in layer.of(ALARM)}
    for composite in layer.of(COMPOSITE):
        named = set(re.findall(r'ALARM\("([^"]+)"\)', composite.inputs["alarmRule"]))
        assert {made[name] for name in named} <= composite.dependencies


def test_the_topics_let_exactly_these_alarms_publish(layer: Recording):
    for policy in layer.of("sns/topicPolicy:TopicPolicy"):
        statements = json.loads(policy.inputs["policy"])["Statement"]
        (statement,) = [each for each in statements if each["Effect"] == "Allow"]
        before, after = statement["Condition"]["ArnLike"]["aws:SourceArn"].split("*")
        for alarm in layer.of(ALARM) + layer.of(COMPOSITE):
            assert alarm.outputs["arn"].startswith(before)
            assert alarm.outputs["arn"].endswith(after)


def test_thresholds_follow_from_the_configuration_of_the_lower_layers(layer: Recording):
    assert threshold(layer, "alarm-ingest-memory-dev") == pytest.approx(
        0.9 * outputs_of("compute")["functions"]["ingest"]["memory_mb"]
    )
    assert threshold(registered("all"), "alarm-query-under-use-dev") == pytest.approx(0.35)
    provisioned = run_layer(
        "observability", config={**ALL, "compute:provisionedUtilizationPercent": "50"}, upstream=upstream()
    )
    assert threshold(provisioned, "alarm-query-under-use-dev") == pytest.approx(0.25)
    below = outputs_of("data")["queues"]["ingest"]["visibility_seconds"]
    soon = run_layer("observability", config={"observability:maximumQueueAgeSeconds": "60"}, upstream=upstream())
    assert threshold(soon, "alarm-queue-ingest-age-dev") == max(60, 3 * below)


def test_an_alarm_carries_the_component_it_watches(layer: Recording):
    assert layer.one(ALARM, name="alarm-table-events-faults-dev").tags["Component"] == "events"


def test_the_dashboard_shows_every_alarm_and_the_real_names(layer: Recording):
    made = layer.one("cloudwatch/dashboard:Dashboard", dashboardName="dashboard-estate-dev")
    body = json.loads(made.inputs["dashboardBody"])
    shown = {arn for widget in body["widgets"] if widget["type"] == "alarm" for arn in widget["properties"]["alarms"]}
    assert shown == {alarm.outputs["arn"] for alarm in layer.of(ALARM) + layer.of(COMPOSITE)}
    assert {"lambda-query-dev", "lambda-query-dev:live", "table-events-dev", "dlq-aggregate-dev"} <= {
        value for widget in body["widgets"] for entry in widget["properties"].get("metrics", []) for value in entry[:-1]
    }


def test_saved_queries_ask_the_logs_of_every_function(layer: Recording):
    groups = {f"/aws/lambda/lambda-{function.name}-dev" for function in CATALOG.functions}
    made = layer.of("cloudwatch/queryDefinition:QueryDefinition")
    assert made
    assert all(set(query.inputs["logGroupNames"]) == groups for query in made)


def test_outputs_say_where_to_look(layer: Recording):
    for severity in SEVERITIES:
        made = layer.one("sns/topic:Topic", name=f"topic-{severity}-dev")
        assert layer.outputs[f"{severity}_topic_arn"] == made.outputs["arn"]
    names = [alarm.inputs["name"] for alarm in layer.of(ALARM)]
    names += [alarm.inputs["alarmName"] for alarm in layer.of(COMPOSITE)]
    assert sorted(layer.outputs["alarm_names"]) == sorted(names)
    assert layer.outputs["dashboard_name"] == "dashboard-estate-dev"
    assert set(layer.outputs) == {"page_topic_arn", "ticket_topic_arn", "alarm_names", "dashboard_name", "query_names"}


def threshold(recording: Recording, name: str) -> float:
    return recording.one(ALARM, name=name).inputs["threshold"]


def test_capacity_alarms_follow_the_billing_of_data():
    (table,) = [table for table in CATALOG.tables if table.name == "events"]
    assert table.write is not None
    name = "alarm-table-events-write-capacity-dev"
    assert threshold(registered("all"), name) == pytest.approx(0.8 * table.write.maximum)
    switched = run_layer("observability", config={**ALL, "data:onDemand": "true"}, upstream=upstream())
    assert threshold(switched, name) == pytest.approx(32_000)


def test_configuration_reaches_alarms_and_topic():
    config = {
        "observability:maximumQueueAgeSeconds": "1200",
        "observability:subscriptions": '[{"protocol": "email", "endpoint": "a@example.org", "severity": "page"}]',
        "observability:runbooks": "https://wiki.example.org/books",
    }
    recording = run_layer("observability", config=config, upstream=upstream())
    assert threshold(recording, "alarm-queue-ingest-age-dev") == 1200
    subscription = recording.one("sns/topicSubscription:TopicSubscription")
    assert subscription.inputs["endpoint"] == "a@example.org"
    assert subscription.inputs["topic"] == recording.one("sns/topic:Topic", name="topic-page-dev").outputs["arn"]
    for alarm in recording.of(ALARM) + recording.of(COMPOSITE):
        assert "Runbook: https://wiki.example.org/books/" in alarm.inputs["alarmDescription"]


def test_wrong_configuration_stops_the_program_before_anything_is_registered():
    recording = Recording()
    with pytest.raises(
        pulumi.RunError, match="observability:durationPercent is '100'; allowed: a whole number from 50 to 99"
    ):
        run_layer(
            "observability", config={"observability:durationPercent": "100"}, upstream=upstream(), recording=recording
        )
    assert recording.registrations == []


@pytest.mark.parametrize(
    ("name", "group", "key"),
    [("data", "queues", "ingest"), ("data", "tables", "events"), ("compute", "functions", "query")],
)
def test_a_lower_layer_that_is_behind_the_catalog_is_named(name: str, group: str, key: str):
    below = upstream()
    del below[name][group][key]
    with pytest.raises(Exception, match=rf"layer {name} has no output '{group}\.{key}.*deploy_layer.sh {name} dev"):
        run_layer("observability", upstream=below)
