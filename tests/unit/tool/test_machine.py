"""What has to be there before a rollout on the embedded AWS starts."""

from __future__ import annotations

import shutil
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest

from estate_tool import machine
from estate_tool.errors import Failed

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(("free", "refused"), [(199_999_999, True), (200_000_000, False)])
def test_a_disk_that_a_rollout_could_fill_is_refused_before_it_starts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, free: int, refused: bool
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=free))
    home = tmp_path / "not" / "made" / "yet"
    if not refused:
        machine.require_space(home)
        assert not home.exists()
        return
    with pytest.raises(Failed) as error:
        machine.require_space(home)
    assert "200 MB free" in error.value.message
    assert str(tmp_path) in error.value.message
    assert "ESTATE_HOME" in error.value.hint
