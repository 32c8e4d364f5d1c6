"""Questions of a teardown before it touches anything."""

from __future__ import annotations

import argparse
import contextlib
import io
from typing import TYPE_CHECKING, Any

import pytest

from estate_tool.commands import deploy, destroy, drift
from estate_tool.core import aws_errors, environment
from estate_tool.core.errors import EstateError, Failed, UsageError
from estate_tool.rollout import orchestration, session
from foundation.layers import LAYER_NAMES
from foundation.naming import Names
from tests.support.fake_engine import FakePulumi
from tests.unit.tool.conftest import stubbed_client

if TYPE_CHECKING:
    from pathlib import Path

    from tests.unit.tool.conftest import Estate


STATE = {
    "data": [("aws:dynamodb/table:Table", "table-pages-dev"), ("aws:sqs/queue:Queue", "queue-ingest-dev"),
             ("aws:sqs/queue:Queue", "dlq-ingest-dev")],
    "compute": [("aws:cloudwatch/logGroup:LogGroup", "/aws/lambda/lambda-ingest-dev")],
}  # fmt: skip


class Deployed(FakePulumi):
    """An engine whose state has what the environment of the tests has."""

    def deployment(self, layer: str) -> dict[str, Any]:
        kept = [{"urn": f"urn:{name}", "type": type_, "inputs": {"name": name}} for type_, name in STATE.get(layer, [])]
        return {"resources": kept}


@pytest.fixture
def touched(estate: Estate, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[str]:
    """The layers that a command went on to destroy or roll out; without an engine."""
    layers: list[str] = []

    def go(
        _pulumi: object, _states: object, chosen: tuple[str, ...], *_: object, preview: bool = False, **__: object
    ) -> orchestration.Outcome:
        layers.extend(() if preview else chosen)
        return orchestration.Outcome(environment="dev")

    monkeypatch.setenv("ESTATE_HOME", str(tmp_path))
    monkeypatch.setattr(session, "ready", lambda *_: contextlib.nullcontext(Deployed(deployed=LAYER_NAMES)))
    monkeypatch.setattr(session, "has_no_stack", lambda _: False)
    monkeypatch.setattr(orchestration, "destroy", go)
    monkeypatch.setattr(orchestration, "deploy", lambda *_, **__: layers.append("rolled out"))
    monkeypatch.setattr(orchestration, "refuse_while_read", lambda *_: None)
    monkeypatch.setattr(aws_errors, "require_running", lambda _: None)
    return layers


@pytest.fixture
def full(estate: Estate) -> Estate:
    """An environment with a message on its way and two items."""
    estate.client("sqs").send_message(QueueUrl=estate.queue_url("queue-ingest-dev"), MessageBody="m")
    for key in ("a", "b"):
        estate.client("dynamodb").put_item(TableName="table-pages-dev", Item={"page": {"S": key}})
    return estate


def run(command: Any, *arguments: str) -> int:
    parser = argparse.ArgumentParser()
    command.add_arguments(parser)
    return int(command.run(parser.parse_args(["dev", *arguments])))


def stdin(monkeypatch: pytest.MonkeyPatch, answer: str | None) -> None:
    """A person at a terminal who answers, or no terminal."""
    stream = io.StringIO(answer or "")
    stream.isatty = lambda: answer is not None  # type: ignore[method-assign]
    monkeypatch.setattr("sys.stdin", stream)


@pytest.mark.parametrize("arguments", [(), ("--layer", "data"), ("--force",)])
def test_data_goes_only_with_an_agreement(
    full: Estate, touched: list[str], monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...]
) -> None:
    stdin(monkeypatch, None)
    with pytest.raises(Failed) as refused:
        run(destroy, *arguments)
    assert "table-pages-dev holds 2 items, queue-ingest-dev holds 1 message;" in refused.value.message
    assert refused.value.code == "data_loss"
    assert "--yes" in refused.value.hint
    stdin(monkeypatch, "n\n")
    with pytest.raises(EstateError, match="not confirmed; nothing was changed"):
        run(destroy, *arguments)
    assert touched == []
    stdin(monkeypatch, "y\n")
    assert run(destroy, *arguments) == 0
    assert touched
    stdin(monkeypatch, None)
    assert run(destroy, *arguments, "--yes") == 0


