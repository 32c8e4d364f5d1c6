"""The embedded AWS's functions: their logs, environment, errors, failure queues and limits are those of AWS."""

from __future__ import annotations

import io
import json
import re
import time
import zipfile
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.exceptions import ClientError
from botocore.httpsession import URLLib3Session

from compute.packaging import build
from estate_tool.setup import locks
from tests.integration.cloud import (
    depth,
    items,
    make_function,
    make_queue,
    make_role,
    make_table,
    received,
    send,
    unique,
)
from tests.support.declarations import READ
from tests.support.package_index import built_elsewhere
from tests.support.waiting import expect_soon

if TYPE_CHECKING:
    from pathlib import Path

    from tests.integration.conftest import EmbeddedAws

WRITE_LOGS = ["logs:CreateLogStream", "logs:PutLogEvents"]


def invoke(aws: EmbeddedAws, name: str, event: Any = None, **more: Any) -> Any:
    answer = aws.client("lambda").invoke(FunctionName=name, Payload=json.dumps(event).encode(), **more)
    return json.loads(answer["Payload"].read() or b"null")


def log_events(aws: EmbeddedAws, group: str) -> list[dict[str, Any]]:
    return aws.client("logs").filter_log_events(logGroupName=group)["events"]


def logging_function(aws: EmbeddedAws, *, create_group: bool = True, form: str = "Text") -> tuple[str, str]:
    """A function that prints, and its log group."""
    group = f"/aws/lambda/{unique('logged')}"
    if create_group:
        aws.client("logs").create_log_group(logGroupName=group)
    role = make_role(aws, (WRITE_LOGS, [f"arn:aws:logs:us-east-1:123456789012:log-group:{group}:*"]))
    code = "ballast = bytearray(40_000_000)\ndef handle(event, context):\n    print('hello', context.log_stream_name)"
    return make_function(aws, role, code, LoggingConfig={"LogFormat": form, "LogGroup": group}), group


def test_invocations_of_one_environment_share_a_log_stream_and_report_its_memory(embedded_aws: EmbeddedAws) -> None:
    name, group = logging_function(embedded_aws)

    invoke(embedded_aws, name, Qualifier="live")
    invoke(embedded_aws, name, Qualifier="live")

    events = log_events(embedded_aws, group)
    (stream,) = {event["logStreamName"] for event in events}
    assert re.fullmatch(r"\d{4}/\d\d/\d\d/\[1\][0-9a-f]{32}", stream)
    assert [event["message"] for event in events].count(f"hello {stream}") == 2
    reports = [event["message"] for event in events if event["message"].startswith("REPORT")]
    peaks = [int(peak) for report in reports for peak in re.findall(r"Max Memory Used: (\d+) MB", report)]
    assert len(peaks) == 2
    assert all(60 <= peak <= 200 for peak in peaks)


def test_a_report_in_json_has_the_form_of_aws(embedded_aws: EmbeddedAws) -> None:
    name, group = logging_function(embedded_aws, form="JSON")

    invoke(embedded_aws, name)

    report = json.loads(log_events(embedded_aws, group)[-1]["message"])
    assert report["type"] == "platform.report"
    assert report["record"]["status"] == "success"
    assert report["record"]["metrics"]["memorySizeMB"] == 512
    assert report["record"]["metrics"]["maxMemoryUsedMB"] >= 60


def test_a_role_that_may_not_create_log_groups_does_not_bring_a_deleted_one_back(embedded_aws: EmbeddedAws) -> None:
    name, group = logging_function(embedded_aws, create_group=False)

    invoke(embedded_aws, name)

    assert embedded_aws.client("logs").describe_log_groups(logGroupNamePrefix=group)["logGroups"] == []


