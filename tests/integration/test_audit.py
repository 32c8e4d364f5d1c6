"""An audit of an inherited estate finds what was planted in it, prices it, and nothing else."""

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
from tests.integration.old_estate import arn, plant

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


def test_prices_memory_and_capacity_as_by_hand(result: dict[str, Any]) -> None:
    priced = [one for one in result["findings"] if one["usd_month"] not in (None, "0.00")]
    usd = {one["resource"]: one["usd_month"] for one in priced if one["check"] == "memory-oversized"}
    # 100 calls of 36 s in a day; 3008 MB where 512 do (400 MB and 20 %, in steps of 64); arm64; 30.41666… days a month.
    memory = Decimal(3600) * (3008 - 512) / 1024 * Decimal("0.0000133334") * Decimal(730) / 24
    assert usd == {arn("lambda", "function:oversized"): str(memory.quantize(Decimal("0.01")))}
    # 100 units each way of which one is needed: 99 reads at 0.00013 and 99 writes at 0.00065, 730 hours.
    assert sorted(one["usd_month"] for one in priced if one["check"] == "capacity-fixed") == ["46.98", "9.40"]
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


def test_what_may_not_be_read_is_said_and_the_rest_is_audited(own: EmbeddedAws, result: dict[str, Any]) -> None:
    actions = [action for action in policy.ACTIONS if action != "dynamodb:ListTables"]
    code, out, _ = _audit(own, "--json", **user(own, "half-blind", actions))
    found = json.loads(out)
    assert code == 1
    assert [what.split(": ")[1] for what in found["unread"]] == ["tables"]
    assert found["scanned"]["functions"] == result["scanned"]["functions"]


def test_without_credentials_it_ends_with_2_and_the_reason(own: EmbeddedAws) -> None:
    command = [sys.executable, "-P", "-m", "estate_tool", "audit", "--json"]
    environment = {
        "PYTHONPATH": f"{ROOT}:{ROOT / 'scripts'}", "PATH": "/usr/bin:/bin", "AWS_EC2_METADATA_DISABLED": "true",
        "HOME": "/nonexistent", "AWS_ENDPOINT_URL": own.endpoint,
    }  # fmt: skip
    done = subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert json.loads(done.stdout)["ok"] is False
    assert "credentials" in json.loads(done.stdout)["error"]
