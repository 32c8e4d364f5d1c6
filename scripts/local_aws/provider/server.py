"""The provider as the engine sees it: `pulumirpc.ResourceProvider` over gRPC."""

from __future__ import annotations

import contextlib
import json
import os
import threading
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import grpc
from google.protobuf import empty_pb2

from local_aws.provider import functions
from local_aws.provider.aws import DEFAULT_DEADLINE, Gone, ProviderError, Session, loopback_endpoints
from local_aws.provider.check import check, validate
from local_aws.provider.diff import Comparison, must_replace
from local_aws.provider.lifecycle import Lifecycle, PartlyDone
from local_aws.provider.protocol import errors_pb2, plugin_pb2, provider_pb2, provider_pb2_grpc, status_pb2
from local_aws.provider.schema import Schema, Schemas, SdkType, sdk_version
from local_aws.provider.types import TYPES
from local_aws.provider.wire import UNKNOWN, Properties, decode, encode, secret_keys

PROVIDER_TOKEN: Final = "pulumi:providers:aws"
_WORKERS: Final = 64
_OPTIONS: Final = [("grpc.max_receive_message_length", 400 << 20), ("grpc.max_send_message_length", 400 << 20)]
# What only makes sense against a real account: taking it silently would pretend to something that does not happen.
_UNSUPPORTED_CONFIG: Final = {"assumeRoles", "assumeRoleWithWebIdentity", "endpoints", "customCaBundle", "httpProxy",
                              "httpsProxy", "ignoreTags", "forbiddenAccountIds"}  # fmt: skip


