"""An inherited estate: resources that are right but for one thing each, and look-alikes that are right."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

from tests.integration.cloud import ACCOUNT, zipped

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.integration.conftest import EmbeddedAws

TAGS = {"Project": "old", "Environment": "prod", "Owner": "team", "CostCenter": "0420"}
TAG_LIST = [{"Key": key, "Value": value} for key, value in TAGS.items()]
DAY = 86_400
_TRUST = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}],
}


def arn(service: str, name: str) -> str:
    return f"arn:aws:{service}:us-east-1:{ACCOUNT}:{name}"


class OldEstate:
    """Makes resources that an audit has nothing against, but for what an argument asks for."""

    def __init__(self, aws: EmbeddedAws) -> None:
        self.aws = aws
        self.topic: str = aws.client("sns").create_topic(Name="pager", Tags=TAG_LIST)["TopicArn"]

    def queue(self, name: str, *, dead_letters: bool = True, tags: dict[str, str] = TAGS, **attributes: str) -> str:
        sqs = self.aws.client("sqs")
        redrive = {}
        if dead_letters:
            self.dead_letter_queue(f"dead-{name}")
            policy = {"deadLetterTargetArn": arn("sqs", f"dead-{name}"), "maxReceiveCount": 5}
            redrive = {"RedrivePolicy": json.dumps(policy)}
        settings = {"VisibilityTimeout": "60", **redrive, **attributes}
        url: str = sqs.create_queue(QueueName=name, Attributes=settings, tags=tags)["QueueUrl"]
        return url

    def dead_letter_queue(self, name: str, *, watched: bool = True, days: int = 14) -> str:
        if watched:
            self.alarm(name, "AWS/SQS", "ApproximateNumberOfMessagesVisible", "QueueName")
        return self.queue(name, dead_letters=False, MessageRetentionPeriod=str(days * DAY))

    def alarm(self, name: str, namespace: str, metric: str, dimension: str, *, notifies: bool = True) -> None:
        self.aws.client("cloudwatch").put_metric_alarm(
            AlarmName=f"{metric}-{name}", Namespace=namespace, MetricName=metric, Statistic="Sum", Period=60,
            Dimensions=[{"Name": dimension, "Value": name}], EvaluationPeriods=1, Threshold=0,
            ComparisonOperator="GreaterThanThreshold", AlarmActions=[self.topic] if notifies else [],
        )  # fmt: skip

    def role(self, name: str, *statements: tuple[list[str], list[str]]) -> str:
        iam = self.aws.client("iam")
        made: str = iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(_TRUST))["Role"]["Arn"]
        allowed = [{"Sid": "A", "Effect": "Allow", "Action": list(a), "Resource": list(r)} for a, r in statements]
        document = json.dumps({"Version": "2012-10-17", "Statement": allowed})
        if allowed:
            iam.put_role_policy(RoleName=name, PolicyName="allowed", PolicyDocument=document)
        return made

    def function(
        self,
        name: str,
        *statements: tuple[list[str], list[str]],
        code: str = "",
        modules: dict[str, str] | None = None,
        memory: int = 512,
        retention: int | None = 14,
        watched: bool = True,
        dead_letters: bool = True,
        tags: dict[str, str] = TAGS,
        role: str = "",
        **more: Any,
    ) -> str:
        """A function with a role, a log group, a dead-letter queue and an alarm of its own; its ARN."""
        role = role or self.role(f"role-{name}", (["sqs:SendMessage"], [arn("sqs", f"failed-{name}")]), *statements)
        if dead_letters:
            self.dead_letter_queue(f"failed-{name}")
            more["DeadLetterConfig"] = {"TargetArn": arn("sqs", f"failed-{name}")}
        if watched:
            self.alarm(name, "AWS/Lambda", "Errors", "FunctionName")
        logs = self.aws.client("logs")
        logs.create_log_group(logGroupName=f"/aws/lambda/{name}", tags=TAGS)
        if retention:
            logs.put_retention_policy(logGroupName=f"/aws/lambda/{name}", retentionInDays=retention)
        content = code or f"def handle(event, context):\n    return {name!r}\n"
        made: str = self.aws.client("lambda").create_function(
            FunctionName=name, Role=role, Runtime="python3.12", Handler="handler.handle", Timeout=10,
            Code={"ZipFile": zipped(content, **(modules or {}))}, MemorySize=memory, Architectures=["arm64"],
            Tags=tags, **more,
        )["FunctionArn"]  # fmt: skip
        return made

    def consumer(
        self, name: str, queue: str, *statements: tuple[list[str], list[str]], visibility: int = 60, **more: Any
    ) -> str:  # fmt: skip
        """A function that a queue of its own triggers; the function's ARN."""
        consume = ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"]
        made = self.function(name, (consume, [arn("sqs", queue)]), *statements, **more)
        self.queue(queue, VisibilityTimeout=str(visibility))
        self.trigger(name, queue)
        return made

    def reports(self, function: str, number: int, *, size: int, used: int, billed_ms: int, cold: int = 0) -> None:
        """REPORT lines in the function's log; the first `cold` of them with an init of 900 ms."""
        logs, group, now = self.aws.client("logs"), f"/aws/lambda/{function}", int(time.time() * 1000)
        stream = "2026/01/01/[$LATEST]0123456789abcdef"
        logs.create_log_stream(logGroupName=group, logStreamName=stream)
        lines = [
            f"REPORT RequestId: {place:08d}-0000-0000-0000-000000000000\tDuration: {billed_ms}.00 ms\t"
            f"Billed Duration: {billed_ms} ms\tMemory Size: {size} MB\tMax Memory Used: {used} MB\t"
            + ("Init Duration: 900.00 ms\t" if place < cold else "")
            for place in range(number)
        ]
        events = [{"timestamp": now - 60_000 + place, "message": line} for place, line in enumerate(lines)]
        logs.put_log_events(logGroupName=group, logStreamName=stream, logEvents=events)

    def table(self, name: str, units: int = 0, bounds: tuple[int, int] | None = None) -> str:
        """A table of so many units each way, scaled between the bounds; on demand without units; its ARN."""
        throughput = {"ReadCapacityUnits": units, "WriteCapacityUnits": units}
        billing: dict[str, Any] = {"BillingMode": "PAY_PER_REQUEST"}
        if units:
            billing = {"BillingMode": "PROVISIONED", "ProvisionedThroughput": throughput}
        made: str = self.aws.client("dynamodb").create_table(
            TableName=name, KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}], Tags=TAG_LIST,
            AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}], **billing,
        )["TableDescription"]["TableArn"]  # fmt: skip
        for direction in ("Read", "Write") if bounds else ():
            assert bounds
            self._scale(name, direction, bounds)
        return made

    def _scale(self, table: str, direction: str, bounds: tuple[int, int]) -> None:
        client = self.aws.client("application-autoscaling")
        what = {
            "ServiceNamespace": "dynamodb", "ResourceId": f"table/{table}",
            "ScalableDimension": f"dynamodb:table:{direction}CapacityUnits",
        }  # fmt: skip
        client.register_scalable_target(**what, MinCapacity=bounds[0], MaxCapacity=bounds[1])
        metric = {"PredefinedMetricType": f"DynamoDB{direction}CapacityUtilization"}
        client.put_scaling_policy(
            **what, PolicyName=f"{table}-{direction}", PolicyType="TargetTrackingScaling",
            TargetTrackingScalingPolicyConfiguration={"TargetValue": 70.0, "PredefinedMetricSpecification": metric},
        )  # fmt: skip

    def bucket(self, name: str, function: str, *, prefix: str) -> None:
        """Make a bucket that notifies the function of each object made under the prefix."""
        s3 = self.aws.client("s3")
        s3.create_bucket(Bucket=name)
        self.aws.client("lambda").add_permission(
            FunctionName=function, StatementId="files", Action="lambda:InvokeFunction",
            Principal="s3.amazonaws.com", SourceArn=f"arn:aws:s3:::{name}",
        )  # fmt: skip
        configuration = {
            "LambdaFunctionArn": function, "Events": ["s3:ObjectCreated:*"],
            "Filter": {"Key": {"FilterRules": [{"Name": "prefix", "Value": prefix}]}},
        }  # fmt: skip
        s3.put_bucket_notification_configuration(
            Bucket=name, NotificationConfiguration={"LambdaFunctionConfigurations": [configuration]}
        )

    def topic_with_dead_letters(self, name: str, dead_letters: str) -> None:
        """A topic with a queue as subscriber, whose undelivered notifications end in another queue."""
        self.dead_letter_queue(dead_letters)
        self.queue(f"from-{name}")
        sns = self.aws.client("sns")
        topic = sns.create_topic(Name=name, Tags=TAG_LIST)["TopicArn"]
        redrive = json.dumps({"deadLetterTargetArn": arn("sqs", dead_letters)})
        sns.subscribe(
            TopicArn=topic, Protocol="sqs", Endpoint=arn("sqs", f"from-{name}"), Attributes={"RedrivePolicy": redrive}
        )

    def trigger(self, function: str, queue: str) -> None:
        self.aws.client("lambda").create_event_source_mapping(
            FunctionName=function, EventSourceArn=arn("sqs", queue), Enabled=True
        )


