"""The engine's gRPC stubs, as they ship with the Pulumi SDK, without the half second that `import pulumi` takes."""

import importlib
import importlib.util
import sys
from pathlib import Path
from types import ModuleType


def _bare_packages() -> None:
    """Stand-ins for the SDK's packages, so that importing the stubs does not run the SDK's `__init__` modules."""
    spec = importlib.util.find_spec("pulumi")
    if spec is None or not spec.submodule_search_locations:
        raise ImportError("the Pulumi SDK (PyPI package pulumi) is not installed in this environment")
    folder = Path(next(iter(spec.submodule_search_locations)))
    for name, path in (("pulumi", folder), ("pulumi.runtime", folder / "runtime"),
                       ("pulumi.runtime.proto", folder / "runtime" / "proto")):  # fmt: skip
        module = ModuleType(name)
        module.__path__ = [str(path)]
        sys.modules[name] = module


def use_bare_stubs() -> None:
    """Load the stubs alone. Only for a process that needs nothing else of the SDK, before anything imports it."""
    if "pulumi" not in sys.modules:
        _bare_packages()


def _stub(name: str) -> ModuleType:
    return importlib.import_module(f"pulumi.runtime.proto.{name}")


def __getattr__(name: str) -> ModuleType:
    if not name.endswith(("_pb2", "_pb2_grpc")):
        raise AttributeError(name)
    return _stub(name)
