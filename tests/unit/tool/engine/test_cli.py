"""The engine's command line, played by a small script."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

from estate_tool.core.errors import Failed
from estate_tool.engine import cli, locks
from estate_tool.engine.checkpoint import LEASE_TAG, RECORD_TAG, Record
from estate_tool.engine.cli import Pulumi
from foundation.layers import LAYER_NAMES

ENGINE = """#!/usr/bin/env python3
import json, os, sys
from pathlib import Path
folder = Path(__file__).parent
with (folder / "calls.jsonl").open("a") as calls:
    print(json.dumps({"arguments": sys.argv[1:], "folder": os.getcwd(), "given": os.environ.get("GIVEN")}), file=calls)
answer = json.loads((folder / "answer.json").read_text())
for argument in sys.argv[1:]:
    if argument.startswith("--event-log="):
        with open(argument.partition("=")[2], "a") as log:
            for event in answer["events"]:
                print(json.dumps(event), file=log)
print(answer["stdout"])
print(answer["stderr"], file=sys.stderr)
sys.exit(answer["code"])
"""


class Engine:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        script = folder / "pulumi"
        script.write_text(ENGINE)
        script.chmod(0o755)
        self.answers()

    def answers(self, *, stdout: str = "", stderr: str = "", code: int = 0, events: tuple[Any, ...] = ()) -> None:
        answer = {"stdout": stdout, "stderr": stderr, "code": code, "events": events}
        (self.folder / "answer.json").write_text(json.dumps(answer))

    @property
    def calls(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in (self.folder / "calls.jsonl").read_text().splitlines()]


@pytest.fixture
def engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Engine:
    layers = tmp_path / "checkout"
    for layer in LAYER_NAMES:
        (layers / layer).mkdir(parents=True)
    monkeypatch.setattr(cli, "ROOT", layers)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    return Engine(tmp_path)


# An engine that answers by the command and the folder it is run in.
CHOOSING = """
asked = " ".join([os.path.basename(os.getcwd()), *sys.argv[1:]])
print(next((json.dumps(said) for key, said in {answers!r}.items() if key in asked), ""))"""


def answering(engine: Engine, answers: dict[str, Any]) -> None:
    """The first answer whose key the folder's name and the arguments hold."""
    script = (engine.folder / "pulumi").read_text()
    chosen = CHOOSING.format(answers=answers)
    (engine.folder / "pulumi").write_text(script.replace('print(answer["stdout"])', chosen))


def test_a_layer_s_stack_is_the_one_that_its_bare_name_means(engine: Engine) -> None:
    # So the engine lists them in a project's folder: another organisation's with its name.
    others = [{"name": "their-org/dev"}, {"name": "dev-b"}]
    answering(
        engine,
        {
            "data stack ls": [*others, {"name": "dev"}],
            "foundation stack ls": [{"name": "dev"}],
            "compute stack ls": others,
            "observability stack ls": [],
            "tag ls": {},
            "export": {"deployment": {}},
        },
    )
    assert set(Pulumi(stack="dev").states()) == {"data", "foundation"}
    assert all("--all" not in call["arguments"] for call in engine.calls)


def test_stacks_of_the_former_names_are_the_estate_s_only_by_their_content(engine: Engine) -> None:
    own = {"deployment": {"resources": [{"type": "estate:data:ScalingTable"}]}}
    listed = ["organization/data/dev", "organization/compute/dev", "organization/foundation/prod", "organization/x/dev"]
    answering(
        engine,
        {
            "stack ls --all": [{"name": name} for name in listed],
            "export --stack organization/data/dev": own,
            "export --stack organization/compute/dev": {"deployment": {"resources": [{"type": "aws:a:A"}]}},
        },
    )
    assert Pulumi(stack="dev").former() == {"data": "organization/data/dev"}


def _ignore(_event: object) -> None:
    pass


RECORD = Record(inputs="abc", aws="one")
PACK = f"--policy-pack={cli.POLICY_PACK}"


