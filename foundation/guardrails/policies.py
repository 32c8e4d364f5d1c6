"""The policy pack: its rules, and the service that answers the engine for them."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any

from pulumi_policy import EnforcementLevel, Policy
from pulumi_policy.policy import _PolicyAnalyzerServicer  # pyright: ignore[reportPrivateUsage]

from foundation import small
from foundation.guardrails.access import ACCESS_RULES
from foundation.guardrails.exemptions import exempted
from foundation.guardrails.layer import LAYER_RULES
from foundation.guardrails.settings import SETTING_RULES
from foundation.layers import LAYERS, project
from foundation.stack_files import small_defaults

NAME = "estate-guardrails"
VERSION = "1.0.0"
RULES: list[Policy] = [*ACCESS_RULES, *SETTING_RULES, *LAYER_RULES]


class Service(_PolicyAnalyzerServicer):
    """The SDK's service of a pack, with the stack's configuration for its policies, and with exemptions.

    The SDK drops the configuration that the engine sends; what stands for it in a small environment the engine lacks.
    """

    _configuration: Mapping[str, Any] = MappingProxyType({})

    def ConfigureStack(self, request: Any, _context: Any) -> Any:  # noqa: N802 - the name that the engine calls
        """Keep the configuration of the stack."""
        layers = [layer.name for layer in LAYERS if project(layer.name) == request.project]
        defaults = {
            f"{layer}:{key}": value for layer in layers for key, value in small_defaults(layer, request.stack).items()
        }
        implied = {f"{small.LAYER}:{small.KEY}": "true", **defaults} if defaults else {}
        self._configuration = {**implied, **request.config}
        return super().ConfigureStack(request, _context)

    def _get_policy_config(self, name: str) -> dict[str, Any]:
        return {**(super()._get_policy_config(name) or {}), **self._configuration}

    def _create_report_violation(
        self, response: Any, policy_name: str, *others: Any, **named: Any
    ) -> Callable[..., None]:
        report = super()._create_report_violation(response, policy_name, *others, **named)

        def unless_exempted(text: str, urn: str) -> None:
            if not exempted(policy_name, urn.rpartition("::")[2], text, datetime.now(UTC).date()):
                report(f"rule {policy_name}: {text}", urn)

        return unless_exempted


def service() -> Service:
    """Return the pack's service. The SDK's public constructor would take the process over and never return."""
    return Service(NAME, VERSION, RULES, EnforcementLevel.MANDATORY)
