"""DynamoDB as far as the functions use it, as strict as AWS where emulators are not, and what it charges.

Every request is checked against botocore's description of the service, so that a test that passes here also shows that
the request has the shape AWS expects. Limits: 100 actions, one action per item, 4 MB per transaction, 25 statements per
batch, 400 KB per item, 4 KB and 300 operators per expression, 38 digits per number. An addition whose exact result has
more digits is refused as AWS does: "Number overflow".

Capacity is counted as in the developer guide ("Read and write operations"): a write costs a unit per KB of the larger
of the item before and after, refused conditional ones too, and twice that in a transaction, refused or not. A read
costs half a unit per 4 KB of each item asked for, there or not, and a consistent one a unit; a query reads its items
as one.
"""

import base64
import math
import re
from collections import Counter
from collections.abc import Callable, Mapping
from copy import deepcopy
from decimal import Decimal, localcontext
from functools import lru_cache
from typing import Any, NamedTuple

from botocore.loaders import Loader
from botocore.model import ServiceModel
from botocore.validate import ParamValidator

from shared.aws import AwsError
from shared.deadline import Deadline

Item = dict[str, dict[str, Any]]
Fault = Callable[[str, Mapping[str, Any]], AwsError | None]

KEYS = {"events": ("event_key",), "pages": ("page",), "aggregates": ("series", "hour")}
PAGE_BYTES = 1_000_000
# Added exactly without more ado, and far from the bounds of a number.
_WHOLE = re.compile(r"-?[0-9]{1,30}")
_STATEMENT = re.compile(r"INSERT INTO \"([\w.-]+)\" VALUE \{(.*)\}")


@lru_cache(maxsize=4)
def _service(name: str) -> ServiceModel:
    return ServiceModel(Loader().load_service_model(name, "service-2"))


def assert_valid(service: str, operation: str, request: Mapping[str, Any]) -> None:
    """Fail unless the request is one botocore would send."""
    shape = _service(service).operation_model(operation).input_shape
    report = ParamValidator().validate(request, shape)
    assert not report.has_errors(), report.generate_report()


def size_of(item: Mapping[str, Any]) -> int:
    """Bytes of an item ("Item sizes and formats" in the developer guide)."""
    return sum(len(name.encode()) + _value_bytes(value) for name, value in item.items())


def _value_bytes(value: Mapping[str, Any]) -> int:
    ((kind, content),) = value.items()
    if kind == "SS":
        return sum(len(each.encode()) for each in content)
    return _scalar_bytes(kind, content)


@lru_cache(maxsize=100_000)
def _scalar_bytes(kind: str, content: str) -> int:
    if kind == "N":
        digits = content.lstrip("-").lower().partition("e")[0].replace(".", "").strip("0")
        return math.ceil(len(digits) / 2) + 1 + content.startswith("-")
    return len(base64.b64decode(content)) if kind == "B" else len(content.encode())


def units_of(*sizes: int) -> int:
    """Return the write units of a change between items of these sizes."""
    return max(1, math.ceil(max(sizes) / 1024))


def half_read_units_of(size: int, *, consistent: bool) -> int:
    """Halves of a read unit for so many bytes."""
    return max(1, math.ceil(size / 4096)) * (2 if consistent else 1)


def no_fault(operation: str, request: Mapping[str, Any]) -> None:
    """Let every request pass."""
    del operation, request


class _Result(NamedTuple):
    """Result of one action of a transaction."""

    place: tuple[str, tuple[str, ...]]
    """The table, and the key of the item."""
    item: Item
    reason: dict[str, Any]
    size: int
    size_before: int


