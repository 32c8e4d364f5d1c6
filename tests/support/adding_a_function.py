"""Follows docs/adding-a-function.md to the letter, in a copy of the checkout."""

import json
import re
from pathlib import Path

from tests.support.mocks import ROOT

PAGE = ROOT / "docs" / "adding-a-function.md"
NAME = "lookup"


def follow(checkout: Path) -> None:
    """Adds the page's function to that checkout."""
    blocks = re.findall(r"^```(\w+)\n(.*?)^```$", PAGE.read_text(encoding="utf-8"), flags=re.M | re.S)
    python = {
        text.partition("\n")[0].removeprefix("# "): text.partition("\n")[2] for kind, text in blocks if kind == "python"
    }
    catalog = checkout / "foundation" / "catalog.py"
    before, last, nothing = catalog.read_text(encoding="utf-8").rpartition("    ),\n)\n")
    assert (bool(last), nothing) == (True, "")
    catalog.write_text(before + python.pop("foundation/catalog.py") + last, encoding="utf-8")
    for path, text in python.items():
        (checkout / path).parent.mkdir()
        (checkout / path).write_text(text, encoding="utf-8")
        (checkout / path).with_name("__init__.py").touch()
    (size,) = (json.loads(text) for kind, text in blocks if kind == "json")
    sizing = checkout / "compute" / "sizing.json"
    content = json.loads(sizing.read_text(encoding="utf-8"))
    content["functions"] |= size
    sizing.write_text(json.dumps(content), encoding="utf-8")
