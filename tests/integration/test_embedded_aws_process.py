"""The embedded AWS as processes: its state outlives them, and none of them outlives what it belongs to."""

from __future__ import annotations

import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

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


def without(fields: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if name not in names}


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

    def snapshot(self) -> dict[str, Any]:
        """Describe all of it by the APIs, without what changes by itself."""
        return {**self._data(), **self._functions(), **self._watching(), **self._scaling()}

    def _data(self) -> dict[str, Any]:
        client, role = self.aws.client, self.role.rpartition("/")[2]
        queue = client("sqs").get_queue_attributes(QueueUrl=self.waiting_url, AttributeNames=["All"])
        return {
            "table": client("dynamodb").describe_table(TableName=self.source)["Table"],
            "ttl": client("dynamodb").describe_time_to_live(TableName=self.seen)["TimeToLiveDescription"],
            "backups": self._backups(),
            "queue": queue["Attributes"],
            "role": client("iam").get_role(RoleName=role)["Role"],
            "policy": client("iam").get_role_policy(RoleName=role, PolicyName="allowed")["PolicyDocument"],
        }

    def _functions(self) -> dict[str, Any]:
        functions, name = self.aws.client("lambda"), self.function
        function = functions.get_function(FunctionName=name)
        mappings = functions.list_event_source_mappings(FunctionName=name)["EventSourceMappings"]
        provisioned = functions.get_provisioned_concurrency_config(FunctionName=name, Qualifier="live")
        invoking = functions.get_function_event_invoke_config(FunctionName=name, Qualifier="live")
        return {
            "function": function["Configuration"],
            "function tags": function["Tags"],
            "versions": functions.list_versions_by_function(FunctionName=name)["Versions"],
            "aliases": functions.list_aliases(FunctionName=name)["Aliases"],
            "provisioned": without(provisioned, "ResponseMetadata"),
            "invoke config": without(invoking, "ResponseMetadata"),
            "mappings": [without(mapping, "LastProcessingResult") for mapping in mappings],
            "mapping tags": [functions.list_tags(Resource=m["EventSourceMappingArn"])["Tags"] for m in mappings],
        }

    def _watching(self) -> dict[str, Any]:
        logs, cloudwatch, name = self.aws.client("logs"), self.aws.client("cloudwatch"), self.function
        groups = logs.describe_log_groups(logGroupNamePrefix=f"/aws/lambda/{name}")["logGroups"]
        alarms = cloudwatch.describe_alarms(AlarmTypes=["MetricAlarm", "CompositeAlarm"])
        return {
            "groups": [without(group, "storedBytes") for group in groups],
            "group tags": logs.list_tags_log_group(logGroupName=f"/aws/lambda/{name}")["tags"],
            "queries": logs.describe_query_definitions()["queryDefinitions"],
            # Their states change with each evaluation.
            "alarms": [
                {key: value for key, value in alarm.items() if not key.startswith("State")}
                for alarm in alarms["MetricAlarms"] + alarms["CompositeAlarms"]
            ],
            "dashboard": cloudwatch.get_dashboard(DashboardName=f"dashboard-{name}")["DashboardBody"],
            "subscriptions": self.aws.client("sns").list_subscriptions()["Subscriptions"],
        }

    def _scaling(self) -> dict[str, Any]:
        scaling = self.aws.client("application-autoscaling")
        targets = scaling.describe_scalable_targets(ServiceNamespace="dynamodb")["ScalableTargets"]
        arns = [target["ScalableTargetARN"] for target in targets]
        return {
            "targets": targets,
            "target tags": [scaling.list_tags_for_resource(ResourceARN=arn)["Tags"] for arn in arns],
            "policies": scaling.describe_scaling_policies(ServiceNamespace="dynamodb")["ScalingPolicies"],
            "actions": scaling.describe_scheduled_actions(ServiceNamespace="dynamodb")["ScheduledActions"],
        }

    def _backups(self) -> str:
        found = self.aws.client("dynamodb").describe_continuous_backups(TableName=self.seen)
        recovery = found["ContinuousBackupsDescription"]["PointInTimeRecoveryDescription"]
        status: str = recovery["PointInTimeRecoveryStatus"]
        return status

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

    os.kill(emulator(own_aws), signal.SIGKILL)

    expect_soon(lambda: not processes(own_aws), f"no process is left ({processes(own_aws)})")
    assert not embedded.status(own_aws.paths).running
    assert embedded.status(own_aws.paths).problem
    own_aws.up()
    assert everything.snapshot() == before
    assert everything.counts() == {"from the queue": 1, "from the stream": 1}


