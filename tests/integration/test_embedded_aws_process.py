"""The embedded AWS as processes: its state outlives them, and none of them outlives what it belongs to."""

from __future__ import annotations

import json
import os
import re
import resource
import signal
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jmespath
import pytest

from estate_tool.core import embedded
from estate_tool.core.embedded import ports, record
from estate_tool.core.embedded.record import start_identity
from estate_tool.core.embedded.signature import Request, sign
from estate_tool.core.errors import Failed
from local_aws import server
from tests.integration.cloud import depth, items, make_function, make_queue, make_role, make_table, received, send
from tests.integration.commands import Commands
from tests.support.waiting import expect_soon

if TYPE_CHECKING:
    from tests.integration.conftest import EmbeddedAws

AS_READ = "dynamodb:table:ReadCapacityUnits"
POLL_QUEUE = ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"]
READ_STREAM = ["dynamodb:GetRecords", "dynamodb:GetShardIterator", "dynamodb:DescribeStream", "dynamodb:ListStreams"]
TAGS = {"Project": "estate", "Layer": "data"}
TAG_LIST = [{"Key": key, "Value": value} for key, value in TAGS.items()]

COUNT = """
import boto3, os
dynamodb = boto3.client("dynamodb")
def handle(event, context):
    for record in event["Records"]:
        key = record.get("body") or record["dynamodb"]["Keys"]["id"]["S"]
        dynamodb.update_item(TableName=os.environ["TABLE"], Key={"id": {"S": key}},
            UpdateExpression="ADD seen :one", ExpressionAttributeValues={":one": {"N": "1"}})
"""


def processes(aws: EmbeddedAws) -> dict[int, str]:
    """All living processes of this embedded AWS: its group's, or with its folder in their command."""
    found = record.read(aws.paths.folder)
    command = ["ps", "-A", "-ww", "-o", "pid=,pgid=,stat=,args="]
    listing = subprocess.run(command, capture_output=True, text=True, check=True)
    living = {}
    for line in listing.stdout.splitlines():
        pid, group, state, *arguments = line.split(None, 3)
        ours = (found is not None and int(group) == found.pid) or str(aws.paths.home) in "".join(arguments)
        if ours and not state.startswith("Z"):
            living[int(pid)] = "".join(arguments)
    return living


def emulator(aws: EmbeddedAws) -> int:
    found = record.read(aws.paths.folder)
    assert found is not None
    return found.pid


def saved(aws: EmbeddedAws) -> None:
    """Wait until all that was done so far is on the disk."""
    asked = time.time()
    marker = aws.client("sqs").create_queue(QueueName="saved-marker")["QueueUrl"]

    def is_saved() -> bool:
        status = ports.ask(aws.paths.port, aws.administrator)
        return bool(status and status["saved_at"] and status["saved_at"] > asked + 0.3)

    def touch_and_look() -> bool:
        aws.client("sqs").tag_queue(QueueUrl=marker, Tags={"t": "t"})
        return is_saved()

    expect_soon(touch_and_look, "the state is saved")


def quiet(aws: EmbeddedAws, seconds: float) -> bool:
    """True if the state on the disk is that old."""
    return time.time() - (aws.paths.folder / "state.json").stat().st_mtime > seconds


CHANGING = re.compile("ResponseMetadata|LastProcessingResult|storedBytes|State[A-Z].+")


def without_changes(answer: Any) -> Any:
    """Remove the fields that change by themselves: results, sizes, alarms' states."""
    if isinstance(answer, dict):
        return {key: without_changes(value) for key, value in answer.items() if not CHANGING.fullmatch(key)}
    return [without_changes(one) for one in answer] if isinstance(answer, list) else answer


