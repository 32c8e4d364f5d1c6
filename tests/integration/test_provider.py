"""The local provider plugin against the embedded AWS: one whole life of every resource type."""

from __future__ import annotations

import contextlib
import json
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import grpc
import pytest

from local_aws import provider
from local_aws.provider.wire import UNKNOWN
from tests.integration.provider_client import ProviderClient, Resource
from tests.support.provider_cases import CASES, Case, Properties, archive, filled, policy, trust

if TYPE_CHECKING:
    from collections.abc import Iterator

DEFAULT_TAGS = {"ManagedBy": "pulumi"}


@pytest.fixture(scope="module")
def plugin(embedded_aws: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ProviderClient]:
    """The plugin as the engine starts it."""
    folder = provider.install(
        tmp_path_factory.mktemp("pulumi"), Path(embedded_aws.environment["PATH"].split(":")[0]) / "python"
    )
    with subprocess.Popen(
        [folder / "pulumi-resource-aws"], env=embedded_aws.environment, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        yield ProviderClient(int(process.stdout.readline()), {"defaultTags": {"tags": DEFAULT_TAGS}})
        process.terminate()


TABLE = {
    "name": "table-around", "billingMode": "PROVISIONED", "readCapacity": 1, "writeCapacity": 1, "hashKey": "k",
    "attributes": [{"name": "k", "type": "S"}], "streamEnabled": True, "streamViewType": "NEW_IMAGE",
}  # fmt: skip
TARGET = {
    "resourceId": "table/table-around", "minCapacity": 1, "maxCapacity": 9, "serviceNamespace": "dynamodb",
    "scalableDimension": "dynamodb:table:ReadCapacityUnits",
}  # fmt: skip
ALARM = {
    "name": "alarm-around", "metricName": "m", "namespace": "n", "period": 60, "statistic": "Sum", "threshold": 1,
    "comparisonOperator": "GreaterThanThreshold", "evaluationPeriods": 1,
}  # fmt: skip


@pytest.fixture(scope="module")
def surroundings(plugin: ProviderClient) -> Iterator[dict[str, str]]:
    """Resources that the cases refer to."""
    made: list[Resource] = []

    def make(token: str, **inputs: Any) -> Properties:
        made.append(plugin.create(token, "around", inputs))
        return made[-1].state

    role = make("aws:iam/role:Role", name="role-around", assumeRolePolicy=trust("lambda.amazonaws.com"))
    make("aws:iam/rolePolicy:RolePolicy", role=role["name"], name="all", policy=policy(Action="*", Resource="*"))
    queue = make("aws:sqs/queue:Queue", name="queue-around", visibilityTimeoutSeconds=180)
    dlq = make("aws:sqs/queue:Queue", name="dlq-around")
    table = make("aws:dynamodb/table:Table", **TABLE)
    log_group = make("aws:cloudwatch/logGroup:LogGroup", name="/aws/lambda/lambda-around")
    make("aws:appautoscaling/target:Target", **TARGET)
    topic = make("aws:sns/topic:Topic", name="topic-around")
    bucket = make("aws:s3/bucket:Bucket", bucket="bucket-around")
    alarm = make("aws:cloudwatch/metricAlarm:MetricAlarm", **ALARM)
    function = make(
        "aws:lambda/function:Function", name="lambda-around", role=role["arn"], runtime="python3.11",
        handler="main.handle", code=archive("one"), timeout=30, publish=True,
    )  # fmt: skip
    made[-1] = plugin.update(made[-1], made[-1].inputs | {"code": archive("two")})
    alias = make("aws:lambda/alias:Alias", name="live", functionName=function["name"], functionVersion="1")
    group = make("aws:scheduler/scheduleGroup:ScheduleGroup", name="schedule-around")
    yield {
        "role": role["name"], "role_arn": role["arn"], "queue_url": queue["url"], "queue_arn": queue["arn"],
        "dlq_url": dlq["url"], "dlq_arn": dlq["arn"], "table": table["name"], "stream_arn": table["streamArn"],
        "log_group": log_group["name"], "topic_arn": topic["arn"], "alarm": alarm["name"], "function": function["name"],
        "alias_arn": alias["arn"], "schedule_group": group["name"], "bucket": bucket["bucket"],
    }  # fmt: skip
    for resource in reversed(made):
        plugin.delete(resource)


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.type.split(':')[-1]}-{case.inputs.get('name', '')}")
def test_a_resource_is_made_shown_changed_imported_and_removed(
    case: Case, plugin: ProviderClient, surroundings: dict[str, str], embedded_aws: Any
) -> None:
    inputs = filled(case.inputs, surroundings)
    wanted = inputs | filled(case.change, surroundings)
    wanted = {name: value for name, value in wanted.items() if value is not None}

    made = plugin.create(case.type, "case", inputs)
    try:
        shows_itself_unchanged(plugin, made)
        can_be_imported(plugin, case, made)
        if case.change:
            made = changes(plugin, case, made, wanted)
        if case.drift:
            shows_drift(plugin, case, made, surroundings, embedded_aws)
    finally:
        plugin.delete(made)

    left = plugin.refresh(made)
    assert left is None or (case.remains and left.state != made.state)
    plugin.delete(made)  # already gone: as good as removed


