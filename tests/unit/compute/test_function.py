from dataclasses import replace
from typing import Any

import pulumi
import pytest

from compute.config import Provisioning
from compute.function import ServerlessFunction, ServerlessFunctionArgs
from foundation.model import Function
from tests.support.declarations import COUNT, TAGS
from tests.support.mocks import Recording, record

PROVISIONING = Provisioning(
    minimum=1, maximum=5, utilization_percent=70, peak_minimum=2, peak_start_hour=7, peak_end_hour=19, timezone="UTC"
)
OUTPUTS = ("name", "alias_name", "alias_arn", "version", "log_group", "failure_queue_arn", "memory_mb")


def _record(function: Function = COUNT, **changes: Any) -> Recording:
    args = ServerlessFunctionArgs(
        function=function,
        physical_name=f"lambda-{function.name}-dev",
        log_group_name=f"/aws/lambda/lambda-{function.name}-dev",
        failure_queue_name=f"dlq-{function.name}-dev",
        role_arn="arn:aws:iam::123456789012:role/some",
        runtime="python3.12",
        code=pulumi.AssetArchive({"handler.py": pulumi.StringAsset("")}),
        memory_mb=640,
        environment={"TABLE_TOTALS": "table-totals-dev"},
        log_retention_days=7,
        provisioning=PROVISIONING,
        suffix="dev",
        tags=TAGS,
    )

    def program() -> None:
        built = ServerlessFunction(function.name, replace(args, **changes))
        for key in OUTPUTS:
            pulumi.export(key, getattr(built, key))

    return record(program)


@pytest.fixture(scope="module")
def count() -> Recording:
    return _record()


def test_a_version_is_published_and_the_alias_points_to_it_not_to_latest(count: Recording) -> None:
    function, alias = count.one("lambda/function:Function"), count.one("Alias")
    assert function.inputs["publish"] is True
    assert alias.inputs["functionVersion"] == function.outputs["version"] != "$LATEST"
    assert alias.inputs["functionName"] == "lambda-count-dev"
    # Weights and provisioned concurrency exclude each other.
    assert "routingConfig" not in alias.inputs


def test_outputs_lead_to_the_alias_the_logs_and_the_failures(count: Recording) -> None:
    assert count.outputs == {
        "name": "lambda-count-dev",
        "alias_name": "live",
        "alias_arn": "arn:aws:lambda:us-east-1:123456789012:function:lambda-count-dev:live",
        "version": count.one("lambda/function:Function").outputs["version"],
        "log_group": "/aws/lambda/lambda-count-dev",
        "failure_queue_arn": "arn:aws:sqs:us-east-1:123456789012:dlq-count-dev",
        "memory_mb": 640,
    }