class Everything:
    """One of each kind of resource of the estate, and what the APIs say about them."""

    def __init__(self, aws: EmbeddedAws) -> None:
        self.aws = aws
        self.source, _, self.stream = make_table(aws, stream=True)
        self.seen, seen_arn, _ = make_table(aws)
        self.url, self.queue = make_queue(aws)
        self.waiting_url, self.waiting = make_queue(aws)
        self.role = make_role(
            aws, (POLL_QUEUE, [self.queue]), (READ_STREAM, [self.stream]), (["dynamodb:UpdateItem"], [seen_arn]),
            (["logs:CreateLogStream", "logs:PutLogEvents"], ["*"]),
        )  # fmt: skip
        self.function = make_function(
            aws, self.role, COUNT, Environment={"Variables": {"TABLE": self.seen}}, Tags=TAGS,
            DeadLetterConfig={"TargetArn": self.waiting},
        )  # fmt: skip
        self._make_the_rest()

    def _make_the_rest(self) -> None:
        client, name = self.aws.client, self.function
        live = f"{name}:live"
        client("logs").create_log_group(logGroupName=f"/aws/lambda/{name}", tags=TAGS)
        client("logs").put_retention_policy(logGroupName=f"/aws/lambda/{name}", retentionInDays=14)
        functions = client("lambda")
        functions.put_provisioned_concurrency_config(
            FunctionName=name, Qualifier="live", ProvisionedConcurrentExecutions=1
        )
        functions.put_function_event_invoke_config(FunctionName=name, Qualifier="live", MaximumRetryAttempts=1)
        functions.create_event_source_mapping(FunctionName=live, EventSourceArn=self.queue, Tags=TAGS)
        functions.create_event_source_mapping(
            FunctionName=live, EventSourceArn=self.stream, StartingPosition="TRIM_HORIZON"
        )
        topic = client("sns").create_topic(Name=f"topic-{name}", Tags=TAG_LIST)["TopicArn"]
        client("sns").subscribe(TopicArn=topic, Protocol="sqs", Endpoint=self.waiting)
        client("cloudwatch").put_metric_alarm(
            AlarmName=f"alarm-{name}", Namespace="AWS/Lambda", MetricName="Errors", Statistic="Sum", Period=60,
            EvaluationPeriods=1, Threshold=1, ComparisonOperator="GreaterThanThreshold", AlarmActions=[topic],
            Dimensions=[{"Name": "FunctionName", "Value": name}], Tags=TAG_LIST,
        )  # fmt: skip
        client("cloudwatch").put_composite_alarm(AlarmName=f"composite-{name}", AlarmRule=f'ALARM("alarm-{name}")')
        body = {"widgets": [{"type": "text", "x": 0, "y": 0, "width": 6, "height": 6, "properties": {"markdown": "x"}}]}
        client("cloudwatch").put_dashboard(DashboardName=f"dashboard-{name}", DashboardBody=json.dumps(body))
        client("logs").put_query_definition(name=f"query-{name}", queryString="fields @message")
        client("dynamodb").update_time_to_live(
            TableName=self.seen, TimeToLiveSpecification={"Enabled": True, "AttributeName": "expires_at"}
        )
        client("dynamodb").update_continuous_backups(
            TableName=self.seen, PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": True}
        )
        self._scale()

    def _scale(self) -> None:
        scaling = self.aws.client("application-autoscaling")
        target = {
            "ServiceNamespace": "dynamodb", "ResourceId": f"table/{self.seen}",
            "ScalableDimension": "dynamodb:table:ReadCapacityUnits",
        }  # fmt: skip
        scaling.register_scalable_target(**target, MinCapacity=1, MaxCapacity=9, Tags=TAGS)
        metric = {"PredefinedMetricType": "DynamoDBReadCapacityUtilization"}
        scaling.put_scaling_policy(
            **target, PolicyName="policy", PolicyType="TargetTrackingScaling",
            TargetTrackingScalingPolicyConfiguration={"TargetValue": 70, "PredefinedMetricSpecification": metric},
        )  # fmt: skip
        scaling.put_scheduled_action(
            **target, ScheduledActionName="action", Schedule="cron(0 8 * * ? *)",
            ScalableTargetAction={"MinCapacity": 2, "MaxCapacity": 9},
        )  # fmt: skip

    def snapshot(self) -> list[Any]:
        """Describe all of it by the APIs, without what changes by itself."""
        client = self.aws.client
        found = [
            jmespath.search(path, getattr(client(service), operation)(**parameters))
            for service, operation, parameters, path in self._views()
        ]
        functions, scaling = client("lambda"), client("application-autoscaling")
        mappings, targets = found[-2:]
        tags = [functions.list_tags(Resource=one["EventSourceMappingArn"])["Tags"] for one in mappings]
        tags += [scaling.list_tags_for_resource(ResourceARN=one["ScalableTargetARN"])["Tags"] for one in targets]
        return [*without_changes(found), *tags]

    def _views(self) -> list[tuple[str, str, dict[str, Any], str]]:
        """Return service, operation, parameters and JMESPath of each description."""
        name, role, live = {"FunctionName": self.function}, {"RoleName": self.role.rpartition("/")[2]}, "live"
        seen, group = {"TableName": self.seen}, f"/aws/lambda/{self.function}"
        queue = {"QueueUrl": self.waiting_url, "AttributeNames": ["All"]}
        scaled, scaling = {"ServiceNamespace": "dynamodb"}, "application-autoscaling"
        return [
            ("dynamodb", "describe_table", {"TableName": self.source}, "Table"),
            ("dynamodb", "describe_time_to_live", seen, "TimeToLiveDescription"),
            ("dynamodb", "describe_continuous_backups", seen, "*.*.PointInTimeRecoveryStatus"),
            ("sqs", "get_queue_attributes", queue, "Attributes"),
            ("iam", "get_role", role, "Role"),
            ("iam", "get_role_policy", role | {"PolicyName": "allowed"}, "PolicyDocument"),
            ("lambda", "get_function", name, "[Configuration, Tags]"),
            ("lambda", "list_versions_by_function", name, "Versions"),
            ("lambda", "list_aliases", name, "Aliases"),
            ("lambda", "get_provisioned_concurrency_config", name | {"Qualifier": live}, "@"),
            ("lambda", "get_function_event_invoke_config", name | {"Qualifier": live}, "@"),
            ("logs", "describe_log_groups", {"logGroupNamePrefix": group}, "logGroups"),
            ("logs", "list_tags_log_group", {"logGroupName": group}, "tags"),
            ("logs", "describe_query_definitions", {}, "queryDefinitions"),
            ("cloudwatch", "describe_alarms", {"AlarmTypes": ["MetricAlarm"]}, "MetricAlarms"),
            ("cloudwatch", "describe_alarms", {"AlarmTypes": ["CompositeAlarm"]}, "CompositeAlarms"),
            ("cloudwatch", "get_dashboard", {"DashboardName": f"dashboard-{self.function}"}, "DashboardBody"),
            ("sns", "list_subscriptions", {}, "Subscriptions"),
            (scaling, "describe_scaling_policies", scaled, "ScalingPolicies"),
            (scaling, "describe_scheduled_actions", scaled, "ScheduledActions"),
            ("lambda", "list_event_source_mappings", name, "EventSourceMappings"),
            (scaling, "describe_scalable_targets", scaled, "ScalableTargets"),
        ]

    def use(self) -> None:
        """Let both mappings process something, and leave a message that is never received."""
        send(self.aws, self.url, ["from the queue"])
        self.aws.client("dynamodb").put_item(TableName=self.source, Item={"id": {"S": "from the stream"}})
        send(self.aws, self.waiting_url, ["waiting"])
        wanted = {"from the queue", "from the stream"}
        expect_soon(lambda: set(items(self.aws, self.seen)) == wanted, "both mappings processed their record")
        expect_soon(lambda: depth(self.aws, self.url) == (0, 0), "the queue's message is deleted")

    def counts(self) -> dict[str, int]:
        return {name: int(item["seen"]["N"]) for name, item in items(self.aws, self.seen).items()}


