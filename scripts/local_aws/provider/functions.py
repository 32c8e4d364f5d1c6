"""The functions (data sources) a program may call."""

from collections.abc import Callable, Mapping
from typing import Final

from local_aws.provider.aws import ProviderError, Session
from local_aws.provider.wire import Properties


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
