"""botocore's opinion of every request that the local provider makes for the estate, and of planted faults."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from local_aws.provider.aws import ProviderError
from tests.support.mocks import Registration, everything
from tests.support.planted import ABSENT, FAULTS, Fault
from tests.support.requests import Request, requests_for

# Limits that cfn-lint does not know.
MORE = (
    Fault("table-events", "attributes/0/name", ""),
    Fault("ingest-function", "memorySize", 40_000),
    Fault("ingest-function", "memorySize", 64),
    Fault("ingest-function", "runtime", "python3.99"),
    Fault("ingest-function", "role", "role-ingest"),
    Fault("ingest-function", "architectures", ["arm"]),
    Fault("ingest-function", "loggingConfig/logFormat", "XML"),
    Fault("ingest-function", "environment/variables/with-hyphens", "x"),
    Fault("ingest-function", "name", "x" * 141),
    Fault("ingest-role", "tags", {"k" * 129: "value"}),
    Fault("ingest-role", "tags", {"key": "{value}"}),
    Fault("query-errors", "logGroupNames", ["/aws/lambda/with spaces"]),
    Fault("query-errors", "queryString", "x" * 10_001),
    Fault("filter-ingest-memory", "pattern", "x" * 1025),
    Fault("table-pages-write-policy", "name", "x" * 257),
    Fault("query-warm-config", "provisionedConcurrentExecutions", 0),
    Fault("estate-budget", "limitAmount", "much"),
    Fault("estate-budget", "timeUnit", "WEEKLY"),
    Fault("estate-budget", "budgetType", "MONEY"),
    Fault("estate-budget", "name", "x" * 101),
    Fault("estate-budget", "notifications/1/comparisonOperator", "OVER"),
    Fault("estate-budget", "notifications/1/subscriberSnsTopicArns", []),
    Fault("query-warm-peak", "timezone", ""),
    Fault("alarm-ingest-error-rate", "metricQueries/1/metric/stat", ABSENT),
    Fault("alarm-ingest-error-rate", "name", "x" * 256),
)
# Faults for cfn-lint that botocore's models find as well.
SHARED = tuple(
    fault
    for fault in FAULTS
    if fault.resource in ("aggregate-async", "aggregate-trigger-mapping") and fault.path != "qualifier"
)


@pytest.fixture(scope="module", autouse=True)
def _loopback() -> Iterator[None]:
    """Set a loopback endpoint, which the provider requires; no request is sent."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
        yield


@pytest.fixture(scope="module")
def resources() -> dict[str, Registration]:
    return everything()


@pytest.fixture(scope="module")
def requests(resources: dict[str, Registration]) -> dict[str, list[Request]]:
    """All requests of creating, reading, changing and deleting each resource, by its logical name."""
    return {name: requests_for(item) for name, item in resources.items()}


def test_botocore_finds_nothing_in_the_requests_of_the_estate(requests: dict[str, list[Request]]) -> None:
    found = {
        (name, each.operation, problem)
        for name, all_ in requests.items()
        for each in all_
        for problem in each.problems()
    }
    assert found == set()


def test_each_resource_is_created_read_changed_and_deleted(requests: dict[str, list[Request]]) -> None:
    made = {f"{each.service}:{each.operation}" for all_ in requests.values() for each in all_}
    wanted = {
        "dynamodb:CreateTable", "dynamodb:DescribeTable", "dynamodb:UpdateTable", "dynamodb:DeleteTable",
        "lambda:CreateFunction", "lambda:UpdateFunctionCode", "lambda:UpdateFunctionConfiguration",
        "lambda:PublishVersion", "lambda:DeleteFunction", "iam:PutRolePolicy", "iam:UntagRole",
        "sqs:SetQueueAttributes",
        "cloudwatch:PutMetricAlarm", "cloudwatch:PutCompositeAlarm", "cloudwatch:DeleteAlarms",
        "application-autoscaling:PutScheduledAction", "logs:PutMetricFilter", "sns:SetTopicAttributes",
    }  # fmt: skip
    assert wanted <= made
    assert all(len(all_) >= 3 for all_ in requests.values())


def test_an_alarm_that_was_of_one_metric_becomes_one_of_an_expression(resources: dict[str, Registration]) -> None:
    before = {"metricQueries": None, "metricName": "Errors", "namespace": "AWS/Lambda", "period": 60}
    made = requests_for(resources["alarm-ingest-error-rate"], before)
    changing = [each.parameters for each in made if each.operation == "PutMetricAlarm"][-1]
    assert not {"MetricName", "Namespace"} & changing.keys()


def problems(item: Registration) -> list[Any]:
    """All problems of the requests for one resource; a request that botocore itself refuses is the last."""
    try:
        return [problem for each in requests_for(item) for problem in each.problems()]
    except ProviderError as error:
        return [str(error)]


@pytest.mark.parametrize("fault", [*MORE, *SHARED], ids=str)
def test_botocore_finds_the_fault_that_was_planted(resources: dict[str, Registration], fault: Fault) -> None:
    assert problems(fault.planted(resources[fault.resource]))
