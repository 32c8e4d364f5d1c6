"""Modules inside packages."""

from __future__ import annotations

import zipfile

from compute import packaging
from estate_tool.audit import packages
from foundation.catalog import CATALOG


def test_packages_of_this_estate_hold_no_copies() -> None:
    seen: dict[bytes, str] = {}
    for function in CATALOG.functions:
        with zipfile.ZipFile(packaging.build(function, "python3.13")) as package:
            files = {name: package.read(name) for name in package.namelist()}
        assert f"{function.package}/handler.py" in packages.own(files)
        for path, content in packages.own(files).items():
            assert len(content) < 200 or seen.setdefault(content, function.name) == function.name, path
