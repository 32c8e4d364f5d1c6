"""Bounds of provisioned concurrency from its use, and the environment's file that they are written to."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

import compute.config
from estate_tool.commands import rightsize
from estate_tool.sizing import files
from estate_tool.sizing.provisioned_concurrency import ProvisionedUse, combined, recommend
from tests.support.fake_lambda import FakeLambda, NoAdvice
from tests.unit.tool.conftest import configuration

if TYPE_CHECKING:
    from pathlib import Path

    from tests.unit.tool.conftest import Estate

NOW = compute.config.Keys().model_copy(update={"minimum": 4, "maximum": 10, "peak_minimum": 6})


def use(*peaks: int, calls: int = 1000, spilled: int = 0) -> ProvisionedUse:
    return ProvisionedUse(on_provisioned=calls, spilled=spilled, peaks=peaks, used_percent=None)


@pytest.mark.parametrize(
    ("seen", "bounds"),
    [
        # Idle half of the time, 2 at a time at most: 2 / 0.7 = 2.9.
        (use(0, 0, 0, 1, 2), (1, 3)),
        # 3 at a time typically: 3 / 0.7 = 4.3, more than the floor, which was enough; 7 / 0.7 = 10.
        (use(3, 3, 3, 7), (4, 10)),
        # Nothing spilled over, so the bounds of now were enough, whatever the target utilization.
        (use(9, 9, 9), (4, 10)),
        # All 10 were busy and calls spilled over: half as much again; 9 of 10 periods had up to 5: 5 / 0.7 = 7.1.
        (use(*[5] * 9, 10, spilled=20), (8, 15)),
        # There was room up to 10, autoscaling was too slow: 9 of 10 busy periods had up to 6: 6 / 0.7 = 8.6.
        (use(0, 0, 0, 5, 6, spilled=5), (9, 10)),
        (use(0, 0, 0, 9, 9, spilled=5), (10, 10)),
        # Spilled over although few were busy: neither bound goes down.
        (use(0, 0, 0, 0, 1, spilled=1), (4, 10)),
        (use(0, 1, calls=49), (None, None)),
        (use(calls=0), (None, None)),
    ],
)
def test_spillover_and_under_use_become_one_minimum_and_maximum(seen: ProvisionedUse, bounds: tuple[Any, Any]) -> None:
    assert recommend(NOW, seen)[:2] == bounds


@settings(max_examples=50, deadline=None)
@given(st.lists(st.integers(0, 3000), max_size=40), st.integers(50, 10**6), st.integers(0, 1000))
def test_bounds_fit_each_other_and_go_down_only_without_spillover(peaks: list[int], calls: int, spilled: int) -> None:
    advice = recommend(NOW, ProvisionedUse(on_provisioned=calls, spilled=spilled, peaks=peaks, used_percent=None))
    assert advice.minimum is not None
    assert advice.maximum is not None
    assert 1 <= advice.minimum <= advice.maximum
    if spilled:
        assert advice.minimum >= NOW.minimum
        assert advice.maximum >= NOW.maximum
    else:
        assert advice.minimum <= NOW.minimum
        assert advice.maximum <= NOW.maximum


def test_one_setting_holds_for_all_functions_so_the_largest_counts() -> None:
    recommended = [
        {"recommended_minimum": 2, "recommended_maximum": 3},
        {"recommended_minimum": 1, "recommended_maximum": 5},
        {"recommended_minimum": None, "recommended_maximum": None},
    ]
    # The floor of the peak hours stays within both: 6 becomes 5.
    assert combined(NOW, recommended) == {"provisionedMinimum": 2, "provisionedMaximum": 5, "peakMinimum": 5}
    assert combined(NOW, recommended[2:]) == {}
    assert combined(NOW, [{"recommended_minimum": 4, "recommended_maximum": 10}]) == {}


def test_a_recommendation_is_written_where_the_configuration_holds_it(
    empty_estate: Estate, call: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    empty_estate.configuration = configuration({"provisionedMinimum": "3", "provisionedMaximum": "9", "peakMinimum": 3})
    fake = empty_estate.clients["lambda"] = FakeLambda()
    empty_estate.clients["compute-optimizer"] = NoAdvice()
    fake.configurations["lambda-query-dev"] = {"MemorySize": 512}
    monkeypatch.setattr(files.apply_settings, "__defaults__", (tmp_path,))
    moment = datetime.now(UTC) - timedelta(minutes=30)
    for name, value in (
        ("ProvisionedConcurrencyInvocations", 400.0), ("ProvisionedConcurrentExecutions", 2.0),
        ("ProvisionedConcurrencyUtilization", 0.67),
    ):  # fmt: skip
        alias = {"FunctionName": "lambda-query-dev", "Resource": "lambda-query-dev:live"}
        dimensions = [{"Name": key, "Value": one} for key, one in alias.items()]
        empty_estate.client("cloudwatch").put_metric_data(
            Namespace="AWS/Lambda",
            MetricData=[{"MetricName": name, "Value": value, "Timestamp": moment, "Dimensions": dimensions}],
        )
    done = call(rightsize, "dev", "--function", "query", "--since", "1h", "--apply", "--json")
    assert done.code == 0, done.err
    (one,) = json.loads(done.out)["provisioned_concurrency"]
    # Idle for all but a minute of the hour, then 2 at a time: 2 / 0.7 = 2.9.
    assert (one["recommended_minimum"], one["recommended_maximum"]) == (1, 3)
    assert (one["evidence"]["calls_on_warm"], one["evidence"]["used_percent_max"]) == (400, 67)
    assert yaml.safe_load((tmp_path / "Pulumi.dev.yaml").read_text())["config"] == {
        "compute:provisionedMinimum": 1, "compute:provisionedMaximum": 3,
    }  # fmt: skip
    assert "Pulumi.dev.yaml is written" in done.err