class FakeDynamoDB:
    """Tables in memory, and faults on request."""

    def __init__(self) -> None:
        self.tables: dict[str, dict[tuple[str, ...], Item]] = {name: {} for name in KEYS}
        self.requests: list[tuple[str, Mapping[str, Any]]] = []
        self.written: Counter[str] = Counter()
        """Write units by table."""
        self.read: Counter[str] = Counter()
        """Read units by table, in halves."""
        self.before: Fault = no_fault
        self.after: Fault = no_fault
        self.takes: Callable[[str, str, float], bool] = lambda *_: True
        """Whether a table ("read" or "write") has so many units left; if so, they are taken."""
        self.refuse: Callable[[Item], str] = lambda _: ""
        """The code with which a single INSERT is refused."""
        self.unread: set[str] = set()
        """Keys of events that an inconsistent read does not find yet."""

    def call(self, operation: str, request: Mapping[str, Any], deadline: Deadline) -> dict[str, Any]:
        if deadline.passed():
            raise AwsError(operation, "OutOfTime", "the invocation has no time left", status=504)
        assert_valid("dynamodb", operation, request)
        self.requests.append((operation, deepcopy(request)))
        self._fault(self.before(operation, request))
        answer = self.answer(operation, request)
        self._fault(self.after(operation, request))
        return answer

    def answer(self, operation: str, request: Mapping[str, Any]) -> dict[str, Any]:
        """Answer as DynamoDB does; raises AwsError."""
        does = {
            "BatchExecuteStatement": self._execute, "BatchGetItem": self._get, "PutItem": self._put,
            "Query": self._query, "TransactWriteItems": self._transact,
        }  # fmt: skip
        return does[operation](request)

    @staticmethod
    def _fault(error: AwsError | None) -> None:
        if error is not None:
            raise error

    def items(self, table: str) -> list[Item]:
        return list(self.tables[table].values())

    def counted(self) -> int:
        """Number of events that the records of pages mark as counted."""
        return sum(base64_bits(item["counted"]["B"]) for item in self.items("pages"))

    def _execute(self, request: Mapping[str, Any]) -> dict[str, Any]:
        statements = request["Statements"]
        if not 1 <= len(statements) <= 25:
            raise _invalid("Member must have length less than or equal to 25")
        return {"Responses": [self._insert(each["Statement"], each["Parameters"]) for each in statements]}

    def _insert(self, statement: str, parameters: list[dict[str, Any]]) -> dict[str, Any]:
        match = _STATEMENT.fullmatch(statement)
        assert match, statement
        names = re.findall(r"'(\w+)': \?", match[2])
        assert ", ".join(f"{name!r}: ?" for name in names) == match[2]
        item, table = dict(zip(names, parameters, strict=True)), match[1]
        if table not in self.tables:
            return {"Error": {"Code": "ResourceNotFound", "Message": "Requested resource not found"}}
        key = tuple(item[name]["S"] for name in KEYS[table])
        if code := self.refuse(item):
            return {"Error": {"Code": code, "Message": "no"}}
        size = size_of(item)
        if size > 400_000:
            return {"Error": {"Code": "ValidationError", "Message": "Item size has exceeded the maximum allowed size"}}
        units = units_of(size, size_of(self.tables[table].get(key, {})))
        if not self.takes(table, "write", units):
            return {"Error": {"Code": "ProvisionedThroughputExceeded", "Message": "too much"}}
        self.written[table] += units
        if key in self.tables[table]:
            return {"Error": {"Code": "DuplicateItem", "Message": "Duplicate primary key exists in table"}}
        self.tables[table][key] = item
        return {"TableName": table}

    def _get(self, request: Mapping[str, Any]) -> dict[str, Any]:
        found: dict[str, list[Item]] = {}
        for table, asked in request["RequestItems"].items():
            assert 1 <= len(asked["Keys"]) <= 100
            keys = [tuple(key[name]["S"] for name in KEYS[table]) for key in asked["Keys"]]
            assert len(set(keys)) == len(keys)
            items, consistent = self.tables[table], bool(asked.get("ConsistentRead"))
            halves = sum(half_read_units_of(size_of(items.get(key, {})), consistent=consistent) for key in keys)
            if not self.takes(table, "read", halves / 2):
                raise AwsError("BatchGetItem", "ProvisionedThroughputExceededException", "too much")
            found[table] = [items[key] for key in keys if key in items and key[0] not in self.unread]
            self.read[table] += halves
        return {"Responses": deepcopy(found), "UnprocessedKeys": {}}

    def _put(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """A put of one item, on the condition that there is none of its key, as handlers other than ours do it."""
        table, item = request["TableName"], dict(request["Item"])
        key = tuple(item[name]["S"] for name in KEYS[table])
        old = self.tables[table].get(key)
        self.written[table] += units_of(size_of(item), size_of(old or {}))
        if not holds(request, old or {}):
            raise AwsError("PutItem", "ConditionalCheckFailedException", "The conditional request failed")
        self.tables[table][key] = item
        return {}

    def _transact(self, request: Mapping[str, Any]) -> dict[str, Any]:
        actions = [next(iter(action.items())) for action in request["TransactItems"]]
        if not 1 <= len(actions) <= 100:
            raise _invalid("Member must have length less than or equal to 100")
        results = [self._result(kind, action) for kind, action in actions]
        places = [result.place for result in results]
        if len(set(places)) != len(places):
            raise _invalid("Transaction request cannot include multiple operations on one item")
        if sum(result.size for result in results) > 4_000_000:
            raise _invalid("Transaction size exceeds 4 MB")
        units: Counter[str] = Counter()
        for result in results:
            units[result.place[0]] += 2 * units_of(result.size, result.size_before)
        short = {table for table, number in units.items() if not self.takes(table, "write", number)}
        if short:
            throttled = {"Code": "ThrottlingError", "Message": "too much"}
            raise canceled([throttled if place[0] in short else {"Code": "None"} for place in places])
        self.written += units
        reasons = [result.reason for result in results]
        if any(reason["Code"] != "None" for reason in reasons):
            raise canceled(reasons)
        for result in results:
            table, key = result.place
            self.tables[table][key] = result.item
        return {}

    def _result(self, kind: str, action: Mapping[str, Any]) -> _Result:
        table = action["TableName"]
        given = action["Item"] if kind == "Put" else action["Key"]
        key = tuple(given[name]["S"] for name in KEYS[table])
        old = self.tables[table].get(key)
        item: Item = dict(given) if kind == "Put" else {**given, **(old or {})}
        reason: dict[str, Any] = {"Code": "None"}
        if kind == "Update":
            try:
                updated(item, action)
            except OverflowError as error:
                reason = {"Code": "ValidationError", "Message": str(error)}
        if not holds(action, old or {}):
            reason = {"Code": "ConditionalCheckFailed", "Message": "The conditional request failed"}
            if old is not None and action.get("ReturnValuesOnConditionCheckFailure") == "ALL_OLD":
                reason["Item"] = deepcopy(old)
        size = size_of(item)
        if size > 400_000:
            reason = {"Code": "ValidationError", "Message": "Item size has exceeded the maximum allowed size"}
        return _Result((table, key), item, reason, size, size_of(old or {}))

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
        self.read[request["TableName"]] += half_read_units_of(size, consistent=True)
        more = len(page) == request["Limit"] or len(page) < len(found)
        last = {name: page[-1][name] for name in ("series", "hour")} if page and more else None
        return {"Items": page, "Count": len(page), **({"LastEvaluatedKey": last} if last else {})}


def holds(action: Mapping[str, Any], item: Mapping[str, Any]) -> bool:
    """Evaluate a condition of the forms the functions use."""
    names, values = action.get("ExpressionAttributeNames", {}), action.get("ExpressionAttributeValues", {})
    alternatives = action.get("ConditionExpression", "").split(" OR ")
    return alternatives == [""] or any(_holds(each, names, values, item) for each in alternatives)


def _holds(text: str, names: Mapping[str, str], values: Mapping[str, Any], item: Mapping[str, Any]) -> bool:
    if match := re.fullmatch(r"attribute_not_exists\((#\w+)\)", text):
        return names[match[1]] not in item
    if match := re.fullmatch(r"size\((#\w+)\) (=|<=) (:\w+)", text):
        found, bound = item.get(names[match[1]]), int(values[match[3]]["N"])
        assert found is None or "SS" in found
        return found is not None and (len(found["SS"]) <= bound if match[2] == "<=" else len(found["SS"]) == bound)
    match = re.fullmatch(r"(#\w+) = (:\w+)", text)
    assert match, text
    return item.get(names[match[1]]) == values[match[2]]


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
    used = re.findall(r"[#:]\w+", action.get("ConditionExpression", ""))
    assert set(names) == {n for n, _ in settings + additions} | {word for word in used if word[0] == "#"}
    assert set(values) == {v for _, v in settings + additions} | {word for word in used if word[0] == ":"}
    assert len(set(names.values())) == len(names)
    for name, value in settings:
        item[names[name]] = values[value]
    for name, value in additions:
        item[names[name]] = _sum(item.get(names[name]), values[value])


def _sum(old: Mapping[str, Any] | None, added: Mapping[str, Any]) -> dict[str, Any]:
    if "SS" in added:
        assert added["SS"]
        assert len(set(added["SS"])) == len(added["SS"])
        return {"SS": sorted({*(old or {"SS": []})["SS"], *added["SS"]})}
    texts = (old or {"N": "0"})["N"], added["N"]
    if all(map(_WHOLE.fullmatch, texts)):
        return {"N": str(sum(map(int, texts)))}
    number = Decimal(texts[0])
    return {"N": str(_storable(number, _storable(Decimal(0), Decimal(texts[1]))))}


def base64_bits(text: str) -> int:
    """Number of set bits of a bitmap."""
    return int.from_bytes(base64.b64decode(text), "little").bit_count()


def _storable(one: Decimal, other: Decimal) -> Decimal:
    """Add two numbers as DynamoDB does; fractions are exact and never rounded."""
    lowest = min(int(one.as_tuple().exponent), int(other.as_tuple().exponent))
    with localcontext(prec=1000):
        total = int(one.scaleb(-lowest)) + int(other.scaleb(-lowest))
    digits = str(abs(total)).rstrip("0")
    if len(digits) > 38 or (total and not -130 <= len(str(abs(total))) - 1 + lowest <= 125):
        raise OverflowError("Number overflow. Attempting to store a number with magnitude larger than supported range")
    return Decimal((int(total < 0), tuple(map(int, str(abs(total)))), lowest))


def canceled(reasons: list[dict[str, Any]]) -> AwsError:
    """The error of a transaction that was cancelled for these reasons."""
    codes = ", ".join(reason["Code"] for reason in reasons)
    message = f"Transaction cancelled, please refer cancellation reasons for specific reasons [{codes}]"
    return AwsError(
        "TransactWriteItems", "TransactionCanceledException", message, 400, {"CancellationReasons": reasons}
    )


def conflict(request: Mapping[str, Any], *places: int) -> AwsError:
    """The error of a transaction that met another one at these actions."""
    reasons: list[dict[str, Any]] = [{"Code": "None"} for _ in request["TransactItems"]]
    for place in places:
        reasons[place] = {"Code": "TransactionConflict", "Message": "Transaction is ongoing for the item"}
    return canceled(reasons)


def _invalid(message: str) -> AwsError:
    return AwsError("DynamoDB", "ValidationException", message)
