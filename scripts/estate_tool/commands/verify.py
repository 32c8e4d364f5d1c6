"""`estate rightsize --verify`: how functions run since their memory was changed."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse

    from estate_tool.core.environment import Environment


def verify(target: Environment, args: argparse.Namespace) -> int:
    """Prints the comparison with the time before the change; raises Failed for functions that are not proven well."""
    from estate_tool.console.progress import shown
    from estate_tool.core.aws_errors import reaching
    from estate_tool.core.errors import Failed
    from estate_tool.sizing import verification

    with reaching(target), shown("comparing calls before and since the change") as show:
        functions = verification.verified(target, args.function, args.min_samples, args.slower, show)
    if args.json:
        print(json.dumps({"environment": target.name, "functions": functions}, indent=2, ensure_ascii=False))
    else:
        print("\n".join(verification.lines(functions)))
    sys.stdout.flush()
    unproven = [one["function"] for one in functions if not one["ok"]]
    if unproven:
        raise Failed(
            f"not verified: {', '.join(unproven)}; the reasons stand above",
            "where there are too few invocations, wait for more\n"
            f"to go back: scripts/estate rightsize {target.name} --revert --function {' '.join(unproven)}, "
            f"then scripts/deploy_layer.sh compute {target.name}",
        )
    return 0
