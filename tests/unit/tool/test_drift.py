"""Drift: what the engine's events tell of it, how it is classed, and who added permissions."""

from __future__ import annotations

import contextlib
import json
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from estate_tool.commands import drift as command
from estate_tool.core.errors import Failed
from estate_tool.core.resource_types.model import COST, SECURITY
from estate_tool.drift import detect, repair, undeclared_permissions
from estate_tool.drift.detect import EXPECTED, OTHER, classify
from estate_tool.engine.checkpoint import Record, StackState
from estate_tool.engine.events import UNKNOWN
from estate_tool.rollout import data_loss, orchestration, recovery, result, session
from estate_tool.rollout.data_held import Held
from estate_tool.rollout.data_loss import Loss, Threat
from estate_tool.rollout.plans import Plan

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

TABLE = "aws:dynamodb/table:Table"
TARGET = "aws:appautoscaling/target:Target"
SCHEDULE = "aws:appautoscaling/scheduledAction:ScheduledAction"
PROVISIONED = "aws:lambda/provisionedConcurrencyConfig:ProvisionedConcurrencyConfig"
QUERY = {"resourceId": "function:lambda-query-dev:live", "scalableDimension": "lambda:function:ProvisionedConcurrency"}
READS = {"resourceId": "table/table-events-dev", "scalableDimension": "dynamodb:table:ReadCapacityUnits"}


def urn(kind: str, name: str) -> str:
    return f"urn:pulumi:dev::data::estate:data:Some${kind}::{name}"


def resource(kind: str, logical: str, **inputs: Any) -> dict[str, Any]:
    return {"urn": urn(kind, logical), "type": kind, "id": inputs.get("name", logical), "inputs": inputs}


STATE = [
    resource(TABLE, "events", name="table-events-dev"),
    resource(TABLE, "pages", name="table-pages-dev"),
    resource(TARGET, "reads", minCapacity=1, maxCapacity=50, **READS),
    resource(PROVISIONED, "provisioned", functionName="lambda-query-dev", qualifier="live"),
    resource(TARGET, "provisioned-target", minCapacity=2, maxCapacity=5, **QUERY),
    resource(SCHEDULE, "peak", scalableTargetAction={"minCapacity": 3, "maxCapacity": 5}, **QUERY),
    resource(SCHEDULE, "night", scalableTargetAction={"minCapacity": 1, "maxCapacity": 5}, **QUERY),
]


@pytest.mark.parametrize(
    ("kind", "name", "path", "actual", "expected"),
    [
        (TABLE, "events", "readCapacity", 50, EXPECTED),
        (TABLE, "events", "readCapacity", 51, COST),
        (TABLE, "events", "writeCapacity", 6, COST),  # nothing scales it here
        (TABLE, "pages", "readCapacity", 6, COST),
        (PROVISIONED, "provisioned", "provisionedConcurrentExecutions", 1, EXPECTED),
        (PROVISIONED, "provisioned", "provisionedConcurrentExecutions", 6, COST),
        (PROVISIONED, "provisioned", "", None, COST),
        (TARGET, "provisioned-target", "minCapacity", 3, EXPECTED),
        (TARGET, "provisioned-target", "minCapacity", 4, COST),
        (TARGET, "provisioned-target", "maxCapacity", 3, COST),
        (TABLE, "events", "tags.Owner", None, OTHER),
        (TARGET, "reads", 'tags["Cost Center"]', None, OTHER),
        (TABLE, "events", "billingMode", "PAY_PER_REQUEST", COST),
        (TABLE, "events", "", None, OTHER),
        (TABLE, "events", "serverSideEncryption.enabled", False, SECURITY),
        ("aws:lambda/function:Function", "f", "memorySize", 3008, COST),
        ("aws:lambda/function:Function", "f", "role", "arn", SECURITY),
        ("aws:lambda/function:Function", "f", 'environment.variables["A"]', "b", OTHER),
        ("aws:cloudwatch/logGroup:LogGroup", "g", "retentionInDays", 365, COST),
        ("aws:iam/rolePolicy:RolePolicy", "p", "policy.Statement[0].Action", "sqs:*", SECURITY),
        ("aws:iam/rolePolicy:RolePolicy", "p", "", None, SECURITY),
        ("aws:iam/role:Role", "r", "assumeRolePolicy", "{}", SECURITY),
        ("aws:sns/topicPolicy:TopicPolicy", "p", "policy", "{}", SECURITY),
        ("aws:sqs/queue:Queue", "q", "", None, OTHER),
        ("aws:sqs/queue:Queue", "q", "sqsManagedSseEnabled", False, SECURITY),
        ("aws:sqs/queue:Queue", "q", "messageRetentionSeconds", 1209600, COST),
        ("aws:cloudwatch/metricAlarm:MetricAlarm", "a", "actionsEnabled", False, OTHER),
    ],
)
def test_drift_is_classed_by_what_it_means(kind: str, name: str, path: str, actual: Any, expected: str) -> None:
    assert classify(urn(kind, name), path, actual, STATE) == expected


