"""The policy pack: its rules, and the service that answers the engine for them."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from google.protobuf import json_format
from pulumi.runtime.proto import analyzer_pb2
from pulumi_policy import (
    EnforcementLevel,
    Policy,
    PolicyResource,
    ResourceValidationArgs,
    ResourceValidationPolicy,
    StackValidationArgs,
    StackValidationPolicy,
    proxy,
)
from pulumi_policy.deserialize import deserialize_properties
from pulumi_policy.policy import _PolicyAnalyzerServicer  # pyright: ignore[reportPrivateUsage]

from foundation.guardrails import access, layer, settings
from foundation.guardrails.properties import UNKNOWN
from foundation.layers import LAYER_NAMES, project
from foundation.stack_files import SMALL, small_defaults

NAME = "estate-guardrails"
VERSION = "1.0.0"
RULES = [rule for module in (access, settings, layer) for rule in vars(module).values() if isinstance(rule, Policy)]
# Strings that the engine sends for unknown values.
_MARKERS = {value for name, value in vars(proxy).items() if name.startswith("UNKNOWN_")}


def known(value: Any) -> Any:
    """Return a value from the engine with UNKNOWN instead of the engine's markers."""
    if isinstance(value, Mapping):
        return {key: known(each) for key, each in value.items()}
    if isinstance(value, list):
        return [known(each) for each in value]
    return UNKNOWN if isinstance(value, str) and value in _MARKERS else value


class Service(_PolicyAnalyzerServicer):
    """The SDK's service of a pack, with the stack's configuration, which the SDK drops.

    The engine does not know a small environment's defaults.
    """

    _configuration: Mapping[str, Any] = MappingProxyType({})

    def ConfigureStack(self, request: Any, _context: Any) -> Any:  # noqa: N802 - the name that the engine calls
        """Keep the configuration of the stack."""
        layers = [name for name in LAYER_NAMES if project(name) == request.project]
        defaults = {
            f"{name}:{key}": value for name in layers for key, value in small_defaults(name, request.stack).items()
        }
        implied = {SMALL: "true", **defaults} if defaults else {}
        self._configuration = {**implied, **request.config}
        return super().ConfigureStack(request, _context)

    def Analyze(self, request: Any, _context: Any) -> Any:  # noqa: N802
        """Check one resource, decoded once; the SDK's own method does that for each policy."""
        one = self._resource(request)
        args = ResourceValidationArgs(
            one.resource_type, one.props, one.urn, one.name, one.opts, None, self._configuration
        )
        return self._checked(ResourceValidationPolicy, args)

    def AnalyzeStack(self, request: Any, _context: Any) -> Any:  # noqa: N802
        """Check the resources of a layer together, decoded once; no rule asks for their parents and dependencies."""
        resources = [self._resource(each) for each in request.resources]
        return self._checked(StackValidationPolicy, StackValidationArgs(resources, self._configuration))

    def _resource(self, request: Any) -> PolicyResource:
        props = known(deserialize_properties(json_format.MessageToDict(request.properties)))
        options = self._get_resource_options(request)
        return PolicyResource(request.type, props, request.urn, request.name, options, None, None, [], {})

    def _checked(self, kind: type[ResourceValidationPolicy] | type[StackValidationPolicy], args: Any) -> Any:
        response = analyzer_pb2.AnalyzeResponse()
        for policy in RULES:
            level = self._get_enforcement_level(policy)
            if isinstance(policy, kind) and level != EnforcementLevel.DISABLED:
                report = self._create_report_violation(
                    response, policy.name, policy.description, level, policy.severity
                )
                policy.validate(args, report)
        return response


def service() -> Service:
    """Return the pack's service. The SDK's public constructor would take the process over and never return."""
    return Service(NAME, VERSION, RULES, EnforcementLevel.MANDATORY)
