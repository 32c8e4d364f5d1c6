"""Charges of the stand-in for DynamoDB, against sizes and units worked out by hand from AWS's rules.

"Item sizes and formats" and "Read and write operations" in the Amazon DynamoDB Developer Guide: names and texts by
their bytes in UTF-8; a number a byte for each two digits that count, one more, and one for a minus; binary by its
bytes; a write unit for each KB begun, twice that in a transaction; half a read unit for each 4 KB begun, a whole one
if consistent.
"""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.support.fake_dynamodb import size_of, units_of
from tests.support.samples import event_text
from tests.support.wire import Wire

SIZES: list[tuple[dict[str, Any], int]] = [
    # "page" 4 + "abcdefgh" 8 = 12; "counted" 7 + 3 bytes (AAAA is base64 of three) = 10
    ({"page": {"S": "abcdefgh"}, "counted": {"B": "AAAA"}}, 22),
    # "n" 1 + two digits, so 1 + 1 = 2
    ({"n": {"N": "42"}}, 3),
    # "n" 1 + "-12.345": five digits, so 3 + 1, and the minus: 5
    ({"n": {"N": "-12.345"}}, 6),
    # zeros at both ends don't count: one digit, so 1 + 1
    ({"n": {"N": "7000"}}, 3),
    ({"n": {"N": "0.007"}}, 3),
    # "é" is two bytes, the aeroplane four
    ({"é": {"S": "🛫"}}, 6),
    # "fields" 6 + 4 + 4
    ({"fields": {"SS": ["abcd", "efgh"]}}, 14),
]
WRITES = [(1, 1), (1024, 1), (1025, 2), (3072, 3), (3073, 4)]
"""Bytes of the larger item, and its write units."""


@pytest.mark.parametrize(("item", "size"), SIZES)
def test_items_have_the_size_that_is_worked_out_by_hand(item: dict[str, Any], size: int) -> None:
    assert size_of(item) == size


@pytest.mark.parametrize(("size", "units"), WRITES)
def test_a_write_takes_a_unit_for_each_kilobyte_begun_of_the_larger_item(size: int, units: int) -> None:
    item = {"a": {"S": "x" * (size - 1)}}
    assert units_of(size_of(item)) == units_of(size_of({"a": {"S": ""}}), size_of(item)) == units


def test_what_is_charged_at_the_wire_is_what_is_worked_out_by_hand() -> None:
    with Wire().serving() as wire:
        dynamodb = wire.boto3()
        key = {"event_key": {"S": "k"}}
        big = {**key, "event": {"S": "x" * 5000}}
        put = {"TableName": "events", "ConditionExpression": "attribute_not_exists(#k)"}
        # 9 + 1 + 5 + 5000 = 5,015 bytes: 5 units; refused for the item that is there, 5 as well.
        dynamodb.put_item(**put, ExpressionAttributeNames={"#k": "event_key"}, Item=big)
        with pytest.raises(ClientError, match="ConditionalCheckFailed"):
            dynamodb.put_item(**put, ExpressionAttributeNames={"#k": "event_key"}, Item=key)
        assert wire.charged().written == {"events": 10}
        # 5,015 bytes are two times 4 KB begun: one unit; the item that is not there: half a unit; consistent: twice.
        for consistent, halves in ((False, 3), (True, 6)):
            keys = [key, {"event_key": {"S": "none"}}]
            dynamodb.batch_get_item(RequestItems={"events": {"Keys": keys, "ConsistentRead": consistent}})
            assert wire.charged().half_read == {"events": halves}
        # In a transaction twice what it is alone: a record of some bytes 2, an item of 5,015 bytes 10.
        records = [
            {"Put": {"TableName": "pages", "Item": {"page": {"S": "p"}}}},
            {"Put": {"TableName": "events", "Item": {**big, "event_key": {"S": "j"}}}},
        ]
        dynamodb.transact_write_items(TransactItems=records)
        found = wire.charged()
        assert (found.written, found.requests) == ({"pages": 2, "events": 10}, {"TransactWriteItems": 1})


def test_a_batch_of_two_events_is_charged_as_worked_out_by_hand() -> None:
    # Stored: 2 events below 1 KB, an INSERT each: 2 units in one request. Counted: the record of their page and two
    # aggregates (the subject's and that of all), each below 1 KB, in one transaction: 3 × 2 = 6 units.
    with Wire().serving() as wire:
        wire.ingest([event_text("1"), event_text("2")])
        wire.aggregate()
        found = wire.charged()
    assert found.written == {"events": 2, "pages": 2, "aggregates": 4}
    assert found.requests == {"BatchExecuteStatement": 1, "TransactWriteItems": 1}
    assert found.half_read == {}


def test_each_event_on_its_own_takes_seven_units() -> None:
    # A put: 1. A transaction of a mark and two updates: 3 × 2 = 6.
    with Wire().serving() as wire:
        wire.naive([event_text("1"), event_text("2", {"delay": -3})])
        found = wire.charged()
    assert found.written == {"events": 2, "pages": 4, "aggregates": 8}
    assert found.requests == {"PutItem": 2, "TransactWriteItems": 2}
