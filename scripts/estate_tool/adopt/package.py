"""Packages of functions to adopt: the operations and imports in their Python, and their files as they are written."""

from __future__ import annotations

import ast
import email
import posixpath
from typing import TYPE_CHECKING

from botocore import xform_name

from compute.packaging import SHARED
from estate_tool.adopt.model import Code, Note
from estate_tool.adopt.usage import OPERATIONS
from estate_tool.audit.packages import own

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from estate_tool.adopt.model import OldFunction

# Names under which code calls an operation: of the client, of a table or queue object, or in a request of its own.
_CALLS = {
    form: operation
    for operations in OPERATIONS.values()
    for operation in operations
    for form in (operation, xform_name(operation))
} | {
    "batch_writer": "BatchWriteItem", "send_messages": "SendMessage", "send_message_batch": "SendMessage",
    "SendMessageBatch": "SendMessage", "change_message_visibility_batch": "ChangeMessageVisibility",
    "receive_messages": "ReceiveMessage", "delete_message_batch": "DeleteMessage",
}  # fmt: skip
_STATEMENTS = {"PartiQLInsert", "PartiQLUpdate", "PartiQLDelete", "PartiQLSelect"}
# A transaction or batch of statements needs the permissions of the operations inside.
_INSIDE = {
    "transact_write_items": {"PutItem", "UpdateItem", "DeleteItem", "ConditionCheckItem"},
    "transact_get_items": {"GetItem"},
    "batch_execute_statement": _STATEMENTS,
    "execute_statement": _STATEMENTS,
}


def analyzed(files: Mapping[str, bytes]) -> Code | None:
    """Return a package's own files with the names in its Python; None for a package without any file."""
    if not files:
        return None
    kept = dict(_own(files))
    python = {path: list(ast.walk(_parsed(content))) for path, content in kept.items() if path.endswith(".py")}
    nodes = [node for several in python.values() for node in several]
    names = {node.attr for node in nodes if isinstance(node, ast.Attribute)}
    texts = {node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)}
    called = {_CALLS[name] for name in names | texts if name in _CALLS}
    called |= {operation for name, inside in _INSIDE.items() if name in names for operation in inside}
    modules = {path.split("/", 1)[0].removesuffix(".py") for path in python}
    siblings: dict[str, list[str]] = {}
    for path, several in python.items():
        for module in sorted({name for node in several for name in _imported(node)} & modules):
            siblings.setdefault(module, []).append(path)
    return Code(
        files=kept, operations=frozenset(called), texts=frozenset(texts), siblings=siblings,
        requirements=tuple(_requirements(files)),
    )  # fmt: skip


def _parsed(content: bytes) -> ast.AST:
    try:
        return ast.parse(content)
    except (SyntaxError, ValueError):  # another Python's, or none
        return ast.Module(body=[], type_ignores=[])


def _imported(node: ast.AST) -> list[str]:
    """Return the modules at the top of Python's path that a statement imports."""
    if isinstance(node, ast.Import):
        return [alias.name.split(".")[0] for alias in node.names]
    if isinstance(node, ast.ImportFrom) and not node.level and node.module:
        return [node.module.split(".")[0]]
    return []


def _requirements(files: Mapping[str, bytes]) -> Iterator[str]:
    """Yield name==version of each third-party package that lies in the package."""
    for path, content in files.items():
        if path.endswith(".dist-info/METADATA") and path.count("/") == 1:
            found = email.message_from_bytes(content)
            if found["Name"] != SHARED:  # the shared code of the functions of an estate like this one
                yield f"{found['Name']}=={found['Version']}"


def _own(files: Mapping[str, bytes]) -> Iterator[tuple[str, bytes]]:
    """Yield the function's own files, of safe paths."""
    for path, content in own(dict(files)).items():
        inside = posixpath.normpath(path) == path and not path.startswith(("/", "../")) and "\\" not in path
        if inside and "__pycache__/" not in path:
            yield path, content


def notes(function: OldFunction, name: str, folder: str) -> Iterator[Note]:
    """Yield the changes that a function's package needs where its files lie in a folder of lambda_src."""
    code = function.code
    if code is None:
        return
    for module, paths in code.siblings.items():
        yield Note(
            "code", function.name, "imports", f"import of {module} in {', '.join(paths)}",
            f"the package's files lie in the folder {folder} here", f"from {folder} import {module}",
        )  # fmt: skip
    if code.requirements:
        yield Note(
            "code", function.name, "packages", ", ".join(code.requirements),
            f"third-party packages are named in lambda_src/{folder}/requirements.in, and not copied",
            f"lock them: scripts/estate lock {name}",
        )  # fmt: skip
