"""An audit of an inherited estate finds the planted problems, prices them, and reports nothing else."""

from __future__ import annotations

import json
import subprocess
import sys
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from estate_tool.audit import policy
from tests.integration.cloud import user
from tests.integration.old_estate import plant

if TYPE_CHECKING:
    from tests.integration.conftest import EmbeddedAws

ROOT = Path(__file__).parents[2]


def _audit(aws: EmbeddedAws, *arguments: str, **variables: str) -> tuple[int, str, str]:
    command = [sys.executable, "-P", "-m", "estate_tool", "audit", "--since", "1d", *arguments]
    own = {"PYTHONPATH": f"{ROOT}:{ROOT / 'scripts'}", "PATH": "/usr/bin:/bin"}
    environment = aws.environment | own | variables
    done = subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout, done.stderr


@pytest.fixture(scope="module")
def planted(own: EmbeddedAws) -> set[tuple[int, str, str]]:
    return plant(own)


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("page") / "audit.html"


@pytest.fixture(scope="module")
def result(own: EmbeddedAws, planted: set[tuple[int, str, str]], page: Path) -> dict[str, Any]:
    code, out, err = _audit(own, "--json", "--code", "--html", str(page))
    assert code == 1, err
    found: dict[str, Any] = json.loads(out)
    return found


def test_finds_each_planted_problem_and_none_of_the_look_alikes(
    planted: set[tuple[int, str, str]], result: dict[str, Any]
) -> None:
    found = {(one["requirement"], one["check"], one["resource"]) for one in result["findings"]}
    assert found == planted
    assert {one["requirement"] for one in result["findings"]} == set(range(1, 11))
    assert result["unread"] == []


def test_prices_findings_as_by_hand(result: dict[str, Any]) -> None:
    month = Decimal(730) / 24
    by_hand = {
        # 100 calls of 36 s in a day; 3008 MB where 512 do (400 MB and 20 %, in steps of 64); arm64.
        ("memory-oversized", 3600 * Decimal(3008 - 512) / 1024 * Decimal("0.0000133334") * month),
        # 100 units each way, of which one is needed.
        ("capacity-fixed", 99 * 730 * Decimal("0.00013")), ("capacity-fixed", 99 * 730 * Decimal("0.00065")),
        # Two environments of half a GB without a call.
        ("provisioned-idle", 2 * Decimal("0.5") * 730 * 3600 * Decimal("0.0000033334")),
    }  # fmt: skip
    priced = [one for one in result["findings"] if one["usd_month"] not in (None, "0.00")]
    cents = Decimal("0.01")
    assert {(one["check"], one["usd_month"]) for one in priced} == {
        (check, str(usd.quantize(cents))) for check, usd in by_hand
    }
    assert Decimal(result["usd_month"]) == sum(Decimal(one["usd_month"]) for one in priced)


def test_the_page_has_every_finding(result: dict[str, Any], page: Path) -> None:
    text = page.read_text()
    assert all(one["resource"].split(":", 5)[-1] in text for one in result["findings"])


def test_its_own_policy_is_enough(own: EmbeddedAws, result: dict[str, Any]) -> None:
    actions = [action for statement in policy.document()["Statement"] for action in statement["Action"]]
    mark = own.denials_recorded()
    _, out, err = _audit(own, "--json", "--code", **user(own, "auditor", actions))
    found = json.loads(out)
    assert (found["unread"], found["findings"]) == ([], result["findings"]), err
    assert own.denials(mark) == []


def test_a_part_that_may_not_be_read_is_listed_and_the_rest_audited(own: EmbeddedAws, result: dict[str, Any]) -> None:
    actions = [action for action in policy.ACTIONS if action != "dynamodb:ListTables"]
    code, out, _ = _audit(own, "--json", **user(own, "half-blind", actions))
    found = json.loads(out)
    assert code == 1
    assert [part.split(": ")[1] for part in found["unread"]] == ["tables"]
    assert found["scanned"]["functions"] == result["scanned"]["functions"]


def test_without_credentials_it_ends_with_2_and_the_reason(own: EmbeddedAws) -> None:
    nothing = {"AWS_ACCESS_KEY_ID": "", "AWS_EC2_METADATA_DISABLED": "true", "HOME": "/nonexistent"}
    code, out, _ = _audit(own, "--json", **nothing)
    assert (code, json.loads(out)["ok"]) == (2, False)
    assert "credentials" in json.loads(out)["error"]
