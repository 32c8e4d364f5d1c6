"""IAM policy documents and redrive policies, as guardrails and the audit read them."""

import json
from collections.abc import Iterator, Mapping
from typing import Any, Literal, NamedTuple

from foundation.guardrails.properties import UNKNOWN, text

Kind = Literal["identity", "resource", "trust"]

# The property of each resource type with a policy document, and the document's kind: permissions of an identity,
# permissions on a resource, trust in principals that may assume a role.
_DOCUMENTS: Mapping[str, tuple[str, Kind]] = {
    "aws:iam/role:Role": ("assumeRolePolicy", "trust"),
    "aws:cloudwatch/logResourcePolicy:LogResourcePolicy": ("policyDocument", "resource"),
    **{
        f"aws:iam/{name}": ("policy", "identity")
        for name in ("rolePolicy:RolePolicy", "policy:Policy", "userPolicy:UserPolicy", "groupPolicy:GroupPolicy")
    },
    **{
        f"aws:{name}": ("policy", "resource")
        for name in (
            "sqs/queue:Queue", "sqs/queuePolicy:QueuePolicy", "sns/topic:Topic", "sns/topicPolicy:TopicPolicy",
            "dynamodb/resourcePolicy:ResourcePolicy", "kms/key:Key", "kms/keyPolicy:KeyPolicy",
            "cloudwatch/eventBusPolicy:EventBusPolicy", "s3/bucketPolicy:BucketPolicy",
        )
    },
}  # fmt: skip


class Statement(NamedTuple):
    """One statement of a document."""

    kind: Kind
    content: Mapping[str, Any]
    position: int = 1

    @property
    def sid(self) -> str:
        """Its `Sid`, or its position."""
        return str(self.content.get("Sid") or f"statement {self.position}")

    def all(self, key: str) -> list[str]:
        """Return the values of an element that is one text or a list of them."""
        return listed(self.content.get(key))


def allowing(type_: str, props: Mapping[str, Any]) -> Iterator[Statement]:
    """Yield every statement that allows something; ValueError for a document that can't be read."""
    for document, kind in documents(type_, props):
        for position, content in enumerate(entries(document), start=1):
            if content.get("Effect") != "Deny":
                yield Statement(kind, content, position)


class Redrive(NamedTuple):
    """A redrive policy: the ARN of its dead-letter queue, empty without one, and receives until then."""

    target: str = ""
    max_receives: int | None = None


def redrive(policy: str | None) -> Redrive:
    """Return a redrive policy of a queue or a subscription; one that can't be read redrives nothing."""
    try:
        found = json.loads(policy or "{}")
        receives = found.get("maxReceiveCount")
        return Redrive(found.get("deadLetterTargetArn") or "", None if receives is None else int(receives))
    except (TypeError, ValueError, AttributeError):
        return Redrive()


def listed(value: Any) -> list[str]:
    """Return one value or several as a list of texts."""
    if value is None:
        return []
    return [str(item) for item in value] if isinstance(value, list) else [str(value)]


def documents(type_: str, props: Mapping[str, Any]) -> Iterator[tuple[Mapping[str, Any], Kind]]:
    """Yield every document of a resource that is known; ValueError for one that can't be read."""
    key, kind = _DOCUMENTS.get(type_, ("", "identity"))
    if whole := text(props, key):
        yield _parsed(whole), kind
    inline = props.get("inlinePolicies")
    for item in inline if isinstance(inline, list) else []:
        if item is not UNKNOWN and isinstance(whole := item.get("policy"), str):
            yield _parsed(whole), "identity"


def _parsed(whole: str) -> Mapping[str, Any]:
    document = json.loads(whole)
    if not isinstance(document, dict):
        raise ValueError("a policy document is an object")
    return document


def entries(document: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Return the statements of a parsed document, which may hold one or a list of them."""
    found = document.get("Statement") or []
    return list(found) if isinstance(found, list) else [found]
