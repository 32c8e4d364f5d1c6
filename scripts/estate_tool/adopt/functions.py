"""Declarations of adopted functions."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from compute.config import Keys
from estate_tool.adopt import triggers
from estate_tool.adopt.environment import environment
from estate_tool.adopt.model import Note
from foundation.model import Function, QueueTrigger, ScheduleTrigger, StreamTrigger

if TYPE_CHECKING:
    from collections.abc import Iterator

    from estate_tool.adopt.environment import Values
    from estate_tool.adopt.model import OldFunction
    from foundation.model import Grant, Trigger

_BY_HAND = "docs/escape-hatch.md"
_LEAST_STORAGE_MB = 512


def problem(old: OldFunction) -> Note | None:
    """Return the reason why a function can't be declared at all."""
    if old.settings.get("PackageType") == "Image":
        found, reason = "a container image", "functions are packages of Python files"
    elif not (runtime := str(old.settings.get("Runtime") or "")).startswith("python3"):
        found, reason = f"runtime {runtime}", "functions are written in Python"
    else:
        return None
    return Note("missing", old.name, "function", found, reason, _BY_HAND)


def declared(
    old: OldFunction, name: str, trigger: Trigger | None, grants: tuple[Grant, ...], known: Values, notes: list[Note]
) -> Function:  # fmt: skip
    """Return the declaration; settings that it can't hold, or holds otherwise, go to `notes`."""
    notes += _settings(old)
    return Function(
        name=name,
        handler=_handler(old, name, notes),
        description=_description(old),
        timeout_seconds=old.timeout_seconds,
        trigger=trigger,
        grants=grants,
        critical=_is_critical(old, trigger, notes),
        reserved_concurrency=_reserved(old, trigger, notes),
        environment=environment(old, known, notes),
        url=triggers.url(old, trigger, notes),
    )


def package(name: str) -> str:
    """Return the folder of lambda_src for a function of that name."""
    return name.replace("-", "_")


def _handler(old: OldFunction, name: str, notes: list[Note]) -> str:
    found = str(old.settings.get("Handler") or "handler.handle")
    parts = [re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", part).lower() for part in re.split(r"[./]", found)]
    parts = [re.sub(r"^(?=\d)|\W", "_", part) for part in parts]
    written = ".".join((package(name), *(parts if len(parts) > 1 else ("handler", *parts))))
    if written != f"{package(name)}.{found}":
        reason = "handlers are package.module.function, in lower case"
        notes.append(Note("code", old.name, "handler", found, reason, f"name it {written}"))
    return written


def _description(old: OldFunction) -> str:
    text = " ".join(str(old.settings.get("Description") or "").split())
    return text if text and text.isprintable() else f"Adopted from {old.name}."


def _is_critical(old: OldFunction, trigger: Trigger | None, notes: list[Note]) -> bool:
    if not old.provisioned:
        return False
    critical = not isinstance(trigger, StreamTrigger | ScheduleTrigger)
    if critical:
        kept = ", ".join(f"{number} of {qualifier}" for qualifier, number in old.provisioned.items())
        reason = "how much is kept is configuration of an environment, and scales"
        instead = "critical=True; compute:provisionedMinimum and its siblings set the bounds"
    else:
        kept, reason, instead = "kept", "no caller waits for a function on a stream or a schedule", "none"
    notes.append(Note("differs", old.name, "provisioned concurrency", kept, reason, instead))
    return critical


def _reserved(old: OldFunction, trigger: Trigger | None, notes: list[Note]) -> int | None:
    reserved = old.reserved
    if reserved is None:
        return None
    least = trigger.maximum_concurrency if isinstance(trigger, QueueTrigger) else 1
    reason, instead = "a queue starts two calls at once at least, which have to be reserved", f"{least}"
    if reserved == 0:
        reason = "a function that may never run is not declared so"
        instead = "no reservation: it runs when it is called"
    if reserved < least:
        notes.append(Note("differs", old.name, "reserved concurrency", f"{reserved}", reason, instead))
    return min(max(reserved, least), 1000) if reserved else None


def _settings(old: OldFunction) -> Iterator[Note]:
    """Yield the settings that every function has alike here, or not at all."""
    found = old.settings
    storage = int((found.get("EphemeralStorage") or {}).get("Size") or _LEAST_STORAGE_MB)
    tracing = (found.get("TracingConfig") or {}).get("Mode")
    snapshots = (found.get("SnapStart") or {}).get("ApplyOn")
    for setting, value, reason in (
        ("layers", ", ".join(one["Arn"] for one in found.get("Layers") or []), "packages hold all that they import"),
        ("VPC", ", ".join((found.get("VpcConfig") or {}).get("SubnetIds") or []), "functions run outside of networks"),
        ("file systems", ", ".join(one["Arn"] for one in found.get("FileSystemConfigs") or []), "there are none"),
        ("storage", f"{storage:,} MB in /tmp" if storage > _LEAST_STORAGE_MB else "", "functions have 512 MB in /tmp"),
        ("key", found.get("KMSKeyArn"), "variables are encrypted with Lambda's own key"),
        ("on success", ", ".join(old.succeeds_to), "results are sent nowhere"),
        ("tracing", tracing if tracing != "PassThrough" else "", "nothing is traced"),
        ("SnapStart", snapshots if snapshots != "None" else "", "critical functions are provisioned"),
    ):
        if value:
            yield Note("missing", old.name, setting, value, reason, _BY_HAND)
    default = Keys.model_fields["runtime"].default
    runtime, elsewhere = str(found.get("Runtime")), [arn for arn in old.failures_to if ":sqs:" not in arn]
    for setting, differs, value, reason, instead in (
        ("on failure", elsewhere, ", ".join(elsewhere), "failures end in a queue", "watch its alarm"),
        (
            "architecture", old.architecture != "arm64", old.architecture, "functions run on arm64",
            "libraries in machine code built for it",
        ),
        (
            "runtime", runtime != default, runtime, "all functions of an environment run on one Python",
            f"{default}, or compute:runtime",
        ),
    ):  # fmt: skip
        if differs:
            yield Note("differs", old.name, setting, value, reason, instead)
