"""Data that a rollout or teardown would destroy: resource, reason, amount, and commands that keep a copy.

A rollout that would make all of a deployed environment anew, elsewhere, is refused as a whole.
"""

from __future__ import annotations

import datetime as dt
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from estate_tool.core.errors import UsageError
from estate_tool.rollout.data_held import (
    DEAD_LETTERS,
    KINDS,
    LOG_GROUP,
    NOT_LOOKED_UP,
    QUEUE,
    TABLE,
    Held,
    held,
)

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
class DataLoss:
    """A planned change of a table, queue or log group that destroys data in it, if there is any.

    `keep_seconds` is the age from which data is deleted where only the retention is lowered, `component` the function
    or queue that the resource belongs to, as its tag has it, `held` the amount once it has been looked up. `name` is
    the physical one, as in --lose-data.
    """

    layer: str
    urn: str
    type: str
    name: str
    change: str
    because: tuple[str, ...] = ()
    keep_seconds: int | None = None
    component: str = ""
    held: Held = NOT_LOOKED_UP

    def __str__(self) -> str:
        """Return a line for a person: the name, the amount, the reason."""
        because = f": {', '.join(self.because)}" if self.because else ""
        return f"{self.name}: {self.held} would be LOST ({KINDS[self.type]} {self.change}{because})"

    @property
    def note(self) -> str:
        """A remark on the commands that keep a copy; empty in most cases."""
        if not self.name.startswith(DEAD_LETTERS) or self.change != DELETED:
            return ""
        return (
            "failed messages move to no other queue, not even when their function gets another name: "
            f"replay them first, with code that still declares {self.component}"
        )

    def copies(self, environment: str) -> list[str]:
        """Return the commands that keep a copy, or empty the resource, before it is deleted."""
        if self.type == TABLE:
            day = dt.datetime.now(tz=dt.UTC).strftime("%Y%m%d-%H%M")
            return [f"aws dynamodb create-backup --table-name {self.name} --backup-name {self.name}-{day}"]
        if self.type == LOG_GROUP:
            file = self.name.strip("/").replace("/", "-")
            return [f"aws logs filter-log-events --log-group-name {self.name} --output json > {file}.json"]
        if self.name.startswith(DEAD_LETTERS):
            return [f"scripts/estate redrive {self.component} {environment}"]
        return []

    def to_dict(self, environment: str) -> dict[str, Any]:
        """Return the shape in a report's `losses` (docs/schemas/rollout.schema.json)."""
        return {
            "layer": self.layer, "urn": self.urn, "type": self.type, "name": self.name,
            "change": self.change, "because": list(self.because), "held": self.held.to_dict(),
            "text": str(self.held), "copies": self.copies(environment), "note": self.note,
        }  # fmt: skip


def of_plan(layer: str, steps: Iterable[Step], state: StackState | None) -> list[DataLoss]:
    """Return the losses of data by the planned steps of a layer with this state.

    A resource that an interrupted rollout left to be deleted is deleted by the next one, whatever that plans.
    """
    holding = [one for one in (state.resources if state else []) if one["type"] in KINDS]
    present = {one["urn"]: one for one in holding if not one.get("delete")}
    found: list[DataLoss] = []
    for step in steps:
        if step.type in KINDS and step.kind != "created":
            # The state may have been settled after an interrupted run since it was read.
            known = {"urn": step.urn, "type": step.type, **step.old}
            found += _of_step(layer, step, present.get(step.urn, known))
    leftovers = [one for one in holding if one.get("delete")]
    return found + [_loss(layer, one, DELETED, ("its replacement is there",)) for one in leftovers if _is_deleted(one)]


def of_teardown(layer: str, state: StackState) -> list[DataLoss]:
    """Return the losses of a layer's teardown: all of its tables, queues and log groups."""
    return [_loss(layer, one, DELETED, ()) for one in state.resources if one["type"] in KINDS and _is_deleted(one)]


