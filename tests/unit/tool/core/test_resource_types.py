"""Import IDs of resources that may or may not have been created."""

from __future__ import annotations

from typing import Any

import boto3
import pytest

from estate_tool.core.errors import Failed
from estate_tool.core.resource_types import Account, NotThere
from estate_tool.rollout.recovery import import_id
from foundation.layers import LAYER_NAMES
from tests.support.mocks import roll_out

ARN = "arn:aws:lambda:us-east-1:123456789012:function:lambda-query-dev"
SCALED = {
    "serviceNamespace": "dynamodb", "resourceId": "table/table-events-dev",
    "scalableDimension": "dynamodb:table:ReadCapacityUnits", "name": "scaling-dev",
}  # fmt: skip


def no_client(service: str) -> Any:
    raise AssertionError(f"{service} was asked for a name that is known")


@pytest.fixture
def account(aws: None) -> Account:
    return Account(boto3.client, "us-east-1")


@pytest.mark.parametrize(
    ("type_", "inputs", "expected"),
    [
        ("dynamodb/table:Table", {"name": "table-events-dev"}, "table-events-dev"),
        ("iam/rolePolicy:RolePolicy", {"role": "role-a-dev", "name": "policy-a-dev"}, "role-a-dev:policy-a-dev"),
        ("cloudwatch/dashboard:Dashboard", {"dashboardName": "dashboard-estate-dev"}, "dashboard-estate-dev"),
        ("lambda/alias:Alias", {"functionName": "lambda-query-dev", "name": "live"}, "lambda-query-dev/live"),
        ("lambda/alias:Alias", {"functionName": ARN, "name": "live"}, "lambda-query-dev/live"),
        (
            "lambda/provisionedConcurrencyConfig:ProvisionedConcurrencyConfig",
            {"functionName": f"{ARN}:live", "qualifier": "live"},
            "lambda-query-dev,live",
        ),
        (
            "lambda/functionEventInvokeConfig:FunctionEventInvokeConfig",
            {"functionName": "lambda-query-dev", "qualifier": "live"},
            "lambda-query-dev:live",
        ),
        ("lambda/permission:Permission", {"function": ARN, "statementId": "sns"}, "lambda-query-dev/sns"),
        (
            "lambda/permission:Permission",
            {"function": "lambda-query-dev", "statementId": "sns", "qualifier": "live"},
            "lambda-query-dev:live/sns",
        ),
        (
            "appautoscaling/target:Target",
            SCALED,
            "dynamodb/table/table-events-dev/dynamodb:table:ReadCapacityUnits",
        ),
        (
            "appautoscaling/policy:Policy",
            SCALED,
            "dynamodb/table/table-events-dev/dynamodb:table:ReadCapacityUnits/scaling-dev",
        ),
        ("sqs/redriveAllowPolicy:RedriveAllowPolicy", {"queueUrl": "https://sqs/q"}, "https://sqs/q"),
    ],
)
def test_names_tell_the_id(type_: str, inputs: dict[str, str], expected: str) -> None:
    assert import_id(f"aws:{type_}", inputs, Account(no_client, "us-east-1")) == expected


def test_a_queue_is_found_by_its_name(account: Account) -> None:
    with pytest.raises(NotThere):
        import_id("aws:sqs/queue:Queue", {"name": "queue-a-dev"}, account)
    url = account.client("sqs").create_queue(QueueName="queue-a-dev")["QueueUrl"]
    assert import_id("aws:sqs/queue:Queue", {"name": "queue-a-dev"}, account) == url


def test_a_topic_has_the_arn_of_its_account(account: Account) -> None:
    arn = account.client("sns").create_topic(Name="topic-a-dev")["TopicArn"]
    assert import_id("aws:sns/topic:Topic", {"name": "topic-a-dev"}, account) == arn


