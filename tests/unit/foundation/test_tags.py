import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from foundation.naming import TAG_KEYS, Tags, is_valid_tag_value

TAGS = Tags(project="estate", environment="dev", owner="team", cost_center="42")


def test_a_resource_gets_every_key_with_a_value() -> None:
    tags = TAGS.of("data", "events")
    assert tuple(tags) == TAG_KEYS
    assert tags == {
        "Project": "estate",
        "Environment": "dev",
        "Layer": "data",
        "Component": "events",
        "Owner": "team",
        "CostCenter": "42",
        "ManagedBy": "pulumi",
    }


@pytest.mark.parametrize("value", ["data-platform", "a", "Größe 9", "team@example.org", "a/b:c=d+e_f.g", "x" * 128])
def test_values_aws_takes_are_valid(value: str) -> None:
    assert is_valid_tag_value(value)


@pytest.mark.parametrize("value", ["", " ", "   ", "a,b", "a*", "a\n", "tab\t", "x" * 129, "<b>", "a#b"])
def test_values_aws_refuses_and_empty_ones_are_not_valid(value: str) -> None:
    assert not is_valid_tag_value(value)


@given(st.text(min_size=1, max_size=140))
def test_a_valid_value_has_only_letters_digits_spaces_and_the_signs_aws_names(value: str) -> None:
    if is_valid_tag_value(value):
        assert not re.sub(r"[ _.:/=+\-@]", "", value) or re.sub(r"[ _.:/=+\-@]", "", value).isalnum()
        assert len(value) <= 128
