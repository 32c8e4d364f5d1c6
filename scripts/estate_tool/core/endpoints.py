"""Endpoints other than AWS's own: in variables, or in the profile of the AWS configuration that is in use.

A real environment is refused while there are any, or its calls, and what they create, would go somewhere else.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from estate_tool.core.aws_errors import explained
from estate_tool.core.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator

VARIABLE = "AWS_ENDPOINT_URL"
ALLOWED = "ESTATE_ALLOW_ENDPOINTS"


def refuse(environment: str, variables: Mapping[str, str]) -> None:
    """Raise UsageError, with each place that names an endpoint, unless ESTATE_ALLOW_ENDPOINTS is 1."""
    if variables.get(ALLOWED) == "1":
        return
    named = sorted(key for key in variables if key.startswith(VARIABLE) and variables[key])
    in_profile = list(_in_profile(variables))
    if not (named or in_profile):
        return
    take_away = [f"unset {' '.join(named)}"] if named else []
    take_away += ["take it out of the profile, or name another one: AWS_PROFILE"] if in_profile else []
    raise UsageError(
        f"environment {environment!r} is a real account, but {', '.join([*named, *in_profile])} would send its calls "
        "elsewhere; nothing was touched",
        "\n".join(
            [*take_away, "or use a local environment (local, local-NAME)", f"if it is meant, say so: {ALLOWED}=1"]
        ),
    )


def _in_profile(variables: Mapping[str, str]) -> Iterator[str]:
    """Each endpoint of the profile in use, with where it stands."""
    import botocore.session
    from botocore.exceptions import BotoCoreError

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
