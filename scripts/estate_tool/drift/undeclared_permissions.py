"""Permissions that were added beside the declared ones; the engine does not look for them."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from estate_tool.core.aws_errors import unless_not_found

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    Resource = Mapping[str, Any]
    Client = Callable[[str], Any]
    Look = Callable[[Client, Resource, Sequence[Resource]], Iterator["UndeclaredPermission"]]


@dataclass(frozen=True, kw_only=True)
class UndeclaredPermission:
    """A permission that no layer declares: its resource, its content, and the call that removes it."""

    urn: str
    path: str
    value: Any
    remove: Callable[[], Any]


def found(client: Client, resources: Sequence[Resource]) -> list[UndeclaredPermission]:
    """Return all undeclared permissions at the resources of a state; a resource that does not exist has none."""
    permissions: list[UndeclaredPermission] = []
    for resource in resources:
        look = _LOOKS.get(resource["type"])
        if look and resource.get("id"):
            unless_not_found(lambda one=resource, look=look: permissions.extend(look(client, one, resources)))
    return permissions


def _role(client: Client, role: Resource, resources: Sequence[Resource]) -> Iterator[UndeclaredPermission]:
    iam, name = client("iam"), role["id"]
    declared = {own["id"] for own in _of("iam/rolePolicy:RolePolicy", resources)}
    for policy in iam.get_paginator("list_role_policies").paginate(RoleName=name).build_full_result()["PolicyNames"]:
        if f"{name}:{policy}" not in declared:
            document = iam.get_role_policy(RoleName=name, PolicyName=policy)["PolicyDocument"]
            remove = functools.partial(iam.delete_role_policy, RoleName=name, PolicyName=policy)
            yield UndeclaredPermission(
                urn=role["urn"], path=f'inlinePolicies["{policy}"]', value=document, remove=remove
            )
    attached = iam.get_paginator("list_attached_role_policies").paginate(RoleName=name).build_full_result()
    for policy in attached["AttachedPolicies"]:
        remove = functools.partial(iam.detach_role_policy, RoleName=name, PolicyArn=policy["PolicyArn"])
        yield UndeclaredPermission(urn=role["urn"], path="managedPolicyArns", value=policy["PolicyArn"], remove=remove)


def _queue(client: Client, queue: Resource, resources: Sequence[Resource]) -> Iterator[UndeclaredPermission]:
    sqs, url = client("sqs"), queue["id"]
    declared = (queue.get("inputs") or {}).get("policy") or any(
        own["inputs"]["queueUrl"] == url for own in _of("sqs/queuePolicy:QueuePolicy", resources)
    )
    attributes = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["Policy"]).get("Attributes") or {}
    if attributes.get("Policy") and not declared:
        remove = functools.partial(sqs.set_queue_attributes, QueueUrl=url, Attributes={"Policy": ""})
        yield UndeclaredPermission(urn=queue["urn"], path="policy", value=attributes["Policy"], remove=remove)


def _function(client: Client, function: Resource, resources: Sequence[Resource]) -> Iterator[UndeclaredPermission]:
    yield from _statements(client, function, resources)
    yield from _addresses(client, function, resources)


def _addresses(client: Client, function: Resource, resources: Sequence[Resource]) -> Iterator[UndeclaredPermission]:
    """Return undeclared URLs of the function and its aliases."""
    functions, name = client("lambda"), function["id"]
    declared = {
        (own.get("outputs") or {}).get("functionUrl") for own in _of("lambda/functionUrl:FunctionUrl", resources)
    }
    pages = functions.get_paginator("list_function_url_configs").paginate(FunctionName=name)
    for config in pages.build_full_result()["FunctionUrlConfigs"]:
        if config["FunctionUrl"] not in declared:
            _, _, qualifier = config["FunctionArn"].partition(f":function:{name}:")
            where = {"Qualifier": qualifier} if qualifier else {}
            remove = functools.partial(functions.delete_function_url_config, FunctionName=name, **where)
            value = {key: config[key] for key in ("FunctionUrl", "AuthType")}
            yield UndeclaredPermission(urn=function["urn"], path="functionUrl", value=value, remove=remove)


def _statements(client: Client, function: Resource, resources: Sequence[Resource]) -> Iterator[UndeclaredPermission]:
    """Return undeclared permissions to call the function; an alias has a policy of its own."""
    import json

    functions, name = client("lambda"), function["id"]
    declared = {own["inputs"].get("statementId") for own in _of("lambda/permission:Permission", resources)}
    aliases = [own["inputs"] for own in _of("lambda/alias:Alias", resources)]
    qualifiers = [{"Qualifier": alias["name"]} for alias in aliases if alias["functionName"] == name]
    seen: set[tuple[Any, Any]] = set()  # the embedded AWS shows those of an alias at the function, too
    for where in ({}, *qualifiers):
        answer = unless_not_found(functools.partial(functions.get_policy, FunctionName=name, **where))
        document = json.loads(answer["Policy"]) if answer else {}
        for statement in document.get("Statement", []):
            key = (statement.get("Sid"), statement.get("Resource"))
            if statement.get("Sid") not in declared and key not in seen:
                seen.add(key)
                remove = functools.partial(
                    functions.remove_permission, FunctionName=name, StatementId=statement["Sid"], **where
                )
                path = f'permissions["{statement["Sid"]}"]'
                yield UndeclaredPermission(urn=function["urn"], path=path, value=statement, remove=remove)


def _group(client: Client, group: Resource, resources: Sequence[Resource]) -> Iterator[UndeclaredPermission]:
    """Return undeclared schedules of a group: its role may be theirs, too."""
    scheduler, name = client("scheduler"), group["id"]
    declared = {own["id"] for own in _of("scheduler/schedule:Schedule", resources)}
    pages = scheduler.get_paginator("list_schedules").paginate(GroupName=name)
    for schedule in (schedule for page in pages for schedule in page["Schedules"]):
        if f"{name}/{schedule['Name']}" not in declared:
            remove = functools.partial(scheduler.delete_schedule, GroupName=name, Name=schedule["Name"])
            yield UndeclaredPermission(
                urn=group["urn"], path=f'schedules["{schedule["Name"]}"]', value=schedule["Target"], remove=remove
            )


def _of(kind: str, resources: Sequence[Resource]) -> Iterator[Resource]:
    return (resource for resource in resources if resource["type"] == f"aws:{kind}")


_LOOKS: Mapping[str, Look] = {
    "aws:iam/role:Role": _role,
    "aws:sqs/queue:Queue": _queue,
    "aws:lambda/function:Function": _function,
    "aws:scheduler/scheduleGroup:ScheduleGroup": _group,
}
