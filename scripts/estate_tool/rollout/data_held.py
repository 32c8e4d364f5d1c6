"""Amounts of data in tables, queues and log groups, looked up in AWS without changing anything."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from estate_tool.core.aws_errors import is_not_found
from estate_tool.core.retries import code_of
from estate_tool.core.text import counted

if TYPE_CHECKING:
    from collections.abc import Callable

TABLE = "aws:dynamodb/table:Table"
QUEUE = "aws:sqs/queue:Queue"
LOG_GROUP = "aws:cloudwatch/logGroup:LogGroup"
KINDS = {TABLE: "table", QUEUE: "queue", LOG_GROUP: "log group"}
# Names of queues that hold failed events (`Names.dead_letter_queue`).
DEAD_LETTERS = "dlq-"
_UNITS = {TABLE: "items", QUEUE: "messages", LOG_GROUP: "bytes"}
_REFUSED = {"AccessDenied", "AccessDeniedException"}
# A group may have thousands of log streams; after this many pages of 50 the rest counts as old.
_MOST_PAGES = 20


@dataclass(frozen=True, kw_only=True)
class Held:
    """An amount of `items`, `messages` or `bytes`; `count` is None where it is unknown, for the reason in `problem`.

    `bound` is the kind of limit that an amount is: "" (exact), "about", "at least", "up to".
    """

    unit: str
    count: int | None
    bound: str = ""
    note: str = ""
    problem: str = ""
    gone: bool = False

    def __bool__(self) -> bool:
        """Return False only for an amount that is known to be 0."""
        return self.count != 0

    def __str__(self) -> str:
        """Return the amount for a person, such as "49 items" or "at least 1,200 items"."""
        if self.count is None:
            what = "size of logs" if self.unit == "bytes" else f"number of {self.unit}"
            return f"an unknown {what} ({self.problem})"
        amount = _size(self.count) if self.unit == "bytes" else counted(self.count, self.unit.removesuffix("s"))
        note = f" ({self.note})" if self.note else ""
        return f"{self.bound} {amount}{note}".lstrip()

    def to_dict(self) -> dict[str, Any]:
        """Return the shape of `held` in a report's `losses`."""
        return {
            "count": self.count, "unit": self.unit, "bound": self.bound or "exactly", "problem": self.problem or None,
        }  # fmt: skip


NOT_LOOKED_UP = Held(unit="bytes", count=None, problem="not looked up")


def held(client: Callable[[str], Any], type_: str, name: str, keep_seconds: int | None = None) -> Held:
    """Return the amount of data in a resource; with `keep_seconds`, of older data.

    An amount that AWS refuses to report is unknown, never empty; where AWS can't be reached at all, botocore's own
    errors are raised.
    """
    from botocore.exceptions import ClientError

    try:
        if type_ == TABLE:
            return _items(client("dynamodb"), name)
        if type_ == QUEUE:
            return _messages(client("sqs"), name)
        return _logs(client("logs"), name, keep_seconds)
    except ClientError as error:
        gone = is_not_found(error)
        problem = f"there is no such {KINDS[type_]} in AWS" if gone else str(error)
        return Held(unit=_UNITS[type_], count=None, problem=problem, gone=gone)


def _items(dynamodb: Any, table: str) -> Held:
    """Count a table that one page of a consistent scan (1 MB) covers; of a larger one, take AWS's own count."""
    from botocore.exceptions import ClientError

    try:
        page = dynamodb.scan(TableName=table, Select="COUNT", ConsistentRead=True)
    except ClientError as error:
        if code_of(error) in _REFUSED and (known := _item_count(dynamodb, table)):
            return Held(unit="items", count=known, bound="about", note="counted by AWS within the last 6 hours")
        raise
    if "LastEvaluatedKey" not in page:
        return Held(unit="items", count=page["Count"])
    # "DynamoDB updates this value approximately every six hours" (ItemCount of TableDescription).
    known = max(page["Count"], _item_count(dynamodb, table))
    return Held(unit="items", count=known, bound="at least", note="counted by AWS within the last 6 hours")


def _item_count(dynamodb: Any, table: str) -> int:
    return int(dynamodb.describe_table(TableName=table)["Table"].get("ItemCount", 0))


def _messages(sqs: Any, queue: str) -> Held:
    from estate_tool.events.dead_letters import depth

    found = depth(sqs, queue)
    if found is None:
        return Held(unit="messages", count=None, problem="there is no such queue in AWS", gone=True)
    return Held(unit="messages", count=found)


def _logs(logs: Any, group: str, keep_seconds: int | None) -> Held:
    pages = logs.get_paginator("describe_log_groups").paginate(logGroupNamePrefix=group)
    same = [each for page in pages for each in page["logGroups"] if each["logGroupName"] == group]
    if not same:
        return Held(unit="bytes", count=None, problem="there is no such log group in AWS", gone=True)
    stored = int(same[0].get("storedBytes", 0))
    if keep_seconds is not None:
        older = _has_older(logs, group, time.time() - keep_seconds)
        return Held(unit="bytes", count=stored, bound="up to") if older else Held(unit="bytes", count=0)
    if stored or not logs.describe_log_streams(logGroupName=group, limit=1)["logStreams"]:
        return Held(unit="bytes", count=stored)
    return Held(unit="bytes", count=None, problem="AWS has not counted them yet")


def _has_older(logs: Any, group: str, oldest: float) -> bool:
    """Return whether a log stream began before `oldest`, in seconds since 1970; True if there are too many to ask."""
    pages = logs.get_paginator("describe_log_streams").paginate(logGroupName=group, PaginationConfig={"PageSize": 50})
    for number, page in enumerate(pages, start=1):
        began = [stream["firstEventTimestamp"] for stream in page["logStreams"] if "firstEventTimestamp" in stream]
        if number > _MOST_PAGES or any(time_ < oldest * 1000 for time_ in began):
            return True
    return False


def _size(count: int) -> str:
    """Return a number of bytes for a person, in decimal units as AWS bills them."""
    for unit, size in (("GB", 10**9), ("MB", 10**6), ("KB", 10**3)):
        if count >= size:
            return f"{count / size:.1f} {unit} of logs"
    return f"{count} bytes of logs"
