"""Secrets: where they are read, how long they are kept, and that nothing shows them."""

from collections.abc import Mapping
from typing import Any

import pytest

from shared.aws import AwsError
from shared.deadline import Deadline
from shared.environment import EnvironmentProblem, SecretName, secret
from shared.secrets import LONGEST_AGE_SECONDS, Secret, SecretProblem
from tests.support.fake_dynamodb import assert_valid
from tests.support.samples import deadline

PARAMETER, SECRET = SecretName("ssm", "/shop/dev/key"), SecretName("secretsmanager", "shop-dev-key")
VALUE = "s3cr3t"


class Store:
    """A store of one secret; `answers` are given one after the other, the last one again and again."""

    def __init__(self, *answers: Any) -> None:
        self.answers = list(answers)
        self.asked: list[tuple[str, Mapping[str, Any]]] = []
        self.now = 0.0
        self.service = ""

    def call(self, operation: str, request: Mapping[str, Any], deadline: Deadline) -> dict[str, Any]:
        assert_valid(self.service, operation, request)
        self.asked.append((operation, request))
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer

    def secret(self, name: SecretName) -> Secret:
        def client(service: str) -> "Store":
            self.service = service
            return self

        return Secret(name, client, lambda: self.now)


def parameter(value: str, kind: str = "SecureString") -> dict[str, Any]:
    return {"Parameter": {"Name": "/shop/dev/key", "Type": kind, "Value": value}}


@pytest.mark.parametrize(
    ("name", "answer", "asked"),
    [
        (PARAMETER, parameter(VALUE), ("GetParameter", {"Name": "/shop/dev/key", "WithDecryption": True})),
        (SECRET, {"SecretString": VALUE}, ("GetSecretValue", {"SecretId": "shop-dev-key"})),
    ],
    ids=["Parameter Store", "Secrets Manager"],
)
def test_a_secret_is_read_where_it_is_kept_and_once_for_its_age(name: SecretName, answer: Any, asked: Any) -> None:
    store = Store(answer)
    kept = store.secret(name)
    assert [kept.read(deadline()) for _ in range(3)] == [VALUE] * 3
    assert store.asked == [asked]
    assert VALUE not in repr(kept)


def test_a_rotated_secret_is_in_use_after_its_age_or_when_it_is_forgotten() -> None:
    store = Store(*(parameter(value) for value in ("one", "two", "three")))
    kept = store.secret(PARAMETER)
    assert kept.read(deadline()) == "one"
    store.now = LONGEST_AGE_SECONDS - 1
    assert kept.read(deadline()) == "one"
    store.now = LONGEST_AGE_SECONDS
    assert kept.read(deadline()) == "two"
    kept.forget()
    assert kept.read(deadline()) == "three"


def test_an_old_value_is_not_used_when_it_cannot_be_read_anew() -> None:
    store = Store(parameter(VALUE), AwsError("GetParameter", "AccessDeniedException", "no"))
    kept = store.secret(PARAMETER)
    kept.read(deadline())
    store.now = LONGEST_AGE_SECONDS
    for _ in range(2):
        with pytest.raises(AwsError, match="AccessDeniedException"):
            kept.read(deadline())
    assert len(store.asked) == 3


@pytest.mark.parametrize(
    ("name", "answer", "said"),
    [
        (PARAMETER, AwsError("GetParameter", "ParameterNotFound", ""), "put-parameter --type SecureString"),
        (SECRET, AwsError("GetSecretValue", "ResourceNotFoundException", ""), "aws secretsmanager create-secret"),
        (PARAMETER, parameter(VALUE, "String"), "encrypted"),
        (SECRET, {"SecretBinary": "czNjcjN0"}, "no text"),
        (SECRET, {"SecretString": ""}, "no text"),
    ],
    ids=["no parameter", "no secret", "not encrypted", "binary", "empty"],
)
def test_a_missing_secret_is_named_with_the_command_that_creates_it(name: SecretName, answer: Any, said: str) -> None:
    with pytest.raises(SecretProblem, match=said) as raised:
        Store(answer).secret(name).read(deadline())
    assert name.name in str(raised.value)
    assert VALUE not in str(raised.value)


@pytest.mark.parametrize("value", [VALUE, "", "ssm:", "vault:key"])
def test_a_variable_that_names_no_secret_is_refused_without_being_shown(value: str) -> None:
    with pytest.raises(EnvironmentProblem, match="SECRET_KEY") as raised:
        secret({"SECRET_KEY": value}, "SECRET_KEY")
    assert VALUE not in str(raised.value)


def test_a_variable_names_the_service_and_the_secret() -> None:
    assert secret({"SECRET_KEY": "ssm:/shop/dev/key"}, "SECRET_KEY") == PARAMETER
    assert secret({"SECRET_KEY": "secretsmanager:shop-dev-key"}, "SECRET_KEY") == SECRET
