"""URNs of all resources: one that is gone is a deletion, or a replacement, in every environment that is rolled out."""

import os
from pathlib import Path

from tests.support.mocks import OPTIONAL, STACK_REFERENCE, roll_out

RECORDED = Path(__file__).with_name("urns.txt")


def _registered() -> set[str]:
    rollout = roll_out(config=OPTIONAL).values()
    return {item.urn for layer in rollout for item in layer.registrations if item.type != STACK_REFERENCE}


def _kinds(urns: set[str]) -> set[str]:
    return {urn.rpartition("::")[0] for urn in urns}


def test_every_recorded_urn_is_still_there_and_every_kind_of_resource_is_recorded() -> None:
    registered, recorded = _registered(), set(RECORDED.read_text().split())
    if update := os.environ.get("ESTATE_UPDATE"):
        new = {urn for urn in registered if urn.rpartition("::")[0] not in _kinds(recorded)}
        # `make docs` adds what is of a new kind; what is meant to go is recorded by hand.
        recorded = recorded | new if update == "new" else registered
        RECORDED.write_text("".join(f"{urn}\n" for urn in sorted(recorded)))
    assert recorded - registered == set(), "move it with an alias; ESTATE_UPDATE=1 records what is meant to go"
    assert _kinds(registered) - _kinds(recorded) == set(), "record it: make docs"
