"""Unresolved imports of handlers, found by static analysis of their packages."""

import ast
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import cache

# Packages of Lambda's Pythons besides the standard library: boto3 and its dependencies.
RUNTIME_PACKAGES = frozenset({"boto3", "botocore", "s3transfer", "jmespath", "dateutil", "six", "urllib3"})
_TOLERANT = frozenset({"ImportError", "ModuleNotFoundError", "Exception", "BaseException"})
_STATEMENTS = (ast.stmt, ast.excepthandler, ast.match_case)
_CONDITIONS = ("TYPE_CHECKING", "sys.version_info", "sys.platform", "platform.", "os.name")


@dataclass(frozen=True, kw_only=True)
class Unresolved:
    """An import that fails: file, line and module."""

    file: str
    line: int
    module: str


@dataclass(frozen=True)
class _Import:
    """A module, and the names imported from it, without `*`."""

    line: int
    module: str
    names: tuple[str, ...] = ()


def unresolved(handler: str, files: Mapping[str, bytes], own: Collection[str], runtime: str) -> list[Unresolved]:
    """Return the unresolved imports of the handler's module, and of own modules that it imports, directly or not.

    `handler` is a module's name; `files` is the package, by name; `own` are the names of our files in it. Imports that
    may fail are left out: in `try` with `except ImportError`, under TYPE_CHECKING, a condition on version or platform.
    """
    package = _Package(files, frozenset(own), runtime)
    found: list[Unresolved] = []
    waiting, seen = [handler], set[str]()
    while waiting:
        for name in _with_parents(waiting.pop()):
            if name in seen or (file := package.source(name)) is None:
                continue
            seen.add(name)
            for each in _imports(name, file, files[file]):
                missing = package.missing(each)
                found += [Unresolved(file=file, line=each.line, module=module) for module in missing]
                waiting += [each.module, *(f"{each.module}.{one}" for one in each.names)]
    return sorted(found, key=lambda one: (one.file, one.line, one.module))


class _Package:
    """Modules of a package, the standard library and the runtime."""

    def __init__(self, files: Mapping[str, bytes], own: frozenset[str], runtime: str) -> None:
        self._files, self._own = files, own
        self._modules = {module for name in files for module in _modules(name)}
        self._given = _standard_library(runtime) | RUNTIME_PACKAGES

    def source(self, module: str) -> str | None:
        """Return the own file of a module."""
        path = module.replace(".", "/")
        return next((name for name in (f"{path}.py", f"{path}/__init__.py") if name in self._own), None)

    def missing(self, wanted: _Import) -> list[str]:
        """Return the unresolved modules of an import: the first one of its dotted name, or imported names."""
        top = wanted.module.partition(".")[0]
        if top not in self._modules:
            return [] if top in self._given else [wanted.module]
        for name in _with_parents(wanted.module):
            if name not in self._modules:
                return [] if self._may_have_module(name) else [name]
        return [each for name in wanted.names if not self._may_have(each := f"{wanted.module}.{name}")]

    def _may_have_module(self, name: str) -> bool:
        """True if the package around the name creates modules at run time, such as `six.moves`."""
        content = self._files.get(f"{name.rpartition('.')[0].replace('.', '/')}/__init__.py", b"")
        single = self._files.get(f"{name.rpartition('.')[0].replace('.', '/')}.py", b"")
        return any(mark in content + single for mark in (b"sys.modules", b"__path__"))

    def _may_have(self, name: str) -> bool:
        """True unless the module around the name is known not to have it."""
        parent, _, last = name.rpartition(".")
        path = parent.replace(".", "/")
        init = f"{path}/__init__.py"
        if name in self._modules:
            return True
        if init in self._own:
            return last in (bound := _bound(self._files[init])) or "*" in bound
        # Names within third-party modules are not analysed; a bare folder has none.
        return init in self._files or any(file.startswith(f"{path}.") for file in self._files)


def _modules(file: str) -> Iterator[str]:
    """Yield the modules that a file of a package makes importable: its own and those of the folders around it."""
    *folders, last = file.split("/")
    stem, _, suffix = last.partition(".")
    if suffix == "py" or suffix.endswith("so"):
        parts = folders if stem == "__init__" else [*folders, stem]
        yield from (".".join(parts[:count]) for count in range(1, len(parts) + 1))


@cache
def _standard_library(runtime: str) -> frozenset[str]:
    from stdlib_list import stdlib_list

    return frozenset(name.partition(".")[0] for name in stdlib_list(runtime.removeprefix("python")))


def _with_parents(module: str) -> list[str]:
    parts = module.split(".")
    return [".".join(parts[:count]) for count in range(1, len(parts) + 1)]


def _bound(content: bytes) -> set[str]:
    """Return the names that a module binds anywhere, `*` for any name."""
    names: set[str] = set()
    for node in ast.walk(_tree(content)):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            names.add(node.id)
        elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            names.add("*" if node.name == "__getattr__" else node.name)
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            names |= {alias.asname or alias.name.partition(".")[0] for alias in node.names}
    return names


def _tree(content: bytes) -> ast.Module:
    """Return a module's tree; an empty one where this Python, which may be older than Lambda's, can't parse it."""
    try:
        return ast.parse(content)
    except SyntaxError:
        return ast.Module(body=[], type_ignores=[])


def _imports(module: str, file: str, content: bytes) -> Iterator[_Import]:
    package = module if file.endswith("/__init__.py") else module.rpartition(".")[0]
    for node in _certain(_tree(content)):
        if isinstance(node, ast.Import):
            yield from (_Import(node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            source = node.module or ""
            if node.level:
                around = package.split(".")[: max(0, len(package.split(".")) - node.level + 1)]
                source = ".".join(filter(None, (*around, source))) or "." * node.level
            yield _Import(node.lineno, source, tuple(alias.name for alias in node.names if alias.name != "*"))


def _certain(node: ast.AST) -> Iterator[ast.AST]:
    """Yield the nodes of a module without conditional imports and imports that may fail."""
    yield node
    bodies = [child for child in ast.iter_child_nodes(node) if isinstance(child, _STATEMENTS)]
    if isinstance(node, (ast.Try, ast.TryStar)) and any(map(_catches_import_error, node.handlers)):
        bodies = [*node.finalbody]
    elif (
        isinstance(node, ast.With)
        and "suppress(" in ast.unparse(node.items[0])
        and "Import" in ast.unparse(node.items[0])
    ):
        bodies = []
    elif isinstance(node, ast.If) and any(name in ast.unparse(node.test) for name in _CONDITIONS):
        test = ast.unparse(node.test)
        bodies = [] if "TYPE_CHECKING" not in test else node.body if test.startswith("not ") else node.orelse
    for child in bodies:
        yield from _certain(child)


def _catches_import_error(handler: ast.ExceptHandler) -> bool:
    if handler.type is None:
        return True
    kinds = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
    return any(isinstance(kind, ast.Name) and kind.id in _TOLERANT for kind in kinds)
