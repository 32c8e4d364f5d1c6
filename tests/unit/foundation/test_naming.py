import re
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from foundation.naming import TAG_KEYS, Arns, Names, Tags, is_valid_name, is_valid_suffix, is_valid_tag_value
from tests.support.declarations import ARNS, catalog_names, suffixes

# Name limits of the services' API references: CreateFunction, CreateRole, CreateTable, CreateQueue, CreateLogGroup.
LIMITS = {
    "function": r"[A-Za-z0-9_-]{1,64}",
    "role": r"[\w+=,.@-]{1,64}",
    "table": r"[A-Za-z0-9_.-]{3,255}",
    "queue": r"[A-Za-z0-9_-]{1,80}",
    "dead_letter_queue": r"[A-Za-z0-9_-]{1,80}",
    "log_group": r"[A-Za-z0-9_/.#-]{1,512}",
}
NOT_SUFFIXES = ["", "-", "Dev", "dev-", "-dev", "a--b", "a_b", "a.b", "a b", "dev\n", "dév", "x" * 17, "٣"]
NOT_NAMES = ["", "1st", "-a", "Ingest", "a--b", "a-", "a_b", "a\n", "x" * 25]


@given(name=catalog_names(), suffix=suffixes())
def test_names_keep_the_limits_of_aws_whatever_name_and_suffix(name: str, suffix: str) -> None:
    for kind, limit in LIMITS.items():
        assert re.fullmatch(limit, getattr(Names(suffix), kind)(name), re.ASCII), kind


@given(name=catalog_names(), suffix=suffixes())
def test_the_suffix_is_always_the_end_of_a_name(name: str, suffix: str) -> None:
    for kind in LIMITS:
        assert getattr(Names(suffix), kind)(name).endswith(f"-{name}-{suffix}"), kind


@given(name=catalog_names(), suffix=suffixes())
def test_valid_shapes_are_accepted(name: str, suffix: str) -> None:
    assert is_valid_suffix(suffix)
    assert is_valid_name(name)


ANYTHING = st.text("ab1-_A\n", max_size=30) | st.text(max_size=30)


@given(ANYTHING)
def test_a_rule_is_what_its_text_states(value: str) -> None:
    words = value.split("-")
    plain = all(word and set(word) <= set(string.ascii_lowercase + string.digits) for word in words)
    assert is_valid_suffix(value) == (plain and len(value) <= 16)
    assert is_valid_name(value) == (plain and len(value) <= 24 and value[0].isalpha())


@given(suffix=suffixes(), pair=st.lists(catalog_names(), min_size=2, max_size=2, unique=True))
def test_no_two_resources_of_an_environment_share_a_name(suffix: str, pair: list[str]) -> None:
    names = Names(suffix)
    every = [getattr(names, kind)(name) for kind in LIMITS for name in pair]
    assert len(set(every)) == len(every)


@pytest.mark.parametrize("value", NOT_SUFFIXES)
def test_an_invalid_suffix_is_rejected(value: str) -> None:
    assert not is_valid_suffix(value)


@pytest.mark.parametrize("value", NOT_NAMES)
def test_an_invalid_name_is_rejected(value: str) -> None:
    assert not is_valid_name(value)


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        ("function", "lambda-x-dev"), ("role", "role-x-dev"), ("table", "table-x-dev"), ("queue", "queue-x-dev"),
        ("dead_letter_queue", "dlq-x-dev"), ("schedule", "schedule-x-dev"), ("log_group", "/aws/lambda/lambda-x-dev"),
    ],
)  # fmt: skip
def test_a_name_is_type_name_suffix(kind: str, name: str) -> None:
    assert getattr(Names("dev"), kind)("x") == name


@pytest.mark.parametrize(
    ("kind", "service", "resource"),
    [
        ("table", "dynamodb", "table/table-x-dev"), ("streams", "dynamodb", "table/table-x-dev/stream/*"),
        ("queue", "sqs", "queue-x-dev"), ("dead_letter_queue", "sqs", "dlq-x-dev"),
        ("alias", "lambda", "function:lambda-x-dev:live"),
        ("schedule_group", "scheduler", "schedule-group/schedule-x-dev"),
        ("log_streams", "logs", "log-group:/aws/lambda/lambda-x-dev:*"),
    ],
)  # fmt: skip
def test_arns_name_service_region_account_and_the_physical_name(kind: str, service: str, resource: str) -> None:
    assert getattr(ARNS, kind)("x") == f"arn:aws:{service}:us-east-1:123456789012:{resource}"


def test_arns_follow_partition_region_and_account_of_another() -> None:
    arns = Arns.beside("arn:aws-cn:dynamodb:cn-north-1:1:table/t", Names("dev"))
    assert arns.queue("x") == "arn:aws-cn:sqs:cn-north-1:1:queue-x-dev"
    assert arns.alarms == "arn:aws-cn:cloudwatch:cn-north-1:1:alarm:alarm-*-dev"


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
