"""Imports of handlers that fail in Lambda, found in the sources."""

from __future__ import annotations

import sys

import pytest

from compute.imports import unresolved

FILES = {
    "read/__init__.py": "",
    "read/handler.py": "",
    "read/deep/table.py": "",
    "read/unused.py": "import nowhere",
    "shared/__init__.py": "LIMIT = 1\ndef helper(): ...\n",
    "shared/keys.py": "",
    "shared/unused.py": "import nowhere",
    "lib/__init__.py": "",
    "lib/part.py": "",
    "lib/fast.cpython-313-aarch64-linux-gnu.so": "",
    "native.abi3.so": "",
    "google/cloud/storage/__init__.py": "",
    "made_up/__init__.py": "import sys; sys.modules['made_up.moves'] = sys",
}


def missing(code: str, runtime: str = "python3.13", **more: str) -> list[tuple[str, int, str]]:
    files = {**FILES, "read/handler.py": code, **{name.replace("__", "/") + ".py": text for name, text in more.items()}}
    own = [name for name in files if name.startswith(("read/", "shared/"))]
    contents = {name: text.encode() for name, text in files.items()}
    return [(one.file, one.line, one.module) for one in unresolved("read.handler", contents, own, runtime)]


@pytest.mark.parametrize(
    "code",
    [
        "import os.path, json, boto3, botocore.config, urllib3",
        "from __future__ import annotations\nimport lib, lib.part, lib.fast, native",
        "from lib import anything; from lib.part import anything; from lib.fast import anything; from native import x",
        "from google.cloud import storage; import google.cloud.storage",
        "from made_up.moves import urllib",
        "from shared import LIMIT, helper, keys; import shared.keys; from shared.keys import anything",
        "from . import handler; from .deep.table import x; from read import handler as own; import read.deep.table",
        "try:\n    import orjson\nexcept ImportError:\n    orjson = None",
        "try:\n    import orjson as json\nexcept (KeyError, ModuleNotFoundError):\n    import json",
        "from contextlib import suppress\nwith suppress(ImportError):\n    import orjson",
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from mypy_boto3_sqs import Client",
        "import typing\nif typing.TYPE_CHECKING:\n    import nowhere",
        "import sys\nif sys.version_info >= (3, 11):\n    import tomllib\nelse:\n    import tomli",
        "this is no Python",
    ],
)
def test_an_import_that_works_or_may_fail_is_none(code: str) -> None:
    assert missing(code) == []


@pytest.mark.parametrize(
    ("code", "line", "module"),
    [
        ("import json\nimport pandas", 2, "pandas"),
        ("import pandas.core.frame", 1, "pandas.core.frame"),
        ("def handle(event, context):\n    import pandas", 2, "pandas"),
        ("class A:\n    def m(self):\n        for _ in ():\n            from pandas import DataFrame", 4, "pandas"),
        ("async def f():\n    async with a:\n        import pandas", 3, "pandas"),
        ("try:\n    import pandas\nexcept ValueError:\n    pass", 2, "pandas"),
        ("try:\n    pass\nexcept ImportError:\n    pass\nfinally:\n    import pandas", 6, "pandas"),
        ("import typing\nif typing.TYPE_CHECKING:\n    pass\nelse:\n    import pandas", 5, "pandas"),
        ("from typing import TYPE_CHECKING\nif not TYPE_CHECKING:\n    import pandas", 3, "pandas"),
        ("import lib.nothing", 1, "lib.nothing"),
        ("from lib.nothing import x", 1, "lib.nothing"),
        ("from google.cloud import bigquery", 1, "google.cloud.bigquery"),
        ("from shared import nothing", 1, "shared.nothing"),
        ("import store.handler", 1, "store.handler"),
        ("from . import nothing", 1, "read.nothing"),
        ("from ..other import nothing", 1, "other"),
        ("from .... import nothing", 1, "...."),
        ("import moto", 1, "moto"),
        ("import ministack", 1, "ministack"),
    ],
)
def test_an_import_that_nothing_answers_is_reported_with_its_line(code: str, line: int, module: str) -> None:
    assert missing(code) == [("read/handler.py", line, module)]


def test_own_modules_are_followed_as_far_as_they_are_imported() -> None:
    assert missing("from read.deep import table", read__deep__table="import pandas") == [
        ("read/deep/table.py", 1, "pandas")
    ]
    assert missing("from shared import keys", shared__keys="\nimport pandas") == [("shared/keys.py", 2, "pandas")]


def test_the_standard_library_is_that_of_lambdas_python_not_of_this_one() -> None:
    assert missing("import cgi, distutils.util", "python3.11") == []
    assert [module for *_, module in missing("import cgi, distutils.util", "python3.13")] == ["cgi", "distutils.util"]
    assert [module for *_, module in missing("import compression.zstd", "python3.13")] == ["compression.zstd"]
    assert missing("import compression.zstd, annotationlib", "python3.14") == []
    version = f"python3.{sys.version_info[1]}"
    assert missing("\n".join(f"import {name}" for name in sys.stdlib_module_names), version) == []
