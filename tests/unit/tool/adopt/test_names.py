"""Logical names of adopted resources."""

from __future__ import annotations

import pytest

from estate_tool.adopt import names
from estate_tool.core.errors import UsageError


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("OrdersProcessor", "orders-processor"), ("prod-orders-function", "orders"), ("lambda_orders_dev", "orders"),
        ("shop-OrdersFunction-1A2B3C4D5E6F", "shop-orders"), ("HTTPApiV2", "http-api-v2"), ("queue", "queue"),
        ("2024-report", "report"), ("orders.fifo", "orders-fifo"), ("prod", "prod"),
        ("a-very-long-name-of-a-function-in-our-account", "a-very-long-name-of-a"), ("__", ""),
    ],
)  # fmt: skip
def test_logical_names_leave_out_types_environments_and_what_was_generated(old: str, new: str) -> None:
    assert names.logical(old) == new


def test_names_that_would_be_the_same_are_refused_unless_one_is_chosen() -> None:
    with pytest.raises(UsageError, match="prod-orders") as refused:
        names.named("function", ["prod-orders", "orders-fn"], {})
    assert "--name" in refused.value.hint
    assert names.named("function", ["prod-orders", "orders-fn"], {"orders-fn": "second"})["orders-fn"] == "second"
