"""The environment variables of a function, each read once, with an error that names the one that is wrong."""

from collections.abc import Mapping
from typing import NamedTuple


class EnvironmentProblem(Exception):
    """An environment variable is missing or has no usable value: the function's configuration must be corrected."""


def text(environment: Mapping[str, str], name: str) -> str:
    """Return a variable that must be set."""
    value = environment.get(name, "")
    if not value:
        raise EnvironmentProblem(f"the environment variable {name} is not set; set it in the function's configuration")
    return value


def whole_number(environment: Mapping[str, str], name: str, lowest: int, highest: int) -> int:
    """Return a variable that must be a whole number within the bounds."""
    value = text(environment, name)
    if not (value.isascii() and value.isdigit() and lowest <= int(value) <= highest):
        raise EnvironmentProblem(
            f"the environment variable {name} is {value!r}; it must be a whole number from {lowest} to {highest}"
        )
    return int(value)


class SecretName(NamedTuple):
    """Service that keeps a secret (ssm, secretsmanager), and its name there."""

    service: str
    name: str


def secret(environment: Mapping[str, str], name: str) -> SecretName:
    """Return the service and name in a variable SECRET_<NAME>; the value is there, not here."""
    service, _, path = text(environment, name).partition(":")
    if service not in ("ssm", "secretsmanager") or not path:
        # Not the text itself: the secret itself may have been put there.
        raise EnvironmentProblem(f"the environment variable {name} must be ssm:NAME or secretsmanager:NAME")
    return SecretName(service, path)
