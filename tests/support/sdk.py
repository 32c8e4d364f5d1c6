"""Resource types as the provider's SDK declares them."""

import importlib
import inspect
from functools import cache


@cache
def arguments(type_: str) -> frozenset[str]:
    """The arguments of a resource type, such as `aws:sqs/queue:Queue`, as the SDK's Python class takes them."""
    _, module, name = type_.split(":")
    package = module.split("/")[0]
    namespace = importlib.import_module(f"pulumi_aws.{'lambda_' if package == 'lambda' else package}")
    return frozenset(inspect.signature(getattr(namespace, name)._internal_init).parameters)
