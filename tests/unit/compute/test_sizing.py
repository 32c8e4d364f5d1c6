import json
from pathlib import Path
from typing import Any

import pytest

from compute.sizing import EVIDENCE_KEYS, MEASURED_KEYS, SIZING_FILE, memory_by_function
from foundation.catalog import CATALOG
from foundation.problems import InvalidConfiguration, Problem

EVIDENCE = dict.fromkeys(EVIDENCE_KEYS)
MEASURED = dict.fromkeys(MEASURED_KEYS, 0)


def _file(tmp_path: Path, content: Any) -> Path:
    path = tmp_path / "sizing.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    return path


def _sized(memory: Any, evidence: Any = EVIDENCE) -> dict[str, Any]:
    return {"functions": {"store": {"memory_mb": memory, "evidence": evidence}}}


def _problems(path: Path, *functions: str) -> tuple[Problem, ...]:
    with pytest.raises(InvalidConfiguration) as caught:
        memory_by_function(functions, path)
    return caught.value.problems


def test_the_shipped_file_sizes_every_function_of_the_catalog() -> None:
    names = {function.name for function in CATALOG.functions}
    memory = memory_by_function(names, SIZING_FILE)
    assert set(memory) == names
    assert all(512 <= size <= 1024 for size in memory.values())


@pytest.mark.parametrize("memory", [512, 513, 1024])
def test_memory_from_512_to_1024_is_taken(tmp_path: Path, memory: int) -> None:
    assert memory_by_function(["store"], _file(tmp_path, _sized(memory))) == {"store": memory}


@pytest.mark.parametrize("memory", [511, 1025, 3008, 0, -512, 512.5, "512", None, True, [512]])
def test_any_other_memory_is_rejected_with_the_range(tmp_path: Path, memory: Any) -> None:
    (problem,) = _problems(_file(tmp_path, _sized(memory)), "store")
    assert problem.where.endswith("sizing.json functions.store.memory_mb")
    assert problem.value == memory
    assert "512 to 1024" in problem.allowed


@pytest.mark.parametrize("missing", EVIDENCE_KEYS)
def test_every_piece_of_evidence_is_required(tmp_path: Path, missing: str) -> None:
    evidence = {key: None for key in EVIDENCE_KEYS if key != missing}
    (problem,) = _problems(_file(tmp_path, _sized(512, evidence)), "store")
    assert problem.where.endswith("functions.store.evidence")
    assert missing in problem.allowed


@pytest.mark.parametrize("evidence", [None, "none", []])
def test_evidence_is_an_object(tmp_path: Path, evidence: Any) -> None:
    (problem,) = _problems(_file(tmp_path, _sized(512, evidence)), "store")
    assert problem.where.endswith("functions.store.evidence")


def test_a_missing_function_an_unknown_one_and_a_wrong_size_are_reported_at_once(tmp_path: Path) -> None:
    entries = {"stor": {"memory_mb": 512, "evidence": EVIDENCE}, "read": {"memory_mb": 1, "evidence": EVIDENCE}}
    problems = _problems(_file(tmp_path, {"functions": entries}), "store", "read")
    assert {problem.where.rpartition("functions.")[2] for problem in problems} == {"stor", "store", "read.memory_mb"}
    assert "did you mean 'store'?" in next(p.allowed for p in problems if p.where.endswith(".stor"))


@pytest.mark.parametrize(
    ("entry", "where"),
    [
        ({"memory": 512}, "store.memory"),
        ({"previous": {"memory_mb": 64, "evidence": EVIDENCE, "measured": MEASURED}}, "store.previous.memory_mb"),
        ({"previous": {"memory_mb": 1024, "evidence": EVIDENCE}}, "store.previous.measured"),
        ({"previous": {"memory_mb": 1024, "evidence": EVIDENCE, "measured": {**MEASURED, "ooms": "1"}}},
         "store.previous.measured.ooms"),
    ],
)  # fmt: skip
def test_a_key_that_there_is_not_and_a_wrong_size_before_are_rejected(tmp_path: Path, entry: Any, where: str) -> None:
    path = _file(tmp_path, {"functions": {"store": {"memory_mb": 512, "evidence": EVIDENCE, **entry}}})
    (problem,) = _problems(path, "store")
    assert problem.where.endswith(f"functions.{where}")


@pytest.mark.parametrize("content", ["", "{", "[]", "{}", '{"functions": []}', '{"functions": null}', '"x"'])
def test_a_file_that_is_no_sizing_is_one_problem_that_names_it(tmp_path: Path, content: str) -> None:
    (problem,) = _problems(_file(tmp_path, content), "store")
    assert "sizing.json" in problem.where


def test_a_key_that_stands_twice_is_a_problem_and_the_last_one_no_answer(tmp_path: Path) -> None:
    once = json.dumps(_sized(512)["functions"])[1:-1]
    (problem,) = _problems(_file(tmp_path, f'{{"functions": {{{once}, {once}}}}}'), "store")
    assert (problem.where.rpartition("/")[2], problem.value) == ("sizing.json", "store stands twice")


def test_a_missing_file_is_a_problem_that_names_it(tmp_path: Path) -> None:
    (problem,) = _problems(tmp_path / "sizing.json", "store")
    assert "sizing.json" in problem.where
    assert problem.allowed == "a file that exists"
