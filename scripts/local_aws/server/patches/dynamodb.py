"""DynamoDB: exact numbers; streams survive a restart and have records of PartiQL's inserts."""

from __future__ import annotations

import decimal
from typing import Any

from local_aws.server.patches.target import dynamodb, persist

# DynamoDB's range spans exponents from -130 to 125 with 38 digits: enough for any sum of two numbers to be exact.
_EXACT = 300
# ministack does not save these, although it saves its tables and the mappings' positions in the streams.
_STORES = ("_stream_records", "_stream_trimmed", "_closed_streams", "_txn_idempotency")


def apply() -> None:
    """Make the corrections."""
    # Python's default is 28 digits: sums were rounded silently. AWS is exact, and refuses what 38 digits can't hold.
    decimal.DefaultContext.prec = _EXACT
    decimal.setcontext(decimal.Context(prec=_EXACT))
    _canonical_additions()
    persist(dynamodb, **{name: getattr(dynamodb, name) for name in _STORES})
    _streamed_inserts()


def _canonical_additions() -> None:
    add = dynamodb._apply_add

    def exact_add(item: Any, tokens: Any, values: Any, names: Any, updated: set[tuple[Any, ...]]) -> None:
        """Store what ADD computed as AWS does: no trailing zeros, and an error where 38 digits do not suffice."""
        add(item, tokens, values, names, updated)
        for path in updated:
            value = dynamodb._get_at_path(item, list(path))
            if isinstance(value, dict) and "N" in value:
                canonical = dynamodb._ddb_canonicalize_number(value["N"])
                if canonical is None:
                    raise ValueError(dynamodb._NUM_OVERFLOW)
                dynamodb._set_at_path(item, list(path), {"N": canonical})

    dynamodb._apply_add = exact_add


def _streamed_inserts() -> None:
    insert = dynamodb._partiql_insert

    def streamed(table: dict[str, Any], parsed: dict[str, Any]) -> Any:
        """Write an item, and its record into the table's stream, as every other write does."""
        answer = insert(table, parsed)
        if answer[0] == 200:
            item = parsed["item"]
            item = item["M"] if set(item) == {"M"} else item
            dynamodb._emit_stream_event(parsed["table"], "INSERT", None, item)
        return answer

    dynamodb._partiql_insert = streamed
