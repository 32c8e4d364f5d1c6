"""AWS Signature Version 4: the signing of requests and links, and the check of others' signatures.

Steps and names are those of "Create a signed AWS API request" in the AWS IAM User Guide. Stricter than it in one point:
no part of a request that AWS reads may be left out of the signature.
"""

from __future__ import annotations

import hmac
import re
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from urllib.parse import quote, unquote

from estate_tool.core.embedded.credentials import Credentials

ALGORITHM = "AWS4-HMAC-SHA256"
_TERM = "aws4_request"
_MOMENT = "%Y%m%dT%H%M%SZ"
# Seconds that a request's date may differ from ours, and that a link may be valid.
_SKEW = 900
_LONGEST_LINK = 604_800
_HASH = re.compile(r"[0-9a-f]{64}")
_UNRESERVED = "-_.~"
# Credentials beside those in the header would leave it open who calls.
_QUERY_CREDENTIALS = frozenset(
    {"x-amz-credential", "x-amz-signature", "x-amz-algorithm", "awsaccesskeyid", "signature"}
)


class Refused(Exception):
    """A request that is not answered; `code` is AWS's name for the reason."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


@dataclass(frozen=True)
class Request:
    """A request as it arrived: path and query undecoded, header names in lower case."""

    method: str
    path: str
    query: str
    headers: Sequence[tuple[str, str]]

    def header(self, name: str) -> str | None:
        """Return the only value of a header, None when it is absent; `Refused` when there are several."""
        found = [value for key, value in self.headers if key == name]
        if len(found) > 1:
            raise Refused("IncompleteSignature", f"the request has {len(found)} headers named {name}")
        return found[0] if found else None

    def parameters(self) -> list[tuple[str, str]]:
        """Return the decoded pairs of the query."""
        pairs = (pair.partition("=") for pair in self.query.split("&") if pair)
        return [(unquote(name), unquote(value)) for name, _, value in pairs]


@dataclass(frozen=True)
class Signature:
    """The parts of a signature, from the Authorization header or, of a link, from the query."""

    access_key_id: str
    date: str
    region: str
    service: str
    signed_headers: tuple[str, ...]
    signature: str
    moment: str
    token: str = ""
    expires: int | None = None

    @property
    def scope(self) -> str:
        """The credential scope."""
        return f"{self.date}/{self.region}/{self.service}/{_TERM}"


def parse(request: Request) -> Signature:
    """Return the request's signature; `Refused` when there is none, or not one that can be checked."""
    parameters = {name.lower(): value for name, value in request.parameters()}
    authorization = request.header("authorization")
    if authorization is not None:
        if _QUERY_CREDENTIALS & parameters.keys():
            raise Refused("IncompleteSignature", "credentials in the query beside those in the Authorization header")
        return _from_header(request, authorization)
    if "x-amz-signature" in parameters:
        return _from_query(request, parameters)
    raise Refused("MissingAuthenticationToken", "Request is missing Authentication Token")


def _from_header(request: Request, authorization: str) -> Signature:
    algorithm, _, rest = authorization.partition(" ")
    fields = [part.strip().partition("=") for part in rest.split(",")]
    values = {name: value for name, _, value in fields}
    if algorithm != ALGORITHM or len(fields) != 3 or values.keys() != {"Credential", "SignedHeaders", "Signature"}:
        raise Refused("IncompleteSignature", f"the Authorization header is no complete signature of {ALGORITHM}")
    return _checked(
        values["Credential"], values["SignedHeaders"], values["Signature"], request.header("x-amz-date") or "",
        request.header("x-amz-security-token") or "", None,
    )  # fmt: skip


def _from_query(request: Request, values: dict[str, str]) -> Signature:
    names = [name.lower() for name, _ in request.parameters()]
    if len(set(names)) != len(names) or request.method not in ("GET", "HEAD"):
        raise Refused("IncompleteSignature", "only a GET with each parameter once can be signed in the query")
    expires = values.get("x-amz-expires", "")
    if values.get("x-amz-algorithm") != ALGORITHM or not expires.isdecimal() or int(expires) > _LONGEST_LINK:
        raise Refused("IncompleteSignature", f"the query is no complete signature of {ALGORITHM}")
    return _checked(
        values.get("x-amz-credential", ""), values.get("x-amz-signedheaders", ""), values["x-amz-signature"],
        values.get("x-amz-date", ""), values.get("x-amz-security-token", ""), int(expires),
    )  # fmt: skip


def _checked(credential: str, signed: str, signature: str, moment: str, token: str, expires: int | None) -> Signature:
    key, date, region, service, term = (credential.split("/") + [""] * 5)[:5]
    if credential.count("/") != 4 or term != _TERM:
        raise Refused("IncompleteSignature", "Credential must be KEY/DATE/REGION/SERVICE/aws4_request")
    if not re.fullmatch(r"\d{8}T\d{6}Z", moment, re.ASCII) or moment[:8] != date:
        raise Refused("IncompleteSignature", "X-Amz-Date must be the moment of signing, on the date in Credential")
    return Signature(key, date, region, service, tuple(signed.split(";")), signature, moment, token, expires)


