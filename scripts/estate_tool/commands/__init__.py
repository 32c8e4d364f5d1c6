"""The commands of `estate`, one module each.

HELP, EXAMPLES (command line, description), `add_arguments(parser)`, and `run(args)`, which returns the exit code.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from estate_tool.core.environment import Environment


@contextlib.contextmanager
def connected(name: str, doing: str) -> Iterator[tuple[Environment, Callable[[str], None]]]:
    """Resolve an environment for a block of calls to AWS; raise Failed for one that fails.

    The block gets the environment and a function that replaces the text `doing` of the progress.
    """
    from estate_tool.console.progress import shown
    from estate_tool.core import environment
    from estate_tool.core.aws_errors import reaching

    with shown(doing) as show:
        target = environment.resolve(name)
        with reaching(target):
            yield target, show
