"""An environment: a stack name that is either local, on the embedded AWS, or a real AWS account.

A real one is refused with credentials for another account, and while a variable or the profile in use names an endpoint
other than AWS's own: its calls, and what they create, would go somewhere else.
"""

from __future__ import annotations

import functools
import os
import re
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from estate_tool.core.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from estate_tool.core.configuration import Configuration
    from foundation.naming import Names

DEFAULT = "local"
ALLOW_ENDPOINTS = "ESTATE_ALLOW_ENDPOINTS"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,99}")


class Environment:
    """A named environment with its checked configuration."""

    # No dataclass: every command's `--help` imports this module, and dataclasses take longer than all the rest of it.
    def __init__(self, *, name: str, local: bool, configuration: Configuration) -> None:
        self.name = name
        self.local = local  # lives on the embedded AWS
        self.configuration = configuration
        self._clients: dict[tuple[str, int | None], Any] = {}

    @property
    def names(self) -> Names:
        """Physical names of its resources."""
        from foundation.naming import Names

        return Names(self.configuration.foundation.suffix)

    def client(self, service: str, *, attempts: int | None = None) -> Any:
        """Return a boto3 client of the account, made once per service; `attempts` of each call (retries.ATTEMPTS)."""
        key = service, attempts
        if key not in self._clients:
            import boto3

            from estate_tool.core import retries

            config = retries.boto_config(attempts=attempts or retries.ATTEMPTS, region_name=self.configuration.region)
            self._clients[key] = retries.show(boto3.client(service, config=config), _say)
        return self._clients[key]


@functools.cache
def _say(text: str) -> None:
    """Print each text once: many threads may meet the same."""
    print(text, file=sys.stderr)


def is_local(name: str) -> bool:
    """Return True if an environment of that name lives on the embedded AWS."""
    return name == DEFAULT or name.startswith(f"{DEFAULT}-")


def resolve(name: str | None) -> Environment:
    """Return the environment of that name (default `local`), ready for AWS calls from this process.

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
        refuse_endpoints(name, os.environ)
    return Environment(name=name, local=local, configuration=loaded)


def known() -> list[str]:
    """Return the names of `local` and of all environments that have a file."""
    from estate_tool.core.paths import ROOT
    from foundation.stack_files import environments

    return sorted({DEFAULT, *environments(ROOT)})


def exists(name: str) -> bool:
    """Return True for a name of the embedded AWS, and of an environment that has a file."""
    return is_local(name) or name in known()  # a local one needs no file


def _refuse_misspelt(name: str) -> None:
    """Raise UsageError for the name of no environment that is most like that of one, such as `locl`."""
    from foundation.problems import known_names, nearest
    from foundation.stack_files import name_of

    if not exists(name) and nearest(known(), name, likeness=0.8):
        raise UsageError(
            f"there is no environment {name}: there is no file {name_of(name)}; nothing was changed",
            f"{known_names(known(), name)}, and any {DEFAULT}-NAME\n"
            "to make it, write that file (docs/configuration.md)",
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


def refuse_endpoints(environment: str, variables: Mapping[str, str]) -> None:
    """Raise UsageError, with each place that names an endpoint, unless ESTATE_ALLOW_ENDPOINTS is 1."""
    if variables.get(ALLOW_ENDPOINTS) == "1":
        return
    named = sorted(key for key in variables if key.startswith("AWS_ENDPOINT_URL") and variables[key])
    in_profile = list(_in_profile(variables))
    if not (named or in_profile):
        return
    take_away = [f"unset {' '.join(named)}"] if named else []
    take_away += ["take it out of the profile, or name another one: AWS_PROFILE"] if in_profile else []
    raise UsageError(
        f"environment {environment!r} is a real account, but {', '.join([*named, *in_profile])} would send its calls "
        "elsewhere; nothing was touched",
        "\n".join(
            [
                *take_away,
                "or use a local environment (local, local-NAME)",
                f"if it is meant: {ALLOW_ENDPOINTS}=1",
            ]
        ),
    )


def _in_profile(variables: Mapping[str, str]) -> Iterator[str]:
    """Yield each endpoint of the profile in use, with where it stands."""
    import botocore.session
    from botocore.exceptions import BotoCoreError

    from estate_tool.core.aws_errors import explained

    session = botocore.session.Session()
    try:
        profile: Mapping[str, Any] = session.get_scoped_config()
    except BotoCoreError as error:
        raise explained(error) from error
    # AWS SDKs and Tools Reference Guide, "Service-specific endpoints": the variable wins over the profile.
    ignored = variables.get("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS") or profile.get("ignore_configured_endpoint_urls")
    if str(ignored).lower() == "true":
        return
    name = f"profile {session.profile or 'default'} of {session.get_config_variable('config_file')}"
    if url := profile.get("endpoint_url"):
        yield f"endpoint_url = {url} in {name}"
    section = profile.get("services")
    services: Mapping[str, Any] = session.full_config.get("services", {}).get(section) or {}
    for service, settings in sorted(services.items()):
        if isinstance(settings, Mapping) and (url := settings.get("endpoint_url")):
            yield f"endpoint_url = {url} of {service} in [services {section}], which is used by {name}"


def require_own_account(environment: Environment) -> str:
    """Return the number of the account that the credentials are for.

    Raises UsageError unless `aws:allowedAccountIds` of the environment has it, and Failed when AWS does not answer.
    """
    from estate_tool.core.aws_errors import reaching
    from foundation.stack_files import name_of

    with reaching(environment):
        account = str(environment.client("sts").get_caller_identity()["Account"])
    allowed = environment.configuration.allowed_accounts
    file = name_of(environment.name)
    if account in allowed:
        return account
    if allowed:
        raise UsageError(
            f"the credentials are for account {account}, and environment {environment.name} is not in it: it belongs "
            f"to {', '.join(allowed)}; nothing was touched",
            f"sign in to the right account, or correct aws:allowedAccountIds in {file}",
            code="account",
        )
    if environment.name not in known():
        raise UsageError(
            f"there is no environment {environment.name}: there is no file {file}; nothing was touched",
            f"environments there are: {', '.join(known())}, and any local-NAME\n"
            f"to make this one, in the account you are signed in to, write into {file}:\n"
            f'config: {{"aws:allowedAccountIds": ["{account}"]}}',
            code="account",
        )
    raise UsageError(
        f"the credentials are for account {account}, and environment {environment.name} names "
        "no account; nothing was touched",
        f'if it belongs there, add under config: in {file}:\naws:allowedAccountIds: ["{account}"]',
        code="account",
    )
