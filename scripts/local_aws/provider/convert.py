"""Between the properties of the SDK and the parameters and records of AWS, guided by both sides' own type models."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final

from local_aws.provider.wire import Properties

_KEYS: Final = ("Key", "key", "Name", "name", "TagKey")
_VALUES: Final = ("Value", "value", "TagValue")


def normal(name: str) -> str:
    """`kmsKeyId`, `KMSKeyId` and `kms_key_id` are the same name."""
    return name.replace("_", "").lower()


def to_aws(value: Any, shape: Any, names: Mapping[str, str], path: str) -> Any:
    """A property's value in the form botocore declares for the parameter it goes to."""
    kind = shape.type_name
    if kind == "structure" and isinstance(value, Mapping):
        members = {normal(member): member for member in shape.members}
        found = {members.get(normal(names.get(f"{path}.{key}", key))): (key, item) for key, item in value.items()}
        return {member: to_aws(item, shape.members[member], names, f"{path}.{key}")
                for member, (key, item) in found.items() if member and item != ""}  # fmt: skip
    if kind == "list":
        return _to_list(value, shape.member, names, path)
    if kind == "map" and isinstance(value, Mapping):
        return {key: to_aws(item, shape.value, names, path) for key, item in value.items()}
    return _to_scalar(value, kind)


def _to_list(value: Any, member: Any, names: Mapping[str, str], path: str) -> list[Any]:
    if isinstance(value, list):
        return [to_aws(item, member, names, path) for item in value]
    keys = [name for name in _KEYS if name in getattr(member, "members", {})]
    values = [name for name in _VALUES if name in getattr(member, "members", {})]
    if isinstance(value, Mapping) and keys and values and len(member.members) <= 2:
        return [{keys[0]: key, values[0]: item} for key, item in sorted(value.items())]
    return [to_aws(value, member, names, path)]  # the SDK shows a list of at most one as the item itself


def _to_scalar(value: Any, kind: str) -> Any:
    if kind in {"integer", "long"} and isinstance(value, str | float):
        return int(value)
    if kind in {"double", "float"}:
        return float(value)
    if kind == "string" and not isinstance(value, str):
        return json.dumps(value) if isinstance(value, bool | Mapping | list) else str(value)
    return value


def from_aws(value: Any, kind: Any, names: Mapping[str, str], path: str) -> Any:
    """Convert an answer of AWS to the form the SDK declares for the property."""
    if value is None or value == "":
        return None
    if isinstance(kind, str):
        return _from_scalar(value, kind)
    if "any_of" in kind:
        return from_aws(value, "str" if "str" in kind["any_of"] else kind["any_of"][0], names, path)
    if "list" in kind:
        items = value if isinstance(value, list) else [value]
        return [from_aws(item, kind["list"], names, path) for item in items]
    if "map" in kind:
        return {key: from_aws(item, kind["map"], names, path) for key, item in _pairs(value).items()}
    record: Any = value[0] if isinstance(value, list) and value else value
    return record_to_properties(record, kind["object"], names, path) if record else None


def record_to_properties(
    record: Mapping[str, Any], kinds: Mapping[str, Any], names: Mapping[str, str], path: str = ""
) -> Properties:
    """Every property of `kinds` that the record has a field for."""
    fields = {normal(key): item for key, item in record.items()}
    found: Properties = {}
    for name, kind in kinds.items():
        here = f"{path}.{name}" if path else name
        item = from_aws(fields.get(normal(names.get(here, name))), kind, names, here)
        if item is not None:
            found[name] = item
    return found


def _pairs(value: Any) -> Mapping[str, Any]:
    if isinstance(value, Mapping):
        return value
    key, item = (next((name for name in group if value and name in value[0]), "") for group in (_KEYS, _VALUES))
    return {pair[key]: pair.get(item, "") for pair in value}


def _from_scalar(value: Any, kind: str) -> Any:
    if kind == "str":
        return _to_text(value)
    if kind == "bool":
        return value == "true" or value is True
    if kind in {"int", "float"}:
        number = float(value)
        return int(number) if number.is_integer() else number
    return value


def _to_text(value: Any) -> str:
    if isinstance(value, datetime):
        return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    if isinstance(value, bool | Mapping | list):
        return json.dumps(value)
    return f"{value:g}" if isinstance(value, float | Decimal) else str(value)