@pytest.mark.parametrize(
    ("call", "folder", "arguments", "others"),
    [
        (lambda it: it.destroy("data", _ignore), "data", ["destroy", "--yes", "--skip-preview"], ["--stack", "dev"]),
        (lambda it: it.preview("data", _ignore), "data", ["preview"], [PACK]),
        (lambda it: it.preview("data", _ignore, refresh=True), "data", ["preview", "--refresh"], [PACK]),
        (lambda it: it.up("data", _ignore), "data", ["up", "--yes", "--skip-preview", "--suppress-outputs"], [PACK]),
        (
            lambda it: it.up("data", _ignore, refresh=True, exclude=("urn:a", "urn:b")), "data",
            ["up", "--yes", "--skip-preview", "--refresh"], ["--exclude=urn:a", "--exclude=urn:b"],
        ),
        (
            lambda it: it.refresh("data", ["urn:a", "urn:b"], _ignore), "data",
            ["refresh", "--yes", "--skip-preview"], ["--target=urn:a", "--target=urn:b"],
        ),
        (lambda it: it.compare("data", _ignore), "data", ["refresh", "--preview-only", "--suppress-outputs"], []),
        (lambda it: it.create_stack("data"), "data", ["stack", "init", "dev", "--no-select"], []),
        (
            lambda it: it.keep_record("data", RECORD), "data",
            ["stack", "tag", "set", RECORD_TAG, str(RECORD)], ["--stack", "dev"],
        ),
        (lambda it: it.keep_lease("1 a b"), "foundation", ["stack", "tag", "set", LEASE_TAG, "1 a b"], []),
        (lambda it: it.end_lease(), "foundation", ["stack", "tag", "rm", LEASE_TAG], []),
    ],
)  # fmt: skip
def test_each_call_is_one_of_the_engine_in_the_layer_s_folder(
    engine: Engine, call: Callable[[Pulumi], str | None], folder: str, arguments: list[str], others: list[str]
) -> None:
    assert not call(Pulumi(stack="dev", variables={"GIVEN": "yes"}))
    (made,) = engine.calls
    assert (Path(made["folder"]).name, made["given"]) == (folder, "yes")
    assert made["arguments"][: len(arguments)] == arguments
    assert [one for one in made["arguments"] if one in others] == others
    assert len([one for one in made["arguments"] if one.startswith(("--target", "--exclude"))]) in (0, len(others))


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        ("echo half done; echo error: no >&2; exit 255", "half done\nerror: no"),
        ("kill -KILL $$", "pulumi was ended from outside, by signal 9"),
        ("exit 3", "pulumi ended with 3"),
    ],
)
def test_a_failed_run_returns_what_the_engine_printed_or_how_it_ended(
    engine: Engine, script: str, expected: str
) -> None:
    (engine.folder / "pulumi").write_text(f"#!/bin/sh\n{script}\n")
    assert Pulumi(stack="dev").destroy("data", _ignore) == expected


