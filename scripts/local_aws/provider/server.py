"""The provider as the engine sees it: `pulumirpc.ResourceProvider` over gRPC."""

from __future__ import annotations

import contextlib
import json
import os
import threading
from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import grpc
from google.protobuf import empty_pb2, struct_pb2

from estate_tool.core.retries import ATTEMPTS, MODE
from local_aws.provider.aws import DEFAULT_DEADLINE, Gone, ProviderError, Session, loopback_endpoints
from local_aws.provider.check import DEFAULTED, check
from local_aws.provider.configuration import PROVIDER_TOKEN, config_failures, invoke, plain_configuration
from local_aws.provider.diff import Comparison, must_replace, top
from local_aws.provider.lifecycle import Lifecycle, PartlyDone
from local_aws.provider.protocol import plugin_pb2, provider_pb2, provider_pb2_grpc, status_pb2
from local_aws.provider.resources import TYPES
from local_aws.provider.schema import Schemas, sdk_version
from local_aws.provider.wire import UNKNOWN, decode, encode, secret_keys

_REMEMBERED: Final = 256  # connections whose configuration a long-lived provider keeps


@dataclass(frozen=True)
class _Configured:
    session: Session
    default_tags: Any  # a mapping, or UNKNOWN


class AwsProvider(provider_pb2_grpc.ResourceProviderServicer):
    """All resource types of the registry, against the embedded AWS named by the environment.

    Every connection has a configuration of its own: a long-lived provider serves several engines at the same time.
    """

    def __init__(self, schema_cache: Path | None = None) -> None:
        self._schemas = Schemas([PROVIDER_TOKEN, *TYPES], schema_cache)
        self._configured: dict[str, _Configured] = {}
        self._lock = threading.Lock()

    # --- the plugin itself --------------------------------------------------------------------------------------

    def Handshake(self, request: Any, context: grpc.ServicerContext) -> Any:
        """Answer the engine's handshake."""
        return provider_pb2.ProviderHandshakeResponse(accept_secrets=True)

    def GetPluginInfo(self, request: Any, context: grpc.ServicerContext) -> Any:
        """Answer the SDK's version."""
        return plugin_pb2.PluginInfo(version=sdk_version())

    def Attach(self, request: Any, context: grpc.ServicerContext) -> Any:
        """Answer an engine that attaches to this running provider."""
        return empty_pb2.Empty()

    def Cancel(self, request: Any, context: grpc.ServicerContext) -> Any:
        """Cancel the waiting of this connection: the user interrupted the rollout."""
        with self._lock:
            if configured := self._configured.get(context.peer()):
                configured.session.cancelled.set()
        return empty_pb2.Empty()

    def cancel_all(self) -> None:
        """Cancel all waiting."""
        with self._lock:
            for configured in self._configured.values():
                configured.session.cancelled.set()

    def GetSchema(self, request: Any, context: grpc.ServicerContext) -> Any:
        """Answer a schema without types: the SDK was generated from the official one."""
        return provider_pb2.GetSchemaResponse(schema=json.dumps({"name": "aws", "version": sdk_version()}))

    # --- configuration ------------------------------------------------------------------------------------------

    def CheckConfig(self, request: Any, context: grpc.ServicerContext) -> Any:
        """Refuse unknown keys, wrong types, and any endpoint that is not on this machine."""
        with _one_line_errors(context):
            loopback_endpoints()
            schema = self._schemas.get(PROVIDER_TOKEN)
            failures = config_failures(schema, plain_configuration(schema, decode(request.news)))
            return provider_pb2.CheckResponse(inputs=request.news, failures=[_failure(*f) for f in failures])

    def DiffConfig(self, request: Any, context: grpc.ServicerContext) -> Any:
        """Another region needs other resources; anything else only changes how they are treated."""
        moved = decode(request.olds).get("region") != decode(request.news).get("region")
        changes = provider_pb2.DiffResponse.DIFF_SOME if moved else provider_pb2.DiffResponse.DIFF_NONE
        return provider_pb2.DiffResponse(changes=changes, replaces=["region"] if moved else [])

    def Configure(self, request: Any, context: grpc.ServicerContext) -> Any:
        """Take region, credentials and default tags; verify the account where `allowedAccountIds` is given."""
        with _one_line_errors(context):
            config = plain_configuration(self._schemas.get(PROVIDER_TOKEN), decode(request.args))
            region = config.get("region") or os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION")
            if not region or region is UNKNOWN:
                raise ProviderError("no region: set aws:region in the stack's configuration, or AWS_REGION")
            keys = {
                "accessKey": "aws_access_key_id",
                "secretKey": "aws_secret_access_key",
                "token": "aws_session_token",
            }
            credentials = {keys[name]: str(config[name]) for name in keys if config.get(name)}
            attempts, mode = int(config.get("maxRetries") or ATTEMPTS), str(config.get("retryMode") or MODE)
            session = Session(str(region), credentials, attempts=attempts, mode=mode)
            allowed = config.get("allowedAccountIds")
            if isinstance(allowed, list) and allowed and session.account not in allowed:
                raise ProviderError(
                    f"the embedded AWS is account {session.account}, aws:allowedAccountIds has {', '.join(allowed)}"
                )
            tags = config.get("defaultTags") or {}
            self._remember(context.peer(), _Configured(session, tags if tags is UNKNOWN else tags.get("tags", {})))
            return provider_pb2.ConfigureResponse(acceptSecrets=True, supportsPreview=True)

    def _remember(self, peer: str, configured: _Configured) -> None:
        with self._lock:
            self._configured.pop(peer, None)
            self._configured[peer] = configured  # the newest last
            while len(self._configured) > _REMEMBERED:
                del self._configured[next(iter(self._configured))]

    def _configuration(self, context: grpc.ServicerContext) -> _Configured:
        """Return this connection's configuration; after a reconnect, the last one."""
        with self._lock:
            if not self._configured:
                raise ProviderError("the provider is not configured")
            return self._configured.get(context.peer()) or list(self._configured.values())[-1]

    # --- resources ----------------------------------------------------------------------------------------------

    def _lifecycle(self, urn: str, context: grpc.ServicerContext) -> Lifecycle:
        token = urn.split("::")[2].rsplit("$", 1)[-1]
        if token not in TYPES:
            raise ProviderError(
                f"{token} is not among the types of the local provider plugin: {', '.join(sorted(TYPES))}"
            )
        configured = self._configuration(context)
        return Lifecycle(TYPES[token], self._schemas.get(token), configured.session, configured.default_tags)

    def Check(self, request: Any, context: grpc.ServicerContext) -> Any:
        """Validate inputs and fill in defaults."""
        with _one_line_errors(context, request.urn):
            life = self._lifecycle(request.urn, context)
            name, seed = request.urn.split("::")[-1], request.randomSeed or os.urandom(16)
            news, olds = decode(request.news), decode(request.olds)
            inputs, failures = check(life.kind, life.schema, news, olds, life.default_tags, name, seed)
            secrets = secret_keys(request.news)
            secrets |= {"tagsAll"} if "tags" in secrets else set()
            return provider_pb2.CheckResponse(inputs=encode(inputs, secrets), failures=[_failure(*f) for f in failures])

    def Diff(self, request: Any, context: grpc.ServicerContext) -> Any:
        """Answer the properties that would change, and whether they need a replacement."""
        with _one_line_errors(context, request.urn):
            life = self._lifecycle(request.urn, context)
            news, state, old_inputs = decode(request.news), decode(request.olds), decode(request.old_inputs)
            changes = Comparison(life.kind, life.schema).changes(news, state, old_inputs)
            replaced = {path for path in changes if must_replace(life.kind, path)}
            kinds = {path: kind + ("_REPLACE" if path in replaced else "") for path, kind in changes.items()}
            names = {life.kind.named} & life.schema["inputs"].keys()
            some, none = provider_pb2.DiffResponse.DIFF_SOME, provider_pb2.DiffResponse.DIFF_NONE
            return provider_pb2.DiffResponse(
                changes=some if changes else none,
                replaces=sorted({top(path) for path in replaced}),
                diffs=sorted({top(path) for path in changes}),
                detailedDiff={
                    path: provider_pb2.PropertyDiff(kind=provider_pb2.PropertyDiff.Kind.Value(kind))
                    for path, kind in kinds.items()
                },
                hasDetailedDiff=True,
                # A name the user chose can't be taken twice; a generated one is new each time.
                deleteBeforeReplace=bool(replaced and names - set(news.get(DEFAULTED, ()))),
            )

    def Create(self, request: Any, context: grpc.ServicerContext) -> Any:
        """Create a resource, or return its planned state."""
        secrets = secret_keys(request.properties)
        with _one_line_errors(context, request.urn, request.properties, secrets):
            life, inputs = self._lifecycle(request.urn, context), decode(request.properties)
            if request.preview:
                return provider_pb2.CreateResponse(properties=encode(life.preview(inputs), secrets))
            identifier, outputs = life.create(inputs, request.timeout or DEFAULT_DEADLINE)
            return provider_pb2.CreateResponse(id=identifier, properties=encode(outputs, secrets))

    def Read(self, request: Any, context: grpc.ServicerContext) -> Any:
        """Answer the live state, for a refresh (by state) or an import (by identifier alone)."""
        with _one_line_errors(context, request.urn):
            life, state, old_inputs = (
                self._lifecycle(request.urn, context),
                decode(request.properties),
                decode(request.inputs),
            )
            secrets = secret_keys(request.properties, request.inputs)
            try:
                identifier, properties = life.read(request.id, state)
            except Gone:
                return provider_pb2.ReadResponse()
            inputs = life.inputs_of(properties, old_inputs, state)
            if DEFAULTED in old_inputs:
                inputs[DEFAULTED] = [name for name in old_inputs[DEFAULTED] if name in inputs]
            return provider_pb2.ReadResponse(
                id=identifier, properties=encode(properties, secrets), inputs=encode(inputs, secrets)
            )

    def Update(self, request: Any, context: grpc.ServicerContext) -> Any:
        """Change a resource in place, or return its planned state."""
        secrets = secret_keys(request.news)
        with _one_line_errors(context, request.urn, request.news, secrets):
            life = self._lifecycle(request.urn, context)
            before_and_after = decode(request.news), decode(request.olds), decode(request.old_inputs)
            if request.preview:
                outputs = life.preview_update(*before_and_after)
            else:
                outputs = life.update(request.id, *before_and_after, request.timeout or DEFAULT_DEADLINE)
            return provider_pb2.UpdateResponse(properties=encode(outputs, secrets))

    def Delete(self, request: Any, context: grpc.ServicerContext) -> Any:
        """Delete a resource and wait until it does not exist any more."""
        with _one_line_errors(context, request.urn):
            life = self._lifecycle(request.urn, context)
            life.delete(request.id, decode(request.properties), request.timeout or DEFAULT_DEADLINE)
            return empty_pb2.Empty()

    def Invoke(self, request: Any, context: grpc.ServicerContext) -> Any:
        """Answer the data sources that the estate's programs use."""
        with _one_line_errors(context, request.tok):
            found = invoke(self._configuration(context).session, request.tok, decode(request.args))
            return provider_pb2.InvokeResponse(**{"return": encode(found)})


def _failure(path: str, reason: str) -> Any:
    return provider_pb2.CheckFailure(property=path, reason=f"{path}: {reason}" if path else reason)


@contextlib.contextmanager
def _one_line_errors(
    context: grpc.ServicerContext,
    urn: str = "",
    inputs: struct_pb2.Struct | None = None,
    secrets: AbstractSet[str] = frozenset(),
) -> Iterator[None]:
    """Report a failure in one line that names the resource, along with a resource that is not finished."""
    name = urn.rsplit("::", maxsplit=1)[-1]
    try:
        yield
    except PartlyDone as error:
        text = f"{name}: {error}"
        detail = provider_pb2.ErrorResourceInitFailed(
            id=error.id, properties=encode(error.properties, secrets), reasons=[text], inputs=inputs
        )
        status = status_pb2.Status(code=grpc.StatusCode.UNKNOWN.value[0], message=text)
        status.details.add().Pack(detail)
        context.set_trailing_metadata((("grpc-status-details-bin", status.SerializeToString()),))
    except (ProviderError, ValueError, OSError) as error:
        text = f"{name}: {error}" if name else str(error)
    else:
        return
    context.abort(grpc.StatusCode.UNKNOWN, text)
