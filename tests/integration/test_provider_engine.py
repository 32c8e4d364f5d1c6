"""The local provider plugin under the real engine: whole stacks, replacement, drift, secrets, import."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pulumi
import pulumi_aws as aws
import pytest
from pulumi import automation

from estate_tool.setup.engine import ensure_engine
from local_aws import provider
from tests.support.provider_cases import trust

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

HANDLER = "def handle(event, context):\n    return {!r}\n"
CHANGES = {"create", "update", "delete", "replace", "discard"}


class Program:
    """A small estate whose details a test can change between rollouts."""

    def __init__(self, suffix: str) -> None:
        self.suffix = suffix
        self.answer = "one"
        self.queue = f"queue-{suffix}"
        self.memory = 512
        self.secret = "hush-hush"
        self.more: Callable[[], object] = lambda: None

    def __call__(self) -> None:
        role = aws.iam.Role("role", name=f"role-{self.suffix}", assume_role_policy=trust("lambda.amazonaws.com"))
        queue = aws.sqs.Queue("queue", name=self.queue, visibility_timeout_seconds=180)
        unnamed = aws.sqs.Queue("unnamed")
        logs = aws.cloudwatch.LogGroup("logs", name=f"/aws/lambda/lambda-{self.suffix}", retention_in_days=14)
        function = aws.lambda_.Function(
            "function", name=f"lambda-{self.suffix}", role=role.arn, runtime="python3.11", handler="main.handle",
            code=pulumi.AssetArchive({"main.py": pulumi.StringAsset(HANDLER.format(self.answer))}), publish=True,
            memory_size=self.memory, environment={"variables": {"TOKEN": pulumi.Output.secret(self.secret)}},
            opts=pulumi.ResourceOptions(depends_on=[logs]),
        )  # fmt: skip
        alias = aws.lambda_.Alias("alias", name="live", function_name=function.name, function_version=function.version)
        aws.iam.RolePolicy("policy", name="send", role=role.name, policy=queue.arn.apply(_may_send))
        pulumi.export("alias", alias.arn)
        pulumi.export("version", alias.function_version)
        pulumi.export("unnamed", unnamed.name)
        pulumi.export("account", aws.get_caller_identity().account_id)
        self.more()


def _may_send(arn: str) -> str:
    statement = {"Effect": "Allow", "Action": ["sqs:SendMessage"], "Resource": [arn]}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


class Rollouts:
    """Runs a program with the engine."""

    def __init__(self, program: Program, folder: Path, environment: dict[str, str]) -> None:
        pulumi_home = folder / "pulumi"
        self.folder = folder
        self.begun = False
        self.environment = environment | {
            "PULUMI_HOME": str(pulumi_home), "PULUMI_BACKEND_URL": f"file://{folder}",
        }  # fmt: skip
        provider.install(pulumi_home, _python(environment))
        self.program = program
        self.stack = automation.create_or_select_stack(
            stack_name=program.suffix, project_name="engine", program=program,
            opts=automation.LocalWorkspaceOptions(env_vars=self.environment, work_dir=str(folder)),
        )  # fmt: skip
        self.stack.set_all_config({
            "aws:region": automation.ConfigValue("us-east-1"),
            "aws:allowedAccountIds": automation.ConfigValue('["123456789012"]'),
            "aws:defaultTags": automation.ConfigValue('{"tags": {"Owner": "tests"}}'),
        })  # fmt: skip

    def ready(self) -> None:
        """Roll out, unless that was done: each test but the last leaves the stack as the program declares it."""
        if not self.begun:
            self.up()

    def up(self) -> dict[str, int]:
        self.begun = True
        return _counts(self.stack.up(suppress_progress=True).summary.resource_changes)

    def preview(self) -> dict[str, int]:
        return _counts(self.stack.preview().change_summary)

    def refresh(self) -> dict[str, int]:
        return _counts(self.stack.refresh().summary.resource_changes)

    def state(self) -> list[dict[str, Any]]:
        deployment = self.stack.export_stack().deployment
        assert deployment is not None
        return list(deployment["resources"])


def _python(environment: dict[str, str]) -> Path:
    return Path(environment["PATH"].split(os.pathsep)[0]) / "python"


def _counts(changes: Any) -> dict[str, int]:
    return {str(getattr(kind, "value", kind)): count for kind, count in (changes or {}).items()}


@pytest.fixture(scope="module")
def rollouts(embedded_aws: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rollouts]:
    """One stack for all tests here, which they change in turn."""
    environment = dict(embedded_aws.environment)
    folders = [str(ensure_engine().folder)]
    environment["PATH"] = os.pathsep.join([environment["PATH"].split(os.pathsep)[0], *folders, environment["PATH"]])
    with pytest.MonkeyPatch.context() as patch:
        for name, value in environment.items():
            patch.setenv(name, value)  # the program runs in this process, and so does an attached provider
        running = Rollouts(Program("engine"), tmp_path_factory.mktemp("engine"), environment)
        try:
            yield running
        finally:
            running.stack.destroy(suppress_progress=True)


@pytest.fixture
def attached(rollouts: Rollouts) -> Iterator[None]:
    """The provider inside this process, as the tool has it, instead of a plugin started for each command."""
    running = provider.start()
    rollouts.stack.workspace.env_vars = rollouts.environment | {"PULUMI_DEBUG_PROVIDERS": f"aws:{running.port}"}
    yield
    rollouts.stack.workspace.env_vars = rollouts.environment
    running.stop()


def test_again_there_is_nothing_to_do(rollouts: Rollouts) -> None:
    rollouts.up()

    assert not CHANGES & rollouts.preview().keys()
    assert not CHANGES & rollouts.up().keys()
    assert not CHANGES & rollouts.refresh().keys()


@pytest.mark.usefixtures("attached")
def test_new_code_reaches_the_alias_and_a_renamed_queue_is_replaced_in_one_rollout(
    rollouts: Rollouts, embedded_aws: Any
) -> None:
    rollouts.ready()
    before = rollouts.stack.outputs()
    rollouts.program.answer = "two"
    old, rollouts.program.queue = rollouts.program.queue, f"{rollouts.program.queue}-b"

    # The function, its alias; the queue and the policy that names it.
    assert rollouts.preview()["update"] == 3
    changes = rollouts.up()

    assert (changes["update"], changes["replace"]) == (3, 1)
    after = rollouts.stack.outputs()
    assert int(after["version"].value) == int(before["version"].value) + 1
    assert after["unnamed"].value == before["unnamed"].value
    urls = embedded_aws.client("sqs").list_queues().get("QueueUrls", [])
    assert [url for url in urls if url.endswith(f"/{old}")] == []
    assert [url for url in urls if url.endswith(f"/{rollouts.program.queue}")]


@pytest.mark.usefixtures("attached")
def test_drift_and_a_deleted_resource_are_shown_and_repaired(rollouts: Rollouts, embedded_aws: Any) -> None:
    rollouts.ready()
    function = f"lambda-{rollouts.program.suffix}"
    embedded_aws.client("lambda").update_function_configuration(FunctionName=function, MemorySize=3008)
    embedded_aws.client("logs").delete_log_group(logGroupName=f"/aws/lambda/{function}")

    found = rollouts.refresh()
    repaired = rollouts.up()

    assert (found["update"], found["delete"], repaired["create"]) == (1, 1, 1)
    assert embedded_aws.client("lambda").get_function_configuration(FunctionName=function)["MemorySize"] == 512


@pytest.mark.usefixtures("attached")
def test_a_secret_is_a_secret_in_the_state(rollouts: Rollouts, embedded_aws: Any) -> None:
    rollouts.ready()

    stored = "".join(file.read_text() for file in rollouts.folder.glob(".pulumi/stacks/**/*.json"))
    assert '"aws:lambda/function:Function"' in stored
    assert rollouts.program.secret not in stored
    function = embedded_aws.client("lambda").get_function_configuration(
        FunctionName=f"lambda-{rollouts.program.suffix}"
    )
    assert function["Environment"]["Variables"]["TOKEN"] == rollouts.program.secret


@pytest.mark.usefixtures("attached")
def test_a_queue_that_exists_can_be_imported(rollouts: Rollouts, embedded_aws: Any) -> None:
    url = embedded_aws.client("sqs").create_queue(QueueName="queue-found", Attributes={"VisibilityTimeout": "77"})[
        "QueueUrl"
    ]
    rollouts.program.more = lambda: aws.sqs.Queue(
        "found", name="queue-found", visibility_timeout_seconds=77, opts=pulumi.ResourceOptions(import_=url)
    )

    rollouts.up()
    again = rollouts.preview()
    rollouts.program.more = lambda: None

    assert not CHANGES & again.keys()
    assert [resource["id"] for resource in rollouts.state() if resource["urn"].endswith("::found")] == [url]
