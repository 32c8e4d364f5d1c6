from __future__ import annotations

import pytest

from local_aws.provider.aws import ProviderError, Session, loopback_endpoints

CREDENTIALS = {"aws_access_key_id": "test", "aws_secret_access_key": "test"}


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:4566", "http://localhost:4566", "http://[::1]:4566", "http://127.9.9.9"]
)
def test_an_address_of_this_machine_is_taken(url: str) -> None:
    assert loopback_endpoints({"AWS_ENDPOINT_URL": url}) == {"": url}


@pytest.mark.parametrize(
    "url",
    [
        "https://sqs.us-east-1.amazonaws.com",
        "http://10.0.0.1:4566",
        "http://127.0.0.1.example.org",
        "http://localhost@example.org",
        "http://0.0.0.0:4566",
        "4566",
    ],
)
def test_any_other_address_is_refused(url: str) -> None:
    with pytest.raises(ProviderError, match="for the embedded AWS only"):
        loopback_endpoints({"AWS_ENDPOINT_URL": url})


def test_no_address_at_all_is_refused() -> None:
    with pytest.raises(ProviderError, match="AWS_ENDPOINT_URL is not set"):
        loopback_endpoints({"AWS_ENDPOINT_URL_SQS": "http://127.0.0.1:1"})


def test_one_service_elsewhere_is_refused_by_name() -> None:
    with pytest.raises(ProviderError, match="AWS_ENDPOINT_URL_SQS is https://sqs"):
        loopback_endpoints({"AWS_ENDPOINT_URL": "http://127.0.0.1", "AWS_ENDPOINT_URL_SQS": "https://sqs.example.org"})


@pytest.fixture
def session(monkeypatch: pytest.MonkeyPatch) -> Session:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    for number, service in enumerate(("APPLICATION_AUTO_SCALING", "CLOUDWATCH_LOGS", "DYNAMODB"), 10):
        monkeypatch.setenv(f"AWS_ENDPOINT_URL_{service}", f"http://127.0.0.1:{number}")
    monkeypatch.setenv("HTTP_PROXY", "http://proxy.example.org:3128")
    return Session("us-east-1", CREDENTIALS, attempts=2)


@pytest.mark.parametrize(
    ("service", "port"), [("sqs", 9), ("application-autoscaling", 10), ("logs", 11), ("dynamodb", 12)]
)
def test_every_service_has_its_endpoint(session: Session, service: str, port: int) -> None:
    assert session.client(service).meta.endpoint_url == f"http://127.0.0.1:{port}"
    assert session.client(service) is session.client(service)


def test_an_embedded_aws_that_is_not_there_is_reported_with_a_fix(session: Session) -> None:
    with pytest.raises(ProviderError) as failure:
        session.call("sqs", "list_queues", {})

    assert "the embedded AWS at http://127.0.0.1:9 can't be reached (operation sqs:ListQueues)" in str(failure.value)
    assert "scripts/estate local up" in str(failure.value)


def test_a_parameter_that_aws_would_refuse_is_reported_in_one_line(session: Session) -> None:
    with pytest.raises(
        ProviderError, match=r"ParamValidationError: .+QueueName.+ \(operation sqs:CreateQueue\)"
    ) as failure:
        session.call("sqs", "create_queue", {})

    assert "\n" not in str(failure.value)


def test_waiting_ends_with_the_first_result(session: Session) -> None:
    results = iter([None, None, "there"])

    assert session.poll(lambda: next(results), "waiting") == "there"


def test_waiting_ends_at_the_deadline(session: Session) -> None:
    with pytest.raises(ProviderError, match=r"waiting for a table: not so after 0\.01 s"):
        session.poll(lambda: None, "waiting for a table", 0.01)


def test_waiting_ends_when_cancelled(session: Session) -> None:
    session.cancelled.set()

    with pytest.raises(ProviderError, match="cancelled"):
        session.poll(lambda: None, "waiting for a table")
