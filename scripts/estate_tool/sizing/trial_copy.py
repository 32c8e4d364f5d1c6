"""A copy of a function that nothing calls, to be run at several sizes and deleted."""

from __future__ import annotations

import contextlib
import signal
import time
import urllib.request
from typing import TYPE_CHECKING, Any

from estate_tool.core.errors import Failed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from estate_tool.core.environment import Environment
    from estate_tool.sizing.functions import Sized

_MARK = "A copy that estate rightsize --tune runs at several sizes and deletes; nothing calls it."
_LONGEST_NAME = 64
# What a copy has in common with its function ("CreateFunction"): everything but its name, memory and logs.
_COPIED = (
    "Role", "Runtime", "Handler", "Timeout", "Environment", "Architectures", "PackageType", "KMSKeyArn",
    "EphemeralStorage", "FileSystemConfigs", "TracingConfig",
)  # fmt: skip
_READY_SECONDS = 120


@contextlib.contextmanager
def copied(environment: Environment, client: Any, function: Sized, memory_mb: int) -> Iterator[str]:
    """A copy of the function that nothing calls; gone after the block, however that ends."""
    original = client.get_function(FunctionName=function.name)
    name = f"{function.name[: _LONGEST_NAME - len('-tune')]}-tune"
    _remove_left_over(client, name)
    try:
        client.create_function(
            FunctionName=name, Description=_MARK, MemorySize=memory_mb, Code=_code(original["Code"]), Publish=False,
            Tags=original.get("Tags") or {}, **_like(original["Configuration"]),
        )  # fmt: skip
        yield name
    finally:
        with _uninterrupted(), contextlib.suppress(client.exceptions.ResourceNotFoundException):
            client.delete_function(FunctionName=name)
        logs = environment.client("logs")
        # Its role may make log groups; most may not, and nothing is logged then.
        with _uninterrupted(), contextlib.suppress(logs.exceptions.ResourceNotFoundException):
            logs.delete_log_group(logGroupName=f"/aws/lambda/{name}")


def _remove_left_over(client: Any, name: str) -> None:
    """Delete the leftover of a killed tuning; a function of that name with another owner is left alone."""
    try:
        found = client.get_function_configuration(FunctionName=name)
    except client.exceptions.ResourceNotFoundException:
        return
    if found.get("Description") != _MARK:
        raise Failed(f"there is a function {name} already, which is no copy of ours", "rename or delete it first")
    client.delete_function(FunctionName=name)


def _code(code: dict[str, Any]) -> dict[str, Any]:
    if code.get("ImageUri"):
        return {"ImageUri": code["ImageUri"]}
    with urllib.request.urlopen(code["Location"], timeout=60) as archive:
        return {"ZipFile": archive.read()}


def _like(configuration: dict[str, Any]) -> dict[str, Any]:
    copied = {key: configuration[key] for key in _COPIED if configuration.get(key)}
    if copied.get("Environment"):
        copied["Environment"] = {"Variables": copied["Environment"].get("Variables", {})}
    if layers := configuration.get("Layers"):
        copied["Layers"] = [layer["Arn"] for layer in layers]
    network = configuration.get("VpcConfig") or {}
    if network.get("SubnetIds"):
        copied["VpcConfig"] = {key: network[key] for key in ("SubnetIds", "SecurityGroupIds")}
    return copied


def resize(client: Any, copy: str, memory_mb: int) -> None:
    """Gives the copy another size, and waits until it is ready to be called."""
    _wait_until_ready(client, copy)
    client.update_function_configuration(FunctionName=copy, MemorySize=memory_mb)
    _wait_until_ready(client, copy)


def _wait_until_ready(client: Any, copy: str) -> None:
    deadline = time.monotonic() + _READY_SECONDS
    while True:
        state = client.get_function_configuration(FunctionName=copy)
        if state.get("State", "Active") == "Active" and state.get("LastUpdateStatus") != "InProgress":
            return
        if state.get("State") == "Failed" or time.monotonic() > deadline:
            raise Failed(f"the copy {copy} does not become ready: {state.get('StateReason') or state.get('State')}")
        time.sleep(0.2)


@contextlib.contextmanager
def _uninterrupted() -> Iterator[None]:
    """Ctrl-C waits until the block is done; in any thread but the main one it does not come anyway."""
    try:
        # A function rather than SIG_IGN: SIGTERM does what Ctrl-C would do.
        before = signal.signal(signal.SIGINT, lambda _number, _frame: None)
    except ValueError:
        yield
        return
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
