"""Promises of versions are kept: docs/promises.json holds what was promised by name."""

from __future__ import annotations

import json

import pytest

from tests.support.promises import FILE, promises

PROMISED = json.loads(FILE.read_text(encoding="utf-8"))


@pytest.mark.parametrize("kind", [kind for kind in PROMISED if kind != "version"])
def test_no_promise_is_gone(kind: str) -> None:
    gone = set(PROMISED[kind]) - set(promises()[kind])
    assert gone == set(), (
        "needs the next major version (before 1.0 the next minor one), CHANGELOG.md and: make promises"
    )


def test_every_kind_of_promise_is_measured() -> None:
    found = promises()
    assert set(found) == set(PROMISED) - {"version"}
    assert all(found.values())
    assert {"deploy --preview", "query"} <= set(found["commands"])
    assert "foundation:environmentSuffix" in found["configuration"]