class FakeEngine:
    """An engine whose comparison reports the given steps of layer data."""

    version = "3.259.0"

    def __init__(self, *steps: dict[str, Any], diagnostic: str = "", resources: int = 7) -> None:
        self.steps, self._diagnostic, self._resources = steps, diagnostic, resources
        self.refreshed: dict[str, list[str]] = {}
        self.put_back: dict[str, Any] = {}
        # What a preview would change; only of layers whose state is not the result of a rollout that ended well.
        self.foreseen: list[dict[str, Any]] = []

    def export_versioned(self, layer: str) -> dict[str, Any]:
        return {"version": 3, "deployment": self.export(layer)}

    def replace(self, layer: str, exported: Any) -> None:
        self.put_back[layer] = exported

    def former(self) -> dict[str, str]:
        return {}

    def lease(self) -> str | None:
        return None

    def stacks(self) -> dict[str, int]:
        return {"data": self._resources, "compute": self._resources, "foundation": self._resources}

    def export(self, layer: str) -> dict[str, Any]:
        return {"resources": STATE if layer == "data" else []}

    def states(self) -> dict[str, StackState]:
        stack = {"urn": "urn:s", "type": "pulumi:pulumi:Stack"}
        found = {}
        for layer in self.stacks() if self._resources else ():
            state = StackState(deployment={"resources": [stack, *self.export(layer)["resources"]]})
            record = Record(inputs="i", state="touched since" if self.foreseen else state.digest)
            found[layer] = StackState(deployment=state.deployment, record=record)
        return found

    def preview(self, layer: str, on_event: Callable[[Mapping[str, Any]], None]) -> str:
        assert self.foreseen, "a layer that was rolled out to its end is not previewed"
        for metadata in self.foreseen if layer == "data" else ():
            on_event({"resourcePreEvent": {"metadata": metadata}})
        return ""

    def compare(self, layer: str, on_event: Callable[[Mapping[str, Any]], None]) -> str:
        for metadata in self.steps if layer == "data" else ():
            on_event({"resOutputsEvent": {"metadata": metadata, "planning": True}})
        return self._diagnostic

    def refresh(self, layer: str, urns: list[str], on_event: object) -> str:
        self.refreshed[layer] = urns
        return ""


def step(kind: str, name: str, old: dict[str, Any], new: dict[str, Any] | None, *paths: str) -> dict[str, Any]:
    return {
        "op": "update" if new is not None else "delete", "urn": urn(kind, name), "type": kind,
        "old": {"id": "the-id", "outputs": old}, "new": new and {"outputs": new},
        "detailedDiff": {path: {"diffKind": "update"} for path in paths},
    }  # fmt: skip


UNTAGGED = step(TABLE, "pages", {"tags": {"Owner": "me"}}, {"tags": {}}, "tags.Owner")


def found(estate: Any, *steps: dict[str, Any]) -> list[tuple[str, str, Any, Any, str]]:
    engine: Any = FakeEngine(*steps)
    drifted = detect.find(engine, estate, ("foundation", "data", "compute", "observability"))
    return [(one.resource, one.path, one.expected, one.actual, one.kind) for one in drifted]


