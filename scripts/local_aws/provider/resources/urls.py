"""AWS Lambda: the URLs of functions."""

from __future__ import annotations

from typing import Any, Final

from local_aws.provider.model import Call, Failure, ResourceType
from local_aws.provider.resources.lambda_ import GONE, RETRY, same_function
from local_aws.provider.wire import Properties


def _id(record: Properties) -> Any:
    """The first label of the address's host, or on the embedded AWS the last part of its path."""
    address = str(record.get("FunctionUrl", "")).rstrip("/")
    return address.rpartition("/")[2].partition(".")[0]


def _signed(properties: Properties) -> Failure | None:
    """ "NONE" would have the official provider let everybody in, and forget to shut them out again."""
    kind = properties["authorizationType"]
    return ("authorizationType", f'is "{kind}"; allowed is AWS_IAM') if kind == "NONE" else None


_URL = ResourceType(
    token="aws:lambda/functionUrl:FunctionUrl",
    service="lambda",
    gone=GONE,
    names={"authorizationType": "AuthType"},
    create=[Call("create_function_url_config")],
    read=[(Call("get_function_url_config"), "@")],
    outputs={"urlId": _id},
    update=[Call("update_function_url_config")],
    delete=[Call("delete_function_url_config")],
    id=("{functionName}/{qualifier}", "{functionName}"),
    imports=("{functionName}/{qualifier}", "{functionName}"),
    force_new={"functionName", "qualifier"},
    defaults={"invokeMode": "BUFFERED"},
    kept={"functionName", "qualifier"},
    same={"functionName": same_function},
    named=None,
    unsupported={"cors"},
    retry=RETRY,
    rules=[_signed],
)

TYPES: Final = (_URL,)
