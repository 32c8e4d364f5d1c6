"""Authentication: the administrator has the credentials of the home, all other credentials are random."""

from __future__ import annotations

import os
import secrets
import uuid
from dataclasses import replace
from urllib.parse import quote, urlsplit

from estate_tool.core.embedded import credentials, signature
from estate_tool.core.embedded.ports import HOST
from estate_tool.core.embedded.signature import Refused, Request
from local_aws.server.patches.target import (
    app,
    get_account_id,
    get_region,
    iam_actions,
    iam_evaluator,
    lambda_runtime,
    lambda_svc,
    sts,
)  # fmt: skip

# Seconds that the link to a function's code is good for, as on AWS.
_LINK = 600
_UNKNOWN_KEY = (
    "The security token included in the request is invalid: this embedded AWS does not know the access key. "
    'Take the ones of its home: eval "$(scripts/estate local env)"'
)


def apply() -> None:
    """Nothing to correct before the administrator is known: see `name_administrator`."""


def name_administrator(administrator: credentials.Credentials) -> None:
    """Make the corrections. ministack takes `test`, any account number and no key at all for the administrator."""
    resolve = iam_evaluator.resolve_credential

    def is_administrator(access_key_id: str) -> bool:
        return access_key_id == administrator.access_key_id

    def with_secret(access_key_id: str, *more: object, **named: object) -> object:
        found = resolve(access_key_id, *more, **named)
        if is_administrator(access_key_id) and isinstance(found, iam_evaluator.ResolvedCredential):
            return replace(found, secret_access_key=administrator.secret_access_key)
        return found

    for module in (iam_evaluator, sts):
        module.is_root_access_key = is_administrator
        module.resolve_credential = with_secret
    lambda_runtime.execution_credentials = lambda_svc.execution_credentials = _execution_credentials
    _sign_links(administrator)


_sessions: dict[tuple[str, str], dict[str, str]] = {}


def _execution_credentials(config: dict[str, str]) -> dict[str, str]:
    """Return the session of a function's role; ministack derives its secret from the function's name and role."""
    function, role = config.get("FunctionArn", ""), config.get("Role", "")
    if (found := _sessions.get((function, role))) is None:
        found = _sessions[function, role] = {
            "AWS_ACCESS_KEY_ID": f"ASIA{secrets.token_hex(8).upper()}",
            "AWS_SECRET_ACCESS_KEY": secrets.token_hex(20),
            "AWS_SESSION_TOKEN": secrets.token_hex(32),
        }
    role_name, session_name = role.rpartition("/")[2], config.get("FunctionName", "lambda")[:64]
    account = function.split(":")[4]
    sts.register_session(found["AWS_ACCESS_KEY_ID"], {
        "Arn": f"arn:aws:sts::{account}:assumed-role/{role_name}/{session_name}",
        "UserId": f"{role_name}:{session_name}",
        "SecretAccessKey": found["AWS_SECRET_ACCESS_KEY"],
        "SessionToken": found["AWS_SESSION_TOKEN"],
    })  # fmt: skip
    return dict(found)


def _sign_links(administrator: credentials.Credentials) -> None:
    """Sign the links to code and layers, as AWS does: a holder of one can fetch it without credentials."""
    host = f"{HOST}:{os.environ['GATEWAY_PORT']}"
    layer_content_url = lambda_svc._layer_content_url

    def linked(path: str) -> str:
        return f"http://{host}{signature.link(administrator, host, path, get_region(), 'lambda', _LINK)}"

    def to_code(name: str) -> str:
        return linked(f"/_ministack/lambda-code/{get_account_id()}/{get_region()}/{quote(name)}")

    def to_layer(name: str, version: int) -> str:
        return linked(urlsplit(layer_content_url(name, version)).path)

    lambda_svc._presigned_code_url, lambda_svc._layer_content_url = to_code, to_layer


def secret_of(access_key_id: str, token: str) -> str:
    """Return the secret of a user's key or a role's session; `Refused` when there is no such, or no longer."""
    found = iam_evaluator.resolve_credential(access_key_id, get_account_id(), token)
    if isinstance(found, iam_evaluator.ResolvedCredential):
        return str(found.secret_access_key)
    if found.code == "UnrecognizedClientException" or (found.code == "InvalidToken" and not token):
        raise Refused("UnrecognizedClientException", _UNKNOWN_KEY)
    raise Refused(found.code, found.message)


def refusal(request: Request, error: Refused) -> tuple[int, dict[str, str], bytes]:
    """Form the answer to a request that was not admitted, in the protocol of the service it seems to be for."""
    headers = dict(request.headers)
    query = {name: [value] for name, value in request.parameters()}
    service = app.detect_service(request.method, request.path, headers, query)
    status, answered, body = iam_actions.access_denied_response(
        service, "", "", str(uuid.uuid4()), error_code=error.code, message=error.message, headers=headers
    )
    return status, {name: value for name, value in answered.items() if name.lower() != "content-length"}, body