def test_each_property_is_reported_with_its_path_and_both_values(empty_estate: Any) -> None:
    old = {"environment": {"variables": {"a.b": "1"}}, "attributes": [{"type": "S"}]}
    new = {"environment": {"variables": {"a.b": "2"}}, "attributes": [{"type": "N"}]}
    differences = found(empty_estate, step(TABLE, "f", old, new, 'environment.variables["a.b"]', "attributes[0].type"))
    assert differences == [
        ("f", "attributes[0].type", "S", "N", OTHER),
        ("f", 'environment.variables["a.b"]', "1", "2", OTHER),
    ]


def test_a_policy_is_looked_into(empty_estate: Any) -> None:
    before = {"Statement": [{"Sid": "A", "Action": "sqs:SendMessage"}]}
    after = {"Statement": [{"Sid": "A", "Action": "sqs:*"}, {"Sid": "B"}]}
    kind = "aws:iam/rolePolicy:RolePolicy"
    differences = found(
        empty_estate, step(kind, "p", {"policy": json.dumps(before)}, {"policy": json.dumps(after)}, "policy")
    )
    assert differences == [
        ("p", "policy.Statement[0].Action", "sqs:SendMessage", "sqs:*", SECURITY),
        ("p", "policy.Statement[1]", None, {"Sid": "B"}, SECURITY),
    ]


def test_a_tag_is_reported_once_and_what_only_aws_computes_not_at_all(empty_estate: Any) -> None:
    tagged = {"tags": {"Owner": "me"}, "tagsAll": {"Owner": "me"}}
    bare = {"tags": {}, "tagsAll": {}}
    differences = found(
        empty_estate,
        step(TABLE, "events", tagged, bare, "tags.Owner", "tagsAll.Owner"),
        step(TABLE, "pages", {"lastModified": 1}, {"lastModified": 2}),
    )
    assert differences == [("events", "tags.Owner", "me", None, OTHER)]


def test_a_resource_that_is_gone_is_reported(empty_estate: Any) -> None:
    assert found(empty_estate, step("aws:sqs/queue:Queue", "q", {}, None)) == [("q", "", "the-id", None, OTHER)]


def test_nothing_deployed_and_a_comparison_that_fails_are_errors(empty_estate: Any) -> None:
    nothing: Any = FakeEngine(resources=0)
    with pytest.raises(Failed, match="nothing of environment dev is deployed"):
        detect.find(nothing, empty_estate, ("data",))
    broken: Any = FakeEngine(diagnostic="no answer")
    with pytest.raises(Failed, match="layer data can't be compared with AWS: no answer"):
        detect.find(broken, empty_estate, ("data",))


def test_only_what_autoscaling_does_not_explain_is_read_and_rolled_out(empty_estate: Any) -> None:
    engine: Any = FakeEngine(
        step(TABLE, "events", {"readCapacity": 1}, {"readCapacity": 9}, "readCapacity"),
        UNTAGGED,
    )
    drifted = detect.find(engine, empty_estate, ("data",))
    layers = repair.take_in(engine, empty_estate, drifted)
    assert engine.refreshed == {"data": [urn(TABLE, "pages")]}
    assert layers == ("data", "compute")


def test_an_unfinished_repair_is_reported_although_the_state_equals_aws(empty_estate: Any) -> None:
    engine: Any = FakeEngine(step(TABLE, "pages", {"readCapacity": 1}, {"readCapacity": 9}, "readCapacity"))
    kind, other = "aws:lambda/function:Function", "aws:sqs/queue:Queue"
    engine.foreseen = [
        {
            "op": "update", "urn": urn(kind, "f"), "type": kind, "detailedDiff": {"memorySize": {}, "version": {}},
            "old": {"outputs": {"memorySize": 3008, "version": "1"}, "inputs": {"memorySize": 3008}},
            "new": {"inputs": {"memorySize": 512}, "outputs": {"version": UNKNOWN}},
        },
        {"op": "create", "urn": urn(other, "q"), "type": other, "new": {"inputs": {"name": "queue-q-dev"}}},
        {"op": "delete", "urn": urn(other, "old"), "type": other, "old": {"id": "url"}},
        {"op": "same", "urn": urn(other, "same"), "type": other, "old": {}, "new": {}},
        {"op": "create", "urn": urn("estate:data:Some", "s"), "type": "estate:data:Some", "new": {}},
    ]  # fmt: skip
    drifted = detect.find(engine, empty_estate, ("data",))
    assert {(one.resource, one.path, one.expected, one.actual) for one in drifted} == {
        ("pages", "readCapacity", 1, 9), ("f", "memorySize", 512, 3008), ("q", "", "queue-q-dev", None),
        ("old", "", None, "url"),
    }  # fmt: skip