def test_everything_is_as_before_after_a_restart(own_aws: EmbeddedAws) -> None:
    everything = Everything(own_aws)
    everything.use()
    before = everything.snapshot()

    own_aws.down()
    own_aws.up()

    assert everything.snapshot() == before
    (message,) = received(own_aws, everything.waiting_url)
    assert message["Body"] == "waiting"
    send(own_aws, everything.url, ["after"])
    own_aws.client("dynamodb").put_item(TableName=everything.source, Item={"id": {"S": "after in the stream"}})
    wanted = {"from the queue": 1, "from the stream": 1, "after": 1, "after in the stream": 1}
    expect_soon(lambda: everything.counts() == wanted, "both mappings went on where they were, nothing twice")


def test_a_killed_process_takes_the_others_along_and_the_state_stays(own_aws: EmbeddedAws) -> None:
    everything = Everything(own_aws)
    everything.use()
    before = everything.snapshot()
    saved(own_aws)
    expect_soon(lambda: quiet(own_aws, 2.0), "nothing is written while nothing happens, with two mappings waiting")

    os.kill(emulator(own_aws), signal.SIGKILL)

    expect_soon(lambda: not processes(own_aws), f"no process is left ({processes(own_aws)})")
    assert not embedded.status(own_aws.paths).running
    assert embedded.status(own_aws.paths).problem
    own_aws.up()
    assert everything.snapshot() == before
    assert everything.counts() == {"from the queue": 1, "from the stream": 1}


def test_down_leaves_nothing_running_and_up_twice_is_once(own_aws: EmbeddedAws) -> None:
    pid = emulator(own_aws)
    own_aws.up()
    assert emulator(own_aws) == pid
    assert os.getsid(pid) == os.getpgid(pid) == pid

    assert own_aws.down() is True

    assert not processes(own_aws)
    assert own_aws.down() is False
    assert embedded.status(own_aws.paths).problem == ""


