"""Advice of AWS Compute Optimizer, beside our recommendation: it knows no bounds and no steps of ours."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from estate_tool.core.retries import code_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from estate_tool.core.environment import Environment
    from estate_tool.sizing.functions import Sized

# "Viewing Lambda function recommendations" and "Resource requirements" of the AWS Compute Optimizer User Guide.
_NO_ADVICE = "it gives none above 1,792 MB or below 50 invocations in 14 days"
_NOT_OPTED_IN = "OptInRequiredException"


def advise(environment: Environment, functions: Sequence[Sized], reports: Sequence[dict[str, Any]]) -> str:
    """Put `compute_optimizer`, the advice or None, into each function's result; returns what there is to say of all."""
    # Compute Optimizer is no service of the embedded AWS.
    advice, problem = ({}, "the embedded AWS has none") if environment.local else _advice(environment)
    for function, one in zip(functions, reports, strict=True):
        one["compute_optimizer"] = advice.get(function.name)
    without = sum(one["compute_optimizer"] is None for one in reports)
    return problem or f"advice for {len(reports) - without} of {len(reports)} functions; {_NO_ADVICE}"


def _advice(environment: Environment) -> tuple[dict[str, dict[str, Any]], str]:
    """By the function's name, and why there is none: advice is welcome, and never what a measurement fails for."""
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        pages = environment.client("compute-optimizer").get_paginator("get_lambda_function_recommendations").paginate()
        found = [one for page in pages for one in page["lambdaFunctionRecommendations"]]
    except (BotoCoreError, ClientError) as error:
        if code_of(error) == _NOT_OPTED_IN:
            return {}, "this account has not opted in to it"
        return {}, f"not available: {error}"
    # One for each version: the one that is called most counts, which is the last by this order.
    found.sort(key=lambda one: float(one.get("numberOfInvocations") or 0))
    return {str(one["functionArn"]).split(":")[6]: _to_dict(one) for one in found}, ""


def _to_dict(one: dict[str, Any]) -> dict[str, Any]:
    options = sorted(one.get("memorySizeRecommendationOptions") or (), key=lambda option: int(option.get("rank") or 0))
    finding, reasons = str(one.get("finding", "Unavailable")), list(one.get("findingReasonCodes") or ())
    advised = options[0]["memorySize"] if options else None
    because = f" ({', '.join(reasons)})" if reasons else ""
    size = "" if advised is None else f", advises {advised:,} MB"
    return {"finding": finding, "reasons": reasons, "recommended_mb": advised, "text": f"{finding}{because}{size}"}
