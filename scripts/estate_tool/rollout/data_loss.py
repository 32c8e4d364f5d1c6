"""Data that a rollout or teardown would destroy: the resources, the reason, the amount, and the way to keep a copy.

A rollout that would make all of a deployed environment anew, elsewhere, is refused as a whole.
"""

from __future__ import annotations

import datetime as dt
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from estate_tool.core.errors import UsageError
from estate_tool.rollout.data_held import DEAD_LETTERS, KINDS, LOG_GROUP, QUEUE, TABLE, Held, held

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from estate_tool.core.environment import Environment
    from estate_tool.engine.checkpoint import StackState
    from estate_tool.engine.events import Step

SECONDS_PER_DAY = 86_400
# Changes of a resource that stays, each with the property of the provider that shows it.
DELETED, REPLACED = "deleted", "replaced"
RETENTION, EXPIRY, STREAM = "retention lowered", "expiry changed", "stream changed"
# Look-ups at once: one takes some 20 ms of an account far away, and an environment may have hundreds of log groups.
_AT_ONCE = 8
# Retentions where the inputs give none: a log group's never ends, a queue's is 4 days ("SetQueueAttributes").
_NEVER = 0
_QUEUE_DEFAULT = 4 * SECONDS_PER_DAY

PAGE = "docs/moving.md"


@dataclass(frozen=True, kw_only=True)
class Threat:
    """A planned change of a table, queue or log group that destroys data in it, if there is any.

    `keep_seconds` is the age from which data goes where only the retention is lowered, `component` the function or
    queue that the resource belongs to, as its tag has it.
    """

    layer: str
    urn: str
    type: str
    name: str
    change: str
    because: tuple[str, ...] = ()
    keep_seconds: int | None = None
    component: str = ""


@dataclass(frozen=True, kw_only=True)
class Loss:
    """A threat to data that is there, or that can't be ruled out."""

    threat: Threat
    held: Held

    @property
    def name(self) -> str:
        """The resource's physical name, by which --lose-data names it."""
        return self.threat.name

    def __str__(self) -> str:
        """Return a line for a person: the name, the amount, the reason."""
        because = f": {', '.join(self.threat.because)}" if self.threat.because else ""
        return f"{self.name}: {self.held} would be LOST ({KINDS[self.threat.type]} {self.threat.change}{because})"

    @property
    def note(self) -> str:
        """A remark on the commands that keep a copy; empty in most cases."""
        if not self.name.startswith(DEAD_LETTERS) or self.threat.change != DELETED:
            return ""
        return (
            "failed messages move to no other queue, not even when their function gets another name: "
            f"replay them first, with code that still declares {self.threat.component}"
        )

    def copies(self, environment: str) -> list[str]:
        """Return the commands that keep a copy, or empty the resource, before it goes."""
        if self.threat.type == TABLE:
            day = dt.datetime.now(tz=dt.UTC).strftime("%Y%m%d-%H%M")
            return [f"aws dynamodb create-backup --table-name {self.name} --backup-name {self.name}-{day}"]
        if self.threat.type == LOG_GROUP:
            file = self.name.strip("/").replace("/", "-")
            return [f"aws logs filter-log-events --log-group-name {self.name} --output json > {file}.json"]
        if self.name.startswith(DEAD_LETTERS):
            return [f"scripts/estate redrive {self.threat.component} {environment}"]
        return []

    def to_dict(self, environment: str) -> dict[str, Any]:
        """Return the shape in a report's `losses` (docs/schemas/rollout.schema.json)."""
        threat = self.threat
        return {
            "layer": threat.layer, "urn": threat.urn, "type": threat.type, "name": threat.name,
            "change": threat.change, "because": list(threat.because), "held": self.held.to_dict(),
            "text": str(self.held), "copies": self.copies(environment), "note": self.note,
        }  # fmt: skip


def threats(layer: str, steps: Iterable[Step], state: StackState | None) -> list[Threat]:
    """Return the threats to data among the planned steps of a layer; `state` is what the engine has of it now.

    What an interrupted rollout left to be deleted goes with the next one, whatever that plans.
    """
    holding = [one for one in (state.resources if state else []) if one["type"] in KINDS]
    present = {one["urn"]: one for one in holding if not one.get("delete")}
    found: list[Threat] = []
    for step in steps:
        if step.type in KINDS and step.word != "created":
            # The state may have been settled after an interrupted run since it was read.
            known = {"urn": step.urn, "type": step.type, **step.old}
            found += _of_step(layer, step, present.get(step.urn, known))
    leftovers = [one for one in holding if one.get("delete")]
    return found + [_threat(layer, one, DELETED, ("its replacement is there",)) for one in leftovers if _goes(one)]


def of_teardown(layer: str, state: StackState) -> list[Threat]:
    """Return the threats of a layer's teardown: all of its tables, queues and log groups."""
    return [_threat(layer, one, DELETED, ()) for one in state.resources if one["type"] in KINDS and _goes(one)]


def losses(found: Sequence[Threat], client: Callable[[str], Any]) -> list[Loss]:
    """Look up what each threatened resource holds and return those that are not known to be empty."""
    if not found:
        return []
    for service in ("dynamodb", "sqs", "logs"):
        client(service)  # made here: making a client is not safe in several threads
    with ThreadPoolExecutor(max_workers=_AT_ONCE) as pool:
        amounts = list(pool.map(lambda one: _amount(client, one), found))
    return [Loss(threat=one, held=amount) for one, amount in zip(found, amounts, strict=True) if amount]


