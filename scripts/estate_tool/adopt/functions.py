"""Declarations of adopted functions."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from compute.config import Keys
from estate_tool.adopt import urls
from estate_tool.adopt.model import Note
from foundation import values
from foundation.model import Function, QueueTrigger, ScheduleTrigger, StreamTrigger
from foundation.values import PerEnvironment

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from estate_tool.adopt.model import OldFunction, Values
    from foundation.model import Grant, Trigger

_BY_HAND = "docs/escape-hatch.md"
# A value under such a key, or of such a form, is not written into a file.
_SECRET_KEY = re.compile(
    r"PASSW|SECRET|TOKEN|CREDENTIAL|PRIVATE|API_?KEY|ACCESS_?KEY|(^|_)(PWD|PASS|KEY|AUTH)(_|$)", re.IGNORECASE
)
_SECRET_VALUE = re.compile(
    r"\b(AKIA|ASIA)[A-Z0-9]{16}\b|-----BEGIN|://[^/\s:@]+:[^/\s@]+@|\bgh[pousr]_\w{20,}|\bsk-\w{16,}"
)
_LEAST_STORAGE_MB = 512


def problem(old: OldFunction) -> Note | None:
    """Return the reason why a function can't be declared at all."""
    if old.settings.get("PackageType") == "Image":
        reason = "functions are packages of Python files"
        return Note.missing(old.name, "function", "a container image", reason, _BY_HAND)
    runtime = str(old.settings.get("Runtime") or "")
    if runtime.startswith("python3"):
        return None
    return Note.missing(old.name, "function", f"runtime {runtime}", "functions are written in Python", _BY_HAND)


