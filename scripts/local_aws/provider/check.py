"""Validation of inputs against the SDK's types and AWS's limits; defaults of the official provider."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

from local_aws.provider import limits
from local_aws.provider.model import Failure, ResourceType
from local_aws.provider.schema import Schema, SdkType
from local_aws.provider.wire import UNKNOWN, Archive, Asset, Properties, has_unknown

DEFAULTED: Final = "__defaults"  # the official provider's bookkeeping: which inputs it filled in itself
_WORDS: Final = {"str": "a string", "int": "a whole number", "float": "a number", "bool": "true or false",
                 "archive": "an archive", "asset": "an asset"}  # fmt: skip
_RANDOM_LENGTH: Final = 7


def check(
    kind: ResourceType, schema: Schema, news: Properties, olds: Properties, default_tags: Mapping[str, Any],
    name: str, seed: bytes,
) -> tuple[Properties, list[Failure]]:  # fmt: skip
    """The inputs with defaults filled in, and everything that is wrong with them, all at once."""
    given = {key: value for key, value in news.items() if key not in {DEFAULTED, "tagsAll"}}
    failures = list(validate({"object": schema["inputs"], "required": schema["required"]}, given, ""))
    # `region` would need clients of its own; the provider's region is the only one of an environment.
    unsupported = kind.unsupported | {"region"}
    failures += [(key, "is not supported by the local provider plugin") for key in given if key in unsupported]
    inputs = given | _documents(kind, schema, given)
    filled = {key: value for key, value in kind.defaults.items() if key not in inputs}
    if kind.named in schema["inputs"] and kind.named not in inputs:
        filled[kind.named] = _generated_name(kind, inputs, olds, name, seed)
    inputs |= filled
    if "tagsAll" in schema["outputs"]:
        tags = inputs.get("tags", {})
        inputs["tagsAll"] = UNKNOWN if UNKNOWN in (tags, default_tags) else dict(default_tags) | tags
        failures += list(_tag_failures(inputs["tagsAll"]))
    if not failures:
        failures += _document_failures(kind, inputs)
        failures += limits.failures(kind, schema["limits"], inputs)
    if not failures:
        failures += [failure for rule in kind.rules if (failure := rule(inputs))]
        failures += [failure for rule in kind.transitions if (failure := rule(olds, inputs))]
    return inputs | {DEFAULTED: sorted(filled)}, failures


def validate(kind: SdkType, value: Any, path: str) -> Iterator[Failure]:
    """Yield the path of each value that does not have the type the SDK declares."""
    if value is UNKNOWN or kind == "any":
        return
    if isinstance(kind, str):
        if not _is_scalar(kind, value):
            yield path, f"expected {_WORDS[kind]}, found {_found(value)}"
    elif "any_of" in kind:
        problems = [list(validate(option, value, path)) for option in kind["any_of"]]
        yield from min(problems, key=len)[:1]
    elif not isinstance(value, list if "list" in kind else Mapping):
        yield path, f"expected {_expected(kind)}, found {_found(value)}"
    elif "object" in kind:
        yield from _validate_object(kind, dict(value), path)
    else:
        for key, item in enumerate(value) if isinstance(value, list) else value.items():
            below = f"{path}[{key}]" if "list" in kind else f"{path}.{key}"
            yield from validate(kind.get("list") or kind["map"], item, below)


def _validate_object(kind: Mapping[str, Any], value: Mapping[str, Any], path: str) -> Iterator[Failure]:
    members: Mapping[str, SdkType] = kind["object"]
    for key, item in value.items():
        below = f"{path}.{key}".lstrip(".")
        if key in members:
            yield from validate(members[key], item, below)
        else:
            import difflib

            close = difflib.get_close_matches(key, members, n=1)
            yield below, "unknown property" + (f'; did you mean "{close[0]}"?' if close else "")
    for key in kind["required"]:
        if key not in value:
            yield f"{path}.{key}".lstrip("."), f"missing; {_expected(members[key])} is required"


def _expected(kind: SdkType) -> str:
    if isinstance(kind, str):
        return _WORDS.get(kind, "a value")
    return "a list" if "list" in kind else _expected(kind["any_of"][0]) if "any_of" in kind else "an object"


def _is_scalar(kind: str, value: Any) -> bool:
    if isinstance(value, bool) or kind == "bool":
        return isinstance(value, bool) and kind == "bool"
    types = {"str": str, "int": int, "float": (int, float), "archive": Archive, "asset": Asset}
    return isinstance(value, types[kind])


def _found(value: Any) -> str:
    if isinstance(value, Mapping | list):
        return "an object" if isinstance(value, Mapping) else "a list"
    if isinstance(value, str):
        return f'the string "{value if len(value) <= 60 else value[:57] + "..."}"'
    if isinstance(value, Asset):
        return "an archive" if isinstance(value, Archive) else "an asset"
    return str(value).lower() if isinstance(value, bool) else f"the number {value}"


def _documents(kind: ResourceType, schema: Schema, given: Properties) -> Properties:
    """Documents given as objects, written as the JSON text that AWS takes."""
    names = (kind.policies | kind.json) & schema["inputs"].keys()
    objects = {name: given[name] for name in names if isinstance(given.get(name), Mapping)}
    return {name: UNKNOWN if has_unknown(value) else json.dumps(value) for name, value in objects.items()}


def _document_failures(kind: ResourceType, inputs: Properties) -> Iterator[Failure]:
    for name in sorted(kind.policies | kind.json):
        text = inputs.get(name)
        if not isinstance(text, str) or not text:
            continue
        try:
            document = json.loads(text)
        except ValueError as error:
            yield name, f"is not JSON: {error}"
            continue
        if name in kind.policies:
            yield from ((name, problem) for problem in _policy_problems(document))


def _policy_problems(document: Any) -> Iterator[str]:
    statements = document.get("Statement") if isinstance(document, dict) else None
    if not statements:
        yield 'is not a policy: it needs "Statement" with at least one statement'
        return
    for index, statement in enumerate(statements if isinstance(statements, list) else [statements]):
        where = f"statement {index + 1}"
        if not isinstance(statement, dict) or statement.get("Effect") not in {"Allow", "Deny"}:
            yield f'{where} needs "Effect": "Allow" or "Deny"'
        elif not statement.keys() & {"Action", "NotAction"}:
            yield f'{where} needs "Action" or "NotAction"'
    if document.get("Version", "2012-10-17") not in {"2012-10-17", "2008-10-17"}:
        yield f'has the version "{document["Version"]}"; allowed are 2012-10-17 and 2008-10-17'


def _tag_failures(tags: Any) -> Iterator[Failure]:
    if not isinstance(tags, Mapping):
        return
    if len(tags) > 50:
        yield "tags", f"are {len(tags)}, default tags included; AWS allows 50"
    for key, value in tags.items():
        if not 1 <= len(key) <= 128 or key.lower().startswith("aws:"):
            yield f"tags.{key}", 'a key has 1 to 128 characters and does not start with "aws:"'
        if isinstance(value, str) and len(value) > 256:
            yield f"tags.{key}", f"has {len(value)} characters; AWS allows 256"


def _generated_name(kind: ResourceType, inputs: Properties, olds: Properties, name: str, seed: bytes) -> Any:
    """A name with a random ending, the one of the last time if there is one."""
    prefix = inputs.get(f"{kind.named}Prefix")
    if prefix is UNKNOWN:
        return UNKNOWN
    if kind.named in olds and kind.named in olds.get(DEFAULTED, ()) and olds.get(f"{kind.named}Prefix") == prefix:
        return olds[kind.named]
    stem = prefix or name + "-"
    ending = ".fifo" if inputs.get("fifoQueue") is True or inputs.get("fifoTopic") is True else ""
    random = hashlib.sha256(seed + name.encode()).hexdigest()[:_RANDOM_LENGTH]
    return stem[: kind.name_limit - _RANDOM_LENGTH - len(ending)] + random + ending
