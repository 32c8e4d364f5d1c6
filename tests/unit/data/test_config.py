import pytest

from data.config import DataConfig, parse
from foundation.problems import InvalidConfiguration


def test_tables_are_provisioned_and_recoverable_by_default() -> None:
    assert parse({}, stack="dev") == DataConfig(on_demand=False, point_in_time_recovery=True)


def test_both_can_be_switched() -> None:
    raw = {"onDemand": "true", "pointInTimeRecovery": "false"}
    assert parse(raw, stack="dev") == DataConfig(on_demand=True, point_in_time_recovery=False)


def test_everything_wrong_is_told_at_once() -> None:
    with pytest.raises(InvalidConfiguration) as caught:
        parse({"onDemand": "maybe", "pointInTimeRecover": "true"}, stack="dev")
    assert {problem.where for problem in caught.value.problems} == {"data:onDemand", "data:pointInTimeRecover"}
