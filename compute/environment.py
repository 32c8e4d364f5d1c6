"""Environment variables of functions: granted tables, queues and secrets, and the values an environment sets."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from foundation.model import Catalog, Function, QueueGrant, TableGrant
from foundation.naming import MAX_NAME, MAX_SUFFIX, Names
from foundation.secrets import Secret, SecretGrant, reference
from foundation.values import resolve, variable

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    # Every command reads the values, and the SDK takes longer to load than all else that a command needs.
    import pulumi

    from data.outputs import DataOutputs


def variables(
    function: Function, names: Names, data: DataOutputs, values: Mapping[str, str], secrets: Iterable[Secret] = ()
) -> Mapping[str, pulumi.Input[str]]:
    """Return TABLE_<NAME>, QUEUE_<NAME> (a URL) and SECRET_<NAME> (a reference) of each grant, and declared `values`.

    `secrets` are those of the catalog. `compute.function` adds DEAD_LETTER_QUEUE.
    """
    references = {secret.name: reference(secret, names.suffix) for secret in secrets}
    result: dict[str, pulumi.Input[str]] = dict(values)
    for grant in function.grants:
        if isinstance(grant, TableGrant):
            result[variable("TABLE", grant.table)] = names.table(grant.table)
        elif isinstance(grant, QueueGrant):
            result[variable("QUEUE", grant.queue)] = data.queues[grant.queue].url
        elif isinstance(grant, SecretGrant):
            result[variable("SECRET", grant.secret)] = references[grant.secret]
    return result


_LONGEST_ADDRESS = len("https://sqs.us-gov-west-1.amazonaws.com/123456789012/queue-")


def values(catalog: Catalog, configured: Mapping[str, Any], stack: str) -> dict[str, dict[str, str]]:
    """Return the declared variables of every function; raise InvalidConfiguration with all problems."""
    declared = {function.name: function.environment for function in catalog.functions}
    own = {function.name: own_bytes(function, catalog) for function in catalog.functions}
    return resolve(declared, configured, own, stack)


def own_bytes(function: Function, catalog: Catalog) -> int:
    """Return the most bytes of the estate's own variables of a function, names and values."""
    own = {"DEAD_LETTER_QUEUE": _LONGEST_ADDRESS + MAX_NAME} if function.takes_batches else dict[str, int]()
    for grant in function.grants:
        if isinstance(grant, TableGrant):
            own[variable("TABLE", grant.table)] = len(f"table-{grant.table}-")
        elif isinstance(grant, QueueGrant):
            own[variable("QUEUE", grant.queue)] = _LONGEST_ADDRESS + len(grant.queue)
        elif isinstance(grant, SecretGrant):
            own[variable("SECRET", grant.secret)] = len(reference(catalog.secret(grant.secret), ""))
    return sum(len(name) + size + MAX_SUFFIX for name, size in own.items())
