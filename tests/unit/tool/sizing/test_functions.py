"""Functions by their names, patterns and tags, and the settings that right-sizing needs of them."""

from __future__ import annotations

from datetime import UTC, datetime
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from estate_tool.core.errors import Failed
from estate_tool.sizing.functions import AccountFunction, find, find_all, log_groups
from foundation.catalog import CATALOG
from tests.support.fake_lambda import FakeLambda
from tests.unit.tool.conftest import Estate, stubbed_client

if TYPE_CHECKING:
    from collections.abc import Iterator

NAMES = [function.name for function in CATALOG.functions]
BILLING = "arn:aws:lambda:us-east-1:123456789012:function:billing"


@pytest.fixture
def account() -> Any:
    """The estate's functions, and others."""
    fake = FakeLambda()
    names = (*(f"lambda-{name}-dev" for name in NAMES), "billing", "prod-b", "prod-a")
    fake.configurations = {name: {"MemorySize": 1024} for name in names}
    for other in (BILLING, f"{BILLING}:live", "billing:live"):
        fake.configurations[other] = {"FunctionName": "billing"}
    return Estate(clients={"lambda": fake})


@pytest.mark.parametrize(
    ("names", "found"),
    [
        ([], NAMES),
        (["ingest", "billing"], ["ingest", "billing"]),
        (["lambda-ingest-dev"], ["ingest"]),
        (["billing", BILLING, f"{BILLING}:live", "billing:live", "billing"], ["billing"]),
        (["prod-*"], ["prod-a", "prod-b"]),
        (["prod-[b]", "ingest"], ["prod-b", "ingest"]),
    ],
    ids=["none", "several", "physical name", "many names of one", "pattern", "pattern and name"],
)
def test_a_name_is_of_the_catalog_or_the_account_and_a_function_is_found_once(
    account: Any, names: list[str], found: list[str]
) -> None:
    assert [one.shown_name for one in find(account, names)] == found


@pytest.mark.parametrize("name", ["nonsense", "stage-*"])
def test_a_name_that_is_no_function_is_reported(account: Any, name: str) -> None:
    with pytest.raises(Failed, match=name.replace("*", r"\*")):
        find(account, [name])


def test_a_function_of_the_estate_that_is_not_there_is_not_deployed(account: Any) -> None:
    account.clients["lambda"].configurations.clear()
    with pytest.raises(ClientError):
        find(account, [])


def test_all_functions_are_those_of_the_account_by_name_or_those_with_tags(account: Any) -> None:
    for alias in (BILLING, f"{BILLING}:live", "billing:live"):
        del account.clients["lambda"].configurations[alias]
    everything = [one.name for one in find_all(account)]
    assert everything == sorted(["billing", "prod-a", "prod-b", *(f"lambda-{name}-dev" for name in NAMES)])
    account.clients["resourcegroupstaggingapi"], stub = stubbed_client("resourcegroupstaggingapi")
    wanted = {
        "ResourceTypeFilters": ["lambda:function"],
        "TagFilters": [{"Key": "Team", "Values": ["a=b"]}, {"Key": "Stage", "Values": ["prod"]}],
    }
    for arns in ([BILLING], []):
        stub.add_response("get_resources", {"ResourceTagMappingList": [{"ResourceARN": arn} for arn in arns]}, wanted)
    tags = {"Team": "a=b", "Stage": "prod"}
    assert [one.name for one in find_all(account, tags)] == ["billing"]
    with pytest.raises(Failed, match="Team=a=b, Stage=prod"):
        find_all(account, tags)


@pytest.mark.parametrize(
    ("configuration", "expected"),
    [
        ({}, {"memory_mb": 128, "log_group": "/aws/lambda/f", "architecture": "x86_64", "writes_reports": True,
              "changed": datetime(2026, 1, 31, 12, tzinfo=UTC), "catalog_name": None, "critical": False}),
        ({"MemorySize": 512, "Architectures": ["arm64"], "LoggingConfig": {"LogGroup": "/shared"}},
         {"memory_mb": 512, "architecture": "arm64", "log_group": "/shared"}),
        ({"LoggingConfig": {"LogFormat": "JSON", "SystemLogLevel": "WARN"}}, {"writes_reports": False}),
        ({"LoggingConfig": {"LogFormat": "JSON", "SystemLogLevel": "DEBUG"}}, {"writes_reports": True}),
        ({"LoggingConfig": {"LogFormat": "JSON"}}, {"writes_reports": True}),
        ({"LoggingConfig": {"LogFormat": "Text", "SystemLogLevel": "WARN"}}, {"writes_reports": True}),
        ({"FunctionName": "lambda-query-dev"}, {"catalog_name": "query", "critical": True}),
        ({"FunctionName": "lambda-ingest-dev"}, {"catalog_name": "ingest", "critical": False}),
    ],
)  # fmt: skip
def test_settings_are_those_of_lambda_or_its_defaults(
    account: Any, configuration: dict[str, Any], expected: dict[str, Any]
) -> None:
    account.clients["lambda"].configurations["f"] = configuration
    (function,) = find(account, ["f"])
    assert {key: getattr(function, key) for key in expected} == expected


@pytest.mark.parametrize("denied", [False, True])
def test_log_groups_of_functions_are_found_unless_access_is_denied(denied: bool) -> None:
    def paginate() -> Iterator[dict[str, Any]]:
        if denied:
            raise ClientError({"Error": {"Code": "AccessDeniedException", "Message": ""}}, "DescribeLogGroups")
        yield from ({"logGroups": [{"logGroupName": name}]} for name in ("/aws/lambda/f", "/other"))

    logs = SimpleNamespace(get_paginator=lambda _: SimpleNamespace(paginate=paginate))
    function = AccountFunction(name="f", memory_mb=512, log_group="/aws/lambda/f", architecture="arm64")
    estate: Any = Estate(clients={"logs": logs})
    assert list(log_groups(estate, [function])) == ([] if denied else ["/aws/lambda/f"])
