"""Application Auto Scaling, which ministack lacks: targets, policies and scheduled actions are kept; nothing scales."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any
from uuid import uuid4

from estate_tool.core.embedded.paths import ACCOUNT

TARGET = "AnyScaleFrontendService."
"""Begins the header X-Amz-Target of all of its operations."""

_OF_TARGET = ("ServiceNamespace", "ResourceId", "ScalableDimension")
_SCHEDULE = re.compile(r"(at|rate|cron)\(.+\)")
# The configuration that each type of policy needs, and the kinds of metric of which it takes exactly one.
_POLICIES: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "StepScaling": ("StepScalingPolicyConfiguration", ()),
    "TargetTrackingScaling": (
        "TargetTrackingScalingPolicyConfiguration",
        ("PredefinedMetricSpecification", "CustomizedMetricSpecification"),
    ),
}
_LONGEST_PAGE = 50

Parameters = dict[str, Any]
Key = tuple[str, ...]


class _Refused(Exception):
    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class Scaling:
    """The service: its requests, and its state for the snapshot. On the event loop's thread only."""

    def __init__(self) -> None:
        # By the region and the parts of an identity, as they come in requests.
        self._targets: dict[Key, Parameters] = {}
        self._policies: dict[Key, Parameters] = {}
        self._actions: dict[Key, Parameters] = {}
        self._stores = {"targets": self._targets, "policies": self._policies, "actions": self._actions}
        self._region = ""
        self._operations: dict[str, Callable[[Parameters], Parameters]] = {
            "RegisterScalableTarget": self._register, "DeregisterScalableTarget": self._deregister,
            "PutScalingPolicy": self._put_policy, "PutScheduledAction": self._put_action,
            "DeleteScalingPolicy": lambda given: self._delete(self._policies, self._key(given, "PolicyName")),
            "DeleteScheduledAction": lambda given: self._delete(self._actions, self._key(given, "ScheduledActionName")),
            "DescribeScalableTargets": partial(self._list, "ScalableTargets", self._targets, "ResourceId"),
            "DescribeScalingPolicies": partial(self._list, "ScalingPolicies", self._policies, "PolicyName"),
            "DescribeScheduledActions": partial(self._list, "ScheduledActions", self._actions, "ScheduledActionName"),
            "ListTagsForResource": lambda given: {"Tags": self._of_arn(given)},
            "TagResource": self._tag, "UntagResource": self._untag,
        }  # fmt: skip

    def restore(self, state: Mapping[str, list[tuple[Key, Parameters]]]) -> None:
        """Start from what `state` returned, or from nothing."""
        for name, store in self._stores.items():
            store.clear()
            store.update((tuple(key), found) for key, found in state.get(name, ()))

    def state(self) -> dict[str, list[tuple[Key, Parameters]]]:
        """Return all that exists."""
        return {name: list(store.items()) for name, store in self._stores.items()}

    def answer(self, region: str, headers: Mapping[str, str], body: bytes) -> tuple[int, dict[str, str], bytes]:
        """Serve one request."""
        self._region = region
        operation = headers["x-amz-target"].removeprefix(TARGET)
        status = 200
        try:
            if (serve := self._operations.get(operation)) is None:
                raise _Refused("UnknownOperationException", f"{operation} is not an operation of this service here")
            answer = serve(json.loads(body or b"{}"))
        except _Refused as error:
            status, answer = 400, {"__type": error.code, "message": str(error)}
        return status, {"Content-Type": "application/x-amz-json-1.1"}, json.dumps(answer).encode()

    def _key(self, given: Parameters, *more: str) -> Key:
        return (self._region, *(given[name] for name in (*_OF_TARGET, *more)))

    # --- targets ------------------------------------------------------------------------------------------------

    def _register(self, given: Parameters) -> Parameters:
        if not given["ScalableDimension"].startswith(f"{given['ServiceNamespace']}:"):
            raise _Refused("ValidationException", "Unsupported service namespace, resource type or scalable dimension")
        key, new = self._key(given), {name: value for name, value in given.items() if name != "Tags"}
        old = self._targets.get(key) or _new_target(given, self._region)
        target = old | new | {"SuspendedState": old["SuspendedState"] | given.get("SuspendedState", {})}
        if not {"MinCapacity", "MaxCapacity"} <= target.keys():
            raise _Refused("ValidationException", "A new target needs a minimum and a maximum capacity")
        _check_range(target)
        target["Tags"] = old["Tags"] | given.get("Tags", {})
        self._targets[key] = target
        return {"ScalableTargetARN": target["ScalableTargetARN"]}

    def _deregister(self, given: Parameters) -> Parameters:
        """AWS deletes a target's policies and scheduled actions with it."""
        key = self._key(given)
        self._delete(self._targets, key)
        for store in (self._policies, self._actions):
            for dependent in [one for one in store if one[: len(key)] == key]:
                del store[dependent]
        return {}

    def _of_arn(self, given: Parameters) -> dict[str, str]:
        """Return the tags of the target with an ARN."""
        arn = given["ResourceARN"]
        for target in self._targets.values():
            if target["ScalableTargetARN"] == arn:
                tags: dict[str, str] = target["Tags"]
                return tags
        raise _Refused("ResourceNotFoundException", f"No scalable target found for ARN: {arn}")

    def _tag(self, given: Parameters) -> Parameters:
        self._of_arn(given).update(given["Tags"])
        return {}

    def _untag(self, given: Parameters) -> Parameters:
        tags = self._of_arn(given)
        for key in given["TagKeys"]:
            tags.pop(key, None)
        return {}

    # --- policies and scheduled actions -------------------------------------------------------------------------

    def _put_policy(self, given: Parameters) -> Parameters:
        key = self._key(given, "PolicyName")
        self._require_target(given)
        old = self._policies.get(key)
        made: Parameters = old or {"Alarms": [], **_named("Policy", "scalingPolicy", given, self._region)}
        policy = {"PolicyType": "StepScaling", **made, **given}
        if policy["PolicyType"] not in _POLICIES:
            raise _Refused("ValidationException", f"Policies of type {policy['PolicyType']} are not kept here")
        needed, metrics = _POLICIES[policy["PolicyType"]]
        if needed not in policy or (metrics and sum(name in policy[needed] for name in metrics) != 1):
            one = f", with one of {' and '.join(metrics)}" if metrics else ""
            raise _Refused("ValidationException", f"The type {policy['PolicyType']} needs {needed}{one}")
        self._policies[key] = policy
        return {"PolicyARN": policy["PolicyARN"], "Alarms": []}

    def _put_action(self, given: Parameters) -> Parameters:
        key = self._key(given, "ScheduledActionName")
        self._require_target(given)
        action = self._actions.get(key) or _named("ScheduledAction", "scheduledAction", given, self._region)
        action = action | given
        bounds = action.get("ScalableTargetAction", {})
        if not _SCHEDULE.fullmatch(action.get("Schedule", "")) or not bounds.keys() & {"MinCapacity", "MaxCapacity"}:
            raise _Refused("ValidationException", "A schedule at(…), rate(…) or cron(…) and a capacity are needed")
        _check_range(bounds)
        self._actions[key] = action
        return {}

    def _require_target(self, given: Parameters) -> None:
        if self._key(given) not in self._targets:
            raise _not_found("scalable target registered", self._key(given))

    def _delete(self, store: dict[Key, Parameters], key: Key) -> Parameters:
        if store.pop(key, None) is None:
            raise _not_found("resource found", key)
        return {}

    def _list(self, answer: str, store: dict[Key, Parameters], name: str, given: Parameters) -> Parameters:
        """Return a page of the resources that match the target and the names that are given."""
        wanted = given.get(f"{name}s")
        found = [
            {field: value for field, value in one.items() if field != "Tags"}
            for key, one in store.items()
            if key[0] == self._region
            and all(given.get(field, one[field]) == one[field] for field in _OF_TARGET)
            and (not wanted or one[name] in wanted)
        ]
        first = int(given.get("NextToken") or 0)
        last = first + min(given.get("MaxResults") or _LONGEST_PAGE, _LONGEST_PAGE)
        more = {"NextToken": str(last)} if last < len(found) else {}
        return {answer: found[first:last], **more}


