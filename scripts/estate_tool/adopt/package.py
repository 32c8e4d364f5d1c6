"""Packages of functions to adopt: what their Python calls and imports, and its files as they are written."""

from __future__ import annotations

import ast
import posixpath
import re
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
_CALLS = {form: operation for operation in OPERATIONS for form in (operation, xform_name(operation))} | {
    "batch_writer": "BatchWriteItem", "send_messages": "SendMessage", "send_message_batch": "SendMessage",
    "SendMessageBatch": "SendMessage", "change_message_visibility_batch": "ChangeMessageVisibility",
    "receive_messages": "ReceiveMessage", "delete_message_batch": "DeleteMessage",
}  # fmt: skip
# A transaction or batch of statements needs the permissions of what is inside.
_INSIDE = {
    "transact_write_items": {"PutItem", "UpdateItem", "DeleteItem", "ConditionCheckItem"},
    "transact_get_items": {"GetItem"},
    "batch_execute_statement": {"PartiQLInsert", "PartiQLUpdate", "PartiQLDelete", "PartiQLSelect"},
    "execute_statement": {"PartiQLInsert", "PartiQLUpdate", "PartiQLDelete", "PartiQLSelect"},
}
_METADATA = re.compile(r"^([^/]+)\.dist-info/METADATA$")


def analyzed(files: Mapping[str, bytes]) -> Code | None:
    """Return a package's own files with what its Python names; None for a package without any file."""
    if not files:
        return None
    own = dict(_own(files))
    names, texts = set[str](), set[str]()
    for path, content in own.items():
        for node in ast.walk(_parsed(content)) if path.endswith(".py") else ():
            if isinstance(node, ast.Attribute):
                names.add(node.attr)
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                texts.add(node.value)
    called = {_CALLS[name] for name in names | texts if name in _CALLS}
    called |= {operation for name, inside in _INSIDE.items() if name in names for operation in inside}
    return Code(
        files=own, operations=frozenset(called), texts=frozenset(texts), requirements=tuple(_requirements(files))
    )


def _parsed(content: bytes) -> ast.AST:
    try:
        return ast.parse(content)
    except (SyntaxError, ValueError):  # another Python's, or none
        return ast.Module(body=[], type_ignores=[])


def _requirements(files: Mapping[str, bytes]) -> Iterator[str]:
    """Yield name==version of each third-party package that lies in the package."""
    for path, content in files.items():
        if _METADATA.match(path):
            headers = content.decode(errors="replace").partition("\n\n")[0]
            found = {key: value for line in headers.splitlines() for key, _, value in (line.partition(": "),)}
            if found.get("Name") != SHARED:  # what the functions of an estate like this one share
                yield f"{found.get('Name')}=={found.get('Version')}"


def _own(files: Mapping[str, bytes]) -> Iterator[tuple[str, bytes]]:
    """Yield the function's own files, of safe paths."""
    for path, content in own(dict(files)).items():
        inside = posixpath.normpath(path) == path and not path.startswith(("/", "../")) and "\\" not in path
        if inside and "__pycache__/" not in path:
            yield path, content


def siblings(code: Code) -> dict[str, list[str]]:
    """Return the package's modules that are imported as if they lay on Python's path, with the files that do so."""
    own = {path.split("/", 1)[0].removesuffix(".py") for path in code.files if path.endswith(".py")}
    found: dict[str, list[str]] = {}
    for path, content in code.files.items():
        for node in ast.walk(_parsed(content)) if path.endswith(".py") else ():
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom) and not node.level and node.module:
                names = [node.module]
            for module in sorted({name.split(".")[0] for name in names} & own):
                if path not in found.setdefault(module, []):
                    found[module].append(path)
    return found


def notes(function: OldFunction, name: str, package: str) -> Iterator[Note]:
    """Yield what of a function's package has to change where its files lie in a folder of lambda_src."""
    code = function.code
    if code is None:
        return
    for module, paths in siblings(code).items():
        found = f"import of {module} in {', '.join(paths)}"
        reason = f"the package's files lie in the folder {package} here"
        yield Note.code(function.name, "imports", found, reason, f"from {package} import {module}")
    if code.requirements:
        reason = f"third-party packages are named in lambda_src/{package}/requirements.in, and not copied"
        instead = f"lock them: scripts/estate lock {name}"
        yield Note.code(function.name, "packages", ", ".join(code.requirements), reason, instead)
