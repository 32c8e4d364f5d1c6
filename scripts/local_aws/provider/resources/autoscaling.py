"""Application Auto Scaling: scalable targets, policies, scheduled actions."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from local_aws.provider.model import Call, Change, ResourceType, Tagging
from local_aws.provider.rules import Failure, exactly_one, matches, nested, one_of, ordered, within
from local_aws.provider.wire import Properties

_GONE: Final = ("ObjectNotFoundException",)
_KEYS: Final = frozenset({"resourceId", "scalableDimension", "serviceNamespace"})
_HERE: Final = (
    "ServiceNamespace=='{serviceNamespace}' && ResourceId=='{resourceId}' && ScalableDimension=='{scalableDimension}'"
)
_IMPORT: Final = "{serviceNamespace}/{resourceId}/{scalableDimension}"
# IAM and the target may not be visible everywhere yet.
_RETRY: Final = ("ConcurrentUpdateException", "Unable to assume IAM role", "No scalable target registered")
_CONFIGURATIONS: Final = {
    "StepScaling": "stepScalingPolicyConfiguration",
    "TargetTrackingScaling": "targetTrackingScalingPolicyConfiguration",
}


def _named(change: Change) -> list[str]:
    return [change.new["name"]]


def _configured(properties: Properties) -> Failure | None:
    """The configuration is the one the policy's type needs."""
    kind = properties["policyType"]
    for other, name in _CONFIGURATIONS.items():
        if name in properties and kind in _CONFIGURATIONS and other != kind:
            return "policyType", f'is "{kind}" (the default is StepScaling); {name} needs {other}'
    needed = _CONFIGURATIONS.get(kind)
    return (needed, f"missing; policyType {kind} needs it") if needed and needed not in properties else None


def _sized(action: Properties) -> Failure | None:
    return (
        None if action.keys() & {"minCapacity", "maxCapacity"} else ("minCapacity", "or maxCapacity is needed, or both")
    )


def _same_instant(one: Any, other: Any) -> bool:
    return datetime.fromisoformat(one) == datetime.fromisoformat(other)


_TARGET = ResourceType(
    token="aws:appautoscaling/target:Target",
    service="application-autoscaling",
    gone=_GONE,
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
    named=None,
    retry=_RETRY,
    rules=[within("minCapacity", 0, 2**31), within("maxCapacity", 0, 2**31), ordered("minCapacity", "maxCapacity")],
)  # fmt: skip

_POLICY = ResourceType(
    token="aws:appautoscaling/policy:Policy",
    service="application-autoscaling",
    gone=_GONE,
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
    delete=[Call("delete_scaling_policy")],
    imports=(_IMPORT + "/{name}",),
    force_new=_KEYS | {"name"},
    defaults={"policyType": "StepScaling"},
    unsupported={"predictiveScalingPolicyConfiguration"},
    retry=_RETRY,
    rules=[
        matches("name", r".{1,255}", "1 to 255 characters"),
        one_of("policyType", *_CONFIGURATIONS),
        _configured,
        nested(
            "targetTrackingScalingPolicyConfiguration",
            exactly_one("predefinedMetricSpecification", "customizedMetricSpecification"),
            within("scaleInCooldown", 0, 86400, "seconds"),
            within("scaleOutCooldown", 0, 86400, "seconds"),
        ),
    ],
)

_SCHEDULED_ACTION = ResourceType(
    token="aws:appautoscaling/scheduledAction:ScheduledAction",
    service="application-autoscaling",
    gone=_GONE,
    names={"name": "ScheduledActionName", "arn": "ScheduledActionARN"},
    create=[Call("put_scheduled_action")],
    read=[(Call("describe_scheduled_actions", {"ScheduledActionNames": _named}),
           f"ScheduledActions[?ScheduledActionName=='{{name}}' && {_HERE}] | [0]")],
    update=[Call("put_scheduled_action")],
    delete=[Call("delete_scheduled_action")],
    id=("{name}-{serviceNamespace}-{resourceId}",),
    imports=(_IMPORT + "/{name}",),
    force_new=_KEYS | {"name"},
    defaults={"timezone": "UTC"},
    same={"startTime": _same_instant, "endTime": _same_instant},
    name_limit=256,
    retry=_RETRY,
    rules=[
        matches("name", r"[^|\\/]{1,256}", "1 to 256 characters other than |, \\ and /"),
        matches("schedule", r"(at|rate|cron)\(.+\)", "at(…), rate(…) or cron(…)"),
        nested("scalableTargetAction", _sized, ordered("minCapacity", "maxCapacity")),
    ],
)  # fmt: skip

TYPES: Final = (_TARGET, _POLICY, _SCHEDULED_ACTION)
