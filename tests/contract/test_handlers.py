"""Compute sets exactly what a handler reads; foundation grants exactly what a handler calls."""

import importlib
import json
import os
import subprocess
import sys
import zipfile
from collections.abc import Collection, Iterator, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from botocore.client import BaseClient

from compute import wheels
from compute.packaging import build
from foundation.catalog import CATALOG
from foundation.grants import ActionGrant
from foundation.model import QUEUE_ACCESS, TABLE_ACCESS, Function, Grant, TableGrant
from foundation.secrets import SecretGrant
from tests.support.mocks import outputs_of, roll_out

Call = tuple[str, str, Mapping[str, Any]]
_HERE = "arn:aws:{}:us-east-1:123456789012"
_SECRET = {"SecretString": "secret", "Parameter": {"Type": "SecureString", "Value": "secret"}}
every_function = pytest.mark.parametrize("function", CATALOG.functions, ids=lambda function: function.name)


class _Context:
    function_name = "tests"
    aws_request_id = "1"

    @staticmethod
    def get_remaining_time_in_millis() -> int:
        return 30_000


class _Reads(dict[str, str]):
    """An environment that remembers what is asked of it."""

    def __init__(self, values: Mapping[str, str]) -> None:
        super().__init__(values)
        self.asked: set[str] = set()

    def __getitem__(self, key: str) -> str:
        self.asked.add(key)
        return super().__getitem__(key)

    def get(self, key: str, default: Any = None) -> Any:
        self.asked.add(key)
        return super().get(key, default)


def _payload(function: Function) -> Any:
    """A payload that makes the function do all it can do."""
    return importlib.import_module(f"tests.lambdas.{function.package}.payload").PAYLOAD


def _environment(function: Function) -> dict[str, str]:
    name = outputs_of("compute")["functions"][function.name]["name"]
    recording = roll_out("compute")["compute"]
    return dict(recording.one("lambda/function:Function", name=name).inputs["environment"]["variables"])


def _granted(function: Function) -> set[tuple[str, str]]:
    recording = roll_out("foundation")["foundation"]
    policy = json.loads(recording.one("RolePolicy", role=f"role-{function.name}-dev").inputs["policy"])
    return {(action, statement["Resource"]) for statement in policy["Statement"] for action in statement["Action"]}


@every_function
def test_compute_sets_exactly_the_variables_the_handler_reads(function: Function) -> None:
    reads = _Reads(_environment(function))
    importlib.import_module(f"{function.package}.settings").Settings.from_environment(reads)
    assert reads.asked == set(reads)


@every_function
def test_every_variable_is_required(function: Function) -> None:
    settings = importlib.import_module(f"{function.package}.settings").Settings
    for missing in _environment(function):
        rest = {key: value for key, value in _environment(function).items() if key != missing}
        with pytest.raises(Exception, match=missing):
            settings.from_environment(rest)