def test_a_handler_sees_its_own_settings_and_none_of_the_emulators(embedded_aws: EmbeddedAws) -> None:
    code = "import os\ndef handle(event, context):\n    return dict(os.environ)"
    settings = {"Variables": {"TABLE": "t"}}
    name = make_function(embedded_aws, make_role(embedded_aws), code, Environment=settings)

    seen = invoke(embedded_aws, name, Qualifier="live")

    wanted = {
        "TABLE": "t", "AWS_LAMBDA_FUNCTION_NAME": name, "AWS_LAMBDA_FUNCTION_VERSION": "1", "AWS_REGION": "us-east-1",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "512", "AWS_ENDPOINT_URL": embedded_aws.endpoint, "TZ": ":UTC",
    }  # fmt: skip
    assert wanted.items() <= seen.items()
    assert seen["AWS_ACCESS_KEY_ID"].startswith("ASIA")
    assert not {"LOG_LEVEL", "AUTH", "PYTHONPATH", "AWS_PROFILE", "HTTP_PROXY"} & set(seen)


ASKS = """
import importlib
import orjson

def there(name):
    try:
        return bool(importlib.import_module(name))
    except ImportError:
        return False

def handle(event, context):
    import boto3
    answer = orjson.loads(orjson.dumps({name: there(name) for name in event}))
    return {"version": orjson.__version__, "boto3": boto3.client("sqs").meta.region_name, **answer}
"""
HIDDEN = (
    "ministack", "moto", "werkzeug", "flask", "pip", "yaml", "local_aws", "estate_tool", "compute", "foundation",
    "shared.keys",
)  # fmt: skip


def packaged(aws: EmbeddedAws, source: Path, requirements: str) -> tuple[str, bytes]:
    """Create a function from that code and those requirements, locked and packaged; return its name and package."""
    declared = replace(READ, name=unique("packaged"))
    for folder in ("read", "shared"):
        (source / folder).mkdir(parents=True)
    (source / "read" / "handler.py").write_text(ASKS)
    (source / "read" / "requirements.in").write_text(requirements)
    locks.make_for_function(source / "read" / "requirements.txt", declared.name, upgrade=False)
    code = build(declared, "python3.13", source).read_bytes()
    aws.client("lambda").create_function(
        FunctionName=declared.name, Role=make_role(aws), Runtime="python3.13", Handler=declared.handler,
        Code={"ZipFile": code}, Architectures=["arm64"], Timeout=60,
    )  # fmt: skip
    return declared.name, code


def test_a_handler_sees_the_packages_that_it_locked_and_boto3_and_none_of_the_emulators(
    embedded_aws: EmbeddedAws, tmp_path: Path
) -> None:
    """Two functions with native code for Lambda's machine, another version each, which this machine runs too."""
    one, code = packaged(embedded_aws, tmp_path / "one", "pydantic\norjson<3.11")
    other, _ = packaged(embedded_aws, tmp_path / "other", "orjson>=3.11")
    names = zipfile.ZipFile(io.BytesIO(code)).namelist()
    assert {"orjson", "pydantic_core"} == {
        name.partition("/")[0] for name in names if name.endswith("cpython-313-aarch64-linux-gnu.so")
    }
    assert code == built_elsewhere(tmp_path / "one", tmp_path / "machine", umask=0o077)
    asked = [*HIDDEN, "sqlite3", "read.handler", "pydantic"]
    answers = [invoke(embedded_aws, name, asked) for name in (one, other)]
    for answer in answers:
        assert [name for name in HIDDEN if answer[name]] == []
        assert (answer["boto3"], answer["sqlite3"], answer["read.handler"]) == ("us-east-1", True, True)
    assert [answer["pydantic"] for answer in answers] == [True, False]
    versions = [tuple(map(int, answer["version"].split(".")[:2])) for answer in answers]
    assert versions[0] == (3, 10)
    assert versions[1] >= (3, 11)