def test_a_failed_question_is_an_error_with_the_engines_words(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    engine.answers(stderr="error: no backend", code=1)
    with pytest.raises(Failed, match="stack ls failed in foundation: error: no backend"):
        Pulumi(stack="dev").states()
    monkeypatch.setenv("PATH", str(engine.folder / "checkout"))
    with pytest.raises(Failed) as error:
        Pulumi(stack="dev").states()
    assert "scripts/setup.sh" in error.value.hint


@pytest.mark.parametrize(("tags", "lease"), [({LEASE_TAG: "1 a"}, "1 a"), (None, "")])
def test_the_lease_is_a_tag_of_the_first_layers_stack(engine: Engine, tags: Any, lease: str) -> None:
    answering(engine, {"foundation stack ls": [{"name": "dev"}], "foundation stack tag ls": tags})
    assert Pulumi(stack="dev").lease() == lease


def test_without_a_stack_there_is_no_lease_and_another_diagnostic_is_raised(engine: Engine) -> None:
    engine.answers(stdout="[]", stderr="error: no stack named 'dev' found", code=1)
    with pytest.raises(Failed, match="no stack named"):
        Pulumi(stack="dev").lease()
    script = (engine.folder / "pulumi").read_text()
    (engine.folder / "pulumi").write_text(script.replace('answer["code"]', '"tag" in sys.argv'))
    assert Pulumi(stack="dev").lease() is None


def test_the_policy_pack_prints_the_port_and_ends_with_the_tool() -> None:
    with subprocess.Popen(["sleep", "600"]) as tool:
        variables = {"ESTATE_POLICY_PACK_PORT": "4321", "ESTATE_POLICY_PACK_PROCESS": str(tool.pid)}
        command = [str(cli.POLICY_PACK), "127.0.0.1:1", "x"]
        with subprocess.Popen(command, env={**os.environ, **variables}, stdout=subprocess.PIPE, text=True) as pack:
            assert pack.stdout is not None
            assert pack.stdout.readline() == "4321\n"
            assert pack.poll() is None
            tool.kill()
            tool.wait()
            assert pack.wait(timeout=30) == 0


def test_every_event_is_handed_on_in_order(engine: Engine) -> None:
    events = tuple({"sequence": number} for number in range(500))
    engine.answers(events=events)
    seen: list[Any] = []
    assert Pulumi(stack="dev").destroy("data", seen.append) == ""
    assert seen == list(events)


LOCKED = """#!/usr/bin/env python3
import os, sys
open(__file__ + ".calls", "a").write(sys.argv[1] + "\\n")
if sys.argv[1] == "cancel":
    open(__file__ + ".freed", "w")
elif not os.path.exists(__file__ + ".freed"):
    print("error: the stack is currently locked by 1 lock(s). Either wait for the other process(es) to end or delete "
          "the lock file with `pulumi cancel`.\\n  s3://state/.pulumi/locks/organization/estate-data/dev/7c.json: "
          "created by ann@HOST (pid PID) at 2026-11-27T00:03:01Z", file=sys.stderr)
    sys.exit(255)
"""


@pytest.mark.parametrize("call", ["destroy", "keep_record"])
def test_a_lock_in_a_bucket_of_a_process_that_has_ended_here_is_freed(engine: Engine, ended: int, call: str) -> None:
    locked = LOCKED.replace("HOST", socket.gethostname()).replace("PID", str(ended))
    (engine.folder / "pulumi").write_text(locked)
    said: list[str] = []
    pulumi = Pulumi(stack="dev", say=said.append)
    if call == "destroy":
        assert pulumi.destroy("data", lambda _: None) == ""
    else:
        pulumi.keep_record("data", Record())
    verb = {"destroy": "destroy", "keep_record": "stack"}[call]
    assert (engine.folder / "pulumi.calls").read_text().split() == [verb, "cancel", verb]
    assert f"process {ended} of ann" in said[0]


@pytest.mark.parametrize("elsewhere", [True, False])
def test_a_lock_in_a_bucket_that_may_be_held_is_left_and_named(
    engine: Engine, ended: int, elsewhere: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    host, pid = ("elsewhere", ended) if elsewhere else (socket.gethostname(), os.getpid())
    monkeypatch.setattr(locks, "_is_engine", lambda _: True)
    (engine.folder / "pulumi").write_text(LOCKED.replace("HOST", host).replace("PID", str(pid)))
    diagnostic = Pulumi(stack="dev").destroy("data", _ignore)
    assert f"created by ann@{host}" in diagnostic
    assert "scripts/estate pulumi cancel --yes --cwd data --stack dev" in diagnostic
    assert "cancel" not in (engine.folder / "pulumi.calls").read_text().split()


def test_an_edited_deployment_is_handed_to_the_engine_as_it_came(engine: Engine) -> None:
    engine.answers(stdout=json.dumps({"version": 4, "deployment": {"resources": []}}))
    exported = Pulumi(stack="dev").export_versioned("data")
    script = (engine.folder / "pulumi").read_text()
    kept = 'import shutil; shutil.copy(sys.argv[sys.argv.index("--file") + 1], folder / "imported.json")\nprint('
    (engine.folder / "pulumi").write_text(script.replace("print(answer", f"{kept}answer", 1))
    Pulumi(stack="dev").replace("data", exported)
    assert json.loads((engine.folder / "imported.json").read_text()) == exported


def test_without_a_state_folder_states_come_from_the_engine_with_their_records(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(locks, "state_folder", lambda _: None)
    record = Record(inputs="abc", aws="one")
    answers = {
        "data stack ls": [{"name": "dev"}],
        "foundation stack ls": [],
        "tag ls": {RECORD_TAG: str(record)},
        "export": {"version": 3, "deployment": {"resources": [{"type": "aws:a"}]}},
    }
    answering(engine, answers)
    states = Pulumi(stack="dev").states(("foundation", "data"))
    assert list(states) == ["data"]
    assert states["data"].record == record
    assert states["data"].deployment == {"resources": [{"type": "aws:a"}]}


INTERRUPTED = """#!/usr/bin/env python3
import signal, sys
def stop(*_):
    with open(__file__ + ".interrupted", "a") as file:
        print("once", file=file)
    open(__file__ + ".in-flight").close()  # until the test opens the other end
    with open(__file__ + ".interrupted", "a") as file:
        print("ended", file=file)
    sys.exit(1)
signal.signal(signal.SIGINT, stop)
log = next(argument.partition("=")[2] for argument in sys.argv if argument.startswith("--event-log="))
with open(log, "a") as file:
    print("{}", file=file)
signal.alarm(60)
signal.pause()
"""


def test_ctrl_c_is_handed_on_once_and_what_was_in_flight_is_waited_for(engine: Engine) -> None:
    (engine.folder / "pulumi").write_text(INTERRUPTED)
    in_flight = engine.folder / "pulumi.in-flight"
    os.mkfifo(in_flight)
    threading.Thread(target=in_flight.write_text, args=("",), daemon=True).start()
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    person = threading.main_thread().ident or 0
    try:
        with pytest.raises(KeyboardInterrupt):
            Pulumi(stack="dev").destroy("data", lambda _: signal.pthread_kill(person, signal.SIGINT))
    finally:
        signal.signal(signal.SIGINT, before)
    assert (engine.folder / "pulumi.interrupted").read_text() == "once\nended\n"


@pytest.mark.parametrize(
    ("stack", "content", "kept"),
    [
        ("local-b", "encryptionsalt: v1:abc\n", False),
        ("local-b", "encryptionsalt: v1:abc\nconfig:\n  data:onDemand: true\n", True),
        ("local", "encryptionsalt: v1:abc\n", True),
        ("dev", "encryptionsalt: v1:abc\nconfig:\n  aws:allowedAccountIds: ['1']\n", True),
    ],
)
def test_a_removed_stack_leaves_only_files_that_somebody_wrote(
    engine: Engine, stack: str, content: str, kept: bool
) -> None:
    file = engine.folder / "checkout" / "environments" / f"Pulumi.{stack}.yaml"
    file.parent.mkdir()
    file.write_text(content)
    Pulumi(stack=stack).remove_stack("data")
    assert file.exists() == kept
    assert "--preserve-config" in engine.calls[0]["arguments"]