def test_nothing_is_written_while_nothing_happens(own_aws: EmbeddedAws) -> None:
    everything = Everything(own_aws)
    everything.use()
    saved(own_aws)
    state, quiet = own_aws.paths.folder / "state.json", 2.0
    seen, since = state.stat(), time.monotonic()

    def unchanged_for_a_while() -> bool:
        nonlocal seen, since
        if state.stat() != seen:
            seen, since = state.stat(), time.monotonic()
        return time.monotonic() - since > quiet

    expect_soon(unchanged_for_a_while, f"the state on the disk stays as it is for {quiet} s, with two mappings waiting")


def test_processes_of_a_busy_function_end_with_a_killed_emulator(own_aws: EmbeddedAws) -> None:
    code = "import subprocess\ndef handle(event, context):\n    subprocess.run(['sleep', '300'])"
    name = make_function(own_aws, make_role(own_aws), code)
    own_aws.client("lambda").invoke(FunctionName=name, InvocationType="Event", Payload=b"{}")
    expect_soon(lambda: any("sleep 300" in command for command in processes(own_aws).values()), "the function runs")

    os.kill(emulator(own_aws), signal.SIGKILL)

    expect_soon(lambda: not processes(own_aws), "no process is left")


def test_down_leaves_nothing_running_and_up_twice_is_once(own_aws: EmbeddedAws) -> None:
    pid = emulator(own_aws)
    own_aws.up()
    assert emulator(own_aws) == pid
    assert os.getsid(pid) == os.getpgid(pid) == pid

    assert own_aws.down() is True

    assert not processes(own_aws)
    assert own_aws.down() is False
    assert embedded.status(own_aws.paths).problem == ""


def test_processes_left_by_a_function_end_with_the_embedded_aws(own_aws: EmbeddedAws) -> None:
    code = "import subprocess\ndef handle(event, context): return subprocess.Popen(['sleep', '300']).pid"
    name = make_function(own_aws, make_role(own_aws), code)
    pid = json.load(own_aws.client("lambda").invoke(FunctionName=name)["Payload"])
    assert start_identity(pid)

    own_aws.down()

    expect_soon(lambda: not start_identity(pid), "the process that the function left behind has ended")


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


def test_a_stale_record_does_not_hit_the_process_that_has_its_number_now(own_aws: EmbeddedAws) -> None:
    own_aws.down()
    with subprocess.Popen(["sleep", "60"]) as stranger:
        stale = record.Record(pid=stranger.pid, identity="another boot/1", port=1, started=0.0)
        record.write(own_aws.paths.folder, stale)

        assert not embedded.status(own_aws.paths).running
        assert own_aws.down() is False
        own_aws.up()

        assert stranger.poll() is None
        stranger.kill()


def test_a_taken_port_is_named_with_its_owner_and_a_way_out(own_aws: EmbeddedAws, tmp_path: Path) -> None:
    second = embedded.LocalAwsPaths(tmp_path / "second", own_aws.paths.port)
    with pytest.raises(Failed) as other:
        server.up(second, print, lambda: own_aws.python)
    own_aws.down()
    listen = f"import socket, sys; s = socket.create_server(('127.0.0.1', {own_aws.paths.port})); print(flush=True)"
    command = [sys.executable, "-c", f"{listen}; sys.stdin.read()"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as stranger:
        assert stranger.stdout
        stranger.stdout.readline()
        with pytest.raises(Failed) as taken:
            own_aws.up()
        stranger.kill()

    assert str(own_aws.paths.home) in other.value.message
    assert "another checkout" in other.value.message
    assert f"port {own_aws.paths.port}" in taken.value.message
    assert f"PID {stranger.pid}" in taken.value.message
    assert "ESTATE_PORT=" in taken.value.hint


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


def test_iam_is_enforced_on_all_but_the_administrator(own_aws: EmbeddedAws) -> None:
    iam = own_aws.client("iam")
    iam.create_user(UserName="powerless")
    key = iam.create_access_key(UserName="powerless")["AccessKey"]

    identity = own_aws.client("sts").get_caller_identity()
    with pytest.raises(ClientError, match="AccessDenied"):
        own_aws.client("dynamodb", key["AccessKeyId"], key["SecretAccessKey"]).list_tables()
    with pytest.raises(ClientError):
        own_aws.client("dynamodb", "unknown", "unknown").list_tables()

    assert identity["Account"] == "123456789012"


def test_an_emulator_whose_files_were_deleted_is_reported_with_its_pid(own_aws: EmbeddedAws) -> None:
    pid = emulator(own_aws)
    everything = processes(own_aws)
    shutil.rmtree(own_aws.paths.home)

    with pytest.raises(Failed) as caught:
        own_aws.up()

    assert "of this checkout" in caught.value.message
    assert caught.value.hint == f"end it: kill {pid}"
    os.kill(pid, signal.SIGTERM)
    expect_soon(lambda: not {p for p in everything if start_identity(p)}, "it has ended")