def test_an_error_names_its_exception_and_keeps_its_environment(embedded_aws: EmbeddedAws) -> None:
    code = """
class TooLate(Exception):
    pass
calls = 0
def handle(event, context):
    global calls
    calls += 1
    raise TooLate(f"call {calls}")
"""
    name = make_function(embedded_aws, make_role(embedded_aws), code)

    answers = [invoke(embedded_aws, name) for _ in range(2)]

    assert [answer["errorType"] for answer in answers] == ["TooLate", "TooLate"]
    assert [answer["errorMessage"] for answer in answers] == ["call 1", "call 2"]


def test_a_failed_asynchronous_event_is_retried_as_its_alias_is_configured_and_ends_in_the_queue_as_it_was(
    embedded_aws: EmbeddedAws,
) -> None:
    table, table_arn, _ = make_table(embedded_aws)
    url, queue_arn = make_queue(embedded_aws)
    role = make_role(embedded_aws, (["dynamodb:UpdateItem"], [table_arn]), (["sqs:SendMessage"], [queue_arn]))
    code = f"""
import boto3
def handle(event, context):
    boto3.client("dynamodb").update_item(TableName="{table}", Key={{"id": {{"S": "tries"}}}},
        UpdateExpression="ADD n :one", ExpressionAttributeValues={{":one": {{"N": "1"}}}})
    raise ValueError("no")
"""
    name = make_function(embedded_aws, role, code, DeadLetterConfig={"TargetArn": queue_arn})
    embedded_aws.client("lambda").put_function_event_invoke_config(
        FunctionName=name, Qualifier="live", MaximumRetryAttempts=1
    )

    invoke(embedded_aws, name, {"the": "event"}, Qualifier="live", InvocationType="Event")

    (message,) = expect_soon(lambda: received(embedded_aws, url), "the event is in the failure queue")
    assert json.loads(message["Body"]) == {"the": "event"}
    assert message["MessageAttributes"]["ErrorMessage"]["StringValue"] == "no"
    assert items(embedded_aws, table)["tries"]["n"] == {"N": "2"}


def test_a_failed_event_is_dropped_when_the_role_may_not_send_it_on(embedded_aws: EmbeddedAws) -> None:
    url, queue_arn = make_queue(embedded_aws)
    other_url, other_arn = make_queue(embedded_aws)
    role = make_role(embedded_aws, (["sqs:SendMessage"], [other_arn]))
    code = "def handle(event, context):\n    raise ValueError('no')"
    functions = embedded_aws.client("lambda")
    for target in (queue_arn, other_arn):
        name = make_function(embedded_aws, role, code, DeadLetterConfig={"TargetArn": target})
        functions.put_function_event_invoke_config(FunctionName=name, MaximumRetryAttempts=0)
        invoke(embedded_aws, name, {}, InvocationType="Event")

    expect_soon(lambda: received(embedded_aws, other_url), "the permitted one arrived")
    assert received(embedded_aws, url) == []


def test_payloads_are_limited_to_six_megabytes(embedded_aws: EmbeddedAws) -> None:
    name = make_function(embedded_aws, make_role(embedded_aws), "def handle(event, context):\n    return len(event)")
    large = make_function(embedded_aws, make_role(embedded_aws), "def handle(e, c):\n    return 'x' * 6_400_000")

    assert invoke(embedded_aws, name, "x" * 6_000_000) == 6_000_000
    with pytest.raises(ClientError) as caught:
        invoke(embedded_aws, name, "x" * 6_400_000)
    answer = invoke(embedded_aws, large)

    assert caught.value.response["Error"]["Code"] == "RequestTooLargeException"
    assert answer["errorType"] == "Function.ResponseSizeTooLarge"


