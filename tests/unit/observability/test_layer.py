"""The whole layer through its entry point, fed with what the lower layers exported."""

import copy
import json
from collections.abc import Iterator
from typing import Any

import pulumi
import pytest
from pulumi.runtime.settings import SETTINGS

from foundation.catalog import CATALOG
from foundation.tags import TAG_KEYS
from observability.alarms import estate_alarms
from observability.config import parse
from observability.metrics import failure_queues
from tests.support.mocks import Recording, outputs_of, roll_out, run_layer

ALARM = "cloudwatch/metricAlarm:MetricAlarm"
TAGGABLE = {"aws:cloudwatch/metricAlarm:MetricAlarm", "aws:sns/topic:Topic"}


@pytest.fixture(scope="module")
def layer() -> Recording:
    return roll_out("observability")["observability"]


@pytest.fixture(autouse=True)
def _nothing_left_of_a_failed_run() -> Iterator[None]:
    yield
    # Pulumi keeps tasks of a program in one set for all runs; those of one that failed would fail the next.
    SETTINGS.outputs.clear()  # pyright: ignore[reportAttributeAccessIssue] (its descriptor is typed wrongly)


def upstream(stack: str = "dev") -> dict[str, Any]:
    return {name: copy.deepcopy(outputs_of(name, stack=stack)) for name in ("foundation", "data", "compute")}


def test_there_is_an_alarm_for_each_specification_and_no_other(layer: Recording):
    specs = estate_alarms(CATALOG, parse({}, stack="dev").thresholds)
    names = {f"alarm-{spec.purpose}-dev" for alarms in specs.values() for spec in alarms}
    assert {alarm.inputs["name"] for alarm in layer.of(ALARM)} == names
    assert {component.name for component in layer.of("AlarmSet")} == {f"{s.kind}-{s.purpose}" for s in specs}


def test_alarms_measure_the_resources_that_the_lower_layers_made(layer: Recording):
    made = roll_out("compute")
    existing = {
        item.inputs["name"] for name in ("data", "compute") for item in made[name].resources if "name" in item.inputs
    }
    for alarm in layer.of(ALARM):
        queries = [query["metric"] for query in alarm.inputs.get("metricQueries", []) if "metric" in query]
        for metric in queries or [alarm.inputs]:
            for key, value in metric["dimensions"].items():
                if key == "Resource":
                    assert value == f"{metric['dimensions']['FunctionName']}:live"
                elif key != "Operation":
                    assert value in existing, alarm.name


def test_every_failure_queue_that_exists_is_watched(layer: Recording):
    made = roll_out("compute")
    queues = {item.inputs["name"] for name in ("data", "compute") for item in made[name].of("sqs/queue:Queue")}
    watched = {
        alarm.inputs["dimensions"]["QueueName"]
        for alarm in layer.of(ALARM)
        if alarm.inputs.get("namespace") == "AWS/SQS"
    }
    assert watched == queues
    assert {f"dlq-{queue.purpose}-dev" for queue in failure_queues(CATALOG)} < watched


def test_every_alarm_tells_the_topic_when_it_goes_off_and_when_it_is_over(layer: Recording):
    topic = layer.one("sns/topic:Topic").outputs["arn"]
    for alarm in layer.of(ALARM):
        assert alarm.inputs["alarmActions"] == alarm.inputs["okActions"] == [topic]


def test_the_topic_lets_exactly_these_alarms_publish(layer: Recording):
    statements = json.loads(layer.one("sns/topicPolicy:TopicPolicy").inputs["policy"])["Statement"]
    (statement,) = [item for item in statements if item["Effect"] == "Allow"]
    before, after = statement["Condition"]["ArnLike"]["aws:SourceArn"].split("*")
    for alarm in layer.of(ALARM):
        assert alarm.outputs["arn"].startswith(before)
        assert alarm.outputs["arn"].endswith(after)


def test_every_physical_name_ends_in_the_suffix_and_is_not_too_long(layer: Recording):
    for resource in layer.resources:
        name = resource.inputs.get("name") or resource.inputs.get("dashboardName")
        if name is None:
            assert resource.type == "aws:sns/topicPolicy:TopicPolicy"
            continue
        assert name.endswith("-dev"), resource.urn
        assert len(name) <= 255


def test_everything_taggable_has_all_tags(layer: Recording):
    tagged = [resource for resource in layer.resources if resource.type in TAGGABLE]
    assert {resource.type for resource in tagged} == TAGGABLE
    for resource in tagged:
        assert set(resource.tags) == set(TAG_KEYS)
        assert (resource.tags["Layer"], resource.tags["Environment"]) == ("observability", "dev")


