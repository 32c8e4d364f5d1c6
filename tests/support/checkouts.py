"""Copies of the checkout that a test may edit."""

import shutil
from pathlib import Path

from estate_tool.core.paths import ROOT
from foundation.layers import LAYER_NAMES

# What a clone of the repository does not have.
_MADE = ("__pycache__", ".build", ".coverage*", ".estate", ".git", ".hypothesis", ".*_cache", ".venv*")


def copy_checkout(folder: Path) -> Path:
    """Copy all that a rollout reads into a new folder, with the environment of this checkout; return the folder."""
    for part in (*LAYER_NAMES, "environments", "lambda_src", "scripts"):
        shutil.copytree(ROOT / part, folder / part, ignore=shutil.ignore_patterns("__pycache__", ".build"))
    shutil.copyfile(ROOT / "requirements.lock", folder / "requirements.lock")
    (folder / ".venv").symlink_to(ROOT / ".venv")
    return folder


def clone(folder: Path) -> Path:
    """Copy all that a clone has into the folder, with the environment of this checkout; return the folder."""
    shutil.copytree(ROOT, folder, ignore=shutil.ignore_patterns(*_MADE), dirs_exist_ok=True)
    (folder / ".venv").symlink_to(ROOT / ".venv")
    return folder
