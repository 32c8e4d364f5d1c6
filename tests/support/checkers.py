"""Programs that run in the checkers' own environment, whose packages and pins are none of the checkout's."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

from estate_tool.setup.environments import ensure_checkers

CHECKERS = Path(__file__).parents[1] / "contract" / "checkers"


def ask(program: str, question: object) -> Any:
    """Return the answer of a checkers' program to `question`, both JSON; its environment is made first."""
    python = ensure_checkers()
    # -I: the checkers are to find nothing but their own environment; -W: what they deprecate is theirs to fix.
    command = [str(python), "-I", "-W", "ignore", str(CHECKERS / program)]
    done = subprocess.run(command, input=json.dumps(question), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)