def test_an_alarm_carries_the_component_it_watches(layer: Recording):
    assert layer.one(ALARM, name="alarm-table-events-faults-dev").tags["Component"] == "events"


def test_components_are_of_this_layers_types(layer: Recording):
    assert {component.type for component in layer.components} == {
        f"estate:observability:{name}" for name in ("AlertsTopic", "AlarmSet", "EstateDashboard", "SavedQueries")
    }


def test_logical_names_do_not_change_with_the_environment(layer: Recording):
    other = roll_out("observability", stack="local-b")["observability"]
    assert {item.name for item in other.resources} == {item.name for item in layer.resources}
    assert {item.inputs["name"] for item in other.of(ALARM)}.isdisjoint(item.inputs["name"] for item in layer.of(ALARM))


def test_the_dashboard_shows_every_alarm_and_the_real_names(layer: Recording):
    made = layer.one("cloudwatch/dashboard:Dashboard", dashboardName="dashboard-estate-dev")
    body = json.loads(made.inputs["dashboardBody"])
    shown = {arn for widget in body["widgets"] if widget["type"] == "alarm" for arn in widget["properties"]["alarms"]}
    assert shown == {alarm.outputs["arn"] for alarm in layer.of(ALARM)}
    assert {"lambda-query-dev", "lambda-query-dev:live", "table-events-dev", "dlq-aggregate-dev"} <= {
        value for widget in body["widgets"] for entry in widget["properties"].get("metrics", []) for value in entry[:-1]
    }


def test_saved_queries_ask_the_logs_of_every_function(layer: Recording):
    groups = {f"/aws/lambda/lambda-{function.name}-dev" for function in CATALOG.functions}
    made = layer.of("cloudwatch/queryDefinition:QueryDefinition")
    assert made
    assert all(set(query.inputs["logGroupNames"]) == groups for query in made)


def test_outputs_say_where_to_look(layer: Recording):
    assert layer.outputs["topic_arn"] == layer.one("sns/topic:Topic").outputs["arn"]
    assert sorted(layer.outputs["alarm_names"]) == sorted(alarm.inputs["name"] for alarm in layer.of(ALARM))
    assert layer.outputs["dashboard_name"] == "dashboard-estate-dev"
    assert set(layer.outputs) == {"topic_arn", "alarm_names", "dashboard_name", "query_names"}


def threshold(recording: Recording, name: str) -> float:
    return recording.one(ALARM, name=name).inputs["threshold"]


def test_capacity_alarms_follow_the_billing_that_data_reports(layer: Recording):
    (table,) = [table for table in CATALOG.tables if table.name == "events"]
    assert table.write is not None
    assert threshold(layer, "alarm-table-events-write-capacity-dev") == pytest.approx(0.8 * table.write.maximum)
    below = upstream()
    below["data"]["tables"]["events"]["billing"] = "on-demand"
    switched = run_layer("observability", upstream=below)
    assert threshold(switched, "alarm-table-events-write-capacity-dev") == pytest.approx(32_000)
    assert threshold(switched, "alarm-table-marks-write-capacity-dev") == threshold(
        layer, "alarm-table-marks-write-capacity-dev"
    )


def test_configuration_reaches_alarms_and_topic():
    config = {
        "observability:maximumQueueAgeSeconds": "1200",
        "observability:subscriptions": '[{"protocol": "email", "endpoint": "a@example.org"}]',
    }
    recording = run_layer("observability", config=config, upstream=upstream())
    assert threshold(recording, "alarm-queue-ingest-age-dev") == 1200
    assert recording.one("sns/topicSubscription:TopicSubscription").inputs["endpoint"] == "a@example.org"


def test_a_preview_before_anything_exists_shows_the_same_resources(layer: Recording):
    preview = run_layer("observability", upstream=upstream(), preview=True)
    assert {(item.type, item.name) for item in preview.resources} == {
        (item.type, item.name) for item in layer.resources
    }


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
    [("data", "queues", "ingest"), ("data", "tables", "marks"), ("compute", "functions", "query")],
)
def test_a_lower_layer_that_is_behind_the_catalog_is_named(name: str, group: str, key: str):
    below = upstream()
    del below[name][group][key]
    with pytest.raises(Exception, match=rf"layer {name} has no output '{group}\.{key}.*deploy_layer.sh {name} dev"):
        run_layer("observability", upstream=below)
