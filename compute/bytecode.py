"""Compiles the functions' modules for the Python they run on, where this machine has it: they then start faster.

A cold start spends about four times as long on our own modules when it has to compile them, and Lambda can't keep what
it compiles: its file system is read-only. Why this is left out without that Python: docs/adr/0018-packages-compiled.md.
"""

import functools
import marshal
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

NOT_COMPILED = "functions are packaged without compiled modules and start slower: no {runtime} on this machine"
COMPILER = Path(__file__).with_name("compiling.py")
_PATIENCE_SECONDS = 60.0
_VERSION = "import sys; print(f'python{sys.version_info.major}.{sys.version_info.minor}')"
# (runtime, name, source) → name and content of the compiled module.
_known: dict[tuple[str, str, bytes], tuple[str, bytes] | None] = {}


@functools.cache
def interpreter(runtime: str) -> str | None:
    """A Python of the runtime's version (such as python3.13) on this machine: this one, or one on PATH; else None."""
    if runtime == f"python{sys.version_info.major}.{sys.version_info.minor}":
        return sys.executable
    found = shutil.which(runtime)
    # One that is found may yet not run: version managers put placeholders on PATH.
    return found if found and _answer(found, "-c", _VERSION).strip() == runtime.encode() else None


def compiled(
    sources: Mapping[str, bytes], runtime: str, neighbours: Callable[[], Mapping[str, bytes]]
) -> dict[str, bytes]:
    """The compiled modules of these sources by their names in a package; empty without the runtime's Python.

    What was compiled once in this process isn't compiled again, and starting a Python is what takes the time: so what
    else will be asked for (`neighbours`) is compiled together with what is. Raises RuntimeError if that Python fails.
    """
    python = interpreter(runtime)
    if python is None:
        return {}
    missing = [name for name, source in sources.items() if (runtime, name, source) not in _known]
    if missing:
        everything = {**neighbours(), **sources}
        answer = _answer(python, str(COMPILER), given=marshal.dumps(everything, 2))
        if not answer:
            raise RuntimeError(f"{python} did not compile the functions' code; see whether it runs at all")
        made = marshal.loads(answer)
        _known.update({(runtime, name, source): made[name] for name, source in everything.items()})
    found = (_known[runtime, name, source] for name, source in sources.items())
    return dict(module for module in found if module)


def _answer(python: str, *arguments: str, given: bytes = b"") -> bytes:
    """What a fresh Python writes, without its site packages and deaf to variables; nothing if it can't be run."""
    command = [python, "-I", "-S", "-B", *arguments]
    try:
        ran = subprocess.run(command, input=given, capture_output=True, check=False, timeout=_PATIENCE_SECONDS)
    except (OSError, subprocess.TimeoutExpired):
        return b""
    return ran.stdout if ran.returncode == 0 else b""
