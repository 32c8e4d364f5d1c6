from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from estate_tool.core.errors import Failed
from estate_tool.setup.environments import PINS, ensure_uv, version_of

if TYPE_CHECKING:
    from tests.unit.setup.conftest import FakeUv, Programs, Said


@pytest.mark.parametrize(
    ("text", "version"),
    [
        ("v3.259.0", (3, 259, 0)),
        ("uv 0.13.9 (x86_64-unknown-linux-gnu)", (0, 13, 9)),
        ("go1.26", (1, 26, 0)),
        ("go1.27.3", (1, 27, 3)),
        ("v3.260.0-alpha.1+ab12", (3, 260, 0)),
        ("", None),
        ("unknown", None),
    ],
)
def test_a_version_is_found_in_what_a_tool_prints(text: str, version: tuple[int, int, int] | None) -> None:
    assert version_of(text) == version


def test_a_uv_on_path_that_is_new_enough_is_used_and_nothing_installed(cache: Path, uv: FakeUv, said: Said) -> None:
    assert ensure_uv(said) == uv.path
    assert not cache.exists()


def test_a_uv_on_path_that_is_too_old_is_passed_over(cache: Path, programs: Programs, said: Said) -> None:
    programs.add("uv", "echo uv 0.5.9")
    pinned = cache / "tools" / (PINS / "uv.in").read_text().strip().replace("==", "-")
    pinned.parent.mkdir(parents=True)
    pinned.touch()
    assert ensure_uv(said) == pinned


def test_a_uv_is_installed_through_pip_with_its_hashes_checked(
    cache: Path, programs: Programs, said: Said, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = tmp_path / "calls"
    # Stands for a Python with pip: `-m pip install --target FOLDER …` puts a uv into FOLDER/bin.
    python = programs.add(
        "python",
        f"""echo "$@" >> "{calls}"
[ "$3" = --version ] && echo pip 24.0 && exit
mkdir -p "$5/bin" && echo uv > "$5/bin/uv"
""",
    )
    monkeypatch.setattr("sys.executable", str(python))
    installed = ensure_uv(said)
    assert installed.read_text() == "uv\n"
    install = calls.read_text().splitlines()[-1]
    assert "--require-hashes" in install
    assert str(PINS / "uv.txt") in install
    assert [path.name for path in installed.parent.iterdir()] == [installed.name]


def test_a_python_with_neither_pip_nor_venv_is_reported_with_the_package_to_install(
    cache: Path, programs: Programs, said: Said, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.executable", str(programs.add("python", "echo No module named venv >&2; exit 1")))
    with pytest.raises(Failed) as failed:
        ensure_uv(said)
    assert "neither pip nor venv" in failed.value.message
    assert "python3-venv" in failed.value.hint
    assert not list((cache / "tools").iterdir())
