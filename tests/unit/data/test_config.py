import pytest

from data.config import parse
from foundation.problems import InvalidConfiguration


def test_tables_are_provisioned_and_recoverable_by_default() -> None:
    config = parse({}, stack="dev")
    assert (config.on_demand, config.point_in_time_recovery) == (False, True)


def test_both_can_be_switched() -> None:
    raw = {"onDemand": "true", "pointInTimeRecovery": "false"}
    config = parse(raw, stack="dev")
    assert (config.on_demand, config.point_in_time_recovery) == (True, False)


def test_everything_wrong_is_reported_at_once() -> None:
    with pytest.raises(InvalidConfiguration) as caught:
        parse({"onDemand": "maybe", "pointInTimeRecover": "true"}, stack="dev")
    assert {problem.where for problem in caught.value.problems} == {"data:onDemand", "data:pointInTimeRecover"}