def test_a_handler_may_change_the_visibility_of_its_messages_if_its_role_may(embedded_aws: EmbeddedAws) -> None:
    url, queue_arn = make_queue(embedded_aws, VisibilityTimeout="20")
    poll = ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ChangeMessageVisibility"]
    table, table_arn, _ = make_table(embedded_aws)
    role = make_role(embedded_aws, (poll, [queue_arn]), (["dynamodb:PutItem"], [table_arn]))
    code = f"""
import boto3
def handle(event, context):
    (record,) = event["Records"]
    count = record["attributes"]["ApproximateReceiveCount"]
    boto3.client("dynamodb").put_item(TableName="{table}", Item={{"id": {{"S": count}}}})
    if count == "1":
        boto3.client("sqs").change_message_visibility_batch(QueueUrl="{url}", Entries=[
            {{"Id": "0", "ReceiptHandle": record["receiptHandle"], "VisibilityTimeout": 0}}])
        return {{"batchItemFailures": [{{"itemIdentifier": record["messageId"]}}]}}
"""
    name = make_function(embedded_aws, role, code)
    embedded_aws.client("lambda").create_event_source_mapping(
        FunctionName=f"{name}:live", EventSourceArn=queue_arn, FunctionResponseTypes=["ReportBatchItemFailures"]
    )
    send(embedded_aws, url, ["again"])

    expect_soon(lambda: set(items(embedded_aws, table)) == {"1", "2"}, "it came back long before its timeout", 15)


def test_a_function_has_one_mapping_of_a_source(embedded_aws: EmbeddedAws) -> None:
    """A creation that is repeated because its answer was lost must not poll the queue twice."""
    _, queue_arn = make_queue(embedded_aws)
    poll = ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"]
    name = make_function(embedded_aws, make_role(embedded_aws, (poll, [queue_arn])), "def handle(e, c):\n    pass")
    functions = embedded_aws.client("lambda")
    mapping = functions.create_event_source_mapping(FunctionName=f"{name}:live", EventSourceArn=queue_arn)
    with pytest.raises(functions.exceptions.ResourceConflictException, match=f"already exists.+{mapping['UUID']}"):
        functions.create_event_source_mapping(FunctionName=f"{name}:live", EventSourceArn=queue_arn)
    functions.delete_event_source_mapping(UUID=mapping["UUID"])
    functions.create_event_source_mapping(FunctionName=f"{name}:live", EventSourceArn=queue_arn)


def test_invocations_by_event_sources_count_in_the_metrics(embedded_aws: EmbeddedAws) -> None:
    url, queue_arn = make_queue(embedded_aws)
    poll = ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"]
    name = make_function(embedded_aws, make_role(embedded_aws, (poll, [queue_arn])), "def handle(e, c):\n    1 / 0")
    embedded_aws.client("lambda").create_event_source_mapping(FunctionName=f"{name}:live", EventSourceArn=queue_arn)
    send(embedded_aws, url, ["x"])

    def errors() -> float:
        now = datetime.now(UTC)
        points = embedded_aws.client("cloudwatch").get_metric_statistics(
            Namespace="AWS/Lambda", MetricName="Errors", Dimensions=[{"Name": "FunctionName", "Value": name}],
            StartTime=now - timedelta(hours=1), EndTime=now + timedelta(minutes=1), Period=3600, Statistics=["Sum"],
        )["Datapoints"]  # fmt: skip
        return sum(point["Sum"] for point in points)

    expect_soon(lambda: errors() >= 1, "the error is counted")


def test_statistics_begin_with_the_minute_of_the_start(embedded_aws: EmbeddedAws) -> None:
    cloudwatch, name = embedded_aws.client("cloudwatch"), unique("metric")
    minute = datetime.now(UTC).replace(second=0, microsecond=0)
    cloudwatch.put_metric_data(Namespace="N", MetricData=[{"MetricName": name, "Value": 3, "Timestamp": minute}])
    points = cloudwatch.get_metric_statistics(
        Namespace="N", MetricName=name, StartTime=minute + timedelta(seconds=39), EndTime=minute + timedelta(minutes=1),
        Period=60, Statistics=["Sum"],
    )["Datapoints"]  # fmt: skip
    assert [(point["Timestamp"], point["Sum"]) for point in points] == [(minute, 3)]


