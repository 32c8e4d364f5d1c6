"""`estate new` and docs/adding-a-function.md in a copy of the checkout: what they leave passes lint and tests."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.support import adding_a_function, needing
from tests.support.adding_a_function import copy_checkout
from tests.support.mocks import ROOT

if TYPE_CHECKING:
    from pathlib import Path

NEW = {
    "late-orders": "queue:orders",
    "trail": "stream:events",
    "zebra": "none",
    "sweep": "schedule:cron(0 6 ? * MON *)",
}
# What holds every function of the catalog to the same, whatever its name.
CONTRACTS = (
    "tests/contract/test_handlers.py", "tests/unit/foundation/test_policies.py", "tests/unit/compute/test_sizing.py",
    "tests/contract/test_permissions_document.py::test_every_permission_has_a_behaviour_that_needs_it_and_no_behaviour_needs_another",
)  # fmt: skip
QUEUES = 'queues=(Queue(name="ingest"),'


def ran(checkout: Path, *command: str) -> subprocess.CompletedProcess[str]:
    variables = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(str(checkout / part) for part in (".", "scripts", "lambda_src")),
    }
    return subprocess.run(command, cwd=checkout, env=variables, capture_output=True, text=True, check=False)


def estate(checkout: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return ran(checkout, sys.executable, "-P", "-m", "estate_tool", *arguments)


def declare_queue(checkout: Path) -> None:
    catalog = checkout / "foundation" / "catalog.py"
    text = catalog.read_text(encoding="utf-8")
    assert QUEUES in text
    catalog.write_text(text.replace(QUEUES, f'{QUEUES} Queue(name="orders")'), encoding="utf-8")


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkout with a function for each kind of trigger, the one of the documentation, and one with every need."""
    checkout = copy_checkout(tmp_path_factory.mktemp("new"))
    declare_queue(checkout)
    for name, trigger in NEW.items():
        done = estate(checkout, "new", name, "--trigger", trigger, "--json")
        assert done.returncode == 0, done.stderr
        assert f"lambda_src/{name.replace('-', '_')}/handler.py" in json.loads(done.stdout)["written"]
    adding_a_function.follow(checkout)
    needing.add(checkout)
    return checkout


def test_new_functions_pass_the_linter(copy: Path) -> None:
    ruff = str(ROOT / ".venv/bin/ruff")
    style = [(ruff, *words, "--no-cache", "--quiet", ".") for words in (("check",), ("format", "--check"))]
    for command in (*style, (sys.executable, "-P", "scripts/words.py")):
        done = ran(copy, *command)
        assert (done.returncode, done.stdout) == (0, "")


def test_new_functions_pass_their_tests_and_those_of_every_function(copy: Path) -> None:
    packages = [name.replace("-", "_") for name in (*NEW, adding_a_function.NAME)]
    own = [f"tests/lambdas/{package}" for package in packages]
    done = ran(copy, sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *own, *CONTRACTS)
    assert done.returncode == 0, done.stdout[-4000:]
    assert " passed" in done.stdout
    assert " skipped" not in done.stdout


@pytest.mark.skipif(not os.environ.get("ESTATE_LONG"), reason="minutes: ESTATE_LONG=1 runs all that starts no AWS")
@pytest.mark.timeout(3600)
def test_new_functions_pass_all_lint_and_every_test_that_starts_no_aws(copy: Path) -> None:
    for module in ("tests.support.documents", "tests.support.alarm_table"):
        assert ran(copy, sys.executable, "-m", module).returncode == 0
    pytest_ = (sys.executable, "-m", "pytest", "-q")
    assert ran(copy, "env", "ESTATE_UPDATE=new", *pytest_, "tests/contract/test_urns.py").returncode == 0
    assert ran(copy, str(ROOT / ".venv/bin/basedpyright"), "--level", "error").returncode == 0
    assert ran(copy, str(ROOT / ".venv/bin/lint-imports"), "--no-logo").returncode == 0
    tiers = ("tests/unit", "tests/stacks", "tests/lambdas", "tests/contract")
    # `make permissions`, which needs the embedded AWS, writes the document anew.
    left_out = ("test_the_document_is_up_to_date", "test_new_function")
    chosen = " and not ".join(("not missing", *left_out))
    # Set-up knows no function, and its tests want an environment that is the checkout's own.
    quick = ("-n", "2", "--dist", "loadfile", "--ignore=tests/unit/setup")
    done = ran(copy, *pytest_, *quick, *tiers, "-k", chosen)
    assert done.returncode == 0, done.stdout[-6000:]


@pytest.fixture(scope="module")
def untouched(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return copy_checkout(tmp_path_factory.mktemp("refused"), without=("tests", "docs"))


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("Orders",), "lower-case"),
        (("ingest",), "ingest, aggregate, query"),
        (("json",), "a word or module of Python's"),
        (("class",), "a word or module of Python's"),
        (("shared",), "lambda_src/shared is there already"),
        (("orders", "--trigger", "queue:nonsense"), "one of ingest"),
        (("orders", "--trigger", "queue:ingest"), "exactly one function"),
        (("orders", "--trigger", "stream:nonsense"), "one of aggregates, events, pages"),
        (("orders", "--trigger", "stream:pages"), "stream=True"),
        (("orders", "--trigger", "cron"), "queue:NAME, stream:TABLE, schedule:EXPRESSION or none"),
        (("orders", "--trigger", "schedule:cron(0 6 * * *)"), "six fields, here there are 5"),
        (("orders", "--trigger", "schedule:rate(1 minutes)"), "rate(1 minute)"),
        (("orders", "--timeout", "901"), "from 1 to 900"),
        (("orders", "--description", 'said "so"'), "printable characters"),
    ],
    ids=lambda value: value if isinstance(value, str) else " ".join(value),
)
def test_what_cannot_be_is_refused_and_nothing_is_written(
    untouched: Path, arguments: tuple[str, ...], said: str
) -> None:
    before = {path: path.read_bytes() for path in untouched.rglob("*.*") if path.is_file() and path.suffix != ".pyc"}
    done = estate(untouched, "new", *arguments)
    assert done.returncode == 2
    assert said in done.stderr
    after = {path: path.read_bytes() for path in untouched.rglob("*.*") if path.is_file() and path.suffix != ".pyc"}
    assert after == before