def _amount(client: Callable[[str], Any], threat: Threat) -> Held:
    """Look up what a change destroys, which of a resource that stays is a part of what it holds."""
    amount = held(client, threat.type, threat.name, threat.keep_seconds)
    if threat.change == STREAM and amount.count:
        return Held(unit="records", count=None, problem="DynamoDB does not say what is unread")
    partly = threat.change == EXPIRY or (threat.change == RETENTION and threat.type == QUEUE)
    return replace(amount, bound="up to", note="") if partly and amount.count else amount


def _of_step(layer: str, step: Step, resource: Mapping[str, Any]) -> Iterator[Threat]:
    if step.word in (DELETED, REPLACED):
        if _goes(resource):
            yield _threat(layer, resource, step.word, step.replacing)
    elif step.word == "updated":
        yield from _of_update(layer, step, resource)


def _of_update(layer: str, step: Step, resource: Mapping[str, Any]) -> Iterator[Threat]:
    """Yield the threats of an update: what a shorter retention, an expiry or another stream ends."""
    before = {**(resource.get("inputs") or {}), **(resource.get("outputs") or {})}
    after, type_ = step.new.get("inputs") or {}, resource["type"]
    if type_ == LOG_GROUP and (days := _lowered(before, after, "retentionInDays", _NEVER)):
        yield _threat(layer, resource, RETENTION, (f"to {days} days",), days * SECONDS_PER_DAY)
    if type_ == QUEUE and (seconds := _lowered(before, after, "messageRetentionSeconds", _QUEUE_DEFAULT)):
        yield _threat(layer, resource, RETENTION, (f"to {seconds:,} seconds",), seconds)
    if type_ == TABLE and _expiry(after) and _expiry(after) != _expiry(before):
        yield _threat(layer, resource, EXPIRY, (f"by {_expiry(after)}",))
    elif type_ == TABLE and _stream(before) and _stream(before) != _stream(after):
        yield _threat(layer, resource, STREAM, ("records that no function has read yet",))


def _lowered(before: Mapping[str, Any], after: Mapping[str, Any], key: str, default: int) -> int | None:
    """Return the new value of a retention that gets shorter, else None."""
    old, new = (float(inputs.get(key) or default) for inputs in (before, after))
    return int(new) if new != _NEVER and (old == _NEVER or new < old) else None


def _expiry(table: Mapping[str, Any]) -> str:
    """Return the attribute by which a table's items expire; empty if they don't."""
    ttl = table.get("ttl") or {}
    return str(ttl.get("attributeName")) if ttl.get("enabled") else ""


def _stream(table: Mapping[str, Any]) -> str:
    """Return what a table's stream shows of items; empty if there is no stream."""
    return str(table.get("streamViewType")) if table.get("streamEnabled") else ""


def _goes(resource: Mapping[str, Any]) -> bool:
    """Return whether deleting the resource from the state deletes it in AWS."""
    return not (resource.get("retainOnDelete") or (resource.get("inputs") or {}).get("skipDestroy"))


def _threat(
    layer: str, resource: Mapping[str, Any], change: str, because: tuple[str, ...], keep_seconds: int | None = None
) -> Threat:
    known = {**(resource.get("inputs") or {}), **(resource.get("outputs") or {})}
    name = str(known.get("name") or resource.get("id") or "")
    return Threat(
        layer=layer, urn=resource["urn"], type=resource["type"], name=name, change=change, because=because,
        keep_seconds=keep_seconds, component=str((known.get("tags") or {}).get("Component", "")),
    )  # fmt: skip


def refuse_moved(environment: Environment, states: Mapping[str, StackState], account: str | None) -> None:
    """Raise UsageError when what is deployed has another suffix, account or region than what would be rolled out.

    `account` is that of the credentials; None leaves it out. Of an environment that was moved half-way by an older
    version of the tool, both ways are open.
    """
    resources = [one for state in states.values() for one in state.resources if str(one["type"]).startswith("aws:")]
    configuration = environment.configuration
    for what, deployed, wanted in (
        ("the suffix", _suffixes(resources), configuration.foundation.suffix),
        ("the account", _parts(resources, 4), account),
        ("the region", _parts(resources, 3), configuration.region),
    ):
        if wanted and deployed and wanted not in deployed:
            _refuse(environment.name, what, sorted(deployed), wanted, len(resources))


def _refuse(name: str, what: str, deployed: list[str], wanted: str, resources: int) -> None:
    raise UsageError(
        f"environment {name} is deployed with {what} {', '.join(deployed)}, and this rollout has {wanted}: it would "
        f"make all {resources} resources anew and destroy what they hold; nothing was touched",
        f"to leave it where it is, set {what} back to {deployed[0]}\nto move: a new environment, then its data: {PAGE}",
    )


def _suffixes(resources: Iterable[Mapping[str, Any]]) -> set[str]:
    """Return the suffixes of what is deployed, from its tag `Environment`."""
    tags = ((one.get("inputs") or {}).get("tags") for one in resources)
    return {str(each["Environment"]) for each in tags if isinstance(each, dict) and each.get("Environment")}


def _parts(resources: Iterable[Mapping[str, Any]], position: int) -> set[str]:
    """Return the parts at a position of the resources' ARNs: 3 is the region, 4 the account; global ones have none."""
    return {part for arn in _arns(resources) if (part := arn.split(":")[position])}


def _arns(resources: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    for one in resources:
        arn = (one.get("outputs") or {}).get("arn")
        if isinstance(arn, str) and arn.startswith("arn:") and arn.count(":") >= 5:
            yield arn
