"""Application Auto Scaling: scalable targets, policies, scheduled actions."""

from __future__ import annotations

from datetime import datetime
from functools import partial
from typing import Any, Final

from local_aws.provider.model import Call, Change, ResourceType, Tagging

_GONE: Final = ("ObjectNotFoundException",)
_KEYS: Final = frozenset({"resourceId", "scalableDimension", "serviceNamespace"})
_HERE: Final = (
    "ServiceNamespace=='{serviceNamespace}' && ResourceId=='{resourceId}' && ScalableDimension=='{scalableDimension}'"
)
_IMPORT: Final = "{serviceNamespace}/{resourceId}/{scalableDimension}"
# IAM and the target may not be visible everywhere yet.
_RETRY: Final = ("ConcurrentUpdateException", "Unable to assume IAM role", "No scalable target registered")


def _named(change: Change) -> list[str]:
    return [change.new["name"]]


def _same_instant(one: Any, other: Any) -> bool:
    return datetime.fromisoformat(one) == datetime.fromisoformat(other)


_scaling_type = partial(ResourceType, service="application-autoscaling", gone=_GONE, retry=_RETRY)

_TARGET = _scaling_type(
    token="aws:appautoscaling/target:Target",
    names={"arn": "ScalableTargetARN"},
    create=[Call("register_scalable_target")],
    read=[(Call("describe_scalable_targets", {"ResourceIds": lambda change: [change.new["resourceId"]]}),
           f"ScalableTargets[?{_HERE}] | [0]")],
    update=[Call("register_scalable_target", {"Tags": None})],
    delete=[Call("deregister_scalable_target")],
    tagging=Tagging("list_tags_for_resource", "tag_resource", "untag_resource", "ResourceARN"),
    id=("{resourceId}",),
    imports=(_IMPORT,),
    force_new=_KEYS,
    computed={"roleArn", "suspendedState"},
)  # fmt: skip

_POLICY = _scaling_type(
    token="aws:appautoscaling/policy:Policy",
    names={"name": "PolicyName", "arn": "PolicyARN"},
    create=[Call("put_scaling_policy")],
    read=[
        (
            Call("describe_scaling_policies", {"PolicyNames": _named}),
            f"ScalingPolicies[?PolicyName=='{{name}}' && {_HERE}] | [0]",
        )
    ],
    outputs={"alarmArns": "Alarms[].AlarmARN || `[]`"},
    update=[Call("put_scaling_policy")],
    imports=(_IMPORT + "/{name}",),
    force_new=_KEYS | {"name"},
    defaults={"policyType": "StepScaling"},
    unsupported={"predictiveScalingPolicyConfiguration"},
)

_SCHEDULED_ACTION = _scaling_type(
    token="aws:appautoscaling/scheduledAction:ScheduledAction",
    names={"name": "ScheduledActionName", "arn": "ScheduledActionARN"},
    create=[Call("put_scheduled_action")],
    read=[(Call("describe_scheduled_actions", {"ScheduledActionNames": _named}),
           f"ScheduledActions[?ScheduledActionName=='{{name}}' && {_HERE}] | [0]")],
    update=[Call("put_scheduled_action")],
    id=("{name}-{serviceNamespace}-{resourceId}",),
    imports=(_IMPORT + "/{name}",),
    force_new=_KEYS | {"name"},
    defaults={"timezone": "UTC"},
    same={"startTime": _same_instant, "endTime": _same_instant},
    name_limit=256,
    limits={"schedule": {"pattern": r"(at|rate|cron)\(.+\)"}},
)  # fmt: skip

TYPES: Final = (_TARGET, _POLICY, _SCHEDULED_ACTION)
