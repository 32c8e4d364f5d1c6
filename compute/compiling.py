"""Compiles modules given on stdin: run by the Python they are meant for, with nothing of this project around it.

In comes a marshalled mapping of names to sources, out goes one of names to compiled modules (PEP 552: unchecked, so
that Python never reads the source to see whether they fit). What can't be compiled is left out.
"""

import importlib.util
import marshal
import sys
from pathlib import PurePosixPath

TASK = "/var/task"  # where Lambda unpacks packages
_UNCHECKED = 1
# Version 2 writes no references, which depend on what else the process holds; 3.14's slices need a newer one.
_FORMAT = 2 if sys.version_info < (3, 14) else marshal.version


def compiled(name: str, source: bytes) -> tuple[str, bytes] | None:
    """The name and content of the compiled module of a source; None if it has an error."""
    path = PurePosixPath(name)
    try:
        code = compile(source, f"{TASK}/{name}", "exec", dont_inherit=True, optimize=0)
    except (SyntaxError, ValueError):
        return None
    header = importlib.util.MAGIC_NUMBER + _UNCHECKED.to_bytes(4, "little") + importlib.util.source_hash(source)
    cached = path.parent / "__pycache__" / f"{path.stem}.{sys.implementation.cache_tag}.pyc"
    return str(cached), header + marshal.dumps(code, _FORMAT)


if __name__ == "__main__":
    sources: dict[str, bytes] = marshal.loads(sys.stdin.buffer.read())
    made = {name: compiled(name, source) for name, source in sorted(sources.items())}
    sys.stdout.buffer.write(marshal.dumps(made, 2))
