"""AWS Signature Version 4 for the one kind of request that is sent: a POST of JSON without a query string."""

import hmac
from collections.abc import Mapping
from hashlib import sha256
from typing import NamedTuple

_ALGORITHM = "AWS4-HMAC-SHA256"


class Credentials(NamedTuple):
    """Credentials that sign a request."""

    access_key: str
    secret_key: str
    token: str = ""


def authorization(
    credentials: Credentials, region: str, service: str, path: str, headers: Mapping[str, str], body: bytes
) -> str:
    """Return the Authorization header for these headers (lower-case names, X-Amz-Date among them), all of them signed.

    Steps and names are those of "Create a signed AWS API request" in the AWS IAM User Guide.
    """
    names = sorted(headers)
    signed_headers = ";".join(names)
    canonical_headers = "".join(f"{name}:{headers[name]}\n" for name in names)
    canonical_request = f"POST\n{path}\n\n{canonical_headers}\n{signed_headers}\n{sha256(body).hexdigest()}"
    moment = headers["x-amz-date"]
    scope = f"{moment[:8]}/{region}/{service}/aws4_request"
    text = f"{_ALGORITHM}\n{moment}\n{scope}\n{sha256(canonical_request.encode()).hexdigest()}"
    key = f"AWS4{credentials.secret_key}".encode()
    for part in scope.split("/"):
        key = hmac.digest(key, part.encode(), "sha256")
    signature = hmac.digest(key, text.encode(), "sha256").hex()
    credential = f"{credentials.access_key}/{scope}"
    return f"{_ALGORITHM} Credential={credential}, SignedHeaders={signed_headers}, Signature={signature}"
