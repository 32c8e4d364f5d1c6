"""DynamoDB as far as the functions use it, as strict as AWS where emulators are not.

Every request is checked against botocore's description of the service, so that a test that passes here also shows that
the request has the shape AWS expects. Limits: 100 actions, one action per item, 4 MB per transaction, 400 KB per item,
4 KB and 300 operators per expression, 38 digits per number. An addition whose exact result has more digits is refused
as AWS does: "Number overflow".
"""

import json
import re
from collections.abc import Callable, Mapping
from copy import deepcopy
from decimal import Decimal, localcontext
from functools import lru_cache
from typing import Any

from botocore.loaders import Loader
from botocore.model import ServiceModel
from botocore.validate import ParamValidator

from shared.aws import AwsError
from shared.deadline import Deadline

Item = dict[str, dict[str, str]]
Fault = Callable[[str, Mapping[str, Any]], AwsError | None]

KEYS = {"events": ("event_key",), "marks": ("event_key",), "aggregates": ("series", "hour")}
PAGE_BYTES = 1_000_000


@lru_cache(maxsize=4)
def _service(name: str) -> ServiceModel:
    return ServiceModel(Loader().load_service_model(name, "service-2"))


def assert_valid(service: str, operation: str, request: Mapping[str, Any]) -> None:
    """Fail unless the request is one botocore would send."""
    shape = _service(service).operation_model(operation).input_shape
    report = ParamValidator().validate(request, shape)
    assert not report.has_errors(), report.generate_report()


def size_of(item: Mapping[str, Any]) -> int:
    return sum(len(name.encode()) + len(json.dumps(value, ensure_ascii=False).encode()) for name, value in item.items())


def no_fault(operation: str, request: Mapping[str, Any]) -> None:
    """Let every request pass."""
    del operation, request


class FakeDynamoDB:
    """Tables in memory, and faults on request."""

    def __init__(self) -> None:
        self.tables: dict[str, dict[tuple[str, ...], Item]] = {name: {} for name in KEYS}
        self.requests: list[tuple[str, Mapping[str, Any]]] = []
        self.before: Fault = no_fault
        self.after: Fault = no_fault

    def call(self, operation: str, request: Mapping[str, Any], deadline: Deadline) -> dict[str, Any]:
        if deadline.passed():
            raise AwsError(operation, "OutOfTime", "the invocation has no time left", status=504)
        assert_valid("dynamodb", operation, request)
        self.requests.append((operation, deepcopy(request)))
        self._fault(self.before(operation, request))
        answer = {"TransactWriteItems": self._transact, "Query": self._query}[operation](request)
        self._fault(self.after(operation, request))
        return answer

    @staticmethod
    def _fault(error: AwsError | None) -> None:
        if error is not None:
            raise error

    def items(self, table: str) -> list[Item]:
        return list(self.tables[table].values())

    def _transact(self, request: Mapping[str, Any]) -> dict[str, Any]:
        actions = [next(iter(action.items())) for action in request["TransactItems"]]
        if not 1 <= len(actions) <= 100:
            raise _invalid("Member must have length less than or equal to 100")
        results = [self._result(kind, action) for kind, action in actions]
        places = [place for place, _, _ in results]
        if len(set(places)) != len(places):
            raise _invalid("Transaction request cannot include multiple operations on one item")
        if sum(size_of(item) for _, item, _ in results) > 4_000_000:
            raise _invalid("Transaction size exceeds 4 MB")
        reasons = [reason for _, _, reason in results]
        if any(reason["Code"] != "None" for reason in reasons):
            raise canceled(reasons)
        for (table, key), item, _ in results:
            self.tables[table][key] = item
        return {}

    def _result(self, kind: str, action: Mapping[str, Any]) -> tuple[tuple[str, tuple[str, ...]], Item, dict[str, str]]:
        table = action["TableName"]
        given = action["Item"] if kind == "Put" else action["Key"]
        key = tuple(given[name]["S"] for name in KEYS[table])
        old = self.tables[table].get(key)
        item: Item = dict(given) if kind == "Put" else {**given, **(old or {})}
        reason = {"Code": "None"}
        if kind == "Update":
            try:
                updated(item, action)
            except OverflowError as error:
                reason = {"Code": "ValidationError", "Message": str(error)}
        if "ConditionExpression" in action:
            assert action["ConditionExpression"] == f"attribute_not_exists({KEYS[table][0]})"
            if old is not None:
                reason = {"Code": "ConditionalCheckFailed", "Message": "The conditional request failed"}
        if size_of(item) > 400_000:
            reason = {"Code": "ValidationError", "Message": "Item size has exceeded the maximum allowed size"}
        return (table, key), item, reason

    def _query(self, request: Mapping[str, Any]) -> dict[str, Any]:
        assert request["KeyConditionExpression"] == "#series = :series AND #hour BETWEEN :first AND :last"
        assert request["ExpressionAttributeNames"] == {"#series": "series", "#hour": "hour"}
        assert request["ConsistentRead"] is True
        values = {name: value["S"] for name, value in request["ExpressionAttributeValues"].items()}
        if values[":first"] > values[":last"]:
            raise _invalid("The BETWEEN operator requires upper bound to be greater than or equal to lower bound")
        after = request.get("ExclusiveStartKey", {}).get("hour", {}).get("S", "")
        found = [
            item
            for (series, hour), item in sorted(self.tables[request["TableName"]].items())
            if series == values[":series"] and values[":first"] <= hour <= values[":last"] and hour > after
        ]
        page, size = [], 0
        for item in found[: request["Limit"]]:
            page.append(item)
            size += size_of(item)
            if size > PAGE_BYTES:
                break
        more = len(page) == request["Limit"] or len(page) < len(found)
        last = {name: page[-1][name] for name in ("series", "hour")} if page and more else None
        return {"Items": page, "Count": len(page), **({"LastEvaluatedKey": last} if last else {})}


