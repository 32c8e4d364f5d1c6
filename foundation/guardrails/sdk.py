"""Facts of the provider's SDK about resource types that the rules do not list."""

import importlib
import inspect
from functools import cache


@cache
def has_tags(type_: str) -> bool:
    """True if a type of AWS's (`aws:s3/bucket:Bucket`) takes tags, as the SDK has it; also for one it does not know."""
    _, _, place = type_.partition(":")
    module, _, name = place.partition(":")
    package = module.partition("/")[0]
    try:
        namespace = importlib.import_module(f"pulumi_aws.{'lambda_' if package == 'lambda' else package}")
        arguments = getattr(namespace, f"{name}Args")
    except (ImportError, AttributeError):
        return True
    return "tags" in inspect.signature(arguments).parameters