def test_a_difference_that_both_comparison_and_preview_find_is_reported_once(empty_estate: Any) -> None:
    engine: Any = FakeEngine(step(TABLE, "pages", {"ttl": 1}, {"ttl": 9}, "ttl"))
    metadata = {"op": "update", "urn": urn(TABLE, "pages"), "type": TABLE, "detailedDiff": {"ttl": {}}}
    engine.foreseen = [{**metadata, "old": {"inputs": {"ttl": 1}}, "new": {"inputs": {"ttl": 2}}}]
    (only,) = detect.find(engine, empty_estate, ("data",))
    assert (only.expected, only.actual) == (1, 9)


@pytest.mark.parametrize(("read", "kept"), [(0, 5), (17, None)])
def test_an_ignored_input_keeps_its_value_where_aws_has_none(
    empty_estate: Any, monkeypatch: pytest.MonkeyPatch, read: int, kept: int | None
) -> None:
    """A table that somebody switched to on-demand has no capacities; one that autoscaling moved has other ones."""
    engine: Any = FakeEngine(step(TABLE, "t", {"tags": {"Owner": "a"}}, {"tags": {}}, "tags.Owner"))
    before, after = (resource(TABLE, "t", readCapacity=number) for number in (5, read))
    for table in (before, after):
        table["ignoreChanges"] = ["readCapacity", "writeCapacity"]
    monkeypatch.setattr(engine, "export", lambda _: {"resources": [after if engine.refreshed else before]})
    repair.take_in(engine, empty_estate, detect.find(engine, empty_estate, ("data",)))
    replaced = engine.put_back["data"]["deployment"]["resources"] if engine.put_back else []
    assert [one["inputs"] for one in replaced] == ([{"readCapacity": kept}] if kept else [])


def test_permissions_beside_the_declared_ones_are_found_and_taken_away(empty_estate: Any) -> None:
    iam, sqs = empty_estate.client("iam"), empty_estate.client("sqs")
    policy = json.dumps(
        {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]}
    )
    iam.create_role(RoleName="role-a-dev", AssumeRolePolicyDocument=policy)
    for name in ("declared", "undeclared"):
        iam.put_role_policy(RoleName="role-a-dev", PolicyName=name, PolicyDocument=policy)
    arn = iam.create_policy(PolicyName="wide", PolicyDocument=policy)["Policy"]["Arn"]
    iam.attach_role_policy(RoleName="role-a-dev", PolicyArn=arn)
    urls = [sqs.create_queue(QueueName=name, Attributes={"Policy": policy})["QueueUrl"] for name in ("open", "meant")]
    state = [
        resource("aws:iam/role:Role", "role", name="role-a-dev"),
        resource("aws:iam/rolePolicy:RolePolicy", "policy", name="role-a-dev:declared"),
        resource("aws:iam/role:Role", "gone", name="role-b-dev"),
        *({**resource("aws:sqs/queue:Queue", url[-5:]), "id": url} for url in urls),
        resource("aws:sqs/queuePolicy:QueuePolicy", "queue-policy", queueUrl=urls[1]),
    ]
    undeclared = undeclared_permissions.found(empty_estate.client, state)
    assert {(permission.urn.rpartition("::")[2], permission.path) for permission in undeclared} == {
        ("role", 'inlinePolicies["undeclared"]'), ("role", "managedPolicyArns"), ("/open", "policy")
    }  # fmt: skip
    for permission in undeclared:
        permission.remove()
    assert undeclared_permissions.found(empty_estate.client, state) == []
    assert iam.list_role_policies(RoleName="role-a-dev")["PolicyNames"] == ["declared"]


