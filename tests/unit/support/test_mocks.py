import pulumi
import pulumi_aws as aws
import pytest
from pulumi.runtime.settings import SETTINGS

from tests.support.mocks import Recording, UnexpectedCall, record, run_layer


def _refuse(value: str) -> None:
    raise AssertionError(value)


def test_a_failure_inside_an_apply_fails_the_run() -> None:
    with pytest.raises(AssertionError, match="queue-x"):
        record(lambda: aws.sqs.Queue("x", name="queue-x").name.apply(_refuse))


def test_a_call_without_an_answer_fails_the_run() -> None:
    with pytest.raises(Exception, match="getAvailabilityZones"):
        record(lambda: pulumi.export("zones", aws.get_availability_zones().names))


def test_nothing_is_shared_between_runs_or_with_the_caller() -> None:
    seen: list[object] = []

    def remember() -> None:
        seen.extend(getattr(SETTINGS, key) for key in ("outputs", "lock", "rpc_manager"))

    record(remember)
    record(remember)
    remember()
    assert len({id(item) for item in seen}) == 9


def test_options_dependencies_and_parents_are_recorded() -> None:
    def program() -> None:
        first = aws.sqs.Queue("first", name="a", opts=pulumi.ResourceOptions(retain_on_delete=True))
        options = pulumi.ResourceOptions(
            parent=first, protect=True, depends_on=[first], ignore_changes=["max_message_size"]
        )
        aws.sqs.Queue("second", name="b", opts=options)

    recording = record(program)
    first, second = recording.named("first"), recording.named("second")
    assert (first.retain_on_delete, second.retain_on_delete) == (True, False)
    assert (first.protect, second.protect) == (False, True)
    assert second.parent == first.urn
    assert first.urn in second.dependencies
    assert second.ignore_changes == ("maxMessageSize",)


def test_a_resource_that_is_not_the_only_one_is_not_taken_for_it() -> None:
    recording = Recording()
    with pytest.raises(AssertionError, match="0 registrations of Queue"):
        recording.one("Queue")


def test_only_stacks_that_exist_can_be_read() -> None:
    with pytest.raises(UnexpectedCall, match="organization/estate-foundation/dev"):
        run_layer("data")
