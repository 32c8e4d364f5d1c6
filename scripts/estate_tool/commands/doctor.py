"""`estate doctor`: what is missing on this machine, or in the account, and how to get it."""

from __future__ import annotations

import os
import platform
import shutil
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from estate_tool.commands import arguments
from estate_tool.console.output import print_result
from estate_tool.console.progress import shown
from estate_tool.core import environment, paths
from estate_tool.core.aws_errors import reaching
from estate_tool.core.errors import EstateError

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from estate_tool.core.environment import Environment
    from estate_tool.rollout.quota import Quota
    from estate_tool.setup.engine import Engine

HELP = "what is missing on this machine, and how to get it"
EXAMPLES = (
    ("estate doctor", "is this machine ready for local runs?"),
    ("estate doctor dev", "and signed in for the account of dev?"),
)

# The engine built from source: its modules and caches while building, then the binaries.
_NEEDED_BYTES = 4_000_000_000


@dataclass(frozen=True, kw_only=True)
class Check:
    """Finding of the doctor: `fix` is the remedy unless it is `ok`; a `needed` one makes the command fail."""

    name: str
    ok: bool
    found: str
    fix: str = ""
    needed: bool = True


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """ENV and the form of the answer."""
    arguments.environment(parser)
    arguments.json_flag(parser)


def run(args: argparse.Namespace) -> int:
    """Examine without changing anything; exit code 1 when something needed is missing."""
    with shown("examining this machine"):
        checks = list(_checks(args.environment))
    answer = {"environment": args.environment, "checks": [asdict(check) for check in checks]}
    print_result(answer, _lines(checks), as_json=args.json)
    return 0 if all(check.ok or not check.needed for check in checks) else 1


def _lines(checks: Sequence[Check]) -> Iterator[str]:
    for check in checks:
        mark = "ok" if check.ok else "missing" if check.needed else "note"
        yield f"{mark:<7}  {check.name:<18} {check.found}"
        yield from (f"           → {line}" for line in check.fix.splitlines() if not check.ok)


def _checks(name: str) -> Iterator[Check]:
    from estate_tool.setup.engine import find_engine

    engine = find_engine()
    yield Check(name="Python", ok=True, found=f"{platform.python_version()} in {paths.VENV}")
    yield _writable("local state", paths.home())
    yield _writable("cache", paths.cache())
    yield _engine(engine)
    try:
        target = environment.resolve(name)
    except EstateError as error:
        yield Check(name="configuration", ok=False, found=error.message, fix=error.hint)
        return
    yield Check(name="configuration", ok=True, found=f"valid; suffix {target.names.suffix}")
    # The embedded AWS and an account have different requirements.
    yield from _local() if target.local else _real(target, engine)


def _writable(name: str, folder: Path) -> Check:
    existing = next(candidate for candidate in (folder, *folder.parents) if candidate.exists())
    if not os.access(existing, os.W_OK):
        variable = "ESTATE_HOME" if name == "local state" else "ESTATE_CACHE"
        fix = f"make {existing} writable, or set {variable} to a folder of yours"
        return Check(name=name, ok=False, found=f"{existing} is not writable", fix=fix)
    free = shutil.disk_usage(existing).free
    found = f"{folder}, {free / 1e9:.0f} GB free"
    fix = f"free some space: set-up needs up to {_NEEDED_BYTES / 1e9:.0f} GB for a while"
    return Check(name=name, ok=free >= _NEEDED_BYTES, found=found, fix=fix, needed=False)


def _engine(engine: Engine | None) -> Check:
    if engine is None:
        fix = "scripts/setup.sh gets it: the official release, or a build of about 6 minutes"
        return Check(name="Pulumi engine", ok=False, found="not there yet", fix=fix, needed=False)
    return Check(name="Pulumi engine", ok=True, found=f"{engine.version}, {engine.source}")


def _local() -> Iterator[Check]:
    from estate_tool.core import embedded

    status = embedded.status(embedded.LocalAwsPaths.from_environment())
    found = f"running on port {status.port}" if status.answering else status.problem or "not running"
    yield Check(name="embedded AWS", ok=status.answering, found=found, fix="scripts/estate local up", needed=False)


def _real(target: Environment, engine: Engine | None) -> Iterator[Check]:
    from estate_tool.rollout import quota

    account = _asked("AWS credentials", lambda: f"account {environment.require_own_account(target)}, as configured")
    yield account
    if engine is None:
        fix = "scripts/setup.sh, then scripts/estate doctor again"
        yield Check(name="Pulumi backend", ok=False, found="there is no engine yet that could be asked", fix=fix)
    else:
        yield from _backend(target, engine)
    if account.ok and quota.needed(target.configuration.compute.provisioning):
        yield _quota(target)


def _asked(name: str, ask: Callable[[], str]) -> Check:
    try:
        return Check(name=name, ok=True, found=ask())
    except EstateError as error:
        return Check(name=name, ok=False, found=error.message, fix=error.hint)


def _backend(target: Environment, engine: Engine) -> Iterator[Check]:
    from estate_tool.engine import backend

    try:
        found = backend.find(engine)
    except EstateError as error:
        yield Check(name="Pulumi backend", ok=False, found=error.message, fix=error.hint)
        return
    where = f"{found.url}, as {found.user}, from {found.named_by}"
    yield Check(name="Pulumi backend", ok=True, found=where)
    yield _asked("passphrase", lambda: backend.passphrase(found, target.name))


def _quota(target: Environment) -> Check:
    from estate_tool.rollout import quota

    try:
        with reaching(target):
            found: Quota = quota.read(target)
    except EstateError as error:
        return Check(name="concurrency quota", ok=False, found=error.message, fix=error.hint, needed=False)
    fix = quota.hint(found, target) if found.short else ""
    return Check(name="concurrency quota", ok=not found.short, found=quota.summary(found), fix=fix)
