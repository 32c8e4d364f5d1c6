"""Aggregates, read page by page without loss between two pages."""

import json
from collections.abc import Iterator
from typing import Any

from query.question import Question, token
from shared.aggregates import summary_of
from shared.aws import Caller
from shared.deadline import Deadline
from shared.statistics import Summary, to_dict

MAX_BUCKET_BYTES = 2_500_000
"""Lambda answers with at most 6 MB; the totals can be as large as all buckets together, hence less than half."""

Item = dict[str, dict[str, str]]


class Reader:
    """The aggregates table."""

    def __init__(self, client: Caller, table: str) -> None:
        self._client = client
        self._table = table

    def read(self, question: Question, deadline: Deadline) -> dict[str, Any]:
        """Return buckets, their totals and, if there are more buckets, where the next page begins."""
        buckets: list[dict[str, Any]] = []
        totals = Summary()
        size = 0
        for item in self._items(question, deadline):
            hour, summary = item["hour"]["S"], summary_of(item)
            bucket = {"hour": hour, **to_dict(summary)}
            size += len(json.dumps(bucket))
            if len(buckets) == question.limit or (buckets and size > MAX_BUCKET_BYTES):
                return _page(buckets, totals, token(question.series, hour))
            buckets.append(bucket)
            totals.add(summary)
        return _page(buckets, totals, None)

    def _items(self, question: Question, deadline: Deadline) -> Iterator[Item]:
        """Yield the items in order. Consistent reads include every event that `send --wait` reported as aggregated."""
        if question.first > question.last:
            return
        request: dict[str, Any] = {
            "TableName": self._table,
            "KeyConditionExpression": "#series = :series AND #hour BETWEEN :first AND :last",
            "ExpressionAttributeNames": {"#series": "series", "#hour": "hour"},
            "ExpressionAttributeValues": {
                ":series": {"S": question.series},
                ":first": {"S": question.first},
                ":last": {"S": question.last},
            },
            "ConsistentRead": True,
            "Limit": question.limit + 1,
        }
        while True:
            answer = self._client.call("Query", request, deadline)
            yield from answer["Items"]
            if not answer.get("LastEvaluatedKey"):
                return
            request["ExclusiveStartKey"] = answer["LastEvaluatedKey"]


def _page(buckets: list[dict[str, Any]], totals: Summary, following: str | None) -> dict[str, Any]:
    page = {"buckets": buckets, "totals": to_dict(totals)}
    return page if following is None else {**page, "next": following}
