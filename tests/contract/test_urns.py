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
    registered = _registered()
    if os.environ.get("ESTATE_UPDATE"):
        RECORDED.write_text("".join(f"{urn}\n" for urn in sorted(registered)))
    recorded = set(RECORDED.read_text().split())
    assert recorded - registered == set(), "move it with an alias; ESTATE_UPDATE=1 records what is meant to go"
    assert _kinds(registered) - _kinds(recorded) == set(), "record it: ESTATE_UPDATE=1"
