"""Corrections of moto's application-autoscaling: its state as data, tags, and the cascades and refusals of AWS."""

from __future__ import annotations

import json
from importlib import import_module
from typing import Any

from moto.applicationautoscaling.exceptions import AWSValidationException
from moto.core.exceptions import JsonRESTError

# Untyped: they are changed below.
models: Any = import_module("moto.applicationautoscaling.models")
responses: Any = import_module("moto.applicationautoscaling.responses")

ACCOUNT = "123456789012"
_BACK_REFERENCE = "applicationautoscaling_backend"


class ObjectNotFound(JsonRESTError):
    """AWS's ObjectNotFoundException: the named target, policy, action or tagged resource does not exist."""

    code = 400

    def __init__(self, message: str) -> None:
        super().__init__("ObjectNotFoundException", message)


class Store:
    """moto's objects and our tags, as plain data and back."""

    def __init__(self) -> None:
        self.tags: dict[str, dict[str, str]] = {}

    def state(self) -> dict[str, Any]:
        """Return all that exists, as JSON can hold it."""
        regions = {
            region: {
                "targets": [_fields(t) for targets in backend.targets.values() for t in targets.values()],
                "policies": [_fields(policy) for policy in backend.policies.values()],
                "actions": [_fields(action) for action in backend.scheduled_actions],
            }
            for region, backend in models.applicationautoscaling_backends[ACCOUNT].items()
        }
        state: dict[str, Any] = json.loads(json.dumps({"regions": regions, "tags": self.tags}, default=str))
        return state

    def restore(self, state: dict[str, Any]) -> None:
        """Put what `state` returned, or nothing, into moto instead of what is there."""
        models.applicationautoscaling_backends[ACCOUNT].reset()
        for region, found in state.get("regions", {}).items():
            _fill(models.applicationautoscaling_backends[ACCOUNT][region], found)
        self.tags = state.get("tags", {})


def _fields(thing: Any) -> dict[str, Any]:
    return {name: value for name, value in vars(thing).items() if name != _BACK_REFERENCE}


def _fill(backend: Any, state: dict[str, list[dict[str, Any]]]) -> None:
    for fields in state["targets"]:
        target = _make(models.FakeScalableTarget, fields)
        setattr(target, _BACK_REFERENCE, backend)
        backend._add_scalable_target(target)
    for fields in state["policies"]:
        policy = _make(models.FakeApplicationAutoscalingPolicy, fields)
        backend.policies[_policy_key(policy)] = policy
    backend.scheduled_actions = [_make(models.FakeScheduledAction, fields) for fields in state["actions"]]


def _make(kind: Any, fields: dict[str, Any]) -> Any:
    thing = kind.__new__(kind)
    thing.__dict__.update(fields)
    return thing


def _policy_key(policy: Any) -> str:
    kind = models.FakeApplicationAutoscalingPolicy
    key: str = kind.formulate_key(
        policy.service_namespace, policy.resource_id, policy.scalable_dimension, policy.policy_name
    )
    return key


def correct(store: Store) -> None:
    """Give moto's classes AWS's behaviour; the names used here are checked by Python when they are read."""
    backend, response = models.ApplicationAutoscalingBackend, responses.ApplicationAutoScalingResponse
    _correct_targets(backend, store)
    _correct_policies(backend)
    _correct_actions(backend)
    _add_tags(response, store)


def _correct_targets(backend: Any, store: Store) -> None:
    deregister = backend.deregister_scalable_target

    def with_dependents(self: Any, namespace: str, r_id: str, dimension: str) -> None:
        """AWS deletes a target's policies and scheduled actions with it, and answers ObjectNotFoundException."""
        target = self.targets.get(dimension, {}).get(r_id)
        try:
            deregister(self, namespace, r_id, dimension)
        except AWSValidationException as error:
            raise ObjectNotFound(error.message) from error
        store.tags.pop(target.arn, None)
        mine = (namespace, r_id, dimension)
        self.policies = {key: policy for key, policy in self.policies.items() if _owner(policy) != mine}
        self.scheduled_actions = [action for action in self.scheduled_actions if _owner(action) != mine]

    backend.deregister_scalable_target = with_dependents


