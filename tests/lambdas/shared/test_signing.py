"""Signatures, compared with botocore's."""

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials as BotocoreCredentials
from hypothesis import given
from hypothesis import strategies as st

from shared.aws import Credentials, authorization

names = st.text("abcdefghijklmnopqrstuvwxyz-", min_size=1, max_size=12).map("x-amz-meta-".__add__)
values = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=20)


@given(
    st.binary(max_size=200),
    st.dictionaries(names, values, max_size=4),
    st.sampled_from(["dynamodb", "sqs"]),
    st.sampled_from(["us-east-1", "eu-central-1"]),
    st.text("ABCabc/+=", min_size=1),
    st.sampled_from(["", "token/+="]),
)
def test_the_signature_is_the_one_botocore_computes(
    body: bytes, more: dict[str, str], service: str, region: str, secret: str, token: str
) -> None:
    host = f"{service}.{region}.amazonaws.com"
    headers = {"host": host, "x-amz-date": "20130101T050000Z", "content-type": "application/x-amz-json-1.0", **more}
    if token:
        headers["x-amz-security-token"] = token
    ours = authorization(Credentials("AKID", secret, token), region, service, "/", headers, body)

    botocore = SigV4Auth(BotocoreCredentials("AKID", secret, token or None), service, region)
    request = AWSRequest("POST", f"https://{host}/", headers, body)
    request.context["timestamp"] = headers["x-amz-date"]
    signature = botocore.signature(botocore.string_to_sign(request, botocore.canonical_request(request)), request)
    signed = botocore.signed_headers(botocore.headers_to_sign(request))
    credential = botocore.scope(request)
    assert ours == f"AWS4-HMAC-SHA256 Credential={credential}, SignedHeaders={signed}, Signature={signature}"
