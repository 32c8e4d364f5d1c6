"""Dependencies of a layer's digest."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any

import pytest

from estate_tool.core.paths import ROOT
from estate_tool.rollout.fingerprint import Inputs
from foundation.layers import LAYER_NAMES

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

UPSTREAM: dict[str, Any] = {"foundation": {"suffix": "dev"}, "data": {"tables": {}}, "compute": {"functions": {}}}
ALL = set(LAYER_NAMES)


@pytest.fixture(scope="module")
def copied(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of what is deployed."""
    folder = tmp_path_factory.mktemp("checkout")
    for part in (*LAYER_NAMES, "environments", "lambda_src", "scripts/local_aws/provider"):
        shutil.copytree(ROOT / part, folder / part, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copyfile(ROOT / "requirements.lock", folder / "requirements.lock")
    return folder


class Checkout:
    """The copy, whose files a test may change."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._before: dict[Path, bytes | None] = {}

    def write(self, file: str, text: str) -> None:
        path = self.root / file
        self._before.setdefault(path, path.read_bytes() if path.exists() else None)
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)

    def append(self, file: str, text: str = "\n# edited\n") -> None:
        path = self.root / file
        self.write(file, (path.read_text() if path.exists() else "") + text)

    def restore(self) -> None:
        for path, content in self._before.items():
            if content is None:
                path.unlink()
            else:
                path.write_bytes(content)


@pytest.fixture
def checkout(copied: Path) -> Iterator[Checkout]:
    edited = Checkout(copied)
    yield edited
    edited.restore()


@pytest.fixture(scope="module")
def pristine(copied: Path) -> dict[str, str]:
    """The digests of the copy as it is."""
    return digests(Checkout(copied))


def digests(
    checkout: Checkout, environment: str = "local", engine: str = "3.259.0", upstream: Mapping[str, Any] = UPSTREAM
) -> dict[str, str]:
    inputs = Inputs(environment=environment, engine=engine, root=checkout.root)
    return {name: inputs.digest(name, upstream) for name in LAYER_NAMES}


def changed(before: dict[str, str], after: dict[str, str]) -> set[str]:
    return {name for name in LAYER_NAMES if before[name] != after[name]}


@pytest.mark.parametrize(
    ("file", "layers"),
    [
        ("foundation/naming.py", ALL),
        ("foundation/catalog.py", ALL),
        ("foundation/guardrails/properties.py", ALL),
        ("foundation/guardrails/exemptions.py", ALL),
        ("foundation/roles.py", {"foundation"}),
        ("foundation/policies.py", {"foundation"}),
        ("data/tables.py", {"data"}),
        ("data/outputs.py", {"data", "compute", "observability"}),
        ("compute/outputs.py", {"compute", "observability"}),
        ("compute/sizing.json", {"compute", "observability"}),
        ("compute/new.json", {"compute", "observability"}),
        ("lambda_src/query/handler.py", {"compute"}),
        ("lambda_src/shared/new.py", {"compute"}),
        ("lambda_src/query/data.md", {"compute"}),
        ("lambda_src/query/tests/new.py", set()),
        ("lambda_src/of_no_function/handler.py", set()),
        ("observability/widgets.py", {"observability"}),
        ("scripts/local_aws/provider/diff.py", ALL),
        ("observability/README.md", set()),
        ("compute/__pycache__/config.cpython-311.pyc", set()),
        ("compute/config.pyc", set()),
        ("data/.tables.py.swp", set()),
        ("environments/Pulumi.other.yaml", set()),
        ("environments/Pulumi.local.yaml", set()),  # a comment
        ("data/Pulumi.yaml", set()),  # a comment
    ],
)
def test_a_file_counts_for_the_layers_that_are_made_of_it(
    checkout: Checkout, pristine: dict[str, str], file: str, layers: set[str]
) -> None:
    checkout.append(file)
    assert changed(pristine, digests(checkout)) == layers


@pytest.mark.parametrize(
    "statement",
    [
        "import foundation.roles\n",
        "from foundation import naming, roles\n",
        "from foundation import (\n    roles,\n)\n",
        "def late():\n    from foundation.roles import ExecutionRole\n",
        "from foundation import naming, \\\n    roles\n",
    ],
)
def test_a_module_counts_as_soon_as_it_is_imported(checkout: Checkout, statement: str) -> None:
    checkout.append("data/queues.py", statement)
    before = digests(checkout)
    checkout.append("foundation/roles.py")
    assert changed(before, digests(checkout)) == {"foundation", "data"}


def test_relative_imports_are_followed_through_packages(checkout: Checkout) -> None:
    checkout.append("foundation/deep/__init__.py", "from .inner import value\n")
    checkout.append("foundation/deep/inner.py", "from ..roles import ExecutionRole\n")
    checkout.append("data/queues.py", "import foundation.deep\n")
    before = digests(checkout)
    checkout.append("foundation/roles.py")
    assert changed(before, digests(checkout)) == {"foundation", "data"}


@pytest.mark.parametrize(
    ("text", "layers"),
    [
        ("config:\n  compute:logRetentionDays: 7\n", {"compute", "observability"}),
        ("config:\n  compute:token:\n    secure: v1:abc:def\n", {"compute", "observability"}),
        ("config:\n  foundation:costCenter: eu-1\n", ALL),
        ("config:\n  aws:region: eu-west-1\n", ALL),
        ("secretsprovider: awskms://alias/estate\n", ALL),
    ],
)
def test_configuration_counts_for_its_layer_and_environment(checkout: Checkout, text: str, layers: set[str]) -> None:
    before, other = digests(checkout, "dev"), digests(checkout, "prod")
    checkout.write("environments/Pulumi.dev.yaml", f"encryptionsalt: v1:x\n{text}")
    after = digests(checkout, "dev")
    assert changed(before, after) == layers
    assert digests(checkout, "prod") == other
    edited = text.replace("abc", "new").replace(": 7", ": 14").replace("eu-", "us-").replace("/estate", "/other")
    checkout.write("environments/Pulumi.dev.yaml", edited)
    assert changed(after, digests(checkout, "dev")) == layers


def test_the_salt_that_the_engine_puts_into_an_environments_file_does_not_count(checkout: Checkout) -> None:
    before = digests(checkout, "local-b")
    checkout.write("environments/Pulumi.local-b.yaml", "encryptionsalt: v1:x\n")
    assert digests(checkout, "local-b") == before


def test_an_environment_that_imports_configuration_has_no_known_inputs(checkout: Checkout) -> None:
    checkout.write("environments/Pulumi.dev.yaml", "environment:\n  - shared/dev\n")
    assert not any(digests(checkout, "dev").values())


@pytest.mark.parametrize(
    ("upstream", "layers"),
    [
        ({"foundation": {"suffix": "other"}}, {"data", "compute", "observability"}),
        ({"data": {"tables": {"events": {}}}}, {"compute", "observability"}),
        ({"compute": {}}, {"observability"}),
        ({"observability": {"topic_arn": "x"}}, set()),
    ],
)
def test_outputs_count_for_the_layers_that_read_them(
    checkout: Checkout, upstream: dict[str, Any], layers: set[str]
) -> None:
    assert changed(digests(checkout), digests(checkout, upstream={**UPSTREAM, **upstream})) == layers


def test_versions_of_the_engine_and_of_its_packages_count_and_other_packages_do_not(
    checkout: Checkout, pristine: dict[str, str]
) -> None:
    assert changed(pristine, digests(checkout, engine="3.260.0")) == ALL
    checkout.append("requirements.lock", "another-package==1.0\n")
    assert digests(checkout) == pristine
    lock = (checkout.root / "requirements.lock").read_text()
    checkout.write("requirements.lock", lock.replace("pulumi-aws==", "pulumi-aws==9"))
    assert changed(pristine, digests(checkout)) == ALL


def test_the_bundled_provider_counts_only_where_it_is_used(checkout: Checkout) -> None:
    before = digests(checkout, "dev")
    checkout.append("scripts/local_aws/provider/diff.py")
    assert digests(checkout, "dev") == before


def test_a_digest_is_the_same_in_another_checkout(pristine: dict[str, str], copied: Path, tmp_path: Path) -> None:
    copy = tmp_path / "elsewhere" / "other name"
    shutil.copytree(copied, copy, copy_function=shutil.copyfile)
    assert digests(Checkout(copy)) == pristine
    assert len(set(pristine.values())) == len(LAYER_NAMES)