def shows_itself_unchanged(plugin: ProviderClient, made: Resource) -> None:
    seen = plugin.refresh(made)
    assert seen is not None
    assert seen.state == made.state
    assert seen.inputs == made.inputs
    assert plugin.changes(made, made.inputs) == []
    assert not [name for name, value in made.state.items() if value is UNKNOWN]


def can_be_imported(plugin: ProviderClient, case: Case, made: Resource) -> None:
    found = plugin.adopt(case.type, "case", filled(case.imports, made.state))
    assert found is not None
    assert found.id == made.id
    assert {path.split("[")[0] for path in plugin.changes(found, made.inputs)} <= set(case.unreadable)


def changes(plugin: ProviderClient, case: Case, made: Resource, wanted: Properties) -> Resource:
    checked = plugin.checked(case.type, "case", wanted, made.inputs)
    difference = plugin.diff(made, checked)
    assert difference.detailedDiff
    assert not difference.replaces
    planned = plugin.update(made, checked, preview=True).state
    changed = plugin.update(made, checked)
    for name, value in planned.items():
        assert value is UNKNOWN or name == "lastModified" or changed.state.get(name) == value, name
    shows_itself_unchanged(plugin, changed)
    return changed


def shows_drift(
    plugin: ProviderClient, case: Case, made: Resource, surroundings: dict[str, str], embedded_aws: Any
) -> None:
    drift = filled(case.drift, surroundings | made.state)
    getattr(embedded_aws.client(drift["service"]), drift["operation"])(**drift["parameters"])
    seen = plugin.refresh(made)
    assert seen is not None
    assert seen.state.get(drift["of"]) != made.state.get(drift["of"])
    assert drift["of"] in {path.split(".")[0].split("[")[0] for path in plugin.changes(seen, made.inputs)}
    repaired = plugin.update(seen, made.inputs)
    assert repaired.state.get(drift["of"]) == made.state.get(drift["of"])


def test_a_resource_that_could_not_be_finished_is_kept_and_finished_later(
    plugin: ProviderClient, embedded_aws: Any
) -> None:
    token, inputs = "aws:dynamodb/table:Table", {
        "name": "table-unfinished", "billingMode": "PAY_PER_REQUEST", "hashKey": "k",
        "attributes": [{"name": "k", "type": "S"}], "ttl": {"attributeName": "expires_at", "enabled": True},
    }  # fmt: skip
    with user_who_may(embedded_aws.client("iam"), ["dynamodb:*"], denied=["dynamodb:UpdateTimeToLive"]) as credentials:
        hindered = ProviderClient(plugin.port, credentials)
        with pytest.raises(grpc.RpcError) as failure:
            hindered.create(token, "unfinished", inputs)
    unfinished = hindered.left_behind(failure.value)
    try:
        assert "AccessDenied" in str(failure.value.details())
        assert "UpdateTimeToLive" in str(failure.value.details())
        assert unfinished.id == "table-unfinished"
        finished = plugin.update(unfinished, plugin.checked(token, "unfinished", inputs))
        assert finished.state["ttl"] == inputs["ttl"]
    finally:
        plugin.delete(unfinished)


@contextlib.contextmanager
def user_who_may(iam: Any, actions: list[str], denied: list[str]) -> Iterator[Properties]:
    """The provider's configuration for somebody who is not the administrator."""
    name, document = "hindered", {"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Action": actions, "Resource": "*"}, {"Effect": "Deny", "Action": denied, "Resource": "*"},
    ]}  # fmt: skip
    iam.create_user(UserName=name)
    iam.put_user_policy(UserName=name, PolicyName="p", PolicyDocument=json.dumps(document))
    key = iam.create_access_key(UserName=name)["AccessKey"]
    yield {"accessKey": key["AccessKeyId"], "secretKey": key["SecretAccessKey"]}
    iam.delete_access_key(UserName=name, AccessKeyId=key["AccessKeyId"])
    iam.delete_user_policy(UserName=name, PolicyName="p")
    iam.delete_user(UserName=name)


def test_a_failed_creation_is_reported_in_one_line(plugin: ProviderClient) -> None:
    with pytest.raises(grpc.RpcError) as failure:
        plugin.create("aws:lambda/alias:Alias", "alias", {"functionName": "nowhere", "functionVersion": "1"})

    text = str(failure.value.details())
    assert text.startswith("alias: ResourceNotFoundException")
    assert text.endswith("(operation lambda:CreateAlias)")
    assert "\n" not in text