def _owner(thing: Any) -> tuple[str, str, str]:
    return thing.service_namespace, thing.resource_id, thing.scalable_dimension


def _correct_policies(backend: Any) -> None:
    put, delete = backend.put_scaling_policy, backend.delete_scaling_policy
    # They would live in moto's CloudWatch, which serves no request: the alarms of the estate are ministack's.
    models.FakeApplicationAutoscalingPolicy.create_alarms = lambda _self: None
    models.FakeApplicationAutoscalingPolicy.delete_alarms = lambda _self, *_: None

    def put_for_target(self: Any, **given: Any) -> Any:
        """AWS wants a registered target, and an update keeps the policy's ARN."""
        _require_target(self, given["service_namespace"], given["resource_id"], given["scalable_dimension"])
        old = self.policies.get(
            models.FakeApplicationAutoscalingPolicy.formulate_key(
                given["service_namespace"], given["resource_id"], given["scalable_dimension"], given["policy_name"]
            )
        )
        policy = put(self, **given)
        if old:
            policy.policy_arn, policy.creation_time = old.policy_arn, old.creation_time
        return policy

    def delete_existing(self: Any, **given: Any) -> None:
        try:
            delete(self, **given)
        except AWSValidationException as error:
            raise ObjectNotFound(error.message) from error

    backend.put_scaling_policy, backend.delete_scaling_policy = put_for_target, delete_existing


def _require_target(self: Any, namespace: str, resource_id: str, dimension: str) -> None:
    if not self._scalable_target_exists(resource_id, dimension):
        raise ObjectNotFound(
            f"No scalable target registered for service namespace: {namespace}, resource ID: {resource_id}, "
            f"scalable dimension: {dimension}"
        )


def _correct_actions(backend: Any) -> None:
    put, delete = backend.put_scheduled_action, backend.delete_scheduled_action

    def put_for_target(self: Any, **given: Any) -> None:
        _require_target(self, given["service_namespace"], given["resource_id"], given["scalable_dimension"])
        put(self, **given)

    def delete_existing(self: Any, **given: Any) -> None:
        before = len(self.scheduled_actions)
        delete(self, **given)
        if len(self.scheduled_actions) == before:
            raise ObjectNotFound(f"No scheduled action found: {given['scheduled_action_name']}")

    backend.put_scheduled_action, backend.delete_scheduled_action = put_for_target, delete_existing


def _add_tags(response: Any, store: Store) -> None:
    register = response.register_scalable_target

    def register_with_tags(self: Any) -> str:
        answer: str = register(self)
        tags = self._get_param("Tags")
        if tags:
            store.tags.setdefault(json.loads(answer)["ScalableTargetARN"], {}).update(tags)
        return answer

    def list_tags(self: Any) -> str:
        return json.dumps({"Tags": store.tags.get(_tagged(self), {})})

    def tag(self: Any) -> str:
        store.tags.setdefault(_tagged(self), {}).update(self._get_param("Tags"))
        return "{}"

    def untag(self: Any) -> str:
        tags = store.tags.get(_tagged(self), {})
        for key in self._get_param("TagKeys"):
            tags.pop(key, None)
        return "{}"

    response.register_scalable_target = register_with_tags
    response.list_tags_for_resource, response.tag_resource, response.untag_resource = list_tags, tag, untag


def _tagged(self: Any) -> str:
    arn: str = self._get_param("ResourceARN")
    backend = self.applicationautoscaling_backend
    if not any(target.arn == arn for targets in backend.targets.values() for target in targets.values()):
        raise ObjectNotFound(f"No scalable target found for ARN: {arn}")
    return arn
