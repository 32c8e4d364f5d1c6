"""Configuration of a layer as a pydantic model: keys, defaults, allowed values, descriptions."""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated, Any, TypeVar, get_args, get_origin

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel
from pydantic.fields import FieldInfo

from foundation.problems import InvalidConfiguration, Problem, one_of
from foundation.yaml_text import Scalar, located


class Settings(BaseModel):
    """Keys of a namespace: the names of the fields in camel case, and no others."""

    model_config = ConfigDict(extra="forbid", frozen=True, alias_generator=to_camel, validate_by_name=True)


Model = TypeVar("Model", bound=Settings)


class UnquotedError(ValueError):
    """Raised for text without quotes that YAML reads as a number or a boolean."""


def setting(default: Any, about: str, *, allowed: str = "", **more: Any) -> Any:
    """Declare a key; `allowed` is its rule, for messages."""
    return Field(default, description=about, json_schema_extra={"allowed": allowed}, **more)


def number(default: Any, within: tuple[Any, Any], about: str, unit: str = "", **more: Any) -> Any:
    """Declare a key for a number within bounds, both included."""
    return setting(default, about, allowed=unit, ge=within[0], le=within[1], **more)


def _whole(raw: Any) -> int:
    if isinstance(raw, bool) or not re.fullmatch(r"[+-]?(?:0|[1-9][0-9]{0,17})", str(raw)):
        raise ValueError(raw)
    return int(raw)


def _flag(raw: Any) -> bool:
    if str(raw).lower() not in ("true", "false"):
        raise ValueError(raw)
    return str(raw).lower() == "true"


def _text(raw: Any) -> str:
    if isinstance(raw, Scalar) and not raw.is_text:
        raise UnquotedError(raw)
    if not isinstance(raw, str):
        raise ValueError(raw)
    return str(raw)


def from_json(raw: Any) -> Any:
    """Return a list or an object that Pulumi passes as JSON."""
    try:
        return json.loads(raw) if isinstance(raw, str) else raw
    except RecursionError as error:
        raise ValueError(raw) from error


def choice(raw: Any) -> Any:
    """Return a value of a Literal as the number or text that it is compared with."""
    return _whole(raw) if re.fullmatch("[0-9]+", str(raw)) else str(raw)


def rule(valid: Callable[[str], bool]) -> Callable[[str], str]:
    """Return a validator that raises ValueError unless the rule is met."""

    def check(value: str) -> str:
        if not valid(value):
            raise ValueError(value)
        return value

    return check


Whole = Annotated[int, BeforeValidator(_whole)]
Flag = Annotated[bool, BeforeValidator(_flag)]
Text = Annotated[str, BeforeValidator(_text)]


@dataclass(frozen=True, kw_only=True)
class Setting:
    """A key as it is documented."""

    key: str
    default: Any
    allowed: str
    about: str


def settings(model: type[Settings]) -> Iterator[Setting]:
    """Yield the keys of a model."""
    for field in model.model_fields.values():
        yield Setting(
            key=str(field.alias), default=field.default, allowed=allowed_values(field), about=str(field.description)
        )


def allowed_values(field: FieldInfo) -> str:
    """Return the rule of a field as text."""
    extra = field.json_schema_extra
    allowed = str(extra.get("allowed", "")) if isinstance(extra, dict) else ""
    if field.annotation is bool:
        return "true or false"
    bounds = {type(each).__name__: each for each in field.metadata}
    unit = f" ({allowed})" if allowed else ""
    if field.annotation is int:
        return f"a whole number from {bounds['Ge'].ge} to {bounds['Le'].le}{unit}"
    if field.annotation is Decimal:
        return f"a number from {bounds['Ge'].ge:,} to {bounds['Le'].le:,}, in plain decimals such as 0.5{unit}"
    if get_origin(field.annotation) is dict:
        return allowed or "an object"
    return allowed or " or ".join(map(str, get_args(field.annotation)))


def read_settings(namespace: str, model: type[Model], raw: Mapping[str, Any]) -> Model:
    """Return the settings of a namespace; `raw` are configured values by key without namespace, None is not set.

    Raises InvalidConfiguration with all unknown keys and rejected values at once.
    """
    known = {each.key: each for each in settings(model)}
    try:
        given = {key: raw[key] for key in raw if raw[key] is not None or key not in known}
        return model.model_validate(given, by_alias=True, by_name=False)
    except ValidationError as error:
        wrong = {str(each["loc"][0]): each.get("ctx", {}).get("error") for each in reversed(error.errors())}
    problems = []
    for key in (key for key in raw if key in wrong):
        allowed = known[key].allowed if key in known else f"no such key; {one_of(known, key)}"
        if isinstance(wrong[key], UnquotedError):
            allowed += f'; quote it where it is text: "{wrong[key]}"'
        problems.append(Problem(where=located(raw[key], f"{namespace}:{key}"), value=raw[key], allowed=allowed))
    raise InvalidConfiguration(problems)