def test_every_kind_of_resource_is_found_by_its_tags(embedded_aws: EmbeddedAws) -> None:
    tags = {"Suffix": unique("tagged")}
    pairs = [{"Key": key, "Value": value} for key, value in tags.items()]
    client = embedded_aws.client
    name = make_function(embedded_aws, make_role(embedded_aws), "def handle(e, c): pass", Tags=tags)
    url, queue_arn = make_queue(embedded_aws)
    client("sqs").tag_queue(QueueUrl=url, Tags=tags)
    _, table_arn, _ = make_table(embedded_aws)
    client("dynamodb").tag_resource(ResourceArn=table_arn, Tags=pairs)
    topic = client("sns").create_topic(Name=name, Tags=pairs)["TopicArn"]
    client("logs").create_log_group(logGroupName=name, tags=tags)
    client("cloudwatch").put_metric_alarm(
        AlarmName=name, EvaluationPeriods=1, Threshold=1, ComparisonOperator="GreaterThanThreshold", Tags=pairs,
        Metrics=[
            {"Id": "m", "ReturnData": False, "MetricStat": {"Stat": "Sum", "Period": 60, "Metric": {
                "Namespace": "AWS/DynamoDB", "MetricName": "ThrottledRequests"}}},
            {"Id": "filled", "Expression": "FILL(m, 0)", "ReturnData": True},
        ],
    )  # fmt: skip
    filters = [{"Key": key, "Values": [value]} for key, value in tags.items()]

    pages = client("resourcegroupstaggingapi").get_paginator("get_resources").paginate(TagFilters=filters)
    found = {resource["ResourceARN"] for page in pages for resource in page["ResourceTagMappingList"]}

    assert found == {
        f"arn:aws:lambda:us-east-1:123456789012:function:{name}", queue_arn, table_arn, topic,
        f"arn:aws:logs:us-east-1:123456789012:log-group:{name}",
        f"arn:aws:cloudwatch:us-east-1:123456789012:alarm:{name}",
    }  # fmt: skip


def test_filtered_log_events_come_in_pages_and_match_any_of_the_optional_terms(embedded_aws: EmbeddedAws) -> None:
    logs, group = embedded_aws.client("logs"), f"/filtered/{unique('group')}"
    logs.create_log_group(logGroupName=group)
    now, sent = (
        int(time.time() * 1000),
        [f"{kind} line {number}" for number in range(4000) for kind in ("REPORT", "plain", "any")],
    )
    for stream in ("a", "b"):
        logs.create_log_stream(logGroupName=group, logStreamName=stream)
        events = [{"timestamp": now, "message": message} for message in sent]
        for first in range(0, len(events), 6000):
            logs.put_log_events(logGroupName=group, logStreamName=stream, logEvents=events[first : first + 6000])

    def found(pattern: str, **more: Any) -> list[list[str]]:
        pages = logs.get_paginator("filter_log_events").paginate(logGroupName=group, filterPattern=pattern, **more)
        return [[event["message"] for event in page["events"]] for page in pages]

    everything = found("")
    assert [len(page) for page in everything] == [10_000, 10_000, 4000]
    assert sorted(message for page in everything for message in page) == sorted(sent * 2)
    (one_kind,) = found('"REPORT line"')
    assert len(one_kind) == 8000
    assert sum(map(len, found('?"REPORT line" ?any'))) == 16_000
    assert sum(map(len, found('?"REPORT line" ?any', logStreamNames=["a"]))) == 8000
    assert sum(map(len, found("line -REPORT"))) == 16_000
    assert found("report") == [[]]
    assert found("", startTime=now + 1) == found("", endTime=now - 1) == [[]]


