"""The overview that `estate` prints without a command."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from estate_tool import cli
from foundation.layers import project

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def test_without_a_command_the_next_step_is_shown(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("ESTATE_HOME", str(tmp_path))
    assert cli.main([]) == 0
    assert "scripts/deploy_all.sh" in capsys.readouterr().out
    for layer in ("foundation", "data"):
        folder = tmp_path / "state" / ".pulumi" / "stacks" / project(layer)
        folder.mkdir(parents=True)
        stack = {"checkpoint": {"latest": {"resources": [{"type": "aws:sqs/queue:Queue"}]}}}
        (folder / "local-b.json").write_text(json.dumps(stack))
    (tmp_path / "state" / ".pulumi" / "meta.yaml").write_text("version: 1\n")
    assert cli.main([]) == 0
    output = capsys.readouterr().out
    assert "environment local-b: foundation, data deployed" in output
    assert "scripts/deploy_all.sh local-b" in output
