"""The generated parts of docs/; `make docs` (python -m tests.support.documents) writes them anew."""

import importlib
import tomllib
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import compute.config
import data.config
import foundation.config
import observability.config
from foundation.catalog import CATALOG
from foundation.layers import LAYERS
from foundation.model import Function, QueueTrigger, ScheduleTrigger, StreamTrigger, TableGrant
from foundation.settings import Settings, settings
from tests.bench import million
from tests.support import cloudevents
from tests.support.mocks import outputs_of

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
END = "<!-- end -->\n"
_SETTINGS = {
    "foundation": foundation.config.FoundationConfig,
    "data": data.config.DataConfig,
    "compute": compute.config.Keys,
    "observability": observability.config.ObservabilityConfig,
}


def _begin(name: str) -> str:
    return f"<!-- generated: {name} -->\n"


def _mermaid(lines: Iterator[str]) -> str:
    return "```mermaid\nflowchart LR\n" + "".join(f"  {line}\n" for line in lines) + "```\n"


def layers() -> str:
    """Draw which layer reads which."""
    return _mermaid(f"{read} --> {each.name}" for each in LAYERS for read in each.reads)


def flow() -> str:
    """Draw the way of an event from the catalog: triggers, writes, reads, and where failures go."""
    return _mermaid(line for lines in (_queues(), *map(_arrows, CATALOG.functions)) for line in lines)


def _queues() -> Iterator[str]:
    for queue in CATALOG.queues:
        yield f"queue-{queue.name} -- after {queue.max_receive_count} receives --> dlq-{queue.name}"


def _arrows(function: Function) -> Iterator[str]:
    me = f"lambda-{function.name}"
    if isinstance(function.trigger, QueueTrigger):
        yield f"queue-{function.trigger.queue} --> {me}"
    else:
        if isinstance(function.trigger, StreamTrigger):
            yield f"table-{function.trigger.table} -- stream --> {me}"
        if isinstance(function.trigger, ScheduleTrigger):
            yield f"schedule-{function.name} --> {me}"
        yield f"{me} -. on failure .-> dlq-{function.name}"
    for grant in function.grants:
        if isinstance(grant, TableGrant):
            reads, table = set(grant.access) <= {"get", "query"}, f"table-{grant.table}"
            yield f"{table} --> {me}" if reads else f"{me} --> {table}"


def configuration() -> str:
    """Every key of every layer."""
    return "\n".join(_keys(layer, keys) for layer, keys in _SETTINGS.items())


def _keys(layer: str, keys: type[Settings]) -> str:
    rows = (
        f"| `{layer}:{each.key}` | {_default(each.default)} | {each.allowed} | {each.about} |\n"
        for each in settings(keys)
    )
    return f"## {layer}\n\n| key | default | allowed | |\n|---|---|---|---|\n" + "".join(rows)


def _default(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return "–" if value is None or value == () else str(value)


def outputs() -> str:
    """Every output of every layer with the value it has in an environment `dev`."""
    return "\n".join(
        f"## {layer.name}\n\n| output | for example |\n|---|---|\n" + "".join(_values(outputs_of(layer.name)))
        for layer in LAYERS
    )


def _values(value: Any, path: str = "") -> Iterator[str]:
    if isinstance(value, Mapping):
        for key in sorted(value):
            yield from _values(value[key], f"{path}.{key}" if path else str(key))
    elif isinstance(value, list):
        yield f"| `{path}` | {len(value)} names, such as `{value[0]}` |\n"
    elif isinstance(value, int | float):  # sizes and the like, which measurements change
        yield f"| `{path}` | a whole number |\n"
    else:
        yield f"| `{path}` | {f'`{value}`' if value else 'empty'} |\n"


def packages(root: str) -> str:
    """Packages of `root` from top to bottom, out of the import contract, with the first line each has on itself."""
    return "| | |\n|---|---|\n" + "".join(
        f"| {'' if name == line[0] else 'and '}`{name}` | {_summary(f'{root}.{name}')} |\n"
        for line in _package_lines(root)
        for name in line
    )


def package_order() -> str:
    """The same in a line."""
    return "```\n" + " → ".join(" | ".join(line) for line in _package_lines("estate_tool")) + "\n```\n"


def _package_lines(root: str) -> list[list[str]]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    (contract,) = (each for each in project["tool"]["importlinter"]["contracts"] if each.get("containers") == [root])
    return [line.split(" | ") for line in contract["layers"] if line != "__main__"]


def _summary(name: str) -> str:
    return str(importlib.import_module(name).__doc__).partition("\n")[0].rstrip(".")


PARTS: Mapping[str, Mapping[str, Callable[[], str]]] = {
    "architecture.md": {
        "layers": layers,
        "flow": flow,
        "packages": partial(packages, "estate_tool"),
        "local-packages": partial(packages, "local_aws"),
    },
    "configuration.md": {"configuration": configuration},
    "cost.md": {"million": million.table, "batches": million.batches, "prices": million.listed, "idle": million.idle},
    "events.md": {"conformance": cloudevents.table},
    "outputs.md": {"outputs": outputs},
    "../README.md": {"million": million.sentence, "package-order": package_order},
}


def written(name: str) -> str:
    """The document with its generated parts as they have to be; raises ValueError where a marker is missing."""
    text = (DOCS / name).read_text(encoding="utf-8")
    for part, make in PARTS[name].items():
        before, begin, rest = text.partition(_begin(part))
        _, end, after = rest.partition(END)
        if not (begin and end):
            raise ValueError(f"docs/{name} has no {_begin(part).strip()} … {END.strip()}")
        text = before + begin + make() + end + after
    return text


if __name__ == "__main__":
    for document in PARTS:
        (DOCS / document).write_text(written(document), encoding="utf-8")