def test_saved_queries_can_be_kept_found_changed_and_deleted(embedded_aws: EmbeddedAws) -> None:
    logs, name = embedded_aws.client("logs"), unique("query")
    put = logs.put_query_definition(name=name, queryString="fields @message", logGroupNames=["/g"])
    made = put["queryDefinitionId"]
    logs.put_query_definition(queryDefinitionId=made, name=name, queryString="fields @timestamp")

    (found,) = logs.describe_query_definitions(queryDefinitionNamePrefix=name)["queryDefinitions"]
    deleted = logs.delete_query_definition(queryDefinitionId=made)

    assert (found["queryDefinitionId"], found["queryString"]) == (made, "fields @timestamp")
    assert deleted["success"]
    assert logs.describe_query_definitions(queryDefinitionNamePrefix=name)["queryDefinitions"] == []
    with pytest.raises(logs.exceptions.ResourceNotFoundException):
        logs.put_query_definition(queryDefinitionId=made, name=name, queryString="x")


def test_a_schedule_invokes_as_its_role_and_sends_refused_calls_to_its_dead_letter_queue(
    embedded_aws: EmbeddedAws,
) -> None:
    table, table_arn, _ = make_table(embedded_aws)
    code = f"""
import boto3
def handle(event, context):
    item = {{"id": {{"S": event["id"]}}, "time": {{"S": event["time"]}}, "version": {{"S": context.function_version}}}}
    boto3.client("dynamodb").put_item(TableName={table!r}, Item=item)
"""
    name = make_function(embedded_aws, make_role(embedded_aws, (["dynamodb:PutItem"], [table_arn])), code)
    alias = f"arn:aws:lambda:us-east-1:123456789012:function:{name}:live"
    url, queue = make_queue(embedded_aws)
    scheduler, iam = embedded_aws.client("scheduler"), embedded_aws.client("iam")
    group = scheduler.create_schedule_group(Name=unique("group"))["ScheduleGroupArn"]
    group_name, soon = group.rpartition("/")[2], datetime.now(ZoneInfo("Asia/Tokyo")) + timedelta(seconds=2)

    def schedule(expression: str, source: str, *allowed: str) -> str:
        role = unique("role")
        trust: dict[str, Any] = {
            "Effect": "Allow", "Principal": {"Service": "scheduler.amazonaws.com"}, "Action": "sts:AssumeRole",
        }  # fmt: skip
        trust["Condition"] = {"StringEquals": {"aws:SourceArn": source}}
        arn = iam.create_role(RoleName=role, AssumeRolePolicyDocument=json.dumps({"Statement": [trust]}))["Role"]["Arn"]
        statements = [{"Effect": "Allow", "Action": action, "Resource": "*"} for action in allowed]
        document = json.dumps({"Version": "2012-10-17", "Statement": statements})
        iam.put_role_policy(RoleName=role, PolicyName="allowed", PolicyDocument=document)
        scheduler.create_schedule(
            Name=role, GroupName=group_name, ScheduleExpression=expression, ScheduleExpressionTimezone="Asia/Tokyo",
            FlexibleTimeWindow={"Mode": "OFF"},
            Target={
                "Arn": alias, "RoleArn": arn, "DeadLetterConfig": {"Arn": queue},
                "RetryPolicy": {"MaximumRetryAttempts": 0, "MaximumEventAgeInSeconds": 60},
                "Input": json.dumps({"id": role, "time": "<aws.scheduler.scheduled-time>"}),
            },
        )  # fmt: skip
        return role

    everything = ("lambda:InvokeFunction", "sqs:SendMessage")
    at_once = schedule("rate(1 day)", group, *everything)
    once = schedule(f"at({soon:%Y-%m-%dT%H:%M:%S})", group, *everything)
    may_not_call = schedule("rate(1 day)", group, "sqs:SendMessage")
    not_trusting = schedule("rate(1 day)", f"{group}-other", *everything)

    expect_soon(lambda: set(items(embedded_aws, table)) == {at_once, once}, "both calls")
    found = items(embedded_aws, table)
    assert found[once]["time"]["S"] == f"{soon.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
    assert {item["version"]["S"] for item in found.values()} == {"1"}
    expect_soon(lambda: depth(embedded_aws, url) == (2, 0), "both dead letters")
    reported = {json.loads(one["Body"])["id"]: one["MessageAttributes"] for one in received(embedded_aws, url)}
    assert reported.keys() == {may_not_call, not_trusting}
    assert {one["ERROR_CODE"]["StringValue"] for one in reported.values()} == {"AccessDeniedException"}
    scheduler.delete_schedule_group(Name=group_name)
    assert scheduler.list_schedules(NamePrefix="role")["Schedules"] == []


