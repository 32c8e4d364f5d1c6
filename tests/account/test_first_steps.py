"""What somebody with an account does first, before anything is rolled out."""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING

import pytest

from foundation.layers import LAYER_NAMES
from tests.integration.commands import layer_results

if TYPE_CHECKING:
    from tests.account.account import Account


@pytest.mark.parametrize("kept", ["account", "bucket_account"])
def test_a_preview_says_what_a_rollout_would_make_and_makes_nothing(kept: str, request: pytest.FixtureRequest) -> None:
    account: Account = request.getfixturevalue(kept)
    run = account.checkout()
    report = json.loads(run("scripts/deploy_all.sh", "dev", "--preview", "--json").stdout)
    assert layer_results(report) == dict.fromkeys(LAYER_NAMES, "planned")
    assert sum(layer["created"] for layer in report["layers"]) > 100
    assert account.listed() == Counter()
