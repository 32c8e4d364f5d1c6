"""What is refused of a configuration, before anything is touched."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

import compute.config
from compute import sizing
from estate_tool import configuration
from estate_tool.errors import UsageError
from foundation.layers import LAYER_NAMES
from foundation.problems import InvalidConfiguration, Problem

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    for layer in LAYER_NAMES:
        (tmp_path / layer).mkdir()
        (tmp_path / layer / "Pulumi.yaml").write_text(f"name: {layer}\nconfig:\n  aws:region:\n    value: us-east-1\n")
    return tmp_path


def write(checkout: Path, layer: str, *lines: str) -> None:
    (checkout / layer / "Pulumi.dev.yaml").write_text("\n".join(["config:", *(f"  {line}" for line in lines)]))


def refused(checkout: Path, environment: str = "dev") -> str:
    with pytest.raises(UsageError) as error:
        configuration.load(environment, checkout)
    assert error.value.exit_code == 2
    assert "nothing was touched" in error.value.message
    return error.value.message


def test_without_any_setting_the_defaults_hold_and_the_suffix_is_the_name(checkout: Path) -> None:
    loaded = configuration.load("dev", checkout)
    assert loaded.foundation.suffix == "dev"
    assert loaded.region == "us-east-1"
    assert set(loaded.allowed_accounts.values()) == {()}


@pytest.mark.parametrize("accounts", ["['111122223333']", """'["111122223333"]'""", "111122223333"])
def test_settings_are_read_from_the_stacks_file(checkout: Path, accounts: str) -> None:
    write(checkout, "foundation", "foundation:environmentSuffix: d1", f"aws:allowedAccountIds: {accounts}")
    loaded = configuration.load("dev", checkout)
    assert loaded.foundation.suffix == "d1"
    assert loaded.allowed_accounts["foundation"] == ("111122223333",)
    assert loaded.allowed_accounts["data"] == ()


def test_everything_wrong_in_any_layer_is_named_at_once(checkout: Path) -> None:
    write(checkout, "foundation", "foundation:environmentSuffix: Bad_Suffix")
    write(checkout, "compute", "compute:logRetentionDays: 30", "compute:peakStartHour: 24")
    message = refused(checkout)
    assert "foundation:environmentSuffix is 'Bad_Suffix'; allowed: 1-16 characters" in message
    assert "compute:logRetentionDays is '30'; allowed: 7 or 14" in message
    assert "compute:peakStartHour is '24'; allowed: a whole number from 0 to 23" in message


def test_an_unknown_key_is_an_error_with_the_closest_one_offered(checkout: Path) -> None:
    write(checkout, "data", "data:onDemnd: true")
    assert "did you mean 'onDemand'?" in refused(checkout)


def test_a_key_of_another_layer_is_an_error(checkout: Path) -> None:
    write(checkout, "data", "compute:logRetentionDays: 7")
    assert "data/Pulumi.dev.yaml is 'compute:logRetentionDays'; allowed: keys of data: or aws:" in refused(checkout)


def test_a_name_that_can_not_be_a_suffix_is_refused_unless_one_is_set(checkout: Path) -> None:
    assert "the stack's name, as it is not set" in refused(checkout, "Prod.1")
    (checkout / "foundation" / "Pulumi.Prod.1.yaml").write_text("config:\n  foundation:environmentSuffix: prod\n")
    assert configuration.load("Prod.1", checkout).foundation.suffix == "prod"


def test_a_secret_is_left_to_the_program(checkout: Path) -> None:
    write(checkout, "foundation", "foundation:owner: {secure: v1:abc}")
    assert configuration.load("dev", checkout).foundation.tags.owner == "data-platform"


@pytest.mark.parametrize("content", ["config: [", "config: 3", "\tx"])
def test_a_file_that_is_no_configuration_is_named(checkout: Path, content: str) -> None:
    (checkout / "data" / "Pulumi.dev.yaml").write_text(content)
    assert "Pulumi.dev.yaml" in refused(checkout)


@pytest.mark.parametrize("memory", [3008, 511, 1025, "512", 512.5, True, None])
def test_memory_outside_of_the_range_stops_everything(
    checkout: Path, memory: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = checkout / "compute" / "sizing.json"
    content = json.loads(sizing.SIZING_FILE.read_text())
    content["functions"]["query"]["memory_mb"] = memory
    path.write_text(json.dumps(content))
    monkeypatch.setattr(
        compute.config, "memory_by_function", lambda functions: sizing.memory_by_function(functions, path)
    )
    shown = "not set" if memory is None else repr(memory)
    assert f"functions.query.memory_mb is {shown}; allowed: a whole number of MB from 512 to 1024" in refused(checkout)


def test_what_one_layer_is_configured_with_is_read_without_the_others(checkout: Path) -> None:
    write(checkout, "data", "data:onDemand: true", "aws:profile: mine")
    write(checkout, "compute", "nonsense")
    assert configuration.values("data", "dev", checkout) == {"onDemand": "true"}
    (checkout / "data" / "Pulumi.dev.yaml").write_text("config: [")
    with pytest.raises(UsageError, match=r"data/Pulumi\.dev\.yaml"):
        configuration.values("data", "dev", checkout)


def test_what_is_wrong_with_the_catalog_is_told_with_the_configuration(
    checkout: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_catalog: object) -> None:
        raise InvalidConfiguration([Problem(where="queue ingest", value=0, allowed="1 or more")])

    monkeypatch.setattr(configuration, "validate", refuse)
    write(checkout, "foundation", "foundation:environmentSuffix: Bad_Suffix")
    message = refused(checkout)
    assert "queue ingest is 0; allowed: 1 or more" in message
    assert "foundation:environmentSuffix is 'Bad_Suffix'" in message
