"""Clients of the embedded AWS, created on first use, with errors in one line and bounded waiting.

Nothing here can reach a real account: every endpoint must be a loopback address.
"""

from __future__ import annotations

import contextlib
import functools
import ipaddress
import os
import re
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final
from urllib.parse import urlsplit

from estate_tool.core.retries import ANSWER_LOST, ATTEMPTS, MODE, boto_config, show

DEFAULT_DEADLINE: Final = 300.0  # seconds a resource may take to become usable or to vanish
RETRY_DEADLINE: Final = 60.0  # seconds that eventual consistency may take
POLL_FIRST, POLL_LONGEST = 0.05, 2.0

_EXISTS: Final = re.compile(r"\balready exists?\b", re.IGNORECASE)


class ProviderError(Exception):
    """Failure that is reported to the user in one line."""


class AwsError(ProviderError):
    """AWS refused an operation; `code` is AWS's name for the reason."""

    def __init__(self, code: str, message: str, operation: str) -> None:
        super().__init__(f"{code}: {message} (operation {operation})")
        self.code = code


class Gone(ProviderError):
    """The resource does not exist."""


def loopback_endpoints(environment: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Return the endpoints of the environment by service, `""` for the general one.

    Raises ProviderError unless AWS_ENDPOINT_URL is given and every endpoint is on this machine.
    """
    endpoints = {
        name.removeprefix("AWS_ENDPOINT_URL").lstrip("_"): url
        for name, url in environment.items()
        if name.startswith("AWS_ENDPOINT_URL") and url
    }
    if "" not in endpoints:
        raise ProviderError(
            "AWS_ENDPOINT_URL is not set: this plugin is for the embedded AWS only and never calls a real account. "
            'Run `eval "$(scripts/estate local env)"`, or use the official AWS provider'
        )
    for service, url in endpoints.items():
        if not _is_loopback(urlsplit(url).hostname or ""):
            variable = "AWS_ENDPOINT_URL" + (f"_{service}" if service else "")
            raise ProviderError(
                f"{variable} is {url}, not an address of this machine (127.0.0.1, ::1 or localhost): this plugin is "
                "for the embedded AWS only. Use the official AWS provider for a real account"
            )
    return endpoints


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


_creating = threading.Lock()


@functools.lru_cache(maxsize=512)
def _client(
    service: str,
    region: str,
    credentials: tuple[tuple[str, str], ...],
    endpoints: tuple[tuple[str, str], ...],
    attempts: int,
    mode: str,
) -> Any:
    """Return a client, shared by all sessions with the same settings: creating one is slow. Under `_creating`."""
    # A proxy that is set for the internet can't reach a loopback address.
    config = boto_config(attempts=attempts, mode=mode, proxies={})
    variable = service.replace("-", "_").upper()
    aliases = {"APPLICATION_AUTOSCALING": "APPLICATION_AUTO_SCALING", "LOGS": "CLOUDWATCH_LOGS"}
    urls = dict(endpoints)
    endpoint = urls.get(aliases.get(variable, variable)) or urls[""]
    return show(_boto(region, credentials).client(service, endpoint_url=endpoint, config=config), _print_line)


@functools.lru_cache(maxsize=32)
def _boto(region: str, credentials: tuple[tuple[str, str], ...]) -> Any:
    import boto3

    return boto3.Session(region_name=region, **dict(credentials))


def _print_line(text: str) -> None:
    """Print a line for the tool's user; the engine writes a plugin's lines into its log."""
    print(f"      {text}", file=sys.stderr, flush=True)


class Session:
    """Session of one engine: clients, and an event that is set when it is interrupted.

    `attempts` and `mode` are botocore's settings for the retries of transient failures.
    """

    def __init__(
        self, region: str, credentials: Mapping[str, str], *, attempts: int = ATTEMPTS, mode: str = MODE
    ) -> None:
        keys, endpoints = sorted(credentials.items()), sorted(loopback_endpoints().items())
        self._settings = region, tuple(keys), tuple(endpoints), attempts, mode
        self.region = region
        self.cancelled = threading.Event()

    @functools.cached_property
    def account(self) -> str:
        """The account's number."""
        return str(self.call("sts", "get_caller_identity", {})["Account"])

    def client(self, service: str) -> Any:
        """Return the boto3 client of a service; safe for any number of threads."""
        with _creating:
            return _client(service, *self._settings)

    def call(self, service: str, operation: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
        """One operation; raises AwsError with AWS's code, or ProviderError when the embedded AWS can't be reached."""
        client = self.client(service)
        with _one_line(f"{service}:{client.meta.method_to_api_mapping[operation]}", client):
            return dict(getattr(client, operation)(**parameters))

    def input_shape(self, service: str, operation: str) -> Any:
        """Return botocore's shape of an operation's parameters."""
        meta = self.client(service).meta
        return meta.service_model.operation_model(meta.method_to_api_mapping[operation]).input_shape

    def poll(self, attempt: Callable[[], Any], waiting_for: str, deadline: float = DEFAULT_DEADLINE) -> Any:
        """Call `attempt` until it returns something true; raises ProviderError at the deadline or when cancelled."""
        end, pause = time.monotonic() + deadline, POLL_FIRST
        while not (result := attempt()):
            if time.monotonic() + pause > end:
                raise ProviderError(f"{waiting_for}: not so after {deadline:g} s")
            if self.cancelled.wait(pause):
                raise ProviderError(f"{waiting_for}: cancelled")
            pause = min(pause * 1.5, POLL_LONGEST)
        return result


@contextlib.contextmanager
def _one_line(operation: str, client: Any) -> Iterator[None]:
    """Raise botocore's errors as `ProviderError`."""
    from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError
    from botocore.exceptions import ConnectionError as NoConnection

    try:
        yield
    except ClientError as error:
        detail = error.response.get("Error", {})
        message = _line(detail.get("Message", ""))
        if error.response["ResponseMetadata"].get("RetryAttempts") and _EXISTS.search(message):
            message = f"{ANSWER_LOST}: {message}"
        raise AwsError(detail.get("Code", "Unknown"), message, operation) from error
    except (NoConnection, HTTPClientError) as error:
        raise ProviderError(
            f"the embedded AWS at {client.meta.endpoint_url} can't be reached (operation {operation}): "
            f"{_line(str(error))}. See `scripts/estate local status`, start it with `scripts/estate local up`"
        ) from error
    except BotoCoreError as error:
        raise ProviderError(f"{type(error).__name__}: {_line(str(error))} (operation {operation})") from error


def _line(text: str) -> str:
    return " ".join(text.split())
