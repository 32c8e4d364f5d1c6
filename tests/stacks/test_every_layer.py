"""Rules for every resource of every layer, each run through its entry point on the lower ones' outputs."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from estate_tool.core.configuration import load
from estate_tool.core.environment import Environment
from estate_tool.core.resource_types import RESOURCE_TYPES
from estate_tool.deployer_policy import document, tag_coverage
from estate_tool.engine import dry_run
from foundation.catalog import CATALOG
from foundation.layers import LAYER_NAMES, layer, project
from foundation.naming import TAG_KEYS
from tests.support.mocks import OPTIONAL, STACK_REFERENCE, Recording, Registration, roll_out, run_layer
from tests.support.sdk import arguments

LONGEST_SUFFIX = "a-0123456789-xyz"
# Named within their function, whose name has the suffix.
NAMED_WITHIN_ANOTHER = {"aws:lambda/alias:Alias"}
# Name lengths of the services' API references.
MAXIMUM_LENGTH = {
    "aws:iam/role:Role": 64,
    "aws:iam/rolePolicy:RolePolicy": 128,
    "aws:lambda/function:Function": 64,
    "aws:sqs/queue:Queue": 80,
    "aws:dynamodb/table:Table": 255,
    "aws:cloudwatch/metricAlarm:MetricAlarm": 255,
    "aws:cloudwatch/compositeAlarm:CompositeAlarm": 255,
    "aws:cloudwatch/dashboard:Dashboard": 255,
    "aws:sns/topic:Topic": 256,
    "aws:budgets/budget:Budget": 100,
}
OTHERS = 255
BLOCKS_REMOVAL = ("deletionProtection", "deletionProtectionEnabled", "skipDestroy", "preventDestroy")

every_layer = pytest.mark.parametrize("name", LAYER_NAMES)


@pytest.fixture
def recording(name: str) -> Recording:
    return roll_out(name, config=OPTIONAL)[name]


def _physical_names(recording: Recording) -> dict[str, Any]:
    """Physical name by logical name of all that has one."""
    keys = ("name", "dashboardName", "alarmName")
    return {
        item.name: next(item.inputs[key] for key in keys if key in item.inputs)
        for item in recording.resources
        if any(key in item.inputs for key in keys)
    }


@every_layer
def test_every_taggable_resource_has_every_tag_with_a_value(name: str, recording: Recording) -> None:
    taggable = [item for item in recording.resources if "tags" in arguments(item.type)]
    assert taggable
    for item in taggable:
        assert set(item.tags) == set(TAG_KEYS), item.name
        assert all(item.tags.values()), item.name
        assert (item.tags["Layer"], item.tags["Environment"]) == (name, "dev"), item.name
        assert item.tags["ManagedBy"] == "pulumi"


@pytest.mark.parametrize("name", ["foundation", "data", "compute"])
def test_the_component_tag_is_the_workload_the_resource_belongs_to(recording: Recording) -> None:
    workloads = {item.name for group in (CATALOG.tables, CATALOG.queues, CATALOG.functions) for item in group}
    for item in _of_the_estate(recording):
        if item.tags:
            assert item.tags["Component"] in workloads
            assert item.tags["Component"] in item.name


@every_layer
def test_every_physical_name_is_given_and_ends_in_the_suffix(recording: Recording) -> None:
    for item in recording.resources:
        if item.type in NAMED_WITHIN_ANOTHER or not {"name", "dashboard_name"} & arguments(item.type):
            continue
        physical = item.inputs.get("name") or item.inputs.get("dashboardName")
        assert physical, f"{item.name} would get a random name"
        assert str(physical).endswith("-dev"), item.name


@every_layer
def test_names_stay_within_the_limits_of_aws_with_the_longest_suffix(name: str) -> None:
    recording = roll_out(name, stack=LONGEST_SUFFIX)[name]
    lengths = {item.name: MAXIMUM_LENGTH.get(item.type, OTHERS) for item in recording.resources}
    names = _physical_names(recording)
    assert names
    for logical, physical in names.items():
        assert len(physical) <= lengths[logical], physical


@every_layer
def test_two_environments_share_no_name_and_have_the_same_logical_names(name: str, recording: Recording) -> None:
    other = roll_out(name, stack="dev-b", config=OPTIONAL)[name]
    ours, theirs = _physical_names(recording), _physical_names(other)
    assert set(ours) == set(theirs)
    assert {item.name for item in recording.resources} == {item.name for item in other.resources}
    nested = {item.name for item in recording.resources if item.type in NAMED_WITHIN_ANOTHER}
    assert not {ours[key] for key in ours if key not in nested} & {theirs[key] for key in theirs if key not in nested}


def test_no_two_layers_make_the_same_thing() -> None:
    # AWS would adopt a second queue of a name without notice, and destroying one layer would take it from the other.
    made = [
        (item.type, item.inputs["name"])
        for recording in roll_out().values()
        for item in recording.resources
        if "name" in item.inputs and item.type not in NAMED_WITHIN_ANOTHER
    ]
    assert made
    assert len(set(made)) == len(made), sorted(pair for pair in set(made) if made.count(pair) > 1)


@every_layer
def test_no_input_refers_to_another_environment(name: str) -> None:
    inputs = [dict(item.inputs) for item in roll_out(name, stack="blue")[name].resources]
    text = json.dumps(inputs, default=lambda value: type(value).__name__)
    assert "-blue" in text
    assert "-dev" not in text


@every_layer
def test_no_resource_is_kept_from_being_destroyed(recording: Recording) -> None:
    for item in recording.registrations:
        assert not item.protect, item.name
        assert not item.retain_on_delete, item.name
        assert not [key for key in BLOCKS_REMOVAL if item.inputs.get(key)], item.name


@every_layer
def test_a_layer_reads_the_layers_it_declares_and_of_the_same_environment_only(name: str, recording: Recording) -> None:
    read = {item.name for item in recording.of(STACK_REFERENCE)}
    assert read == {f"organization/{project(lower)}/dev" for lower in layer(name).reads}


def _of_the_estate(recording: Recording) -> list[Registration]:
    """The resources without those of one's own, in components of types that begin with `own:`."""
    own = {item.urn for item in recording.components if item.type.startswith("own:")}
    return [item for item in recording.resources if item.parent not in own]


