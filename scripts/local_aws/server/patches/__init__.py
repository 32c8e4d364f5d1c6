"""Corrections of ministack where it would break a program that is right on AWS, made in its process at start-up.

Each states what AWS does and why it matters. They are made for one exact version of ministack; the emulator refuses
to start with another one (`check_version`) until each correction has been reviewed.
"""

from __future__ import annotations

from importlib import import_module
from importlib.metadata import version

MINISTACK = "1.5.33"
_MODULES = (
    "minor", "access", "dynamodb", "queues", "move_tasks", "execution", "observed", "logs", "log_service",
    "asynchronous", "mappings", "alarm_clock", "metric_api", "schedules", "function_urls",
)  # fmt: skip


def check_version() -> None:
    """Refuse a ministack that the corrections were not written for; `SystemExit` with a message."""
    found = version("ministack")
    if found != MINISTACK:
        raise SystemExit(
            f"ministack {found} is installed, the corrections in local_aws/server/patches were made for {MINISTACK}. "
            "Go through them one by one against the new version's source, then change MINISTACK there."
        )


def apply() -> None:
    """Load ministack's modules and correct them."""
    check_version()
    for name in _MODULES:
        import_module(f"{__name__}.{name}").apply()
