"""Status of layers, read from the state of each stack."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from estate_tool.commands import status
from estate_tool.core.errors import Failed
from estate_tool.drift import record
from estate_tool.drift.detect import Drift
from estate_tool.engine import locks
from estate_tool.engine.checkpoint import Record, StackState
from estate_tool.engine.provenance import Provenance
from estate_tool.rollout import health, session
from estate_tool.setup import engine
from foundation.layers import LAYER_NAMES
from tests.unit.tool.conftest import stubbed_client

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.unit.tool.conftest import Estate


class Engine:
    """Foundation is deployed, data has a stack with nothing in it, the others have none."""

    def former(self) -> dict[str, str]:
        return {}

    def states(self) -> dict[str, StackState]:
        origin = Provenance(commit="abcdef0123456789", when="2026-11-27T01:02:03Z", who="ann@here", tool="1.2.3")
        found = StackState(deployment=self.deployment(), record=Record(origin=origin))
        return {"foundation": found, "data": StackState(deployment={})}

    def deployment(self) -> dict[str, Any]:
        outputs = {"suffix": "dev", "roles": {"query": "arn:q", "ingest": "arn:i"}}
        stack = {"type": "pulumi:pulumi:Stack", "outputs": outputs}
        return {"resources": [stack, {"type": "aws:iam/role:Role"}, {"type": "estate:foundation:Roles"}]}


def test_each_layer_is_reported_with_its_resources_and_outputs(
    empty_estate: Any, call: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session, "reader", lambda _: Engine())
    layers = json.loads(call(status, "dev", "--json").out)["layers"]
    assert [(layer["layer"], layer["deployed"], layer["resources"]) for layer in layers] == [
        ("foundation", True, 1), ("data", False, 0), ("compute", False, 0), ("observability", False, 0)
    ]  # fmt: skip
    assert layers[0]["outputs"]["roles"]["query"] == "arn:q"
    assert layers[0]["rolled_out"]["commit"] == "abcdef0123456789"
    assert layers[1]["rolled_out"] is None
    shown = call(status, "dev", "--outputs").out
    assert all(part in shown for part in ("abcdef012345", "ann@here", "2026-11-27T01:02:03Z", "roles.ingest = arn:i"))
    assert "roles.ingest" not in call(status, "dev").out


def test_the_holder_of_the_environment_is_reported(
    empty_estate: Any, call: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    held = StackState(deployment={}, lease="1 n h 2026-11-27T01:02:03Z 42 ann@here estate destroy")
    monkeypatch.setattr(session, "reader", lambda _: SimpleNamespace(former=dict, states=lambda: {"foundation": held}))
    answer = json.loads(call(status, "dev", "--json").out)["held_by"]
    assert (answer["who"], answer["doing"], answer["since"]) == ("ann@here", "estate destroy", "2026-11-27T01:02:03Z")
    assert "taken by ann@here (estate destroy, process 42) since 2026-11-27T01:02:03Z" in call(status, "dev").out
    monkeypatch.setattr(session, "reader", lambda _: Engine())
    assert json.loads(call(status, "dev", "--json").out)["held_by"] is None


def test_a_topic_without_a_subscriber_is_named(
    empty_estate: Any, call: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    def topic(severity: str) -> dict[str, Any]:
        return {"type": "aws:sns/topic:Topic", "outputs": {"name": f"topic-{severity}-dev", "arn": severity}}

    subscription = {"type": "aws:sns/topicSubscription:TopicSubscription", "inputs": {"topic": "page"}}
    found = {"resources": [topic("page"), topic("ticket"), subscription]}
    engine = SimpleNamespace(former=dict, states=lambda: {"observability": StackState(deployment=found)})
    monkeypatch.setattr(session, "reader", lambda _: engine)
    answer = json.loads(call(status, "dev", "--json").out)
    assert answer["topics_without_subscriber"] == ["topic-ticket-dev"]
    assert not any("unheard" in layer for layer in answer["layers"])
    assert "topic-ticket-dev" in call(status, "dev").out


def test_where_nothing_was_ever_deployed_no_engine_is_asked(
    empty_estate: Any, call: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session, "reader", lambda _: None)
    done = call(status, "dev", "--json")
    assert done.code == 0
    assert {layer["layer"]: layer["deployed"] for layer in json.loads(done.out)["layers"]} == dict.fromkeys(
        LAYER_NAMES, False
    )


@pytest.mark.parametrize(("local", "found", "state"), [(True, True, False), (True, False, True)])
def test_a_local_environment_is_read_only_where_there_is_an_engine_and_a_state(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, local: bool, found: bool, state: bool
) -> None:
    monkeypatch.setenv("ESTATE_HOME", str(tmp_path))
    if state:
        (tmp_path / "state").mkdir()
    monkeypatch.setattr(engine, "find_engine", lambda: SimpleNamespace(folder="") if found else None)
    assert session.reader(SimpleNamespace(local=local, name="local")) is None  # type: ignore[arg-type]


def test_to_read_the_state_the_engine_is_put_on_the_path_and_broken_locks_are_fixed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    fixed: list[Path] = []
    monkeypatch.setenv("PATH", "/before")
    monkeypatch.setattr(engine, "find_engine", lambda: SimpleNamespace(folder=tmp_path))
    monkeypatch.setattr(locks, "state_folder", lambda _: tmp_path)
    monkeypatch.setattr(locks, "fix", fixed.append)
    reader = session.reader(SimpleNamespace(local=False, name="dev"))  # type: ignore[arg-type]
    assert reader is not None
    assert reader.stack == "dev"
    assert session.os.environ["PATH"] == f"{tmp_path}:/before"
    assert fixed == [tmp_path]


def test_without_an_engine_an_account_can_not_be_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "find_engine", lambda: None)
    with pytest.raises(Failed, match="no Pulumi engine"):
        session.reader(SimpleNamespace(local=False, name="dev"))  # type: ignore[arg-type]


def test_only_the_embedded_aws_has_an_identity_of_its_own() -> None:
    assert session.aws_identity(SimpleNamespace(local=False, name="dev")) == ""  # type: ignore[arg-type]


class Provisioned:
    """Lambda with one provisioned alias, ready or not."""

    class exceptions:  # noqa: N801 – as boto3 has it
        ClientError = ClientError

    def __init__(self, status: str | None) -> None:
        self.status = status

    def get_provisioned_concurrency_config(self, **asked: str) -> dict[str, Any]:
        assert asked == {"FunctionName": "lambda-query-dev", "Qualifier": "live"}
        if self.status is None:
            raise ClientError({"Error": {"Code": "ProvisionedConcurrencyConfigNotFoundException"}}, "Get")
        return {"RequestedProvisionedConcurrentExecutions": 2, "Status": self.status}


FUNCTION = "arn:aws:lambda:us-east-1:1:function:a:live"
STREAM = "arn:aws:dynamodb:us-east-1:1:table/table-events-dev/stream/2026"
RESOURCES = [
    {"type": health.QUEUE, "id": "https://sqs/1/queue-ingest-dev", "inputs": {"name": "queue-ingest-dev"}},
    {"type": health.QUEUE, "id": "https://sqs/1/dlq-ingest-dev"},
    {"type": health.QUEUE, "id": "https://sqs/1/gone-dev"},
    *({"type": health.ALARMS[0], "id": f"alarm-{name}-dev"} for name in ("fine", "ringing", "quiet", "gone")),
    {"type": health.MAPPING, "inputs": {"functionName": FUNCTION, "eventSourceArn": STREAM}},
    {"type": health.MAPPING, "inputs": {"functionName": "b", "eventSourceArn": "arn:aws:sqs:us-east-1:1:queue"}},
    {"type": health.PROVISIONED, "inputs": {"functionName": "lambda-query-dev", "qualifier": "live"}},
]  # fmt: skip


@pytest.fixture
def unwell(estate: Estate) -> Estate:
    """An environment with an alarm in ALARM, a failed message, and metrics."""
    sqs, cloudwatch = estate.client("sqs"), estate.client("cloudwatch")
    sqs.send_message(QueueUrl=estate.queue_url("dlq-ingest-dev"), MessageBody="m")
    for name, state in (("fine", "OK"), ("ringing", "ALARM"), ("quiet", "INSUFFICIENT_DATA")):
        cloudwatch.put_metric_alarm(
            AlarmName=f"alarm-{name}-dev", MetricName="m", Namespace="n", Statistic="Sum", Period=60,
            EvaluationPeriods=1, Threshold=1, ComparisonOperator="GreaterThanThreshold",
        )  # fmt: skip
        cloudwatch.set_alarm_state(AlarmName=f"alarm-{name}-dev", StateValue=state, StateReason="because")
    for namespace, metric, key, name, value in (
        ("AWS/SQS", "ApproximateAgeOfOldestMessage", "QueueName", "dlq-ingest-dev", 90.0),
        ("AWS/Lambda", "IteratorAge", "FunctionName", "a", 2500.0),
    ):
        datum = {"MetricName": metric, "Dimensions": [{"Name": key, "Value": name}], "Value": value,
                 "Timestamp": datetime.now(UTC) - timedelta(minutes=2)}  # fmt: skip
        cloudwatch.put_metric_data(Namespace=namespace, MetricData=[datum])
    estate.clients["lambda"] = Provisioned("READY")
    return estate


def test_health_is_read_by_what_the_state_names(unwell: Estate) -> None:
    found = health.read(unwell.client, RESOURCES)
    alarms = found["alarms"]
    assert (alarms["total"], alarms["missing"]) == (4, ["alarm-gone-dev"])
    assert [(one["alarm"], one["state"], one["reason"]) for one in alarms["not_ok"]] == [
        ("alarm-ringing-dev", "ALARM", "because"), ("alarm-quiet-dev", "INSUFFICIENT_DATA", "because"),
    ]  # fmt: skip
    assert found["queues"] == [
        {"queue": "dlq-ingest-dev", "messages": 1, "dead_letters": True, "oldest_seconds": 90.0},
        {"queue": "gone-dev", "messages": None, "dead_letters": False, "oldest_seconds": None},
        {"queue": "queue-ingest-dev", "messages": 0, "dead_letters": False, "oldest_seconds": 0},
    ]
    assert found["streams"] == [{"function": "a", "table": "table-events-dev", "lag_seconds": 2.5}]
    assert found["provisioned_concurrency"] == [
        {
            "function": "lambda-query-dev",
            "alias": "live",
            "requested": 2,
            "allocated": 0,
            "status": "READY",
            "used": None,
        }
    ]
    assert health.problems(found) == [
        "alarm-ringing-dev is in ALARM", "alarm-gone-dev is deployed and not in AWS", "dlq-ingest-dev holds 1 failed",
        "gone-dev is deployed and not in AWS",
    ]  # fmt: skip


@pytest.mark.parametrize(("state", "shown"), [("FAILED", "FAILED"), (None, "MISSING"), ("READY", None)])
def test_provisioned_concurrency_that_is_not_there_is_a_problem(
    estate: Estate, state: str | None, shown: str | None
) -> None:
    estate.clients["lambda"] = Provisioned(state)
    found = health.read(estate.client, RESOURCES[-1:])
    assert health.problems(found) == ([f"provisioned concurrency of lambda-query-dev is {shown}"] if shown else [])


def test_a_part_that_may_not_be_read_is_named_and_the_rest_is_shown(
    unwell: Estate, monkeypatch: pytest.MonkeyPatch
) -> None:
    client, stub = stubbed_client("cloudwatch")
    stub.add_client_error("describe_alarms", "AccessDenied", "no")
    monkeypatch.setattr(unwell.client("cloudwatch"), "describe_alarms", client.describe_alarms)
    found = health.read(unwell.client, RESOURCES)
    assert (found["alarms"], list(found["unknown"]), len(found["queues"])) == (None, ["alarms"], 3)
    assert "alarms can't be read" in health.problems(found)[0]


def test_without_metrics_depths_are_known_and_ages_are_not(unwell: Estate, monkeypatch: pytest.MonkeyPatch) -> None:
    client, stub = stubbed_client("cloudwatch")
    for _ in range(3):
        stub.add_client_error("get_metric_data", "AccessDenied", "no")
    monkeypatch.setattr(unwell.client("cloudwatch"), "get_paginator", client.get_paginator)
    found = health.read(unwell.client, RESOURCES)
    assert list(found["unknown"]) == ["metrics"]
    assert (found["queues"][0]["messages"], found["queues"][0]["oldest_seconds"]) == (1, None)
    assert found["streams"][0]["lag_seconds"] is None


def test_the_status_sums_up_and_is_shown_again_while_it_is_watched(
    unwell: Estate, call: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("ESTATE_HOME", str(tmp_path))
    record.keep("dev", LAYER_NAMES, [Drift(layer="data", urn="u", path="p", expected=1, actual=2, kind="cost")])
    states = {layer: StackState(deployment={"resources": RESOURCES[:1]}) for layer in LAYER_NAMES}
    states["data"] = StackState(deployment={"resources": RESOURCES[1:]})
    monkeypatch.setattr(session, "reader", lambda _: SimpleNamespace(former=dict, states=lambda: states))
    answer = json.loads(call(status, "dev", "--json").out)
    assert (answer["well"], len(answer["problems"])) == (False, 5)
    assert (answer["drift"]["differences"], answer["drift"]["unexpected"]) == (1, 1)
    assert answer["links"]["dashboard"].endswith("#dashboards/dashboard/dashboard-estate-dev")
    pauses = iter([None, KeyboardInterrupt()])

    def sleep(_seconds: float) -> None:
        if (error := next(pauses)) is not None:
            raise error

    monkeypatch.setattr(status.time, "sleep", sleep)
    with pytest.raises(KeyboardInterrupt):
        call(status, "dev", "--watch", "2")
