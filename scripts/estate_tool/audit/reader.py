"""Read-only access to an account: clients that refuse every call that could change something."""

from __future__ import annotations

import re
import threading
from collections import Counter
from typing import TYPE_CHECKING, Any

from estate_tool.core import retries
from estate_tool.core.errors import EstateError, Failed

if TYPE_CHECKING:
    import boto3

_READS = re.compile(r"Describe|List|Get|Filter|Search")
# Logs Insights: a query is started, read and stopped; it changes nothing.
_QUERIES = {"StartQuery", "StopQuery", "GetQueryResults"}
# They hand out credentials or data, although their names begin as those of reads do.
_NO_READS = {
    "GetSessionToken", "GetFederationToken", "GetAccessToken", "GetRoleCredentials", "GetSecretValue", "GetParameter",
    "GetParameters", "GetParametersByPath", "GetRecords", "GetItem", "GetObject", "GetLoginProfile",
    "GetCredentialsForIdentity", "GetOpenIdToken", "GetAuthorizationToken", "GetPasswordData",
}  # fmt: skip


class CallRefused(EstateError):
    """The audit was about to make a call that is no read; a defect of the audit, and nothing was sent."""


def is_read(operation: str) -> bool:
    """True for an operation that reads settings, metrics or logs and hands out neither data nor credentials."""
    return operation in _QUERIES or (bool(_READS.match(operation)) and operation not in _NO_READS)


class Reader:
    """Clients of one region, made once per service, guarded; counts the calls by operation. Safe for threads."""

    def __init__(self, session: boto3.Session, region: str) -> None:
        self.region = region
        self.calls: Counter[str] = Counter()
        self._session = session
        self._clients: dict[str, Any] = {}
        self._lock = threading.Lock()

    def client(self, service: str) -> Any:
        """Return the guarded boto3 client of a service."""
        with self._lock:
            if service not in self._clients:
                config = retries.boto_config(region_name=self.region, mode="adaptive")
                client = self._session.client(service, config=config)
                # The first handler of all: nothing is signed, logged or sent of a call that it refuses.
                client.meta.events.register_first("before-parameter-build.*.*", self._guard)
                self._clients[service] = client
            return self._clients[service]

    def pages(self, service: str, operation: str, key: str, **arguments: Any) -> list[Any]:
        """Return the items under `key` of every page of a listing."""
        paginator = self.client(service).get_paginator(operation)
        return [item for page in paginator.paginate(**arguments) for item in page.get(key) or []]

    def _guard(self, model: Any, **_: Any) -> None:
        if not is_read(model.name):
            raise CallRefused(
                f"{model.service_model.service_name}:{model.name} is no read; the audit only reads, and sent nothing",
                "please report this as a defect",
            )
        self.calls[f"{model.service_model.service_name}:{model.name}"] += 1


def session(profile: str | None) -> boto3.Session:
    """Return the boto3 session of a profile (None: of the usual credentials); raise Failed if there is no such."""
    import boto3
    from botocore.exceptions import ProfileNotFound

    try:
        return boto3.Session(profile_name=profile)
    except ProfileNotFound as error:
        raise Failed(str(error), "aws configure list-profiles shows which there are") from error
