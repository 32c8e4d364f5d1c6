"""The resource types of the local provider: one declaration each, one module per AWS service."""

from collections.abc import Mapping
from typing import Final

from local_aws.provider.model import ResourceType
from local_aws.provider.resources import (
    autoscaling,
    budgets,
    cloudwatch,
    dynamodb,
    iam,
    lambda_,
    logs,
    mappings,
    s3,
    scheduler,
    sns,
    sqs,
    urls,
)

TYPES: Final[Mapping[str, ResourceType]] = {
    declared.token: declared
    for service in (
        iam,
        dynamodb,
        autoscaling,
        sqs,
        logs,
        cloudwatch,
        lambda_,
        mappings,
        sns,
        budgets,
        s3,
        scheduler,
        urls,
    )
    for declared in service.TYPES
}
