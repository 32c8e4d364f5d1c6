"""The embedded AWS as far as permissions go: what it refuses, as AWS does, and its record of that."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from foundation.resource_policies import queue_policy
from tests.integration.cloud import ACCOUNT, make_queue, make_role, received, unique
from tests.support.waiting import expect_soon

if TYPE_CHECKING:
    from tests.integration.conftest import EmbeddedAws


def plainly(aws: EmbeddedAws) -> Any:
    """A client of SQS whose calls arrive, by the header of a proxy in front, without TLS."""
    sqs = aws.new_client("sqs")

    def add_header(request: Any, **_: Any) -> None:
        request.headers["X-Forwarded-Proto"] = "http"

    sqs.meta.events.register("before-sign.sqs.*", add_header)
    return sqs


def test_a_queue_of_the_estate_refuses_requests_without_tls_even_of_the_administrator(
    embedded_aws: EmbeddedAws,
) -> None:
    url, arn = make_queue(embedded_aws)
    plain = plainly(embedded_aws)
    plain.send_message(QueueUrl=url, MessageBody="before")
    embedded_aws.client("sqs").set_queue_attributes(QueueUrl=url, Attributes={"Policy": json.dumps(queue_policy(arn))})
    with pytest.raises(ClientError, match="AccessDenied"):
        plain.send_message(QueueUrl=url, MessageBody="without")
    embedded_aws.client("sqs").send_message(QueueUrl=url, MessageBody="with")
    assert [message["Body"] for message in received(embedded_aws, url)] == ["before", "with"]


@pytest.mark.parametrize("source", ["alarm-*-let-in", "alarm-*-other"])
def test_an_alarm_notifies_a_topic_only_if_its_policy_allows_it(embedded_aws: EmbeddedAws, source: str) -> None:
    url, queue_arn = make_queue(embedded_aws)
    sns, cloudwatch, alarm = embedded_aws.client("sns"), embedded_aws.client("cloudwatch"), f"{unique('alarm')}-let-in"
    topic = sns.create_topic(Name=unique("topic"))["TopicArn"]
    statement: dict[str, Any] = {"Effect": "Allow", "Principal": {"Service": "sns.amazonaws.com"}}
    deliver = statement | {"Action": "sqs:SendMessage", "Resource": queue_arn}
    publish = {
        "Effect": "Allow", "Principal": {"Service": "cloudwatch.amazonaws.com"}, "Action": "sns:Publish",
        "Resource": topic,
        "Condition": {"ArnLike": {"aws:SourceArn": f"arn:aws:cloudwatch:us-east-1:{ACCOUNT}:alarm:{source}"}},
    }  # fmt: skip
    embedded_aws.client("sqs").set_queue_attributes(QueueUrl=url, Attributes={"Policy": json.dumps(document(deliver))})
    sns.set_topic_attributes(TopicArn=topic, AttributeName="Policy", AttributeValue=json.dumps(document(publish)))
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=queue_arn)
    cloudwatch.put_metric_alarm(
        AlarmName=alarm, AlarmActions=[topic], Namespace="None", MetricName="none", Statistic="Sum", Period=60,
        EvaluationPeriods=1, Threshold=1, ComparisonOperator="GreaterThanThreshold",
    )  # fmt: skip

    before = embedded_aws.denials_recorded()
    cloudwatch.set_alarm_state(AlarmName=alarm, StateValue="ALARM", StateReason="tried")

    if source == "alarm-*-let-in":
        expect_soon(lambda: received(embedded_aws, url), "the alarm's notification")
    else:
        (denied,) = [item for item in embedded_aws.denials(before) if item["resource"] == topic]
        assert (denied["principal"], denied["action"]) == ("cloudwatch.amazonaws.com", "sns:Publish")
        assert received(embedded_aws, url) == []


def document(*statements: dict[str, Any]) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": list(statements)}


def test_a_refused_call_is_logged_with_principal_action_and_resource(embedded_aws: EmbeddedAws) -> None:
    url, arn = make_queue(embedded_aws)
    role = make_role(embedded_aws, (["sqs:ReceiveMessage"], [arn]))
    taken = embedded_aws.client("sts").assume_role(RoleArn=role, RoleSessionName="tried")["Credentials"]
    sqs = embedded_aws.new_client("sqs", taken["AccessKeyId"], taken["SecretAccessKey"], taken["SessionToken"])
    before = embedded_aws.denials_recorded()
    sqs.receive_message(QueueUrl=url)
    assert [item for item in embedded_aws.denials(before) if item["resource"] == arn] == []
    with pytest.raises(ClientError, match="AccessDenied"):
        sqs.send_message_batch(QueueUrl=url, Entries=[{"Id": "1", "MessageBody": "x"}])
    (denied,) = [item for item in embedded_aws.denials(before) if item["resource"] == arn]
    assert denied["action"] == "sqs:SendMessage"
    assert denied["principal"].endswith(f":assumed-role/{role.rpartition('/')[2]}/tried")
