"""Recommendations, each worked out by hand, and properties of all of them."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from estate_tool.sizing.evidence import Evidence
from estate_tool.sizing.recommendation import foreign_bounds, needed_mb, recommend, vcpus
from tests.support.log_lines import gathered, json_record, text_line

# 10,000 invocations that use 512 MB on average: 2,000 each with 412, 462, 512, 562 and 612 MB. The 9,900th of them in
# order, p99, used 612, as did the largest: 612 + 20 % = 734.4, 612 + 10 % = 673.2; the larger on a step of 64 is 768.
USED = [412, 462, 512, 562, 612] * 2000
MIXED = [text_line(used) if used % 100 == 12 else json_record(used) for used in USED]
GARBAGE = ["REPORT RequestId: x\tMax Memory Used: 9 MB", '{"type": "platform.report", "record": {}}', "hello", ""] * 50


@pytest.mark.parametrize(
    "lines",
    [
        [text_line(used) for used in USED],
        [json_record(used) for used in USED],
        [*GARBAGE, *MIXED, *GARBAGE],
        [*MIXED, *[text_line(0), json_record(0)] * 500],
    ],
    ids=["text", "JSON", "mixed with garbage", "mixed with zeros"],
)
def test_512_mb_on_average_at_3008_goes_to_1024_on_the_way_to_768(lines: list[str]) -> None:
    evidence = gathered(*lines)
    assert (evidence.samples, evidence.average_mb, evidence.p95_mb, evidence.p99_mb) == (10_000, 512.0, 612, 612)
    advice = recommend(3008, evidence)
    assert (advice.memory_mb, advice.target_mb) == (1024, 768)
    assert advice.reason.startswith("3,008 → 1,024 → 768; ")


def used(p99: int, maximum: int = 0, samples: int = 50, **more: Any) -> Evidence:
    return Evidence(source="", samples=samples, p99_mb=p99, max_mb=max(p99, maximum), **more)


def killed(times: int | None, size: int, p99: int, **more: Any) -> Evidence:
    return used(p99, ooms=times, largest_oom_mb=size, **more)


@pytest.mark.parametrize(
    ("current", "evidence", "memory_mb", "target_mb", "reason"),
    [
        # After the first step the same use leads to 768, and stays there.
        (1024, used(612), 768, 768, "p99 612 MB + 20 %, maximum 612 MB + 10 %: 768 MB"),
        (768, used(612), 768, 768, ""),
        (3008, used(120), 1024, 512, "512 MB is the least allowed"),
        (128, used(60), 512, 512, "512 MB is the least allowed"),
        # p99 is 400: 480; one invocation used 700: 770, on a step 832.
        (1024, used(400, 700), 832, 832, ""),
        (3008, used(1024), None, None, "would be killed with 1,024 MB, the most allowed"),
        (3008, used(1000), 1024, 1024, "1,024 MB is the most allowed"),
        # Killed with all it may have; with less than it has now; at the most allowed.
        (3008, killed(3, 3008, 612), None, None, "1,024 MB, the most allowed, is less than it has"),
        (1024, killed(1, 512, 200), 1024, 1024, "256 MB, and 512 MB is the least allowed"),
        (1000, killed(1, 512, 200), 1024, 1024, ""),
        (1024, killed(60, 1024, 1024), 1024, 1024, "1,024 MB is the most allowed: let it hold less at a time"),
        # 512 + 256 = 768; p99 512 + 20 % = 614.4, on a step 640, is less.
        (512, killed(10, 512, 512), 768, 768, "10 out of memory with up to 512 MB"),
        # A metric counts no kills: all memory was used.
        (512, killed(None, 512, 101), 768, 768, "1 out of memory with up to 512 MB"),
        (3008, used(512, samples=12), None, None, "12 samples, fewer than 50"),
        (512, killed(12, 512, 512, samples=1), None, None, "1 sample, fewer than 50; 12 out of memory"),
    ],
)
def test_use_leads_to_memory_for_a_reason(
    current: int, evidence: Evidence, memory_mb: int | None, target_mb: int | None, reason: str
) -> None:
    advice = recommend(current, evidence)
    assert (advice.memory_mb, advice.target_mb) == (memory_mb, target_mb)
    assert advice.reason.endswith(reason)


@pytest.mark.parametrize(
    ("current", "p99", "reason"),
    [
        (512, 300, "p99 300 MB + 20 %, maximum 300 MB + 10 %: 384 MB, and 512 MB is the least allowed"),
        (512, 400, "p99 400 MB + 20 %, maximum 400 MB + 10 %: 512 MB"),
        (3008, 853, "p99 853 MB + 20 %, maximum 853 MB + 10 %: 1,024 MB"),
        (512, 854, "p99 854 MB + 20 %, maximum 854 MB + 10 %: 1,088 MB, and 1,024 MB is the most allowed"),
    ],
)
def test_the_reason_shows_the_arithmetic_and_a_bound_that_is_in_the_way(current: int, p99: int, reason: str) -> None:
    assert recommend(current, used(p99)).reason == reason


def test_the_least_number_of_samples_is_for_the_user_to_choose() -> None:
    assert recommend(3008, used(512, samples=12), 12).memory_mb == 1024


@pytest.mark.parametrize("now", [0, 1, 49])
def test_no_further_step_down_is_taken_before_there_are_reports_with_the_present_memory(now: int) -> None:
    advice = recommend(1024, used(300, samples=400, samples_by_mb={3008: 400 - now, 1024: now}))
    assert (advice.memory_mb, advice.target_mb) == (None, 512)
    assert f"{now} report{'s' * (now != 1)} with 1,024 MB, fewer than 50" in advice.reason


@pytest.mark.parametrize(
    ("current", "evidence", "memory_mb"),
    [
        (1024, used(300, samples=450, samples_by_mb={3008: 400, 1024: 50}), 512),
        # Upwards there is nothing to wait for, nor where it stays.
        (512, used(800, samples=400, samples_by_mb={3008: 400}), 960),
        (768, killed(5, 512, 512, samples_by_mb={3008: 400, 512: 5}), 768),
    ],
    ids=["enough reports", "more memory", "the same memory"],
)
def test_a_step_that_needs_no_further_reports_is_taken(current: int, evidence: Evidence, memory_mb: int) -> None:
    assert recommend(current, evidence).memory_mb == memory_mb


@pytest.mark.parametrize(
    ("current", "p99", "expected"),
    [(192, 115, (192, 192)), (128, 60, (128, 128)), (200, 60, (192, 192)), (512, 60, (512, 512)),
     (3008, 60, (1024, 512)), (3008, 2000, (2432, 2432)),
     (1024, 1000, (1216, 1216)), (10_240, 9000, (10_240, 10_240)), (256, 230, (320, 320))],
)  # fmt: skip
def test_functions_of_others_have_bounds_of_their_own(current: int, p99: int, expected: tuple[int, int]) -> None:
    advice = recommend(current, used(p99), bounds=foreign_bounds(current))
    assert (advice.memory_mb, advice.target_mb) == expected
    narrow = recommend(current, used(p99), bounds=foreign_bounds(current, 256, 2048))
    assert narrow.memory_mb is None or 256 <= narrow.memory_mb <= 2048


@pytest.mark.parametrize(("p99", "maximum", "needed"), [(480, 0, 576), (481, 0, 640), (300, 523, 576), (300, 524, 640)])
def test_headroom_is_that_of_the_documentation_to_the_megabyte(p99: int, maximum: int, needed: int) -> None:
    # 480 * 1.2 = 576 and 524 * 1.1 = 576.4, one step more.
    assert needed_mb(used(p99, maximum)) == needed


def test_one_vcpu_goes_with_1769_mb_and_the_share_is_in_proportion() -> None:
    assert (vcpus(1769), vcpus(3538)) == (1.0, 2.0)


# Any use at all, most of it small enough for there to be something to recommend.
USES = st.builds(
    lambda samples, p99, more, ooms, oom_mb: used(
        p99, p99 + more, samples, ooms=ooms, largest_oom_mb=oom_mb if ooms else 0
    ),
    st.integers(1, 200), st.integers(1, 1100) | st.integers(1, 9000), st.integers(0, 1000), st.integers(0, 2),
    st.integers(128, 10_240),
)  # fmt: skip
ORDINARY = st.builds(lambda p99, more: used(p99, min(p99 + more, 1023)), st.integers(1, 1000), st.integers(0, 1000))
SIZES = st.integers(128, 10_240)


@given(SIZES, USES)
def test_a_recommendation_is_a_step_of_64_within_the_bounds_that_holds_the_use(current: int, use: Evidence) -> None:
    memory = recommend(current, use).memory_mb
    if memory is None:
        return
    assert 512 <= memory <= 1024
    assert memory % 64 == 0
    assert use.samples >= 50
    assert memory == 1024 or (memory >= use.p99_mb * 1.2 and memory >= use.max_mb * 1.1)
    if use.kills:
        assert memory >= current


@given(SIZES, USES, st.integers(0, 3000), st.integers(0, 3000))
def test_more_use_never_leads_to_less_memory(current: int, use: Evidence, p99: int, maximum: int) -> None:
    larger = used(
        use.p99_mb + p99, use.max_mb + p99 + maximum, use.samples, ooms=use.ooms, largest_oom_mb=use.largest_oom_mb
    )
    assert needed_mb(use) <= needed_mb(larger)
    before, after = recommend(current, use).memory_mb, recommend(current, larger).memory_mb
    assert after is None or (before is not None and before <= after)


@given(SIZES, ORDINARY)
def test_the_steps_lead_to_the_target_and_end_there(current: int, use: Evidence) -> None:
    advice = recommend(current, use)
    assert advice.memory_mb is not None
    assert advice.memory_mb == (1024 if current > 1024 else advice.target_mb)
    reached = recommend(advice.memory_mb, use)
    assert reached.memory_mb == reached.target_mb == advice.target_mb
    assert advice.target_mb is not None
    assert recommend(advice.target_mb, use).memory_mb == advice.target_mb