def test_schedules_that_somebody_put_into_a_group_are_found_and_taken_away(empty_estate: Any) -> None:
    scheduler = empty_estate.client("scheduler")
    group = "schedule-a-dev"
    scheduler.create_schedule_group(Name=group)
    for name in (group, "undeclared"):
        scheduler.create_schedule(
            Name=name, GroupName=group, ScheduleExpression="rate(1 day)", FlexibleTimeWindow={"Mode": "OFF"},
            Target={"Arn": "arn:aws:lambda:us-east-1:1:function:f", "RoleArn": "arn:aws:iam::1:role/r"},
        )  # fmt: skip
    state = [
        resource("aws:scheduler/scheduleGroup:ScheduleGroup", "group", name=group),
        resource("aws:scheduler/schedule:Schedule", "schedule", name=f"{group}/{group}"),
    ]
    (permission,) = undeclared_permissions.found(empty_estate.client, state)
    assert (permission.urn, permission.path) == (state[0]["urn"], 'schedules["undeclared"]')
    permission.remove()
    assert undeclared_permissions.found(empty_estate.client, state) == []
    assert [one["Name"] for one in scheduler.list_schedules(GroupName=group)["Schedules"]] == [group]


class Policies:
    """Functions' policies by qualifier, as Lambda has them."""

    exceptions = SimpleNamespace(ResourceNotFoundException=KeyError)

    def __init__(self) -> None:
        self.statements: dict[str, dict[str, Any]] = {
            "": {"undeclared": {"Principal": "*"}},
            "live": {"declared": {"Principal": "own"}, "other": {"Principal": "s3"}},
        }
        self.addresses: dict[str, str] = {}

    def get_policy(self, FunctionName: str, Qualifier: str = "") -> dict[str, str]:  # noqa: N803 - AWS's names
        assert FunctionName == "lambda-a-dev"
        statements = [{"Sid": sid, **statement} for sid, statement in self.statements[Qualifier].items()]
        return {"Policy": json.dumps({"Statement": statements})}

    def remove_permission(self, FunctionName: str, StatementId: str, Qualifier: str = "") -> None:  # noqa: N803
        assert FunctionName == "lambda-a-dev"
        del self.statements[Qualifier][StatementId]
        if not self.statements[Qualifier]:
            del self.statements[Qualifier]  # a function without permissions has no policy

    def get_paginator(self, operation: str) -> Any:
        assert operation == "list_function_url_configs"
        arn = "arn:aws:lambda:us-east-1:123456789012:function:lambda-a-dev"
        configs = [
            {"FunctionUrl": url, "FunctionArn": f"{arn}:{qualifier}".rstrip(":"), "AuthType": "NONE"}
            for qualifier, url in self.addresses.items()
        ]
        pages = SimpleNamespace(build_full_result=lambda: {"FunctionUrlConfigs": configs})
        return SimpleNamespace(paginate=lambda FunctionName: pages)  # noqa: N803, ARG005

    def delete_function_url_config(self, FunctionName: str, Qualifier: str = "") -> None:  # noqa: N803
        assert FunctionName == "lambda-a-dev"
        del self.addresses[Qualifier]


def test_who_else_may_call_a_function_or_its_alias_is_found_and_taken_away(empty_estate: Any) -> None:
    policies = empty_estate.clients["lambda"] = Policies()
    state = [
        resource("aws:lambda/function:Function", "function", name="lambda-a-dev"),
        resource("aws:lambda/alias:Alias", "alias", name="live", functionName="lambda-a-dev"),
        resource("aws:lambda/alias:Alias", "elsewhere", name="live", functionName="lambda-b-dev"),
        resource("aws:lambda/permission:Permission", "permission", statementId="declared"),
    ]
    undeclared = undeclared_permissions.found(empty_estate.client, state)
    assert [(permission.urn, permission.path, permission.value["Principal"]) for permission in undeclared] == [
        (state[0]["urn"], 'permissions["undeclared"]', "*"), (state[0]["urn"], 'permissions["other"]', "s3"),
    ]  # fmt: skip
    for permission in undeclared:
        permission.remove()
    assert policies.statements == {"live": {"declared": {"Principal": "own"}}}
    assert undeclared_permissions.found(empty_estate.client, state) == []


