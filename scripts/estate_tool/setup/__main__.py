"""Set-up of the named parts: `venv` (the checkout's environment), `engine`, `local-aws`, `checkers`, `actionlint`.

`lock` makes the lock files again, `lock=PACKAGE` with that package alone lifted; `engine-hashes` pins the engine's
release archives; `release=VERSION` makes a release.

Runs in any Python 3.11, before there is an environment: scripts/_setup.sh starts it by its path.
"""

from __future__ import annotations

import functools
import signal
import sys
from collections.abc import Callable
from pathlib import Path

if __package__ in (None, ""):
    sys.path[:0] = map(str, Path(__file__).resolve().parents[2:4])

from estate_tool.console.progress import say
from estate_tool.core.errors import EstateError, UsageError, refused, show
from estate_tool.core.text import filtered


def main(names: list[str]) -> int:
    """Set up what `names` names, in that order; return the exit code."""
    # Ended by a signal, the commands under way are to be stopped as by Ctrl-C.
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.default_int_handler)
    with filtered():
        try:
            for name in names:
                _step(name)()
        except (EstateError, OSError) as error:
            shown = error if isinstance(error, EstateError) else refused(error)
            show(shown)
            return shown.exit_code
        except KeyboardInterrupt:
            say("set-up: stopped; nothing half-made is used, the same command goes on from here")
            return 130
    return 0


def _step(name: str) -> Callable[[], object]:
    from estate_tool.setup import build, engine, environments, locks, project, release

    steps: dict[str, Callable[[], object]] = {
        "venv": environments.ensure_checkout,
        "engine": engine.ensure_engine,
        "local-aws": environments.ensure_local_aws,
        "checkers": lambda: print(environments.ensure_checkers()),
        "actionlint": lambda: print(build.ensure_actionlint()),
        "lock": locks.make,
        "engine-hashes": lambda: release.pin(engine.VERSION),
    }
    with_value: dict[str, Callable[[str], object]] = {"lock": locks.make, "release": project.release}
    step, given, value = name.partition("=")
    if given and step in with_value:
        return functools.partial(with_value[step], value)
    if name not in steps:
        raise UsageError(f"set-up knows no {name!r}", f"one of: {', '.join(steps)}")
    return steps[name]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
