import pytest

from foundation.config import parse
from foundation.problems import InvalidConfiguration


def test_the_suffix_is_the_stacks_name_unless_it_is_set_and_a_tag() -> None:
    for raw, suffix in (({}, "dev"), ({"environmentSuffix": "blue"}, "blue")):
        config = parse(raw, stack="dev")
        assert (config.suffix, config.names.table("x"), config.tags.environment) == (
            suffix,
            f"table-x-{suffix}",
            suffix,
        )


def test_tags_come_from_the_configuration_and_have_values_without() -> None:
    tags = parse({"project": "p", "owner": "o", "costCenter": "c"}, stack="dev").tags
    assert (tags.project, tags.owner, tags.cost_center) == ("p", "o", "c")
    assert all(parse({}, stack="dev").tags.of("data", "events").values())


@pytest.mark.parametrize("suffix", ["Dev", "a--b", "-a", "x" * 17, "a_b", ""])
def test_a_wrong_suffix_is_rejected_with_the_rule(suffix: str) -> None:
    with pytest.raises(InvalidConfiguration) as caught:
        parse({"environmentSuffix": suffix}, stack="dev")
    (problem,) = caught.value.problems
    assert (problem.where, problem.value) == ("foundation:environmentSuffix", suffix)
    assert "1-16 characters" in problem.allowed


def test_a_stack_whose_name_is_no_suffix_needs_one_set() -> None:
    with pytest.raises(InvalidConfiguration, match=r"environmentSuffix \(the stack's name.*'My_Stack'"):
        parse({}, stack="My_Stack")
    assert parse({"environmentSuffix": "mine"}, stack="My_Stack").suffix == "mine"


def test_everything_wrong_is_reported_at_once() -> None:
    with pytest.raises(InvalidConfiguration) as caught:
        parse({"owner": " ", "costCentre": "1", "project": "a,b"}, stack="Not Valid")
    assert {problem.where.split(" ")[0] for problem in caught.value.problems} == {
        "foundation:owner",
        "foundation:costCentre",
        "foundation:project",
        "foundation:environmentSuffix",
    }
