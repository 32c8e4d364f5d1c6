"""An environment may waive provisioned concurrency for a time."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

import pulumi
import pytest

from foundation import waiver
from foundation.catalog import CATALOG

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("minimum", "waived"),
    [(None, False), ("1", False), ("10", False), ("0", True), ("00", True), ("-0", True), (0, True)],
)
def test_only_a_minimum_of_nothing_waives_it(minimum: object, waived: bool) -> None:
    assert waiver.is_waived(minimum) is waived


@pytest.mark.parametrize(
    ("until", "over"), [(None, None), ("2027-03-31", None), ("2027-03-30", date(2027, 3, 30)), ("2027-04-01", None)]
)
def test_a_waiver_holds_through_its_last_day(until: str | None, over: date | None) -> None:
    assert waiver.expired_on(until, date(2027, 3, 31)) == over


def stack_file(root: Path, text: str) -> Path:
    (root / "environments").mkdir()
    (root / "environments" / "Pulumi.dev.yaml").write_text(text)
    return root


def test_the_catalog_is_as_the_stack_of_compute_is_configured(tmp_path: Path) -> None:
    root = stack_file(tmp_path, "config:\n  compute:provisionedMinimum: 0\n")
    assert not any(function.provisioned for function in waiver.with_waiver(CATALOG, "dev", root).functions)
    assert waiver.with_waiver(CATALOG, "prod", root) == CATALOG


def test_a_broken_file_ends_the_program_with_what_is_wrong(tmp_path: Path) -> None:
    root = stack_file(tmp_path, "config: [\n")
    with pytest.raises(pulumi.RunError, match=r"Pulumi\.dev\.yaml"):
        waiver.with_waiver(CATALOG, "dev", root)
