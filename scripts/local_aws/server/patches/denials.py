"""The record of refused calls: one JSON line each in `denied.log`, beside the emulator's other logs."""

from __future__ import annotations

import json
import logging
import os
import time
from logging.handlers import RotatingFileHandler
from pathlib import Path

FILE = "denied.log"
_LARGEST = 5_000_000

_denials = logging.getLogger("denials")


def open_record() -> None:
    """Write to the emulator's folder from now on."""
    handler = RotatingFileHandler(Path(os.environ["ESTATE_AWS_FOLDER"]) / FILE, maxBytes=_LARGEST, backupCount=1)
    handler.setFormatter(logging.Formatter("%(message)s"))
    _denials.addHandler(handler)
    _denials.propagate = False


def record(principal: str, action: str, resource: str) -> None:
    """Note that `principal` (an ARN, or an AWS service) was refused an action on a resource."""
    _denials.warning(json.dumps({"time": time.time(), "principal": principal, "action": action, "resource": resource}))
