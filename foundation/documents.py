"""Documents of YAML or JSON as pydantic models: every problem at once, each with its key, value and allowed values."""

import json
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar, get_args, get_origin

from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic.fields import FieldInfo

from foundation.problems import InvalidConfiguration, Problem, one_of
from foundation.settings import UnquotedError, allowed_values
from foundation.yaml_text import located, scalars


class Section(BaseModel):
    """An object of a document: its fields, and no other keys."""

    model_config = ConfigDict(extra="forbid", frozen=True)


Model = TypeVar("Model", bound=Section)


def read_document(model: type[Model], content: Any, file: str = "") -> Model:
    """Return a parsed document as its model; problems name `file`, unless the values have their own location.

    Raises InvalidConfiguration with all unknown or missing keys and all rejected values.
    """
    try:
        return model.model_validate(content)
    except ValidationError as error:
        problems = [_problem(model, content, each["loc"], each.get("ctx", {}), file) for each in error.errors()]
    raise InvalidConfiguration(problems)


def read_json(text: str) -> Any:
    """Return the document; raise ValueError for invalid JSON, a duplicate key, and nesting that is too deep."""
    try:
        return json.loads(text, object_pairs_hook=_object)
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error


def _object(members: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in members:
        if key in found:
            raise ValueError(f"{key} stands twice")
        found[key] = value
    return found


def _problem(
    model: type[Section], content: Any, location: Sequence[int | str], context: Mapping[str, Any], file: str
) -> Problem:
    is_key = location[-1:] == ("[key]",)
    keys = [str(each) for each in (location[:-1] if is_key else location)]
    value, written = content, None
    for key in keys:
        # A missing key is located at the object that lacks it.
        written = next((each for each in value if each == key), written) if isinstance(value, dict) else written
        value = value.get(key) if isinstance(value, dict) else None
    allowed, value = _allowed(model, keys), written if is_key else value
    if isinstance(context.get("error"), UnquotedError):
        allowed = f'text; quote it: "{value}"'
    where = located(value if scalars(value) else written, ".".join(keys) or "the document")
    return Problem(where=f"{file} {where}".strip(), value=value, allowed=allowed)


def _allowed(model: type[Section], keys: Sequence[str]) -> str:
    """Return the allowed values at a path of the document."""
    here: Any = model
    field: FieldInfo | None = None
    for key in keys:
        if _is_section(here):
            field = here.model_fields.get(key)
            if field is None:
                return f"no such key; {one_of(here.model_fields, key)}"
            here = field.annotation
            if get_origin(here) is not dict:  # a section that may be left out is a union with None
                here = next(filter(_is_section, get_args(here)), here)
        else:
            here = get_args(here)[-1]
    if _is_section(here):
        return f"an object with {', '.join(here.model_fields)}"
    return allowed_values(field) if field is not None else ""


def _is_section(annotation: Any) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, Section)
