"""Results of the engine's runs: errors of resources, or else the engine's own error with a hint."""

from __future__ import annotations

from estate_tool.engine.events import Changes
from estate_tool.rollout.result import DEPLOYED, FAILED, LayerResult

NO_PASSPHRASE = "error: get stack secrets manager: passphrase must be set with PULUMI_CONFIG_PASSPHRASE"


def failed(changes: Changes, diagnostic: str) -> str:
    result = LayerResult.of("data", changes, diagnostic, DEPLOYED)
    assert result.result == FAILED
    assert result.error is not None
    return result.error


def test_a_diagnostic_about_the_backend_comes_with_what_to_do() -> None:
    first, second = failed(Changes(), NO_PASSPHRASE).splitlines()
    assert first == NO_PASSPHRASE
    assert second.startswith("set PULUMI_CONFIG_PASSPHRASE")
    assert failed(Changes(), "something else") == "something else"


def test_errors_of_resources_stand_for_themselves() -> None:
    changes = Changes()
    changes.take({"diagnosticEvent": {"severity": "error", "message": "AccessDenied: no", "urn": ""}})
    assert failed(changes, NO_PASSPHRASE) == "AccessDenied: no"
