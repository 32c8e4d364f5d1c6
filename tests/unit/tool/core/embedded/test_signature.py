from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest
from botocore.auth import SigV4Auth, SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials as BotocoreCredentials
from hypothesis import given
from hypothesis import strategies as st

from estate_tool.core.embedded import signature
from estate_tool.core.embedded.credentials import Credentials
from estate_tool.core.embedded.signature import Refused, Request

if TYPE_CHECKING:
    from collections.abc import Callable

MINE = Credentials("LOCALABCDEFGHIJKLMNO", "the secret")
HOST = "127.0.0.1:4566"
SIGNERS = {"header": SigV4Auth, "query": SigV4QueryAuth}


def signed_by_botocore(path: str, *, body: bytes = b"", method: str = "POST", kind: str = "header") -> Request:
    """A request as a boto3 client sends it."""
    url, headers = f"http://{HOST}{path}", {"Host": HOST, "X-Amz-Target": "AmazonSQS.SendMessage", "X-Odd": " a   b "}
    request = AWSRequest(method=method, url=url, data=body, headers=headers if kind == "header" else {"Host": HOST})
    SIGNERS[kind](BotocoreCredentials(MINE.access_key_id, MINE.secret_access_key), "lambda", "us-east-1").add_auth(
        request
    )
    parts = urlsplit(str(request.url))
    found = [(name.lower(), value) for name, value in request.headers.items()]
    return Request(method, parts.path, parts.query, found)


def check(request: Request, body: bytes = b"", secret: str = MINE.secret_access_key, later: float = 0) -> None:
    signature.check(request, signature.parse(request), secret, body, time.time() + later)


def refused(act: Callable[[], object]) -> str:
    with pytest.raises(Refused) as caught:
        act()
    return caught.value.code


segment = st.text(st.characters(min_codepoint=33, max_codepoint=126, exclude_characters="/?#%[]"), min_size=1)


@given(
    path=st.lists(segment, max_size=4).map("/".join),
    query=st.lists(st.tuples(st.text("aB0-_.~", min_size=1), st.text("aB0-_.~", min_size=1)), max_size=3),
    body=st.binary(max_size=99),
)
def test_signatures_of_botocore_are_accepted(path: str, query: list[tuple[str, str]], body: bytes) -> None:
    asked = "&".join(f"{name}={value}" for name, value in query)
    request = signed_by_botocore(f"/{path}{'?' if asked else ''}{asked}", body=body)
    check(request, body)
    assert refused(lambda: check(request, body + b"x")) == "SignatureDoesNotMatch"


@pytest.mark.parametrize("path", ["/", "/2015-03-31/functions/arn%3Aaws%3Alambda%3Af/invocations", "/a//b/../c/"])
@pytest.mark.parametrize("kind", SIGNERS)
def test_a_path_is_signed_as_it_is_sent(path: str, kind: str) -> None:
    request = signed_by_botocore(path, method="GET", kind=kind)
    check(request)
    assert refused(lambda: check(replace(request, path=f"{path}x"))) == "SignatureDoesNotMatch"


def test_our_own_signature_and_link_are_accepted_until_they_end() -> None:
    request = Request("GET", "/_estate/status", "", [("host", HOST)])
    headers = [*request.headers, *signature.sign(MINE, request, "us-east-1", "estate").items()]
    check(replace(request, headers=headers))
    path, _, query = signature.link(MINE, HOST, "/code/a%20b", "us-east-1", "lambda", 60).partition("?")
    link = Request("GET", path, query, [("host", HOST)])
    check(link, later=50)
    assert refused(lambda: check(link, later=70)) == "RequestExpired"
    assert refused(lambda: check(replace(link, path="/code/other"))) == "SignatureDoesNotMatch"
    assert refused(lambda: check(replace(link, method="POST"))) == "IncompleteSignature"


def test_a_request_changed_after_signing_is_refused() -> None:
    request = signed_by_botocore("/path?a=1", body=b"body")
    for changed in (
        replace(request, path="/other"), replace(request, query="a=2"), replace(request, method="PUT"),
        replace(request, headers=[(n, "evil:1" if n == "host" else v) for n, v in request.headers]),
    ):  # fmt: skip
        assert refused(lambda changed=changed: check(changed, b"body")) == "SignatureDoesNotMatch"
    assert refused(lambda: check(request, b"another body")) == "SignatureDoesNotMatch"
    assert refused(lambda: check(request, b"body", secret="test")) == "SignatureDoesNotMatch"


def test_headers_added_after_signing_are_refused() -> None:
    request = signed_by_botocore("/", body=b"body")
    operation = replace(request, headers=[*request.headers, ("x-amz-invocation-type", "Event")])
    assert refused(lambda: check(operation, b"body")) == "SignatureDoesNotMatch"
    declared = replace(request, headers=[*request.headers, ("x-amz-content-sha256", "0" * 64)])
    assert refused(lambda: check(declared, b"body")) == "SignatureDoesNotMatch"
    twice = replace(request, headers=[*request.headers, ("authorization", "other")])
    assert refused(lambda: check(twice, b"body")) == "IncompleteSignature"
    beside = replace(request, query="X-Amz-Credential=test/20260101/us-east-1/sqs/aws4_request")
    assert refused(lambda: check(beside, b"body")) == "IncompleteSignature"


@pytest.mark.parametrize("seconds", [-1000, 1000])
def test_an_old_signature_and_one_of_the_future_are_refused(seconds: float) -> None:
    assert refused(lambda: check(signed_by_botocore("/"), later=seconds)) == "RequestExpired"


@pytest.mark.parametrize(
    ("authorization", "code"),
    [
        (None, "MissingAuthenticationToken"), ("", "IncompleteSignature"), ("Basic dGVzdA==", "IncompleteSignature"),
        ("AWS test:signature", "IncompleteSignature"), ("AWS4-HMAC-SHA256", "IncompleteSignature"),
        ("AWS4-HMAC-SHA256 Credential=a/b/c/d/e, SignedHeaders=host, Signature=x", "IncompleteSignature"),
        ("AWS4-HMAC-SHA256 Credential=a, Credential=b, SignedHeaders=host, Signature=x", "IncompleteSignature"),
    ],
)  # fmt: skip
def test_a_malformed_signature_is_refused(authorization: str | None, code: str) -> None:
    headers = [("host", HOST), *([("authorization", authorization)] if authorization is not None else [])]
    assert refused(lambda: check(Request("POST", "/", "", headers))) == code
