"""AWS IAM: roles and their inline policies."""

from __future__ import annotations

from typing import Final

from local_aws.provider.model import Call, ResourceType, Tagging, matches, within
from local_aws.provider.types.limits import document_size

GONE: Final = ("NoSuchEntity", "NoSuchEntityException")
_NAME: Final = matches("name", r"[\w+=,.@-]{1,64}", "1 to 64 letters, digits or +=,.@_-")

_ROLE = ResourceType(
    token="aws:iam/role:Role",
    service="iam",
    gone=GONE,
    names={"name": "RoleName", "assumeRolePolicy": "AssumeRolePolicyDocument", "uniqueId": "RoleId"},
    create=[Call("create_role")],
    read=[(Call("get_role"), "Role"), (Call("list_role_tags"), "{Tags: Tags}")],
    outputs={"permissionsBoundary": "PermissionsBoundary.PermissionsBoundaryArn"},
    update=[
        Call("update_assume_role_policy", {"PolicyDocument": "{assumeRolePolicy}"},
             when=lambda change: change.changed("assumeRolePolicy")),
        Call("update_role"),
        Call("put_role_permissions_boundary",
             when=lambda change: change.changed("permissionsBoundary") and "permissionsBoundary" in change.new),
        Call("delete_role_permissions_boundary",
             when=lambda change: change.changed("permissionsBoundary") and "permissionsBoundary" not in change.new),
    ],
    delete=[Call("delete_role")],
    tagging=Tagging("tag_role", "untag_role", "RoleName", "{name}"),
    force_new=frozenset({"name", "namePrefix", "path"}),
    defaults={"path": "/", "maxSessionDuration": 3600, "forceDetachPolicies": False},
    kept=frozenset({"namePrefix", "forceDetachPolicies"}),
    policies=frozenset({"assumeRolePolicy"}),
    # The estate never mixes these with policies of their own (they would undo each other).
    unsupported=frozenset({"inlinePolicies", "managedPolicyArns"}),
    name_limit=64,
    rules=[_NAME, within("maxSessionDuration", 3600, 43200, "seconds"), document_size("assumeRolePolicy", 2048),
           matches("path", r"/|/[!-~]+/", "a path that begins and ends with /")],
)  # fmt: skip

_ROLE_POLICY = ResourceType(
    token="aws:iam/rolePolicy:RolePolicy",
    service="iam",
    gone=GONE,
    names={"name": "PolicyName", "role": "RoleName", "policy": "PolicyDocument"},
    create=[Call("put_role_policy")],
    read=[(Call("get_role_policy"), "@")],
    update=[Call("put_role_policy")],
    delete=[Call("delete_role_policy")],
    id=("{role}:{name}",),
    imports=("{role}:{name}",),
    force_new=frozenset({"name", "namePrefix", "role"}),
    kept=frozenset({"namePrefix"}),
    policies=frozenset({"policy"}),
    name_limit=128,
    rules=[matches("name", r"[\w+=,.@-]{1,128}", "1 to 128 letters, digits or +=,.@_-"), document_size("policy", 10240)],
)

TYPES: Final = (_ROLE, _ROLE_POLICY)
