from dataclasses import replace
from typing import Any

import pytest

from compute import config
from compute.config import parse
from foundation import schedule_expressions
from foundation.catalog import CATALOG
from foundation.problems import InvalidConfiguration, Problem


def _problems(raw: dict[str, Any]) -> dict[str, Problem]:
    with pytest.raises(InvalidConfiguration) as caught:
        parse(raw, stack="dev")
    return {problem.where.removeprefix("compute:"): problem for problem in caught.value.problems}


def test_the_defaults_are_valid_and_complete() -> None:
    parsed = parse({}, stack="dev")
    assert parsed.log_retention_days == 14
    assert set(parsed.memory_mb) == {function.name for function in CATALOG.functions}
    assert parsed.provisioning.minimum <= parsed.provisioning.peak_minimum <= parsed.provisioning.maximum


@pytest.mark.parametrize("days", ["7", "14"])
def test_logs_are_kept_for_7_or_14_days(days: str) -> None:
    assert parse({"logRetentionDays": days}, stack="dev").log_retention_days == int(days)


@pytest.mark.parametrize("days", ["1", "6", "8", "13", "15", "30", "0", "-1", "never"])
def test_any_other_retention_is_rejected_with_what_is_allowed(days: str) -> None:
    problem = _problems({"logRetentionDays": days})["logRetentionDays"]
    assert (problem.value, problem.allowed) == (days, "7 or 14")


@pytest.mark.parametrize("key", ["provisionedMinimum", "peakMinimum"])
def test_no_floor_may_stand_above_the_maximum(key: str) -> None:
    assert parse({key: "3", "provisionedMaximum": "3"}, stack="dev").provisioning.maximum == 3
    problem = _problems({key: "4", "provisionedMaximum": "3"})[key]
    assert problem.value == 4
    assert "provisionedMaximum, which is 3" in problem.allowed


def test_peak_hours_have_a_length() -> None:
    problem = _problems({"peakStartHour": "9", "peakEndHour": "9"})["peakEndHour"]
    assert problem.value == 9


@pytest.mark.parametrize("value", ["2027-13-01", "20270301", "1.3.2027", "soon", ""])
def test_a_waiver_ends_on_a_day(value: str) -> None:
    assert parse({"provisionedWaivedUntil": "2027-03-01"}, stack="dev").provisioning.minimum == 1
    assert "2027-03-31" in _problems({"provisionedWaivedUntil": value})["provisionedWaivedUntil"].allowed


@pytest.mark.parametrize("zone", ["UTC", "Europe/Berlin", "America/Argentina/Buenos_Aires", "Etc/GMT+9"])
def test_a_zone_of_the_time_zone_database_is_taken(zone: str) -> None:
    assert parse({"timezone": zone}, stack="dev").provisioning.timezone == zone


@pytest.mark.parametrize("zone", ["Berlin", "europe/berlin", "Mars/Olympus", "", "../UTC", "/etc/passwd", "UTC\0"])
def test_any_other_zone_is_rejected(zone: str) -> None:
    assert "Europe/Berlin" in _problems({"timezone": zone})["timezone"].allowed


def test_without_a_time_zone_database_the_name_is_left_to_aws(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(schedule_expressions, "_is_known", lambda _: False)
    assert parse({"timezone": "Mars/Olympus"}, stack="dev").provisioning.timezone == "Mars/Olympus"


def test_settings_sizes_and_handlers_are_all_reported_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    def wrong(where: str) -> Any:
        raise InvalidConfiguration([Problem(where=where, value=3008, allowed="less")])

    monkeypatch.setattr(config, "memory_by_function", lambda _: wrong("sizing"))
    monkeypatch.setattr(config, "check_handlers", lambda _: wrong("handlers"))
    assert set(_problems({"logRetentionDays": "30", "peekStartHour": "1"})) == {
        "logRetentionDays",
        "peekStartHour",
        "sizing",
        "handlers",
    }


def test_provisioned_concurrency_stays_within_the_reservation(monkeypatch: pytest.MonkeyPatch) -> None:
    functions = tuple(replace(f, reserved_concurrency=4 if f.critical else 1) for f in config.CATALOG.functions)
    monkeypatch.setattr(config, "CATALOG", replace(config.CATALOG, functions=functions))
    assert parse({"provisionedMaximum": "4"}, stack="dev").provisioning.maximum == 4
    assert "which is 4" in _problems({"provisionedMaximum": "5"})["provisionedMaximum"].allowed