def looked_up(losses: Sequence[DataLoss], client: Callable[[str], Any]) -> list[DataLoss]:
    """Return the losses with their amounts, but for those of resources that are known to be empty."""
    for service in ("dynamodb", "sqs", "logs"):
        client(service)  # made here: making a client is not safe in several threads
    with ThreadPoolExecutor(max_workers=_AT_ONCE) as pool:
        amounts = pool.map(lambda loss: _amount(client, loss), losses)
        return [replace(loss, held=amount) for loss, amount in zip(losses, amounts, strict=True) if amount]


def _amount(client: Callable[[str], Any], loss: DataLoss) -> Held:
    """Look up the amount that a change destroys: of a resource that stays, a part of its data."""
    amount = held(client, loss.type, loss.name, loss.keep_seconds)
    if loss.change == STREAM and amount.count:
        return Held(unit="records", count=None, problem="DynamoDB does not say what is unread")
    partly = loss.change == EXPIRY or (loss.change == RETENTION and loss.type == QUEUE)
    return replace(amount, bound="up to", note="") if partly and amount.count else amount


def _of_step(layer: str, step: Step, resource: Mapping[str, Any]) -> Iterator[DataLoss]:
    if step.kind in (DELETED, REPLACED):
        if _is_deleted(resource):
            yield _loss(layer, resource, step.kind, step.replacing)
    elif step.kind == "updated":
        yield from _of_update(layer, step, resource)


def _of_update(layer: str, step: Step, resource: Mapping[str, Any]) -> Iterator[DataLoss]:
    """Yield the losses of an update, by a shorter retention, an expiry or another stream."""
    before = {**(resource.get("inputs") or {}), **(resource.get("outputs") or {})}
    after, type_ = step.new.get("inputs") or {}, resource["type"]
    if type_ == LOG_GROUP and (days := _lowered(before, after, "retentionInDays", _NEVER)):
        yield _loss(layer, resource, RETENTION, (f"to {days} days",), days * SECONDS_PER_DAY)
    if type_ == QUEUE and (seconds := _lowered(before, after, "messageRetentionSeconds", _QUEUE_DEFAULT)):
        yield _loss(layer, resource, RETENTION, (f"to {seconds:,} seconds",), seconds)
    if type_ == TABLE and _expiry(after) and _expiry(after) != _expiry(before):
        yield _loss(layer, resource, EXPIRY, (f"by {_expiry(after)}",))
    elif type_ == TABLE and _stream(before) and _stream(before) != _stream(after):
        yield _loss(layer, resource, STREAM, ("records that no function has read yet",))


def _lowered(before: Mapping[str, Any], after: Mapping[str, Any], key: str, default: int) -> int | None:
    """Return the new value of a retention that gets shorter, else None."""
    old, new = (float(inputs.get(key) or default) for inputs in (before, after))
    return int(new) if new != _NEVER and (old == _NEVER or new < old) else None


def _expiry(table: Mapping[str, Any]) -> str:
    """Return the attribute by which a table's items expire; empty if they don't."""
    ttl = table.get("ttl") or {}
    return str(ttl.get("attributeName")) if ttl.get("enabled") else ""


def _stream(table: Mapping[str, Any]) -> str:
    """Return the view type of a table's stream; empty if there is no stream."""
    return str(table.get("streamViewType")) if table.get("streamEnabled") else ""


def _is_deleted(resource: Mapping[str, Any]) -> bool:
    """Return whether deleting the resource from the state deletes it in AWS."""
    return not (resource.get("retainOnDelete") or (resource.get("inputs") or {}).get("skipDestroy"))


def _loss(
    layer: str, resource: Mapping[str, Any], change: str, because: tuple[str, ...], keep_seconds: int | None = None
) -> DataLoss:
    known = {**(resource.get("inputs") or {}), **(resource.get("outputs") or {})}
    name = str(known.get("name") or resource.get("id") or "")
    return DataLoss(
        layer=layer, urn=resource["urn"], type=resource["type"], name=name, change=change, because=because,
        keep_seconds=keep_seconds, component=str((known.get("tags") or {}).get("Component", "")),
    )  # fmt: skip


def refuse_moved(environment: Environment, states: Mapping[str, StackState], account: str | None) -> None:
    """Raise UsageError when the deployed resources have another suffix, account or region than the rollout.

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
    """Return the suffixes of the deployed resources, from their tag `Environment`."""
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
