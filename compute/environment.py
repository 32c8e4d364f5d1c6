"""Environment variables of a function: the physical tables and queues it was granted."""

import re
from collections.abc import Mapping

import pulumi

from data.outputs import DataOutputs
from foundation.model import Function, TableGrant
from foundation.naming import Names


def variables(function: Function, names: Names, data: DataOutputs) -> Mapping[str, pulumi.Input[str]]:
    """TABLE_<NAME> and QUEUE_<NAME> (a URL) for each grant, and what the declaration adds.

    DEAD_LETTER_QUEUE is added where the queue is made or named, in `compute.function`.
    """
    result: dict[str, pulumi.Input[str]] = dict(function.environment)
    for grant in function.grants:
        if isinstance(grant, TableGrant):
            result[_variable("TABLE", grant.table)] = names.table(grant.table)
        else:
            result[_variable("QUEUE", grant.queue)] = data.queues[grant.queue].url
    return result


def _variable(kind: str, name: str) -> str:
    return f"{kind}_{re.sub('[^a-z0-9]', '_', name).upper()}"
