"""`deploy LAYER` or `destroy LAYER` in `local`, with the provider as a process of its own: as in a real account."""

from __future__ import annotations

import sys

from estate_tool.core import environment
from estate_tool.engine.cli import Pulumi
from estate_tool.rollout import orchestration, session
from estate_tool.rollout.display import Display
from estate_tool.rollout.recovery import Recovery


def main(command: str, layer: str) -> int:
    """Do it, a rollout without a preview; return the exit code."""
    target, display = environment.resolve("local"), Display()
    with session.ready(target):
        # The plugin lies where the engine looks for it; only a variable would have it use the one in this process.
        pulumi = Pulumi(stack=target.name)
        recovery = Recovery(pulumi=pulumi, environment=target, say=display.line)
        if command == "deploy":
            return 0 if orchestration.deploy(pulumi, (layer,), display, skip_preview=True, recovery=recovery).ok else 1
        return 0 if orchestration.destroy(pulumi, (layer,), display, recovery=recovery).ok else 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
