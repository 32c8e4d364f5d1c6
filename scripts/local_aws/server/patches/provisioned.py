"""Lambda's list of a function's provisioned concurrency, which ministack takes for the question about one qualifier."""

from __future__ import annotations

from typing import Any

from ministack.core.responses import json_response

from local_aws.server.patches.target import lambda_svc


def apply() -> None:
    """Make the correction."""
    one = lambda_svc._get_provisioned_concurrency

    def one_or_all(name: str, qualifier: str | None) -> Any:
        # Only the listing has no qualifier ("ListProvisionedConcurrencyConfigs").
        if qualifier or name not in lambda_svc._functions:
            return one(name, qualifier)
        kept = lambda_svc._functions[name].get("provisioned_concurrency", {})
        arn = lambda_svc._func_arn(name)
        return json_response(
            {
                "ProvisionedConcurrencyConfigs": [
                    {**config, "FunctionArn": f"{arn}:{key}"} for key, config in kept.items()
                ]
            }
        )

    lambda_svc._get_provisioned_concurrency = one_or_all