@every_layer
def test_every_resource_belongs_to_a_component_of_its_layer(name: str, recording: Recording) -> None:
    components = {item.urn for item in recording.components if item.type.startswith(f"estate:{name}:")}
    for item in _of_the_estate(recording):
        assert item.parent in components, item.name


@every_layer
def test_logical_names_are_unique_within_a_type_and_free_of_the_suffix(name: str) -> None:
    recording = roll_out(name, stack="blue")[name]
    assert len({item.urn for item in recording.resources}) == len(recording.resources)
    assert not [item.name for item in recording.resources if "blue" in item.name]


@every_layer
def test_a_preview_succeeds_while_aws_has_answered_nothing_and_shows_the_names(name: str, recording: Recording) -> None:
    upstream = {read: roll_out(read)[read].outputs for read in layer(name).reads}
    preview = run_layer(name, upstream=upstream, config=OPTIONAL, preview=True)
    assert {item.urn for item in preview.resources} == {item.urn for item in recording.resources}
    shown = {key: value for key, value in _physical_names(preview).items() if isinstance(value, str)}
    planned = _physical_names(recording)
    assert shown
    assert all(planned[key] == value for key, value in shown.items())


@pytest.mark.parametrize("name", LAYER_NAMES[1:])
def test_without_the_layer_below_the_program_names_the_layer_to_deploy_and_makes_nothing(name: str) -> None:
    partial = Recording()
    with pytest.raises(Exception, match=r"deploy it first: scripts/deploy_layer\.sh \w+ dev"):
        run_layer(name, upstream={read: {} for read in layer(name).reads}, recording=partial)
    assert partial.resources == []


@every_layer
def test_every_output_is_plain_data_that_a_stack_can_keep(name: str) -> None:
    outputs = roll_out(name)[name].outputs
    assert json.loads(json.dumps(outputs)) == outputs
    assert all(value not in (None, {}, []) for value in _leaves(outputs))


def _leaves(value: Any) -> Iterator[Any]:
    children = value.values() if isinstance(value, dict) else value if isinstance(value, list) else None
    if not children:
        yield value
    else:
        for child in children:
            yield from _leaves(child)


def _by_name(items: list[Registration]) -> dict[str, Registration]:
    return {item.name: item for item in items}


@every_layer
def test_a_second_run_registers_the_same(name: str, recording: Recording) -> None:
    upstream = {read: roll_out(read)[read].outputs for read in layer(name).reads}
    again = _by_name(run_layer(name, upstream=upstream, config=OPTIONAL).resources)
    for logical, item in _by_name(recording.resources).items():
        assert {key: value for key, value in item.inputs.items() if key != "code"} == {
            key: value for key, value in again[logical].inputs.items() if key != "code"
        }


def test_every_type_that_a_layer_registers_has_the_actions_that_rolling_it_out_takes() -> None:
    lower = {name: recording.outputs for name, recording in roll_out().items()}
    subscribed = {"observability:subscriptions": '[{"protocol": "email", "endpoint": "a@b.c"}]'}
    with_subscriptions = run_layer("observability", config=subscribed, upstream=lower)
    layers = (*roll_out().values(), with_subscriptions)
    types = {item.type for recording in layers for item in _of_the_estate(recording)}
    assert "aws:sns/topicSubscription:TopicSubscription" in types
    assert types - RESOURCE_TYPES.keys() == set()


def test_the_tool_learns_without_an_engine_what_a_rollout_registers() -> None:
    account = dry_run.AccountContext(account="111122223333", region="us-east-1")
    target = Environment(name="dev", local=False, configuration=load("dev"))
    found = dry_run.resources(target, account, lambda kind, inputs: document.arn(kind, inputs, account))
    for name, recording in roll_out().items():
        here = {(item.type, item.name) for item in found if item.layer == name}
        assert here == {(item.type, item.name) for item in recording.resources}


@every_layer
def test_every_type_is_known_to_have_tags_or_not_as_the_sdk_has_it(recording: Recording) -> None:
    for item in _of_the_estate(recording):
        assert (item.type in tag_coverage.TAGGABLE) == ("tags" in arguments(item.type)), item.type
        assert (item.type in tag_coverage.UNTAGGABLE) == ("tags" not in arguments(item.type)), item.type


@pytest.mark.parametrize("name", ["observability"])
def test_alarms_go_after_what_replaces_them_is_named_by_composite_alarms(name: str, recording: Recording) -> None:
    alarms = [item for item in recording.resources if item.type.startswith("aws:cloudwatch/") and "Alarm:" in item.type]
    composites = [item for item in alarms if "Composite" in item.type]
    assert len(alarms) > len(composites) > 0
    assert {item.delete_before_replace for item in alarms} == {False}