@dataclass
class AwsProvider(provider_pb2_grpc.ResourceProviderServicer):
    """All resource types of the registry, against the embedded AWS named by the environment."""

    schema_cache: Path | None = None
    cancelled: threading.Event = field(default_factory=threading.Event)
    session: Session | None = None
    default_tags: Any = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.schemas = Schemas([PROVIDER_TOKEN, *TYPES], self.schema_cache)

    # --- the plugin itself --------------------------------------------------------------------------------------

    def Handshake(self, request: Any, context: Any) -> Any:
        """What this provider understands."""
        return provider_pb2.ProviderHandshakeResponse(accept_secrets=True)

    def GetPluginInfo(self, request: Any, context: Any) -> Any:
        """The version: the one of the SDK."""
        return plugin_pb2.PluginInfo(version=sdk_version())

    def Attach(self, request: Any, context: Any) -> Any:
        """The engine found a running provider; there is nothing to prepare."""
        return empty_pb2.Empty()

    def Cancel(self, request: Any, context: Any) -> Any:
        """Stop waiting for anything: the user interrupted the rollout."""
        self.cancelled.set()
        return empty_pb2.Empty()

    def GetSchema(self, request: Any, context: Any) -> Any:
        """A schema without types: the SDK in use was generated from the official one."""
        return provider_pb2.GetSchemaResponse(schema=json.dumps({"name": "aws", "version": sdk_version()}))

    # --- configuration ------------------------------------------------------------------------------------------

    def CheckConfig(self, request: Any, context: Any) -> Any:
        """Refuse unknown keys, wrong types, and any endpoint that is not on this machine."""
        with _told(context):
            loopback_endpoints()
            config = _configuration(decode(request.news), self.schemas.get(PROVIDER_TOKEN))
            failures = [*self._config_failures(config)]
            return provider_pb2.CheckResponse(inputs=request.news, failures=[_failure(*f) for f in failures])

    def _config_failures(self, config: Properties) -> Iterator[tuple[str, str]]:
        schema = self.schemas.get(PROVIDER_TOKEN)
        yield from validate({"object": schema["inputs"], "required": []}, config, "")
        for key in sorted(config.keys() & _UNSUPPORTED_CONFIG):
            if config[key]:
                yield key, "is not supported by the local provider plugin, which only serves the embedded AWS"

    def DiffConfig(self, request: Any, context: Any) -> Any:
        """Another region or other default tags need no other resources by themselves."""
        return provider_pb2.DiffResponse(changes=provider_pb2.DiffResponse.DIFF_NONE)

    def Configure(self, request: Any, context: Any) -> Any:
        """Take region, credentials and default tags; verify the account where `allowedAccountIds` is given."""
        with _told(context):
            config = _configuration(decode(request.args), self.schemas.get(PROVIDER_TOKEN))
            self.cancelled.clear()
            keys = {"accessKey": "aws_access_key_id", "secretKey": "aws_secret_access_key", "token": "aws_session_token"}
            credentials = {keys[name]: str(config[name]) for name in keys if config.get(name)}
            region = config.get("region") or os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION")
            if not region or region is UNKNOWN:
                raise ProviderError("no region: set aws:region in the stack's configuration, or AWS_REGION")
            self.session = Session(str(region), credentials, self.cancelled)
            tags = config.get("defaultTags") or {}
            self.default_tags = tags if tags is UNKNOWN else tags.get("tags", {})
            self._verify_account(config.get("allowedAccountIds"))
            return provider_pb2.ConfigureResponse(acceptSecrets=True, supportsPreview=True)

    def _verify_account(self, allowed: Any) -> None:
        if self.session and isinstance(allowed, list) and allowed and self.session.account not in allowed:
            raise ProviderError(
                f"the embedded AWS is account {self.session.account}, aws:allowedAccountIds has {', '.join(allowed)}"
            )

    # --- resources ----------------------------------------------------------------------------------------------

    def _lifecycle(self, urn: str) -> Lifecycle:
        token = urn.split("::")[2].rsplit("$", 1)[-1]
        if token not in TYPES:
            raise ProviderError(f"{token} is not among the types of the local provider plugin: {', '.join(sorted(TYPES))}")
        if self.session is None:
            raise ProviderError("the provider is not configured")
        return Lifecycle(TYPES[token], self.schemas.get(token), self.session, self.default_tags)

    def Check(self, request: Any, context: Any) -> Any:
        """Validate inputs and fill in defaults."""
        with _told(context, request.urn):
            life = self._lifecycle(request.urn)
            name = request.urn.split("::")[-1]
            seed = request.randomSeed or os.urandom(16)
            inputs, failures = check(
                life.kind, life.schema, decode(request.news), decode(request.olds), self.default_tags, name, seed
            )
            secrets = secret_keys(request.news)
            secrets |= {"tagsAll"} if "tags" in secrets else set()
            return provider_pb2.CheckResponse(inputs=encode(inputs, secrets), failures=[_failure(*f) for f in failures])

    def Diff(self, request: Any, context: Any) -> Any:
        """What would change, and whether in place."""
        with _told(context, request.urn):
            life = self._lifecycle(request.urn)
            news, state, old_inputs = decode(request.news), decode(request.olds), decode(request.old_inputs)
            changes = Comparison(life.kind, life.schema).changes(news, state, old_inputs)
            replaced = sorted({path for path in changes if must_replace(life.kind, path)})
            detail = {
                path: provider_pb2.PropertyDiff(
                    kind=provider_pb2.PropertyDiff.Kind.Value(kind + ("_REPLACE" if path in replaced else ""))
                )
                for path, kind in changes.items()
            }
            some, none = provider_pb2.DiffResponse.DIFF_SOME, provider_pb2.DiffResponse.DIFF_NONE
            named = life.kind.named
            return provider_pb2.DiffResponse(
                changes=some if changes else none,
                replaces=sorted({_top(path) for path in replaced}),
                diffs=sorted({_top(path) for path in changes}),
                detailedDiff=detail,
                hasDetailedDiff=True,
                # A name the user chose can't be taken twice; a generated one is new each time.
                deleteBeforeReplace=bool(replaced and named and named not in news.get("__defaults", ())),
            )

    def Create(self, request: Any, context: Any) -> Any:
        """Make a resource, or tell what it would be."""
        with _told(context, request.urn):
            life, inputs = self._lifecycle(request.urn), decode(request.properties)
            secrets = secret_keys(request.properties)
            if request.preview:
                return provider_pb2.CreateResponse(properties=encode(life.preview(inputs), secrets))
            with _partly(context, request.properties, secrets):
                identifier, outputs = life.create(inputs, request.timeout or DEFAULT_DEADLINE)
            return provider_pb2.CreateResponse(id=identifier, properties=encode(outputs, secrets))

    def Read(self, request: Any, context: Any) -> Any:
        """The live state, for a refresh (by state) or an import (by identifier alone)."""
        with _told(context, request.urn):
            life, state = self._lifecycle(request.urn), decode(request.properties)
            old_inputs = decode(request.inputs)
            secrets = secret_keys(request.properties, request.inputs)
            try:
                identifier, properties = life.read(request.id, state)
            except Gone:
                return provider_pb2.ReadResponse()
            inputs = life.inputs_of(properties, old_inputs, state)
            if "__defaults" in old_inputs:
                inputs["__defaults"] = [name for name in old_inputs["__defaults"] if name in inputs]
            return provider_pb2.ReadResponse(
                id=identifier, properties=encode(properties, secrets), inputs=encode(inputs, secrets)
            )

    def Update(self, request: Any, context: Any) -> Any:
        """Change a resource in place, or tell what it would become."""
        with _told(context, request.urn):
            life, inputs, old = self._lifecycle(request.urn), decode(request.news), decode(request.olds)
            secrets = secret_keys(request.news)
            if request.preview:
                return provider_pb2.UpdateResponse(properties=encode(life.preview(inputs, old), secrets))
            with _partly(context, request.news, secrets):
                outputs = life.update(request.id, inputs, old, request.timeout or DEFAULT_DEADLINE)
            return provider_pb2.UpdateResponse(properties=encode(outputs, secrets))

    def Delete(self, request: Any, context: Any) -> Any:
        """Remove a resource and wait until it is gone."""
        with _told(context, request.urn):
            life = self._lifecycle(request.urn)
            life.delete(request.id, decode(request.properties), request.timeout or DEFAULT_DEADLINE)
            return empty_pb2.Empty()

    def Invoke(self, request: Any, context: Any) -> Any:
        """The few data sources a program of the estate asks for."""
        with _told(context, request.tok):
            if self.session is None:
                raise ProviderError("the provider is not configured")
            found = functions.invoke(self.session, request.tok, decode(request.args))
            return provider_pb2.InvokeResponse(**{"return": encode(found)})


