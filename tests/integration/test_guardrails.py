"""The guardrails under the real engine: through the tool, and on a bare `pulumi` with --policy-pack."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING, Any

import pulumi_aws as aws
import pytest

from estate_tool.core.paths import ROOT
from estate_tool.engine.cli import Pulumi
from estate_tool.engine.events import Changes
from estate_tool.setup.engine import ensure_engine
from foundation.naming import Tags
from local_aws import provider

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

PACK = ROOT / "foundation" / "guardrails" / "pack"
TAGS = Tags(project="estate", environment="local-guard", owner="tests", cost_center="none").of("data", "orders")
STACK = "local-guard"


def dead_letters(**changes: Any) -> Callable[[], None]:
    """A program with one queue that keeps every guardrail, but for the changes."""

    def program() -> None:
        arguments: dict[str, Any] = {
            "name": f"dlq-orders-{STACK}", "sqs_managed_sse_enabled": True, "max_message_size": 1_048_576, "tags": TAGS,
        }  # fmt: skip
        aws.sqs.Queue("orders", **arguments | changes)

    return program


def table_that_does_not_scale() -> None:
    """Breaks a rule that only the whole layer can break."""
    dead_letters()()
    aws.dynamodb.Table(
        "orders-table", name=f"table-orders-{STACK}", hash_key="id", billing_mode="PROVISIONED", read_capacity=1,
        write_capacity=1, attributes=[{"name": "id", "type": "S"}], tags=TAGS,
    )  # fmt: skip


@pytest.fixture
def variables(embedded_aws: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Variables of an engine with a state of its own."""
    environment = dict(embedded_aws.environment)
    engine = str(ensure_engine().folder)
    environment["PATH"] = os.pathsep.join([str(ROOT / ".venv" / "bin"), engine, environment["PATH"]])
    environment |= {"PULUMI_HOME": str(tmp_path / "pulumi"), "PULUMI_BACKEND_URL": f"file://{tmp_path}"}
    provider.install(tmp_path / "pulumi", ROOT / ".venv" / "bin" / "python")
    for key, value in environment.items():
        monkeypatch.setenv(key, value)
    return environment


@pytest.fixture
def roll_out(variables: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[], None]], Changes]:
    """Rolls a program out as the tool does, in place of the layer foundation's own."""
    import foundation.__main__ as layer

    pulumi = Pulumi(stack=STACK)
    pulumi.create_stack("foundation")

    def run(program: Callable[[], None]) -> Changes:
        monkeypatch.setattr(layer, "main", program)
        changes = Changes()
        diagnostic = pulumi.up("foundation", changes.take)
        assert bool(diagnostic) == bool(changes.errors), diagnostic
        return changes

    return run


def test_the_tool_stops_at_a_breach_with_the_rule_the_value_and_the_remedy(
    roll_out: Callable[[Callable[[], None]], Changes], embedded_aws: Any
) -> None:
    (error,) = roll_out(dead_letters(sqs_managed_sse_enabled=False)).errors
    assert "rule encryption: orders (aws:sqs/queue:Queue): found sqsManagedSseEnabled False" in error
    assert "To fix it: set sqs_managed_sse_enabled=True" in error
    assert not embedded_aws.client("sqs").list_queues(QueueNamePrefix=f"dlq-orders-{STACK}").get("QueueUrls")
    assert roll_out(dead_letters()).errors == []
    assert embedded_aws.client("sqs").list_queues(QueueNamePrefix=f"dlq-orders-{STACK}")["QueueUrls"]
    errors = roll_out(table_that_does_not_scale).errors
    assert len(errors) == 4
    assert all("rule table-scaling: orders-table" in error for error in errors)
    assert Pulumi(stack=STACK).destroy("foundation", lambda _: None) == ""
    Pulumi(stack=STACK).remove_stack("foundation")


def pulumi(folder: Path, variables: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    command = ["pulumi", *arguments, "--non-interactive", "--color=never"]
    return subprocess.run(command, cwd=folder, env=variables, capture_output=True, text=True, timeout=240, check=False)


PROGRAM = """
import pulumi_aws as aws
aws.cloudwatch.LogGroup("logs", name="/aws/lambda/lambda-orders-local-guard", retention_in_days={days}, tags={tags})
"""
KEY = "arn:aws:kms:us-east-1:123456789012:key/1234abcd"
TOPIC = """
import pulumi_aws as aws
aws.sns.Topic("alerts", name="topic-alerts-local-guard", kms_master_key_id={key!r}, tags={tags})
"""


def test_a_bare_pulumi_keeps_the_guardrails_with_the_pack(variables: dict[str, str], tmp_path: Path) -> None:
    folder = tmp_path / "orders"
    folder.mkdir()
    (folder / "Pulumi.yaml").write_text("name: orders\nruntime: python\nconfig:\n  aws:region:\n    value: us-east-1\n")
    # The name of a package that the pack itself needs, as layers have modules of such names.
    (folder / "packaging.py").write_text("")
    assert pulumi(folder, variables, "stack", "init", STACK).returncode == 0
    for days, code in ((0, 1), (14, 0)):
        (folder / "__main__.py").write_text(PROGRAM.format(days=days, tags=TAGS))
        done = pulumi(folder, variables, "preview", "--stack", STACK, f"--policy-pack={PACK}")
        assert done.returncode == code, done.stdout + done.stderr
        assert ("rule log-retention: logs (aws:cloudwatch/logGroup:LogGroup): found no retention" in done.stdout) == (
            days == 0
        )
    assert (
        pulumi(folder, variables, "config", "set", "observability:topicKeyArn", KEY, "--stack", STACK).returncode == 0
    )
    for key, code in ((None, 1), (KEY, 0)):
        (folder / "__main__.py").write_text(TOPIC.format(key=key, tags=TAGS))
        done = pulumi(folder, variables, "preview", "--stack", STACK, f"--policy-pack={PACK}")
        assert done.returncode == code, done.stdout + done.stderr
        assert ("rule topic-key: alerts (aws:sns/topic:Topic): found kmsMasterKeyId nothing" in done.stdout) == (
            not key
        )
