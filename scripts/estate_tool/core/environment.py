"""An environment: a stack name that is either local, on the embedded AWS, or a real AWS account."""

from __future__ import annotations

import functools
import os
import re
import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from estate_tool.core import endpoints, retries
from estate_tool.core.errors import UsageError
from estate_tool.core.paths import ROOT
from foundation.naming import Names

if TYPE_CHECKING:
    from estate_tool.core.configuration import Configuration

DEFAULT = "local"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,99}")


@dataclass(frozen=True, kw_only=True)
class Environment:
    """A named environment with its checked configuration."""

    name: str
    local: bool
    configuration: Configuration
    _clients: dict[tuple[str, int], Any] = field(default_factory=dict, repr=False, compare=False)

    @property
    def names(self) -> Names:
        """Physical names of its resources."""
        return Names(self.configuration.foundation.suffix)

    def client(self, service: str, *, attempts: int = retries.ATTEMPTS) -> Any:
        """A boto3 client of the environment's account, made once per service; `attempts` of each call."""
        key = service, attempts
        if key not in self._clients:
            import boto3

            config = retries.boto_config(attempts=attempts, region_name=self.configuration.region)
            self._clients[key] = retries.show(boto3.client(service, config=config), _say)
        return self._clients[key]


@functools.cache
def _say(text: str) -> None:
    """Once for each text: many threads may meet the same."""
    print(text, file=sys.stderr)


def is_local(name: str) -> bool:
    """True if an environment of that name lives on the embedded AWS."""
    return name == DEFAULT or name.startswith(f"{DEFAULT}-")


def resolve(name: str | None) -> Environment:
    """The environment of that name (default `local`), ready for AWS calls from this process.

    A local one points this process at the embedded AWS. Raises UsageError for a name that can't be a stack's, an
    invalid configuration, or a real environment while variables or a profile would send its calls elsewhere.
    """
    name = name or DEFAULT
    if not _NAME.fullmatch(name):
        raise UsageError(
            f"{name!r} can't be the name of an environment",
            "use a-z, A-Z, 0-9, hyphens, underscores and dots, for example: local, local-b, dev, prod",
        )
    # Any local name is an environment without more ado; a real one may be a slip.
    local = is_local(name)
    if not local:
        _refuse_misspelt(name)
    loaded = _configuration(name)
    # The embedded AWS listens where only this tool knows; everything else is for the user's own configuration to say.
    if local:
        _point_at_embedded_aws()
    else:
        endpoints.refuse(name, os.environ)
    return Environment(name=name, local=local, configuration=loaded)


def known() -> list[str]:
    """Return the names of `local` and of all environments that have a file."""
    from foundation.stack_files import environments

    return sorted({DEFAULT, *environments(ROOT)})


def exists(name: str) -> bool:
    """True for a name of the embedded AWS, and of an environment that has a file."""
    return is_local(name) or name in known()  # a local one needs no file


def _refuse_misspelt(name: str) -> None:
    """Raise UsageError for the name of no environment that is most like that of one, such as `locl`."""
    from foundation.problems import nearest, there_are
    from foundation.stack_files import name_of

    if not exists(name) and nearest(known(), name, likeness=0.8):
        raise UsageError(
            f"there is no environment {name}: there is no file {name_of(name)}; nothing was changed",
            f"{there_are(known(), name)}, and any {DEFAULT}-NAME\nto make it, write that file (docs/configuration.md)",
            code="unknown_name",
        )


def _configuration(name: str) -> Configuration:
    try:
        from estate_tool.core import configuration
    except Exception as error:
        # The catalog is code that users edit: a slip there is a wrong configuration, not a defect of the tool.
        raise UsageError(
            f"the declarations can't be loaded: {type(error).__name__}: {error}; nothing was touched",
            "look at the latest edits of foundation/catalog.py",
        ) from error
    return configuration.load(name)


def _point_at_embedded_aws() -> None:
    from estate_tool.core import embedded

    for key in embedded.REMOVED:
        os.environ.pop(key, None)
    os.environ.update(embedded.environment(embedded.LocalAwsPaths.from_environment()))
