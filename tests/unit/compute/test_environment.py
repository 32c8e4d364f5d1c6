"""Environment variables of functions: those of grants, and those that the catalog declares."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pulumi
import pytest

from compute.environment import values, variables
from data.outputs import DataOutputs, QueueOutputs, TableOutputs
from foundation.model import Catalog, Function, QueueGrant, TableGrant
from foundation.naming import Names
from foundation.problems import InvalidConfiguration
from foundation.secrets import Secret, SecretGrant
from foundation.stack_files import layer_files
from foundation.validation import validate
from foundation.values import PerEnvironment, Values
from tests.support.declarations import READ, STORE, SWEEP, with_function
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
        pulumi.export(
            "variables", variables(function, Names("dev"), data, values, [Secret(name="api-key", parameter="/api-key")])
        )

    return dict(record(program).outputs["variables"])


def test_a_granted_table_is_named_and_a_granted_queue_addressed() -> None:
    grants = (TableGrant(table="totals", access=("get",)), QueueGrant(queue="inbox", access=("send",)))
    assert _variables(replace(READ, grants=grants)) == {"TABLE_TOTALS": "table-totals-dev", "QUEUE_INBOX": "inbox-url"}


def test_hyphens_become_underscores() -> None:
    grants = (TableGrant(table="hourly-sums", access=("get",)),)
    assert _variables(replace(READ, grants=grants)) == {"TABLE_HOURLY_SUMS": "table-hourly-sums-dev"}


def test_declared_variables_are_passed_on() -> None:
    assert _variables(replace(READ, grants=()), RETENTION_DAYS="400") == {"RETENTION_DAYS": "400"}


def test_a_secret_is_named_by_its_place() -> None:
    grants = (SecretGrant(secret="api-key"),)
    assert _variables(replace(READ, grants=grants)) == {"SECRET_API_KEY": "ssm:/api-key"}


def test_without_grants_a_function_has_no_variables() -> None:
    assert _variables(replace(READ, grants=())) == {}


DECLARED: Values = {"PAGE": "100", "PARTNER_URL": PerEnvironment(), "REGION_NAME": PerEnvironment(default="eu")}


def catalog(declared: Values = DECLARED) -> Catalog:
    return with_function(READ, environment=declared)


def of_read(configured: Mapping[str, Any]) -> dict[str, str]:
    return values(catalog(), {"read": configured}, "prod")["read"]


def refused(configured: Mapping[str, Any]) -> tuple[str, str]:
    with pytest.raises(InvalidConfiguration) as raised:
        values(catalog(), configured, "prod")
    (problem,) = raised.value.problems
    return problem.where, problem.allowed


def test_an_environment_sets_values_and_leaves_others_at_their_defaults() -> None:
    assert of_read({"PARTNER_URL": "https://a"}) == {"PAGE": "100", "PARTNER_URL": "https://a", "REGION_NAME": "eu"}
    assert of_read({"PARTNER_URL": "https://a", "REGION_NAME": "us"})["REGION_NAME"] == "us"
    assert values(catalog({}), {}, "prod") == {"store": {}, "count": {}, "read": {}}


GIVEN = {"PARTNER_URL": "https://a"}


@pytest.mark.parametrize(
    ("configured", "where", "said"),
    [
        ({}, "compute:environment.read.PARTNER_URL", "environments/Pulumi.prod.yaml"),
        ({"read": GIVEN | {"PARTNER_URI": "x"}}, "compute:environment.read.PARTNER_URI", "mean 'PARTNER_URL'"),
        ({"read": GIVEN | {"PAGE": "5"}}, "compute:environment.read.PAGE", "the same in every environment"),
        ({"read": GIVEN | {"AWS_REGION": "x"}}, "compute:environment.read.AWS_REGION", "Lambda sets"),
        ({"read": GIVEN, "raed": {}}, "compute:environment.raed", "mean 'read'"),
        ({"read": GIVEN, "store": "x"}, "compute:environment.store", "by the names of variables"),
        ({"read": {"PARTNER_URL": 5}}, "compute:environment.read.PARTNER_URL", 'quote it: "5"'),
        ({"read": {"PARTNER_URL": ""}}, "compute:environment.read.PARTNER_URL", "not empty"),
        ({"read": {"PARTNER_URL": {"secure": "v1:x"}}}, "compute:environment.read.PARTNER_URL", "a Secret"),
        ({"read": {"PARTNER_URL": "é" * 2048}}, "compute:environment.read bytes", "at most 4096"),
    ],
)  # fmt: skip
def test_an_invalid_value_of_an_environment_is_refused(configured: Mapping[str, Any], where: str, said: str) -> None:
    assert refused(configured)[0] == where
    assert said in refused(configured)[1]


QUEUE_ADDRESS = len("https://sqs.us-gov-west-1.amazonaws.com/123456789012/queue-") + 24 + 16


@pytest.mark.parametrize(
    ("function", "own"),
    [
        (READ, {"TABLE_TOTALS": len("table-totals-") + 16}),
        (STORE, {"TABLE_ITEMS": len("table-items-") + 16, "DEAD_LETTER_QUEUE": QUEUE_ADDRESS}),
        (SWEEP, {}),
        (replace(STORE, trigger=None, grants=(QueueGrant(queue="inbox", access=("send",)),)),
         {"QUEUE_INBOX": QUEUE_ADDRESS - 24 + len("inbox")}),
        (replace(READ, grants=(SecretGrant(secret="key"),)), {"SECRET_KEY": len("ssm:/key/") + 16}),
    ],
    ids=["table", "batches", "schedule", "queue", "secret"],
)  # fmt: skip
def test_the_estates_own_variables_count_towards_the_limit(function: Function, own: Mapping[str, int]) -> None:
    most = 4096 - sum(len(name) + size for name, size in own.items()) - len("URL")
    declared = replace(
        with_function(function, environment={"URL": PerEnvironment()}),
        secrets=(Secret(name="key", parameter="/key/{suffix}"),),
    )
    assert values(declared, {function.name: {"URL": "x" * most}}, "prod")[function.name]
    with pytest.raises(InvalidConfiguration) as raised:
        values(declared, {function.name: {"URL": "x" * (most + 1)}}, "prod")
    assert [problem.value for problem in raised.value.problems] == [4097]


@pytest.mark.parametrize("name", ["AWS_REGION", "LAMBDA_X", "TABLE_X", "SECRET_X", "_HANDLER", "lower", "WITH-HYPHEN"])
def test_names_that_are_not_a_functions_to_declare_are_refused(name: str) -> None:
    with pytest.raises(InvalidConfiguration) as raised:
        validate(catalog({name: PerEnvironment()}))
    (problem,) = raised.value.problems
    assert (problem.where, problem.value) == ("catalog function 'read' environment", name)


def test_an_error_names_the_line_of_the_file(tmp_path: Path) -> None:
    (tmp_path / "environments").mkdir()
    lines = ["config:", "  compute:environment:", "    read:", "      PARTNER_URL: 5"]
    (tmp_path / "environments" / "Pulumi.prod.yaml").write_text("\n".join(lines))
    configured = layer_files("compute", "prod", tmp_path).own["environment"]
    assert refused(configured)[0] == "environments/Pulumi.prod.yaml:4 compute:environment.read.PARTNER_URL"


def test_values_that_are_encrypted_together_are_refused(tmp_path: Path) -> None:
    (tmp_path / "environments").mkdir()
    lines = ["config:", "  compute:environment:", "    secure: v1:abc"]
    (tmp_path / "environments" / "Pulumi.prod.yaml").write_text("\n".join(lines))
    with pytest.raises(InvalidConfiguration) as raised:
        layer_files("compute", "prod", tmp_path)
    assert "a Secret of the catalog" in raised.value.problems[0].allowed


def test_other_functions_of_the_catalog_are_not_touched() -> None:
    other = replace(READ, name="other", environment={"MODE": PerEnvironment(default="fast")})
    assert values(with_function(other), {}, "prod")["other"] == {"MODE": "fast"}