URL_CODE = """
import json
def handle(event, context):
    if event["rawPath"] == "/fail":
        raise ValueError("no")
    return {"statusCode": 200, "body": json.dumps([event["rawPath"], event["queryStringParameters"], event["body"]])}
"""


def test_an_address_asks_its_callers_for_both_permissions_and_counts_requests(embedded_aws: EmbeddedAws) -> None:
    functions, iam = embedded_aws.client("lambda"), embedded_aws.client("iam")
    name = make_function(embedded_aws, make_role(embedded_aws), URL_CODE)
    at_alias = {"FunctionName": name, "Qualifier": "live"}
    made = functions.create_function_url_config(**at_alias, AuthType="AWS_IAM")
    assert made["FunctionArn"].endswith(f":function:{name}:live")
    assert functions.get_function_url_config(**at_alias)["FunctionUrl"] == made["FunctionUrl"]
    caller = make_role(embedded_aws)
    keys = embedded_aws.client("sts").assume_role(RoleArn=caller, RoleSessionName="caller")["Credentials"]

    def call(path: str) -> int:
        request = AWSRequest("POST", f"{made['FunctionUrl']}{path}", {"content-type": "text/plain"}, b"body")
        signed = Credentials(keys["AccessKeyId"], keys["SecretAccessKey"], keys["SessionToken"])
        SigV4Auth(signed, "lambda", "us-east-1").add_auth(request)
        answer = URLLib3Session().send(request.prepare())
        if answer.status_code == 200:
            assert json.loads(answer.content) == ["/a/b", {"x": "1"}, "body"]
        return int(answer.status_code)

    assert call("a/b?x=1") == 403
    permission = {**at_alias, "Principal": caller}
    functions.add_permission(
        **permission, StatementId="url", Action="lambda:InvokeFunctionUrl", FunctionUrlAuthType="AWS_IAM"
    )
    assert call("a/b?x=1") == 403
    functions.add_permission(
        **permission, StatementId="invoke", Action="lambda:InvokeFunction", InvokedViaFunctionUrl=True
    )
    assert call("a/b?x=1") == 200
    assert call("fail") == 502
    policy: dict[str, Any] = {
        "Effect": "Allow", "Action": "lambda:CreateFunctionUrlConfig", "Resource": f"{made['FunctionArn'][:-5]}*",
        "Condition": {"StringEquals": {"lambda:FunctionUrlAuthType": "AWS_IAM"}},
    }  # fmt: skip
    document = json.dumps({"Version": "2012-10-17", "Statement": [policy]})
    iam.put_role_policy(RoleName=caller.rpartition("/")[2], PolicyName="p", PolicyDocument=document)
    deployer = embedded_aws.new_client("lambda", keys["AccessKeyId"], keys["SecretAccessKey"], keys["SessionToken"])
    with pytest.raises(ClientError, match="AccessDenied"):
        deployer.create_function_url_config(FunctionName=name, AuthType="NONE")
    deployer.create_function_url_config(FunctionName=name, AuthType="AWS_IAM")
    functions.delete_function_url_config(**at_alias)
    assert call("a/b?x=1") in (403, 404)