def _new_target(given: Parameters, region: str) -> Parameters:
    namespace = given["ServiceNamespace"]
    role = f"aws-service-role/{namespace}.application-autoscaling.amazonaws.com/AWSServiceRoleForApplicationAutoScaling"
    suspended = ("DynamicScalingInSuspended", "DynamicScalingOutSuspended", "ScheduledScalingSuspended")
    return {
        "ScalableTargetARN": f"arn:aws:application-autoscaling:{region}:{ACCOUNT}:scalable-target/{uuid4().hex[:22]}",
        "RoleARN": f"arn:aws:iam::{ACCOUNT}:role/{role}",
        "CreationTime": time.time(),
        "SuspendedState": dict.fromkeys(suspended, False),
        "Tags": {},
    }


def _named(kind: str, resource: str, given: Parameters, region: str) -> Parameters:
    """Return what a policy or a scheduled action has from its creation on."""
    label = kind[0].lower() + kind[1:]
    path = f"resource/{given['ServiceNamespace']}/{given['ResourceId']}:{label}Name/{given[f'{kind}Name']}"
    return {
        f"{kind}ARN": f"arn:aws:autoscaling:{region}:{ACCOUNT}:{resource}:{uuid4()}:{path}",
        "CreationTime": time.time(),
    }


def _check_range(bounds: Parameters) -> None:
    low, high = bounds.get("MinCapacity", 0), bounds.get("MaxCapacity", float("inf"))
    if low > high:
        raise _Refused("ValidationException", "Maximum capacity cannot be less than minimum capacity")


def _not_found(what: str, key: Key) -> _Refused:
    names = ("service namespace", "resource ID", "scalable dimension", "name")
    listed = ", ".join(f"{name}: {part}" for name, part in zip(names, key[1:], strict=False))
    return _Refused("ObjectNotFoundException", f"No {what} for {listed}")