@pytest.mark.parametrize(("flags", "layers"), [((), LAYER_NAMES), (("--layer", "data"), ("data",))])
def test_a_local_environment_goes_without_a_question_whole_or_by_layer(
    full: Estate,
    touched: list[str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    flags: tuple[str, ...],
    layers: tuple[str, ...],
) -> None:
    full.local = True
    stdin(monkeypatch, None)
    assert run(destroy, *flags) == 0
    assert touched == list(layers)
    assert "table-pages-dev: 2 items" in capsys.readouterr().err


@pytest.mark.parametrize(("command", "code"), [(destroy, 0), (drift, 1)])
def test_on_an_empty_machine_no_engine_is_built(
    empty_estate: Estate, call: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, command: Any, code: int
) -> None:
    monkeypatch.setenv("ESTATE_HOME", str(tmp_path))
    monkeypatch.setattr(session, "ready", lambda *_: pytest.fail("the engine was made ready"))
    empty_estate.local = True
    done = call(command, "local", "--json")
    assert (done.code, "nothing" in done.err) == (code, True)


@pytest.mark.parametrize("local", [True, False])
def test_failed_messages_go_with_their_layer_only_by_force(
    estate: Estate, touched: list[str], monkeypatch: pytest.MonkeyPatch, local: bool
) -> None:
    estate.local = local
    estate.client("sqs").send_message(QueueUrl=estate.queue_url("dlq-ingest-dev"), MessageBody="m")
    stdin(monkeypatch, None)
    with pytest.raises(Failed, match="dlq-ingest-dev holds 1 message; nothing was touched") as refused:
        run(destroy, "--layer", "data", "--yes")
    assert "--force" in refused.value.hint
    assert touched == []
    assert run(destroy, "--layer", "data", "--yes", "--force") == 0
    assert touched == ["data"]


@pytest.mark.parametrize("command", [deploy, destroy])
@pytest.mark.parametrize(
    ("accounts", "expected"),
    [
        (("111122223333", "444455556666"), "it belongs to 111122223333, 444455556666"),
        ((), "environment dev"),
    ],
)
def test_a_real_account_other_than_the_configured_one_is_not_touched(
    estate: Estate,
    touched: list[str],
    command: Any,
    accounts: tuple[str, ...],
    expected: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(environment, "known", lambda: ["dev"])
    estate.configuration.allowed_accounts = accounts
    with pytest.raises(UsageError) as refused:
        run(command, "--yes")
    assert expected in refused.value.message
    assert "123456789012" in refused.value.message
    assert "nothing was touched" in refused.value.message
    assert "environments/Pulumi.dev.yaml" in refused.value.hint
    assert touched == []


def test_what_goes_is_looked_up_under_its_deployed_name_whatever_is_configured_now(
    full: Estate, touched: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    full.names = Names("blue")
    stdin(monkeypatch, None)
    with pytest.raises(Failed, match="table-pages-dev holds 2 items"):
        run(destroy, "--layer", "data")
    assert touched == []


def test_what_aws_refuses_to_tell_counts_as_held(
    estate: Estate, touched: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    client, stub = stubbed_client("dynamodb")
    stub.add_client_error("scan", "AccessDeniedException", "no")
    stub.add_response("describe_table", {"Table": {"ItemCount": 0}})
    estate.clients["dynamodb"] = client
    stdin(monkeypatch, None)
    with pytest.raises(Failed, match="table-pages-dev holds an unknown number of items"):
        run(destroy, "--layer", "data")
    assert touched == []