def test_an_undeclared_address_of_a_function_is_found_and_removed(empty_estate: Any) -> None:
    functions = empty_estate.clients["lambda"] = Policies()
    functions.statements = {"": {}, "live": {}}
    functions.addresses = {"": "https://a/", "live": "https://b/", "old": "https://c/"}
    declared = resource("aws:lambda/functionUrl:FunctionUrl", "url", functionName="lambda-a-dev")
    state = [
        resource("aws:lambda/function:Function", "function", name="lambda-a-dev"),
        {**declared, "outputs": {"functionUrl": "https://b/"}},
    ]
    undeclared = undeclared_permissions.found(empty_estate.client, state)
    assert [(permission.path, permission.value["FunctionUrl"]) for permission in undeclared] == [
        ("functionUrl", "https://a/"), ("functionUrl", "https://c/"),
    ]  # fmt: skip
    for permission in undeclared:
        permission.remove()
    assert functions.addresses == {"live": "https://b/"}


def test_permissions_that_may_not_be_looked_at_are_no_all_clear(
    empty_estate: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(**_: str) -> None:
        raise ClientError({"Error": {"Code": "AccessDenied"}}, "GetQueueAttributes")

    monkeypatch.setattr(empty_estate.client("sqs"), "get_queue_attributes", refuse)
    with pytest.raises(ClientError, match="AccessDenied"):
        undeclared_permissions.found(empty_estate.client, [resource("aws:sqs/queue:Queue", "q", name="q")])


def test_a_repair_removes_what_is_not_declared(empty_estate: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    policies = empty_estate.clients["lambda"] = Policies()
    state = [resource("aws:lambda/function:Function", "function", name="lambda-a-dev")]
    engine: Any = FakeEngine()
    monkeypatch.setattr(engine, "export", lambda layer: {"resources": state if layer == "compute" else []})
    drifted = detect.find(engine, empty_estate, ("data", "compute"))
    assert [(one.layer, one.kind, one.expected) for one in drifted] == [("compute", "security", None)]
    assert repair.take_in(engine, empty_estate, drifted) == ("compute",)
    assert "" not in policies.statements


def test_a_state_that_can_not_be_read_anew_stops_the_repair(empty_estate: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    engine: Any = FakeEngine(UNTAGGED)
    drifted = detect.find(engine, empty_estate, ("data",))
    monkeypatch.setattr(engine, "refresh", lambda *_: "no answer")
    with pytest.raises(Failed, match="layer data can't be read: no answer") as refused:
        repair.take_in(engine, empty_estate, drifted)
    assert "what is corrected stays" in refused.value.hint


def test_a_text_that_only_begins_like_a_document_is_compared_as_a_text(empty_estate: Any) -> None:
    differences = found(
        empty_estate,
        step(TABLE, "events", {"note": "{a}"}, {"note": "{b}"}, "note"),
        step("pulumi:providers:aws", "provider", {"region": "a"}, {"region": "b"}, "region"),
    )
    assert differences == [("events", "note", "{a}", "{b}", OTHER)]


@pytest.fixture
def engine(empty_estate: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., FakeEngine]:
    """Lets the command work on an engine of the given drift; what it rolls out succeeds by default."""

    def prepared(*steps: dict[str, Any], failing: bool = False) -> FakeEngine:
        made = FakeEngine(*steps)
        monkeypatch.setenv("ESTATE_HOME", str(tmp_path))
        monkeypatch.setattr(session, "ready", lambda *_: contextlib.nullcontext(made))
        monkeypatch.setattr(recovery.Recovery, "before", lambda *_: None)

        def deploy(_pulumi: object, layers: tuple[str, ...], _display: object, **_more: object) -> result.Outcome:
            word = result.FAILED if failing else result.DEPLOYED
            made.steps = ()
            return result.Outcome(
                environment="dev", layers=[result.LayerResult(layer=layer, result=word) for layer in layers]
            )

        monkeypatch.setattr(orchestration, "deploy", deploy)
        return made

    return prepared


def test_the_exit_code_shows_whether_autoscaling_explains_everything(
    engine: Callable[..., FakeEngine], call: Callable[..., Any]
) -> None:
    scaled = step(TABLE, "events", {"readCapacity": 1}, {"readCapacity": 9}, "readCapacity")
    engine()
    assert call(command, "dev").code == 0
    engine(scaled)
    assert call(command, "dev").code == 0
    engine(scaled, UNTAGGED)
    done = call(command, "dev", "--json")
    assert done.code == 1
    answer = json.loads(done.out)
    assert [one["class"] for one in answer["drifted"]] == [EXPECTED, OTHER]
    assert set(answer["drifted"][0]) == {"layer", "resource", "urn", "property", "expected", "actual", "class"}
    assert "estate drift dev --repair" in done.err


def test_a_real_account_is_repaired_only_after_a_yes(
    engine: Callable[..., FakeEngine], call: Callable[..., Any]
) -> None:
    broken = UNTAGGED
    untouched = engine(broken)
    assert call(command, "dev", "--repair").code == 2
    assert untouched.refreshed == {}
    engine(broken)
    done = call(command, "dev", "--repair", "--yes", "--json")
    answer = json.loads(done.out)
    assert (done.code, answer["repaired"], answer["left"]) == (0, True, [])
    assert [layer["layer"] for layer in answer["rollout"]["layers"]] == ["data", "compute"]


def test_a_repair_whose_rollout_fails_is_not_taken_for_done(
    engine: Callable[..., FakeEngine], call: Callable[..., Any]
) -> None:
    engine(UNTAGGED, failing=True)
    done = call(command, "dev", "--repair", "--yes", "--json")
    assert done.code == 1
    assert "is not corrected" in done.err
    answer = json.loads(done.out)
    assert (answer["repaired"], [one["property"] for one in answer["left"]]) == (False, ["tags.Owner"])
    assert answer["rollout"]["ok"] is False


def test_a_repair_that_its_preview_ends_leaves_the_state_as_it_was(
    engine: Callable[..., FakeEngine], call: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    made = engine(UNTAGGED)
    failed = result.LayerResult(layer="data", result=result.FAILED)
    ended = result.Outcome(environment="dev", layers=[failed], touched=False)
    monkeypatch.setattr(orchestration, "deploy", lambda *_, **__: ended)
    assert call(command, "dev", "--repair", "--yes").code == 1
    assert made.put_back == {"data": {"version": 3, "deployment": {"resources": STATE}}}


def test_what_comes_back_while_it_is_put_right_is_no_success(
    engine: Callable[..., FakeEngine], call: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    made = engine(UNTAGGED)
    again, deploy = made.steps, orchestration.deploy

    def rolled_out(*given: Any, **more: Any) -> Any:
        done = deploy(*given, **more)
        made.steps = again
        return done

    monkeypatch.setattr(orchestration, "deploy", rolled_out)
    done = call(command, "dev", "--repair", "--yes")
    assert done.code == 1
    assert "environment dev: 1 difference came back while being corrected" in done.err


def test_a_repair_that_would_lose_data_leaves_the_drift_to_be_found(
    engine: Callable[..., FakeEngine], call: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    made = engine(UNTAGGED)
    threat = Threat(layer="data", urn="urn:a", type=TABLE, name="table-pages-dev", change="replaced")
    plan = Plan(result=result.LayerResult(layer="data", result=result.PLANNED), threats=(threat,))
    held = Loss(threat=threat, held=Held(unit="items", count=2))
    monkeypatch.setattr(data_loss, "losses", lambda *_: [held])
    monkeypatch.setattr(orchestration, "deploy", lambda *_given, approve, **_more: approve({"data": plan}))
    refused = call(command, "dev", "--repair", "--yes", "--json")
    answer = json.loads(refused.out)
    assert (refused.code, answer["repaired"]) == (2, False)
    assert [loss["name"] for loss in answer["losses"]] == ["table-pages-dev"]
    assert "--lose-data table-pages-dev" in refused.err
    assert made.put_back == {"data": {"version": 3, "deployment": {"resources": STATE}}}
