import pytest

from foundation.problems import InvalidConfiguration, Problem, one_of, together


def _failing(*wheres: str) -> object:
    raise InvalidConfiguration([Problem(where=where, value=1, allowed="2") for where in wheres])


def test_a_problem_states_place_value_and_what_is_allowed() -> None:
    assert str(Problem(where="compute:x", value=3008, allowed="512 to 1024")) == (
        "compute:x is 3008; allowed: 512 to 1024"
    )
    assert str(Problem(where="x", value=None, allowed="a name")) == "x is not set; allowed: a name"


def test_a_value_is_never_shown_longer_than_a_line() -> None:
    shown = str(Problem(where="x", value="y" * 5000, allowed="less"))
    assert len(shown) < 120
    assert "..." in shown


def test_the_error_lists_every_problem() -> None:
    with pytest.raises(InvalidConfiguration, match=r"(?s)a is 1.*b is 1"):
        _failing("a", "b")


def test_the_closest_name_is_offered() -> None:
    assert one_of(["events", "pages"], "event") == "one of events, pages (did you mean 'events'?)"
    assert one_of(["events", "pages"], "zzz") == "one of events, pages"
    assert one_of([], "x") == "nothing: none is declared"


def test_checks_together_report_the_problems_of_all_that_fail() -> None:
    with pytest.raises(InvalidConfiguration) as caught:
        together(lambda: _failing("a", "b"), lambda: 1, lambda: _failing("c"))
    assert [problem.where for problem in caught.value.problems] == ["a", "b", "c"]


def test_checks_together_return_their_results_in_order() -> None:
    assert together(lambda: 1, lambda: None, lambda: "x") == [1, None, "x"]


def test_an_error_of_another_kind_is_not_swallowed() -> None:
    with pytest.raises(ZeroDivisionError):
        together(lambda: 1 / 0)
