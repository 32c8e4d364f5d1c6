"""The provider over gRPC, without an AWS behind it."""

from __future__ import annotations

import socket
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.protobuf import empty_pb2
from pulumi.runtime.proto import provider_pb2, provider_pb2_grpc

from local_aws import provider
from local_aws.provider.schema import sdk_version
from local_aws.provider.wire import UNKNOWN, decode, encode
from tests.support.provider_cases import INPUTS
from tests.support.waiting import expect_soon

QUEUE, FUNCTION = "aws:sqs/queue:Queue", "aws:lambda/function:Function"
TABLE, ALIAS = "aws:dynamodb/table:Table", "aws:lambda/alias:Alias"


def urn(token: str, name: str = "thing") -> str:
    return f"urn:pulumi:test::project::estate:data:Tables${token}::{name}"


@pytest.fixture(scope="module")
def stub() -> Iterator[Any]:
    running = provider.start()
    yield provider_pb2_grpc.ResourceProviderStub(grpc.insecure_channel(f"127.0.0.1:{running.port}"))
    running.stop(0)


@pytest.fixture
def configured(stub: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    args = encode({"region": "eu-west-1", "defaultTags": '{"tags": {"Owner": "me"}}'})
    stub.Configure(provider_pb2.ConfigureRequest(args=args))
    return stub


def test_its_handshake_names_its_abilities(stub: Any) -> None:
    assert stub.Handshake(provider_pb2.ProviderHandshakeRequest()).accept_secrets
    assert stub.GetPluginInfo(empty_pb2.Empty()).version == sdk_version()


@pytest.mark.parametrize(
    ("config", "problem"),
    [
        ({"regoin": "eu-west-1"}, 'regoin: unknown property; did you mean "region"?'),
        ({"allowedAccountIds": "12"}, "allowedAccountIds: expected a list"),
        ({"endpoints": '[{"sqs": "http://127.0.0.1"}]'}, "endpoints: is not supported"),
        ({"skipCredentialsValidation": "perhaps"}, "skipCredentialsValidation: expected true or false"),
    ],
)
def test_wrong_configuration_is_reported(
    stub: Any, monkeypatch: pytest.MonkeyPatch, config: dict[str, str], problem: str
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")

    answer = stub.CheckConfig(provider_pb2.CheckRequest(urn=urn("pulumi:providers:aws"), news=encode(config)))

    assert [failure.reason[: len(problem)] for failure in answer.failures] == [problem]


def test_configuration_of_the_official_provider_is_taken(stub: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    config = {
        "region": "eu-west-1", "version": "7.51.1", "skipCredentialsValidation": "true", "maxRetries": "5",
        "allowedAccountIds": "[123456789012]", "defaultTags": '{"tags": {"Owner": "me"}}',
    }  # fmt: skip

    assert not stub.CheckConfig(
        provider_pb2.CheckRequest(urn=urn("pulumi:providers:aws"), news=encode(config))
    ).failures


def test_it_refuses_to_be_configured_for_a_real_account(stub: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "https://amazonaws.com")

    with pytest.raises(grpc.RpcError) as failure:
        stub.Configure(provider_pb2.ConfigureRequest(args=encode({"region": "eu-west-1"})))

    assert "for the embedded AWS only" in str(failure.value.details())


def test_an_unknown_type_is_reported_with_the_known_ones(configured: Any) -> None:
    with pytest.raises(grpc.RpcError) as failure:
        configured.Check(provider_pb2.CheckRequest(urn=urn("aws:ec2/vpc:Vpc", "files")))

    assert str(failure.value.details()).startswith("files: aws:ec2/vpc:Vpc is not among the types")
    assert QUEUE in str(failure.value.details())


def test_default_tags_reach_the_inputs(configured: Any) -> None:
    answer = configured.Check(provider_pb2.CheckRequest(urn=urn(QUEUE), news=encode({"tags": {"A": "b"}})))

    assert decode(answer.inputs)["tagsAll"] == {"A": "b", "Owner": "me"}


def test_a_preview_knows_the_inputs_and_nothing_that_aws_makes(configured: Any) -> None:
    inputs = INPUTS[TABLE] | {"name": "table-a", "streamEnabled": True, "streamViewType": "NEW_IMAGE"}
    request = provider_pb2.CreateRequest(urn=urn(TABLE), properties=encode(inputs), preview=True)

    planned = decode(configured.Create(request).properties)

    assert planned["name"] == "table-a"
    assert planned["region"] == "eu-west-1"
    assert {name for name, value in planned.items() if value is UNKNOWN} >= {"arn", "streamArn", "readCapacity"}


def test_inputs_not_known_yet_stay_so_in_a_preview(configured: Any) -> None:
    inputs = INPUTS[ALIAS] | {"name": "live", "functionVersion": UNKNOWN}
    request = provider_pb2.CreateRequest(urn=urn(ALIAS), properties=encode(inputs), preview=True)

    assert decode(configured.Create(request).properties)["functionVersion"] is UNKNOWN


@pytest.mark.parametrize(
    ("change", "unknown"),
    [
        ({"memorySize": 256}, {"version", "qualifiedArn", "qualifiedInvokeArn", "lastModified"}),
        ({"tags": {"A": "b"}, "tagsAll": {"A": "b"}}, set()),
    ],
)
def test_a_new_version_is_planned_when_the_configuration_changes(
    configured: Any, change: dict[str, Any], unknown: set[str]
) -> None:
    inputs = INPUTS[FUNCTION] | {"name": "lambda-a", "memorySize": 128, "publish": True}
    outputs = {"version": "1", "qualifiedArn": "q:1", "qualifiedInvokeArn": "i:1", "arn": "q", "lastModified": "then"}
    request = provider_pb2.UpdateRequest(
        id="lambda-a", urn=urn(FUNCTION), olds=encode(inputs | outputs), news=encode(inputs | change),
        old_inputs=encode(inputs), preview=True,
    )  # fmt: skip

    planned = decode(configured.Update(request).properties)

    assert {name for name, value in planned.items() if value is UNKNOWN} == unknown
    assert planned["arn"] == "q"


def test_a_named_resource_is_deleted_before_its_replacement_is_made(configured: Any) -> None:
    def before_replacing(**named: Any) -> bool:
        olds, news = encode({"name": "a"}), encode({"name": "b", **named})
        request = provider_pb2.DiffRequest(id="a", urn=urn(QUEUE), olds=olds, old_inputs=olds, news=news)
        answer = configured.Diff(request)
        assert list(answer.replaces) == ["name"]
        return bool(answer.deleteBeforeReplace)

    assert before_replacing()
    assert not before_replacing(__defaults=["name"])


def test_another_region_needs_another_provider(stub: Any) -> None:
    def replaces(**news: str) -> list[str]:
        request = provider_pb2.DiffRequest(olds=encode({"region": "eu-west-1"}), news=encode(news))
        return list(stub.DiffConfig(request).replaces)

    assert replaces(region="eu-west-1", defaultTags="{}") == []
    assert replaces(region="us-east-1") == ["region"]


def test_a_function_it_does_not_have_is_reported(configured: Any) -> None:
    with pytest.raises(grpc.RpcError) as failure:
        configured.Invoke(provider_pb2.InvokeRequest(tok="aws:ec2/getVpc:getVpc"))

    assert "is not among the functions" in str(failure.value.details())


def test_the_region_and_the_partition_need_no_aws(configured: Any) -> None:
    def invoked(name: str) -> dict[str, Any]:
        return decode(getattr(configured.Invoke(provider_pb2.InvokeRequest(tok=f"aws:index/{name}:{name}")), "return"))

    assert invoked("getRegion")["region"] == "eu-west-1"
    assert invoked("getPartition")["partition"] == "aws"


def test_installing_is_repeatable_and_the_plugin_serves(tmp_path: Path) -> None:
    folder = provider.install(tmp_path / "a home", Path(sys.executable))
    plugin = folder / "pulumi-resource-aws"
    written = plugin.stat().st_mtime_ns

    assert provider.install(tmp_path / "a home", Path(sys.executable)) == folder
    assert plugin.stat().st_mtime_ns == written
    assert folder.name == f"resource-aws-v{sdk_version()}"
    assert plugin.stat().st_mode & stat.S_IXUSR
    with subprocess.Popen([plugin], stdout=subprocess.PIPE, text=True, cwd=tmp_path) as process:
        assert process.stdout is not None
        port = int(process.stdout.readline())
        plugged = provider_pb2_grpc.ResourceProviderStub(grpc.insecure_channel(f"127.0.0.1:{port}"))
        assert plugged.GetPluginInfo(empty_pb2.Empty(), timeout=10).version == sdk_version()
        process.terminate()


def test_the_plugin_ends_when_its_engine_was_killed(tmp_path: Path) -> None:
    plugin = provider.install(tmp_path, Path(sys.executable)) / "pulumi-resource-aws"
    with subprocess.Popen(["sh", "-c", f"{plugin} & wait"], stdout=subprocess.PIPE, text=True) as engine:
        assert engine.stdout is not None
        port = int(engine.stdout.readline())
        assert is_served(port)
        engine.kill()

    expect_soon(lambda: not is_served(port), "the plugin ends with its engine")


def is_served(port: int) -> bool:
    with socket.socket() as connection:
        return connection.connect_ex(("127.0.0.1", port)) == 0
