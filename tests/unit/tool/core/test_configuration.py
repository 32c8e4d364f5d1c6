"""Refusals of a configuration, before anything is touched."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

import compute.config
from compute import sizing
from estate_tool.core import configuration
from estate_tool.core.errors import UsageError
from foundation import stack_files
from foundation.layers import LAYER_NAMES
from foundation.problems import InvalidConfiguration, Problem
from tests.support.fuzz import fuzzed

if TYPE_CHECKING:
    from pathlib import Path


FILE = "environments/Pulumi.dev.yaml"


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    (tmp_path / "environments").mkdir()
    for layer in LAYER_NAMES:
        (tmp_path / layer).mkdir()
        (tmp_path / layer / "Pulumi.yaml").write_text(f"name: {layer}\nconfig:\n  aws:region:\n    value: us-east-1\n")
    return tmp_path


def write(checkout: Path, *lines: str) -> None:
    (checkout / FILE).write_text("\n".join(["config:", *(f"  {line}" for line in lines)]))


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
    assert loaded.allowed_accounts == ()


@pytest.mark.parametrize("accounts", ["['111122223333']", """'["111122223333"]'""", "'111122223333'"])
def test_settings_are_read_from_the_stacks_file(checkout: Path, accounts: str) -> None:
    write(checkout, "foundation:environmentSuffix: d1", f"aws:allowedAccountIds: {accounts}")
    loaded = configuration.load("dev", checkout)
    assert loaded.foundation.suffix == "d1"
    assert loaded.allowed_accounts == ("111122223333",)


def test_everything_wrong_in_any_layer_is_named_at_once(checkout: Path) -> None:
    write(
        checkout,
        "foundation:environmentSuffix: Bad_Suffix", "compute:logRetentionDays: 30", "compute:peakStartHour: 24",
    )  # fmt: skip
    message = refused(checkout)
    assert "foundation:environmentSuffix is 'Bad_Suffix'; allowed: 1-16 characters" in message
    assert "compute:logRetentionDays is 30; allowed: 7 or 14" in message
    assert "compute:peakStartHour is 24; allowed: a whole number from 0 to 23" in message


def test_an_unknown_key_is_an_error_with_the_closest_one_offered(checkout: Path) -> None:
    write(checkout, "data:onDemnd: true")
    assert "did you mean 'onDemand'?" in refused(checkout)


@pytest.mark.parametrize("key", ["computer:logRetentionDays", "logRetentionDays", "estate-data:onDemand"])
def test_a_key_of_no_layer_is_an_error_that_is_reported_once(checkout: Path, key: str) -> None:
    write(checkout, "data:onDemand: true", f"{key}: 7")
    message = refused(checkout)
    assert message.count(f"{FILE}:3 is {key!r}; allowed: keys of foundation:, data:, compute:, observability:") == 1


@pytest.mark.parametrize("layer", LAYER_NAMES)
def test_the_file_of_one_layer_is_refused_with_where_its_keys_belong(checkout: Path, layer: str) -> None:
    former = checkout / layer / "Pulumi.dev.yaml"
    former.write_text("encryptionsalt: v1:x\n")
    configuration.load("dev", checkout)
    former.write_text(f"encryptionsalt: v1:x\nconfig:\n  {layer}:key: true\n")
    message = refused(checkout)
    assert message.count("\n") == 1
    assert f"{layer}/Pulumi.dev.yaml" in message
    assert f"move the keys under its config: to {FILE}" in message
    with pytest.raises(InvalidConfiguration, match=f"{layer}/Pulumi.dev.yaml"):
        stack_files.layer_files(layer, "dev", checkout)


def test_a_name_that_can_not_be_a_suffix_is_refused_unless_one_is_set(checkout: Path) -> None:
    assert "the stack's name, as it is not set" in refused(checkout, "Prod.1")
    (checkout / "environments" / "Pulumi.Prod.1.yaml").write_text("config:\n  foundation:environmentSuffix: prod\n")
    assert configuration.load("Prod.1", checkout).foundation.suffix == "prod"


def test_a_secret_is_left_to_the_program(checkout: Path) -> None:
    write(checkout, "foundation:owner: {secure: v1:abc}")
    assert configuration.load("dev", checkout).foundation.tags.owner == "data-platform"


@pytest.mark.parametrize("content", ["config: [", "config: 3", "\tx"])
def test_a_file_that_is_no_configuration_is_named(checkout: Path, content: str) -> None:
    (checkout / FILE).write_text(content)
    assert refused(checkout).count(f"- {FILE}") == 1  # not once for each layer


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
    assert f"functions.query.memory_mb is {shown}; allowed: a whole number from 512 to 1024 (MB)" in refused(checkout)


def test_what_one_layer_is_configured_with_is_read_without_the_others(checkout: Path) -> None:
    write(checkout, "data:onDemand: true", "aws:profile: mine", "compute:peakStartHour: ~")
    assert configuration.values("data", "dev", checkout) == {"onDemand": "true"}
    (checkout / FILE).write_text("config: [")
    with pytest.raises(UsageError, match=FILE):
        configuration.values("data", "dev", checkout)


def test_what_is_wrong_with_the_catalog_is_reported_with_the_configuration(
    checkout: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_catalog: object) -> None:
        raise InvalidConfiguration([Problem(where="queue ingest", value=0, allowed="1 or more")])

    monkeypatch.setattr(configuration, "validate", refuse)
    write(checkout, "foundation:environmentSuffix: Bad_Suffix")
    message = refused(checkout)
    assert "queue ingest is 0; allowed: 1 or more" in message
    assert "foundation:environmentSuffix is 'Bad_Suffix'" in message


@pytest.mark.parametrize(
    "value",
    [
        "0420", "1e5", "12:30", "1_000", "010", "yes", "no", "on", "off", "2013-01-01", "0x1F", ".5", "~", "null",
        "", "n", "1:30:00", ".inf", "0o17", "+5", "08", "420", "true", "1.50",
    ],
)  # fmt: skip
def test_text_without_quotes_that_yaml_takes_for_something_else_is_refused_and_left(checkout: Path, value: str) -> None:
    write(checkout, "foundation:owner: me", f"foundation:costCenter: {value}")
    file = checkout / FILE
    before = file.read_bytes()
    message = refused(checkout)
    assert f"{FILE}:3 foundation:costCenter is {value}; allowed:" in message
    assert f'"{value}"' in message
    assert file.read_bytes() == before
    write(checkout, f'foundation:costCenter: "{value}"')
    if value not in ("", "~"):
        assert configuration.load("dev", checkout).foundation.tags.cost_center == value


@pytest.mark.parametrize(
    ("key", "values"),
    [
        (
            "compute:peakStartHour",
            ("010", "0x9", "0b1", "1_0", "1e1", "0:10", "~", "yes", "10.", "9.0", "'010'", "'1e1'"),
        ),
        ("data:onDemand", ("yes", "on", "1", "y", "'yes'")),
        ("aws:allowedAccountIds", ("111122223333", "[111122223333]", "['111122223333', 012345678901]")),
        (
            "observability:subscriptions",
            ("[{protocol: email, endpoint: 0420}]", "[{protocol: email, endpoint: 5}]", "0", "['x']"),
        ),
    ],
)
def test_a_value_that_is_not_written_as_its_type_is_refused_with_its_line(
    checkout: Path, key: str, values: tuple[str, ...]
) -> None:
    for value in values:
        write(checkout, f"{key}: {value}")
        assert f"{FILE}:2 {key} is " in refused(checkout), value


def test_a_key_that_stands_twice_is_refused_with_its_line(checkout: Path) -> None:
    write(checkout, "foundation:owner: me", "foundation:owner: you")
    assert "line 3: foundation:owner stands twice" in refused(checkout)


@pytest.mark.parametrize("content", ["config: {data:onDemand: " + "[" * 100_000, "config: &a {data:onDemand: *a}"])
def test_a_hostile_file_is_refused(checkout: Path, content: str) -> None:
    (checkout / FILE).write_text(content)
    assert f"{FILE} is " in refused(checkout)


KEYS = (
    "foundation:owner",
    "foundation:costCenter",
    "foundation:environmentSuffix",
    "foundation:nonsense",
    "aws:region",
)
VALUES = st.one_of(
    st.text("0123456789_.:-+eExXoOyn~ aA'\"[]{},#&*!", max_size=12), st.text(max_size=8),
    st.sampled_from(["0420", "yes", "~", "'0420'", '"1e5"', "platform", "team-a", "[a, 0420]", "{secure: x}"]),
)  # fmt: skip


@fuzzed()
@given(st.dictionaries(st.sampled_from(KEYS), VALUES, max_size=3), st.binary(max_size=12))
def test_any_environment_file_is_refused_or_read_as_it_is_written(
    tmp_path_factory: pytest.TempPathFactory, entries: dict[str, str], rest: bytes
) -> None:
    root = tmp_path_factory.getbasetemp() / "fuzzed"
    for layer in LAYER_NAMES:
        (root / layer).mkdir(parents=True, exist_ok=True)
    (root / "environments").mkdir(exist_ok=True)
    file = root / FILE
    text = "config:\n" + "".join(f"  {key}: {value}\n" for key, value in entries.items())
    file.write_bytes(text.encode() + (rest if b"\xff" in rest else b""))
    before = file.read_bytes()
    try:
        tags = configuration.load("dev", root).foundation.tags
    except UsageError:
        return
    finally:
        assert file.read_bytes() == before
    written = (yaml.load(text, Loader=yaml.CBaseLoader) or {}).get("config") or {}
    for key, found in (("foundation:owner", tags.owner), ("foundation:costCenter", tags.cost_center)):
        if isinstance(written.get(key), str):
            assert found == written[key]
            assert yaml.load(text, Loader=yaml.CSafeLoader)["config"][key] == found
