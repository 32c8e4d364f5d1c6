"""The account's quota of concurrent executions: what is set aside has to fit, and AWS is to be asked for what lacks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

import compute.config
from estate_tool.core.errors import UsageError
from estate_tool.rollout import quota
from foundation.model import Function
from tests.unit.tool.conftest import Estate, configuration

if TYPE_CHECKING:
    from collections.abc import Mapping


class Account:
    """Lambda in an account: its quota, and what functions have of it; `refused` is the error of every call."""

    def __init__(
        self, limit: int, unreserved: int | None = None, provisioned: int | None = None, refused: str = ""
    ) -> None:
        self._limits = {
            "ConcurrentExecutions": limit,
            "UnreservedConcurrentExecutions": limit if unreserved is None else unreserved,
        }
        self._provisioned, self._refused = provisioned, refused

    def get_account_settings(self) -> Mapping[str, Any]:
        if self._refused:
            raise ClientError({"Error": {"Code": self._refused, "Message": "no"}}, "GetAccountSettings")
        return {"AccountLimit": self._limits}

    def get_provisioned_concurrency_config(self, **asked: str) -> Mapping[str, Any]:
        if self._provisioned is None:
            error = {"Error": {"Code": "ProvisionedConcurrencyConfigNotFoundException", "Message": "none"}}
            raise ClientError(error, "GetProvisionedConcurrencyConfig")
        assert asked == {"FunctionName": "lambda-query-dev", "Qualifier": "live"}
        return {"RequestedProvisionedConcurrentExecutions": self._provisioned}


def estate(account: Account, **keys: Any) -> Any:
    return Estate(clients={"lambda": account}, configuration=configuration(keys))


def provisioning(**keys: Any) -> compute.config.Provisioning:
    return compute.config.parse(keys, stack="dev").provisioning


def function(name: str, **more: Any) -> Function:
    return Function(name=name, handler=f"{name}.handler.handle", description=name, timeout_seconds=10, **more)


def test_provisioned_environments_and_reservations_are_set_aside() -> None:
    functions = [
        function("a", critical=True),
        function("b", critical=True, reserved_concurrency=20),
        function("c", reserved_concurrency=7),
        function("d"),
    ]
    assert quota.needed(provisioning(peakMinimum=3), functions) == 3 + 20 + 7
    assert quota.needed(provisioning(provisionedMinimum=4, peakMinimum=2), functions) == 4 + 20 + 7


@pytest.mark.parametrize(
    ("limit", "unreserved", "short"), [(10, 10, 2), (11, 11, 1), (12, 12, 0), (1000, 11, 1), (1000, 5, 2), (50, 50, 0)]
)
def test_ten_executions_have_to_stay_unreserved(limit: int, unreserved: int, short: int) -> None:
    assert quota.read(estate(Account(limit, unreserved))).short == short


def test_what_is_rolled_out_already_has_been_taken_off_before() -> None:
    assert quota.read(estate(Account(12, 11, provisioned=1))).short == 0
    assert quota.read(estate(Account(12, 11, provisioned=1), peakMinimum=4)).short == 2


def test_a_quota_of_ten_is_refused_with_what_to_ask_aws_for() -> None:
    with pytest.raises(UsageError) as refused:
        quota.require(estate(Account(10)), print)
    assert "quota of 10 concurrent executions" in refused.value.message
    assert "nothing was touched" in refused.value.message
    assert "--service-code lambda --quota-code L-B99A9384 --desired-value 1000 --region us-east-1" in refused.value.hint
    assert "compute:provisionedMinimum: 0 in environments/Pulumi.dev.yaml" in refused.value.hint


def test_with_more_than_usual_the_number_of_missing_ones_is_named() -> None:
    account = Account(3000, 12)
    wanted = quota.hint(quota.read(estate(account, peakMinimum=5)), estate(account))
    assert "--desired-value 3003 " in wanted


def test_credentials_that_may_not_ask_do_not_stop_a_rollout(capsys: pytest.CaptureFixture[str]) -> None:
    quota.require(estate(Account(10, refused="AccessDeniedException")), print)
    assert "AccessDeniedException" in capsys.readouterr().out
    with pytest.raises(ClientError):
        quota.require(estate(Account(10, refused="ServiceException")), print)
