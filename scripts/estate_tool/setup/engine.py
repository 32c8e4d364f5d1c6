"""The Pulumi engine: the `pulumi` on PATH when it is suitable, else one in the cache, installed there once.

Sources in order: the official release archive where it can be reached, else a build from Go modules. Everything is
put together aside and renamed when it is complete and runs; what is found under its final name can be trusted.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from estate_tool.console.progress import duration, say
from estate_tool.core import paths
from estate_tool.core.errors import Failed
from estate_tool.setup import build, release
from estate_tool.setup.environments import ask_version, version_of
from estate_tool.setup.processes import beside, hold

# The engine this project is tested with; go/engine/go.mod names it too.
VERSION = "3.274.1"
# The oldest engine that is taken from PATH: the version this project was tested with before.
OLDEST = "3.259.0"
TOO_NEW = (4, 0, 0)
STAMP = "engine.json"

# The programs an engine consists of: the engine, its host for Python programs, and what that host starts.
PROGRAMS = ("pulumi", "pulumi-language-python", "pulumi-language-python-exec", "pulumi-resource-pulumi-python")

Source = Literal["PATH", "release", "built"]


@dataclass(frozen=True)
class Engine:
    """An engine that can be used: `folder` belongs first on PATH."""

    folder: Path
    version: str
    source: Source

    @property
    def pulumi(self) -> Path:
        """The engine's command."""
        return self.folder / "pulumi"


def ensure_engine() -> Engine:
    """Return the engine, installed when there is none; raise `Failed` with the reason for each source that failed."""
    found = find_on_path()
    if isinstance(found, Engine):
        return found
    folder = _folder()
    leftover = _build_folder(folder)
    cached = _cached(folder)
    if cached and not leftover.exists():
        return cached
    with hold(paths.cache() / "locks" / "engine.lock", "the Pulumi engine"):
        engine = _cached(folder) or _install(folder, [("pulumi on PATH", found)])
        # Gigabytes that only an interrupted build needs again.
        shutil.rmtree(leftover, ignore_errors=True)
    return engine


def find_engine() -> Engine | None:
    """Return the engine that is there already, on PATH or in the cache; nothing is installed."""
    found = find_on_path()
    return found if isinstance(found, Engine) else _cached(_folder())


def bin_folder() -> Path | None:
    """Return the folder of the engine that is there already, to be put first on PATH."""
    engine = find_engine()
    return engine.folder if engine else None


def find_on_path() -> Engine | str:
    """Return the engine on PATH, or the reason for none; one of the cache (`estate local env`) does not count."""
    ours = paths.cache() / "engine"
    folders = [name for name in os.get_exec_path() if name and not Path(name).is_relative_to(ours)]
    pulumi = shutil.which("pulumi", path=os.pathsep.join(folders))
    if not pulumi:
        return "there is none"
    text = _version_of_program(Path(pulumi))
    version = version_of(text)
    if not version:
        return f"{pulumi} does not say its version"
    oldest = version_of(OLDEST)
    if not oldest <= version < TOO_NEW or ("-" in text and version == oldest):
        return f"{pulumi} is {text}; {OLDEST} or newer is needed, older than {TOO_NEW[0]}"
    host = Path(pulumi).resolve().with_name("pulumi-language-python")
    if not (os.access(host, os.X_OK) or shutil.which(host.name, path=os.pathsep.join(folders))):
        return f"{pulumi} has no {host.name} beside it or on PATH"
    return Engine(Path(pulumi).absolute().parent, text.removeprefix("v"), "PATH")


def _version_of_program(pulumi: Path) -> str:
    """Return the output of `pulumi version`: asked once, as it takes 0.25 s, then known while the file stays."""
    memory = paths.cache() / "engine" / "on-path.json"
    real = pulumi.resolve()
    seen = real.stat()
    key = f"{real} {seen.st_size} {seen.st_mtime_ns}"
    try:
        known = json.loads(memory.read_bytes())
        if isinstance(known, dict) and isinstance(known.get(key), str):
            return str(known[key])
    except (OSError, ValueError):
        pass
    text = ask_version(pulumi, "version")
    try:
        memory.parent.mkdir(parents=True, exist_ok=True)
        aside = memory.with_suffix(f".{os.getpid()}")
        aside.write_text(json.dumps({key: text}), encoding="utf-8")
        aside.replace(memory)
    except OSError:
        pass  # it only saves time, and an engine on PATH needs no cache
    return text


def _folder() -> Path:
    """Return the engine's folder in the cache; another version or other Go modules have another."""
    digest = hashlib.sha256()
    for file in sorted(build.MODULES.rglob("go.*")):
        digest.update(file.read_bytes())
    return paths.cache() / "engine" / f"{VERSION}-{digest.hexdigest()[:8]}"


def _build_folder(folder: Path) -> Path:
    return folder.with_name(folder.name + ".build")


def _cached(folder: Path) -> Engine | None:
    try:
        stamp = json.loads((folder / STAMP).read_bytes())
        programs_there = all(os.access(folder / "bin" / name, os.X_OK) for name in PROGRAMS)
        return Engine(folder / "bin", stamp["version"], stamp["source"]) if programs_there else None
    except (OSError, ValueError, KeyError):
        return None


def _install(folder: Path, tried: list[tuple[str, str]]) -> Engine:
    sources: list[tuple[str, Source, Callable[[Path], None]]] = [
        ("official release", "release", lambda to: release.fetch(VERSION, PROGRAMS, to)),
        ("build from Go modules", "built", lambda to: build.build(_build_folder(folder), to)),
    ]
    hints: list[str] = []
    began = time.monotonic()
    for name, source, make in sources:
        try:
            with beside(folder) as made:
                (made / "bin").mkdir()
                make(made / "bin")
                _check(made / "bin")
                (made / STAMP).write_text(json.dumps({"version": VERSION, "source": source}), encoding="utf-8")
                shutil.rmtree(folder, ignore_errors=True)
                made.rename(folder)
        except Failed as failed:
            say(f"set-up: {name}: {failed.message}")
            tried.append((name, failed.message))
            hints += [hint for hint in failed.hint.splitlines() if hint not in hints]
            continue
        say(f"set-up: the Pulumi engine {VERSION} ({name}) is ready after {duration(time.monotonic() - began)}")
        return Engine(folder / "bin", VERSION, source)
    listing = "\n".join(f"  {name}: {why}" for name, why in tried)
    hints.append(f"or install Pulumi {OLDEST} or newer yourself (pulumi.com/docs/install), so that it is on PATH")
    raise Failed(f"there is no Pulumi engine, and none of the ways to get one worked:\n{listing}", "\n".join(hints))


def _check(folder: Path) -> None:
    printed = ask_version(folder / "pulumi", "version")
    if version_of(printed) != version_of(VERSION):
        raise Failed(
            f"the engine does not run on this machine: `pulumi version` printed {printed or 'nothing'!r}",
            f"{folder} may lie on a file system mounted noexec; ESTATE_CACHE moves it",
        )
