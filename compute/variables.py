"""Values of the environment variables that functions declare, as an environment's file sets them."""

from collections.abc import Mapping
from typing import Any

from foundation.model import Catalog, Function, QueueGrant, TableGrant
from foundation.naming import MAX_NAME, MAX_SUFFIX
from foundation.secrets import SecretGrant, reference
from foundation.values import settled, variable

_LONGEST_ADDRESS = len("https://sqs.us-gov-west-1.amazonaws.com/123456789012/queue-")


def values(catalog: Catalog, configured: Mapping[str, Any], stack: str) -> dict[str, dict[str, str]]:
    """Return the declared variables of every function; raise InvalidConfiguration with everything that is wrong."""
    declared = {function.name: function.environment for function in catalog.functions}
    own = {function.name: own_bytes(function, catalog) for function in catalog.functions}
    return settled(declared, configured, own, stack)


def own_bytes(function: Function, catalog: Catalog) -> int:
    """Return how many bytes the estate's own variables of a function take at most, names and values."""
    own = {"DEAD_LETTER_QUEUE": _LONGEST_ADDRESS + MAX_NAME} if function.trigger else dict[str, int]()
    for grant in function.grants:
        if isinstance(grant, TableGrant):
            own[variable("TABLE", grant.table)] = len(f"table-{grant.table}-")
        elif isinstance(grant, QueueGrant):
            own[variable("QUEUE", grant.queue)] = _LONGEST_ADDRESS + len(grant.queue)
        elif isinstance(grant, SecretGrant):
            own[variable("SECRET", grant.secret)] = len(reference(catalog.secret(grant.secret), ""))
    return sum(len(name) + size + MAX_SUFFIX for name, size in own.items())
