"""Recommendations, each worked out by hand, and what holds for all of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from estate_tool.sizing.evidence import Usage
from estate_tool.sizing.recommendation import foreign_bounds, needed_mb, recommend, vcpus
from tests.support.log_lines import gathered, json_record, text_line

if TYPE_CHECKING:
    from collections.abc import Callable

# 10,000 invocations that use 512 MB on average: 2,000 each with 412, 462, 512, 562 and 612 MB. The 9,900th of them in
# order, p99, used 612, as did the largest: 612 + 20 % = 734.4, 612 + 10 % = 673.2; the larger on a step of 64 is 768.
USED = [412, 462, 512, 562, 612] * 2000
GARBAGE = ["REPORT RequestId: x\tMax Memory Used: 9 MB", '{"type": "platform.report", "record": {}}', "hello", ""] * 50


def mixed(used: int) -> str:
    return text_line(used) if used % 100 == 12 else json_record(used)


@pytest.mark.parametrize(
    "lines",
    [
        [text_line(used) for used in USED],
        [json_record(used) for used in USED],
        [mixed(used) for used in USED],
        [*GARBAGE, *(mixed(used) for used in USED), *GARBAGE],
        [*(mixed(used) for used in USED), *[text_line(0), json_record(0)] * 500],
    ],
    ids=["text", "JSON", "mixed", "with garbage", "with zeros"],
)
def test_512_mb_on_average_at_3008_goes_to_1024_on_the_way_to_768(lines: list[str]) -> None:
    evidence = gathered(*lines)
    assert (evidence.memory.count, evidence.memory.average) == (10_000, 512.0)
    assert (evidence.memory.percentile(95), evidence.memory.percentile(99)) == (612, 612)
    said = recommend(3008, evidence.usage)
    assert (said.memory_mb, said.target_mb) == (1024, 768)
    assert said.reason.startswith("3,008 → 1,024 → 768; ")


def killed(size: int, times: int, line: Callable[..., str] = text_line) -> list[str]:
    return [line(size, size=size, status="error", error="Runtime.OutOfMemory")] * times


@pytest.mark.parametrize(
    ("current", "lines", "memory_mb", "target_mb", "reason"),
    [
        # After the first step the same use leads to 768, and stays there.
        (1024, [text_line(used, size=1024) for used in USED], 768, 768, ""),
        (768, [text_line(used, size=768) for used in USED], 768, 768, ""),
        (3008, [text_line(120)] * 100, 1024, 512, "512 MB is the least allowed"),
        (1024, [text_line(120, size=1024)] * 100, 512, 512, "512 MB is the least allowed"),
        (128, [text_line(60, size=128)] * 100, 512, 512, ""),
        # p99 is 400 of 1,000: 480; one invocation used 700: 770, on a step 832.
        (1024, [*[text_line(400, size=1024)] * 999, text_line(700, size=1024)], 832, 832, ""),
        (3008, [text_line(1024)] * 100, None, None, "would be killed with 1,024 MB"),
        (3008, [text_line(1000)] * 100, 1024, 1024, "1,024 MB is the most allowed"),
        # Killed with all it may have; with less than it has now; at the most allowed.
        (3008, [*map(text_line, USED), *killed(3008, 3)], None, None, "3 out of memory with up to 3,008 MB"),
        (
            3008,
            [*map(json_record, USED), *killed(3008, 3, json_record)],
            None,
            None,
            "3 out of memory with up to 3,008",
        ),
        (1024, [*[text_line(200, size=1024)] * 100, *killed(512, 1)], 1024, 1024, "not less than now"),
        (1024, [text_line(1024, size=1024, status="error")] * 60, 1024, 1024, "let it hold less"),
        # 512 + 256 = 768; p99 512 + 20 % = 614.4, on a step 640, is less.
        (512, [*[text_line(400, size=512)] * 90, *killed(512, 10)], 768, 768, "10 out of memory with up to 512 MB"),
        (3008, [*[text_line(512)] * 12, *[text_line(0)] * 100], None, None, "12 samples, fewer than 50"),
        (512, [text_line(512, size=512)] * 12, None, None, "12 samples, fewer than 50; 12 out of memory"),
    ],
)
def test_use_leads_to_memory_for_a_reason(
    current: int, lines: list[str], memory_mb: int | None, target_mb: int | None, reason: str
) -> None:
    said = recommend(current, gathered(*lines).usage)
    assert (said.memory_mb, said.target_mb) == (memory_mb, target_mb)
    assert reason in said.reason


def test_where_the_first_step_is_the_target_there_are_no_steps_to_show() -> None:
    assert recommend(3008, gathered(*[text_line(1000)] * 100).usage).reason.startswith("p99 1,000 MB")


def test_the_least_number_of_samples_is_for_the_user_to_choose() -> None:
    assert recommend(3008, gathered(*[text_line(512)] * 12).usage, 12).memory_mb == 1024


@pytest.mark.parametrize("now", [0, 1, 49])
def test_no_further_step_is_taken_before_there_are_reports_with_the_memory_of_now(now: int) -> None:
    lines = [*[text_line(300)] * 400, *[text_line(300, size=1024)] * now]
    said = recommend(1024, gathered(*lines).usage)
    assert (said.memory_mb, said.target_mb) == (None, 512)
    assert f"{now} report{'s' * (now != 1)} with 1,024 MB, fewer than 50" in said.reason
    assert recommend(1024, gathered(*lines, *[text_line(300, size=1024)] * 50).usage).memory_mb == 512
    # Upwards there is nothing to wait for.
    assert recommend(512, gathered(*[text_line(800)] * 400).usage).memory_mb == 960
    killed = [text_line(512, size=512, status="error", error="Runtime.OutOfMemory")] * 5
    assert recommend(768, gathered(*[text_line(300)] * 400, *killed).usage).memory_mb == 768


@pytest.mark.parametrize(
    ("current", "used", "expected"),
    [(192, 115, (192, 192)), (128, 60, (128, 128)), (200, 60, (192, 192)), (512, 60, (512, 512)),
     (3008, 60, (1024, 512)), (3008, 2000, (2432, 2432)),
     (1024, 1000, (1216, 1216)), (10_240, 9000, (10_240, 10_240)), (256, 230, (320, 320))],
)  # fmt: skip
def test_functions_of_others_have_bounds_of_their_own(current: int, used: int, expected: tuple[int, int]) -> None:
    said = recommend(current, gathered(*[text_line(used, size=current)] * 60).usage, bounds=foreign_bounds(current))
    assert (said.memory_mb, said.target_mb) == expected
    narrow = recommend(
        current, gathered(*[text_line(used, size=current)] * 60).usage, bounds=foreign_bounds(current, 256, 2048)
    )
    assert narrow.memory_mb is None or 256 <= narrow.memory_mb <= 2048


def test_headroom_bounds_and_samples_are_those_of_the_documentation() -> None:
    # The smaller headroom to the megabyte: 480 * 1.2 = 576 and 524 * 1.1 = 576.4, one step more.
    assert needed_mb(Usage(samples=50, p99_mb=480, max_mb=480)) == 576
    assert needed_mb(Usage(samples=50, p99_mb=300, max_mb=523)) == 576
    assert needed_mb(Usage(samples=50, p99_mb=300, max_mb=524)) == 640
    assert needed_mb(Usage(samples=50, p99_mb=481, max_mb=481)) == 640


@pytest.mark.parametrize(
    ("p99", "reason"),
    [
        (300, "p99 300 MB + 20 %, maximum 300 MB + 10 %: 384 MB, and 512 MB is the least allowed"),
        (400, "p99 400 MB + 20 %, maximum 400 MB + 10 %: 512 MB"),
        (853, "p99 853 MB + 20 %, maximum 853 MB + 10 %: 1,024 MB"),
        (854, "p99 854 MB + 20 %, maximum 854 MB + 10 %: 1,088 MB, and 1,024 MB is the most allowed"),
    ],
)
def test_the_reason_shows_the_arithmetic(p99: int, reason: str) -> None:
    assert recommend(512, Usage(samples=50, p99_mb=p99, max_mb=p99)).reason == reason


def test_one_vcpu_goes_with_1769_mb_and_the_share_is_in_proportion() -> None:
    assert (vcpus(1769), vcpus(3538)) == (1.0, 2.0)


# Any use at all, most of it small enough for there to be something to recommend.
USAGES = st.builds(
    lambda samples, p99, more, ooms, oom_mb: Usage(
        samples=samples, p99_mb=p99, max_mb=p99 + more, ooms=ooms, largest_oom_mb=oom_mb if ooms else 0
    ),
    st.integers(1, 200), st.integers(1, 1100) | st.integers(1, 9000), st.integers(0, 1000), st.integers(0, 2),
    st.integers(128, 10_240),
)  # fmt: skip
ORDINARY = st.builds(
    lambda p99, more: Usage(samples=50, p99_mb=p99, max_mb=min(p99 + more, 1023)),
    st.integers(1, 1000), st.integers(0, 1000),
)  # fmt: skip
SIZES = st.integers(128, 10_240)


@given(SIZES, USAGES)
def test_recommendations_are_within_512_and_1024_on_steps_of_64(current: int, usage: Usage) -> None:
    memory = recommend(current, usage).memory_mb
    assert memory is None or (512 <= memory <= 1024 and memory % 64 == 0)


@given(SIZES, USAGES)
def test_there_is_none_from_few_samples_and_never_less_after_an_oom(current: int, usage: Usage) -> None:
    said = recommend(current, usage)
    assert said.reason
    if usage.samples < 50:
        assert said.memory_mb is None
    if usage.ooms and said.memory_mb is not None:
        assert said.memory_mb >= current


@given(SIZES, USAGES)
def test_it_holds_what_was_used_with_headroom_unless_1024_is_in_the_way(current: int, usage: Usage) -> None:
    memory = recommend(current, usage).memory_mb
    held = memory is not None and memory >= usage.p99_mb * 1.2 and memory >= usage.max_mb * 1.1
    assert held or memory in (None, 1024)


@given(SIZES, USAGES, st.integers(0, 3000), st.integers(0, 3000))
def test_more_use_never_leads_to_less_memory(current: int, usage: Usage, p99: int, maximum: int) -> None:
    larger = Usage(
        samples=usage.samples, p99_mb=usage.p99_mb + p99, max_mb=usage.max_mb + p99 + maximum, ooms=usage.ooms,
        largest_oom_mb=usage.largest_oom_mb,
    )  # fmt: skip
    assert needed_mb(usage) <= needed_mb(larger)
    before, after = recommend(current, usage).memory_mb, recommend(current, larger).memory_mb
    if before is None:
        assert after is None
    elif after is not None:
        assert before <= after


@given(SIZES, ORDINARY)
def test_the_steps_lead_to_the_target_and_end_there(current: int, usage: Usage) -> None:
    said = recommend(current, usage)
    assert said.memory_mb is not None
    assert said.memory_mb == (1024 if current > 1024 else said.target_mb)
    reached = recommend(said.memory_mb, usage)
    assert reached.memory_mb == reached.target_mb == said.target_mb
    assert said.target_mb is not None
    assert recommend(said.target_mb, usage).memory_mb == said.target_mb
