"""The provider's own configuration (`aws:…` keys), checked against the SDK's class for it; and the functions it has."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from local_aws.provider.aws import ProviderError, Session
from local_aws.provider.check import validate
from local_aws.provider.limits import beyond
from local_aws.provider.model import Failure
from local_aws.provider.schema import Schema, SdkType
from local_aws.provider.wire import Properties

PROVIDER_TOKEN: Final = "pulumi:providers:aws"
_OF_THE_ENGINE: Final = frozenset({"version", "pluginDownloadURL", "__internal"})
# What only makes sense against a real account: taking it silently would pretend to something that does not happen.
_UNSUPPORTED: Final = frozenset({"assumeRoles", "assumeRoleWithWebIdentity", "endpoints", "customCaBundle", "httpProxy",
                                 "httpsProxy", "ignoreTags", "forbiddenAccountIds"})  # fmt: skip
# "The maximum number of times an AWS API request is being executed", first attempt included.
_LIMITS: Final = {"maxRetries": {"min": 1, "max": 100}, "retryMode": {"enum": ["standard", "adaptive"]}}


def plain_configuration(schema: Schema, config: Properties) -> Properties:
    """The configuration; the engine passes all that is not text as JSON, and YAML leaves numbers as such."""
    known: Mapping[str, SdkType] = schema["inputs"]
    return {key: _plain(known.get(key, "any"), value) for key, value in config.items() if key not in _OF_THE_ENGINE}


def _plain(kind: SdkType, value: Any) -> Any:
    if kind == "str":
        return str(value) if isinstance(value, int) else value
    if isinstance(value, str):
        with contextlib.suppress(ValueError):
            value = json.loads(value)
    if isinstance(kind, Mapping) and isinstance(value, list):
        return [_plain(kind.get("list", "any"), item) for item in value]
    if isinstance(kind, Mapping) and isinstance(value, Mapping):
        members: Mapping[str, SdkType] = kind.get("object", {})
        return {key: _plain(members.get(key) or kind.get("map", "any"), item) for key, item in value.items()}
    return value


def config_failures(schema: Schema, config: Properties) -> Iterator[Failure]:
    """Unknown keys, wrong types, and what the local provider does not do."""
    yield from validate({"object": schema["inputs"], "required": []}, config, "")
    yield from beyond(_LIMITS, config)
    for key in sorted(config.keys() & _UNSUPPORTED):
        if config[key]:
            yield key, "is not supported by the local provider plugin, which only serves the embedded AWS"


# --- functions (data sources) ----------------------------------------------------------------------------------------


def _caller_identity(session: Session, _arguments: Properties) -> Properties:
    answer = session.call("sts", "get_caller_identity", {})
    return {"id": answer["Account"], "accountId": answer["Account"], "arn": answer["Arn"], "userId": answer["UserId"]}


def _region(session: Session, arguments: Properties) -> Properties:
    name = arguments.get("region") or arguments.get("name") or session.region
    return {"id": name, "name": name, "region": name, "description": name, "endpoint": f"ec2.{name}.amazonaws.com"}


def _partition(_session: Session, _arguments: Properties) -> Properties:
    return {"id": "aws", "partition": "aws", "dnsSuffix": "amazonaws.com", "reverseDnsPrefix": "com.amazonaws"}


_FUNCTIONS: Final[Mapping[str, Callable[[Session, Properties], Properties]]] = {
    "aws:index/getCallerIdentity:getCallerIdentity": _caller_identity,
    "aws:index/getRegion:getRegion": _region,
    "aws:index/getPartition:getPartition": _partition,
}


def invoke(session: Session, token: str, arguments: Properties) -> Properties:
    """Call one; raises ProviderError for one that is not among them."""
    if token not in _FUNCTIONS:
        known = ", ".join(sorted(_FUNCTIONS))
        raise ProviderError(f"{token} is not among the functions of the local provider plugin: {known}")
    return _FUNCTIONS[token](session, arguments)
