"""The commands of `estate`, one module each.

HELP, EXAMPLES (command line, description), `add_arguments(parser)`, and `run(args)`, which returns the exit code.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from estate_tool.console.progress import shown
from estate_tool.core.aws_errors import explained, reaching
from estate_tool.core.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from estate_tool.core.environment import Environment


@contextlib.contextmanager
def connected(target: Environment, doing: str) -> Iterator[Callable[[str], None]]:
    """Show progress during a block of calls to AWS, and raise Failed for one that fails.

    The block gets a function that replaces the text `doing`.
    """
    with shown(doing) as show, reaching(target):
        yield show


@contextlib.contextmanager
def reading_account(failure: str) -> Iterator[Callable[[str], None]]:
    """Show progress during a block that reads any account; raise UsageError with `failure` where that is refused."""
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        with shown() as show:
            yield show
    except (BotoCoreError, ClientError) as error:
        refused = explained(error)
        raise UsageError(f"{failure}: {refused.message}", refused.hint) from error