def check(request: Request, found: Signature, secret: str, body: bytes, now: float | None = None) -> None:
    """Compare the signature with the one that the secret gives; `Refused` when the request was not signed with it."""
    _check_time(found, time.time() if now is None else now)
    present = {name for name, _ in request.headers}
    needed = {"host"} | {name for name in present if name.startswith("x-amz-")}
    if missing := sorted(needed - set(found.signed_headers)):
        raise Refused("SignatureDoesNotMatch", f"the signature leaves out {', '.join(missing)}")
    declared = request.header("x-amz-content-sha256")
    actual = sha256(body).hexdigest()
    if declared and _HASH.fullmatch(declared) and declared != actual:
        raise Refused("SignatureDoesNotMatch", "X-Amz-Content-Sha256 is not the hash of the body")
    payload = "UNSIGNED-PAYLOAD" if found.expires is not None and found.service == "s3" else declared or actual
    expected = _signature(request, found, secret, payload)
    if not hmac.compare_digest(expected.encode(), found.signature.encode()):
        raise Refused(
            "SignatureDoesNotMatch",
            "The request signature we calculated does not match the signature you provided. "
            "Check your AWS Secret Access Key and signing method.",
        )


def _check_time(found: Signature, now: float) -> None:
    try:
        signed = datetime.strptime(found.moment, _MOMENT).replace(tzinfo=UTC).timestamp()
    except ValueError as error:
        raise Refused("IncompleteSignature", "X-Amz-Date is no date") from error
    last = signed + (_SKEW if found.expires is None else found.expires)
    if not signed - _SKEW <= now <= last:
        raise Refused("RequestExpired", f"the signature of {found.moment} is not valid now")


def _signature(request: Request, parts: Signature, secret: str, payload: str) -> str:
    canonical = "\n".join([
        request.method, _path(request.path, parts.service), _query(request.parameters()),
        *(f"{name}:{_value(request.headers, name)}" for name in parts.signed_headers), "",
        ";".join(parts.signed_headers), payload,
    ])  # fmt: skip
    text = "\n".join([ALGORITHM, parts.moment, parts.scope, sha256(canonical.encode()).hexdigest()])
    key = f"AWS4{secret}".encode()
    for part in parts.scope.split("/"):
        key = hmac.digest(key, part.encode(), "sha256")
    return hmac.digest(key, text.encode(), "sha256").hex()


def _path(path: str, service: str) -> str:
    """Return the canonical path: normalized and encoded once more, but for S3 as it is."""
    if service == "s3":
        return path
    segments: list[str] = []
    for segment in path.split("/"):
        if segment == "..":
            segments = segments[:-1]
        elif segment not in ("", "."):
            segments.append(segment)
    normal = "/" + "/".join(segments) + ("/" if segments and path.endswith("/") else "")
    return quote(normal, safe="/" + _UNRESERVED)


def _query(pairs: Iterable[tuple[str, str]]) -> str:
    encoded = sorted((quote(name, safe=_UNRESERVED), quote(value, safe=_UNRESERVED)) for name, value in pairs)
    return "&".join(f"{name}={value}" for name, value in encoded if name.lower() != "x-amz-signature")


def _value(headers: Iterable[tuple[str, str]], name: str) -> str:
    return ",".join(" ".join(value.split()) for key, value in headers if key == name)


def sign(credentials: Credentials, request: Request, region: str, service: str, body: bytes = b"") -> dict[str, str]:
    """Return the headers that sign a request for now; all of its headers are signed."""
    moment = time.strftime(_MOMENT, time.gmtime())
    dated = Request(request.method, request.path, request.query, [*request.headers, ("x-amz-date", moment)])
    names = tuple(sorted(name for name, _ in dated.headers))
    parts = Signature(credentials.access_key_id, moment[:8], region, service, names, "", moment)
    signature = _signature(dated, parts, credentials.secret_access_key, sha256(body).hexdigest())
    credential = f"{credentials.access_key_id}/{parts.scope}"
    return {
        "x-amz-date": moment,
        "authorization": f"{ALGORITHM} Credential={credential}, SignedHeaders={';'.join(names)}, Signature={signature}",
    }


def link(credentials: Credentials, host: str, path: str, region: str, service: str, seconds: int) -> str:
    """Return the path with the query that lets anybody GET it for so many seconds."""
    moment = time.strftime(_MOMENT, time.gmtime())
    parts = Signature(credentials.access_key_id, moment[:8], region, service, ("host",), "", moment, expires=seconds)
    values = {
        "X-Amz-Algorithm": ALGORITHM, "X-Amz-Credential": f"{credentials.access_key_id}/{parts.scope}",
        "X-Amz-Date": moment, "X-Amz-Expires": str(seconds), "X-Amz-SignedHeaders": "host",
    }  # fmt: skip
    query = _query(values.items())
    request = Request("GET", path, query, [("host", host)])
    signature = _signature(request, parts, credentials.secret_access_key, sha256(b"").hexdigest())
    return f"{path}?{query}&X-Amz-Signature={signature}"