def _needed(service: str, operation: str, request: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """The permissions of a request: (action, ARN); one of several operations needs those of the ones inside."""
    table = f"{_HERE.format('dynamodb')}:table/{{}}".format
    if service in ("ssm", "secretsmanager"):
        yield _reads_secret(service, operation, request)
    elif service not in ("dynamodb", "sqs"):
        return  # what it needs is not called as the operation is
    elif operation == "TransactWriteItems":
        for item in request["TransactItems"]:
            for word, part in item.items():
                yield f"{service}:{word.removesuffix('Item')}Item", table(part["TableName"])
    elif operation == "BatchExecuteStatement":
        for statement in request["Statements"]:
            yield f"{service}:PartiQLInsert", table(statement["Statement"].split('"')[1])
    elif "RequestItems" in request:
        yield from ((f"{service}:{operation}", table(name)) for name in request["RequestItems"])
    elif "TableName" in request:
        yield f"{service}:{operation}", table(request["TableName"])
    else:
        queue = request["QueueUrl"].rsplit("/", 1)[1]
        yield f"{service}:{operation.removesuffix('Batch')}", f"{_HERE.format('sqs')}:{queue}"


def _reads_secret(service: str, operation: str, request: Mapping[str, Any]) -> tuple[str, str]:
    place = (
        f"parameter/{request['Name'].removeprefix('/')}" if service == "ssm" else f"secret:{request['SecretId']}-??????"
    )
    return f"{service}:{operation}", f"{_HERE.format(service)}:{place}"


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[Call]:
    """Every request a handler sends; each is answered as if it had succeeded, but for what is to come again later."""
    from shared.aws import AwsClient

    sent: list[Call] = []

    def call(client: AwsClient, operation: str, request: Mapping[str, Any], deadline: object) -> dict[str, Any]:
        del deadline
        service = client._service  # pyright: ignore[reportPrivateUsage]
        sent.append((service, operation, json.loads(json.dumps(request))))
        errors = {'"2"': "ThrottlingError", '"known ': "DuplicateItem"}
        codes = [
            next((code for mark, code in errors.items() if mark in str(each)), None)
            for each in request.get("Statements", ())
        ]
        answers = [{"Error": {"Code": code}} if code else {} for code in codes]
        return {"Items": [], "Responses": answers if operation == "BatchExecuteStatement" else {}, **_SECRET}

    def call_by_boto3(client: Any, operation: str, request: Mapping[str, Any]) -> dict[str, Any]:
        sent.append((client.meta.service_model.service_name, operation, request))
        return {}

    monkeypatch.setattr(AwsClient, "call", call)
    monkeypatch.setattr(BaseClient, "_make_api_call", call_by_boto3)
    return sent


@every_function
def test_the_role_grants_what_the_handler_calls_and_every_grant_is_used(
    function: Function, calls: list[Call], monkeypatch: pytest.MonkeyPatch
) -> None:
    for key, value in {**_environment(function), "AWS_REGION": "us-east-1"}.items():
        monkeypatch.setenv(key, value)
    handler = importlib.import_module(function.handler.rpartition(".")[0])
    handler.service.cache_clear()
    try:
        getattr(handler, function.handler.rpartition(".")[2])(_payload(function), _Context())
    finally:
        handler.service.cache_clear()
    needed = {pair for call in calls for pair in _needed(*call)}
    assert needed <= _granted(function)
    used = {action for action, _ in needed} | {service for service, _, _ in calls}
    for grant in function.grants:
        for word, actions in _expected_calls(grant).items():
            assert used & set(actions), f"{function.name} is granted {word!r} and never uses it"


def _expected_calls(grant: Grant) -> Mapping[str, Collection[str]]:
    """Return what of the calls shows that a grant is used, by its words: an action, or calls of an action's service."""
    if isinstance(grant, ActionGrant):
        return {action: {action, action.partition(":")[0]} for action in grant.actions}
    if isinstance(grant, SecretGrant):
        return {grant.secret: {"ssm", "secretsmanager"}}
    known = TABLE_ACCESS if isinstance(grant, TableGrant) else QUEUE_ACCESS
    return {word: known[word] for word in grant.access}


def _runtime(folder: Path) -> Path:
    """A folder with what Lambda's runtime has beside the standard library: boto3 and what that imports."""
    runtime = folder / "runtime"
    runtime.mkdir()
    for name in ("boto3", "botocore", "s3transfer", "jmespath", "dateutil", "urllib3", "six"):
        spec = find_spec(name)
        assert spec is not None
        source = Path(next(iter(spec.submodule_search_locations or [str(spec.origin)])))
        (runtime / source.name).symlink_to(source)
    return runtime


@every_function
def test_the_handler_loads_from_its_package_alone(function: Function, tmp_path: Path) -> None:
    zipfile.ZipFile(build(function, "python3.13")).extractall(tmp_path / "task")
    lock = tmp_path / "task" / wheels.LOCK
    # Wheels for Lambda's machines can't be loaded on every other.
    local = [str(wheels.local(lock.read_text(), os.environ))] if lock.exists() else []
    module, _, name = function.handler.rpartition(".")
    program = f"import sys; sys.path[:0] = sys.argv[1:]; import {module} as m; print(callable(m.{name}))"
    # Isolated and without site-packages: neither this checkout nor its environment can help.
    command = [sys.executable, "-I", "-S", "-c", program, *local, str(tmp_path / "task"), str(_runtime(tmp_path))]
    result = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (result.stdout.strip(), result.stderr) == ("True", "")