@pytest.mark.parametrize("killed", [False, True])
def test_processes_left_by_a_function_end_with_the_embedded_aws(own_aws: EmbeddedAws, killed: bool) -> None:
    code = "import os, subprocess\ndef handle(e, c): return [os.getpid(), subprocess.Popen(['sleep', '300']).pid]"
    name = make_function(own_aws, make_role(own_aws), code)
    worker, left = json.load(own_aws.client("lambda").invoke(FunctionName=name)["Payload"])
    # No process of a function is there to notice the end.
    os.kill(worker, signal.SIGKILL)
    expect_soon(lambda: not start_identity(worker), "the function's process has ended")
    assert start_identity(left)

    if killed:
        os.kill(emulator(own_aws), signal.SIGKILL)
    else:
        own_aws.down()

    expect_soon(lambda: not start_identity(left) and not processes(own_aws), "no process is left")


@pytest.mark.skipif(not hasattr(resource, "prlimit"), reason="limits of other processes are set on Linux only")
def test_a_state_that_could_not_be_saved_is_reported_by_down_without_the_disk(own_aws: EmbeddedAws) -> None:
    make_queue(own_aws)
    saved(own_aws)
    before = embedded.status(own_aws.paths).resources["queues"]
    # As on a full disk: not a byte can be written, neither a state nor a log nor a note.
    resource.prlimit(emulator(own_aws), resource.RLIMIT_FSIZE, (0, resource.RLIM_INFINITY))
    make_queue(own_aws)
    run = Commands.on(own_aws)

    stopped = run("scripts/estate", "local", "down", code=1)

    assert "could not be saved" in stopped.stderr
    assert "state is kept" not in stopped.stdout
    assert not processes(own_aws)
    own_aws.up()
    assert embedded.status(own_aws.paths).resources["queues"] == before


def test_two_that_start_at_once_start_one(own_aws: EmbeddedAws) -> None:
    own_aws.down()
    code = (
        "import sys; from pathlib import Path; from estate_tool.core import embedded; from local_aws import server\n"
        "server.up(embedded.LocalAwsPaths(Path(sys.argv[1]), int(sys.argv[2])), print, lambda: Path(sys.argv[3]))"
    )
    scripts = str(Path(server.__file__).parents[2])
    command = [sys.executable, "-c", code, str(own_aws.paths.home), str(own_aws.paths.port), str(own_aws.python)]
    both = [subprocess.Popen(command, env={**os.environ, "PYTHONPATH": scripts}) for _ in range(2)]

    assert [process.wait(60) for process in both] == [0, 0]
    assert sum("-m local_aws.server" in command for command in processes(own_aws).values()) == 1


def test_reset_forgets_everything_and_pulumis_state(own_aws: EmbeddedAws) -> None:
    make_queue(own_aws)
    backend = own_aws.paths.home / "state" / ".pulumi"
    backend.mkdir(parents=True)

    identity, administrator = embedded.status(own_aws.paths).identity, own_aws.administrator

    server.reset(own_aws.paths, print)

    assert not backend.exists()
    assert not processes(own_aws)
    own_aws.up()
    assert not own_aws.client("sqs").list_queues().get("QueueUrls")
    assert embedded.status(own_aws.paths).identity not in ("", identity)
    assert own_aws.administrator == administrator, "shells that know the credentials may go on"


def test_a_reset_of_the_running_one_forgets_everything_and_is_another_aws(own_aws: EmbeddedAws) -> None:
    make_queue(own_aws)
    target = {"ServiceNamespace": "dynamodb", "ResourceId": "table/t", "ScalableDimension": AS_READ}
    scaling = own_aws.client("application-autoscaling")
    scaling.register_scalable_target(**target, MinCapacity=1, MaxCapacity=2)
    identity = embedded.status(own_aws.paths).identity
    request = Request("POST", "/_ministack/reset", "", [("host", f"127.0.0.1:{own_aws.paths.port}")])
    headers = dict(request.headers) | sign(own_aws.administrator, request, "us-east-1", "estate")

    asked = urllib.request.Request(own_aws.endpoint + request.path, b"", headers, method="POST")
    urllib.request.urlopen(asked, timeout=20).close()

    assert embedded.status(own_aws.paths).identity not in ("", identity)
    assert not own_aws.client("sqs").list_queues().get("QueueUrls")
    assert not scaling.describe_scalable_targets(ServiceNamespace="dynamodb")["ScalableTargets"]


def test_a_state_that_cannot_be_read_is_said_and_not_overwritten(own_aws: EmbeddedAws) -> None:
    own_aws.down()
    state = own_aws.paths.folder / "state.json"
    state.write_bytes(b"damaged")

    with pytest.raises(Failed, match="The saved state can't be used"):
        own_aws.up()

    assert state.read_bytes() == b"damaged"
    state.unlink()