Problem = tuple[int, str, str]


def plant(aws: EmbeddedAws) -> set[Problem]:
    """Make an estate with planted problems and look-alikes; the problems: requirement, check, resource."""
    old = OldEstate(aws)
    return {
        *_memory_and_starts(old), *_code_tables_logs(old), *_failures(old), *_access_and_cycles(old),
    }  # fmt: skip


def _memory_and_starts(old: OldEstate) -> Iterator[Problem]:
    yield 1, "memory-oversized", old.function("oversized", memory=3008)
    old.reports("oversized", 100, size=3008, used=400, billed_ms=36_000)
    old.function("large-and-used", memory=3008)
    old.reports("large-and-used", 100, size=3008, used=2_600, billed_ms=100)
    yield 8, "cold-starts", old.function("cold")
    old.reports("cold", 100, size=512, used=400, billed_ms=50, cold=5)
    for name in ("idle", "following"):
        made = old.function(name, Publish=True)
        old.aws.client("lambda").create_alias(FunctionName=name, Name="live", FunctionVersion="1")
        old.aws.client("lambda").put_provisioned_concurrency_config(
            FunctionName=name, Qualifier="live", ProvisionedConcurrentExecutions=2
        )
        if name == "idle":
            yield 8, "provisioned-idle", f"{made}:live"
    old.aws.client("application-autoscaling").register_scalable_target(
        ServiceNamespace="lambda", ResourceId="function:following:live", MinCapacity=1, MaxCapacity=5,
        ScalableDimension="lambda:function:ProvisionedConcurrency",
    )  # fmt: skip
    old.consumer("cold-behind-a-queue", "patient")
    old.reports("cold-behind-a-queue", 100, size=512, used=400, billed_ms=50, cold=5)


