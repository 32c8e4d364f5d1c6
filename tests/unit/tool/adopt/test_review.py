"""Files that an adoption writes for review."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from compute.sizing import EVIDENCE_KEYS, text_of
from estate_tool.adopt import review
from estate_tool.adopt.model import Note
from estate_tool.core.errors import Failed, UsageError
from estate_tool.core.paths import require_empty
from estate_tool.costing import statement
from foundation import model

if TYPE_CHECKING:
    from pathlib import Path

_TEXT = 'a "quoted" text with \\ and\nlines, é and 🎈'
_ONE = model.Function(
    name="one", handler="one.app.handle", description=_TEXT, timeout_seconds=3, trigger=model.QueueTrigger(queue="q"),
    grants=(model.TableGrant(table="t", access=("get", "put")),), environment={"A": _TEXT, "B": "x" * 90},
)  # fmt: skip
_CATALOG = model.Catalog(
    tables=(model.Table(name="t", hash_key="id"),), queues=(model.Queue(name="q"),), functions=(_ONE,)
)  # fmt: skip


def test_the_written_catalog_is_the_same_when_it_is_read() -> None:
    module: dict[str, Any] = {}
    source = review.catalog(_CATALOG, "Title.")
    exec(source, module)
    assert module["CATALOG"] == _CATALOG
    assert max(map(len, source.splitlines())) <= 120
    assert '            grants=(TableGrant(table="t", access=("get", "put")),),\n' in source


def test_a_load_is_written_in_plain_decimals(tmp_path: Path) -> None:
    third, million = Decimal(1) / 3, Decimal("1E+6")
    text = review.load({"functions": {"one": {"invocations": million, "billed_ms": third}}, "queues": {}}, "Load.")
    assert text == "# Load.\nfunctions:\n  one: {invocations: 1000000, billed_ms: 0.333333}\n"
    (tmp_path / "load.yaml").write_text(text)
    (one,) = statement.read(tmp_path / "load.yaml").functions
    assert (one.invocations, one.billed_ms) == (Decimal(1_000_000), Decimal("0.333333"))


def test_the_folder_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    out = tmp_path / "deep" / "out"
    files: dict[str, str | bytes] = {
        "catalog.py": review.catalog(_CATALOG, "T."), "load.yaml": "functions: {}\n", "lambda_src/one.py": b"",
        "sizing.json": text_of({"functions": {"one": {"memory_mb": 512, "evidence": dict.fromkeys(EVIDENCE_KEYS)}}}),
    }  # fmt: skip
    require_empty(out)
    with pytest.raises(Failed, match="nothing was written"):
        review.write(out, files | {"sizing.json": '{"functions": {}}'})
    assert not list((tmp_path / "deep").iterdir())
    assert review.write(out, files) == sorted(files)
    assert (out / "lambda_src" / "one.py").read_bytes() == b""
    with pytest.raises(UsageError, match="not empty"):
        require_empty(out)


def test_notes_are_a_table_for_each_kind_with_nothing_that_breaks_it() -> None:
    page = review.not_expressed([Note("code", "f", "s", "a|b\nc", "r", "i")], "Title")
    assert r"| f | s | a\|b c | r | i |" in page
    assert page.count("Nothing.") == 2
