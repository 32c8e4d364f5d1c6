"""Schemas of the commands' JSON: the one that a command line promises, and breaches of it."""

import functools
import json
from collections.abc import Sequence
from typing import Any

from jsonschema import Draft202012Validator
from referencing import Registry, Resource

from tests.support.mocks import ROOT

FOLDER = ROOT / "docs" / "schemas"
# Flags and words of a command that lead to JSON of another shape than without them.
_VARIANTS = {
    "rightsize": {"--verify": "verify", "--tune": "tune", "--revert": "revert"},
    "cost": {"--refresh-prices": "refresh"},
    "permissions": {"--backend": "backend", "audit": "audit"},
    "local": {action: action for action in ("up", "down", "reset", "status", "env")},
}
_SHARED = {"deploy": "rollout", "destroy": "rollout"}


def name_of(command: str, arguments: Sequence[str]) -> str:
    """Return the name of the schema of a command's JSON."""
    variant = next((known for word, known in _VARIANTS.get(command, {}).items() if word in arguments), "")
    return f"{_SHARED.get(command, command)}{f'-{variant}' if variant else ''}"


def breaches(name: str, document: Any) -> list[str]:
    """Return the breaches of docs/schemas/NAME.schema.json in a document; empty when there are none."""
    return [f"{error.json_path}: {error.message}" for error in _validator(name).iter_errors(document)]


@functools.cache
def _validator(name: str) -> Draft202012Validator:
    schemas = {path.name: json.loads(path.read_text(encoding="utf-8")) for path in FOLDER.glob("*.schema.json")}
    registry: Registry[Any] = Registry().with_resources(
        (file, Resource.from_contents(content)) for file, content in schemas.items()
    )
    schema = schemas[f"{name}.schema.json"]
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema, registry=registry)
