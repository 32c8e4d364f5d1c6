"""Every alarm's description leads to a runbook that exists; runbooks and docs say nothing of alarms that do not."""

import re
import shlex
from collections.abc import Callable
from pathlib import Path

import pytest

from estate_tool.cli import parser
from foundation.catalog import CATALOG
from observability.alarm_spec import RUNBOOKS, SYMPTOMS, SYMPTOMS_RUNBOOK
from observability.alarms import estate_alarms
from tests.support.alarm_table import DOCUMENT, causes, generated
from tests.support.cloudwatch.simulation import registered
from tests.support.declarations import SAMPLE
from tests.support.mocks import ROOT
from tests.support.watching import estate

FOLDER = ROOT / "docs" / "runbooks"
PARTS = {"Means", "Look", "Do", "Verify"}


def headings(name: str) -> dict[str, str]:
    """The parts of a runbook by the anchors of their headings."""
    _, *parts = re.split(r"^## ", (FOLDER / name).read_text(encoding="utf-8"), flags=re.M)
    return {part.splitlines()[0]: part for part in parts}


def linked() -> set[tuple[str, str]]:
    """The file and anchor that each deployed alarm's description ends with."""
    layer = registered("all", quietHours="6")
    alarms = layer.of("cloudwatch/metricAlarm:MetricAlarm") + layer.of("cloudwatch/compositeAlarm:CompositeAlarm")
    links = [alarm.inputs["alarmDescription"].rpartition(" Runbook: ")[2] for alarm in alarms]
    assert len(links) > len(CATALOG.functions)
    return {
        (path.removeprefix("docs/runbooks/"), anchor) for path, _, anchor in (link.partition("#") for link in links)
    }


def test_every_alarm_leads_to_a_heading_that_exists():
    assert linked() <= {(path.name, anchor) for path in FOLDER.iterdir() for anchor in headings(path.name)}


def test_every_heading_is_of_an_alarm_that_exists():
    named = {(path.name, anchor) for path in FOLDER.iterdir() for anchor in headings(path.name)}
    declared = estate_alarms(estate(SAMPLE, quietHours=6), "all").values()
    every = {tuple(spec.runbook.split("#")) for specs in declared for spec in specs}
    assert named == every | {(SYMPTOMS_RUNBOOK, symptom) for symptom in SYMPTOMS}
    assert {path.name for path in FOLDER.iterdir()} == {f"{name}.md" for name in RUNBOOKS.values()} | {SYMPTOMS_RUNBOOK}
    assert set(headings(SYMPTOMS_RUNBOOK)) == set(SYMPTOMS)


@pytest.mark.parametrize("name", [*(f"{name}.md" for name in RUNBOOKS.values()), SYMPTOMS_RUNBOOK])
def test_every_part_states_what_it_means_where_to_look_what_to_do_and_how_to_verify(name: str):
    for anchor, text in headings(name).items():
        found = set(re.findall(r"\*\*(\w+)\*\*", text))
        assert {word.capitalize() for word in found} == PARTS, anchor


def test_links_within_the_documents_lead_somewhere():
    for path in (*FOLDER.iterdir(), DOCUMENT):
        for target in re.findall(r"\]\(([^)]+)\)", path.read_text(encoding="utf-8")):
            file, _, anchor = target.partition("#")
            found = path.parent / file if file else path
            assert found.exists(), f"{path.name}: {target}"
            if anchor:
                assert re.search(rf"^## {anchor}$", found.read_text(encoding="utf-8"), re.M), f"{path.name}: {target}"


def commands() -> list[tuple[str, list[str]]]:
    """Every command that a runbook names, with its words; a line may end within one."""
    found = [
        (path.name, shlex.split(text))
        for path in sorted(FOLDER.iterdir())
        for text in re.findall(r"`(scripts/[^`]+)`", path.read_text(encoding="utf-8"))
    ]
    assert len(found) > len(PARTS)
    return found


@pytest.mark.parametrize(("runbook", "words"), commands(), ids=lambda value: value if isinstance(value, str) else None)
def test_every_command_of_a_runbook_exists_with_its_flags(
    runbook: str, words: list[str], capsys: pytest.CaptureFixture[str]
):
    command, *rest = words
    assert (ROOT / command).is_file(), f"{runbook}: {command}"
    if command != "scripts/estate":
        # The scripts hand their words to the command of their name.
        verb, _, what = Path(command).stem.partition("_")
        rest = [verb, *(["--layer", rest.pop(0)] if what == "layer" else []), *rest]
    try:
        parser().parse_args(rest)
    except SystemExit:
        pytest.fail(f"{runbook}: {shlex.join(words)}: {capsys.readouterr().err}")


@pytest.mark.parametrize("table", [generated, causes], ids=lambda table: table.__name__)
def test_the_tables_are_fresh(table: Callable[[], str]):
    assert table() in DOCUMENT.read_text(encoding="utf-8"), "python -m tests.support.alarm_table writes it anew"
