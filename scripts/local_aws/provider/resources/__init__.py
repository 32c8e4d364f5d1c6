"""The resource types of the local provider: one declaration each, a module per AWS service or two."""

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
    mappings,
    messaging,
    s3,
    scheduler,
)  # fmt: skip

_SERVICES: Final = (
    iam, dynamodb, autoscaling, messaging, cloudwatch, lambda_, mappings, budgets, s3, scheduler,
)  # fmt: skip
TYPES: Final[Mapping[str, ResourceType]] = {declared.token: declared for each in _SERVICES for declared in each.TYPES}
