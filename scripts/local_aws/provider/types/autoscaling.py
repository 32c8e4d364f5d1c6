"""Application Auto Scaling: scalable targets, policies, scheduled actions."""

from __future__ import annotations

from typing import Final

from local_aws.provider.model import Call, Change, ResourceType, Tagging, matches, nested, one_of, within
from local_aws.provider.types.limits import ordered
from local_aws.provider.wire import Properties

_GONE: Final = ("ObjectNotFoundException",)
_TARGET_KEYS: Final = frozenset({"resourceId", "scalableDimension", "serviceNamespace"})
_HERE: Final = "ServiceNamespace=='{serviceNamespace}' && ResourceId=='{resourceId}' && ScalableDimension=='{scalableDimension}'"
# IAM and the target may not be visible everywhere yet.
_RETRY: Final = ("ConcurrentUpdateException", "Unable to assume IAM role", "No scalable target registered")


def _resource_ids(change: Change) -> list[str]:
    return [change.new["resourceId"]]


_TARGET = ResourceType(
    token="aws:appautoscaling/target:Target",
    service="application-autoscaling",
    gone=_GONE,
    names={"arn": "ScalableTargetARN"},
    create=[Call("register_scalable_target")],
    read=[(Call("describe_scalable_targets", {"ResourceIds": _resource_ids}), f"ScalableTargets[?{_HERE}] | [0]"),
          (Call("list_tags_for_resource", {"ResourceARN": "{arn}"}), "{Tags: Tags}")],
    update=[Call("register_scalable_target", {"Tags": None})],
    delete=[Call("deregister_scalable_target")],
    tagging=Tagging("tag_resource", "untag_resource", "ResourceARN"),
    id=("{resourceId}",),
    imports=("{serviceNamespace}/{resourceId}/{scalableDimension}",),
    force_new=_TARGET_KEYS,
    computed=frozenset({"roleArn", "suspendedState"}),
    named=None,
    retry=_RETRY,
    rules=[within("minCapacity", 0, 2**31), within("maxCapacity", 0, 2**31), ordered("minCapacity", "maxCapacity")],
)  # fmt: skip


def _policy_kind(properties: Properties) -> tuple[str, str] | None:
    kinds = {"StepScaling": "stepScalingPolicyConfiguration", "PredictiveScaling": "predictiveScalingPolicyConfiguration",
             "TargetTrackingScaling": "targetTrackingScalingPolicyConfiguration"}  # fmt: skip
    needed = kinds.get(properties["policyType"])
    for kind, name in kinds.items():
        if name in properties and name != needed:
            return "policyType", f'is "{properties["policyType"]}" (the default is StepScaling); {name} needs {kind}'
    return None if needed is None or needed in properties else (needed, f"missing; it is required for {properties['policyType']}")


def _one_metric(configuration: Properties) -> tuple[str, str] | None:
    both = ("predefinedMetricSpecification", "customizedMetricSpecification")
    given = [name for name in both if name in configuration]
    return None if len(given) == 1 else (both[0], f"or {both[1]} is needed: exactly one of them")


_POLICY = ResourceType(
    token="aws:appautoscaling/policy:Policy",
    service="application-autoscaling",
    gone=_GONE,
    names={"name": "PolicyName", "arn": "PolicyARN"},
    create=[Call("put_scaling_policy")],
    read=[(Call("describe_scaling_policies", {"PolicyNames": lambda change: [change.new["name"]]}),
           f"ScalingPolicies[?PolicyName=='{{name}}' && {_HERE}] | [0]")],
    outputs={"alarmArns": "Alarms[].AlarmARN || `[]`"},
    update=[Call("put_scaling_policy")],
    delete=[Call("delete_scaling_policy")],
    imports=("{serviceNamespace}/{resourceId}/{scalableDimension}/{name}",),
    force_new=_TARGET_KEYS | {"name"},
    defaults={"policyType": "StepScaling"},
    unsupported=frozenset({"predictiveScalingPolicyConfiguration"}),
    name_limit=255,
    retry=_RETRY,
    rules=[
        matches("name", r".{1,255}", "1 to 255 characters"),
        one_of("policyType", "StepScaling", "TargetTrackingScaling", "PredictiveScaling"),
        _policy_kind,
        nested("targetTrackingScalingPolicyConfiguration", _one_metric),
        nested("targetTrackingScalingPolicyConfiguration", within("scaleInCooldown", 0, 86400, "seconds")),
        nested("targetTrackingScalingPolicyConfiguration", within("scaleOutCooldown", 0, 86400, "seconds")),
    ],
)  # fmt: skip


def _action_size(action: Properties) -> tuple[str, str] | None:
    return None if action.keys() & {"minCapacity", "maxCapacity"} else ("", "needs minCapacity, maxCapacity or both")


_SCHEDULED_ACTION = ResourceType(
    token="aws:appautoscaling/scheduledAction:ScheduledAction",
    service="application-autoscaling",
    gone=_GONE,
    names={"name": "ScheduledActionName", "arn": "ScheduledActionARN"},
    create=[Call("put_scheduled_action")],
    read=[(Call("describe_scheduled_actions", {"ScheduledActionNames": lambda change: [change.new["name"]]}),
           f"ScheduledActions[?ScheduledActionName=='{{name}}' && {_HERE}] | [0]")],
    update=[Call("put_scheduled_action")],
    delete=[Call("delete_scheduled_action")],
    id=("{name}-{serviceNamespace}-{resourceId}",),
    imports=("{serviceNamespace}/{resourceId}/{scalableDimension}/{name}",),
    force_new=_TARGET_KEYS | {"name"},
    defaults={"timezone": "UTC"},
    name_limit=256,
    retry=_RETRY,
    rules=[
        matches("name", r"[^|\\/]{1,256}", "1 to 256 characters other than | \\ and /"),
        matches("schedule", r"(at|rate|cron)\(.+\)", "at(…), rate(…) or cron(…)"),
        nested("scalableTargetAction", _action_size),
        nested("scalableTargetAction", ordered("minCapacity", "maxCapacity")),
    ],
)  # fmt: skip

TYPES: Final = (_TARGET, _POLICY, _SCHEDULED_ACTION)
