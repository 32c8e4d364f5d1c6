from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

import pulumi
import pytest

from compute import config as compute_config
from foundation import config as foundation_config
from foundation import program, stack_files
from foundation.catalog import CATALOG
from tests.support.mocks import Recording, record, run_layer

if TYPE_CHECKING:
    from pathlib import Path


def test_the_layers_configuration_arrives_typed() -> None:
    seen: list[foundation_config.FoundationConfig] = []
    record(
        lambda: seen.append(program.load("foundation", foundation_config.FoundationConfig, foundation_config.parse)),
        stack="blue",
        config={"foundation:owner": "me", "aws:region": "us-east-1", "data:onDemand": "true"},
    )
    assert seen[0].suffix == "blue"
    assert seen[0].tags.owner == "me"


def test_a_misspelt_key_stops_the_program_before_anything_is_registered() -> None:
    recording = Recording()
    with pytest.raises(pulumi.RunError, match="did you mean 'costCenter'"):
        run_layer("foundation", config={"foundation:costCentre": "7"}, recording=recording)
    assert recording.registrations == []


def test_a_misspelt_key_is_seen_when_the_engine_hands_the_configuration_over_in_the_environment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PULUMI_CONFIG", json.dumps({"foundation:ownr": "me"}))
    with pytest.raises(pulumi.RunError, match="did you mean 'owner'"):
        run_layer("foundation")


def test_mistakes_of_configuration_and_catalog_are_reported_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    broken = replace(CATALOG.functions[0], timeout_seconds=901)
    monkeypatch.setattr(program, "CATALOG", replace(CATALOG, functions=(broken, *CATALOG.functions[1:])))
    with pytest.raises(pulumi.RunError, match=r"(?s)compute:logRetentionDays is '30'.*timeout_seconds is 901"):
        record(
            lambda: program.load("compute", compute_config.Keys, compute_config.parse),
            config={"compute:logRetentionDays": "30"},
        )


@pytest.mark.parametrize("stack", ["Dev", "a" * 17])
def test_a_stack_that_can_be_no_suffix_is_refused_before_anything_is_registered(stack: str) -> None:
    recording = Recording()
    with pytest.raises(pulumi.RunError, match="environmentSuffix"):
        run_layer("foundation", stack=stack, recording=recording)
    assert recording.registrations == []


@pytest.mark.parametrize(
    ("written", "engine_has"), [("0420", "272"), ("420", "420"), ("1_000", "1000"), ("2013-01-01", "")]
)
def test_a_value_without_quotes_that_the_engine_changed_is_refused_as_a_tag(
    written: str, engine_has: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stack_files, "ROOT", tmp_path)
    (tmp_path / "environments").mkdir()
    file = tmp_path / "environments" / "Pulumi.blue.yaml"
    file.write_text(f"config:\n  foundation:costCenter: {written}\n")
    recording = Recording()
    with pytest.raises(
        pulumi.RunError, match=rf'Pulumi\.blue\.yaml:2 foundation:costCenter is {written}.*quote.*"{written}"'
    ):
        run_layer("foundation", stack="blue", config={"foundation:costCenter": engine_has}, recording=recording)
    assert recording.registrations == []
    file.write_text(f'config:\n  foundation:costCenter: "{written}"\n')
    run_layer("foundation", stack="blue", config={"foundation:costCenter": written}, recording=recording)
    assert recording.registrations
