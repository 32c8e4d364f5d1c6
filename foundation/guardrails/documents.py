"""IAM policy documents as they stand in the properties of resources."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from foundation.guardrails.rules import Resource

Kind = Literal["identity", "resource", "trust"]

# Where documents stand, by resource type: what an identity may do, who may do something with a resource, who may
# assume a role.
_PLACES: Mapping[str, tuple[tuple[str, Kind], ...]] = {
    "aws:iam/role:Role": (("assumeRolePolicy", "trust"),),
    "aws:iam/rolePolicy:RolePolicy": (("policy", "identity"),),
    "aws:iam/policy:Policy": (("policy", "identity"),),
    "aws:iam/userPolicy:UserPolicy": (("policy", "identity"),),
    "aws:iam/groupPolicy:GroupPolicy": (("policy", "identity"),),
    "aws:sqs/queue:Queue": (("policy", "resource"),),
    "aws:sqs/queuePolicy:QueuePolicy": (("policy", "resource"),),
    "aws:sns/topic:Topic": (("policy", "resource"),),
    "aws:sns/topicPolicy:TopicPolicy": (("policy", "resource"),),
    "aws:dynamodb/resourcePolicy:ResourcePolicy": (("policy", "resource"),),
    "aws:kms/key:Key": (("policy", "resource"),),
    "aws:kms/keyPolicy:KeyPolicy": (("policy", "resource"),),
    "aws:cloudwatch/eventBusPolicy:EventBusPolicy": (("policy", "resource"),),
    "aws:cloudwatch/logResourcePolicy:LogResourcePolicy": (("policyDocument", "resource"),),
    "aws:s3/bucketPolicy:BucketPolicy": (("policy", "resource"),),
}


@dataclass(frozen=True, kw_only=True)
class Statement:
    """One statement of a document, with its lists as lists."""

    sid: str
    kind: Kind
    allows: bool
    content: Mapping[str, Any]

    def all(self, key: str) -> list[str]:
        """The values of an element that is one text or a list of them."""
        return listed(self.content.get(key))


def statements(resource: Resource) -> Iterator[Statement]:
    """Every statement of every document of a resource; ValueError for a document that can't be read."""
    for document, kind in documents(resource):
        for position, content in enumerate(entries(document), start=1):
            sid = str(content.get("Sid") or f"statement {position}")
            yield Statement(sid=sid, kind=kind, allows=content.get("Effect") != "Deny", content=content)


def listed(value: Any) -> list[str]:
    """One value or several, as a list of texts."""
    if value is None:
        return []
    return [str(item) for item in value] if isinstance(value, list) else [str(value)]


def documents(resource: Resource) -> Iterator[tuple[Mapping[str, Any], Kind]]:
    """Every document of a resource that is known; ValueError for one that can't be read."""
    for key, kind in _PLACES.get(resource.type, ()):
        if text := resource.text(key):
            yield _parsed(text), kind
    inline = resource.props.get("inlinePolicies")
    for item in inline if isinstance(inline, list) else []:
        if isinstance(text := item.get("policy"), str):
            yield _parsed(text), "identity"


def _parsed(text: str) -> Mapping[str, Any]:
    document = json.loads(text)
    if not isinstance(document, dict):
        raise ValueError("a policy document is an object")
    return document


def entries(document: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Return the statements of a parsed document, which may hold one or a list of them."""
    found = document.get("Statement") or []
    return list(found) if isinstance(found, list) else [found]
