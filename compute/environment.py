"""Environment variables of a function: the physical tables and queues it was granted, and the names of its secrets."""

from collections.abc import Mapping

import pulumi

from data.outputs import DataOutputs
from foundation.model import Function, QueueGrant, TableGrant
from foundation.naming import Names
from foundation.secrets import SecretGrant
from foundation.values import variable


def variables(
    function: Function, names: Names, data: DataOutputs, values: Mapping[str, str], secrets: Mapping[str, str]
) -> Mapping[str, pulumi.Input[str]]:
    """TABLE_<NAME>, QUEUE_<NAME> (a URL) and SECRET_<NAME> (its place) for each grant, and the declared `values`.

    `secrets` are their places by name. DEAD_LETTER_QUEUE is added where the queue is made or named, in
    `compute.function`.
    """
    result: dict[str, pulumi.Input[str]] = dict(values)
    for grant in function.grants:
        if isinstance(grant, TableGrant):
            result[variable("TABLE", grant.table)] = names.table(grant.table)
        elif isinstance(grant, QueueGrant):
            result[variable("QUEUE", grant.queue)] = data.queues[grant.queue].url
        elif isinstance(grant, SecretGrant):
            result[variable("SECRET", grant.secret)] = secrets[grant.secret]
    return result
