"""Copies of the checkout that a test may edit."""

import shutil
from pathlib import Path

from estate_tool.core.paths import ROOT
from foundation.layers import LAYER_NAMES


def copy_checkout(folder: Path) -> Path:
    """Copy all that a rollout reads into a new folder, with the environment of this checkout; return the folder."""
    for part in (*LAYER_NAMES, "environments", "lambda_src", "scripts"):
        shutil.copytree(ROOT / part, folder / part, ignore=shutil.ignore_patterns("__pycache__", ".build"))
    shutil.copyfile(ROOT / "requirements.lock", folder / "requirements.lock")
    (folder / ".venv").symlink_to(ROOT / ".venv")
    return folder
