"""`estate new` and docs/adding-a-function.md in a copy of the checkout: what they leave passes lint and tests."""

from __future__ import annotations

import os
import runpy
import subprocess
import sys
from argparse import ArgumentParser
from functools import partial
from typing import TYPE_CHECKING

import pytest

import foundation.catalog
from estate_tool.commands import new
from estate_tool.core.errors import UsageError
from estate_tool.scaffold import function as scaffold
from tests.support import adding_a_function, needing
from tests.support.checkouts import clone
from tests.support.mocks import ROOT

if TYPE_CHECKING:
    from pathlib import Path

NEW = {
    "late-orders": "queue:orders",
    "trail": "stream:events",
    "zebra": "none",
    "sweep": "schedule:cron(0 6 ? * MON *)",
}
# Tests that apply to every function of the catalog.
CONTRACTS = (
    "tests/contract/test_handlers.py", "tests/unit/foundation/test_policies.py", "tests/unit/compute/test_sizing.py",
    "tests/contract/test_permissions_document.py::test_every_permission_has_a_behaviour_that_needs_it_and_no_behaviour_needs_another",
)  # fmt: skip
QUEUES = 'queues=(Queue(name="ingest"),'


def ran(checkout: Path, *command: str, **variables: str) -> subprocess.CompletedProcess[str]:
    path = os.pathsep.join(str(checkout / part) for part in (".", "scripts", "lambda_src"))
    return subprocess.run(
        command, cwd=checkout, env={**os.environ, "PYTHONPATH": path, **variables}, capture_output=True, text=True,
        check=False,
    )  # fmt: skip


def new_in(checkout: Path, *arguments: str) -> int:
    """Run `estate new` as if the checkout were this one; return the exit code, or raise what the command raises."""
    parser = ArgumentParser()
    new.add_arguments(parser)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(scaffold, "write", partial(scaffold.write, root=checkout))
        declared = runpy.run_path(str(checkout / "foundation" / "catalog.py"))
        patch.setattr(foundation.catalog, "CATALOG", declared["CATALOG"])
        return new.run(parser.parse_args(arguments))


def declare_queue(checkout: Path) -> None:
    catalog = checkout / "foundation" / "catalog.py"
    text = catalog.read_text(encoding="utf-8")
    assert QUEUES in text
    catalog.write_text(text.replace(QUEUES, f'{QUEUES} Queue(name="orders")'), encoding="utf-8")


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkout with a function for each kind of trigger, the one of the documentation, and one with every need."""
    checkout = clone(tmp_path_factory.mktemp("new"))
    declare_queue(checkout)
    for name, trigger in NEW.items():
        assert new_in(checkout, name, "--trigger", trigger) == 0
        assert (checkout / "lambda_src" / name.replace("-", "_") / "handler.py").is_file()
    adding_a_function.follow(checkout)
    needing.add(checkout)
    return checkout


def test_new_functions_pass_the_linter(copy: Path) -> None:
    ruff = str(ROOT / ".venv/bin/ruff")
    changed = ("lambda_src", "tests/lambdas", "foundation/catalog.py")
    style = [(ruff, *words, "--no-cache", "--quiet", *changed) for words in (("check",), ("format", "--check"))]
    for command in (*style, (sys.executable, "-P", "scripts/words.py")):
        done = ran(copy, *command)
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_new_functions_pass_their_tests_and_those_of_every_function(copy: Path) -> None:
    packages = [name.replace("-", "_") for name in (*NEW, adding_a_function.NAME)]
    own = [f"tests/lambdas/{package}" for package in packages]
    done = ran(copy, sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *own, *CONTRACTS)
    assert done.returncode == 0, done.stdout[-4000:]
    assert " passed" in done.stdout
    assert " skipped" not in done.stdout


@pytest.mark.skipif(not os.environ.get("ESTATE_LONG"), reason="half an hour: ESTATE_LONG=1 runs all that starts no AWS")
@pytest.mark.timeout(7200)
def test_new_functions_pass_all_lint_and_every_test_that_starts_no_aws(copy: Path) -> None:
    (copy / ".venv").unlink()  # an environment of its own, as a clone gets it
    tiers = ("tests/unit", "tests/stacks", "tests/lambdas", "tests/contract")
    # `make permissions`, which needs the embedded AWS, writes the document anew.
    left_out = "not missing and not test_the_document_is_up_to_date and not test_new_function"
    for command in (
        ("scripts/setup.sh", "venv"), ("git", "init", "-q"), ("make", "docs"),
        ("scripts/lint.sh", "style", "words", "imports", "shell", "types"),
        ("scripts/test.sh", "-q", "-n", "2", "--dist", "loadfile", *tiers, "-k", left_out),
    ):  # fmt: skip
        done = ran(copy, *command, PYTHONPATH="", ESTATE_LONG="")
        assert done.returncode == 0, f"{command}\n{done.stdout[-6000:]}\n{done.stderr[-2000:]}"


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
def test_an_impossible_function_is_refused_and_no_file_is_written(
    copy: Path, arguments: tuple[str, ...], said: str
) -> None:
    before = contents(copy)
    with pytest.raises(UsageError) as refused:
        new_in(copy, *arguments)
    assert said in f"{refused.value.message}\n{refused.value.hint}"
    assert contents(copy) == before


def contents(checkout: Path) -> dict[Path, bytes]:
    """The files that `estate new` writes, and those beside them."""
    folders = ("lambda_src", "foundation", "compute", "tests/lambdas")
    files = [path for folder in folders for path in (checkout / folder).rglob("*.*") if path.is_file()]
    return {path: path.read_bytes() for path in files if path.suffix != ".pyc"}