def declared(
    old: OldFunction, name: str, trigger: Trigger | None, grants: tuple[Grant, ...], known: Values, notes: list[Note]
) -> Function:  # fmt: skip
    """Return the declaration; what it can't hold, or holds otherwise, goes to `notes`."""
    notes += _settings(old)
    return Function(
        name=name,
        handler=_handler(old, name, notes),
        description=_description(old),
        timeout_seconds=old.found.timeout_seconds,
        trigger=trigger,
        grants=grants,
        critical=_is_critical(old, trigger, notes),
        reserved_concurrency=_reserved(old, trigger, notes),
        environment=_environment(old, known, notes),
        url=urls.declared(old, trigger, notes),
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
        notes.append(Note.code(old.name, "handler", found, reason, f"name it {written}"))
    return written


def _description(old: OldFunction) -> str:
    text = " ".join(str(old.settings.get("Description") or "").split())
    return text if text and text.isprintable() else f"Adopted from {old.name}."


def _is_critical(old: OldFunction, trigger: Trigger | None, notes: list[Note]) -> bool:
    if not old.found.provisioned:
        return False
    if isinstance(trigger, StreamTrigger | ScheduleTrigger):
        reason = "no caller waits for a function on a stream or a schedule"
        notes.append(Note.differs(old.name, "provisioned concurrency", "kept", reason, "none"))
        return False
    kept = ", ".join(f"{number} of {qualifier}" for qualifier, number in old.found.provisioned.items())
    reason = "how much is kept is configuration of an environment, and scales"
    instead = "critical=True; compute:provisionedMinimum and its siblings set the bounds"
    notes.append(Note.differs(old.name, "provisioned concurrency", kept, reason, instead))
    return True


def _reserved(old: OldFunction, trigger: Trigger | None, notes: list[Note]) -> int | None:
    reserved = old.found.reserved
    if reserved == 0:
        reason = "a function that may never run is not declared so"
        notes.append(
            Note.differs(old.name, "reserved concurrency", "0", reason, "no reservation: it runs when it is called")
        )
        return None
    least = trigger.maximum_concurrency if isinstance(trigger, QueueTrigger) else 1
    if reserved is not None and reserved < least:
        reason = "a queue starts two calls at once at least, which have to be reserved"
        notes.append(Note.differs(old.name, "reserved concurrency", f"{reserved}", reason, f"{least}"))
    return None if reserved is None else min(max(reserved, least), 1000)


def _environment(old: OldFunction, known: Values, notes: list[Note]) -> dict[str, str | PerEnvironment]:
    kept: dict[str, str | PerEnvironment] = {}
    for key, value in sorted(old.found.environment.items()):
        if _is_set_here(key, value, known):
            continue
        if note := _not_kept(old, key, value, known):
            notes.append(note)
        elif value in known.functions:
            reason = "an environment has a function of its own by that name"
            instead = f"set compute:environment in its file: lambda-{known.functions[value]}-ENV:live"
            notes.append(Note.differs(old.name, "environment", f"{key}={value}", reason, instead))
            kept[key] = PerEnvironment()
        else:
            kept[key] = value
    if "Error" in (old.settings.get("Environment") or {}):
        why = str(old.settings["Environment"]["Error"].get("Message") or "it can't be read")
        notes.append(
            Note.missing(old.name, "environment", why, "its key does not open for these credentials", "set it by hand")
        )
    return kept


def _is_set_here(key: str, value: str, known: Values) -> bool:
    """True if the variable has the same name and form here: a table's name, a queue's URL."""
    if known.variables.get(value) != key:
        return False
    return ":" not in value if key.startswith("TABLE_") else "://" in value


def _not_kept(old: OldFunction, key: str, value: str, known: Values) -> Note | None:
    if value in known.variables:
        reason = "names of granted tables and queues come under names of their own"
        return Note.code(old.name, "environment", f"{key}={value}", reason, f"read {known.variables[value]}")
    if value not in known.secrets and (_SECRET_KEY.search(key) or _SECRET_VALUE.search(value)):
        reason = "it looks like a secret, which belongs into no file"
        return Note.missing(
            old.name, "environment", key, reason, "a Secret of the catalog: docs/what-functions-need.md"
        )
    if list(values.problems("", {key: value})):
        reason = "names are upper-case, and not one of those set for every function"
        return Note.missing(old.name, "environment", key, reason, "rename it here and in the code")
    return None


def _settings(old: OldFunction) -> Iterator[Note]:
    """Yield the settings that every function has alike here, or not at all."""
    found = old.settings
    storage = int((found.get("EphemeralStorage") or {}).get("Size") or _LEAST_STORAGE_MB)
    for setting, value, reason in (
        ("layers", ", ".join(one["Arn"] for one in found.get("Layers") or []), "packages hold all that they import"),
        ("VPC", ", ".join((found.get("VpcConfig") or {}).get("SubnetIds") or []), "functions run outside of networks"),
        ("file systems", ", ".join(one["Arn"] for one in found.get("FileSystemConfigs") or []), "there are none"),
        ("storage", f"{storage:,} MB in /tmp" if storage > _LEAST_STORAGE_MB else "", "functions have 512 MB in /tmp"),
        ("key", found.get("KMSKeyArn") or "", "variables are encrypted with Lambda's own key"),
        ("on success", ", ".join(old.found.succeeds_to), "results are sent nowhere"),
        ("tracing", _unless(found, "TracingConfig", "Mode", "PassThrough"), "nothing is traced"),
        (
            "SnapStart",
            _unless(found, "SnapStart", "ApplyOn", "None"),
            "critical functions are provisioned",
        ),
    ):
        if value:
            yield Note.missing(old.name, setting, value, reason, _BY_HAND)
    elsewhere = [arn for arn in old.found.failures_to if ":sqs:" not in arn]
    if elsewhere:
        yield Note.differs(old.name, "on failure", ", ".join(elsewhere), "failures end in a queue", "watch its alarm")
    if old.found.architecture != "arm64":
        reason = "functions run on arm64"
        yield Note.differs(
            old.name, "architecture", old.found.architecture, reason, "libraries in machine code built for it"
        )
    default = Keys.model_fields["runtime"].default
    if found.get("Runtime") != default:
        reason, instead = "all functions of an environment run on one Python", f"{default}, or compute:runtime"
        yield Note.differs(old.name, "runtime", str(found.get("Runtime")), reason, instead)


def _unless(found: Mapping[str, object], key: str, part: str, usual: str) -> str:
    value = found.get(key)
    text = str(value.get(part) or "") if isinstance(value, dict) else ""
    return "" if text == usual else text
