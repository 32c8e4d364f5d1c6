"""Speaks to the local provider plugin as the engine does, one resource at a time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import grpc
from pulumi.runtime.proto import provider_pb2, provider_pb2_grpc, status_pb2

from local_aws.provider.wire import decode, encode

Properties = dict[str, Any]


# The provider distinguishes engines by their connections.
_OWN_CONNECTION = [("grpc.use_local_subchannel_pool", 1)]


@dataclass
class Resource:
    """A resource as the engine remembers it."""

    urn: str
    id: str
    inputs: Properties
    state: Properties


class ProviderClient:
    """An engine's side of the protocol."""

    def __init__(self, port: int, config: Properties | None = None) -> None:
        self.port = port
        self.stub = provider_pb2_grpc.ResourceProviderStub(grpc.insecure_channel(f"127.0.0.1:{port}", _OWN_CONNECTION))
        args = encode({"region": "us-east-1"} | (config or {}))
        self.stub.Configure(provider_pb2.ConfigureRequest(args=args, acceptSecrets=True), timeout=30)

    def checked(self, token: str, name: str, inputs: Properties, olds: Properties | None = None) -> Properties:
        request = provider_pb2.CheckRequest(
            urn=_urn(token, name), news=encode(inputs), olds=encode(olds or {}), randomSeed=b"seed"
        )
        answer = self.stub.Check(request)
        assert not answer.failures, [failure.reason for failure in answer.failures]
        return decode(answer.inputs)

    def create(self, token: str, name: str, inputs: Properties) -> Resource:
        checked = self.checked(token, name, inputs)
        answer = self.stub.Create(
            provider_pb2.CreateRequest(urn=_urn(token, name), properties=encode(checked)), timeout=60
        )
        return Resource(_urn(token, name), answer.id, checked, decode(answer.properties))

    @staticmethod
    def left_behind(error: Any) -> Resource:
        """The resource that came with the failure to make it."""
        status = status_pb2.Status.FromString(dict(error.trailing_metadata())["grpc-status-details-bin"])
        detail = provider_pb2.ErrorResourceInitFailed()
        assert status.details[0].Unpack(detail)
        assert detail.reasons
        urn = _urn("aws:dynamodb/table:Table", "unfinished")
        return Resource(urn, detail.id, decode(detail.inputs), decode(detail.properties))

    def diff(self, resource: Resource, inputs: Properties) -> Any:
        """The differences to checked inputs."""
        request = provider_pb2.DiffRequest(
            id=resource.id, urn=resource.urn, olds=encode(resource.state), news=encode(inputs),
            old_inputs=encode(resource.inputs),
        )  # fmt: skip
        return self.stub.Diff(request)

    def changes(self, resource: Resource, inputs: Properties) -> list[str]:
        return sorted(self.diff(resource, inputs).detailedDiff)

    def refresh(self, resource: Resource) -> Resource | None:
        """Read the live resource, None when it is gone."""
        request = provider_pb2.ReadRequest(
            id=resource.id, urn=resource.urn, properties=encode(resource.state), inputs=encode(resource.inputs)
        )
        return self._read(request)

    def adopt(self, token: str, name: str, identifier: str) -> Resource | None:
        """Import the resource."""
        return self._read(provider_pb2.ReadRequest(id=identifier, urn=_urn(token, name)))

    def _read(self, request: Any) -> Resource | None:
        answer = self.stub.Read(request, timeout=60)
        if not answer.id:
            return None
        return Resource(request.urn, answer.id, decode(answer.inputs), decode(answer.properties))

    def update(self, resource: Resource, inputs: Properties, *, preview: bool = False) -> Resource:
        """Bring the resource to checked inputs."""
        request = provider_pb2.UpdateRequest(
            id=resource.id, urn=resource.urn, olds=encode(resource.state), news=encode(inputs),
            old_inputs=encode(resource.inputs), preview=preview,
        )  # fmt: skip
        answer = self.stub.Update(request, timeout=60)
        return Resource(resource.urn, resource.id, inputs, decode(answer.properties))

    def delete(self, resource: Resource) -> None:
        request = provider_pb2.DeleteRequest(id=resource.id, urn=resource.urn, properties=encode(resource.state))
        self.stub.Delete(request, timeout=60)


def _urn(token: str, name: str) -> str:
    return f"urn:pulumi:test::project::{token}::{name}"
