from dataclasses import replace
from typing import Any

import pulumi

from compute.environment import variables
from data.outputs import DataOutputs, QueueOutputs, TableOutputs
from foundation.model import Function, QueueGrant, TableGrant
from foundation.naming import Names
from foundation.secrets import SecretGrant
from tests.support.declarations import READ
from tests.support.mocks import record


def _outputs(keys: tuple[str, ...], name: str) -> dict[str, pulumi.Output[Any]]:
    return {key: pulumi.Output.from_input(f"{name}-{key}") for key in keys}


TABLE_KEYS = tuple(TableOutputs.__dataclass_fields__)
QUEUE_KEYS = tuple(QueueOutputs.__dataclass_fields__)


def _variables(function: Function, **values: str) -> dict[str, str]:
    """Return the function's environment, next to tables and queues it is not granted."""

    def program() -> None:
        data = DataOutputs(
            tables={name: TableOutputs(**_outputs(TABLE_KEYS, name)) for name in ("totals", "hourly-sums", "other")},
            queues={name: QueueOutputs(**_outputs(QUEUE_KEYS, name)) for name in ("inbox", "other")},
        )
        pulumi.export("variables", variables(function, Names("dev"), data, values, {"api-key": "ssm:/api-key"}))

    return dict(record(program).outputs["variables"])


def test_a_granted_table_is_named_and_a_granted_queue_addressed() -> None:
    grants = (TableGrant(table="totals", access=("get",)), QueueGrant(queue="inbox", access=("send",)))
    assert _variables(replace(READ, grants=grants)) == {"TABLE_TOTALS": "table-totals-dev", "QUEUE_INBOX": "inbox-url"}


def test_hyphens_become_underscores() -> None:
    grants = (TableGrant(table="hourly-sums", access=("get",)),)
    assert _variables(replace(READ, grants=grants)) == {"TABLE_HOURLY_SUMS": "table-hourly-sums-dev"}


def test_what_the_declaration_adds_is_passed_on() -> None:
    assert _variables(replace(READ, grants=()), RETENTION_DAYS="400") == {"RETENTION_DAYS": "400"}


def test_a_secret_is_named_by_its_place() -> None:
    grants = (SecretGrant(secret="api-key"),)
    assert _variables(replace(READ, grants=grants)) == {"SECRET_API_KEY": "ssm:/api-key"}


def test_without_grants_a_function_has_no_variables() -> None:
    assert _variables(replace(READ, grants=())) == {}
