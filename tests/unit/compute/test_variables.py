"""Environment variables whose values an environment's file sets."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from compute.environment import values
from foundation.model import Catalog
from foundation.problems import InvalidConfiguration
from foundation.stack_files import layer_files
from foundation.validation import validate
from foundation.values import PerEnvironment, Values
from tests.support.declarations import READ, with_function

DECLARED: Values = {"PAGE": "100", "PARTNER_URL": PerEnvironment(), "REGION_NAME": PerEnvironment(default="eu")}


def catalog(declared: Values = DECLARED) -> Catalog:
    return with_function(READ, environment=declared)


def of_read(configured: Mapping[str, Any], declared: Values = DECLARED) -> dict[str, str]:
    return values(catalog(declared), {"read": configured}, "prod")["read"]


def refused(configured: Mapping[str, Any], declared: Values = DECLARED) -> tuple[str, str]:
    with pytest.raises(InvalidConfiguration) as raised:
        values(catalog(declared), configured, "prod")
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
def test_what_an_environment_may_not_set_is_refused(configured: Mapping[str, Any], where: str, said: str) -> None:
    assert refused(configured)[0] == where
    assert said in refused(configured)[1]


def test_the_estates_own_variables_count_towards_the_limit() -> None:
    # TABLE_TOTALS and a name of at most 29 characters, beside PARTNER_URL.
    most = 4096 - len("TABLE_TOTALS") - len("table-totals-") - 16 - len("PARTNER_URL")
    declared = {"PARTNER_URL": PerEnvironment()}
    assert of_read({"PARTNER_URL": "x" * most}, declared)
    assert refused({"read": {"PARTNER_URL": "x" * (most + 1)}}, declared)[0] == "compute:environment.read bytes"


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
