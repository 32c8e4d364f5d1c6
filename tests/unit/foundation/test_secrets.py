"""Secrets of the catalog: what their readers may do, what their readers' environments name, and what is refused."""

from dataclasses import replace
from typing import Any

import pytest

from foundation.model import Catalog
from foundation.policies import execution_policy
from foundation.problems import InvalidConfiguration
from foundation.secrets import Secret, SecretGrant, reference
from foundation.validation import validate
from tests.support.declarations import ARNS, CATALOG, READ

KEY = "arn:{partition}:kms:{region}:{account}:key/1234abcd-12ab-34cd-56ef-1234567890ab"
PARAMETER = Secret(name="api-key", parameter="/shop/{suffix}/api-key")
SECRET = Secret(name="token", secret="shop/{suffix}/token")
HERE = "us-east-1:123456789012"


def catalog(*secrets: Secret, reads: tuple[str, ...] = ()) -> Catalog:
    reader = replace(READ, grants=tuple(SecretGrant(secret=name) for name in reads))
    return replace(CATALOG, secrets=secrets, functions=(*CATALOG.functions[:-1], reader))


def granted(secret: Secret) -> list[dict[str, Any]]:
    reader = catalog(secret, reads=(secret.name,)).functions[-1]
    return execution_policy(reader, ARNS, (secret,))["Statement"][2:]


@pytest.mark.parametrize(
    ("secret", "action", "arn"),
    [
        (PARAMETER, "ssm:GetParameter", f"arn:aws:ssm:{HERE}:parameter/shop/dev/api-key"),
        (replace(PARAMETER, parameter="api-key"), "ssm:GetParameter", f"arn:aws:ssm:{HERE}:parameter/api-key"),
        # Secrets Manager adds a hyphen and six characters.
        (SECRET, "secretsmanager:GetSecretValue", f"arn:aws:secretsmanager:{HERE}:secret:shop/dev/token-??????"),
    ],
)
def test_a_reader_may_read_this_secret_and_nothing_else(secret: Secret, action: str, arn: str) -> None:
    (statement,) = granted(secret)
    assert (statement["Action"], statement["Resource"]) == ([action], arn)
    assert "Condition" not in statement


@pytest.mark.parametrize(("secret", "service"), [(PARAMETER, "ssm"), (SECRET, "secretsmanager")])
def test_a_customers_key_may_be_used_through_the_service_that_keeps_the_secret(secret: Secret, service: str) -> None:
    _, statement = granted(replace(secret, key=KEY))
    assert statement["Action"] == ["kms:Decrypt"]
    assert statement["Resource"] == f"arn:aws:kms:{HERE}:key/1234abcd-12ab-34cd-56ef-1234567890ab"
    assert statement["Condition"] == {"StringEquals": {"kms:ViaService": f"{service}.us-east-1.amazonaws.com"}}


def test_an_environment_names_the_service_and_the_secrets_place() -> None:
    assert reference(PARAMETER, "dev") == "ssm:/shop/dev/api-key"
    assert reference(SECRET, "dev") == "secretsmanager:shop/dev/token"


def test_secrets_as_they_should_be_are_valid() -> None:
    validate(catalog(replace(PARAMETER, key=KEY), SECRET, reads=("api-key", "token")))
    with pytest.raises(InvalidConfiguration, match="token"):
        validate(catalog(replace(PARAMETER, key=KEY), reads=("api-key", "token")))


@pytest.mark.parametrize(
    ("secret", "where", "allowed"),
    [
        (replace(PARAMETER, secret="both"), "parameter or secret", "either"),
        (Secret(name="api-key"), "parameter or secret", "either"),
        (replace(PARAMETER, parameter="shop/key"), "parameter", "begins with /"),
        (replace(PARAMETER, parameter="/aws/key"), "parameter", "not aws or ssm"),
        (replace(PARAMETER, parameter="/shop/*"), "parameter", "a name such as"),
        (replace(PARAMETER, parameter="/shop/{account}/key"), "parameter", "not {account}"),
        (replace(SECRET, secret="arn:aws:secretsmanager:us-east-1:1:secret:x"), "secret", "not the ARN"),
        (replace(SECRET, secret="shop-*"), "secret", "letters"),
        (replace(SECRET, key="arn:aws:kms:us-east-1:1:alias/shop"), "key", "no aliases"),
        (replace(SECRET, key="alias/shop"), "key", "the ARN of a key"),
        (replace(SECRET, name="To-Ken"), "secret name", "lower-case"),
    ],
)
def test_a_secret_that_cannot_be_is_refused(secret: Secret, where: str, allowed: str) -> None:
    with pytest.raises(InvalidConfiguration) as raised:
        validate(catalog(secret))
    (problem,) = raised.value.problems
    assert problem.where.endswith(where)
    assert allowed in problem.allowed


@pytest.mark.parametrize(
    ("reads", "said"), [(("api-keys",), "did you mean 'api-key'"), (("api-key",) * 2, "one grant")]
)
def test_a_grant_names_a_secret_of_the_catalog_once(reads: tuple[str, ...], said: str) -> None:
    with pytest.raises(InvalidConfiguration) as raised:
        validate(catalog(PARAMETER, reads=reads))
    (problem,) = raised.value.problems
    assert said in problem.allowed
