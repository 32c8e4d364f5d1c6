"""AWS IAM: roles and their inline policies."""

from __future__ import annotations

from typing import Final

from local_aws.provider.model import Call, Failure, ResourceType, Tagging, becomes, changes_in
from local_aws.provider.wire import Properties

_GONE: Final = ("NoSuchEntity", "NoSuchEntityException")

_ROLE = ResourceType(
    token="aws:iam/role:Role",
    service="iam",
    gone=_GONE,
    names={"name": "RoleName", "assumeRolePolicy": "AssumeRolePolicyDocument", "uniqueId": "RoleId"},
    create=[Call("create_role")],
    read=[(Call("get_role"), "Role")],
    outputs={"permissionsBoundary": "PermissionsBoundary.PermissionsBoundaryArn"},
    update=[
        Call("update_assume_role_policy", {"PolicyDocument": "{assumeRolePolicy}"}, changes_in("assumeRolePolicy")),
        Call("update_role"),
        Call("put_role_permissions_boundary", when=becomes("permissionsBoundary", given=True)),
        Call("delete_role_permissions_boundary", when=becomes("permissionsBoundary", given=False)),
    ],
    tagging=Tagging("list_role_tags", "tag_role", "untag_role", "RoleName", "{name}"),
    force_new={"name", "namePrefix", "path"},
    defaults={"path": "/", "maxSessionDuration": 3600, "forceDetachPolicies": False},
    kept={"namePrefix", "forceDetachPolicies"},
    policies={"assumeRolePolicy"},
    # Together with policies of their own, these would undo each other.
    unsupported={"inlinePolicies", "managedPolicyArns"},
    name_limit=64,
)


def _size(properties: Properties) -> Failure | None:
    """IAM counts a document without white space ("IAM and AWS STS quotas")."""
    size = len("".join(properties["policy"].split())) if isinstance(properties.get("policy"), str) else 0
    return ("policy", f"has {size} characters without white space; allowed are 10240") if size > 10240 else None


_ROLE_POLICY = ResourceType(
    token="aws:iam/rolePolicy:RolePolicy",
    service="iam",
    gone=_GONE,
    names={"name": "PolicyName", "role": "RoleName", "policy": "PolicyDocument"},
    create=[Call("put_role_policy")],
    update=[Call("put_role_policy")],
    id=("{role}:{name}",),
    force_new={"name", "namePrefix", "role"},
    kept={"namePrefix"},
    policies={"policy"},
    name_limit=128,
    rules=[_size],
)

TYPES: Final = (_ROLE, _ROLE_POLICY)