def test_a_subscription_is_found_by_topic_protocol_and_endpoint(account: Account) -> None:
    sns, sqs = account.client("sns"), account.client("sqs")
    topic = sns.create_topic(Name="topic-a-dev")["TopicArn"]
    sqs.create_queue(QueueName="queue-a-dev")
    inputs = {"topic": topic, "protocol": "sqs", "endpoint": "arn:aws:sqs:us-east-1:123456789012:queue-a-dev"}
    with pytest.raises(NotThere):
        import_id("aws:sns/topicSubscription:TopicSubscription", inputs, account)
    arn = sns.subscribe(
        TopicArn=topic, Protocol="sqs", Endpoint=inputs["endpoint"], ReturnSubscriptionArn=True
    )["SubscriptionArn"]  # fmt: skip
    assert import_id("aws:sns/topicSubscription:TopicSubscription", inputs, account) == arn


class Listing:
    """A client whose paginators and calls answer what was given."""

    def __init__(self, **answers: Any) -> None:
        self.answers = answers
        self.asked: dict[str, Any] = {}

    def __call__(self, service: str) -> Listing:
        return self

    def get_paginator(self, operation: str) -> Listing:
        return self

    def paginate(self, **asked: Any) -> list[Any]:
        self.asked = asked
        return [self.answers]

    def describe_query_definitions(self, **asked: Any) -> Any:
        self.asked = asked
        return self.answers

    def get_queue_url(self, **asked: str) -> dict[str, str]:
        return {"QueueUrl": f"https://sqs/{asked['QueueName']}"}

    def get_caller_identity(self) -> dict[str, str]:
        return {"Arn": "arn:aws-cn:iam::210987654321:user/ann"}


MAPPING = {"functionName": f"{ARN}:live", "eventSourceArn": "arn:aws:sqs:us-east-1:123456789012:queue-a-dev"}


def test_a_mapping_is_found_by_source_and_function() -> None:
    client = Listing(EventSourceMappings=[{"UUID": "u-1"}])
    assert import_id("aws:lambda/eventSourceMapping:EventSourceMapping", MAPPING, Account(client, "x")) == "u-1"
    assert client.asked == {"FunctionName": MAPPING["functionName"], "EventSourceArn": MAPPING["eventSourceArn"]}


def test_where_two_are_listed_none_is_taken() -> None:
    client = Listing(EventSourceMappings=[{"UUID": "u-1"}, {"UUID": "u-2"}])
    with pytest.raises(Failed, match="2 where one was to be created: u-1, u-2"):
        import_id("aws:lambda/eventSourceMapping:EventSourceMapping", MAPPING, Account(client, "x"))


def test_a_saved_query_is_found_by_its_whole_name() -> None:
    listed = [
        {"name": "query-errors-dev-b", "queryDefinitionId": "b"},
        {"name": "query-errors-dev", "queryDefinitionId": "a"},
    ]
    account = Account(Listing(queryDefinitions=listed), "cn-north-1")
    found = import_id("aws:cloudwatch/queryDefinition:QueryDefinition", {"name": "query-errors-dev"}, account)
    assert found == "arn:aws-cn:logs:cn-north-1:210987654321:query-definition:a"
    with pytest.raises(NotThere):
        import_id("aws:cloudwatch/queryDefinition:QueryDefinition", {"name": "query-errors"}, account)


def test_what_can_not_be_looked_up_is_named() -> None:
    with pytest.raises(Failed, match="aws:ec2/instance:Instance") as unknown:
        import_id("aws:ec2/instance:Instance", {}, Account(no_client, "x"))
    assert "pulumi import" in unknown.value.hint
    with pytest.raises(Failed, match="'name'"):
        import_id("aws:iam/role:Role", {"namePrefix": "role-"}, Account(no_client, "x"))


@pytest.mark.parametrize("layer", LAYER_NAMES)
def test_every_resource_of_every_layer_can_be_looked_up(layer: str) -> None:
    resources = roll_out(layer)[layer].resources
    queries = [{"name": one.inputs.get("name"), "queryDefinitionId": one.name} for one in resources]
    client = Listing(EventSourceMappings=[{"UUID": "u-1"}], Subscriptions=[], queryDefinitions=queries)
    ids = [(one.type, import_id(one.type, one.inputs, Account(client, "us-east-1"))) for one in resources]
    own = [pair for pair in ids if not pair[0].endswith(":EventSourceMapping")]
    assert own
    assert len(set(own)) == len(own)
