"""Resources of an inherited account, as an audit and an adoption read them."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

from estate_tool.adopt.model import OldFunction, Source
from estate_tool.adopt.translation import Translation, translate
from estate_tool.audit import checks
from estate_tool.audit.model import EventSourceMapping, Finding, Function, Inventory, Queue, Role, Table
from estate_tool.core.paths import ROOT
from estate_tool.pricing import prices
from foundation.validation import validate

ACCOUNT, REGION = "111122223333", "eu-west-1"
DAY = 86_400


def arn(service: str, name: str) -> str:
    return f"arn:aws:{service}:{'' if service == 'iam' else REGION}:{ACCOUNT}:{name}"


WORK, ORDERS = arn("sqs", "work"), arn("dynamodb", "table/prod-orders")


def allow(actions: str | list[str], resources: str | list[str], **more: Any) -> dict[str, Any]:
    """A statement that allows actions on resources."""
    return {"Effect": "Allow", "Action": actions, "Resource": resources, **more}


def role(*statements: dict[str, Any], name: str = "worker") -> Role:
    own = tuple(("inline", statement) for statement in statements)
    return Role(name=name, arn=arn("iam", f"role/{name}"), statements=own)


def _split(more: dict[str, Any], **usual: Any) -> dict[str, Any]:
    """Keywords of a dataclass: capitalised ones are its settings."""
    settings = {key: value for key, value in more.items() if key[0].isupper()}
    known = {key: value for key, value in more.items() if key[0].islower()}
    return usual | known | {"settings": usual.get("settings", {}) | settings}


def _function(name: str, more: dict[str, Any], **usual: Any) -> dict[str, Any]:
    return _split(
        more, name=name, arn=arn("lambda", f"function:{name}"), role=arn("iam", f"role/{name}"), memory_mb=512,
        timeout_seconds=10, architecture="arm64", code_sha256=name, log_group=f"/aws/lambda/{name}",
        settings={"Runtime": "python3.13", "Handler": "app.handle"}, **usual,
    )  # fmt: skip


def function(name: str = "worker", **more: Any) -> Function:
    """A function whose failures go to a queue; capitalised keywords are its settings, as ListFunctions returns them."""
    return Function(**_function(name, more, failures_to=(arn("sqs", "failed"),)))


def old_function(name: str = "worker", *statements: dict[str, Any], **more: Any) -> OldFunction:
    """A function to adopt, with a role of its own that has these statements."""
    own = role(*statements, name=name)
    return OldFunction(**_function(name, more, permissions=own, shared_role=(name,)))


def mapping(source: str, of: str = "worker", **more: Any) -> EventSourceMapping:
    """A mapping of a function; capitalised keywords are its settings, as ListEventSourceMappings returns them."""
    settings = {"BatchSize": 10, "FunctionResponseTypes": ["ReportBatchItemFailures"]}
    return EventSourceMapping(
        **_split(more, function=arn("lambda", f"function:{of}"), source=source, settings=settings)
    )


def table(name: str = "prod-orders", key_type: str = "S", **more: Any) -> Table:
    """A table with one key; capitalised keywords are its settings, as DescribeTable returns them."""
    keys = {
        "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
        "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": key_type}],
    }
    return Table(**_split(more, name=name, arn=arn("dynamodb", f"table/{name}"), settings=keys))


def queue(name: str = "work", **more: Any) -> Queue:
    """A queue with a dead-letter queue elsewhere; capitalised keywords are its attributes."""
    return Queue(**_split(
        more, name=name, arn=arn("sqs", name), url=f"https://sqs.{REGION}.amazonaws.com/{ACCOUNT}/{name}",
        visibility_seconds=120, retention_seconds=4 * DAY, max_receives=5, dead_letters_to="elsewhere",
    ))  # fmt: skip


def inventory(*functions: Function, **more: Any) -> Inventory:
    """An inventory with tags and alarms for everything in it."""
    found = Inventory(account=ACCOUNT, region=REGION, functions=functions, **more)
    named = [one.arn for kind in (found.functions, found.tables, found.queues) for one in kind]
    groups = [arn("logs", f"log-group:{group.name}") for group in found.log_groups]
    watched = [("AWS/Lambda", "Errors", frozenset({("FunctionName", one.name)})) for one in found.functions]
    depth = "ApproximateNumberOfMessagesVisible"
    watched += [("AWS/SQS", depth, frozenset({("QueueName", one.name)})) for one in found.queues]
    tags = {"Project": "p", "Environment": "e", "Owner": "o", "CostCenter": "1"}
    return replace(found, tags=dict.fromkeys([*named, *groups, *found.topics], tags), watched=frozenset(watched))


def findings(found: Inventory) -> list[Finding]:
    """Findings of all checks, each of which docs/audit.md lists."""
    listed = re.findall(r"^\| `([a-z-]+)` \|", (ROOT / "docs" / "audit.md").read_text(encoding="utf-8"), re.MULTILINE)
    reported = checks.findings(found, prices.read())
    assert {one.check for one in reported} <= set(listed)
    return reported


def checked(found: Inventory) -> set[tuple[str, str]]:
    """Check and end of the resource's ARN of every finding."""
    return {(one.check, one.resource.rpartition(":")[2]) for one in findings(found)}


def translated(*functions: OldFunction, stores: tuple[Table | Queue, ...] = (), consumers: Any = None) -> Translation:
    """Translation of functions and stores into a catalog, which is valid."""
    triggered = {one.source: (old.name,) for old in functions for one in old.mappings}
    source = Source(
        account=ACCOUNT, region=REGION, functions=functions, consumers=triggered | (consumers or {}),
        tables={one.arn: one for one in stores if isinstance(one, Table)},
        queues={one.arn: one for one in stores if isinstance(one, Queue)},
    )  # fmt: skip
    done = translate(source, {})
    validate(done.catalog)
    return done


def noted(done: Translation, resource: str = "worker") -> set[tuple[str, str]]:
    return {(note.kind, note.setting) for note in done.notes if note.resource == resource}
