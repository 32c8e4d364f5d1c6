"""docs/adding-a-function.md as a procedure, followed word for word in a copy of the checkout."""

import re
import shlex
from argparse import ArgumentParser
from pathlib import Path

from estate_tool.commands import new
from estate_tool.scaffold import catalog_file, function
from estate_tool.setup import locks
from tests.support.mocks import ROOT

PAGE = ROOT / "docs" / "adding-a-function.md"
NAME = "lookup"


def follow(checkout: Path) -> None:
    """Add the page's function to that checkout: by its command, then with its files in place of the written ones."""
    text = PAGE.read_text(encoding="utf-8")
    (command,) = re.findall(rf"^scripts/estate (new {NAME} .*)$", text, flags=re.M)
    parser = ArgumentParser()
    new.add_arguments(parser)
    declared = new.declared(parser.parse_args(shlex.split(command)[1:]))
    function.write(declared, checkout)
    blocks = dict(re.findall(r"^```(?:python|text)\n# (\S+)\n(.*?)^```$", text, flags=re.M | re.S))
    catalog = checkout / "foundation" / "catalog.py"
    before = catalog.read_text(encoding="utf-8")
    assert catalog_file.declaration(declared) in before
    after = before.replace(catalog_file.declaration(declared), blocks.pop("foundation/catalog.py"))
    catalog.write_text(after, encoding="utf-8")
    wanted = checkout / "lambda_src" / NAME / "requirements.in"
    wanted.write_text(blocks.pop(wanted.relative_to(checkout).as_posix()), encoding="utf-8")
    assert f"scripts/estate lock {NAME}\n" in text
    locks.make_for_function(wanted.with_suffix(".txt"), NAME, upgrade=False)
    assert len(blocks) == 4
    for path, block in blocks.items():
        assert (checkout / path).is_file(), f"{path}: not written by estate new"
        (checkout / path).write_text(block, encoding="utf-8")
