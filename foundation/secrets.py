"""Secrets in SSM Parameter Store or Secrets Manager, created by people and read by functions at run time."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from foundation.grants import PLACEHOLDERS, fill, unknown_placeholders
from foundation.naming import Arns
from foundation.problems import Problem

# "PutParameter": up to 15 levels; a name may not begin with aws or ssm. "CreateSecret": 1-512 characters.
_PARAMETER = re.compile(r"(/?[\w.{}-]+){1,15}")
_SECRET = re.compile(r"[\w/+=.@{}-]{1,512}")
_KEY = re.compile(r"arn:[^:\s]+:kms:[^:\s]+:[^:\s]+:key/[\w-]+")
_LONGEST_PARAMETER = 1011
_STORES = {"ssm": "ssm:GetParameter", "secretsmanager": "secretsmanager:GetSecretValue"}


@dataclass(frozen=True, kw_only=True)
class Secret:
    """A secret by its name: a `parameter` of the Parameter Store (a SecureString) or a `secret` of Secrets Manager.

    The estate neither creates the secret nor stores its value. Names may contain {suffix}. `key` is the ARN of the
    customer managed KMS key that encrypts it; the default is an AWS managed key.
    """

    name: str
    parameter: str = ""
    secret: str = ""
    key: str = ""

    @property
    def service(self) -> str:
        """The service that stores it: ssm or secretsmanager."""
        return "ssm" if self.parameter else "secretsmanager"


@dataclass(frozen=True, kw_only=True)
class SecretGrant:
    """Permission of a function to read a secret; its environment names it as SECRET_<NAME>."""

    secret: str


def reference(secret: Secret, suffix: str) -> str:
    """Return the value of SECRET_<NAME>: the service that stores the secret, a colon and its name there."""
    return f"{secret.service}:{(secret.parameter or secret.secret).replace('{suffix}', suffix)}"


def statements(secret: Secret, sid: str, arns: Arns) -> Iterator[dict[str, Any]]:
    """Yield the permissions to read a secret, and to decrypt it with a customer managed key.

    AWS managed keys allow their services to decrypt for a caller that may read the secret.
    """
    name = fill(secret.parameter or secret.secret, arns)
    resource = f"parameter/{name.removeprefix('/')}" if secret.parameter else f"secret:{name}-??????"
    arn = f"arn:{arns.partition}:{secret.service}:{arns.region}:{arns.account}:{resource}"
    yield {"Sid": f"Read{sid}", "Effect": "Allow", "Action": [_STORES[secret.service]], "Resource": arn}
    if secret.key:
        via = f"{secret.service}.{arns.region}.amazonaws.com"
        yield {
            "Sid": f"Decrypt{sid}",
            "Effect": "Allow",
            "Action": ["kms:Decrypt"],
            "Resource": fill(secret.key, arns),
            "Condition": {"StringEquals": {"kms:ViaService": via}},
        }


def problems(secrets: Iterable[Secret]) -> Iterator[Problem]:
    """Yield all problems of declared secrets but for their names, which are validated with all others."""
    for secret in secrets:
        where = f"catalog secret {secret.name!r}"
        if bool(secret.parameter) == bool(secret.secret):
            value = (secret.parameter, secret.secret) if secret.parameter else None
            allowed = "either a parameter of the Parameter Store or a secret of Secrets Manager"
            yield Problem(where=f"{where} parameter or secret", value=value, allowed=allowed)
        for kind, text in (("parameter", secret.parameter), ("secret", secret.secret), ("key", secret.key)):
            if text and (allowed := _refusal(kind, text)):
                yield Problem(where=f"{where} {kind}", value=text, allowed=allowed)


def _refusal(kind: str, text: str) -> str:
    """Return the rule that a text breaks; empty if it breaks none."""
    placeholders = PLACEHOLDERS if kind == "key" else ("suffix",)
    if unknown := unknown_placeholders(text, placeholders):
        return f"the placeholders {', '.join(f'{{{name}}}' for name in placeholders)}, not {unknown}"
    if kind == "key":
        return "" if _KEY.fullmatch(text) else "the ARN of a key (…:key/ID); policies know no aliases"
    if kind == "secret":
        return "" if _SECRET.fullmatch(text) else "1-512 letters, digits and /_+=.@- (the name, not the ARN)"
    reserved = text.strip("/").lower().startswith(("aws", "ssm"))
    if reserved or len(text) > _LONGEST_PARAMETER or not _PARAMETER.fullmatch(text):
        return "a name such as /shop/{suffix}/api-key: letters, digits and _.-, up to 15 levels, not aws or ssm first"
    return "" if text.startswith("/") or "/" not in text else "a path that begins with /"
