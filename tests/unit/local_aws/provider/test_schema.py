from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from local_aws.provider import schema
from local_aws.provider.resources import TYPES
from tests.support.provider_cases import INPUTS
from tests.unit.local_aws.provider.conftest import schema_of


@pytest.mark.parametrize("token", TYPES)
def test_every_name_in_a_declaration_exists_in_the_sdk(token: str) -> None:
    kind, derived = TYPES[token], schema_of(token)
    inputs, outputs = set(derived["inputs"]), set(derived["outputs"])

    assert (
        kind.force_new | kind.defaults.keys() | kind.computed | kind.kept | kind.unsupported | kind.reset.keys()
        <= inputs
    )
    assert {name.split(".")[0] for name in kind.json | kind.policies | kind.sets | kind.same.keys()} <= inputs
    assert {name.split(".")[0] for name in kind.names} <= inputs | outputs
    assert set(kind.outputs) <= outputs


@pytest.mark.parametrize("token", TYPES)
def test_inputs_that_the_sdk_requires_are_required(token: str) -> None:
    assert set(schema_of(token)["required"]) <= INPUTS[token].keys()


def test_names_types_and_required_inputs_come_from_the_sdk() -> None:
    alias = schema_of("aws:lambda/alias:Alias")

    assert alias["required"] == ["functionName", "functionVersion"]
    assert alias["inputs"]["routingConfig"] == {
        "object": {"additionalVersionWeights": {"map": "float"}},
        "required": [],
    }
    assert alias["outputs"]["invokeArn"] == "str"


def test_a_document_may_be_a_text_or_an_object() -> None:
    policy = schema_of("aws:iam/rolePolicy:RolePolicy")["inputs"]["policy"]

    assert policy["any_of"][0] == "str"
    assert policy["any_of"][1]["required"] == ["Statement", "Version"]


def test_an_archive_is_distinguished_from_other_types() -> None:
    assert schema_of("aws:lambda/function:Function")["inputs"]["code"] == "archive"


def test_a_derived_schema_is_cached(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cache = tmp_path / "plugins" / "schema.json"
    tokens = ["aws:lambda/alias:Alias"]
    derived = schema.Schemas(tokens, cache).get(tokens[0])
    monkeypatch.setattr(schema, "derive", None)

    assert schema.Schemas(tokens, cache).get(tokens[0]) == derived == schema_of(tokens[0])


@pytest.mark.parametrize("damage", ["", "{", "[]", '{"stamp": {"sdk": "1.0.0", "tokens": []}, "schemas": {}}'])
def test_a_damaged_or_outdated_memory_is_derived_again(tmp_path: Path, damage: str) -> None:
    cache = tmp_path / "schema.json"
    cache.write_text(damage)
    tokens = ["aws:lambda/alias:Alias"]

    assert schema.Schemas(tokens, cache).get(tokens[0]) == schema_of(tokens[0])
    assert json.loads(cache.read_text())["stamp"]["sdk"] == schema.sdk_version()


@pytest.mark.parametrize("part", ["sdk", "botocore", "sources", "tokens"])
def test_schemas_of_another_sdk_botocore_source_or_list_are_derived_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, part: str
) -> None:
    cache, derived = tmp_path / "schema.json", iter(["first", "second"])
    monkeypatch.setattr(schema, "_derive_in_child", lambda tokens: dict.fromkeys(tokens, next(derived)))
    assert [schema.Schemas(["a"], cache).get("a") for _ in range(2)] == ["first", "first"]
    stored = json.loads(cache.read_text())
    stored["stamp"][part] = "another"
    cache.write_text(json.dumps(stored))
    assert schema.Schemas(["a"], cache).get("a") == "second"


def test_deriving_leaves_the_sdk_usable_for_programs_in_the_same_process() -> None:
    code = (
        "from local_aws.provider.schema import derive; import pulumi_aws as aws; derive('aws:iam/role:Role');"
        "print(aws.iam.RolePolicy.__name__)"
    )

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=_environment())

    assert done.stdout == "RolePolicy\n"


def _environment() -> dict[str, str]:
    return os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