def updated(item: Item, action: Mapping[str, Any]) -> None:
    """Apply an update expression of the one form the functions use: SET #a = :a, … ADD #0 :0, …"""
    expression, names, values = (
        action["UpdateExpression"],
        action["ExpressionAttributeNames"],
        action["ExpressionAttributeValues"],
    )
    if len(expression.encode()) > 4096:
        raise _invalid("Expression size has exceeded the maximum allowed size")
    settings = re.findall(r"(#\w+) = (:\w+)", expression)
    additions = re.findall(r"(#\w+) (:\w+)", expression)
    if len(settings) + len(additions) > 300:
        raise _invalid("The expression contains too many operators; operator count: 301")
    rebuilt = (
        "SET " + ", ".join(f"{n} = {v}" for n, v in settings) + " ADD " + ", ".join(f"{n} {v}" for n, v in additions)
    )
    assert expression == rebuilt
    assert sorted(names) == sorted(n for n, _ in settings + additions)
    assert sorted(values) == sorted(v for _, v in settings + additions)
    assert len(set(names.values())) == len(names)
    for name, value in settings:
        item[names[name]] = values[value]
    for name, value in additions:
        old = Decimal(item.get(names[name], {"N": "0"})["N"])
        item[names[name]] = {"N": str(_storable(old, _storable(Decimal(0), Decimal(values[value]["N"]))))}


def _storable(one: Decimal, other: Decimal) -> Decimal:
    """Add two numbers as DynamoDB does; fractions are exact and never rounded."""
    lowest = min(int(one.as_tuple().exponent), int(other.as_tuple().exponent))
    with localcontext(prec=1000):
        total = int(one.scaleb(-lowest)) + int(other.scaleb(-lowest))
    digits = str(abs(total)).rstrip("0")
    if len(digits) > 38 or (total and not -130 <= len(str(abs(total))) - 1 + lowest <= 125):
        raise OverflowError("Number overflow. Attempting to store a number with magnitude larger than supported range")
    return Decimal((int(total < 0), tuple(map(int, str(abs(total)))), lowest))


def canceled(reasons: list[dict[str, str]]) -> AwsError:
    """The error of a transaction that was cancelled for these reasons."""
    codes = ", ".join(reason["Code"] for reason in reasons)
    message = f"Transaction cancelled, please refer cancellation reasons for specific reasons [{codes}]"
    return AwsError(
        "TransactWriteItems", "TransactionCanceledException", message, 400, {"CancellationReasons": reasons}
    )


def conflict(request: Mapping[str, Any], *places: int) -> AwsError:
    """The error of a transaction that met another one at these actions."""
    reasons = [{"Code": "None"} for _ in request["TransactItems"]]
    for place in places:
        reasons[place] = {"Code": "TransactionConflict", "Message": "Transaction is ongoing for the item"}
    return canceled(reasons)


def _invalid(message: str) -> AwsError:
    return AwsError("DynamoDB", "ValidationException", message)
