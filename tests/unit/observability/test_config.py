"""Configuration of the observability layer."""

import json

import pytest

from foundation.problems import InvalidConfiguration
from observability.config import SEVERITIES, Subscription, parse

QUEUE = "arn:aws:sqs:us-east-1:123456789012:on-call"


def test_without_configuration_alarms_are_standard_and_have_no_subscribers():
    config = parse({}, stack="dev")
    assert (config.subscriptions, config.level, config.runbooks) == ((), "standard", "docs/runbooks")


@pytest.mark.parametrize(
    ("protocol", "endpoint"),
    [
        ("email", "on.call+estate@example.org"),
        ("https", "https://example.org/hooks/1?key=a"),
        ("https", "https://example.org:8443"),
        ("sqs", QUEUE),
        ("lambda", "arn:aws:lambda:us-east-1:123456789012:function:notify"),
        ("lambda", "arn:aws-us-gov:lambda:us-gov-west-1:123456789012:function:notify:live"),
    ],
)
def test_subscriptions_of_each_protocol_are_taken(protocol: str, endpoint: str):
    raw = json.dumps([{"protocol": protocol, "endpoint": endpoint}])
    assert parse({"subscriptions": raw}, stack="dev").subscriptions == (
        Subscription(protocol=protocol, endpoint=endpoint),
    )


@pytest.mark.parametrize(
    "item",
    [
        {"protocol": "sms", "endpoint": "+4912345"},
        {"protocol": "http", "endpoint": "http://example.org"},
        {"protocol": "https", "endpoint": "http://example.org"},
        {"protocol": "https", "endpoint": "https:///path"},
        {"protocol": "email", "endpoint": "no address"},
        {"protocol": "email", "endpoint": "two words@example.org"},
        {"protocol": "sqs", "endpoint": "https://sqs.us-east-1.amazonaws.com/123456789012/on-call"},
        {"protocol": "sqs", "endpoint": "arn:aws:lambda:us-east-1:123456789012:function:notify"},
        {"protocol": "lambda", "endpoint": QUEUE},
        {"protocol": "email"},
        {"protocol": "email", "endpoint": "a@example.org", "filter": "x"},
        {"protocol": "email", "endpoint": "a@example.org", "severity": "panic"},
        "a@example.org",
    ],
)
def test_a_subscription_that_cannot_work_is_refused_with_what_can(item: object):
    with pytest.raises(InvalidConfiguration) as refused:
        parse({"subscriptions": json.dumps([item])}, stack="dev")
    (problem,) = refused.value.problems
    assert problem.where == "observability:subscriptions"
    assert "sqs or lambda and an ARN" in problem.allowed


def test_a_subscriber_to_a_severity_gets_that_alone():
    items = [
        {"protocol": "sqs", "endpoint": QUEUE},
        {"protocol": "email", "endpoint": "night@example.org", "severity": "page"},
        {"protocol": "email", "endpoint": "desk@example.org", "severity": "ticket"},
    ]
    config = parse({"subscriptions": json.dumps(items)}, stack="dev")
    endpoints = {severity: [item.endpoint for item in config.subscribers(severity)] for severity in SEVERITIES}
    assert endpoints == {"page": [QUEUE, "night@example.org"], "ticket": [QUEUE, "desk@example.org"]}


@pytest.mark.parametrize("other", [{}, {"severity": "page"}])
def test_a_subscription_given_twice_is_refused(other: dict[str, str]):
    item = {"protocol": "sqs", "endpoint": QUEUE}
    with pytest.raises(InvalidConfiguration) as refused:
        parse({"subscriptions": json.dumps([item, {**item, **other}])}, stack="dev")
    (problem,) = refused.value.problems
    assert (problem.where, problem.value) == ("observability:subscriptions", QUEUE)


def test_all_problems_are_reported_at_once():
    raw = {"subscriptions": "nonsense", "maximumQueueAgeSeconds": "0", "durationPercent": "100", "durationPercnt": "90"}
    with pytest.raises(InvalidConfiguration) as refused:
        parse(raw, stack="dev")
    assert {problem.where for problem in refused.value.problems} == {f"observability:{key}" for key in raw}
    assert "did you mean 'durationPercent'" in str(refused.value)


@pytest.mark.parametrize("base", ["https://wiki.example.org/books", "docs/runbooks", "x" * 200])
def test_runbooks_may_stand_anywhere(base: str):
    assert parse({"runbooks": base}, stack="dev").runbooks == base


@pytest.mark.parametrize("base", ["", "docs/", "two words", "a#b", "x" * 201])
def test_a_base_that_no_link_can_begin_with_is_refused(base: str):
    with pytest.raises(InvalidConfiguration, match="observability:runbooks"):
        parse({"runbooks": base}, stack="dev")


@pytest.mark.parametrize(
    "key",
    [
        "alias/aws/sns", "1234abcd-12ab-34cd-56ef-1234567890ab", "arn:aws:kms:eu-west-1:123456789012:key/1234abcd",
        "arn:aws:kms:us-east-1:123456789012:alias/ours", "arn:aws:kms:us-east-1:1234:key/1234abcd", "",
    ],
)  # fmt: skip
def test_a_key_that_topics_cannot_use_is_refused(key: str):
    with pytest.raises(InvalidConfiguration, match="topicKeyArn"):
        parse({"topicKeyArn": key}, stack="dev")
