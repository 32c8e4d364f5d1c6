"""`deploy LAYER` or `destroy LAYER` in `local`, with the provider as a process of its own: as in a real account."""

from __future__ import annotations

import sys

from estate_tool.core import environment
from estate_tool.engine.cli import Pulumi
from estate_tool.rollout import orchestration, session
from estate_tool.rollout.deployment import Deployment
from estate_tool.rollout.display import Display
from estate_tool.rollout.fingerprint import Inputs
from estate_tool.rollout.recovery import Recovery


def main(command: str, layer: str) -> int:
    """Do it, a rollout without a preview; return the exit code."""
    target, display = environment.resolve("local"), Display()
    with session.ready(target):
        # The plugin lies where the engine looks for it; only a variable would have it use the one in this process.
        pulumi = Pulumi(stack=target.name)
        recovery = Recovery(pulumi=pulumi, environment=target, say=display.line)
        if command == "deploy":
            deployment = Deployment(
                pulumi=pulumi, display=display, layers=(layer,), recovery=recovery, origin=None,
                inputs=Inputs(environment=target.name, engine=""), approve=lambda _: None, check_lease=lambda: None,
                skip_preview=True, force=True,
            )  # fmt: skip
            return 0 if orchestration.deploy(deployment, check=lambda _: None, keep_going=False).ok else 1
        return 0 if orchestration.destroy(pulumi, pulumi.states(), (layer,), display, recovery).ok else 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