def _code_tables_logs(old: OldEstate) -> Iterator[Problem]:
    for name in ("copy-a", "copy-b"):
        yield 2, "code-copied", old.function(name, code="def handle(event, context):\n    return 'copied'\n")
    shared = f"TEXT = {'shared' * 50!r}\n"
    for name in ("module-a", "module-b"):
        yield 2, "module-copied", old.function(name, modules={"text": shared, "own": f"NAME = {name * 50!r}\n"})
    yield 3, "capacity-fixed", old.table("fixed", units=100)
    yield 3, "capacity-bounds", old.table("pinned", units=5, bounds=(5, 5))
    old.table("on-demand")
    old.table("scaled", units=5, bounds=(1, 50))
    yield 6, "tags-missing", old.function("untagged", tags=TAGS | {"CostCenter": ""})
    old.function("logs-for-ever", retention=None)
    yield 7, "logs-for-ever", "/aws/lambda/logs-for-ever"


def _failures(old: OldEstate) -> Iterator[Problem]:
    yield 4, "async-failures-lost", old.function("silent", dead_letters=False)
    old.consumer("only-from-a-queue", "work", dead_letters=False)
    old.queue("no-redrive", dead_letters=False)
    yield 4, "queue-without-redrive", arn("sqs", "no-redrive")
    old.queue("long-lived", MessageRetentionPeriod=str(14 * DAY))
    yield 4, "dead-letters-short-lived", arn("sqs", "dead-long-lived")
    waiting = old.queue("failing")
    dead = waiting.replace("/failing", "/dead-failing")
    old.aws.client("sqs").send_message(QueueUrl=dead, MessageBody="{}")
    yield 4, "dead-letters-waiting", arn("sqs", "dead-failing")
    yield 10, "errors-unwatched", old.function("unheard", watched=False)
    old.alarm("unheard", "AWS/Lambda", "Errors", "FunctionName", notifies=False)
    old.consumer("slow", "hasty", visibility=10)
    old.aws.client("lambda").update_function_configuration(FunctionName="slow", Timeout=60)
    yield 10, "visibility-short", arn("sqs", "hasty")
    off = old.function("switched-off")
    old.aws.client("lambda").put_function_concurrency(FunctionName="switched-off", ReservedConcurrentExecutions=0)
    yield 10, "concurrency-zero", off


def _access_and_cycles(old: OldEstate) -> Iterator[Problem]:
    stream = arn("dynamodb", "table/orders/stream/*")
    old.function("scoped", (["dynamodb:GetRecords"], [stream]), (["xray:PutTraceSegments"], ["*"]))
    old.function("wild-action", (["dynamodb:*"], [arn("dynamodb", "table/orders")]))
    yield 5, "action-wildcard", f"arn:aws:iam::{ACCOUNT}:role/role-wild-action"
    old.function("wild-resource", (["dynamodb:GetItem"], ["*"]))
    yield 5, "resource-wildcard", f"arn:aws:iam::{ACCOUNT}:role/role-wild-resource"
    shared = old.role("shared", (["sqs:SendMessage"], [arn("sqs", "failed-*")]))
    for name in ("sharing-a", "sharing-b"):
        old.function(name, role=shared)
    yield 5, "role-shared", shared
    everything = (["*"], ["*"])
    for check in ("action-wildcard", "resource-wildcard", "role-overreach"):
        yield 5, check, f"arn:aws:iam::{ACCOUNT}:role/role-mighty"
    yield 9, "cycle", old.function("mighty", everything)
    files = old.function("files", (["s3:PutObject"], ["arn:aws:s3:::files/*"]))
    old.bucket("files", files, prefix="")
    yield 9, "cycle", files
    old.bucket("inbox", old.function("inbox", (["s3:PutObject"], ["arn:aws:s3:::inbox/out/*"])), prefix="in/")
    old.topic_with_dead_letters("news", "dead-news")
    yield 9, "cycle", old.consumer("loop", "round", (["sqs:SendMessage"], [arn("sqs", "round")]))
    old.consumer("straight-on", "start", (["sqs:SendMessage"], [arn("sqs", "work")]))
