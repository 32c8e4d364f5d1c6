from __future__ import annotations

from typing import Any

import pytest

from local_aws.server.batch_response import batch_item_failures


@pytest.mark.parametrize(
    "body", [None, "", {}, {"batchItemFailures": []}, {"batchItemFailures": None}, {"something": "else"}]
)
def test_nothing_reported_is_a_success(body: Any) -> None:
    assert batch_item_failures(body) == set()


def test_the_reported_identifiers_are_the_failures() -> None:
    body = {"batchItemFailures": [{"itemIdentifier": "a"}, {"itemIdentifier": "b"}, {"itemIdentifier": "a"}]}

    assert batch_item_failures(body) == {"a", "b"}


@pytest.mark.parametrize(
    "body",
    [
        "text", 1, [], {"batchItemFailures": "a"}, {"batchItemFailures": ["a"]}, {"batchItemFailures": [{}]},
        {"batchItemFailures": [{"itemIdentifier": ""}]}, {"batchItemFailures": [{"itemIdentifier": None}]},
        {"batchItemFailures": [{"itemIdentifier": "a"}, {"identifier": "b"}]},
    ],
)  # fmt: skip
def test_what_aws_does_not_understand_is_no_report(body: Any) -> None:
    assert batch_item_failures(body) is None
