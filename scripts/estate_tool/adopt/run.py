"""Adoption from end to end: read, translate, write, report."""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING, Any

from compute.sizing import text_of
from estate_tool.adopt import functions, review
from estate_tool.adopt import source as source_
from estate_tool.adopt.sizes import Month, sizing
from estate_tool.adopt.translation import Translation, translate
from estate_tool.audit.collect import Collector
from estate_tool.core.errors import Failed
from estate_tool.core.paths import require_empty

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from estate_tool.adopt.model import Declared, Note, Source
    from estate_tool.audit.reader import Reader
    from estate_tool.monitoring.metrics import Window
    from estate_tool.pricing.prices import Prices


def adopt(
    reader: Reader, names: Sequence[str], out: Path, window: Window, prices: Prices, progress: Callable[[str], None],
    *, chosen: Mapping[str, str], with_code: bool,
) -> dict[str, Any]:  # fmt: skip
    """Write the files for these functions into the folder; return the result (docs/schemas/adopt.schema.json).

    Raises UsageError and Failed, with nothing written, and ClientError when the account can't be read.
    """
    require_empty(out)
    collector = Collector(reader, progress)
    source = source_.read(collector, names, window, with_code=with_code)
    done = translate(source, chosen)
    if not done.catalog.functions:
        text = "; ".join(f"{note.resource}: {note.found}, but {note.reason}" for note in done.notes)
        raise Failed(f"none of these functions can be declared, so nothing was written: {text}", "docs/escape-hatch.md")
    sizes, more = sizing(done, source, window, prices)
    load = Month(reader, window).load(done, source, sizes)
    notes = (*done.notes, *more)
    where = f"{source.region}, account {source.account}"
    files: dict[str, str | bytes] = {
        review.CATALOG: review.catalog(done.catalog, f"Functions adopted from {where}, with what they use."),
        review.SIZING: text_of(sizes),
        review.LOAD: review.load(load, f"Load of a month, from {window} in {where}."),
        review.NOTES: review.not_expressed(notes, f"Functions of {where}: what the files do not hold as it was"),
        **_code(done, source),
    }
    written = review.write(out, files)
    return result(source, done, notes, window) | {"folder": str(out), "files": written}


def _code(done: Translation, source: Source) -> dict[str, str | bytes]:
    """Return the functions' own files as they lie in lambda_src, by path."""
    files: dict[str, str | bytes] = {}
    for old in source.functions:
        if old.code and (name := done.declared.functions.get(old.arn)):
            base = posixpath.join("lambda_src", functions.package(name))
            files.setdefault(f"{base}/__init__.py", f'"""Code of {old.name}, as it was deployed."""\n')
            files |= {posixpath.join(base, path): content for path, content in old.code.files.items()}
            if old.code.requirements:
                files[f"{base}/requirements.in"] = "".join(f"{line}\n" for line in old.code.requirements)
    return files


def result(source: Source, done: Translation, notes: Sequence[Note], window: Window) -> dict[str, Any]:
    """Return the result, but for the folder and its files."""
    return {
        "account": source.account,
        "region": source.region,
        "window": str(window),
        "functions": [function.name for function in done.catalog.functions],
        "names": list(_names(source, done)),
        "not_expressed": [note._asdict() for note in notes],
        "unread": list(source.unread),
    }


def _names(source: Source, done: Translation) -> Iterator[dict[str, str]]:
    """Yield the changes of names: the old one, the one in the catalog, the one in AWS."""
    declared, queues = done.declared, {queue.name for queue in done.catalog.queues}
    names = {one.arn: one.name for one in (*source.functions, *source.tables.values(), *source.queues.values())}
    groups = (
        ("function", "lambda", declared.functions),
        ("table", "table", declared.tables),
        ("queue", "queue", {arn: name for arn, name in declared.queues.items() if name in queues}),
        ("dead-letter queue", "dlq", _dead_letters(source, declared)),
    )
    for kind, prefix, by_arn in groups:
        for old, new in sorted((names.get(arn) or arn.rpartition(":")[2], new) for arn, new in by_arn.items()):
            yield {"kind": kind, "old": old, "new": new, "physical": f"{prefix}-{new}-ENV"}


def _dead_letters(source: Source, declared: Declared) -> dict[str, str]:
    """Return the names here of the dead-letter queues, by the ARNs of the old ones."""
    of_functions = (
        (arn, declared.functions.get(old.arn)) for old in source.functions for arn in old.failures_to if ":sqs:" in arn
    )
    of_queues = ((source.queues[arn].dead_letters_to, name) for arn, name in declared.queues.items())
    return {arn: name for arn, name in (*of_functions, *of_queues) if arn and name}


def lines(result: Mapping[str, Any]) -> Iterator[str]:
    """Yield the result as text: names old and new, the number of notes of each kind, and the next step."""
    from estate_tool.console.tables import Column, table

    rows = [(one["kind"], one["old"], one["new"], one["physical"]) for one in result["names"]]
    titles = ("kind", "in the account", "in the catalog", "in AWS, by environment")
    yield from table([Column(title, left=True, wrap=True) for title in titles], rows)
    yield ""
    for kind, label in (("missing", "not expressed"), ("differs", "different"), ("code", "to change in the code")):
        number = sum(note["kind"] == kind for note in result["not_expressed"])
        yield f"{number:>4} {label}"
    yield from (f"not read: {part}" for part in result["unread"])
    yield f"written for review, with reasons in {review.NOTES}: {result['folder']}/ {', '.join(result['files'])}"
    yield "next: docs/migrating.md"