def _configuration(config: Properties, schema: Schema) -> Properties:
    """The provider's configuration; the engine passes all that is not text as JSON, and YAML leaves numbers as such."""
    known: Mapping[str, SdkType] = schema["inputs"]
    given = {key: value for key, value in config.items() if key not in {"version", "pluginDownloadURL", "__internal"}}
    return {key: _plain(known.get(key, "any"), value) for key, value in given.items()}


def _plain(kind: SdkType, value: Any) -> Any:
    if kind == "str":
        return str(value) if isinstance(value, int) else value
    if isinstance(value, str):
        with contextlib.suppress(ValueError):
            value = json.loads(value)
    if isinstance(kind, Mapping) and isinstance(value, list):
        return [_plain(kind.get("list", "any"), item) for item in value]
    if isinstance(kind, Mapping) and isinstance(value, Mapping):
        members: Mapping[str, SdkType] = kind.get("object", {})
        return {key: _plain(members.get(key) or kind.get("map", "any"), item) for key, item in value.items()}
    return value


def _top(path: str) -> str:
    return path.split(".")[0].split("[")[0]


def _failure(path: str, reason: str) -> Any:
    return provider_pb2.CheckFailure(property=path, reason=f"{path}: {reason}" if path else reason)


@contextlib.contextmanager
def _told(context: Any, urn: str = "") -> Iterator[None]:
    """Turn a failure into one line that names the resource."""
    try:
        yield
    except (ProviderError, ValueError, OSError) as error:
        name = urn.split("::")[-1]
        context.abort(grpc.StatusCode.UNKNOWN, f"{name}: {error}" if name else str(error))


@contextlib.contextmanager
def _partly(context: Any, inputs: Any, secrets: set[str]) -> Iterator[None]:
    """Report a resource that exists but is unfinished together with its state, so that it is not orphaned."""
    try:
        yield
    except PartlyDone as error:
        detail = errors_pb2.ErrorResourceInitFailed(
            id=error.id, properties=encode(error.properties, secrets), reasons=[str(error)], inputs=inputs
        )
        status = status_pb2.Status(code=grpc.StatusCode.UNKNOWN.value[0], message=str(error))
        status.details.add().Pack(detail)
        context.set_trailing_metadata([("grpc-status-details-bin", status.SerializeToString())])
        context.abort(grpc.StatusCode.UNKNOWN, str(error))


@dataclass(frozen=True)
class RunningProvider:
    """A provider that serves until it is stopped; attach it with PULUMI_DEBUG_PROVIDERS=aws:PORT."""

    port: int
    _server: grpc.Server
    _provider: AwsProvider

    def stop(self, grace: float = 2.0) -> None:
        """Serve no more; calls under way get `grace` seconds."""
        self._provider.cancelled.set()
        self._server.stop(grace).wait()

    def wait(self) -> None:
        """Block until the server ends."""
        self._server.wait_for_termination()


def start(port: int = 0, schema_cache: Path | None = None) -> RunningProvider:
    """Serve the provider on a loopback port (0: a free one). It stays with this process until `stop()`.

    `schema_cache` is the JSON file that keeps what was derived from the SDK; without it, the SDK is imported here.
    """
    server = grpc.server(ThreadPoolExecutor(_WORKERS, "aws-provider"), options=_OPTIONS)
    provider = AwsProvider(schema_cache)
    provider_pb2_grpc.add_ResourceProviderServicer_to_server(provider, server)
    bound = server.add_insecure_port(f"127.0.0.1:{port}")
    server.start()
    return RunningProvider(bound, server, provider)
